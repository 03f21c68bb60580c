//! British driver numbers: Motor Vehicles (Driving Licences) Regulations 1999; DVLA, *Driver number*.
//!
//! Sixteen signs: the surname's first five letters (9 where it has fewer), the year's ten, the month (plus 50 for
//! women), the day, the year's one, two initials (9 where there is none), a digit, and two check signs whose rule is
//! not public.

use super::{Checksum, Finder, Identifier, date::number, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "gb.driving-licence",
    forms: &["bare", "spaced", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 7] = [
    Layout { form: 0, pattern: "lllllddddddlxdxx" },
    Layout { form: 0, pattern: "lllldddddddlxdxx" },
    Layout { form: 0, pattern: "lllddddddddlxdxx" },
    Layout { form: 0, pattern: "lldddddddddlxdxx" },
    Layout { form: 1, pattern: "lllll dddddd lxdxx" },
    Layout { form: 1, pattern: "llll9 dddddd lxdxx" },
    Layout { form: 1, pattern: "lll99 dddddd lxdxx" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    let letters = value.iter().take_while(|sign| sign.is_ascii_alphabetic()).count();
    let filled = value[letters..5].iter().all(|sign| *sign == b'9');
    let (month, day) = (number(&value[6..8]), number(&value[8..10]));
    let initial = |sign: u8| sign.is_ascii_alphabetic() || sign == b'9';
    let fits = filled && matches!(month, 1..=12 | 51..=62) && (1..=31).contains(&day) && initial(value[12]);
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
                ("MORGA657054SM9IJ", "bare"),
                ("morga657054sm9ij", "bare"),
                ("FOX99157054S99IJ", "bare"),
                ("MORG9657054SM9IJ", "bare"),
                ("MORGA 657054 SM9IJ", "spaced"),
                ("FOX99 157054 S99IJ", "spaced"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "MORGA637054SM9IJ",
                "MORGA657324SM9IJ",
                "MORG8657054SM9IJ",
                "MORGA657054S89IJ",
                "MORGA6570541M9IJ",
                "XMORGA657054SM9IJ",
                "MORGA657054SM9IJK",
                "MORGA657054SM9I",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            name in "[A-Z]{5}|[A-Z]{4}9|[A-Z]{3}99", female in any::<bool>(), month in 1_u8..=12, day in 1_u8..=31,
            years in 0_u8..=99,
        ) {
            let number = {
                let month = if female { month + 50 } else { month };
                format!("{name}{}{month:02}{day:02}{}A99AA", years / 10, years % 10)
            };
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
