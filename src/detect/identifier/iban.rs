//! IBAN (ISO 13616): two letters of the country, two check digits, and as many letters and digits as that country has.

use super::{Finder, Hit, Identifier};
use jiff::civil::Date;
use std::ops::Range;

/// The kind.
pub(super) static KIND: Identifier =
    Identifier { name: "iban", forms: &FORMS, checksum: None, finder: Finder::Own { starts: u64::MAX << 2, at } };

/// How a number is written: without a gap, in groups, either within a URL or an address.
const FORMS: [&str; 3] = ["electronic", "grouped", "embedded"];
const ELECTRONIC: usize = 0;
const GROUPED: usize = 1;
const EMBEDDED: usize = 2;

/// The length in each country (SWIFT's IBAN registry), in the countries' order.
const LENGTHS: [(&[u8; 2], usize); 89] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// Signs between two groups, in bytes: a space, or one and the line end at which a line was cut.
const MAX_GAP: usize = 3;

/// The number whose check digits begin this run of digits.
fn at(text: &[u8], run: &Range<usize>, _: Date) -> Option<Hit> {
    let start = run.start.checked_sub(2)?;
    if run.len() < 2 || !text[start..run.start].iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let (end, gaps) = extent(text, start)?;
    if remainder(&text[start..end]) != 1 {
        return None;
    }
    let range = start..end;
    Hit::standing(text, range, if gaps { GROUPED } else { ELECTRONIC }, EMBEDDED, true)
}

/// Where the number ends, if it is long enough for its country, and whether it is written in groups.
fn extent(text: &[u8], start: usize) -> Option<(usize, bool)> {
    let country = [text[start].to_ascii_uppercase(), text[start + 1].to_ascii_uppercase()];
    let index = LENGTHS.binary_search_by_key(&&country, |(country, _)| country).ok()?;
    let mut missing = LENGTHS[index].1;
    let (mut gaps, mut gap) = (false, 0);
    let mut at = start;
    while missing > 0 {
        match text.get(at)? {
            byte if byte.is_ascii_alphanumeric() => {
                missing -= 1;
                gap = 0;
            }
            b' ' | b'-' | b'.' | b'\t' | b'\r' | b'\n' if gap < MAX_GAP => {
                gap += 1;
                gaps = true;
            }
            _ => return None,
        }
        at += 1;
    }
    Some((at, gaps))
}

/// ISO 7064 modulus 97-10: the first four signs moved to the end, letters as 10 to 35.
fn remainder(value: &[u8]) -> u64 {
    /// A number below which it has room for two more digits.
    const ROOM: u64 = u64::MAX / 1000;
    let signs = || value.iter().filter(|byte| byte.is_ascii_alphanumeric());
    let number = signs().skip(4).chain(signs().take(4)).fold(0, |number, &byte| {
        // A division takes its time: it is made where it has to be.
        let number = if number < ROOM { number } else { number % 97 };
        match byte {
            b'0'..=b'9' => number * 10 + u64::from(byte - b'0'),
            _ => number * 100 + u64::from(byte.to_ascii_uppercase() - b'A') + 10,
        }
    });
    number % 97
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

    #[test]
    fn the_table_can_be_searched() {
        assert!(LENGTHS.is_sorted_by(|left, right| left.0 < right.0));
    }

    /// Numbers of the registry's own examples.
    #[test]
    fn finds_numbers() {
        for (text, form) in [
            ("DK5000400440116243", "electronic"),
            ("DK50 0040 0440 1162 43", "grouped"),
            ("DK50 0040 \r\n0440 1162 43", "grouped"),
            ("DK50\t0040\t0440\t1162\t43", "grouped"),
            ("dk50 0040 0440 1162 43", "grouped"),
            ("GB29NWBK60161331926819", "electronic"),
            ("GB29 NWBK 6016 1331 9268 19", "grouped"),
            ("NO9386011117947", "electronic"),
            ("MT84MALT011000012345MTLCAST001S", "electronic"),
            ("FR14-2004-1010-0505-0001-3M02-606", "grouped"),
        ] {
            assert_eq!(found(text), [(text, form)]);
            assert_eq!(found(&format!("Konto: {text}. Tak")), [(text, form)]);
        }
        for text in [
            "DK5000400440116244",
            "DK500040044011624",
            "DK50004004401162433",
            "XX5000400440116243",
            "aDK5000400440116243",
            "DK50    0040 0440 1162 43",
            "50 0040 0440 1162 43",
            "DK",
            "DK5",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_digit_is_noticed(at in 4_usize..18, digit in b'0'..=b'9') {
            let mut number = b"DK5000400440116243".to_vec();
            let same = number[at] == digit;
            number[at] = digit;
            prop_assert_eq!(!found(std::str::from_utf8(&number).unwrap()).is_empty(), same);
        }
    }
}
