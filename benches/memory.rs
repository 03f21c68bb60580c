//! How much memory the whole service takes: idle, and while many large messages come in at once.
//!
//! In the lab (tests/lab; needs root, and some 8 GB of disk): the built program, `segl run` in mode enforce, behind a
//! real Postfix. A process of its own sends one message over each of 100 connections, all at the same time, and wants
//! every one of them accepted, or refused for now; those accepted must be in Postfix's queue.
//!
//! Counted are the process and its children (Postfix's own tools that it runs now and then): the highest resident size
//! that the kernel noted (VmHWM: the program's own pages included, the page cache of its spool files not), and how
//! much of it was anonymous or shared memory, sampled.
//!
//! `CONNECTIONS` and `MEGABYTES` can be set in the environment, and with `UNDER` the words of a program to start Segl
//! under: `UNDER="env MALLOC_ARENA_MAX=2"`.

mod measure;
#[path = "../tests/support/mod.rs"]
mod support;

use measure::{Goal, Outcome, judge, load, print_machine, setting};
use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};
use support::lab::{Lab, Options, SEGL_TOML};

const MEGA: usize = 1_000_000;

/// The goals, in megabytes.
const IDLE_GOAL: f64 = 40.0;
const PEAK_GOAL: f64 = 400.0;

/// How often the processes are looked at.
const SAMPLE_EVERY: Duration = Duration::from_millis(20);

/// How long after the last reply the memory that is still held is looked at: idle threads end after ten seconds.
const REST: Duration = Duration::from_secs(15);

const PROGRAM: &str = "/run/lab/bin/bench";
const RECIPIENT: &str = "klinik@tls13.plain.test";
const SECRET: &str = "Patientens CPR-nr. er 610190-0005.\r\n";

/// How a client gives up waiting for a reply; Postfix itself waits 300 s for a milter.
const REPLY_MAX: Duration = Duration::from_secs(900);

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["send", file, connections] => send_all(&fs::read(file)?, connections.parse()?),
        _ => run(),
    }
}

/// Sends a message over each of so many connections; prints a line for each: the last reply, or what broke.
fn send_all(message: &[u8], connections: usize) -> Outcome {
    thread::scope(|scope| {
        let senders: Vec<_> = (0..connections).map(|_| scope.spawn(|| send(message))).collect();
        for sender in senders {
            match sender.join() {
                Ok(Ok(reply)) => println!("{reply}"),
                Ok(Err(error)) => println!("broken: {error}"),
                Err(_) => println!("broken: panic"),
            }
        }
    });
    Ok(())
}

fn send(message: &[u8]) -> io::Result<String> {
    let stream = TcpStream::connect("127.0.0.1:25")?;
    stream.set_read_timeout(Some(REPLY_MAX))?;
    let mut replies = BufReader::new(stream.try_clone()?);
    let mut stream = &stream;
    let mut reply = || -> io::Result<String> {
        loop {
            let mut line = String::new();
            if replies.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line.trim_end().to_owned());
            }
        }
    };
    let mut last = reply()?;
    let rcpt = format!("RCPT TO:<{RECIPIENT}>\r\n");
    for command in ["EHLO client.sender.test\r\n", "MAIL FROM:<anna@sender.test>\r\n", &rcpt, "DATA\r\n"] {
        if !last.starts_with('2') {
            return Ok(last);
        }
        stream.write_all(command.as_bytes())?;
        last = reply()?;
    }
    if !last.starts_with('3') {
        return Ok(last);
    }
    stream.write_all(message)?;
    stream.write_all(b".\r\n")?;
    last = reply()?;
    stream.write_all(b"QUIT\r\n")?;
    Ok(last)
}

fn header(content: &str) -> String {
    format!(
        "From: <anna@sender.test>\r\nTo: <{RECIPIENT}>\r\nDate: Thu, 1 Jan 2026 12:00:00 +0000\r\nSubject: Stort\r\n\
         MIME-Version: 1.0\r\n{content}\r\n"
    )
}

const LINE: &str = "Tak for mødet den 14. november kl. 10.30; faktura 10045871 på 12.480,00 kr.\r\n";

/// Text of some length, with the secret in its middle.
fn text(bytes: usize) -> String {
    let lines = bytes / LINE.len() / 2;
    [&LINE.repeat(lines), SECRET, &LINE.repeat(lines)].concat()
}

/// An attachment of so many bytes, in base64.
fn attachment(bytes: usize) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut encoded = String::with_capacity(bytes / 57 * 78 + 100);
    for _ in 0..bytes.div_ceil(57) {
        for _ in 0..76 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            encoded.push(char::from(alphabet[(random >> 58) as usize]));
        }
        encoded.push_str("\r\n");
    }
    encoded
}

fn messages(bytes: usize) -> Vec<(&'static str, String)> {
    let part = "--b\r\nContent-Type: ";
    let plain = "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
    let mixed = header("Content-Type: multipart/mixed; boundary=b\r\n");
    let pdf = "application/pdf; name=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    let typed = |kind: &str, encoding: &str| {
        header(&format!("Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n"))
    };
    let paragraphs = text(bytes).replace(LINE, &format!("<p>{}</p>\r\n", LINE.trim_end()));
    vec![
        ("attachment in base64", format!("{mixed}{part}{plain}{SECRET}{part}{pdf}{}--b--\r\n", attachment(bytes))),
        ("text/plain", format!("{}{}", typed("plain", "8bit"), text(bytes))),
        ("text/plain in quoted-printable", format!("{}{}", typed("plain", "quoted-printable"), quoted(&text(bytes)))),
        ("text/html", format!("{}{paragraphs}", typed("html", "8bit"))),
    ]
}

fn quoted(text: &str) -> String {
    text.replace('ø', "=C3=B8").replace('å', "=C3=A5")
}

/// What a process holds, in bytes.
#[derive(Clone, Copy, Default)]
struct Held {
    highest: usize,
    resident: usize,
    anonymous: usize,
    proportional: usize,
}

fn field(text: &str, name: &str) -> usize {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or_default() * 1024
}

impl Held {
    fn of(process: i32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        Self {
            highest: field(&status, "VmHWM"),
            resident: field(&status, "VmRSS"),
            anonymous: field(&status, "RssAnon") + field(&status, "RssShmem"),
            proportional: 0,
        }
    }

    fn with_proportional(process: i32) -> Self {
        let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
        Self { proportional: field(&rollup, "Pss"), ..Self::of(process) }
    }
}

fn children(process: i32) -> Vec<i32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    children
        .flat_map(|line| line.split_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Whether a child runs a program of its own by now: until then it shares its parent's memory.
fn is_itself(parent: i32, child: i32) -> bool {
    let program = |process| fs::read_link(format!("/proc/{process}/exe")).ok();
    program(parent) != program(child)
}

/// The most that was held at any moment: anonymous memory of the process, resident memory of its children.
fn watch(process: i32, ended: &AtomicBool) -> (usize, usize) {
    let (mut anonymous, mut of_children) = (0, 0);
    while !ended.load(Ordering::Relaxed) {
        anonymous = anonymous.max(Held::of(process).anonymous);
        let own = children(process).into_iter().filter(|child| is_itself(process, *child));
        of_children = of_children.max(own.map(|child| Held::of(child).resident).sum());
        sleep(SAMPLE_EVERY);
    }
    (anonymous, of_children)
}

fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / MEGA as f64
}

fn run() -> Outcome {
    let connections = setting("CONNECTIONS", 100) as usize;
    let bytes = setting("MEGABYTES", 25) as usize * MEGA;
    print_machine();
    println!("{connections} connections at once, each with {} MB", bytes / MEGA);
    let limit = format!("message_size_limit={}", bytes * 2);
    let main_cf = [
        "smtpd_recipient_restrictions=check_client_access static:HOLD",
        "smtpd_client_connection_count_limit=0",
        "default_process_limit=300",
        "in_flow_delay=0",
        "mailbox_size_limit=0",
        &limit,
    ];
    let lab = Lab::up(&Options { segl: true, main_cf: &main_cf, ..Options::default() });
    let program = env::current_exe()?;
    let program = program.to_str().ok_or("the program's path is not UTF-8")?;
    lab.text_of(&["sh", "-c", "touch $1 && mount --bind $0 $1", program, PROGRAM]);
    let under = env::var("UNDER").unwrap_or_default();
    let mut segl = lab.start_segl_under(&under.split_whitespace().collect::<Vec<_>>(), SEGL_TOML);
    // What it does at first and every few seconds has been done once.
    sleep(REST);
    let idle = Held::with_proportional(segl.pid());

    println!(
        "\n{:<32} {:>10} {:>10} {:>10} {:>10} {:>10} {:>8}",
        "MB", "RSS peak", "anonymous", "children", "15 s later", "accepted", "seconds"
    );
    println!(
        "{:<32} {:>10.1} {:>10.1} {:>10} {:>10.1}   (PSS {:.1})",
        "idle",
        megabytes(idle.highest),
        megabytes(idle.anonymous),
        "",
        megabytes(idle.resident),
        megabytes(idle.proportional)
    );
    let mut peak = 0;
    for (name, message) in messages(bytes) {
        // Each kind by itself: what one leaves behind is shown, and is not part of the next one's peak.
        segl.restart();
        fs::write(lab.file("/var/lib/large.eml"), &message)?;
        drop(message);
        let process = segl.pid();
        let ended = Arc::new(AtomicBool::new(false));
        let watcher = {
            let ended = Arc::clone(&ended);
            thread::spawn(move || watch(process, &ended))
        };
        let started = Instant::now();
        let replies = lab.text_of(&[PROGRAM, "send", "/var/lib/large.eml", &connections.to_string()]);
        let elapsed = started.elapsed().as_secs_f64();
        ended.store(true, Ordering::Relaxed);
        let (anonymous, of_children) = watcher.join().map_err(|_| "the watcher panicked")?;
        sleep(REST);
        let held = Held::of(process);
        let (accepted, all) = account(&lab, &replies, connections)?;
        println!(
            "{name:<32} {:>10.1} {:>10.1} {:>10.1} {:>10.1} {:>10} {elapsed:>8.1}",
            megabytes(held.highest),
            megabytes(anonymous),
            megabytes(of_children),
            megabytes(held.resident),
            format!("{accepted}/{all}"),
        );
        peak = peak.max(held.highest + of_children);
        lab.text_of(&["postsuper", "-d", "ALL", "hold"]);
    }
    println!("{}\n", load());
    judge("MB idle", megabytes(idle.highest), &Goal::AtMost(IDLE_GOAL));
    judge("MB at the highest", megabytes(peak), &Goal::AtMost(PEAK_GOAL));
    Ok(())
}

/// Every message was accepted and is in the queue, or was refused for now: how many were accepted, of how many.
fn account(lab: &Lab, replies: &str, connections: usize) -> Outcome<(usize, usize)> {
    let (mut accepted, mut all) = (0, 0);
    for reply in replies.lines() {
        all += 1;
        match reply.split_once("queued as ") {
            Some((_, queue_id)) if lab.file(&format!("/var/spool/postfix/hold/{}", queue_id.trim())).exists() => {
                accepted += 1;
            }
            Some(_) => return Err(format!("accepted, and not in the queue: {reply}").into()),
            None if reply.starts_with('4') => println!("refused for now: {reply}"),
            None => return Err(format!("neither accepted nor refused for now: {reply}").into()),
        }
    }
    let held = lab.text_of(&["find", "/var/spool/postfix/hold", "-type", "f"]).lines().count();
    if all != connections || held != accepted {
        return Err(format!("{connections} sent, {all} replies, {accepted} accepted, {held} in the queue").into());
    }
    Ok((accepted, all))
}
