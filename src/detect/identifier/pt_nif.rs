//! NIF of natural persons in Portugal: Decreto-Lei n.º 14/2013, articles 8 to 13.
//!
//! Nine digits whose first is 1, 2 or 3 (45 for people who do not live in Portugal), with a check digit modulo 11.
//! Those of companies and authorities begin with others.

use super::{Checksum, Finder, Identifier, check_digit::weighted, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "pt.nif",
    forms: &["spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 4] = [
    Layout { form: 0, pattern: "ddd ddd ddd" },
    Layout { form: 0, pattern: "ddd.ddd.ddd" },
    Layout { form: 0, pattern: "ddd-ddd-ddd" },
    Layout { form: 1, pattern: "ddddddddd" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    if !(matches!(value[0], b'1'..=b'3') || value.starts_with(b"45")) {
        return None;
    }
    let remainder = weighted(value, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    // The check digits 10 and 11 are written 0.
    let check = if remainder < 2 { 0 } else { 11 - remainder };
    (u32::from(value[8] - b'0') == check).then_some(Checksum::Fits)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_found_in_every_layout, assert_not_found, completed};
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    /// Numbers have no date. The ones here are far from being issued, or the example that everyone uses.
    const CLOCK: Date = date(2057, 12, 31);

    #[test]
    fn finds_every_written_form() {
        assert_found(
            &KIND,
            CLOCK,
            &[
                ("399999990", "bare"),
                ("399 999 990", "spaced"),
                ("399.999.990", "spaced"),
                ("399-999-990", "spaced"),
                ("123456789", "bare"),
                ("459999990", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &["399999991", "599999993", "099999994", "3999999900", "399 999990", "399.999.990.1", "PT399999990"],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(serial in 39_990_000_u32..=39_999_999) {
            let number = format!("{serial}?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
