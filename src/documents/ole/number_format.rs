//! Numbers as a spreadsheet shows them (ECMA-376 part 1, 18.8.30 and 18.8.31; the same codes in the binary formats):
//! leading zeros, dates, digits with signs between them. Fractions and powers of ten are shown plainly.

/// Characters of a code that are looked at; Excel itself takes no longer ones.
const MAX_CODE: usize = 255;

/// From here on, a number's last digits are no longer known.
const MOST_EXACT: f64 = 1e15;

/// Serial numbers of days that have a date: up to the year 9999.
const MAX_DAYS: f64 = 2_958_466.0;

/// A number format.
#[derive(Clone, Debug, Default)]
pub(in crate::documents) struct Format {
    sections: Vec<Section>,
}

/// A format for some numbers: the positive ones, the negative ones, zero.
#[derive(Clone, Debug, Default)]
struct Section {
    condition: Option<(Comparison, f64)>,
    tokens: Vec<Token>,
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Literal(char),
    /// `0`, `#` or `?`.
    Digit(char),
    Point,
    Comma,
    Percent,
    /// Shown as if there were no format.
    General,
    /// A fraction, a power of ten: shown plainly.
    Plain,
    /// A letter of a date or time and how often it stands; in brackets, time that has passed.
    Date(char, usize),
    Elapsed(char),
    /// `AM/PM`.
    HalfDay,
}

impl Format {
    /// One that a file defines.
    pub(in crate::documents) fn new(code: &str) -> Self {
        let mut sections = vec![Section::default()];
        let mut characters = code.chars().take(MAX_CODE).peekable();
        while let Some(character) = characters.next() {
            let Some(section) = sections.last_mut() else { break };
            match character {
                ';' => sections.push(Section::default()),
                '"' => section.tokens.extend(characters.by_ref().take_while(|next| *next != '"').map(Token::Literal)),
                '\\' => section.tokens.extend(characters.next().map(Token::Literal)),
                // As wide as the next character, or filled with it.
                '_' => {
                    characters.next();
                    section.tokens.push(Token::Literal(' '));
                }
                '*' => {
                    characters.next();
                }
                '[' => section.bracket(&characters.by_ref().take_while(|next| *next != ']').collect::<String>()),
                '0' | '#' | '?' => section.tokens.push(Token::Digit(character)),
                '.' => section.tokens.push(Token::Point),
                ',' => section.tokens.push(Token::Comma),
                '%' => section.tokens.push(Token::Percent),
                'E' if matches!(characters.peek(), Some('+' | '-')) => section.tokens.push(Token::Plain),
                '/' if matches!(characters.peek(), Some('0' | '#' | '?' | '1'..='9'))
                    && section.tokens.iter().any(|token| matches!(token, Token::Digit(_))) =>
                {
                    section.tokens.push(Token::Plain);
                }
                'G' | 'g' if characters.clone().take(6).collect::<String>().eq_ignore_ascii_case("eneral") => {
                    characters.nth(5);
                    section.tokens.push(Token::General);
                }
                'A' | 'a' if characters.clone().take(4).collect::<String>().eq_ignore_ascii_case("m/pm") => {
                    characters.nth(3);
                    section.tokens.push(Token::HalfDay);
                }
                'A' | 'a' if characters.clone().take(2).collect::<String>().eq_ignore_ascii_case("/p") => {
                    characters.nth(1);
                    section.tokens.push(Token::HalfDay);
                }
                'y' | 'Y' | 'm' | 'M' | 'd' | 'D' | 'h' | 'H' | 's' | 'S' => {
                    let letter = character.to_ascii_lowercase();
                    let mut count = 1;
                    while characters.next_if(|next| next.to_ascii_lowercase() == letter).is_some() {
                        count += 1;
                    }
                    section.tokens.push(Token::Date(letter, count));
                }
                '@' => section.tokens.push(Token::General),
                other => section.tokens.push(Token::Literal(other)),
            }
        }
        sections.iter_mut().for_each(Section::tell_minutes);
        Self { sections }
    }

    /// One that every program knows by its number. Those that follow the reader's country are shown as ISO 8601 has
    /// dates.
    pub(in crate::documents) fn built_in(number: u16) -> Self {
        Self::new(match number {
            1 => "0",
            2 => "0.00",
            3 | 5 | 6 | 37 | 38 | 41 | 42 => "#,##0",
            4 | 7 | 8 | 39 | 40 | 43 | 44 => "#,##0.00",
            9 => "0%",
            10 => "0.00%",
            14 | 27..=31 | 36 | 50..=54 | 57 | 58 => "yyyy-mm-dd",
            15 => "d-mmm-yy",
            16 => "d-mmm",
            17 => "mmm-yy",
            18 => "h:mm AM/PM",
            19 => "h:mm:ss AM/PM",
            20 | 32 | 34 | 55 => "h:mm",
            21 | 33 | 35 | 56 => "h:mm:ss",
            22 => "yyyy-mm-dd h:mm",
            45 => "mm:ss",
            46 => "[h]:mm:ss",
            47 => "mm:ss.0",
            _ => "General",
        })
    }

    /// A number as it is shown. `from_1904`: days are counted from 1904 (18.17.4.1).
    pub(in crate::documents) fn show(&self, value: f64, from_1904: bool) -> String {
        let Some((section, signed)) = self.section(value) else { return plain(value) };
        if section.tokens.iter().any(|token| matches!(token, Token::Date(..) | Token::Elapsed(_))) {
            return section.date(value, from_1904).unwrap_or_else(|| plain(value));
        }
        let value = if signed { value } else { value.abs() };
        section.number(value)
    }

    /// The section for a number, and whether it needs its sign.
    fn section(&self, value: f64) -> Option<(&Section, bool)> {
        if let Some(section) = self.sections.iter().find(|section| section.holds(value)) {
            return Some((section, true));
        }
        let plain: Vec<&Section> = self.sections.iter().filter(|section| section.condition.is_none()).collect();
        if plain.len() < self.sections.len() {
            return plain.first().map(|section| (*section, true));
        }
        match (plain.as_slice(), value) {
            ([one], _) => Some((one, true)),
            ([_, negative, ..], value) if value < 0.0 => Some((negative, false)),
            ([_, _, zero, ..], 0.0) => Some((zero, true)),
            ([positive, ..], _) => Some((positive, true)),
            ([], _) => None,
        }
    }
}

impl Section {
    fn bracket(&mut self, content: &str) {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        if let Some(currency) = content.strip_prefix('$') {
            let sign = currency.split('-').next().unwrap_or_default();
            return self.tokens.extend(sign.chars().map(Token::Literal));
        }
        for (sign, comparison) in
            [("<=", LessOrEqual), (">=", GreaterOrEqual), ("<>", NotEqual), ("<", Less), (">", Greater), ("=", Equal)]
        {
            if let Some(number) = content.strip_prefix(sign) {
                self.condition = number.trim().parse().ok().map(|number| (comparison, number));
                return;
            }
        }
        if let Some(letter) = content.chars().next().map(|letter| letter.to_ascii_lowercase())
            && matches!(letter, 'h' | 'm' | 's')
            && content.chars().all(|other| other.to_ascii_lowercase() == letter)
        {
            self.tokens.push(Token::Elapsed(letter));
        }
    }

    fn holds(&self, value: f64) -> bool {
        match self.condition {
            None => false,
            Some((Comparison::Less, other)) => value < other,
            Some((Comparison::LessOrEqual, other)) => value <= other,
            Some((Comparison::Equal, other)) => value == other,
            Some((Comparison::NotEqual, other)) => value != other,
            Some((Comparison::GreaterOrEqual, other)) => value >= other,
            Some((Comparison::Greater, other)) => value > other,
        }
    }

    /// `m` means minutes after hours and before seconds; in the tokens they become `n`.
    fn tell_minutes(&mut self) {
        let date = |token: &Token| match token {
            Token::Date(letter, _) | Token::Elapsed(letter) => Some(*letter),
            _ => None,
        };
        let letters: Vec<(usize, char)> =
            self.tokens.iter().enumerate().filter_map(|(index, token)| Some((index, date(token)?))).collect();
        for (position, (index, letter)) in letters.iter().enumerate() {
            let near = |offset: Option<usize>| offset.and_then(|at| letters.get(at)).map(|(_, letter)| *letter);
            let minutes = near(position.checked_sub(1)) == Some('h') || near(position.checked_add(1)) == Some('s');
            if *letter == 'm'
                && minutes
                && let Some(Token::Date(letter, count)) = self.tokens.get_mut(*index)
                && *count <= 2
            {
                *letter = 'n';
            }
        }
    }

    fn number(&self, value: f64) -> String {
        let has = |wanted: &Token| self.tokens.contains(wanted);
        let digits = self.tokens.iter().any(|token| matches!(token, Token::Digit(_)));
        if has(&Token::Plain) || !value.is_finite() || value.abs() >= MOST_EXACT {
            return plain(value);
        }
        if has(&Token::General) || !digits {
            let shown = if has(&Token::General) { plain(value) } else { String::new() };
            let mut out = String::new();
            for token in &self.tokens {
                match token {
                    Token::Literal(character) => out.push(*character),
                    Token::General => out.push_str(&shown),
                    Token::Percent => out.push('%'),
                    Token::Comma => out.push(','),
                    Token::Point => out.push('.'),
                    _ => {}
                }
            }
            return out;
        }
        let point = self.tokens.iter().position(|token| *token == Token::Point).unwrap_or(self.tokens.len());
        let (whole, decimals) = self.tokens.split_at(point);
        let is_digit = |token: &Token| matches!(token, Token::Digit(_));
        let last = self.tokens.iter().rposition(is_digit).unwrap_or_default();
        let scale = self.tokens[last..].iter().filter(|token| **token == Token::Comma).count() as i32;
        let first_whole = whole.iter().position(is_digit).unwrap_or(whole.len());
        let last_whole = whole.iter().rposition(is_digit).unwrap_or_default();
        let grouped = whole.get(first_whole..last_whole).is_some_and(|between| between.contains(&Token::Comma));
        let percents = self.tokens.iter().filter(|token| **token == Token::Percent).count() as i32;
        let scaled = value.abs() * 100_f64.powi(percents) / 1000_f64.powi(scale);
        let places = decimals.iter().filter(|token| is_digit(token)).count().min(30);
        let shown = format!("{scaled:.places$}");
        let (integer, fraction) = shown.split_once('.').unwrap_or((&shown, ""));
        let mut out = String::new();
        if value < 0.0 && shown.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
            out.push('-');
        }
        out.push_str(&integer_part(whole, if integer == "0" { "" } else { integer }, grouped));
        if point < self.tokens.len() {
            fraction_part(decimals, fraction, &mut out);
        }
        out
    }

    fn date(&self, value: f64, from_1904: bool) -> Option<String> {
        if !(0.0..MAX_DAYS).contains(&value) {
            return None;
        }
        // To the millisecond.
        let milliseconds = (value * 86_400_000.0).round() as i64;
        let half_day = self.tokens.contains(&Token::HalfDay);
        let seconds_shown = self.tokens.iter().any(|token| matches!(token, Token::Digit('0')));
        let milliseconds = if seconds_shown { milliseconds } else { (milliseconds + 500) / 1000 * 1000 };
        let (days, time) = (milliseconds.div_euclid(86_400_000), milliseconds.rem_euclid(86_400_000));
        let (year, month, day) = civil(match (from_1904, days) {
            // Days from 1970 on. The year 1900 has a 29 February here.
            (true, days) => days - 24_107,
            (false, days @ 0..60) => days - 25_568,
            (false, days) => days - 25_569,
        });
        let weekday = if from_1904 { (days + 5).rem_euclid(7) } else { (days - 1).rem_euclid(7) };
        let (hour, minute, second) = (time / 3_600_000, time / 60_000 % 60, time / 1000 % 60);
        let shown_hour = if half_day { (hour + 11) % 12 + 1 } else { hour };
        let mut out = String::new();
        let mut fraction = time % 1000 * 100;
        for token in &self.tokens {
            let number = |number: i64, count: usize| format!("{number:0width$}", width = count.min(2));
            out.push_str(&match token {
                Token::Literal(character) => character.to_string(),
                Token::Point => ".".to_owned(),
                Token::Comma => ",".to_owned(),
                Token::Percent => "%".to_owned(),
                Token::Plain => "/".to_owned(),
                Token::Digit(_) => {
                    let digit = fraction / 10_000 % 10;
                    fraction *= 10;
                    digit.to_string()
                }
                Token::General => String::new(),
                Token::HalfDay => if hour < 12 { "AM" } else { "PM" }.to_owned(),
                Token::Date('y', 1 | 2) => format!("{:02}", year.rem_euclid(100)),
                Token::Date('y', _) => format!("{year:04}"),
                Token::Date('m', count @ (1 | 2)) => number(month, *count),
                Token::Date('m', count) => shortened(MONTHS, month - 1, *count == 3),
                Token::Date('d', count @ (1 | 2)) => number(day, *count),
                Token::Date('d', count) => shortened(WEEKDAYS, weekday, *count == 3),
                Token::Date('h', count) => number(shown_hour, *count),
                Token::Date('n', count) => number(minute, *count),
                Token::Date(_, count) => number(second, *count),
                Token::Elapsed('h') => (milliseconds / 3_600_000).to_string(),
                Token::Elapsed('m') => (milliseconds / 60_000).to_string(),
                Token::Elapsed(_) => (milliseconds / 1000).to_string(),
            });
        }
        Some(out)
    }
}

const MONTHS: &[&str] = &[
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

const WEEKDAYS: &[&str] = &["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

fn shortened(names: &[&str], index: i64, short: bool) -> String {
    let name = usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default();
    name.get(..3).filter(|_| short).unwrap_or(name).to_owned()
}

/// The digits before the point, put where the code has room for them, from the right; the first room takes the rest.
fn integer_part(tokens: &[Token], digits: &str, grouped: bool) -> String {
    let mut rooms = tokens.iter().filter(|token| matches!(token, Token::Digit(_))).count();
    let mut digits = digits.chars().rev();
    let mut reversed = String::new();
    let mut written = 0;
    let mut put = |digit: char, reversed: &mut String| {
        if grouped && written > 0 && written % 3 == 0 {
            reversed.push(',');
        }
        written += 1;
        reversed.push(digit);
    };
    if rooms == 0 {
        digits.by_ref().for_each(|digit| put(digit, &mut reversed));
    }
    for token in tokens.iter().rev() {
        match token {
            Token::Digit(room) => {
                rooms -= 1;
                match (digits.next(), room) {
                    (Some(digit), _) => put(digit, &mut reversed),
                    (None, '0') => put('0', &mut reversed),
                    (None, '?') => reversed.push(' '),
                    (None, _) => {}
                }
                if rooms == 0 {
                    digits.by_ref().for_each(|digit| put(digit, &mut reversed));
                }
            }
            Token::Literal(character) => reversed.push(*character),
            Token::Percent => reversed.push('%'),
            _ => {}
        }
    }
    reversed.chars().rev().collect()
}

/// The digits after the point, from the left; zeros at the end are shown where the code wants them.
fn fraction_part(tokens: &[Token], digits: &str, out: &mut String) {
    let significant = digits.trim_end_matches('0').len();
    let mut shown = digits.chars().enumerate();
    for token in tokens {
        match token {
            Token::Point => out.push('.'),
            Token::Digit(room) => match shown.next() {
                Some((index, digit)) if index < significant || *room == '0' => out.push(digit),
                _ if *room == '?' => out.push(' '),
                _ => {}
            },
            Token::Literal(character) => out.push(*character),
            Token::Percent => out.push('%'),
            _ => {}
        }
    }
}

/// A number without a format: fifteen digits at most, as spreadsheets have them.
pub(in crate::documents) fn plain(value: f64) -> String {
    if value == value.trunc() && value.abs() < MOST_EXACT {
        return format!("{value:.0}");
    }
    let rounded = format!("{value:.14e}").parse().unwrap_or(value);
    if (1e-9..1e21).contains(&rounded.abs()) { rounded.to_string() } else { format!("{rounded:e}") }
}

/// Year, month and day of a day that is counted from 1970-01-01 on, in the Gregorian calendar.
pub(in crate::documents) fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the day that is not always there is the last one.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_shown_as_their_format_says() {
        for (code, value, shown) in [
            ("General", 6101900005.0, "6101900005"),
            ("General", 0.1 + 0.2, "0.3"),
            ("General", -1.5, "-1.5"),
            ("0000000000", 101900005.0, "0101900005"),
            ("000000-0000", 101900005.0, "010190-0005"),
            ("000000\\-0000", 6101900005.0, "610190-0005"),
            ("## ## ## ##", 12345678.0, "12 34 56 78"),
            ("\"DK\"00 00 00 00", 1234567.0, "DK01 23 45 67"),
            ("#,##0.00", 1234567.891, "1,234,567.89"),
            ("#,##0", 0.0, "0"),
            ("#", 0.0, ""),
            ("0.##", 1.5, "1.5"),
            ("0%", 0.25, "25%"),
            ("0,", 12345.0, "12"),
            ("[<=9999999]###-####;(###) ###-####", 5551234.0, "555-1234"),
            ("[<=9999999]###-####;(###) ###-####", 2125551234.0, "(212) 555-1234"),
            ("0;(0);\"none\"", -12.0, "(12)"),
            ("0;(0);\"none\"", 0.0, "none"),
            ("[$kr-406] #,##0", 1000.0, "kr 1,000"),
            ("[Red]-0", 3.0, "-3"),
            ("0.00E+00", 12345.0, "12345"),
            ("# ?/?", 0.5, "0.5"),
        ] {
            assert_eq!(Format::new(code).show(value, false), shown, "{code}");
        }
    }

    #[test]
    fn dates_are_shown_as_their_format_says() {
        for (code, value, from_1904, shown) in [
            ("yyyy-mm-dd", 45_292.0, false, "2024-01-01"),
            ("dd/mm/yy", 1.0, false, "01/01/00"),
            ("dd-mm-yyyy", 59.0, false, "28-02-1900"),
            ("dd-mm-yyyy", 61.0, false, "01-03-1900"),
            ("d. mmmm yyyy", 45_292.5, false, "1. January 2024"),
            ("dddd", 45_292.0, false, "Monday"),
            ("yyyy-mm-dd hh:mm:ss", 45_292.75, false, "2024-01-01 18:00:00"),
            ("h:mm AM/PM", 45_292.75, false, "6:00 PM"),
            ("[h]:mm", 1.5, false, "36:00"),
            ("mm:ss.0", 0.000_011_574, false, "00:01.0"),
            ("yyyy-mm-dd", 43_830.0, true, "2024-01-01"),
            ("ddmmyy", 45_292.0, false, "010124"),
            ("[$-406]dd\\.mm\\.yyyy;@", 45_292.0, false, "01.01.2024"),
            ("yyyy", -1.0, false, "-1"),
        ] {
            assert_eq!(Format::new(code).show(value, from_1904), shown, "{code}");
        }
    }

    proptest! {
        #[test]
        fn any_code_can_be_applied_to_any_number(code in ".{0,40}", value in any::<f64>(), from_1904: bool) {
            Format::new(&code).show(value, from_1904);
        }

        #[test]
        fn likely_codes_too(code in "[0#?.,;%Eymdhs\\[\\]\"/ -]{0,20}", value in any::<f64>()) {
            Format::new(&code).show(value, false);
        }
    }
}
