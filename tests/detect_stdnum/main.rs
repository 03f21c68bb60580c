//! Identifiers against an independent implementation: python-stdnum, installed by tests/oracles/install.
//!
//! Where the two differ, the difference is named and asserted.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod north_west;
mod south_east;

use jiff::civil::{Date, date};
use segl::{
    config::Marks,
    detect::RuleSet,
    message::{Document, Piece},
};
use std::{
    env,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Numbers of each kind.
const NUMBERS: usize = 100_000;

/// A day on which some of the dates that a CPR number can say have come and some have not.
const TODAY: Date = date(2040, 6, 15);

/// Python with the oracle in it.
fn python() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/install");
    let output = Command::new(script).stderr(Stdio::inherit()).output().expect("tests/oracles/install runs");
    assert!(output.status.success(), "tests/oracles/install failed");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What the oracle says, a line for each number.
fn oracle(arguments: &[&str], numbers: &[String]) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/stdnum_oracle.py");
    let mut command = Command::new(python());
    command.arg(script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the oracle starts");
    let mut input = child.stdin.take().unwrap();
    let lines = numbers.join("\n") + "\n";
    let writer = thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed");
    // It may end before it has read everything only where nothing was asked.
    let _ = writer.join();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// A rule that finds whatever its validator takes for a number. With `checksum`, only those whose checksum fits.
fn rules(validator: &str, forms: &[&str], checksum: bool) -> RuleSet {
    let base = if checksum { "0.5" } else { "1.0" };
    let forms: Vec<_> = forms.iter().map(|form| format!("{form} = {base}")).collect();
    let bonus = if checksum { ", checksum = 0.5" } else { "" };
    let text = format!(
        "[[rule]]\nid = \"t\"\ncategory = \"finance\"\ndescription = \"d\"\nsource = \"s\"\nthreshold = 1.0\n\
         identifier = {{ validator = \"{validator}\", base = {{ {} }}{bonus} }}\nexamples = {{ found = [\"x\"] }}\n",
        forms.join(", ")
    );
    RuleSet::parse(&[("t.toml".to_owned(), text)]).unwrap()
}

fn finds(rules: &RuleSet, number: &str) -> bool {
    let piece = Piece::new("text", number);
    let document = Document { pieces: vec![piece], ..Document::default() };
    let deadline = Instant::now() + Duration::from_secs(60);
    !rules.inspect(&document, TODAY, &Marks::default(), deadline).findings.is_empty()
}

/// Numbers that are the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        // xorshift64.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }
}

#[test]
fn cpr_numbers() {
    const FORMS: [&str; 5] = ["hyphen", "spaced", "grouped", "bare", "embedded"];
    let (any, checked) = (rules("dk.cpr", &FORMS, false), rules("dk.cpr", &FORMS, true));
    let mut random = Random(1);
    let numbers: Vec<String> = (0..NUMBERS)
        .map(|_| {
            let (day, month) = (random.below(95), random.below(14));
            format!("{day:02}{month:02}{}", random.digits(6))
        })
        .collect();
    // A replacement number's day is 60 too high, which the oracle does not know: it is asked for the day itself.
    let asked: Vec<String> = numbers
        .iter()
        .map(|number| match number[..2].parse::<u8>().unwrap() {
            day @ 61.. => format!("{:02}{}", day - 60, &number[2..]),
            _ => number.clone(),
        })
        .collect();
    let said = oracle(&["cpr", &TODAY.to_string()], &asked);
    assert_eq!(said.len(), NUMBERS);
    let mut found = 0;
    for ((number, asked), said) in numbers.iter().zip(&asked).zip(&said) {
        let valid = said != "InvalidComponent" && said != "future";
        assert_eq!(finds(&any, number), valid, "{number}: {said}");
        let hyphenated = format!("{}-{}", &number[..6], &number[6..]);
        assert_eq!(finds(&any, &hyphenated), valid, "{hyphenated}: {said}");
        // The checksum is over the digits as written.
        if valid && number == asked {
            assert_eq!(finds(&checked, number), said.ends_with(" 0"), "{number}: {said}");
        }
        found += usize::from(valid);
    }
    assert!((NUMBERS / 4..NUMBERS * 3 / 4).contains(&found), "{found} of the numbers are valid");
}

#[test]
fn luhn_of_cards() {
    let rules = rules("card", &["grouped", "bare", "uncommon", "embedded"], false);
    let mut random = Random(2);
    let numbers: Vec<String> = (0..NUMBERS).map(|_| format!("4{}", random.digits(15))).collect();
    for (number, said) in numbers.iter().zip(oracle(&["luhn"], &numbers)) {
        assert_eq!(finds(&rules, number), said == "valid", "{number}");
        let groups: Vec<_> = (0..4).map(|group| &number[group * 4..group * 4 + 4]).collect();
        assert_eq!(finds(&rules, &groups.join(" ")), said == "valid", "{number}");
    }
}

#[test]
fn ibans() {
    let rules = rules("iban", &["electronic", "grouped", "embedded"], false);
    // Every valid number of every country that the oracle knows is found, in both forms and cases.
    let valid = oracle(&["iban-make", "200"], &[]);
    assert!(valid.len() > 80 * 200, "{} numbers", valid.len());
    for number in &valid {
        assert!(finds(&rules, number), "{number}");
        assert!(finds(&rules, &number.to_lowercase()), "{number}");
        let groups: Vec<_> = number.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect();
        assert!(finds(&rules, &groups.join(" ")), "{number}");
    }
    // Numbers with one or two signs changed: what we find and the oracle does not has the right length and check
    // digits, but a letter where its country has digits or the other way round. We do not look at that.
    let mut random = Random(3);
    let changed: Vec<String> = (0..NUMBERS)
        .map(|_| {
            let mut number = valid[random.below(valid.len() as u64) as usize].clone().into_bytes();
            for _ in 0..=random.below(2) {
                let at = 2 + random.below(number.len() as u64 - 2) as usize;
                number[at] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[random.below(36) as usize];
            }
            String::from_utf8(number).unwrap()
        })
        .collect();
    let mut differ = 0;
    for (number, said) in changed.iter().zip(oracle(&["iban"], &changed)) {
        // The check digits are digits.
        let digits = number.as_bytes()[2..4].iter().all(u8::is_ascii_digit);
        match (finds(&rules, number), said.as_str()) {
            (true, "valid") | (false, "InvalidChecksum") => {}
            (true, "InvalidFormat") => differ += 1,
            (false, _) if !digits => {}
            (found, said) => panic!("{number}: {found}, {said}"),
        }
    }
    assert!(differ < NUMBERS / 20, "{differ} numbers differ");
}

/// Numbers of each kind but those above: as many as `SEGL_NUMBERS` says, a million for a long look.
fn numbers() -> usize {
    env::var("SEGL_NUMBERS").map_or(20_000, |numbers| numbers.parse().expect("SEGL_NUMBERS is a number"))
}
