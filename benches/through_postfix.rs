//! How much mail a real Postfix takes with Segl, against milters of the same library that do nothing.
//!
//! In the lab (tests/lab; needs root): Postfix as Debian has it, with one more smtpd(8) for each milter compared, each on
//! a port of its own, all up all the time and used in turns:
//! - *nothing*: indymilter with callbacks for connect, mail, rcpt, data, header, eoh, body, eom and abort that all
//!   answer `Continue`, negotiating nothing: Postfix sends it everything that it sends Segl;
//! - *skips all*: indymilter without any callback, so that Postfix is told to send it nothing but the ends of messages;
//! - *no milter*;
//! - *segl*: the built program, `segl run` in mode enforce, with pins in SQLite on disk, over UNIX-domain sockets;
//! - *segl, inet*: a second one, its milter over TCP on the loopback;
//! - *segl, tagged*: the first one again, with messages that hold a CPR number: found, the destination known from the
//!   cache of probes, a pin written and synced to disk for each message, a header added.
//!
//! The mail is text as people write it, 4 kB of it, and comes from Postfix's own smtp-source(1). Nothing is delivered
//! while the clock runs: every message goes to the hold queue, which is emptied between turns.
//!
//! `ROUNDS`, `MESSAGES` (of each turn) and `SESSIONS` can be set in the environment, and `RECONNECT=1` for a connection
//! of its own for each message.

mod measure;
#[path = "../tests/support/mod.rs"]
mod support;

use indymilter::{Callbacks, Status};
use measure::{Goal, Outcome, judge, load, median, print_machine, processor_time, setting, spread};
use segl::{
    config::SocketAddress,
    daemon::{
        run::block_on,
        socket::{Activation, Listener},
    },
    postfix::milter,
};
use std::{
    env, fs,
    future::pending,
    path::Path,
    process::{Child, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use support::lab::{Lab, Options, PATIENCE, SEGL_TOML, wait_until};

/// Bytes of text in a message.
const BODY: usize = 4096;

/// Its TLS is known from the warm-up on.
const RECIPIENT: &str = "klinik@tls13.plain.test";

const SEGL_INET: &str = "127.0.0.1:8891";

/// Where the program of this benchmark is in the lab.
const PROGRAM: &str = "/run/lab/bin/bench";

// As the program has it, so that nothing but the work differs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["milter", which, path] => block_on(serve(which == "nothing", path.into()))?,
        _ => compare(),
    }
}

async fn serve(everything: bool, path: std::path::PathBuf) -> Outcome {
    let mut activation = Activation::from_env(&[])?;
    let listener = Listener::open("milter", &SocketAddress::Unix(path), &mut activation, milter::CONNECTIONS_MAX)?;
    let config = indymilter::Config { max_connections: milter::CONNECTIONS_MAX, ..Default::default() };
    let callbacks = match everything {
        true => Callbacks::<()>::new()
            .on_connect(|_, _, _| Box::pin(async { Status::Continue }))
            .on_mail(|_, _| Box::pin(async { Status::Continue }))
            .on_rcpt(|_, _| Box::pin(async { Status::Continue }))
            .on_data(|_| Box::pin(async { Status::Continue }))
            .on_header(|_, _, _| Box::pin(async { Status::Continue }))
            .on_eoh(|_| Box::pin(async { Status::Continue }))
            .on_body(|_, _| Box::pin(async { Status::Continue }))
            .on_eom(|_| Box::pin(async { Status::Continue }))
            .on_abort(|_| Box::pin(async { Status::Continue })),
        false => Callbacks::new(),
    };
    Ok(indymilter::run(listener, callbacks, config, pending::<()>()).await?)
}

/// A message with text of some length, in Danish, with the numbers that offices write; `secret` stands in its middle.
fn message(secret: &str) -> String {
    let paragraph = "Kære Bo,\r\n\r\nTak for mødet den 14. november kl. 10.30 på Rådhuspladsen 1, 1550 København V. Vi aftalte at \
        forlænge rammeaftalen 2024-117 til 31-12-2026, og jeg vedhæfter ikke referatet igen. Ring gerne på 33 12 34 56 \
        eller +45 2012 3456, hvis noget er uklart. Faktura 10045871 på 12.480,00 kr. forfalder om 30 dage; bestillingen \
        har nummer 4500123456 og sporings-id 00370712345678901234.\r\nDagsordenen er den sædvanlige: budget, lokaler, \
        nye medarbejdere, eventuelt. Se også https://intranet.example.org/moede/2025/11?id=839201 for bilag.\r\n\r\n\
        Med venlig hilsen\r\nAnna\r\n\r\n";
    let mut text = String::new();
    while text.len() < BODY - secret.len() {
        text.push_str(paragraph);
    }
    let mut end = BODY - secret.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    let middle = text.len() / 2;
    let middle = text[..middle].rfind("\r\n").map_or(0, |at| at + 2);
    text.insert_str(middle, secret);
    format!(
        "From: Anna <anna@sender.test>\r\nTo: <{RECIPIENT}>\r\nDate: Thu, 1 Jan 2026 12:00:00 +0000\r\n\
         Message-ID: <1@client.sender.test>\r\nSubject: Referat og faktura\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
    )
}

/// One way through Postfix.
struct Way {
    name: &'static str,
    port: &'static str,
    milters: &'static str,
    message: &'static str,
    process: Option<i32>,
}

/// A process of the lab that is ended with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // nsenter(1) has forked: its child is what runs, and ends with the lab's first process at the latest.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Runs a program in the lab as Segl's user; returns when the socket (a path in the lab, or a TCP address) answers.
    fn start(lab: &Lab, words: &[&str], errors: &str, ready: impl Fn() -> bool) -> Outcome<(Self, i32)> {
        let user =
            ["setpriv", "--reuid=_segl", "--regid=_segl", "--groups=adm,postdrop", "--inh-caps=-all", "--no-new-privs"];
        let errors = fs::File::create(lab.file(errors))?;
        let mut command = lab.command("mta", user.iter().chain(words));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).spawn()?;
        let process = Self(child);
        if !wait_until(PATIENCE, &ready) {
            return Err(format!("{words:?} does not listen").into());
        }
        let parent = process.0.id();
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
        let pid = children.split_whitespace().next().ok_or("no process")?.parse()?;
        Ok((process, pid))
    }
}

fn do_nothing(lab: &Lab, which: &str) -> Outcome<(Process, i32)> {
    let path = format!("/var/spool/postfix/segl/{which}.sock");
    let socket = lab.file(&path);
    Process::start(lab, &[PROGRAM, "milter", which, &path], &format!("/var/log/{which}.err"), || socket.exists())
}

/// A second `segl run`, whose milter listens on TCP.
fn segl_inet(lab: &Lab) -> Outcome<(Process, i32)> {
    lab.text_of(&["install", "-d", "-o", "_segl", "-g", "_segl", "-m", "0750", "/var/lib/segl-inet"]);
    let sockets =
        format!("[sockets]\nmilter = \"inet:{SEGL_INET}\"\nsocketmap = \"unix:/var/spool/postfix/segl/inet.sock\"\n");
    let configuration =
        SEGL_TOML.replace("/var/lib/segl", "/var/lib/segl-inet").replace("[probe]", &format!("{sockets}\n[probe]"));
    fs::write(lab.file("/etc/segl/inet.toml"), configuration)?;
    let socket = lab.file("/var/spool/postfix/segl/inet.sock");
    let words = ["/run/lab/bin/segl", "run", "-c", "/etc/segl/inet.toml"];
    Process::start(lab, &words, "/var/log/segl-inet.err", || socket.exists())
}

/// What one turn gave.
struct Turn {
    rate: f64,
    /// The milter's processor time for each message, in microseconds.
    cost: f64,
}

fn turn(lab: &Lab, way: &Way, messages: u64, sessions: u64, keep: bool) -> Outcome<Turn> {
    let (messages_word, sessions, target) =
        (messages.to_string(), sessions.to_string(), format!("127.0.0.1:{}", way.port));
    let mut words =
        vec!["smtp-source", "-s", &sessions, "-m", &messages_word, "-f", "anna@sender.test", "-t", RECIPIENT];
    words.extend(["-F", way.message]);
    if keep {
        words.push("-d");
    }
    words.push(&target);
    let time = || way.process.map_or(Duration::ZERO, processor_time);
    let (before, started) = (time(), Instant::now());
    // Aborts on any reply that is not the expected one.
    lab.text_of(&words);
    let elapsed = started.elapsed().as_secs_f64();
    let cost = (time() - before).as_secs_f64() * 1e6 / messages as f64;
    let held = lab.text_of(&["find", "/var/spool/postfix/hold", "-type", "f"]).lines().count() as u64;
    if held != messages {
        return Err(format!("{}: {messages} messages were taken, {held} are in the hold queue", way.name).into());
    }
    Ok(Turn { rate: messages as f64 / elapsed, cost })
}

/// Empties the queue, and waits until the daemons have done what follows from that.
fn clean(lab: &Lab, ways: &[Way]) {
    lab.run(&["postsuper", "-d", "ALL", "hold"]);
    let busy = || ways.iter().filter_map(|way| way.process).map(processor_time).sum::<Duration>();
    // Pins are released within some seconds of their message's end.
    let quiet = Duration::from_millis(500);
    wait_until(PATIENCE, || {
        let before = busy();
        sleep(quiet);
        busy() - before <= quiet / 20
    });
}

fn compare() -> Outcome {
    let (rounds, messages, sessions) = (setting("ROUNDS", 7), setting("MESSAGES", 2000), setting("SESSIONS", 10));
    let keep = setting("RECONNECT", 0) == 0;
    print_machine();
    println!(
        "{messages} messages of {BODY} bytes of text in {sessions} sessions ({}), {rounds} rounds, the first not counted",
        if keep { "kept open" } else { "a connection for each message" }
    );
    // Nothing is delivered; cleanup(8) does not slow down although nothing leaves.
    let main_cf = ["smtpd_recipient_restrictions=check_client_access static:HOLD", "in_flow_delay=0"];
    let lab = Lab::up(&Options { segl: true, main_cf: &main_cf, ..Options::default() });
    let program = env::current_exe()?;
    let program = program.to_str().ok_or("the program's path is not UTF-8")?;
    lab.text_of(&["sh", "-c", "touch $1 && mount --bind $0 $1", program, PROGRAM]);
    for (name, secret) in [("untagged", ""), ("tagged", "Patientens CPR-nr. er 610190-0005.\r\n")] {
        // smtp-source writes the line ends.
        fs::write(lab.file(&format!("/var/lib/{name}.eml")), message(secret).replace("\r\n", "\n"))?;
    }

    let segl = lab.start_segl(SEGL_TOML);
    let (_inet, inet) = segl_inet(&lab)?;
    let (_nothing, nothing) = do_nothing(&lab, "nothing")?;
    let (_skips, skips) = do_nothing(&lab, "skips")?;
    let (untagged, tagged) = ("/var/lib/untagged.eml", "/var/lib/tagged.eml");
    let way = |name, port, milters, message, process| Way { name, port, milters, message, process };
    let own = "unix:segl/milter.sock";
    let ways = [
        way("nothing", "2501", "unix:segl/nothing.sock", untagged, Some(nothing)),
        way("skips all", "2502", "unix:segl/skips.sock", untagged, Some(skips)),
        way("no milter", "2503", "", untagged, None),
        way("segl", "2504", own, untagged, Some(segl.pid())),
        way("segl, inet", "2505", "inet:127.0.0.1:8891", untagged, Some(inet)),
        way("segl, tagged", "2504", own, tagged, Some(segl.pid())),
    ];
    debug_assert!(ways[4].milters.ends_with(SEGL_INET));
    for way in &ways {
        let service = format!("127.0.0.1:{}/inet", way.port);
        lab.text_of(&["postconf", "-M", &format!("{service}=127.0.0.1:{} inet n - y - - smtpd", way.port)]);
        lab.text_of(&["postconf", "-P", &format!("{service}/smtpd_milters={}", way.milters)]);
    }
    lab.reload();

    let mut results: [Vec<Turn>; 6] = Default::default();
    for round in 0..=rounds {
        for turn_of in 0..ways.len() {
            // Whoever goes first changes from round to round, and so does who follows whom.
            let which = match round % 2 {
                0 => (turn_of + round as usize) % ways.len(),
                _ => (ways.len() - 1 + round as usize - turn_of) % ways.len(),
            };
            let result = turn(&lab, &ways[which], messages, sessions, keep)?;
            clean(&lab, &ways);
            if round > 0 {
                results[which].push(result);
            }
        }
    }
    println!("{}", load());
    check_work(&lab, &segl.stderr(), messages * (rounds + 1))?;

    println!("\n{:<14} {:>10} {:>18} {:>14}", "", "messages/s", "(lowest-highest)", "milter CPU us");
    let rates: Vec<Vec<f64>> = results.iter().map(|turns| turns.iter().map(|turn| turn.rate).collect()).collect();
    for ((way, rates), turns) in ways.iter().zip(&rates).zip(&results) {
        let (low, high) = spread(rates);
        let cost = median(&turns.iter().map(|turn| turn.cost).collect::<Vec<f64>>());
        println!("{:<14} {:>10.0} {:>18} {cost:>14.0}", way.name, median(rates), format!("({low:.0}-{high:.0})"));
    }
    println!();
    let ratio = |one: usize, other: usize| median(&rates[one]) / median(&rates[other]);
    judge("untagged mail, segl / nothing", ratio(3, 0), &Goal::AtLeast(0.9));
    judge("tagged mail, segl / nothing", ratio(5, 0), &Goal::AtLeast(0.6));
    judge("untagged mail, segl over inet / segl over unix", ratio(4, 3), &Goal::AtLeast(0.9));
    println!("{:<64} {:>8.2}", "untagged mail, segl / skips all", ratio(3, 1));
    println!("{:<64} {:>8.2}", "untagged mail, segl / no milter", ratio(3, 2));
    Ok(())
}

/// That Segl did what was measured: tagged every message that it should, and no other.
fn check_work(lab: &Lab, log: &str, tagged: u64) -> Outcome {
    let accepted =
        log.lines().filter(|line| line.contains("action=accept") && line.contains("tls13.plain.test")).count();
    if accepted as u64 != tagged {
        let last: Vec<&str> = log.lines().rev().take(5).collect();
        return Err(format!("segl tagged {accepted} messages instead of {tagged}: {last:#?}").into());
    }
    let inet = fs::read_to_string(Path::new(&lab.file("/var/log/segl-inet.err")))?;
    if inet.contains("action=") {
        return Err("segl over inet tagged ordinary mail".into());
    }
    Ok(())
}
