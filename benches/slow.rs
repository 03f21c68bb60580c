//! Lookups while a fifth of the destinations are dead: whether those of the others are answered as fast as ever.
//!
//! In the lab (tests/lab; needs root), with its DNS and its mail servers: the built program, `segl run` in mode enforce with
//! `baseline = "capable"`, so that a lookup asks both what a destination publishes and what its servers can do. Four of five
//! destinations are well and known; the fifth is dead: half of those have name servers that never answer, half have mail
//! servers that never do.
//!
//! The load is a process of its own: 8 connections ask for destinations that are well, and only their time counts. Beside them
//! 64 connections ask every tenth of a second, as long as they are answered: in turns for destinations that are well; for the
//! dead ones, of which it soon is known that nothing is; and for dead ones that were never heard of, so that each waits for as
//! long as a lookup may take.
//!
//! `ROUNDS` and `TURN_SECONDS` can be set in the environment.

mod lookups;
mod measure;
#[path = "../tests/support/mod.rs"]
mod support;

use lookups::{P99, Random, Round, Turn, exchange, print_times, ratio, take_turns};
use measure::{Goal, Outcome, judge, print_machine, setting};
use std::{
    env,
    os::unix::net::UnixStream,
    process, thread,
    time::{Duration, Instant},
};
use support::lab::{Lab, Options, SEGL_TOML};

const WELL: usize = 800;
const DEAD: usize = 200;

const COUNTED: usize = 8;
const BESIDE: usize = 64;

/// How often each connection asks of which the time is not counted.
const PACE: Duration = Duration::from_millis(100);

/// How long it may take until everything that is well is known.
const WARM_MAX: Duration = Duration::from_secs(300);

const PROGRAM: &str = "/run/lab/bin/bench";
const SOCKET: &str = "/var/spool/postfix/segl/socketmap.sock";

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["warm"] => warm(),
        ["load", beside, seconds] => put_load(beside, Duration::from_secs(seconds.parse()?)),
        _ => compare(),
    }
}

fn well(number: usize) -> String {
    format!("well{number}.many.plain.test")
}

/// `of` makes other names of the same kind.
fn dead(number: usize, of: &str) -> String {
    match number % 2 {
        0 => format!("dead{of}{number}.slowdns.plain.test"),
        _ => format!("dead{of}{number}.{}.dead.plain.test", number / 2 % 50),
    }
}

fn is_known(answer: &[u8]) -> bool {
    answer.windows(11).any(|window| window == b":OK encrypt")
}

/// Asks for what is well until all of it is known.
fn warm() -> Outcome {
    let end = Instant::now() + WARM_MAX;
    let ask = |first: usize| -> Result<(), String> {
        let mut stream = UnixStream::connect(SOCKET).map_err(|error| error.to_string())?;
        let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
        for number in (first..WELL).step_by(BESIDE) {
            while !is_known(exchange(&mut stream, &mut request, &well(number), &mut buffer)?) {
                if Instant::now() > end {
                    return Err(format!("{} does not come to be known", well(number)));
                }
                thread::sleep(Duration::from_millis(500));
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..BESIDE).map(|first| scope.spawn(move || ask(first))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked".to_owned())?)
    })?;
    Ok(())
}

/// Prints the rate and the percentiles of what is counted.
fn put_load(beside: &str, time: Duration) -> Outcome {
    let started = Instant::now();
    let unheard_of = format!("-{}-", process::id());
    thread::scope(|scope| {
        for number in 0..BESIDE {
            let unheard_of = &unheard_of;
            scope.spawn(move || {
                let mut random = Random::new(number + COUNTED);
                let Ok(mut stream) = UnixStream::connect(SOCKET) else { return };
                let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
                let mut asked = 0;
                loop {
                    let name = match beside {
                        "well" => well(random.next() as usize % WELL),
                        "dead" => dead(random.next() as usize % DEAD, ""),
                        _ => dead(asked * BESIDE + number, unheard_of),
                    };
                    asked += 1;
                    if exchange(&mut stream, &mut request, &name, &mut buffer).is_err() {
                        return;
                    }
                    thread::sleep(PACE);
                }
            });
        }
        let counted: Vec<_> = (0..COUNTED)
            .map(|number| {
                scope.spawn(move || -> Result<Vec<u32>, String> {
                    let mut random = Random::new(number);
                    let mut stream = UnixStream::connect(SOCKET).map_err(|error| error.to_string())?;
                    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
                    let mut times = Vec::with_capacity(1 << 20);
                    while started.elapsed() < time {
                        let name = well(random.next() as usize % WELL);
                        let asked = Instant::now();
                        let answer = exchange(&mut stream, &mut request, &name, &mut buffer)?;
                        times.push(u32::try_from(asked.elapsed().as_nanos()).unwrap_or(u32::MAX));
                        if !is_known(answer) {
                            return Err(format!("{name}: {}", answer.escape_ascii()));
                        }
                    }
                    Ok(times)
                })
            })
            .collect();
        let mut times = Vec::new();
        for thread in counted {
            match thread.join() {
                Ok(Ok(some)) => times.extend(some),
                Ok(Err(error)) => fail(&error),
                Err(_) => fail("a thread of the load panicked"),
            }
        }
        print_times(times, started.elapsed());
        // Those that still wait for an answer end with the process.
        process::exit(0)
    })
}

/// Those beside ask on and on: nothing but the end of the process ends them.
fn fail(error: &str) -> ! {
    eprintln!("{error}");
    process::exit(1)
}

fn compare() -> Outcome {
    let (rounds, seconds) = (setting("ROUNDS", 5), setting("TURN_SECONDS", 5));
    print_machine();
    println!(
        "{COUNTED} connections, {WELL} destinations that are well; beside them {BESIDE} connections, {DEAD} destinations \
         that are dead;\n{rounds} rounds of {seconds} s each, the first not counted"
    );
    let main_cf = ["smtp_dns_support_level=dnssec"];
    let lab = Lab::up(&Options { segl: true, main_cf: &main_cf, ..Options::default() });
    let program = env::current_exe()?;
    let program = program.to_str().ok_or("the program's path is not UTF-8")?;
    lab.text_of(&["sh", "-c", "touch $1 && mount --bind $0 $1", program, PROGRAM]);
    let configuration = SEGL_TOML.replace("[probe]", "[destinations]\nbaseline = \"capable\"\n\n[probe]");
    let _segl = lab.start_segl(&configuration);
    lab.text_of(&[PROGRAM, "warm"]);
    let seconds = seconds.to_string();
    let turn = |name: &str, beside: &'static str| -> Turn<'_> {
        let (lab, seconds) = (&lab, &seconds);
        let load = move || Round::of(&mut lab.command("mta", [PROGRAM, "load", beside, seconds]));
        (name.to_owned(), Box::new(load))
    };
    let turns = [
        turn("all are well", "well"),
        turn("a fifth are dead", "dead"),
        turn("the dead were never heard of", "unheard-of"),
    ];
    let results = take_turns(&turns, rounds)?;
    for which in [1, 2] {
        let p99 = ratio(&results[which], &results[0], P99);
        judge(&format!("p99 of those that are well, {} / {}", turns[which].0, turns[0].0), p99, &Goal::AtMost(2.0));
    }
    Ok(())
}
