//! Segl killed at any moment, and what is on disk when Postfix is told that a message is taken.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use super::{
    CONFIDENTIAL,
    parts::{self, PANIC_LOOKUP, PANIC_PINNING, PANIC_READING, Weakness},
    scenario, up,
    wire::{Smtp, Socketmap},
};
use crate::support::lab::{Lab, Options, SEGL_TOML, Segl, SmtpResult};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use segl::store::{Pin, Scope, database::Database};
use std::{
    collections::hash_map::RandomState,
    fs,
    hash::BuildHasher,
    thread,
    time::{Duration, Instant},
};

/// How often Segl is killed.
const KILLS: usize = 200;
/// Messages under way at each kill, each at another point.
const IN_FLIGHT: usize = 3;

scenario!(killed_at_any_moment);

/// A message from its end to Postfix's reply.
struct Attempt {
    destination: String,
    ended: Instant,
    answered: Instant,
    result: SmtpResult,
}

/// A moment between nothing and this, at random.
fn within(most: Duration) -> Duration {
    let random = RandomState::new().hash_one(0);
    most.mul_f64((random >> 11) as f64 / (1_u64 << 53) as f64)
}

/// Sends messages, each to a destination of its own, whose ends come at random moments within `spread`; does `meanwhile`
/// at the moment when the first ends.
fn attempts<T: Send>(
    lab: &Lab,
    destinations: &[String],
    spread: Duration,
    meanwhile: impl FnOnce() -> T + Send,
) -> (Vec<Attempt>, T) {
    let mut sessions: Vec<_> = destinations
        .iter()
        .map(|destination| {
            let mut smtp = Smtp::connect(lab);
            smtp.begin(&format!("bo@{destination}"), "Journal", CONFIDENTIAL);
            (smtp, destination)
        })
        .collect();
    thread::scope(|scope| {
        let running: Vec<_> = sessions
            .iter_mut()
            .enumerate()
            .map(|(number, (smtp, destination))| {
                let wait = if number == 0 { Duration::ZERO } else { within(spread) };
                scope.spawn(move || {
                    thread::sleep(wait);
                    let ended = Instant::now();
                    smtp.dot();
                    let result = smtp.reply();
                    Attempt { destination: destination.to_string(), ended, answered: Instant::now(), result }
                })
            })
            .collect();
        let done = meanwhile();
        (
            running
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect(),
            done,
        )
    })
}

fn pins(lab: &Lab) -> Vec<Pin> {
    let database = Database::open_read_only(&lab.directory().join("var/lib/segl"));
    database.and_then(|database| database.pins()).unwrap_or_else(|error| panic!("{error}"))
}

fn killed_at_any_moment(options: &Options<'_>) {
    // Everything stays in the queue, and is not tried again and again.
    let main_cf = ["defer_transports=smtp", "queue_run_delay=1h", "minimal_backoff_time=1h", "maximal_backoff_time=1h"];
    let lab = up(&Options { main_cf: &main_cf, ..*options });
    let mut segl = lab.start_segl(SEGL_TOML);
    let names = |round: &str| (0..IN_FLIGHT).map(|n| format!("{round}-{n}.many.plain.test")).collect::<Vec<_>>();

    let mut times = Vec::new();
    for round in 0..5 {
        let (warm, ()) = attempts(&lab, &names(&format!("warm{round}")), Duration::ZERO, || ());
        for attempt in warm {
            assert_eq!(attempt.result.code, Some(250), "{:?}", attempt.result);
            times.push(attempt.answered - attempt.ended);
        }
    }
    times.sort_unstable();
    let mut window = times[times.len() / 2];

    let without_segl = lab.code_without_milter();
    let began = Instant::now();
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    let (mut inside, mut undecided) = (0, 0);
    for round in 0..KILLS {
        let pid = Pid::from_raw(segl.pid());
        let (attempts, killed) = attempts(&lab, &names(&round.to_string()), window, || {
            thread::sleep(within(window.mul_f64(1.5)));
            kill(pid, Signal::SIGKILL).unwrap_or_else(|error| panic!("kill: {error}"));
            Instant::now()
        });
        let hit = attempts.iter().filter(|attempt| attempt.ended < killed && killed < attempt.answered).count();
        inside += usize::from(hit > 0);
        // Follows the machine's pace, so that about a third of the kills come too late for the message that ended first.
        let late = attempts.first().is_some_and(|first| first.result.code == Some(250));
        window = window.mul_f64(if late { 0.93 } else { 1.035 });
        undecided += hit;
        for attempt in attempts {
            match attempt.result.code {
                Some(250) => accepted.push(attempt),
                // Nobody has to guess whether the message was taken.
                Some(code) if code == without_segl => refused.push(attempt),
                _ => panic!("{:?}", attempt.result),
            }
        }
        segl.wait();
        segl.start();
    }
    let took = began.elapsed();

    let pins = pins(&lab);
    let holds = |attempt: &Attempt| {
        let queue_id = attempt.result.queue_id.as_deref().unwrap_or_else(|| panic!("{:?}", attempt.result));
        pins.iter().any(|pin| {
            pin.scope == Scope::parse(&attempt.destination).unwrap_or_else(|error| panic!("{error}"))
                && pin.holder.message().is_some_and(|holder| holder.as_str() == queue_id)
        })
    };
    let orphans =
        refused.iter().filter(|attempt| pins.iter().any(|pin| pin.scope.to_string() == attempt.destination)).count();
    println!(
        "{KILLS} kills in {took:.1?}, {inside} of them between the end of a message and Postfix's reply ({window:.1?}); \
         {} messages: {undecided} undecided at a kill, {} accepted, {} refused, {orphans} of these pinned already",
        KILLS * IN_FLIGHT,
        accepted.len(),
        refused.len(),
    );
    let without: Vec<_> = accepted.iter().filter(|attempt| !holds(attempt)).map(|attempt| &attempt.result).collect();
    assert!(without.is_empty(), "accepted without a pin: {without:?}");
    // And Postfix is told so by the daemon that came after.
    let mut socketmap = Socketmap::connect(&lab);
    for attempt in &accepted {
        let answer = socketmap.ask(&attempt.destination);
        assert!(answer.starts_with("OK encrypt"), "{}: {answer}", attempt.destination);
    }
    // Every one of them is still in the queue, so that none of the pins could have gone rightly.
    let queued = lab.queue().len();
    assert_eq!(queued, accepted.len() + times.len(), "messages in the queue");
    // What was tested was worth a test: kills in the middle, with both outcomes.
    assert!(inside >= KILLS / 2, "only {inside} of {KILLS} kills came between the end of a message and the reply");
    assert!(
        accepted.len() >= KILLS / 10 && refused.len() >= KILLS / 10,
        "{} accepted, {} refused",
        accepted.len(),
        refused.len()
    );
}

/// What the kernel is asked for a message's sake: writes, syncs and what is sent, with what they write in full.
const TRACER: [&str; 8] = ["strace", "-D", "-f", "-y", "-s", "70000", "-o", "/run/lab/trace"];
const TRACED: &str = "trace=pwrite64,write,writev,sendto,sendmsg,fsync,fdatasync";

/// Whether, by a trace of the daemon's system calls, what was written for this message's pin was on disk before the
/// milter began to answer Postfix.
fn on_disk_before_the_answer(trace: &str, queue_id: &str) -> Result<(), String> {
    let mut written = None;
    let mut syncing = Vec::new();
    let mut synced = false;
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').map(|(thread, call)| (thread, call.trim_start())).unwrap_or_default();
        let log = call.contains("pins.sqlite3-wal>");
        if log && call.starts_with("pwrite64(") && call.contains(queue_id) {
            // Where the call was interrupted in the trace, its end is before whatever this thread does next.
            written = Some(thread);
            synced = false;
            continue;
        }
        let Some(writer) = written else { continue };
        let sync = call.starts_with("fdatasync(") || call.starts_with("fsync(");
        if log && sync && thread == writer {
            match call.contains("<unfinished") {
                true => syncing.push(thread),
                false => synced |= call.ends_with("= 0"),
            }
        } else if call.contains("sync resumed>") && syncing.contains(&thread) {
            syncing.retain(|other| *other != thread);
            synced |= call.ends_with("= 0");
        } else if call.contains("X-Segl") {
            return match synced {
                true => Ok(()),
                false => Err(format!("{queue_id}: answered before its pin was on disk: {line}")),
            };
        }
    }
    match written {
        None => Err(format!("{queue_id}: no write of its pin")),
        Some(_) => Err(format!("{queue_id}: no answer to Postfix")),
    }
}

#[test]
fn a_trace_is_read_rightly() {
    let write = r#"7 pwrite64(9</var/lib/segl/pins.sqlite3-wal>, "\0\0example4bXyZ1encrypt", 4096, 32) = 4096"#;
    let sync = "7 fdatasync(9</var/lib/segl/pins.sqlite3-wal>) = 0";
    let begun = "7 fdatasync(9</var/lib/segl/pins.sqlite3-wal> <unfinished ...>";
    let done = "7 <... fdatasync resumed>) = 0";
    let failed = "7 <... fdatasync resumed>) = -1 EIO (Input/output error)";
    let other = "7 fdatasync(10</var/lib/segl/pins.sqlite3>) = 0";
    let answer = r#"8 sendto(14<UNIX-STREAM:[1]>, "\0\0\0\33iX-Segl\0require=encrypt\0", 31, 0, NULL, 0) = 31"#;
    for (durable, calls) in [
        (true, &[write, sync, answer][..]),
        (true, &[sync, write, begun, done, answer]),
        (false, &[write, answer, sync]),
        (false, &[write, begun, answer, done]),
        (false, &[sync, write, answer]),
        (false, &[write, sync, write, answer]),
        (false, &[write, begun, failed, answer]),
        (false, &[write, other, answer]),
        (false, &[sync, answer]),
        (false, &[write, sync]),
    ] {
        assert_eq!(on_disk_before_the_answer(&calls.join("\n"), "4bXyZ1").is_ok(), durable, "{calls:#?}");
    }
}

/// Sends messages through a daemon under trace: what the check says of each.
fn traced(start: impl for<'a> FnOnce(&'a Lab, &[&str]) -> Segl<'a>) -> Vec<Result<(), String>> {
    let lab = up(&Options { main_cf: &["defer_transports=smtp"], ..super::options(true) });
    let mut segl = start(&lab, &[&TRACER[..], &["-e", TRACED]].concat());
    let queue_ids: Vec<_> = (0..5)
        .map(|number| {
            let result = Smtp::connect(&lab).send(&format!("bo@sync{number}.many.plain.test"), "Journal", CONFIDENTIAL);
            assert_eq!(result.code, Some(250), "{result:?}");
            result.queue_id.unwrap_or_default()
        })
        .collect();
    segl.terminate();
    let trace = fs::read_to_string(lab.file("/run/lab/trace")).unwrap();
    queue_ids.iter().map(|queue_id| on_disk_before_the_answer(&trace, queue_id)).collect()
}

#[test]
fn a_pin_is_on_disk_before_postfix_hears() {
    for outcome in traced(|lab, tracer| lab.start_segl_under(tracer, SEGL_TOML)) {
        assert_eq!(outcome, Ok(()));
    }
}

#[test]
fn a_daemon_that_does_not_sync_is_found_out() {
    for outcome in traced(|lab, tracer| parts::start(lab, Weakness::NoSync, tracer)) {
        assert!(outcome.as_ref().is_err_and(|error| error.contains("before its pin was on disk")), "{outcome:?}");
    }
    // It is the missing sync that is found out, and not what else is different in such a daemon.
    for outcome in traced(|lab, tracer| parts::start(lab, Weakness::None, tracer)) {
        assert_eq!(outcome, Ok(()));
    }
}

#[test]
fn a_panic_costs_one_message() {
    let lab = up(&Options { main_cf: &["defer_transports=smtp"], ..super::options(true) });
    let segl = parts::start(&lab, Weakness::Panics, &[]);
    let pid = segl.pid();
    let mut other = Smtp::connect(&lab);
    other.begin("bo@other.many.plain.test", "Journal", CONFIDENTIAL);
    // One session, and so one connection to the milter.
    let mut smtp = Smtp::connect(&lab);
    let mut socketmap = Socketmap::connect(&lab);
    for (number, (destination, subject)) in
        [("reading.many.plain.test", PANIC_READING), (PANIC_PINNING, "Journal")].into_iter().enumerate()
    {
        let result = smtp.send(&format!("bo@{destination}"), subject, CONFIDENTIAL);
        assert_eq!(result.code, Some(451), "{result:?}");
        assert!(result.text.contains("try again later"), "{result:?}");
        let next = format!("next{number}.many.plain.test");
        let result = smtp.send(&format!("bo@{next}"), "Journal", CONFIDENTIAL);
        assert_eq!(result.code, Some(250), "{result:?}");
        assert!(socketmap.ask(&next).starts_with("OK encrypt"));
        let result = smtp.send(&format!("bo@ordinary-{next}"), "Lunch", "Soup today.");
        assert_eq!(result.code, Some(250), "{result:?}");
    }
    assert_eq!(socketmap.ask(PANIC_LOOKUP), "TEMP internal error");
    assert_eq!(socketmap.ask("nobody.many.plain.test"), "NOTFOUND ");
    other.dot();
    let result = other.reply();
    assert_eq!(result.code, Some(250), "{result:?}");
    assert_eq!(segl.pid(), pid, "the same process all the time");
    let log = segl.stderr();
    assert!(log.contains("action=tempfail reason=\"reading the message panicked; please report this\""), "{log}");
    assert!(log.contains("action=tempfail reason=\"judging the message panicked; please report this\""), "{log}");
    assert!(log.contains("socketmap: a lookup panicked; please report this"), "{log}");
}
