//! Payment card numbers (ISO/IEC 7812): an issuer's range, its lengths, and the Luhn check digit.

use super::{Finder, Hit, Identifier, check_digit::luhn, layout::white, lengths};
use crate::detect::digits::run_end;
use jiff::civil::Date;
use std::ops::Range;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "card",
    forms: &FORMS,
    checksum: None,
    finder: Finder::Own { starts: lengths(&[4, 12, 13, 14, 15, 16, 17, 18, 19]), at },
};

/// How a number is written: in the groups that stand on cards; without a gap; a length or an issuer that is seen rarely
/// (Maestro of any length, Diners, 13 and 19 digits); any of them within a URL or an address.
const FORMS: [&str; 4] = ["grouped", "bare", "uncommon", "embedded"];
const GROUPED: usize = 0;
const BARE: usize = 1;
const UNCOMMON: usize = 2;
const EMBEDDED: usize = 3;

const SHORTEST: usize = 12;
const LONGEST: usize = 19;

/// The groups in which numbers are written: 4-4-4-4 (and a rest), 4-6-5 (American Express), 4-6-4 (Diners).
const MAX_GROUPS: usize = 5;

/// The number that begins at this run of digits.
fn at(text: &[u8], run: &Range<usize>, _: Date) -> Option<Hit> {
    let (end, form) = match run.len() {
        SHORTEST..=LONGEST => {
            let common = issuer(&text[run.clone()])?;
            if !luhn(&text[run.clone()]) {
                return None;
            }
            (run.end, if common { BARE } else { UNCOMMON })
        }
        4 => grouped(text, run)?,
        _ => return None,
    };
    let range = run.start..end;
    Hit::standing(text, range, form, EMBEDDED, true)
}

fn grouped(text: &[u8], first: &Range<usize>) -> Option<(usize, usize)> {
    let sign = *text.get(first.end)?;
    gap(text, first.end, sign)?;
    if continues(text, first.start, sign) {
        return None;
    }
    let mut digits = text[first.clone()].to_vec();
    let mut lengths = vec![4];
    let mut found = None;
    let mut at = first.end;
    while lengths.len() < MAX_GROUPS
        && let Some(gap) = gap(text, at, sign)
    {
        let group = at + gap..run_end(text, at + gap);
        // The last group is short, and nothing can follow it.
        if group.is_empty() || group.len() > 6 || lengths[1..].iter().any(|&length| length != 4 && length != 6) {
            break;
        }
        at = group.end;
        lengths.push(group.len());
        digits.extend_from_slice(&text[group]);
        let fits = matches!(lengths[..], [4, 6, 4 | 5] | [4, 4, 4, 1..=4] | [4, 4, 4, 4, 1..=3]);
        if fits
            && luhn(&digits)
            && let Some(common) = issuer(&digits)
        {
            found = Some((at, if common { GROUPED } else { UNCOMMON }));
        }
    }
    found
}

/// What stands between two groups, in bytes: a hyphen, or white space where there is such between the first two. That is one
/// sign, or more where a line ends.
fn gap(text: &[u8], at: usize, sign: u8) -> Option<usize> {
    match white(text, at) {
        0 => (sign == b'-' && text.get(at) == Some(&b'-')).then_some(1),
        white => (sign != b'-' && (white == 1 || text[at..at + white].contains(&b'\n'))).then_some(white),
    }
}

/// Whether the group at `start` goes on from another of four signs, as in an IBAN written in groups.
fn continues(text: &[u8], start: usize, sign: u8) -> bool {
    let Some(before) = start.checked_sub(5).map(|from| &text[from..start]) else { return false };
    let (group, joint) = before.split_at(4);
    gap(joint, 0, sign).is_some() && group.iter().all(u8::is_ascii_alphanumeric) && group.iter().any(u8::is_ascii_digit)
}

/// Whether an issuer has such numbers, and whether they are common.
fn issuer(digits: &[u8]) -> Option<bool> {
    let prefix = |length: usize| digits[..length].iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    let (two, three, four) = (prefix(2), prefix(3), prefix(4));
    let common = match digits.len() {
        // Visa, Mastercard, Dankort, Discover, JCB, UnionPay.
        16 => {
            digits[0] == b'4'
                || matches!(two, 51..=55 | 62 | 65)
                || matches!(three, 644..=649)
                || matches!(four, 2221..=2720 | 3528..=3589 | 5019 | 6011)
        }
        // American Express.
        15 => matches!(two, 34 | 37),
        _ => false,
    };
    if common {
        return Some(true);
    }
    let rare = match digits.len() {
        // Visa.
        13 | 19 if digits[0] == b'4' => true,
        // Diners.
        14..=19 if matches!(two, 36 | 38 | 39) || matches!(three, 300..=305) || four == 3095 => true,
        // JCB, Discover.
        16..=19 if matches!(four, 3528..=3589) => true,
        // Maestro, UnionPay.
        _ => matches!(two, 50 | 56..=58 | 60..=69),
    };
    rare.then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::digits::Runs;
    use proptest::prelude::*;

    fn found(text: &str) -> Vec<(&str, &'static str)> {
        let hits = Runs::of(text.as_bytes()).filter_map(|run| at(text.as_bytes(), &run, Date::MAX));
        hits.map(|hit| (&text[hit.range], FORMS[hit.form])).collect()
    }

    /// The issuers' published test numbers.
    #[test]
    fn finds_numbers() {
        for (text, form) in [
            ("4111111111111111", "bare"),
            ("4111 1111 1111 1111", "grouped"),
            ("4111-1111-1111-1111", "grouped"),
            ("4111 1111 1111\n1111", "grouped"),
            ("4111\t1111\t1111\t1111", "grouped"),
            ("5555555555554444", "bare"),
            ("2223003122003222", "bare"),
            ("378282246310005", "bare"),
            ("3782 822463 10005", "grouped"),
            ("30569309025904", "uncommon"),
            ("3056 930902 5904", "uncommon"),
            ("6011111111111117", "bare"),
            ("3530111333300000", "bare"),
            ("4222222222222", "uncommon"),
            ("5019717010103742", "bare"),
        ] {
            assert_eq!(found(text), [(text, form)]);
            assert_eq!(found(&format!("Kort: {text}, 12/30 123")), [(text, form)]);
        }
        // The security code behind it is not part of it.
        assert_eq!(found("4111 1111 1111 1111 123"), [("4111 1111 1111 1111", "grouped")]);
        for text in [
            "4111111111111112",
            "9999999999999995",
            "4111 1111 1111 1112",
            "4111 1111-1111 1111",
            "4111  1111 1111 1111",
            "14111111111111111",
            "a4111111111111111",
            "DK50 4111 1111 1111 1111",
            "1 1 1 1",
            "",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_number_of_a_common_issuer_is_found(body in "(4[0-9]|5[1-5]|65)[0-9]{13}") {
            let number = (0..10).map(|check| format!("{body}{check}")).find(|number| luhn(number.as_bytes())).unwrap();
            prop_assert_eq!(found(&number), [(number.as_str(), "bare")]);
            let groups: Vec<&str> = [0, 4, 8, 12].iter().map(|&at| &number[at..at + 4]).collect();
            for sign in [" ", "-"] {
                let written = groups.join(sign);
                prop_assert_eq!(found(&written), [(written.as_str(), "grouped")]);
            }
        }
    }
}
