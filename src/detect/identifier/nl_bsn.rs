//! Dutch burgerservicenummer (BSN): Wet algemene bepalingen burgerservicenummer; Besluit burgerservicenummer; Logius,
//! *11-proef*.
//!
//! Nine digits; older ones of eight are written without the leading zero. The sum with the weights 9 to 2 and -1 is a
//! multiple of 11, which every eleventh number meets: it says little by itself.

use super::{Checksum, Finder, Identifier, check_digit::weighted, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "nl.bsn",
    forms: &["dotted", "grouped", "bare", "short", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 6] = [
    Layout { form: 0, pattern: "dddd.dd.ddd" },
    Layout { form: 0, pattern: "ddd.ddd.ddd" },
    Layout { form: 1, pattern: "dddd dd ddd" },
    Layout { form: 1, pattern: "ddd ddd ddd" },
    Layout { form: 2, pattern: "ddddddddd" },
    Layout { form: 3, pattern: "dddddddd" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    let weights = &[9, 8, 7, 6, 5, 4, 3, 2, 10][9 - value.len()..];
    // 10 is -1 modulus 11.
    let sum = weighted(value, weights);
    (sum > 0 && sum.is_multiple_of(11)).then_some(Checksum::Fits)
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
                ("9999.90.007", "dotted"),
                ("999.990.007", "dotted"),
                ("9999 90 007", "grouped"),
                ("999 990 007", "grouped"),
                ("999990007", "bare"),
                ("99999006", "short"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &["999990008", "000000000", "00000000", "9999900070", "1.999990007", "a999990007", "99999007"],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(serial in 0_u32..=9999) {
            let number = format!("9999{serial:04}?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
