//! How fast a text is judged with the rules of a directory: `search-speed RULES TEXT ROUNDS`. Prints the megabytes per second
//! of each round.

use jiff::civil::date;
use segl::{
    config::{Marks, rules::read_rule_files},
    detect::RuleSet,
    message::{Document, Piece},
};
use std::{
    env, error, fs,
    time::{Duration, Instant},
};

fn main() -> Result<(), Box<dyn error::Error>> {
    let [rules, text, rounds] = env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "three arguments")?;
    let files = read_rule_files(&[rules.into()])?;
    let rules = RuleSet::parse(&files).map_err(|faults| format!("{faults:?}"))?;
    let text = fs::read_to_string(text)?;
    let length = text.len();
    let document = Document { pieces: vec![Piece::new("text", text)], ..Document::default() };
    for _ in 0..rounds.parse()? {
        let before = Instant::now();
        let verdict =
            rules.inspect(&document, date(2057, 12, 31), &Marks::default(), before + Duration::from_secs(600));
        let speed = length as f64 / 1e6 / before.elapsed().as_secs_f64();
        println!("segl {} findings {speed:.1} MB/s", verdict.findings.len());
    }
    Ok(())
}
