//! CNP, the personal numeric code of Romania: Legea nr. 105/1996 and OUG nr. 97/2005, article 6; HG nr. 295/2021.
//!
//! Thirteen digits: sex and century (1, 2: born from 1900; 3, 4: from 1800; 5, 6: from 2000; 7, 8: foreigners who live
//! there; 9: other foreigners), year, month, day, county, serial number of three, check digit modulo 11 (10 is written
//! 1).

use super::{
    Checksum, Finder, Identifier,
    check_digit::weighted,
    date::{is_past, is_recent_past, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "ro.cnp",
    forms: &["spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 4] = [
    Layout { form: 0, pattern: "d dddddd dddddd" },
    Layout { form: 0, pattern: "d dddddd dd ddd d" },
    Layout { form: 0, pattern: "d-dddddd-dddddd" },
    Layout { form: 1, pattern: "ddddddddddddd" },
];

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    let check = weighted(value, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    if u32::from(value[12] - b'0') != if check == 10 { 1 } else { check } {
        return None;
    }
    let (year, month, day) = (number(&value[1..3]), number(&value[3..5]), number(&value[5..7]));
    let is_born = match value[0] {
        b'1' | b'2' => is_past(1900 + year, month, day, today),
        b'3' | b'4' => is_past(1800 + year, month, day, today),
        b'5' | b'6' => is_past(2000 + year, month, day, today),
        b'7'..=b'9' => is_recent_past(year, month, day, today),
        _ => false,
    };
    // 41 to 48 are the sectors of Bucharest; 70 is any county, 80 to 83 are people registered from abroad.
    let county = matches!(number(&value[7..9]), 1..=48 | 51 | 52 | 70 | 80..=83);
    (is_born && county).then_some(Checksum::Fits)
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
                ("5570214400000", "bare"),
                // A foreigner's century is not told; no serial number.
                ("7000229400004", "bare"),
                ("5 570214 400000", "spaced"),
                ("5 570214 40 000 0", "spaced"),
                ("5-570214-400000", "spaced"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "5570214400001",
                "5570214490006",
                "5570232400006",
                "5571330400005",
                "5580214400009",
                "0570214400001",
                "15570214400000",
                "55702144000001",
                "5 570214 40000",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            sex in 5_u8..=6, year in 40_u8..=57, day in 1_u8..=28, month in 1_u8..=12, county in 1_u8..=46,
            serial in 0_u16..=999,
        ) {
            let number = format!("{sex}{year:02}{month:02}{day:02}{county:02}{serial:03}?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
