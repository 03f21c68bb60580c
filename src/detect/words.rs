//! Word lists, and finding all of their words in one pass.
//!
//! A word stands for itself, whatever its case: `journal` is found in `Journal 12`, not in `journalist`. A star lets
//! the word go on: `journal*` is found in `journalnummer`, `*nummer` in `journalnummer`, `*syg*` in `kræftsygdom`,
//! which is how Danish, German, Dutch, Swedish and Norwegian build their compounds.

use super::{fold::fold, language::Language};
use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};
use std::collections::HashMap;

/// The longest word, in bytes.
pub(super) const MAX_WORD: usize = 100;

/// Up to so many words the automaton is a table (about 12 MB for 3 000 words); beyond, a slower kind is taken.
const MAX_DFA_WORDS: usize = 5000;

/// A word as a rule file gives it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Word {
    /// As written.
    pub(super) written: String,
    /// The language that it belongs to; none for any.
    pub(super) language: Option<Language>,
    /// It counts only where it begins with a capital letter.
    pub(super) capital: bool,
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

    /// Whether the word may stand at this place of the (unfolded or folded) text.
    fn fits(&self, text: &str, start: usize, end: usize) -> bool {
        let letter = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
        if self.capital && !begins_with_capital(text, start) {
            return false;
        }
        (self.open_left || !letter(text[..start].chars().next_back()))
            && (self.open_right || !letter(text[end..].chars().next()))
    }
}

/// Whether the word around this place begins with a capital letter.
fn begins_with_capital(text: &str, at: usize) -> bool {
    let before = text[..at].chars().rev().take(MAX_WORD).take_while(|character| character.is_alphanumeric()).last();
    before.or_else(|| text[at..].chars().next()).is_some_and(char::is_uppercase)
}

/// Many lists of words, searched at once. `L` says which list a word belongs to.
pub(super) struct Lists<L> {
    automaton: AhoCorasick,
    /// For each folded word, the words that look so and their lists.
    words: Vec<Vec<(Word, L)>>,
}

/// A word found: its place in the text, itself, and its list.
pub(super) struct Found<'a, L> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) word: &'a Word,
    pub(super) list: L,
}

impl<L: Copy> Lists<L> {
    /// Builds the automaton; none where there are no words.
    ///
    /// # Errors
    /// If the lists are too long for it.
    pub(super) fn build(words: impl IntoIterator<Item = (Word, L)>) -> Result<Option<Self>, BuildError> {
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut lists: Vec<Vec<(Word, L)>> = Vec::new();
        for (word, list) in words {
            let place = *places.entry(word.folded.clone()).or_insert(lists.len());
            if place == lists.len() {
                lists.push(Vec::new());
            }
            lists[place].push((word, list));
        }
        if lists.is_empty() {
            return Ok(None);
        }
        let patterns = lists.iter().map(|words| words[0].0.folded.as_bytes());
        let kind = (lists.len() <= MAX_DFA_WORDS).then_some(AhoCorasickKind::DFA);
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).kind(kind).build(patterns)?;
        Ok(Some(Self { automaton, words: lists }))
    }

    /// Every word in `folded`, which is the folded text from byte `offset` of `text` on, in the order of their ends.
    pub(super) fn find<'a, 't>(
        &'a self,
        text: &'t str,
        folded: &'t [u8],
        offset: usize,
    ) -> impl Iterator<Item = Found<'a, L>> + use<'a, 't, L> {
        self.automaton.find_overlapping_iter(folded).flat_map(move |found| {
            let (start, end) = (offset + found.start(), offset + found.end());
            let words = &self.words[found.pattern().as_usize()];
            let words = words.iter().filter(move |(word, _)| word.fits(text, start, end));
            words.map(move |&(ref word, list)| Found { start, end, word, list })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &[&str], text: &str) -> Vec<String> {
        let words = words.iter().map(|word| (Word::parse(word).unwrap(), ()));
        let lists = Lists::build(words).unwrap().unwrap();
        lists.find(text, fold(text).as_bytes(), 0).map(|found| found.word.written.clone()).collect()
    }

    #[test]
    fn words_stand_alone_and_stars_let_them_go_on() {
        for (word, text, expected) in [
            ("journal", "Journal 12", true),
            ("journal", "journalist", false),
            ("journal*", "journalist", true),
            ("journal*", "fagjournal", false),
            ("*journal", "fagjournal", true),
            ("*journal", "fagjournalen", false),
            ("*journal*", "fagjournalen", true),
            ("født", "FØDT", true),
            ("født", "afføðt", false),
            ("born on", "born\non", true),
            ("cpr-nr", "CPR-NR.", true),
            ("cpr", "cpr-nr", true),
            ("syg", "øsyg", false),
            ("syg", "sygø", false),
        ] {
            assert_eq!(found(&[word], text), if expected { vec![word] } else { vec![] }, "{word} in {text}");
        }
        assert_eq!(found(&["cpr", "cpr-nr", "cpr*", "*r-nr"], "cpr-nr"), ["cpr", "cpr*", "cpr-nr", "*r-nr"]);
    }

    #[test]
    fn names_begin_with_a_capital() {
        let word = Word { capital: true, ..Word::parse("*sen").unwrap() };
        let lists = Lists::build([(word, ())]).unwrap().unwrap();
        for (text, expected) in [("Anna Jensen", 1), ("ANNA JENSEN", 1), ("anna jensen", 0), ("Ås en", 0), ("Åsen", 1)]
        {
            assert_eq!(lists.find(text, fold(text).as_bytes(), 0).count(), expected, "{text}");
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
