//! The code of a number format, taken apart: sections, and what each shows (18.8.31).

use super::date;
use std::{iter::Peekable, str::Chars};

/// The longest code that is looked at, in characters; programs allow as many.
const MAX_CODE: usize = 255;

/// Formats a code may have, for positive numbers, negative ones, zero, and text.
pub(super) const MAX_SECTIONS: usize = 4;

/// The format of some of the numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Section {
    pub(super) condition: Option<Condition>,
    pub(super) tokens: Vec<Token>,
}

/// What a number must be for its section to be used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Condition {
    comparison: Comparison,
    bound: f64,
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

/// What one or several characters of a code show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token {
    Literal(char),
    /// A digit: `0` is always shown, `#` where it counts, `?` leaves a space.
    Digit(char),
    Point,
    Comma,
    Percent,
    /// Between the two halves of a fraction or of a date.
    Slash,
    /// The number plain.
    General,
    /// The text itself, or the number plain.
    Text,
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

/// The sections of a code. None where it is too long to be one.
pub(super) fn sections(code: &str) -> Vec<Section> {
    if code.chars().nth(MAX_CODE).is_some() {
        return Vec::new();
    }
    let mut sections = Vec::new();
    let mut rest = code.chars().peekable();
    while sections.len() < MAX_SECTIONS {
        let (section, is_last) = section(&mut rest);
        sections.push(section);
        if is_last {
            break;
        }
    }
    sections
}

/// Reads one section, and whether the code ends with it.
fn section(rest: &mut Peekable<Chars<'_>>) -> (Section, bool) {
    let mut section = Section::default();
    let mut is_last = true;
    while let Some(character) = rest.next() {
        let token = match character {
            ';' => {
                is_last = false;
                break;
            }
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
            '/' => Token::Slash,
            '@' => Token::Text,
            'y' | 'Y' | 'm' | 'M' | 'd' | 'D' | 'h' | 'H' | 's' | 'S' => {
                let letter = character.to_ascii_lowercase();
                Token::Part(letter, 1 + run(rest, letter))
            }
            'E' | 'e' if matches!(rest.peek(), Some('+' | '-')) => Token::Unknown,
            // The year of an era.
            'e' => Token::Part('y', (1 + run(rest, 'e')).max(3)),
            'G' | 'g' if consume(rest, "eneral") => Token::General,
            // An era.
            'g' => {
                run(rest, 'g');
                continue;
            }
            'A' | 'a' if consume(rest, "m/pm") || consume(rest, "/p") => Token::Noon,
            other => Token::Literal(other),
        };
        section.tokens.push(token);
    }
    section.resolve();
    (section, is_last)
}

/// Consumes this word, whatever its case, if it comes next.
fn consume(rest: &mut Peekable<Chars<'_>>, word: &str) -> bool {
    let mut ahead = rest.clone();
    let same = word.chars().all(|letter| ahead.next().is_some_and(|next| next.eq_ignore_ascii_case(&letter)));
    if same {
        *rest = ahead;
    }
    same
}

/// Consumes what comes next of the same letter; how many.
fn run(rest: &mut Peekable<Chars<'_>>, letter: char) -> usize {
    let mut length = 0;
    while rest.next_if(|next| next.eq_ignore_ascii_case(&letter)).is_some() {
        length += 1;
    }
    length
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
        self.condition = Condition::parse(bracket).or(self.condition);
    }

    /// Settles what depends on what else stands in the section: a slash is that of a fraction only between digits.
    fn resolve(&mut self) {
        if self.is_date() {
            self.tokens = date::resolved(std::mem::take(&mut self.tokens));
            return;
        }
        let first = self.tokens.iter().position(Token::is_digit);
        let last = self.tokens.iter().rposition(Token::is_digit);
        for at in 0..self.tokens.len() {
            if self.tokens[at] != Token::Slash {
                continue;
            }
            // What it is divided by may be given: `# ?/16`.
            let is_number = matches!(self.tokens.get(at + 1), Some(Token::Literal('1'..='9')));
            let is_fraction = first.is_some_and(|first| first < at) && (is_number || last > Some(at));
            self.tokens[at] = if is_fraction { Token::Unknown } else { Token::Literal('/') };
        }
    }

    /// Whether it shows dates or times.
    pub(super) fn is_date(&self) -> bool {
        self.tokens.iter().any(|token| matches!(token, Token::Part(..) | Token::Elapsed(..) | Token::Noon))
    }

    /// Whether it shows digits of numbers.
    pub(super) fn has_digits(&self) -> bool {
        self.tokens.iter().any(Token::is_digit)
    }
}

impl Token {
    /// Whether it is shown as a digit of a number.
    pub(super) fn is_digit(&self) -> bool {
        matches!(self, Self::Digit(_))
    }
}

impl Condition {
    fn parse(bracket: &str) -> Option<Self> {
        [
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<>", Comparison::NotEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
            ("=", Comparison::Equal),
        ]
        .into_iter()
        .find_map(|(sign, comparison)| {
            let bound = bracket.strip_prefix(sign)?.trim().parse().ok()?;
            Some(Self { comparison, bound })
        })
    }

    /// Whether this number is such a one.
    pub(super) fn holds(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Less => value < self.bound,
            Comparison::LessOrEqual => value <= self.bound,
            Comparison::Equal => value == self.bound,
            Comparison::NotEqual => value != self.bound,
            Comparison::GreaterOrEqual => value >= self.bound,
            Comparison::Greater => value > self.bound,
        }
    }
}
