//! Words of lists.
//!
//! A word stands for itself, whatever its case: `journal` is found in `Journal 12`, not in `journalist`. A star lets
//! the word go on: `journal*` is found in `journalnummer`, `*nummer` in `journalnummer`, `*syg*` in `kræftsygdom`,
//! which is how Danish, German, Dutch, Swedish and Norwegian build their compounds. A word written in capitals counts only
//! where it stands in capitals.
//!
//! Alternatives stand in brackets: `(her|his) (arrest|trial)` is four phrases, and an empty alternative leaves a word out.

use super::{fold::fold, language::Language};
use std::sync::Arc;

/// The longest word, in bytes.
pub(super) const MAX_WORD: usize = 100;

/// A word as a rule file gives it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Word {
    /// As written.
    pub(super) written: Arc<str>,
    /// The language that it belongs to; none for any.
    pub(super) language: Option<Language>,
    /// It counts only where it begins with a capital letter.
    pub(super) capital: bool,
    /// It counts only in capitals: an abbreviation that is a word otherwise (`SEP`).
    all_capitals: bool,
    folded: Arc<str>,
    open_left: bool,
    open_right: bool,
}

/// The most phrases that alternatives may make of one.
const MAX_PHRASES: usize = 5_000;

/// Alternatives within alternatives.
const MAX_NESTED: usize = 8;

/// Every phrase that a word of a rule file with alternatives stands for.
///
/// # Errors
/// With what is wrong with it.
pub(super) fn phrases(written: &str) -> Result<Vec<String>, String> {
    let (phrases, rest) = alternatives(written, 0).map_err(|reason| format!("`{written}`: {reason}"))?;
    match rest {
        "" => Ok(phrases),
        _ => Err(format!("`{written}`: a bracket is closed that was not opened, or a bar stands outside of brackets")),
    }
}

/// The phrases of alternatives up to what ends them, and the rest.
fn alternatives(text: &str, nested: usize) -> Result<(Vec<String>, &str), &'static str> {
    if nested > MAX_NESTED {
        return Err("brackets stand within brackets too often");
    }
    let (mut all, mut these) = (Vec::new(), vec![String::new()]);
    let mut rest = text;
    loop {
        let plain = rest.find(['(', ')', '|']).unwrap_or(rest.len());
        these.iter_mut().for_each(|phrase| phrase.push_str(&rest[..plain]));
        rest = &rest[plain..];
        match rest.as_bytes().first() {
            Some(b'(') => {
                let (inner, after) = alternatives(&rest[1..], nested + 1)?;
                rest = after.strip_prefix(')').ok_or("a bracket is not closed")?;
                if these.len() * inner.len() > MAX_PHRASES {
                    return Err("its alternatives make too many phrases: write several words");
                }
                these = these.iter().flat_map(|one| inner.iter().map(move |other| format!("{one}{other}"))).collect();
            }
            Some(b'|') if nested > 0 => {
                all.append(&mut these);
                these.push(String::new());
                rest = &rest[1..];
            }
            _ => {
                all.append(&mut these);
                return Ok((all, rest));
            }
        }
        if all.len() > MAX_PHRASES {
            return Err("its alternatives make too many phrases: write several words");
        }
    }
}

impl Word {
    /// Reads a word of a rule file, without alternatives.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub(super) fn parse(written: &str) -> Result<Self, String> {
        let folded = fold(written.trim());
        let rest = folded.strip_prefix('*');
        let open_left = rest.is_some();
        let rest = rest.unwrap_or(&folded);
        let inner = rest.strip_suffix('*');
        let open_right = inner.is_some();
        let inner = inner.unwrap_or(rest);
        let letters = inner.chars().filter(|character| character.is_alphanumeric()).count();
        let fewest = if open_left || open_right { 3 } else { 2 };
        if inner.contains('*') {
            return Err(format!("`{written}`: a star may stand at the beginning and the end of a word only"));
        }
        if letters < fewest {
            return Err(format!(
                "`{written}` is too short: {fewest} letters at least, or it would be found everywhere"
            ));
        }
        if inner.len() > MAX_WORD {
            return Err(format!("`{written}` is too long: {MAX_WORD} bytes at most"));
        }
        let written: Arc<str> = written.trim().into();
        // Most words are written in small letters, and there are many of them.
        let is_folded = *written == *inner;
        let folded = if is_folded { Arc::clone(&written) } else { inner.into() };
        let all_capitals = is_all_capitals(&written);
        Ok(Self { written, language: None, capital: false, all_capitals, folded, open_left, open_right })
    }

    /// What a pattern's matches may begin with, in small ASCII letters, only at the beginning of a word or anywhere.
    pub(super) fn beginning(folded: &str, begins_word: bool) -> Self {
        Self {
            written: "".into(),
            language: None,
            capital: false,
            all_capitals: false,
            folded: folded.into(),
            open_left: !begins_word,
            open_right: true,
        }
    }

    /// Whether the whole of `value` is this word.
    pub(super) fn is(&self, value: &str) -> bool {
        let value = fold(value.trim());
        match (self.open_left, self.open_right) {
            (false, false) => *value == *self.folded,
            (false, true) => value.starts_with(&*self.folded),
            (true, false) => value.ends_with(&*self.folded),
            (true, true) => value.contains(&*self.folded),
        }
    }

    /// Its letters, folded, without stars.
    pub(super) fn folded(&self) -> &str {
        &self.folded
    }

    /// Whether it may begin within another word.
    pub(super) fn is_open_left(&self) -> bool {
        self.open_left
    }

    /// Whether the word may stand at this place of the (unfolded or folded) text.
    pub(super) fn fits(&self, text: &str, start: usize, end: usize) -> bool {
        let letter = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
        let bytes = text.as_bytes();
        let goes_on = match bytes.get(end) {
            Some(byte) if byte.is_ascii() => byte.is_ascii_alphanumeric(),
            _ => letter(text[end..].chars().next()),
        };
        let goes_on_before = match start.checked_sub(1).map(|before| bytes[before]) {
            Some(byte) if byte.is_ascii() => byte.is_ascii_alphanumeric(),
            _ => letter(text[..start].chars().next_back()),
        };
        (self.open_right || !goes_on)
            && (self.open_left || !goes_on_before)
            && (!self.all_capitals || is_all_capitals(&text[start..end]))
            && (!self.capital || begins_with_capital(text, start))
    }
}

/// Whether there are at least two letters, and no small one.
fn is_all_capitals(text: &str) -> bool {
    text.chars().filter(|character| character.is_uppercase()).count() >= 2 && !text.chars().any(char::is_lowercase)
}

/// Whether the word around this place begins with a capital letter.
fn begins_with_capital(text: &str, at: usize) -> bool {
    let before = text[..at].chars().rev().take(MAX_WORD).take_while(|character| character.is_alphanumeric()).last();
    before.or_else(|| text[at..].chars().next()).is_some_and(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_are_written_out() {
        for (written, expected) in [
            ("arrest", &["arrest"][..]),
            ("(her|his) (arrest|trial)*", &["her arrest*", "her trial*", "his arrest*", "his trial*"]),
            ("(i('|’)m|am) ill", &["i'm ill", "i’m ill", "am ill"]),
            ("the (old |)age", &["the old age", "the age"]),
        ] {
            assert_eq!(phrases(written).unwrap(), expected, "{written}");
        }
        let many = "(a|b|c|d|e|f|g|h|i|j)".repeat(6);
        let deep = "(".repeat(100) + "a";
        for bad in ["(a", "a)", "a|b", "(a|b))", &many, &deep] {
            assert!(phrases(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn abbreviations_in_capitals_count_in_capitals() {
        for (word, text, expected) in [
            ("SEP", "SEP", true),
            ("SEP", "sep", false),
            ("sep", "SEP", true),
            ("SEP*", "SEP-patient", true),
            ("ÅO", "åo", false),
        ] {
            assert_eq!(
                Word::parse(word).unwrap().fits(text, 0, word.trim_matches('*').len()),
                expected,
                "{word} {text}"
            );
        }
    }

    #[test]
    fn bad_words_are_refused() {
        for word in ["", "*", "a", "ab*", "a*b", "**abc", "- -"] {
            assert!(Word::parse(word).is_err(), "{word}");
        }
        assert!(Word::parse(&"x".repeat(MAX_WORD + 1)).is_err());
    }

    #[test]
    fn whole_values() {
        for (word, value, expected) in [
            ("private", " Private ", true),
            ("private", "not private", false),
            ("confidential*", "Confidential - Finance", true),
            ("confidential*", "Not confidential", false),
        ] {
            assert_eq!(Word::parse(word).unwrap().is(value), expected, "{word} {value}");
        }
    }
}
