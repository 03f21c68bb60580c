//! The numbers of northern and western Europe.

use super::{Random, TODAY, finds, numbers, oracle, rules};
use std::collections::BTreeSet;

/// A kind that the oracle knows as well.
struct Compared {
    validator: &'static str,
    forms: &'static [&'static str],
    modules: &'static str,
    /// A number that may be one, with question marks for its check signs.
    number: fn(&mut Random) -> String,
    /// What stands for a question mark.
    signs: &'static str,
    /// The name of the difference, where the two may differ.
    difference: fn(&str) -> Option<&'static str>,
    /// Every difference there is.
    differences: &'static [&'static str],
}

const DIGITS: &str = "0123456789";

fn part(number: &str, at: usize, length: usize) -> u32 {
    number.get(at..at + length).and_then(|part| part.parse().ok()).unwrap_or(u32::MAX)
}

/// Asks about valid numbers, and about the same with a sign or two changed.
fn compare(kind: &Compared, seed: u64) {
    let rules = rules(kind.validator, kind.forms, false);
    let mut random = Random(seed);
    let today = TODAY.to_string();
    let open: Vec<String> = (0..numbers()).map(|_| (kind.number)(&mut random)).collect();
    let completed = oracle(&["complete", kind.modules, &today, kind.signs], &open);
    assert_eq!(completed.len(), open.len());
    let whole: Vec<String> = open
        .into_iter()
        .zip(completed)
        .map(|(open, completed)| match completed.is_empty() {
            true => open.replace('?', &kind.signs[..1]),
            false => completed,
        })
        .collect();
    let changed: Vec<String> = whole
        .iter()
        .map(|number| {
            let mut signs = number.clone().into_bytes();
            for _ in 0..=random.below(2) {
                let at = random.below(signs.len() as u64) as usize;
                let of = if signs[at].is_ascii_alphabetic() { kind.signs.as_bytes() } else { DIGITS.as_bytes() };
                if signs[at].is_ascii_alphanumeric() {
                    signs[at] = of[random.below(of.len() as u64) as usize];
                }
            }
            String::from_utf8(signs).unwrap()
        })
        .collect();
    let asked: Vec<String> = whole.into_iter().chain(changed).collect();
    let said = oracle(&["judge", kind.modules, &today], &asked);
    let (mut valid, mut differences) = (0, BTreeSet::new());
    for (number, said) in asked.iter().zip(&said) {
        let found = finds(&rules, number);
        valid += usize::from(found);
        if found != (said == "valid") {
            let difference = (kind.difference)(number);
            assert!(difference.is_some(), "{} {number}: found: {found}, oracle: {said}", kind.validator);
            differences.extend(difference);
        }
    }
    assert_eq!(differences, kind.differences.iter().copied().collect(), "{}", kind.validator);
    assert!(valid > asked.len() / 10, "{}: only {valid} of {} are numbers", kind.validator, asked.len());
}

#[test]
fn swedish_numbers() {
    compare(
        &Compared {
            validator: "se.personnummer",
            forms: &["hyphen", "full", "spaced", "full-bare", "bare", "embedded"],
            modules: "se.personnummer",
            number: |random| {
                let century = ["", "18", "19", "20"][random.below(4) as usize];
                let (year, month, day) = (random.below(100), random.below(12) + 1, random.below(28) + 1);
                format!("{century}{year:02}{month:02}{day:02}{}?", random.digits(3))
            },
            signs: DIGITS,
            difference: |number| {
                let short = &number[number.len() - 10..];
                match part(short, 4, 2) {
                    61.. => Some("coordination numbers"),
                    _ if number.len() < 12 => None,
                    _ if part(number, 0, 2) < 18 => Some("births before 1800"),
                    _ if part(number, 0, 8) > 20_400_615 => Some("births after today"),
                    _ => None,
                }
            },
            differences: &["births after today", "births before 1800", "coordination numbers"],
        },
        11,
    );
    // The oracle knows no coordination numbers: it is asked for the same with the day itself, and another check digit.
    compare(
        &Compared {
            validator: "se.personnummer",
            forms: &["hyphen", "full", "spaced", "full-bare", "bare", "embedded"],
            modules: "luhn",
            number: |random| {
                format!(
                    "{:02}{:02}{}{}?",
                    random.below(100),
                    random.below(12) + 1,
                    random.below(3) + 7,
                    random.digits(4)
                )
            },
            signs: DIGITS,
            difference: |number| match (part(number, 2, 2), part(number, 4, 2)) {
                (1..=12, 61..=88) => None,
                _ => Some("no such date"),
            },
            differences: &["no such date"],
        },
        12,
    );
}

#[test]
fn norwegian_numbers() {
    compare(
        &Compared {
            validator: "no.fodselsnummer",
            forms: &["grouped", "bare", "embedded"],
            modules: "no.fodselsnummer",
            number: |random| {
                let day = random.below(28) + 1 + [0, 0, 40][random.below(3) as usize];
                let month = random.below(12) + 1 + [0, 0, 40, 65, 80][random.below(5) as usize];
                format!("{day:02}{month:02}{}??", random.digits(5))
            },
            signs: DIGITS,
            difference: |number| (part(number, 2, 2) > 65).then_some("synthetic people"),
            differences: &["synthetic people"],
        },
        13,
    );
    compare(
        &Compared {
            validator: "no.account",
            forms: &["dotted", "spaced", "bare", "embedded"],
            modules: "no.kontonr",
            number: |random| format!("{}?", random.digits(10)),
            signs: DIGITS,
            difference: |number| number.starts_with("0000").then_some("postal accounts"),
            differences: &["postal accounts"],
        },
        14,
    );
}

#[test]
fn finnish_numbers() {
    compare(
        &Compared {
            validator: "fi.hetu",
            forms: &["signed", "spaced", "embedded"],
            modules: "fi.hetu",
            number: |random| {
                let sign = b"-+ABCDEFUVWXY"[random.below(13) as usize];
                let (day, month) = (random.below(28) + 1, random.below(12) + 1);
                format!("{day:02}{month:02}{}{}{}?", random.digits(2), char::from(sign), random.digits(3))
            },
            signs: "0123456789ABCDEFHJKLMNPRSTUVWXY",
            difference: |number| match part(number, 7, 3) {
                900..1000 => Some("temporary numbers"),
                _ => Some("births after today").filter(|_| part(number, 4, 2) >= 40),
            },
            differences: &["births after today", "temporary numbers"],
        },
        15,
    );
}

#[test]
fn dutch_numbers() {
    compare(
        &Compared {
            validator: "nl.bsn",
            forms: &["dotted", "grouped", "bare", "short", "embedded"],
            modules: "nl.bsn",
            number: |random| {
                let digits = 7 + random.below(2) as usize;
                format!("{}?", random.digits(digits))
            },
            signs: DIGITS,
            difference: |_| None,
            differences: &[],
        },
        16,
    );
    compare(
        &Compared {
            validator: "nl.passport",
            forms: &["serial", "embedded"],
            modules: "nl.identiteitskaartnummer",
            number: |random| {
                let mut sign = |of: &[u8]| char::from(of[random.below(of.len() as u64) as usize]);
                let letters = [sign(b"ABNPXO"), sign(b"ABNPX")];
                let signs: String = (0..6).map(|_| sign(b"0123456789ABCXYZ")).collect();
                format!("{}{}{signs}?", letters[0], letters[1])
            },
            signs: DIGITS,
            difference: |_| None,
            differences: &[],
        },
        26,
    );
}

#[test]
fn british_numbers() {
    compare(
        &Compared {
            validator: "gb.nhs",
            forms: &["grouped", "bare", "embedded"],
            modules: "gb.nhs",
            number: |random| format!("{}?", random.digits(9)),
            signs: DIGITS,
            difference: |_| None,
            differences: &[],
        },
        17,
    );
}

#[test]
fn german_numbers() {
    compare(
        &Compared {
            validator: "de.idnr",
            forms: &["grouped", "bare", "embedded"],
            modules: "de.idnr",
            number: |random| {
                let mut digits = b"1234567890".to_vec();
                for at in (1..10).rev() {
                    digits.swap(at, random.below(at as u64 + 1) as usize);
                }
                for _ in 0..=random.below(2) {
                    digits[random.below(10) as usize] = digits[random.below(10) as usize];
                }
                String::from_utf8(digits).unwrap() + "?"
            },
            signs: DIGITS,
            difference: |_| None,
            differences: &[],
        },
        18,
    );
}

#[test]
fn french_numbers() {
    compare(
        &Compared {
            validator: "fr.nir",
            forms: &["spaced", "bare", "spaced-no-key", "bare-no-key", "embedded"],
            modules: "fr.nir",
            number: |random| {
                let (sex, month) = (random.below(2) + 1, random.below(12) + 1);
                let department = match random.below(4) {
                    0 => "2A".to_owned(),
                    1 => "2B".to_owned(),
                    _ => random.digits(2),
                };
                format!("{sex}{}{month:02}{department}{}??", random.digits(2), random.digits(6))
            },
            signs: DIGITS,
            difference: |number| match (part(number, 0, 1), part(number, 3, 2)) {
                (0 | 5 | 6 | 9, _) => Some("no such sex"),
                (_, 0 | 13..=19 | 43..=49) => Some("no such month"),
                _ => None,
            },
            differences: &["no such month", "no such sex"],
        },
        19,
    );
}

#[test]
fn belgian_numbers() {
    compare(
        &Compared {
            validator: "be.nn",
            forms: &["dotted", "spaced", "bare", "embedded"],
            modules: "be.nn,be.bis",
            number: |random| {
                let month = random.below(13) + [0, 20, 40][random.below(3) as usize];
                format!("{}{month:02}{:02}{}??", random.digits(2), random.below(29), random.digits(3))
            },
            signs: DIGITS,
            difference: |number| match (part(number, 0, 2), part(number, 4, 2)) {
                _ if part(number, 6, 3) == 0 => Some("serial 000"),
                (_, 29..) => Some("no such day"),
                (40, _) => Some("births after today"),
                _ => None,
            },
            differences: &["births after today", "no such day", "serial 000"],
        },
        20,
    );
}

#[test]
fn austrian_numbers() {
    compare(
        &Compared {
            validator: "at.vnr",
            forms: &["spaced", "bare", "embedded"],
            modules: "at.vnr",
            number: |random| {
                let (day, month) = (random.below(28) + 1, random.below(15) + 1);
                format!("{}{}?{day:02}{month:02}{}", random.below(9) + 1, random.digits(2), random.digits(2))
            },
            signs: DIGITS,
            difference: |number| match (part(number, 4, 2), part(number, 6, 2)) {
                (1..=28, 1..=15) => None,
                _ => Some("no such date"),
            },
            differences: &["no such date"],
        },
        21,
    );
}

#[test]
fn swiss_numbers() {
    compare(
        &Compared {
            validator: "ch.ahv",
            forms: &["dotted", "spaced", "bare", "embedded"],
            modules: "ch.ssn",
            number: |random| format!("756{}?", random.digits(9)),
            signs: DIGITS,
            difference: |_| None,
            differences: &[],
        },
        22,
    );
}

#[test]
fn irish_numbers() {
    compare(
        &Compared {
            validator: "ie.pps",
            forms: &["bare", "spaced", "embedded"],
            modules: "ie.pps",
            number: |random| {
                let second = ["", "A", "B", "H", "W", "T", "X"][random.below(7) as usize];
                format!("{}?{second}", random.digits(7))
            },
            signs: "ABCDEFGHIJKLMNOPQRSTUVW",
            difference: |_| None,
            differences: &[],
        },
        23,
    );
}

#[test]
fn icelandic_numbers() {
    compare(
        &Compared {
            validator: "is.kennitala",
            forms: &["hyphen", "spaced", "bare", "embedded"],
            modules: "is_.kennitala",
            number: |random| {
                let day = random.below(28) + 1 + [0, 0, 40][random.below(3) as usize];
                let (month, century) = (random.below(12) + 1, ["9", "0"][random.below(2) as usize]);
                format!("{day:02}{month:02}{}{}?{century}", random.digits(2), random.digits(2))
            },
            signs: DIGITS,
            difference: |number| match (part(number, 0, 2), part(number, 9, 1)) {
                (40.., _) => Some("organisations"),
                (_, 8) => Some("births before 1900"),
                (_, 0) => Some("births after today").filter(|_| part(number, 4, 2) >= 40),
                _ => None,
            },
            differences: &["births after today", "births before 1900", "organisations"],
        },
        24,
    );
}

#[test]
fn luxembourgish_numbers() {
    compare(
        &Compared {
            validator: "lu.matricule",
            forms: &["grouped", "bare", "embedded"],
            modules: "lu.matricule",
            number: |random| {
                let (year, month, day) = (1900 + random.below(140), random.below(12) + 1, random.below(28) + 1);
                format!("{year}{month:02}{day:02}{}??", random.digits(3))
            },
            signs: DIGITS,
            difference: |number| match part(number, 0, 4) {
                0..1800 => Some("births before 1800"),
                2040.. => Some("births after today"),
                _ => None,
            },
            differences: &["births after today", "births before 1800"],
        },
        25,
    );
}
