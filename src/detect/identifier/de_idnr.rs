//! German steuerliche Identifikationsnummer: Abgabenordnung sections 139a and 139b; Bundeszentralamt für Steuern. Since
//! 2023 the registers' common number (Identifikationsnummerngesetz section 1).
//!
//! Eleven digits, the first none of 0. Among the first ten exactly one digit stands twice or three times, the others
//! once at most; the last checks them (ISO/IEC 7064 modulus 11,10).

use super::{Checksum, Finder, Identifier, check_digit::modulus_11_10, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "de.idnr",
    forms: &["grouped", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 2] =
    [Layout { form: 0, pattern: "dd ddd ddd ddd" }, Layout { form: 1, pattern: "ddddddddddd" }];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    if value[0] == b'0' {
        return None;
    }
    let mut counts = [0_u8; 10];
    for digit in &value[..10] {
        counts[usize::from(digit - b'0')] += 1;
    }
    let repeated = counts.iter().filter(|&&count| count > 1);
    let fits = repeated.clone().count() == 1 && repeated.clone().all(|&count| count <= 3) && modulus_11_10(value);
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
        assert_found(&KIND, CLOCK, &[("86 095 742 719", "grouped"), ("86095742719", "bare")]);
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "86095742718",
                "06095742719",
                "01234567890",
                "11111111111",
                "860957427190",
                "12345678903",
                "86 095 742 71",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            digits in Just(vec![1_u8, 2, 3, 4, 5, 6, 7, 8, 9]).prop_shuffle(), twice in 0_usize..9,
        ) {
            let number = {
                let first: String = digits.iter().map(u8::to_string).collect();
                format!("{first}{}?", digits[twice])
            };
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
