//! Serial numbers of German passports and identity cards: Passgesetz section 4, Personalausweisgesetz section 5;
//! Passverwaltungsvorschrift.
//!
//! Nine signs, digits and the letters that are no vowels and look like no digit, a letter first; the check digit of
//! ICAO Doc 9303 after them is often written as well.

use super::{Finder, Hit, Identifier, check_digit::machine_readable, lengths, serial};
use jiff::civil::Date;
use std::ops::Range;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "de.passport",
    forms: &["checked", "serial", "embedded"],
    checksum: None,
    finder: Finder::Own { starts: lengths(&[1, 2, 3, 4, 5, 6, 7, 8, 9]), at },
};

const CHECKED: usize = 0;
const SERIAL: usize = 1;
const EMBEDDED: usize = 2;

/// The serial number whose first digits are this run.
fn at(text: &[u8], run: &Range<usize>, _: Date) -> Option<Hit> {
    let range = serial::around(text, run, 10)?;
    if range.len() < 9 {
        return None;
    }
    let mut signs = [0; 10];
    let signs = &mut signs[..range.len()];
    signs.copy_from_slice(&text[range.clone()]);
    signs.make_ascii_uppercase();
    let (nine, check) = signs.split_at(9);
    let sign = |sign: &u8| sign.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(sign);
    if !nine.iter().all(sign) {
        return None;
    }
    let form = match check {
        [] => SERIAL,
        [check] if u32::from(check.wrapping_sub(b'0')) == machine_readable(nine) => CHECKED,
        _ => return None,
    };
    Hit::standing(text, range, form, EMBEDDED, true)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_not_found, found};
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    const CLOCK: Date = date(2057, 12, 31);

    /// The numbers of the specimens that the ministry shows.
    #[test]
    fn finds_every_written_form() {
        assert_found(
            &KIND,
            CLOCK,
            &[("C01X00T47", "serial"), ("C01X00T478", "checked"), ("c01x00t478", "checked"), ("L01X00T47", "serial")],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        let texts =
            ["C01X00T479", "C01X00T4", "C01X00T4780", "A01X00T47", "C01X00E47", "101X00T47", "C01X00T47B", "CFGHJKLMN"];
        assert_not_found(&KIND, CLOCK, &texts);
    }

    proptest! {
        #[test]
        fn every_number_is_found(serial in "[CFGHJK]00[0-9CFGHJKLMNPRTVWXYZ]{6}") {
            let checked = format!("{serial}{}", machine_readable(serial.as_bytes()));
            prop_assert_eq!(found(&KIND, &serial, CLOCK), [(serial.as_str(), "serial", true)]);
            prop_assert_eq!(found(&KIND, &checked, CLOCK), [(checked.as_str(), "checked", true)]);
        }
    }
}
