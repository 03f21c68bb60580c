//! The number of a European health insurance card (also of its replacement certificate, and the UK's GHIC): Decision
//! S2 of the Administrative Commission (2010/C 106/09), annex, field 8; EN 1867.
//!
//! Twenty digits: 80 (health care), the country (ISO 3166-1, numeric), the issuer (five), and the card (ten). Decision
//! S2 asks for no check digit.

use super::{Checksum, Finder, Identifier, date::number, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "eu.ehic",
    forms: &["grouped", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 7] = [
    Layout { form: 0, pattern: "dddddddddd dddddddddd" },
    Layout { form: 0, pattern: "dddddddddd-dddddddddd" },
    Layout { form: 0, pattern: "dd ddd ddddd dddddddddd" },
    Layout { form: 0, pattern: "ddddd ddddd dddddddddd" },
    Layout { form: 0, pattern: "ddddd ddddd ddddd ddddd" },
    Layout { form: 0, pattern: "dddd dddd dddd dddd dddd" },
    Layout { form: 1, pattern: "dddddddddddddddddddd" },
];

/// ISO 3166-1 numeric codes of the countries that issue cards: the European Economic Area, Switzerland, the United
/// Kingdom.
const COUNTRIES: [u32; 32] = [
    40, 56, 100, 191, 196, 203, 208, 233, 246, 250, 276, 300, 348, 352, 372, 380, 428, 438, 440, 442, 470, 528, 578,
    616, 620, 642, 703, 705, 724, 752, 756, 826,
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    let country = value.starts_with(b"80") && COUNTRIES.binary_search(&number(&value[2..5])).is_ok();
    country.then_some(Checksum::Fits)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_found_in_every_layout, assert_not_found, completed};
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    /// Numbers have no date. The ones here have neither issuer nor serial number.
    const CLOCK: Date = date(2057, 12, 31);

    #[test]
    fn finds_every_written_form() {
        assert_found(
            &KIND,
            CLOCK,
            &[
                ("80208000000000000000", "bare"),
                ("8020800000 0000000000", "grouped"),
                ("8020800000-0000000000", "grouped"),
                ("80 208 00000 0000000000", "grouped"),
                ("80208 00000 0000000000", "grouped"),
                ("80208 00000 00000 00000", "grouped"),
                ("8020 8000 0000 0000 0000", "grouped"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "80209000000000000000",
                "81208000000000000000",
                "8020800000000000000",
                "802080000000000000000",
                "A80208000000000000000",
                "80208 000000000000000",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(country in prop::sample::select(COUNTRIES.to_vec())) {
            let number = format!("80{country:03}000000000000000");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
