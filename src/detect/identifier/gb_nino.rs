//! British National Insurance number: Social Security (Crediting and Treatment of Contributions, and National Insurance
//! Numbers) Regulations 2001 regulation 9; HM Revenue & Customs, *National Insurance Manual* NIM39110.
//!
//! Two letters, six digits, and a suffix A to D, which is sometimes left out. There is no check digit.

use super::{Checksum, Finder, Identifier, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "gb.nino",
    forms: &["spaced", "bare", "short", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 8] = [
    Layout { form: 0, pattern: "ll dd dd dd l" },
    Layout { form: 0, pattern: "ll dddddd l" },
    Layout { form: 0, pattern: "ll-dd-dd-dd-l" },
    Layout { form: 1, pattern: "lldddddd l" },
    Layout { form: 1, pattern: "llddddddl" },
    Layout { form: 2, pattern: "ll dd dd dd" },
    Layout { form: 2, pattern: "ll dddddd" },
    Layout { form: 2, pattern: "lldddddd" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    let (first, second) = (value[0], value[1]);
    let never = |letter: u8| matches!(letter, b'D' | b'F' | b'I' | b'Q' | b'U' | b'V');
    let prefix = !never(first)
        && !never(second)
        && second != b'O'
        && !matches!(&value[..2], b"BG" | b"GB" | b"KN" | b"NK" | b"NT" | b"TN" | b"ZZ");
    let suffix = value.get(8).is_none_or(|suffix| matches!(suffix, b'A'..=b'D'));
    (prefix && suffix).then_some(Checksum::Fits)
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
                ("PZ 00 00 00 A", "spaced"),
                ("PZ 000000 A", "spaced"),
                ("PZ-00-00-00-A", "spaced"),
                ("PZ000000A", "bare"),
                ("pz000000a", "bare"),
                ("PZ000000 A", "bare"),
                ("PZ000000", "short"),
                ("PZ 00 00 00", "short"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "QQ 12 34 56 A",
                "QQ123456C",
                "PO000000A",
                "BG000000A",
                "ZZ000000A",
                "PZ000000E",
                "PZ0000000A",
                "APZ000000A",
                "PZ00000A",
                "P 000000 A",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(suffix in "[A-D]?") {
            let number = format!("PZ000000{suffix}");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
