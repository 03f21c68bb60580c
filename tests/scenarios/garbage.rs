//! Garbage on each of Segl's sockets: a log line, that connection closed, and everything else as before.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use super::{
    CONFIDENTIAL, scenario, up,
    wire::{MILTER, MilterClient, SOCKETMAP, Smtp, Socketmap, offer, packet, until_closed},
};
use crate::support::lab::{Lab, Options, PATIENCE, SEGL_TOML, Segl, wait_until};
use segl::daemon::limit::raise_open_files;
use std::{
    fs,
    io::Write,
    net::Shutdown,
    os::unix::net::UnixStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// Idle connections on each socket.
const IDLE: usize = 1000;
/// Connections with random bytes on each socket.
const RANDOM: u64 = 200;
/// What the daemon may hold at most, in KiB: an unoptimized build, two thousand connections and all its rules.
const MEMORY_MAX: u64 = 100 * 1024;

/// Whatever is sent stays in the queue, and is not tried again and again.
const QUIET: [&str; 3] = ["defer_transports=smtp", "queue_run_delay=1h", "minimal_backoff_time=1h"];

scenario!(garbage_harms_nobody_else);

/// Bytes without any order (xorshift64).
fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// The daemon's resident memory, in KiB.
fn memory(segl: &Segl<'_>) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", segl.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Sends bytes to a socket and says no more; closes where `hang_up`: what came back before the other side closed.
fn throw(lab: &Lab, socket: &str, bytes: &[u8], hang_up: bool) -> Vec<u8> {
    let mut stream = UnixStream::connect(lab.file(socket)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The other side may close before it has read all of it.
    let _ = stream.write_all(bytes);
    if hang_up {
        let _ = stream.shutdown(Shutdown::Write);
    }
    until_closed(&mut stream)
}

/// Ordinary and tagged mail, and a question to the socketmap, each on a new connection.
fn all_is_well(lab: &Lab, name: &str) {
    let tagged = format!("{name}.many.plain.test");
    let result = Smtp::connect(lab).send(&format!("bo@{tagged}"), "Journal", CONFIDENTIAL);
    assert_eq!(result.code, Some(250), "tagged, {name}: {result:?}");
    let result = Smtp::connect(lab).send(&format!("bo@ordinary-{tagged}"), "Lunch", "Soup today.");
    assert_eq!(result.code, Some(250), "ordinary, {name}: {result:?}");
    let mut socketmap = Socketmap::connect(lab);
    assert!(socketmap.ask(&tagged).starts_with("OK encrypt"), "{name}");
    assert_eq!(socketmap.ask(&format!("ordinary-{tagged}")), "NOTFOUND ");
}

fn garbage_harms_nobody_else(options: &Options<'_>) {
    raise_open_files().unwrap();
    let lab = up(&Options { main_cf: &QUIET, ..*options });
    let segl = lab.start_segl(SEGL_TOML);
    let pid = segl.pid();
    let mut patient = Socketmap::connect(&lab);
    all_is_well(&lab, "before");
    let at_first = memory(&segl);

    // Mail flows all the while.
    let done = AtomicBool::new(false);
    let most = thread::scope(|scope| {
        let flow = scope.spawn(|| {
            let mut rounds = 0;
            while !done.load(Ordering::Relaxed) {
                all_is_well(&lab, &format!("during{rounds}"));
                rounds += 1;
            }
            rounds
        });
        let most = thread::scope(|garbage| garbage.spawn(|| throw_everything(&lab, &segl)).join());
        done.store(true, Ordering::Relaxed);
        let rounds = flow.join().unwrap();
        println!("{rounds} rounds of mail meanwhile");
        most.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });

    all_is_well(&lab, "after");
    assert!(patient.ask("before.many.plain.test").starts_with("OK encrypt"), "idle from first to last");
    assert_eq!(segl.pid(), pid, "the same process all the time");
    println!(
        "memory: {at_first} KiB at first, {most} KiB with {IDLE} idle connections on each socket, {} KiB after",
        memory(&segl)
    );
    assert!(most < MEMORY_MAX, "{most} KiB");
}

/// Throws all kinds of garbage, and looks for what the log says of each: the most memory seen.
fn throw_everything(lab: &Lab, segl: &Segl<'_>) -> u64 {
    let said = |line: &str| segl.stderr().matches(line).count();
    let logs = |line: &str, before: usize| {
        assert!(wait_until(PATIENCE, || said(line) > before), "no log line: {line}\n{}", segl.stderr());
    };
    let cut = |bytes: Vec<u8>, by: usize| bytes[..bytes.len() - by].to_vec();

    for (socket, bytes, hang_up, line) in [
        (MILTER, b"EHLO client.sender.test\r\n".to_vec(), false, "milter: connection closed: no milter command"),
        (
            MILTER,
            b"\xff\xff\xff\xffO".to_vec(),
            false,
            "milter: connection closed: a milter command of 4294967295 bytes",
        ),
        (MILTER, b"\0\0\0\0O".to_vec(), false, "milter: connection closed: a milter command of 0 bytes"),
        (MILTER, packet(b'M', b"<a>\0"), false, "milter: connection closed: a milter command before the negotiation"),
        (MILTER, cut(offer(), 3), true, "milter: connection ended in the middle of a command"),
        (MILTER, [offer(), random(1, 3000)].concat(), false, "milter: connection closed: "),
        (MILTER, packet(b'O', b"short"), false, "milter: connection closed: what came with command O is wrong"),
        (
            MILTER,
            [offer(), packet(b'C', b"no end")].concat(),
            false,
            "milter: connection closed: what came with command C is wrong",
        ),
        (SOCKETMAP, b"GET / HTTP/1.1\r\n\r\n".to_vec(), false, "socketmap: connection closed: not a netstring"),
        (SOCKETMAP, b"4294967295:tls ".to_vec(), false, "socketmap: connection closed: netstring too long"),
        (
            SOCKETMAP,
            [b"20000:tls ", &[b'a'; 20_000][..], b","].concat(),
            false,
            "socketmap: connection closed: netstring too long",
        ),
        (
            SOCKETMAP,
            b"14:tls example.or".to_vec(),
            true,
            "socketmap: connection closed: the connection ended in the middle of a request",
        ),
        (
            SOCKETMAP,
            b"14:tls example.orgX".to_vec(),
            false,
            "socketmap: connection closed: netstring without its comma",
        ),
    ] {
        let before = said(line);
        throw(lab, socket, &bytes, hang_up);
        logs(line, before);
    }

    // A good question is answered before what comes behind it is turned away.
    let closed = "socketmap: connection closed: not a netstring";
    let before = said(closed);
    let heard = throw(lab, SOCKETMAP, b"26:tls before.many.plain.test,garbage", false);
    assert!(heard.starts_with(b"4"), "{}", heard.escape_ascii());
    logs(closed, before);

    // Half a message, and then nothing more of it.
    for cut in [0, 1000] {
        let ended = "milter: connection ended in the middle of a command";
        let before = said(ended);
        let mut half = MilterClient::negotiated(lab);
        half.begin("4bHALF1zzzz", "bo@half-message.many.plain.test");
        half.go_on(b'B', CONFIDENTIAL.as_bytes());
        let piece = packet(b'B', &[b'x'; 2000]);
        half.write(&piece[..cut]);
        drop(half);
        if cut > 0 {
            logs(ended, before);
        }
    }
    assert_eq!(Socketmap::connect(lab).ask("half-message.many.plain.test"), "NOTFOUND ");

    for seed in 0..RANDOM {
        for socket in [MILTER, SOCKETMAP] {
            throw(lab, socket, &random(seed, 1 + (seed as usize * 331) % 100_000), true);
        }
    }

    let mut idle = Vec::new();
    for socket in [MILTER, SOCKETMAP] {
        idle.extend((0..IDLE).map(|_| UnixStream::connect(lab.file(socket)).unwrap()));
    }
    // Those on the socketmap are as Postfix's own: they have asked once. All are served at a time.
    let mut asked: Vec<Socketmap> = idle.drain(IDLE..).map(Socketmap).collect();
    for socketmap in &mut asked {
        assert_eq!(socketmap.ask("nobody.many.plain.test"), "NOTFOUND ");
    }
    all_is_well(lab, "crowded");
    let most = memory(segl);
    for socketmap in &mut asked {
        assert_eq!(socketmap.ask("nobody.many.plain.test"), "NOTFOUND ");
    }
    most
}
