//! Norwegian fødselsnummer and D-nummer: Folkeregisterloven sections 2-2 and 2-3, folkeregisterforskriften section
//! 2-2-1; Skatteetaten, *Folkeregisteret – fødselsnummer*.
//!
//! Eleven digits: day, month, year, three individual digits that give the century, and two check digits (modulus 11). D
//! numbers, for people who stay a short time, add 4 to the first digit of the day. Health services' replacement numbers
//! (H numbers) add 40 to the month; synthetic people of test registers have 65 or 80 added to it, and are found, since
//! nothing else distinguishes them from a mistake. From 2032 on numbers may have other check digits and centuries; none
//! of those is issued yet.

use super::{
    Checksum, Finder, Identifier,
    check_digit::weighted,
    date::{is_past, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "no.fodselsnummer",
    forms: &["grouped", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 8] = [
    Layout { form: 0, pattern: "dddddd ddddd" },
    Layout { form: 0, pattern: "dddddd~ddddd" },
    Layout { form: 0, pattern: "dd.dd.dd ddddd" },
    Layout { form: 0, pattern: "dd.dd.dd~ddddd" },
    Layout { form: 0, pattern: "dd dd dd ddddd" },
    Layout { form: 0, pattern: "dddddd ddd dd" },
    Layout { form: 0, pattern: "dddddd.ddddd" },
    Layout { form: 1, pattern: "ddddddddddd" },
];

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    let (day, month, year) = (number(&value[..2]), number(&value[2..4]), number(&value[4..6]));
    let day = if day > 40 { day - 40 } else { day };
    let month = match month {
        81.. => month - 80,
        66.. => month - 65,
        41.. => month - 40,
        _ => month,
    };
    let century = match (number(&value[6..9]), year) {
        (0..=499, _) => 1900,
        (500..=749, 54..) => 1800,
        (500..=999, 0..=39) => 2000,
        (900..=999, 40..) => 1900,
        _ => return None,
    };
    let fits = is_past(century + year, month, day, today)
        && weighted(value, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && weighted(value, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11);
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
                ("14823990090", "bare"),
                ("148239 90090", "grouped"),
                ("148239-90090", "grouped"),
                ("14.82.39 90090", "grouped"),
                ("14 82 39 90090", "grouped"),
                ("148239 900 90", "grouped"),
                ("54023990019", "bare"),
                ("14423990008", "bare"),
                ("14023990025", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "14823990091",
                "14823990080",
                "14139990090",
                "32023990025",
                "148239  9 0090",
                "114823990090",
                "148239900900",
                "14823990090a",
                "a14823990090",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            day in 1_u8..=28, month in 1_u8..=12, year in 0_u8..=39,
            more in prop::sample::select(vec![(0, 0), (40, 0), (0, 40), (0, 65), (40, 80)]), serial in 500_u16..=999,
        ) {
            let number = {
                let (more_days, more_months): (u8, u8) = more;
                format!("{:02}{:02}{year:02}{serial}??", day + more_days, month + more_months)
            };
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
