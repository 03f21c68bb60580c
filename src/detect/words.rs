//! Words of lists.
//!
//! A word stands for itself, whatever its case: `journal` is found in `Journal 12`, not in `journalist`. A star lets
//! the word go on: `journal*` is found in `journalnummer`, `*nummer` in `journalnummer`, `*syg*` in `kræftsygdom`,
//! which is how Danish, German, Dutch, Swedish and Norwegian build their compounds. A word written in capitals counts only
//! where it stands in capitals.

use super::{fold::fold, language::Language};

/// The longest word, in bytes.
pub(super) const MAX_WORD: usize = 100;

/// A word as a rule file gives it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Word {
    /// As written.
    pub(super) written: String,
    /// The language that it belongs to; none for any.
    pub(super) language: Option<Language>,
    /// It counts only where it begins with a capital letter.
    pub(super) capital: bool,
    /// It counts only in capitals: an abbreviation that is a word otherwise (`SEP`).
    all_capitals: bool,
    folded: String,
    open_left: bool,
    open_right: bool,
}

impl Word {
    /// Reads a word of a rule file.
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
        Ok(Self {
            written: written.trim().to_owned(),
            language: None,
            capital: false,
            all_capitals: is_all_capitals(written),
            folded: inner.to_owned(),
            open_left,
            open_right,
        })
    }

    /// Whether the whole of `value` is this word.
    pub(super) fn is(&self, value: &str) -> bool {
        let value = fold(value.trim());
        match (self.open_left, self.open_right) {
            (false, false) => value == self.folded,
            (false, true) => value.starts_with(&self.folded),
            (true, false) => value.ends_with(&self.folded),
            (true, true) => value.contains(&self.folded),
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
        if self.capital && !begins_with_capital(text, start) || self.all_capitals && !is_all_capitals(&text[start..end])
        {
            return false;
        }
        (self.open_left || !letter(text[..start].chars().next_back()))
            && (self.open_right || !letter(text[end..].chars().next()))
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
