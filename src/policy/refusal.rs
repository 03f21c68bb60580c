//! What a refused sender reads, in words a clerk understands: which destinations, which kind of data (never the
//! data), an id to quote and whom to turn to.

use super::{
    decision::Obstacle,
    words::{self, Sentences},
};
use crate::{
    config::Language,
    level::{Category, Level},
};

/// The longest line of a reply, in bytes. RFC 5321 section 4.5.3.1.5 allows 512 with the code and the line end.
const LINE_MAX: usize = 480;

/// The most lines of a reply; a longer list of destinations is cut with an ellipsis. Milter replies may have 32.
const LINES_MAX: usize = 16;

/// What a refusal is about.
#[derive(Clone, Debug)]
pub struct Refusal<'a> {
    /// The organisation's language.
    pub language: Language,
    /// Whether the client may be sent UTF-8 (RFC 6531).
    pub utf8: bool,
    /// The message's level.
    pub level: Level,
    /// Its categories; empty where the kind is not to be named.
    pub categories: &'a [Category],
    /// Whether this is for good.
    pub permanent: bool,
    /// Destinations that cannot.
    pub unmet: &'a [(String, Obstacle)],
    /// Destinations of which it is not known.
    pub unknown: &'a [(String, String)],
    /// The id to quote.
    pub reference: &'a str,
    /// Whom to turn to; may be empty.
    pub contact: &'a str,
}

impl Refusal<'_> {
    /// The text, a line each of at most [`LINE_MAX`] bytes, without codes.
    pub fn lines(&self) -> Vec<String> {
        let sentences = words::sentences(self.language);
        let opening = if self.permanent { sentences.rejected } else { sentences.deferred };
        let mut text = opening.replace("{kind}", &self.kind(sentences));
        text.push_str(&self.obstacles(sentences));
        text.push_str(&format!(". {} {}", sentences.reference, self.reference));
        if !self.contact.is_empty() {
            text.push_str(&format!(", {}", self.contact));
        }
        let text = if self.utf8 { text } else { words::ascii(&text) };
        wrap(&text)
    }

    fn kind(&self, sentences: &Sentences) -> String {
        let level = words::level(sentences, self.level);
        if self.categories.is_empty() {
            return level.to_owned();
        }
        let names: Vec<_> = self.categories.iter().map(|category| words::category(self.language, *category)).collect();
        format!("{level} ({})", names.join(", "))
    }

    fn obstacles(&self, sentences: &Sentences) -> String {
        let select = |wanted: fn(&Obstacle) -> bool| -> Vec<&str> {
            self.unmet.iter().filter(|(_, o)| wanted(o)).map(|(domain, _)| domain.as_str()).collect()
        };
        let mut groups = vec![
            (sentences.cannot_encrypt, select(|o| matches!(o, Obstacle::NotEncrypted(_)))),
            (sentences.cannot_authenticate, select(|o| matches!(o, Obstacle::NotAuthenticated(_)))),
            (sentences.undeliverable, select(|o| matches!(o, Obstacle::Undeliverable(_)))),
            (sentences.uncontrolled, select(|o| matches!(o, Obstacle::Uncontrolled(_)))),
        ];
        if !self.permanent {
            groups.push((sentences.not_known, self.unknown.iter().map(|(domain, _)| domain.as_str()).collect()));
        }
        let clauses: Vec<String> = groups
            .into_iter()
            .filter(|(_, domains)| !domains.is_empty())
            .map(|(sentence, domains)| sentence.replace("{where}", &enumerate(&domains, sentences.and)))
            .collect();
        clauses.join("; ")
    }
}

/// `a, b and c`.
fn enumerate(names: &[&str], and: &str) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [head @ .., last] => format!("{} {and} {last}", head.join(", ")),
    }
}

/// Breaks a text at spaces into lines of at most [`LINE_MAX`] bytes, at most [`LINES_MAX`] of them.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let word = truncate(word, LINE_MAX);
        let fits = lines.last().is_some_and(|line| line.is_empty() || line.len() + 1 + word.len() <= LINE_MAX);
        if !fits {
            if lines.len() == LINES_MAX {
                lines.pop();
                lines.push("...".to_owned());
                return lines;
            }
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

fn truncate(word: &str, max: usize) -> &str {
    let mut end = word.len().min(max);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    &word[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn no_tls(domain: &str) -> (String, Obstacle) {
        (domain.to_owned(), Obstacle::NotEncrypted("no STARTTLS".to_owned()))
    }

    fn refusal<'a>(unmet: &'a [(String, Obstacle)]) -> Refusal<'a> {
        Refusal {
            language: Language::En,
            utf8: false,
            level: Level::Confidential,
            categories: &[Category::NationalId],
            permanent: true,
            unmet,
            unknown: &[],
            reference: "4bXyZ1",
            contact: "https://mail.example/help",
        }
    }

    #[test]
    fn says_what_a_clerk_needs() {
        let unmet = [no_tls("example.dk")];
        assert_eq!(
            refusal(&unmet).lines(),
            ["Not sent to anyone: the message holds confidential data (national id) and example.dk cannot receive \
              encrypted mail. Ref 4bXyZ1, https://mail.example/help"]
        );
        let danish = Refusal { language: Language::Da, contact: "", ..refusal(&unmet) };
        assert_eq!(
            danish.lines(),
            ["Ikke sendt til nogen: beskeden indeholder fortrolige oplysninger (cpr-nummer), og example.dk kan ikke \
              modtage krypteret mail. Ref. 4bXyZ1"]
        );
    }

    #[test]
    fn names_every_destination_by_what_stands_in_the_way() {
        let unmet = [
            no_tls("a.example"),
            ("b.example".to_owned(), Obstacle::Undeliverable("null MX".to_owned())),
            no_tls("c.example"),
        ];
        let text = Refusal { categories: &[], ..refusal(&unmet) }.lines().join(" ");
        assert!(text.contains("confidential data and a.example and c.example cannot receive encrypted mail; b.example cannot receive mail."), "{text}");
    }

    #[test]
    fn is_ascii_unless_the_client_speaks_utf8() {
        let unmet = [no_tls("example.dk")];
        for language in
            [Language::Da, Language::De, Language::Fr, Language::Nl, Language::Sv, Language::No, Language::En]
        {
            for permanent in [true, false] {
                let ascii = Refusal { language, permanent, categories: &Category::ALL, ..refusal(&unmet) };
                let lines = ascii.lines();
                assert!(lines.iter().all(|line| line.is_ascii() && !line.contains('?')), "{lines:?}");
            }
        }
        let utf8 = Refusal { language: Language::Sv, utf8: true, ..refusal(&unmet) };
        assert!(utf8.lines()[0].contains("någon"));
    }

    #[test]
    fn says_that_it_is_not_known_yet() {
        let unknown = [("slow.example".to_owned(), "timeout".to_owned())];
        let text = Refusal { permanent: false, unknown: &unknown, ..refusal(&[]) }.lines().join(" ");
        assert!(text.contains("it is not known yet whether slow.example can receive encrypted mail"), "{text}");
    }

    proptest! {
        #[test]
        fn lines_fit_whatever_the_destinations(domains in proptest::collection::vec("[a-zø]{1,600}", 1..60), utf8: bool) {
            let unmet: Vec<_> = domains.iter().map(|domain| no_tls(domain)).collect();
            let lines = Refusal { utf8, ..refusal(&unmet) }.lines();
            prop_assert!(lines.len() <= LINES_MAX);
            prop_assert!(lines.iter().all(|line| !line.is_empty() && line.len() <= LINE_MAX && !line.contains(['\r', '\n'])));
        }
    }
}
