//! What the benchmarks share: medians, ratios against goals, and the machine that they ran on.
#![allow(dead_code, reason = "every benchmark uses a part of it")]

use std::{error::Error, fs, time::Duration};

/// What a benchmark ends with: an error means that it could not run, never that something was slow.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// The middle one; the mean of the middle two; NaN of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (count, middle) = (sorted.len(), sorted.len() / 2);
    match count {
        0 => f64::NAN,
        _ if count.is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// The smallest and the largest, for showing how far apart rounds lie.
pub(crate) fn spread(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| (low.min(value), high.max(value)))
}

/// A ratio that has a goal.
pub(crate) enum Goal {
    /// Not less than this.
    AtLeast(f64),
    /// Not more than this.
    AtMost(f64),
}

/// Prints a figure beside its goal.
pub(crate) fn judge(what: &str, figure: f64, goal: &Goal) {
    let (met, sign, bound) = match *goal {
        Goal::AtLeast(bound) => (figure >= bound, ">=", bound),
        Goal::AtMost(bound) => (figure <= bound, "<=", bound),
    };
    let verdict = if met { "goal met" } else { "BELOW GOAL" };
    println!("{what:<64} {figure:>8.2}   goal {sign} {bound:<5} {verdict}");
}

/// Prints the machine and how busy it is with other things.
pub(crate) fn print_machine() {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = read("/proc/meminfo");
    let memory = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    println!(
        "machine: {cores} x {}, {} MiB, Linux {}; {}",
        model.trim_start_matches([' ', '\t', ':']),
        memory.unwrap_or_default() / 1024,
        read("/proc/sys/kernel/osrelease").trim(),
        load(),
    );
}

/// The load average of the last minute: two and more on two cores says that others work here too.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("load average {}", load.split_whitespace().next().unwrap_or("unknown"))
}

/// What a process has used of the processors, in its own code and in the kernel's.
pub(crate) fn processor_time(process: i32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // proc(5): fields 14 and 15, in ticks of 10 ms; the second field may hold spaces, and ends with a parenthesis.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks: u64 = after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}

/// A number of the command line or the environment (`NAME=5 cargo bench`), or what it is by default.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}
