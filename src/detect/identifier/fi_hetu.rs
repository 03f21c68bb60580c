//! Finnish henkilötunnus: Laki väestötietojärjestelmästä (661/2009) section 11, Valtioneuvoston asetus 128/2010 as
//! changed by 690/2022 (the signs of 2023); Digi- ja väestötietovirasto.
//!
//! Day, month, year; a sign for the century (`+` 1800; `-`, U to Y 1900; A to F 2000); a serial of three; a check sign.
//! Serials from 900 on are temporary, as hospitals give them.

use super::{
    Checksum, Finder, Identifier,
    date::{is_past, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "fi.hetu",
    forms: &["signed", "spaced", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 5] = [
    Layout { form: 0, pattern: "dddddd-dddx" },
    Layout { form: 0, pattern: "dddddd+dddx" },
    Layout { form: 0, pattern: "ddddddldddx" },
    Layout { form: 1, pattern: "dddddd~dddx" },
    Layout { form: 1, pattern: "dddddd ldddx" },
];

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    const CHECKS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let (date, rest) = value.split_at(6);
    let (sign, rest) = match rest {
        [sign, rest @ ..] if rest.len() == 4 => (*sign, rest),
        _ => (b'-', rest),
    };
    let century = match sign {
        b'-' | b'U'..=b'Y' => 1900,
        b'A'..=b'F' => 2000,
        _ => return None,
    };
    let (serial, check) = rest.split_at(3);
    let (day, month, year) = (number(&date[..2]), number(&date[2..4]), number(&date[4..]));
    // `+` and `-` are no part of the value; the years 1800 and 1900 had the same days.
    let fits = is_past(century + year, month, day, today) || century == 1900 && is_past(1800 + year, month, day, today);
    let place = (number(date) * 1000 + number(serial)) % 31;
    (fits && number(serial) >= 2 && check == &CHECKS[place as usize..=place as usize]).then_some(Checksum::Fits)
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
                ("140257A901D", "signed"),
                ("140257B901D", "signed"),
                ("140257F901D", "signed"),
                ("140257-901D", "signed"),
                ("140257+901D", "signed"),
                ("140257Y901D", "signed"),
                ("140257a901d", "signed"),
                ("140257 - 901D", "spaced"),
                ("140257 A901D", "spaced"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "140257A901E",
                "140257G901D",
                "140257T901D",
                "310257A901D",
                "140258A901D",
                "140257A001C",
                "140257901D",
                "140257A901",
                "140257A901DD",
                "1140257A901D",
                "140257--901D",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            day in 1_u8..=28, month in 1_u8..=12, year in 0_u8..=57, sign in "[A-F]", serial in 900_u16..=999,
        ) {
            let number = format!("{day:02}{month:02}{year:02}{sign}{serial}?");
            if let Some(number) = completed(&KIND, &number, "0123456789ABCDEFHJKLMNPRSTUVWXY", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
