//! Dates of birth within numbers.

use jiff::civil::Date;

/// The number that these ASCII digits write; they are few.
pub(super) fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit.wrapping_sub(b'0')))
}

/// The date, if there is one.
pub(super) fn date(year: u32, month: u32, day: u32) -> Option<Date> {
    // Most digits are no date, which the library tells with an error that takes its time.
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    let first = Date::new(i16::try_from(year).ok()?, month, 1).ok()?;
    if day > first.days_in_month() { None } else { first.with().day(day).build().ok() }
}

/// Whether there is such a date, and it has come.
pub(super) fn is_past(year: u32, month: u32, day: u32, today: Date) -> bool {
    date(year, month, day).is_some_and(|date| date <= today)
}

/// Whether such a day has come in this century or the one before, in the year that ends in these two digits.
pub(super) fn is_recent_past(year: u32, month: u32, day: u32, today: Date) -> bool {
    let century = u32::from(today.year().unsigned_abs()) / 100 * 100;
    is_past(century + year, month, day, today) || is_past(century.saturating_sub(100) + year, month, day, today)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_dates() {
        assert_eq!(number(b"0142"), 142);
        let today = date(2026, 3, 1).unwrap();
        assert!(is_past(2026, 3, 1, today));
        assert!(!is_past(2026, 3, 2, today));
        assert!(!is_past(2025, 2, 29, today));
        assert!(!is_past(2025, 0, 1, today));
        assert!(is_recent_past(26, 3, 1, today));
        assert!(is_recent_past(26, 3, 2, today), "1926");
        assert!(is_recent_past(0, 2, 29, today), "2000");
        assert!(!is_recent_past(27, 2, 29, today));
        assert!(date(99_999, 300, 300).is_none());
    }
}
