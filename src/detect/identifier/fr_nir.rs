//! French numéro d'inscription au répertoire (NIR, numéro de sécurité sociale): Décret n° 82-103 of 22 January 1982;
//! INSEE, *Répertoire national d'identification des personnes physiques*.
//!
//! Sex, year, month, department (2A and 2B in Corsica), commune, order: thirteen signs; then a key of two digits, 97
//! less the remainder of the thirteen by 97, for which 2A is 19 and 2B is 18. Months above 12 are of people whose month
//! of birth is not known. Often only the thirteen are written.

use super::{Checksum, Finder, Identifier, check_digit::remainder, date::number, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "fr.nir",
    forms: &["spaced", "bare", "spaced-no-key", "bare-no-key", "embedded"],
    checksum: Some("the key"),
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 13] = [
    Layout { form: 0, pattern: "d dd dd dd ddd ddd dd" },
    Layout { form: 0, pattern: "d dd dd dl ddd ddd dd" },
    Layout { form: 0, pattern: "d dd dd ddddd ddd dd" },
    Layout { form: 0, pattern: "ddddddddddddd dd" },
    Layout { form: 0, pattern: "ddddddldddddd dd" },
    Layout { form: 0, pattern: "d.dd.dd.dd.ddd.ddd.dd" },
    Layout { form: 0, pattern: "d dd dd dd ddd ddd-dd" },
    Layout { form: 1, pattern: "ddddddddddddddd" },
    Layout { form: 1, pattern: "ddddddldddddddd" },
    Layout { form: 2, pattern: "d dd dd dd ddd ddd" },
    Layout { form: 2, pattern: "d dd dd dl ddd ddd" },
    Layout { form: 3, pattern: "ddddddddddddd" },
    Layout { form: 3, pattern: "ddddddldddddd" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    let (thirteen, key) = value.split_at(13);
    let month = number(&thirteen[3..5]);
    // 1 and 2; 3 and 4, 7 and 8 for those whose number is being made.
    if !matches!(thirteen[0], b'1'..=b'4' | b'7' | b'8') || !matches!(month, 1..=12 | 20..=42 | 50..=99) {
        return None;
    }
    let mut digits = [b'0'; 13];
    digits.copy_from_slice(thirteen);
    match &thirteen[5..7] {
        b"2A" => digits[5..7].copy_from_slice(b"19"),
        b"2B" => digits[5..7].copy_from_slice(b"18"),
        [b'0'..=b'9', b'0'..=b'9'] => {}
        _ => return None,
    }
    if key.is_empty() {
        // With nothing to check, at least the month is one.
        return (month <= 12).then_some(Checksum::Fails);
    }
    (97 - remainder(&digits, 97) == u64::from(number(key))).then_some(Checksum::Fits)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_found_in_every_layout, assert_not_found, completed};
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    /// Behind this clock people are born who are not.
    const CLOCK: Date = date(2057, 12, 31);

    #[test]
    fn finds_every_written_form() {
        assert_found(
            &KIND,
            CLOCK,
            &[
                ("2 57 02 99 999 000 95", "spaced"),
                ("2 57 02 2A 999 000 24", "spaced"),
                ("1 57 02 2b 999 000 04", "spaced"),
                ("2570299999000 95", "spaced"),
                ("2 57 02 99999 000 95", "spaced"),
                ("2.57.02.99.999.000.95", "spaced"),
                ("257029999900095", "bare"),
                ("257022A99900024", "bare"),
                ("2 57 02 99 999 000", "spaced-no-key"),
                ("2 57 02 2A 999 000", "spaced-no-key"),
                ("2570299999000", "bare-no-key"),
                ("257022A999000", "bare-no-key"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "257029999900096",
                "557029999900095",
                "257139999900095",
                "2571399999000",
                "257022C99900024",
                "2570299999000950",
                "a257029999900095",
                "257029999900",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            sex in 1_u8..=2, year in 0_u8..=99, month in 1_u8..=12, department in "2A|2B|[0-9][1-9]",
            commune in 0_u16..=999,
        ) {
            let number = format!("{sex}{year:02}{month:02}{department}{commune:03}000??");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
