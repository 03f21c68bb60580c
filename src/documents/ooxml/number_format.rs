//! Number formats (ECMA-376 part 1, 18.8.30 and 18.8.31): a stored number -> what a reader sees.
//!
//! What matters are leading zeros, separators and dates. Exponents and fractions are shown plain, and so is what cannot
//! be told. Where a format depends on the reader's country, it is that of Northern Europe: 31-12-1999.

use jiff::civil::Date;

/// The longest code that is looked at, in bytes; programs allow 255 characters.
const MAX_CODE: usize = 1024;

/// Formats a code may have, for positive numbers, negative ones, zero, and text.
const MAX_SECTIONS: usize = 4;

/// The days that there are names for, up to the year 9999.
const MAX_DAY: f64 = 2_958_466.0;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Digits of a number or of a part of a second that are shown at most.
const MAX_DECIMALS: usize = 30;

/// A format.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct NumberFormat {
    sections: Vec<Section>,
}

/// The format of some of the numbers.
#[derive(Clone, Debug, Default, PartialEq)]
struct Section {
    condition: Option<(Comparison, f64)>,
    tokens: Vec<Token>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
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
    /// A digit: `0` is always shown, `#` where it counts, `?` leaves a space.
    Digit(char),
    Point,
    Comma,
    Percent,
    /// The text itself, or the number plain.
    Content,
    /// Part of a date or time: which (y, m for month, n for minute, d, h, s), and how many letters.
    Part(char, usize),
    /// A number of hours, minutes or seconds beyond a day.
    Elapsed(char, usize),
    /// Parts of a second: digits.
    Fraction(usize),
    /// Before and after noon.
    Noon,
    /// What is not shown as such: an exponent, a fraction.
    Unknown,
}

impl NumberFormat {
    /// The format of a number that programs know without its code (18.8.30).
    pub(super) fn built_in(id: u32) -> &'static str {
        match id {
            1 => "0",
            2 => "0.00",
            3 => "#,##0",
            4 => "#,##0.00",
            9 => "0%",
            10 => "0.00%",
            14 | 27..=31 | 36 | 50..=54 | 57 | 58 => "dd-mm-yyyy",
            15 => "d-mmm-yy",
            16 => "d-mmm",
            17 => "mmm-yy",
            18 => "h:mm AM/PM",
            19 => "h:mm:ss AM/PM",
            20 | 32 | 34 | 55 => "h:mm",
            21 | 33 | 35 | 56 => "h:mm:ss",
            22 => "dd-mm-yyyy h:mm",
            37 | 38 => "#,##0 ;(#,##0)",
            39 | 40 => "#,##0.00 ;(#,##0.00)",
            41 | 42 => "#,##0;-#,##0;-",
            43 | 44 => "#,##0.00;-#,##0.00;-",
            45 => "mm:ss",
            46 => "[h]:mm:ss",
            47 => "mm:ss.0",
            _ => "General",
        }
    }

    /// Understands a code. Any text is one.
    pub(super) fn new(code: &str) -> Self {
        if code.len() > MAX_CODE {
            return Self::default();
        }
        let mut sections = vec![Section::default()];
        let mut rest = code.chars().peekable();
        while let Some(character) = rest.next() {
            if character == ';' {
                if sections.len() == MAX_SECTIONS {
                    break;
                }
                sections.push(Section::default());
                continue;
            }
            let Some(section) = sections.last_mut() else { break };
            let token = match character {
                '"' => {
                    section.tokens.extend(rest.by_ref().take_while(|next| *next != '"').map(Token::Literal));
                    continue;
                }
                '\\' => rest.next().map_or(Token::Unknown, Token::Literal),
                // A space as wide as the next character; the next character as often as the cell is wide.
                '_' => {
                    rest.next();
                    Token::Literal(' ')
                }
                '*' => {
                    rest.next();
                    continue;
                }
                '[' => {
                    let bracket: String = rest.by_ref().take_while(|next| *next != ']').collect();
                    section.bracket(&bracket);
                    continue;
                }
                '0' | '#' | '?' => Token::Digit(character),
                '.' => Token::Point,
                ',' => Token::Comma,
                '%' => Token::Percent,
                '@' => Token::Content,
                'y' | 'Y' | 'm' | 'M' | 'd' | 'D' | 'h' | 'H' | 's' | 'S' => {
                    let letter = character.to_ascii_lowercase();
                    Token::Part(letter, 1 + run(&mut rest, letter))
                }
                'E' | 'e' if matches!(rest.peek(), Some('+' | '-')) => Token::Unknown,
                // The year of an era.
                'e' => Token::Part('y', (1 + run(&mut rest, 'e')).max(3)),
                'G' | 'g' if consume(&mut rest, "eneral") => Token::Content,
                'g' => {
                    run(&mut rest, 'g');
                    continue;
                }
                'A' | 'a' if consume(&mut rest, "m/pm") || consume(&mut rest, "/p") => Token::Noon,
                '/' => Token::Unknown,
                other => Token::Literal(other),
            };
            section.tokens.push(token);
        }
        for section in &mut sections {
            section.resolve_date();
        }
        Self { sections }
    }

    /// Whether numbers and texts are shown plain.
    pub(super) fn is_general(&self) -> bool {
        match self.sections.as_slice() {
            [] => true,
            [only] => only.tokens == [Token::Content],
            _ => false,
        }
    }

    /// Appends a number as it is shown; `plain` is its plain form. Whether that can be told; if not, nothing is
    /// appended.
    pub(super) fn number(&self, value: f64, plain: &str, since_1904: bool, shown: &mut String) -> bool {
        let begin = shown.len();
        let Some((section, is_signed)) = self.section(value) else { return false };
        if is_signed && value < 0.0 {
            shown.push('-');
        }
        let known = if section.is_date() {
            section.date(value, since_1904, shown)
        } else {
            section.number(value.abs(), plain.trim_start_matches('-'), shown)
        };
        if !known {
            shown.truncate(begin);
        }
        known
    }

    /// Appends a text as it is shown. Whether the format says anything of texts.
    pub(super) fn text(&self, text: &str, shown: &mut String) -> bool {
        let Some(section) = self.text_section() else { return false };
        for token in &section.tokens {
            match token {
                Token::Literal(character) | Token::Digit(character) => shown.push(*character),
                Token::Content => shown.push_str(text),
                _ => {}
            }
        }
        true
    }

    fn text_section(&self) -> Option<&Section> {
        if self.is_general() {
            return None;
        }
        if let Some(fourth) = self.sections.get(MAX_SECTIONS - 1) {
            return Some(fourth);
        }
        self.sections.last().filter(|section| section.tokens.contains(&Token::Content) && !section.has_digits())
    }

    /// The section for a number, and whether a minus sign is shown before it.
    fn section(&self, value: f64) -> Option<(&Section, bool)> {
        let numbers = match self.sections.as_slice() {
            [sections @ .., last] if !sections.is_empty() && self.text_section() == Some(last) => sections,
            sections => sections,
        };
        if numbers.iter().any(|section| section.condition.is_some()) {
            let holds = |section: &&Section| section.condition.is_none_or(|condition| condition.holds(value));
            return numbers.iter().find(holds).map(|section| (section, true));
        }
        match numbers {
            [] => None,
            [only] => Some((only, true)),
            [_, negative, ..] if value < 0.0 => Some((negative, false)),
            [_, _, zero, ..] if value == 0.0 => Some((zero, false)),
            [first, ..] => Some((first, false)),
        }
    }
}

/// Consumes this word, whatever its case, if it comes next.
fn consume(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, word: &str) -> bool {
    let mut ahead = rest.clone();
    let same = word.chars().all(|letter| ahead.next().is_some_and(|next| next.eq_ignore_ascii_case(&letter)));
    if same {
        *rest = ahead;
    }
    same
}

/// Consumes what comes next of the same letter; how many.
fn run(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, letter: char) -> usize {
    let mut length = 0;
    while rest.next_if(|next| next.eq_ignore_ascii_case(&letter)).is_some() {
        length += 1;
    }
    length
}

trait Holds {
    fn holds(&self, value: f64) -> bool;
}

impl Holds for (Comparison, f64) {
    fn holds(&self, value: f64) -> bool {
        let (comparison, bound) = *self;
        match comparison {
            Comparison::Less => value < bound,
            Comparison::LessOrEqual => value <= bound,
            Comparison::Equal => value == bound,
            Comparison::NotEqual => value != bound,
            Comparison::GreaterOrEqual => value >= bound,
            Comparison::Greater => value > bound,
        }
    }
}

impl Section {
    /// What stands in brackets: a condition, a currency with its country, elapsed time; colours do not matter.
    fn bracket(&mut self, bracket: &str) {
        if let Some(currency) = bracket.strip_prefix('$') {
            let symbol = currency.split('-').next().unwrap_or_default();
            self.tokens.extend(symbol.chars().map(Token::Literal));
            return;
        }
        let letter = bracket.chars().next().unwrap_or_default().to_ascii_lowercase();
        if matches!(letter, 'h' | 'm' | 's') && bracket.chars().all(|next| next.eq_ignore_ascii_case(&letter)) {
            self.tokens.push(Token::Elapsed(letter, bracket.len()));
            return;
        }
        for (sign, comparison) in [
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<>", Comparison::NotEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
            ("=", Comparison::Equal),
        ] {
            if let Some(bound) = bracket.strip_prefix(sign).and_then(|bound| bound.trim().parse().ok()) {
                self.condition = Some((comparison, bound));
                return;
            }
        }
    }

    fn is_date(&self) -> bool {
        self.tokens.iter().any(|token| matches!(token, Token::Part(..) | Token::Elapsed(..) | Token::Noon))
    }

    fn has_digits(&self) -> bool {
        self.tokens.iter().any(|token| matches!(token, Token::Digit(_)))
    }

    /// In a date, `m` beside hours or seconds is the minute, `.00` after seconds are parts of one, and the rest of the
    /// signs of numbers are what they look like.
    fn resolve_date(&mut self) {
        if !self.is_date() {
            return;
        }
        let mut resolved: Vec<Token> = Vec::with_capacity(self.tokens.len());
        let mut before = ' ';
        let mut minute = None;
        let mut tokens = std::mem::take(&mut self.tokens).into_iter().peekable();
        while let Some(token) = tokens.next() {
            let token = match token {
                Token::Part('m', length) => {
                    let is_minute = length <= 2 && matches!(before, 'h');
                    minute = (length <= 2 && !is_minute).then_some((resolved.len(), length));
                    before = if is_minute { 'n' } else { 'm' };
                    Token::Part(before, length)
                }
                Token::Part(letter, _) | Token::Elapsed(letter, _) => {
                    if letter == 's'
                        && let Some((at, length)) = minute.take()
                        && let Some(earlier) = resolved.get_mut(at)
                    {
                        *earlier = Token::Part('n', length);
                    }
                    minute = None;
                    before = letter;
                    token
                }
                Token::Point if before == 's' && tokens.peek() == Some(&Token::Digit('0')) => {
                    let mut digits = 0;
                    while tokens.next_if_eq(&Token::Digit('0')).is_some() {
                        digits += 1;
                    }
                    Token::Fraction(digits)
                }
                Token::Point => Token::Literal('.'),
                Token::Comma => Token::Literal(','),
                Token::Unknown => Token::Literal('/'),
                Token::Digit(digit) => Token::Literal(digit),
                other => other,
            };
            resolved.push(token);
        }
        self.tokens = resolved;
    }

    /// Appends a number that is not negative.
    fn number(&self, value: f64, plain: &str, shown: &mut String) -> bool {
        if self.tokens.contains(&Token::Unknown) || !value.is_finite() {
            return false;
        }
        let count = |wanted: &Token| self.tokens.iter().filter(|token| *token == wanted).count();
        let point = self.tokens.iter().position(|token| *token == Token::Point).unwrap_or(self.tokens.len());
        let (whole, after) = self.tokens.split_at(point);
        let is_digit = |token: &Token| matches!(token, Token::Digit(_));
        let last_digit = whole.iter().rposition(is_digit);
        let first_digit = whole.iter().position(is_digit);
        let commas = |tokens: &[Token]| tokens.iter().filter(|token| **token == Token::Comma).count();
        // Commas after the last digit divide by a thousand each; those between digits group them.
        let scale = last_digit.and_then(|last| whole.get(last..)).map_or(0, commas);
        let grouped =
            first_digit.zip(last_digit).and_then(|(first, last)| whole.get(first..last)).map_or(0, commas) > 0;
        let mut value = value;
        for _ in 0..count(&Token::Percent).min(MAX_DECIMALS) {
            value *= 100.0;
        }
        for _ in 0..scale.min(MAX_DECIMALS) {
            value /= 1000.0;
        }
        let decimals = after.iter().filter(|token| is_digit(token)).count();
        if decimals > MAX_DECIMALS || !value.is_finite() {
            return false;
        }
        let digits = format!("{value:.decimals$}");
        let (integer, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
        let mut integer = integer.trim_start_matches('0').chars().rev();

        // The digits before the point are given out from the right; the leftmost sign takes all that are left.
        let mut reversed = String::new();
        let mut given = 0;
        let mut give = |digit: char, reversed: &mut String| {
            if grouped && given > 0 && given % 3 == 0 && digit != ' ' {
                reversed.push(',');
            }
            given += 1;
            reversed.push(digit);
        };
        for (at, token) in whole.iter().enumerate().rev() {
            match token {
                Token::Digit(sign) => {
                    match (integer.next(), sign) {
                        (Some(digit), _) => give(digit, &mut reversed),
                        (None, '0') => give('0', &mut reversed),
                        (None, '?') => give(' ', &mut reversed),
                        (None, _) => {}
                    }
                    if Some(at) == first_digit {
                        integer.by_ref().for_each(|digit| give(digit, &mut reversed));
                    }
                }
                Token::Literal(character) => reversed.push(*character),
                Token::Percent => reversed.push('%'),
                Token::Content => reversed.extend(plain.chars().rev()),
                _ => {}
            }
        }
        if first_digit.is_none() && point < self.tokens.len() {
            reversed.extend(integer);
        }
        shown.extend(reversed.chars().rev());

        let mut counted = fraction.trim_end_matches('0').len();
        let mut fraction = fraction.chars();
        for token in after {
            match token {
                Token::Point => shown.push('.'),
                Token::Digit(sign) => {
                    let digit = fraction.next().unwrap_or('0');
                    match sign {
                        _ if counted > 0 => shown.push(digit),
                        '0' => shown.push('0'),
                        '?' => shown.push(' '),
                        _ => {}
                    }
                    counted = counted.saturating_sub(1);
                }
                Token::Literal(character) => shown.push(*character),
                Token::Percent => shown.push('%'),
                Token::Content => shown.push_str(plain),
                _ => {}
            }
        }
        true
    }

    /// Appends a date or time. Dates are days since the end of 1899, or since 1904 (18.17.4.1).
    fn date(&self, value: f64, since_1904: bool, shown: &mut String) -> bool {
        let days = if since_1904 { value + 1462.0 } else { value };
        if !(0.0..MAX_DAY).contains(&days) {
            return false;
        }
        let decimals = self.tokens.iter().find_map(|token| match token {
            Token::Fraction(digits) => Some(*digits),
            _ => None,
        });
        let decimals = decimals.unwrap_or(0).min(9);
        let ticks = 10_u64.pow(u32::try_from(decimals).unwrap_or(0));
        let total = (days * (DAY * ticks) as f64).round() as u64;
        let (total, fraction) = (total / ticks, total % ticks);
        let (day, second) = (total / DAY, total % DAY);
        // 1900 was no leap year, but the programs count as if it had been.
        let since_1899 = i64::try_from(day).unwrap_or(0) + i64::from(day < 60);
        let span = jiff::Span::new().try_days(since_1899);
        let Ok(date) = span.and_then(|span| jiff::civil::date(1899, 12, 30).checked_add(span)) else { return false };
        let is_noon = self.tokens.contains(&Token::Noon);
        for token in &self.tokens {
            match token {
                Token::Literal(character) => shown.push(*character),
                Token::Part(letter, length) => part(*letter, *length, date, second, is_noon, shown),
                Token::Elapsed(letter, length) => {
                    let unit = match letter {
                        'h' => 3600,
                        'm' => 60,
                        _ => 1,
                    };
                    padded(total / unit, *length, shown);
                }
                Token::Fraction(digits) => {
                    shown.push('.');
                    padded(fraction, *digits, shown);
                }
                Token::Noon => shown.push_str(if second >= DAY / 2 { "PM" } else { "AM" }),
                _ => {}
            }
        }
        true
    }
}

/// Appends one part of a date or time.
fn part(letter: char, length: usize, date: Date, second: u64, is_noon: bool, shown: &mut String) {
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
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let name = |names: &[&'static str], number: i8| {
        usize::try_from(number - 1).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
    };
    let number = match letter {
        'y' if length <= 2 => i64::from(date.year() % 100),
        'y' => i64::from(date.year()),
        'm' => i64::from(date.month()),
        'd' => i64::from(date.day()),
        'h' => {
            let hour = i64::try_from(second / 3600).unwrap_or(0);
            if is_noon { (hour + 11) % 12 + 1 } else { hour }
        }
        'n' => i64::try_from(second / 60 % 60).unwrap_or(0),
        _ => i64::try_from(second % 60).unwrap_or(0),
    };
    match (letter, length) {
        ('m', 3..) | ('d', 3..) => {
            let name = if letter == 'm' {
                name(&MONTHS, date.month())
            } else {
                name(&DAYS, date.weekday().to_monday_one_offset())
            };
            let letters = match (letter, length) {
                ('m', 5) => 1,
                (_, 3) => 3,
                _ => name.len(),
            };
            shown.push_str(name.get(..letters).unwrap_or(name));
        }
        ('y', 1..=2) => padded(number.unsigned_abs(), 2, shown),
        _ => padded(number.unsigned_abs(), length.min(4), shown),
    }
}

/// Appends a number with zeros before it.
fn padded(number: u64, length: usize, shown: &mut String) {
    let length = length.min(MAX_DECIMALS);
    shown.push_str(&format!("{number:0length$}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(code: &str, value: f64) -> String {
        let mut shown = String::new();
        if !NumberFormat::new(code).number(value, &value.to_string(), false, &mut shown) {
            shown = format!("plain {value}");
        }
        shown
    }

    #[test]
    fn numbers_are_shown_as_their_format_says() {
        for (code, value, expected) in [
            ("000000-0000", 101_905_678.0, "010190-5678"),
            ("000000\\-0000", 6_101_900_005.0, "610190-0005"),
            ("0000000000", 101_905_678.0, "0101905678"),
            ("000000\" \"0000", 101_905_678.0, "010190 5678"),
            ("[<=9999999999]000000-0000;General", 101_905_678.0, "010190-5678"),
            ("General", 12.5, "12.5"),
            ("General\" kr.\"", -12.5, "-12.5 kr."),
            ("0", 2.5001, "3"),
            ("0.00", 2.0, "2.00"),
            ("0.0#", 2.0, "2.0"),
            ("#.##", 0.25, ".25"),
            ("#,##0", 1_234_567.0, "1,234,567"),
            ("#,##0.00", -1234.5, "-1,234.50"),
            ("#,##0,", 1_234_567.0, "1,235"),
            ("0,000", 12.0, "0,012"),
            ("0%", 0.25, "25%"),
            ("0.0%", 0.2526, "25.3%"),
            ("[$kr-406] #,##0.00", 1000.0, "kr 1,000.00"),
            ("#,##0.00_);[Red](#,##0.00)", -5.0, "(5.00)"),
            ("0;-0;\"none\"", 0.0, "none"),
            (";;;", 5.0, ""),
            ("0;;", -5.0, ""),
            ("@", 5.0, "5"),
            ("\"nr. \"@", 5.0, "nr. 5"),
            ("0.00E+00", 5.0, "plain 5"),
            ("# ?/?", 0.5, "plain 0.5"),
            ("#", 0.0, ""),
            ("##-##", 1234.0, "12-34"),
            ("###-####", 5_551_234.0, "555-1234"),
            ("+45 00 00 00 00", 12_345_678.0, "+45 12 34 56 78"),
        ] {
            assert_eq!(shown(code, value), expected, "{code} {value}");
        }
    }

    #[test]
    fn dates_are_shown_as_their_format_says() {
        for (code, value, expected) in [
            ("dd-mm-yyyy", 32_874.0, "01-01-1990"),
            ("ddmmyy", 32_874.0, "010190"),
            ("d/m/yy", 32_874.0, "1/1/90"),
            ("d. mmmm yyyy", 32_874.0, "1. January 1990"),
            ("ddd d-mmm-yy", 32_874.0, "Mon 1-Jan-90"),
            ("[$-406]dddd d. mmmmm", 32_874.0, "Monday 1. J"),
            ("yyyy-mm-dd hh:mm:ss", 45_292.520_833_333_336, "2024-01-01 12:30:00"),
            ("h:mm AM/PM", 0.75, "6:00 PM"),
            ("hh:mm:ss.00", 0.000_011_574, "00:00:01.00"),
            ("mm:ss", 0.020_833_333, "30:00"),
            ("[h]:mm", 1.5, "36:00"),
            ("dd-mm-yyyy", 1.0, "01-01-1900"),
            ("dd-mm-yyyy", 59.0, "28-02-1900"),
            ("dd-mm-yyyy", 61.0, "01-03-1900"),
            ("dd-mm-yyyy", -1.0, "plain -1"),
            ("dd-mm-yyyy", 6_101_900_005.0, "plain 6101900005"),
            ("dd-mm-yyyy;@", 32_874.0, "01-01-1990"),
        ] {
            assert_eq!(shown(code, value), expected, "{code} {value}");
        }
        let mut shown = String::new();
        assert!(NumberFormat::new("yyyy-mm-dd").number(31_412.0, "", true, &mut shown));
        assert_eq!(shown, "1990-01-01");
    }

    #[test]
    fn texts_are_shown_as_their_format_says() {
        for (code, expected) in [
            ("@", None),
            ("General", None),
            ("0.00", None),
            ("\"nr. \"@", Some("nr. x")),
            ("0;0;0;\"nr. \"@", Some("nr. x")),
            (";;;", Some("")),
        ] {
            let mut shown = String::new();
            let said = NumberFormat::new(code).text("x", &mut shown);
            assert_eq!(said.then_some(&*shown), expected, "{code}");
        }
    }

    proptest! {
        #[test]
        fn any_code_shows_any_number(code in "[0#?.,%@ymdhsEeGg/;\\[\\]<>=$\"\\\\_*A/P-]{0,20}|.{0,20}", value: f64) {
            let format = NumberFormat::new(&code);
            let mut shown = String::new();
            for since_1904 in [true, false] {
                format.number(value, "1", since_1904, &mut shown);
                format.number(value.abs() % MAX_DAY, "1", since_1904, &mut shown);
            }
            format.text("x", &mut shown);
        }
    }
}
