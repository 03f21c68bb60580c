//! Numbers: digits put where the code has room for them.

use super::code::{Section, Token};

/// Digits after the point, and signs that multiply or divide, that a code may have; programs allow no more.
const MAX_DECIMALS: usize = 30;

/// Appends a number that is not negative; `plain` is its plain form. Whether the section says how it is shown.
pub(super) fn show(section: &Section, value: f64, plain: &str, shown: &mut String) -> bool {
    let tokens = section.tokens.as_slice();
    if tokens.contains(&Token::Unknown) || !value.is_finite() {
        return false;
    }
    if !section.has_digits() {
        without_digits(tokens, plain, shown);
        return true;
    }
    let point = tokens.iter().position(|token| *token == Token::Point).unwrap_or(tokens.len());
    let (whole, after) = tokens.split_at(point);
    let Some(value) = scaled(value, whole, after) else { return false };
    let decimals = after.iter().filter(|token| token.is_digit()).count();
    if decimals > MAX_DECIMALS {
        return false;
    }
    let digits = format!("{value:.decimals$}");
    let (integer, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    integer_part(whole, integer.trim_start_matches('0'), plain, shown);
    fraction_part(after, fraction, plain, shown);
    true
}

/// A section that has no room for digits: its signs are what they look like.
fn without_digits(tokens: &[Token], plain: &str, shown: &mut String) {
    for token in tokens {
        match token {
            Token::Literal(character) => shown.push(*character),
            Token::General | Token::Text => shown.push_str(plain),
            Token::Percent => shown.push('%'),
            Token::Comma => shown.push(','),
            Token::Point => shown.push('.'),
            _ => {}
        }
    }
}

/// The number whose digits are shown: per cent multiply, and commas after the last digit, before the point or at the
/// end, divide by a thousand each.
fn scaled(mut value: f64, whole: &[Token], after: &[Token]) -> Option<f64> {
    let commas = |tokens: &[Token]| {
        let last = tokens.iter().rposition(Token::is_digit)?;
        Some(tokens.get(last..)?.iter().filter(|token| **token == Token::Comma).count())
    };
    let thousands = commas(whole).unwrap_or(0) + commas(after).unwrap_or(0);
    let percents = whole.iter().chain(after).filter(|token| **token == Token::Percent).count();
    for _ in 0..percents.min(MAX_DECIMALS) {
        value *= 100.0;
    }
    for _ in 0..thousands.min(MAX_DECIMALS) {
        value /= 1000.0;
    }
    value.is_finite().then_some(value)
}

/// Appends the digits before the point, given out from the right; the leftmost sign takes all that are left. Commas
/// between digits group them.
fn integer_part(tokens: &[Token], digits: &str, plain: &str, shown: &mut String) {
    let first = tokens.iter().position(Token::is_digit);
    let last = tokens.iter().rposition(Token::is_digit);
    let between = first.zip(last).and_then(|(first, last)| tokens.get(first..last));
    let grouped = between.is_some_and(|between| between.contains(&Token::Comma));
    let mut digits = digits.chars().rev();
    let mut reversed = String::new();
    let mut given = 0;
    let mut give = |digit: char, reversed: &mut String| {
        if grouped && given > 0 && given % 3 == 0 && digit != ' ' {
            reversed.push(',');
        }
        given += 1;
        reversed.push(digit);
    };
    if first.is_none() {
        digits.by_ref().for_each(|digit| give(digit, &mut reversed));
    }
    for (at, token) in tokens.iter().enumerate().rev() {
        match token {
            Token::Digit(sign) => {
                match (digits.next(), sign) {
                    (Some(digit), _) => give(digit, &mut reversed),
                    (None, '0') => give('0', &mut reversed),
                    (None, '?') => give(' ', &mut reversed),
                    (None, _) => {}
                }
                if Some(at) == first {
                    digits.by_ref().for_each(|digit| give(digit, &mut reversed));
                }
            }
            Token::Literal(character) => reversed.push(*character),
            Token::Percent => reversed.push('%'),
            Token::General | Token::Text => reversed.extend(plain.chars().rev()),
            _ => {}
        }
    }
    shown.extend(reversed.chars().rev());
}

/// Appends the point and the digits after it, from the left; zeros at the end are shown where the code wants them.
fn fraction_part(tokens: &[Token], digits: &str, plain: &str, shown: &mut String) {
    let mut counted = digits.trim_end_matches('0').len();
    let mut digits = digits.chars();
    for token in tokens {
        match token {
            Token::Point => shown.push('.'),
            Token::Digit(sign) => {
                let digit = digits.next().unwrap_or('0');
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
            Token::General | Token::Text => shown.push_str(plain),
            _ => {}
        }
    }
}
