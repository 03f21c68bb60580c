//! Numbers without a format: all of their digits.

use std::{borrow::Cow, ops::Range};

/// Digits of a number that hold what was typed.
const EXACT_DIGITS: usize = 15;

/// Between these, numbers are short when written out.
const SHORT: Range<f64> = 1e-9..1e21;

/// A number without the digits that come of binary fractions. Whole numbers have all their digits, also those that
/// Excel, which keeps fifteen, makes zeros: other programs write sixteen.
pub(in crate::documents) fn plain(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if value.fract() == 0.0 && SHORT.contains(&value.abs()) {
        return format!("{value:.0}");
    }
    let digits = EXACT_DIGITS - 1;
    let rounded = format!("{value:.digits$e}").parse().unwrap_or(value);
    if SHORT.contains(&rounded.abs()) { rounded.to_string() } else { format!("{rounded:e}") }
}

/// A number that is stored in digits, as it was typed: without an exponent where that is short.
pub(in crate::documents) fn as_typed(stored: &str) -> Cow<'_, str> {
    let stored = stored.trim();
    if stored.len() <= EXACT_DIGITS && !stored.contains(['e', 'E']) {
        return Cow::Borrowed(stored);
    }
    match stored.parse::<f64>() {
        Ok(number) if SHORT.contains(&number.abs()) => Cow::Owned(plain(number)),
        _ => Cow::Borrowed(stored),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_were_typed() {
        for (value, shown) in [
            (6_101_900_005.0, "6101900005"),
            (0.1 + 0.2, "0.3"),
            (-1.5, "-1.5"),
            (4_571_123_412_341_234.0, "4571123412341234"),
            (1e300, "1e300"),
            (1.5e-12, "1.5e-12"),
            (-0.0, "0"),
        ] {
            assert_eq!(plain(value), shown);
        }
    }

    #[test]
    fn stored_numbers_are_as_typed() {
        for (stored, typed) in [
            ("101900005", "101900005"),
            ("6101900005", "6101900005"),
            ("4.5710000000000002E+15", "4571000000000000"),
            ("0.30000000000000004", "0.3"),
            ("1234567.8900000001", "1234567.89"),
            ("1E-300", "1E-300"),
            ("1e999", "1e999"),
            ("", ""),
            ("x", "x"),
        ] {
            assert_eq!(as_typed(stored), typed, "{stored}");
        }
    }
}
