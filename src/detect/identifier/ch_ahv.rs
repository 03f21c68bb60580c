//! Swiss AHV number (numéro AVS): Bundesgesetz über die Alters- und Hinterlassenenversicherung articles 50c to 50g;
//! Verordnung article 133. Liechtenstein has the same.
//!
//! Thirteen digits: 756, nine without meaning, and the check digit of a GTIN-13.

use super::{Checksum, Finder, Identifier, check_digit::weighted, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "ch.ahv",
    forms: &["dotted", "spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 4] = [
    Layout { form: 0, pattern: "ddd.dddd.dddd.dd" },
    Layout { form: 1, pattern: "ddd dddd dddd dd" },
    Layout { form: 1, pattern: "ddd-dddd-dddd-dd" },
    Layout { form: 2, pattern: "ddddddddddddd" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    let fits =
        value.starts_with(b"756") && weighted(value, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10);
    fits.then_some(Checksum::Fits)
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
                ("756.9217.0769.85", "dotted"),
                ("756.1234.5678.97", "dotted"),
                ("756 9217 0769 85", "spaced"),
                ("756-9217-0769-85", "spaced"),
                ("7569217076985", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "756.9217.0769.86",
                "757.9217.0769.85",
                "7569217076986",
                "75692170769850",
                "0.756.9217.0769.85",
                "756.9217.0769.8",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(serial in 0_u16..=999) {
            let number = format!("756000000{serial:03}?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
