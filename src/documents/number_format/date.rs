//! Dates and times: days since the end of 1899, or since 1904 (18.17.4.1).

use super::code::{Section, Token};
use std::ops::Range;

/// The days that there are names for, up to the year 9999.
pub(super) const DAYS: Range<f64> = 0.0..2_958_466.0;

/// Days from the end of 1899 to the beginning of 1904.
const TO_1904: u32 = 1462;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Digits of a part of a second that are known; programs show three.
const MAX_DECIMALS: usize = 6;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Settles what letters and signs mean in a date: `m` after hours or before seconds is the minute, `.00` after seconds
/// are parts of one, and the rest of the signs of numbers are what they look like.
pub(super) fn resolved(mut tokens: Vec<Token>) -> Vec<Token> {
    let letters: Vec<(usize, char)> =
        tokens.iter().enumerate().filter_map(|(at, token)| Some((at, letter(token)?))).collect();
    for (position, (at, _)) in letters.iter().enumerate() {
        let near = |position: Option<usize>| position.and_then(|position| letters.get(position)).map(|near| near.1);
        let is_minute = near(position.checked_sub(1)) == Some('h') || near(position.checked_add(1)) == Some('s');
        if let Some(Token::Part(letter @ 'm', 1 | 2)) = tokens.get_mut(*at)
            && is_minute
        {
            *letter = 'n';
        }
    }
    let mut resolved = Vec::with_capacity(tokens.len());
    let mut last = ' ';
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        last = letter(&token).unwrap_or(last);
        resolved.push(match token {
            Token::Point if last == 's' && tokens.peek() == Some(&Token::Digit('0')) => {
                let mut digits = 0;
                while tokens.next_if_eq(&Token::Digit('0')).is_some() {
                    digits += 1;
                }
                Token::Fraction(digits)
            }
            Token::Point => Token::Literal('.'),
            Token::Comma => Token::Literal(','),
            Token::Percent => Token::Literal('%'),
            Token::Slash => Token::Literal('/'),
            Token::Digit(digit) => Token::Literal(digit),
            other => other,
        });
    }
    resolved
}

fn letter(token: &Token) -> Option<char> {
    match token {
        Token::Part(letter, _) | Token::Elapsed(letter, _) => Some(*letter),
        _ => None,
    }
}

/// A moment, as far as it is shown.
struct Moment {
    date: jiff::civil::Date,
    /// From 0, which is Sunday.
    weekday: usize,
    /// Of the day.
    second: u64,
    /// Hours are counted from noon, too.
    from_noon: bool,
}

/// Appends a number as a date or time. Whether it is one; if not, what is appended means nothing.
pub(super) fn show(section: &Section, value: f64, since_1904: bool, shown: &mut String) -> bool {
    let from = if since_1904 { TO_1904 } else { 0 };
    if value < 0.0 || !DAYS.contains(&(value + f64::from(from))) || section.tokens.contains(&Token::Unknown) {
        return false;
    }
    let decimals = section.tokens.iter().find_map(|token| match token {
        Token::Fraction(digits) => Some(*digits),
        _ => None,
    });
    let decimals = decimals.unwrap_or(0).min(MAX_DECIMALS);
    let ticks = (0..decimals).fold(1_u64, |ticks, _| ticks * 10);
    let total = (value * (DAY * ticks) as f64).round() as u64;
    let (total, fraction) = (total / ticks, total % ticks);
    let day = total / DAY + u64::from(from);
    // 1900 was no leap year, but the programs count as if it had been; their weekdays follow from that.
    let since_1899 = i64::try_from(day).unwrap_or(0) + i64::from(day < 60);
    let span = jiff::Span::new().try_days(since_1899);
    let Ok(date) = span.and_then(|span| jiff::civil::date(1899, 12, 30).checked_add(span)) else { return false };
    let moment = Moment {
        date,
        weekday: usize::try_from((day + 6) % 7).unwrap_or(0),
        second: total % DAY,
        from_noon: section.tokens.contains(&Token::Noon),
    };
    for token in &section.tokens {
        match token {
            Token::Literal(character) => shown.push(*character),
            Token::Part(letter, length) => moment.part(*letter, *length, shown),
            Token::Elapsed(letter, length) => {
                let unit = match letter {
                    'h' => 3600,
                    'm' => 60,
                    _ => 1,
                };
                padded(total / unit, (*length).min(2), shown);
            }
            Token::Fraction(digits) => {
                shown.push('.');
                padded(fraction, decimals, shown);
                shown.extend((decimals..*digits).map(|_| '0'));
            }
            Token::Noon => shown.push_str(if moment.second >= DAY / 2 { "PM" } else { "AM" }),
            _ => {}
        }
    }
    true
}

impl Moment {
    /// Appends one part of a date or time.
    fn part(&self, letter: char, length: usize, shown: &mut String) {
        let number = |number: i8| u64::try_from(number).unwrap_or(0);
        let month = number(self.date.month());
        let year = u64::try_from(self.date.year()).unwrap_or(0);
        match (letter, length) {
            ('y', 1 | 2) => padded(year % 100, 2, shown),
            ('y', _) => padded(year, 4, shown),
            ('m', 3..) => {
                let name = usize::try_from(month).ok().and_then(|month| MONTHS.get(month.checked_sub(1)?));
                let letters = match length {
                    3 => 3,
                    5 => 1,
                    _ => usize::MAX,
                };
                shown.extend(name.copied().unwrap_or_default().chars().take(letters));
            }
            ('d', 3..) => {
                let name = WEEKDAYS.get(self.weekday).copied().unwrap_or_default();
                shown.extend(name.chars().take(if length == 3 { 3 } else { usize::MAX }));
            }
            (letter, length) => {
                let hour = self.second / 3600;
                let number = match letter {
                    'm' => month,
                    'd' => number(self.date.day()),
                    'h' if self.from_noon => (hour + 11) % 12 + 1,
                    'h' => hour,
                    'n' => self.second / 60 % 60,
                    _ => self.second % 60,
                };
                padded(number, length.min(2), shown);
            }
        }
    }
}

/// Appends a number with zeros before it.
fn padded(number: u64, length: usize, shown: &mut String) {
    if length > 0 {
        shown.push_str(&format!("{number:0length$}"));
    }
}
