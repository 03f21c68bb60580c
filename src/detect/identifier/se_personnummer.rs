//! Swedish personnummer and samordningsnummer: Folkbokföringslagen (1991:481) section 18; Lag (2022:1697) om
//! samordningsnummer; Skatteverket SKV 704 and SKV 707.
//!
//! Ten digits: year, month, day, a serial of three, and a check digit (Luhn over all ten). Twelve where the year is
//! written in full. The sign before the last four is `-`, and `+` from the year in which a person becomes a hundred.
//! Coordination numbers (samordningsnummer), for people who are not registered, add 60 to the day.

use super::{
    Checksum, Finder, Identifier,
    check_digit::luhn,
    date::{is_past, is_recent_past, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "se.personnummer",
    forms: &["hyphen", "full", "spaced", "full-bare", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 10] = [
    Layout { form: 0, pattern: "dddddd-dddd" },
    Layout { form: 0, pattern: "dddddd+dddd" },
    Layout { form: 1, pattern: "dddddddd-dddd" },
    Layout { form: 1, pattern: "dddddddd+dddd" },
    Layout { form: 2, pattern: "dddddd~dddd" },
    Layout { form: 2, pattern: "dddddd dddd" },
    Layout { form: 2, pattern: "dddddddd~dddd" },
    Layout { form: 2, pattern: "dddddddd dddd" },
    Layout { form: 3, pattern: "dddddddddddd" },
    Layout { form: 4, pattern: "dddddddddd" },
];

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    let (century, number_of_ten) = value.split_at(value.len() - 10);
    let part = |at: usize| number(&number_of_ten[at..at + 2]);
    let (year, month, day) = (part(0), part(2), part(4));
    let day = if day > 60 { day - 60 } else { day };
    let born = match number(century) {
        0 if century.is_empty() => is_recent_past(year, month, day, today),
        century @ 18.. => is_past(century * 100 + year, month, day, today),
        _ => false,
    };
    (born && luhn(number_of_ten)).then_some(Checksum::Fits)
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
                ("570214-9807", "hyphen"),
                ("570214+9807", "hyphen"),
                ("570274-9804", "hyphen"),
                ("20570214-9807", "full"),
                ("19120229+9838", "full"),
                ("570214 9807", "spaced"),
                ("570214 - 9807", "spaced"),
                ("570214-\r\n9807", "spaced"),
                ("20570214 9807", "spaced"),
                ("205702149807", "full-bare"),
                ("5702149807", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "570214-9808",
                "570230-9807",
                "570214--9807",
                "570214-980",
                "570214-98070",
                "570299-9807",
                "20580214-9807",
                "17570214-9807",
                "30570214-9807",
                "556036-0793",
                "a570214-9807",
                "1-570214-9807",
                "+5702149807",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            year in 0_u32..=99, month in 1_u8..=12, day in 1_u8..=28, coordination in any::<bool>(),
            full in any::<bool>(), serial in 980_u16..=999,
        ) {
            let number = {
                let century = match full {
                    true if year <= 57 => "20",
                    true => "19",
                    false => "",
                };
                let day = if coordination { day + 60 } else { day };
                format!("{century}{year:02}{month:02}{day:02}{serial}?")
            };
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
