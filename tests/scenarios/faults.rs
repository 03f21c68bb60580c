//! Segl killed at any moment, and what is on disk when Postfix is told that a message is taken.

use super::{
    CONFIDENTIAL, scenario, up,
    wire::{Smtp, Socketmap},
};
use crate::support::lab::{Lab, Options, SEGL_TOML, SmtpResult};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use segl::store::{Pin, Scope, database::Database};
use std::{
    collections::hash_map::RandomState,
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
    let window = times[times.len() / 2];

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
        undecided += hit;
        for attempt in attempts {
            match attempt.result.code {
                Some(250) => accepted.push(attempt),
                // The connection is kept: nobody has to guess whether the message was taken.
                Some(451) => refused.push(attempt),
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
        "{KILLS} kills in {took:.1?}, {inside} of them between the end of a message and Postfix's reply (usually {window:.1?}); \
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
