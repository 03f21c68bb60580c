//! Icelandic kennitala: Lög um skráningu einstaklinga nr. 140/2019; Þjóðskrá Íslands.
//!
//! Ten digits: day, month, year, a serial of two, a check digit (modulus 11), and the century (8 for 1800, 9 for 1900,
//! 0 for 2000). Those of companies and institutions add 40 to the day, and are nobody's.

use super::{
    Checksum, Finder, Identifier,
    check_digit::weighted,
    date::{is_past, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "is.kennitala",
    forms: &["hyphen", "spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 4] = [
    Layout { form: 0, pattern: "dddddd-dddd" },
    Layout { form: 1, pattern: "dddddd dddd" },
    Layout { form: 1, pattern: "dddddd~dddd" },
    Layout { form: 2, pattern: "dddddddddd" },
];

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    let century = match value[9] {
        b'8' => 1800,
        b'9' => 1900,
        b'0' => 2000,
        _ => return None,
    };
    let (day, month, year) = (number(&value[..2]), number(&value[2..4]), number(&value[4..6]));
    let fits =
        is_past(century + year, month, day, today) && weighted(value, &[3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11);
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
                ("140257-2060", "hyphen"),
                ("140257 2060", "spaced"),
                ("140257 - 2060", "spaced"),
                ("1402572060", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "140257-2070",
                "140257-2061",
                "310257-2060",
                "540257-2060",
                "140258-2060",
                "140257-20600",
                "a140257-2060",
                "1-140257-2060",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            day in 1_u8..=28, month in 1_u8..=12, year in 37_u8..=57, serial in 20_u8..=99,
        ) {
            let number = format!("{day:02}{month:02}{year:02}{serial}?0");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
