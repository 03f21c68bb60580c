//! What a million known destinations cost: the time of a lookup, and memory.
//!
//! The built program, `segl run` in mode enforce, with what is known of its destinations in SQLite on disk:
//! - *a thousand*: so many on disk, all in memory;
//! - *a million*: so many on disk, all in memory;
//! - *a million, a tenth in memory*: as many as `cache-size` lets in by default; what is not there is read from disk.
//!
//! Destinations are asked for evenly, and as mail goes: the first most often, the second half as often, the third a third.
//!
//! Memory is the resident size after each destination was asked for once: of a million less that of a thousand, by the number
//! of destinations between. Where none publishes anything, where all have an MTA-STS policy of their own, and mixed.
//!
//! `ROUNDS`, `TURN_SECONDS` and `MANY` (1000000) can be set in the environment.

mod lookups;
mod measure;

use lookups::{CONNECTIONS, Load, P99, Pick, RATE, Server, Turn, World, prepare, put_load, ratio, state, take_turns};
use measure::{Goal, Outcome, judge, print_machine, setting};
use std::{env, fs, path::Path, thread::sleep, time::Duration};

const FEW: usize = 1000;

/// Bytes for each destination.
const MEMORY_GOAL: f64 = 400.0;

// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["load", ref words @ ..] => put_load(words),
        _ => compare(),
    }
}

/// A Segl that has so many destinations on disk, and has been asked about each.
fn knowing(name: &'static str, directory: &Path, world: World, count: usize, memory: usize) -> Outcome<Server> {
    fs::create_dir_all(state(directory))?;
    prepare(&state(directory), world, count)?;
    let segl = Server::segl(name, directory, &format!("cache-size = {memory}"))?;
    segl.warm(world, count)?;
    Ok(segl)
}

fn resident(segl: &Server) -> f64 {
    // What was taken for a moment is given back a moment later.
    sleep(Duration::from_secs(3));
    let status = fs::read_to_string(format!("/proc/{}/status", segl.pid())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(f64::NAN) * 1024.0
}

fn compare() -> Outcome {
    let (rounds, seconds, many) =
        (setting("ROUNDS", 5), setting("TURN_SECONDS", 3), setting("MANY", 1_000_000) as usize);
    print_machine();
    println!(
        "{CONNECTIONS} connections of another process; {rounds} rounds of {seconds} s each, the first not counted"
    );
    // On a disk, as the daemon demands.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let at = |name: &str| directory.path().join(name);

    println!("\n{:<40} {:>12} {:>12} {:>18}", "resident MB", FEW, many, "bytes/destination");
    let mut per_destination = Vec::new();
    for world in [World::Nothing, World::MtaSts, World::Mixed] {
        let mut held = [0.0; 2];
        for (held, count) in held.iter_mut().zip([FEW, many]) {
            let home = at(&format!("{}-{count}", world.name()));
            let segl = knowing("segl", &home, world, count, many)?;
            *held = resident(&segl);
            drop(segl);
            fs::remove_dir_all(home)?;
        }
        let bytes = (held[1] - held[0]) / (many - FEW) as f64;
        println!("{:<40} {:>12.1} {:>12.1} {bytes:>18.0}", world.name(), held[0] / 1e6, held[1] / 1e6);
        per_destination.push((world, bytes));
    }

    let few = knowing("a thousand", &at("few"), World::Mixed, FEW, many)?;
    let all = knowing("a million", &at("all"), World::Mixed, many, many)?;
    let part = knowing("a million, a tenth in memory", &at("part"), World::Mixed, many, many / 10)?;
    let turn = |server, count, pick, how: &str| -> Turn<'_> {
        let server: &Server = server;
        let load = Load { world: World::Mixed, count, pick, connections: CONNECTIONS, seconds };
        (format!("{}, {how}", server.name), Box::new(move || server.measure(&load)))
    };
    let turns = [
        turn(&few, FEW, Pick::Evenly, "evenly"),
        turn(&all, many, Pick::Evenly, "evenly"),
        turn(&few, FEW, Pick::ByRank, "by rank"),
        turn(&all, many, Pick::ByRank, "by rank"),
        turn(&part, many, Pick::ByRank, "by rank"),
        turn(&part, many, Pick::Evenly, "evenly"),
    ];
    let results = take_turns(&turns, rounds)?;
    for (one, other) in [(1, 0), (3, 2), (4, 2)] {
        let (what, beside) = (&turns[one].0, &turns[other].0);
        judge(&format!("rate, {what} / {beside}"), ratio(&results[one], &results[other], RATE), &Goal::AtLeast(0.8));
        judge(&format!("p99, {what} / {beside}"), ratio(&results[one], &results[other], P99), &Goal::AtMost(1.5));
    }
    for (world, bytes) in per_destination {
        judge(&format!("bytes held of each destination, {}", world.name()), bytes, &Goal::AtMost(MEMORY_GOAL));
    }
    Ok(())
}
