//! Irish Personal Public Service number: Social Welfare Consolidation Act 2005 section 262.
//!
//! Seven digits, a check letter, and since 2013 a second letter that counts in it (A, B or H); before, a W was added to
//! the numbers of wives, and counts nothing, as T and X do.

use super::{Checksum, Finder, Identifier, check_digit::weighted, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "ie.pps",
    forms: &["bare", "spaced", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 4] = [
    Layout { form: 0, pattern: "dddddddll" },
    Layout { form: 0, pattern: "dddddddl" },
    Layout { form: 1, pattern: "ddddddd ll" },
    Layout { form: 1, pattern: "ddddddd l" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    let second = match value.get(8) {
        None | Some(b'W' | b'T' | b'X') => 0,
        Some(letter @ (b'A' | b'B' | b'H')) => u32::from(letter - b'A') + 1,
        Some(_) => return None,
    };
    let sum = weighted(&value[..7], &[8, 7, 6, 5, 4, 3, 2]) + second * 9;
    (b"WABCDEFGHIJKLMNOPQRSTUV"[(sum % 23) as usize] == value[7]).then_some(Checksum::Fits)
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
                ("1234567T", "bare"),
                ("1234567FA", "bare"),
                ("1234567TW", "bare"),
                ("1234567 FA", "spaced"),
                ("1234567 T", "spaced"),
                ("1234567t", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &["1234567S", "1234567TA", "1234567TZ", "1234567XFA", "11234567T", "1234567", "A1234567T", "1234567-T"],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(serial in 0_u8..=99, second in "[ABHTWX]?") {
            let number = format!("00000{serial:02}?{second}");
            if let Some(number) = completed(&KIND, &number, "ABCDEFGHIJKLMNOPQRSTUVW", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
