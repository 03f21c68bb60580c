//! `[organisation]`: who we are, and how we speak to our people.

use super::{
    domains::{DomainSet, entry},
    reader::Section,
    value::{Word, boolean, line, word},
};

/// Longest `contact`, in bytes: it stands in an SMTP reply line with what else has to be said (RFC 5321 section
/// 4.5.3.1.5 gives a reply line 512 bytes).
const CONTACT_MAX: usize = 200;

/// The organisation whose mail server this is.
#[derive(Clone, Debug, PartialEq)]
pub struct Organisation {
    /// Domains whose mail stays with us.
    pub internal_domains: DomainSet,
    /// The language of refusals.
    pub language: Language,
    /// What a refused sender is told to turn to: a URL, a phone number, a mailbox. Empty: nothing.
    pub contact: String,
    /// Whether a refusal names the kind of data that was found.
    pub name_the_kind: bool,
}

impl Default for Organisation {
    fn default() -> Self {
        Self {
            internal_domains: DomainSet::default(),
            language: Language::default(),
            contact: String::new(),
            name_the_kind: true,
        }
    }
}

/// The seven languages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Language {
    /// Danish.
    Da,
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// French.
    Fr,
    /// Dutch.
    Nl,
    /// Swedish.
    Sv,
    /// Norwegian.
    No,
}

impl Word for Language {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("da", Self::Da),
        ("en", Self::En),
        ("de", Self::De),
        ("fr", Self::Fr),
        ("nl", Self::Nl),
        ("sv", Self::Sv),
        ("no", Self::No),
    ];
}

impl Organisation {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let default = Self::default();
        Self {
            internal_domains: section.list("internal-domains", Vec::new(), entry).into_iter().collect(),
            language: section.value("language", default.language, word),
            contact: section.value("contact", default.contact, |value| line(value, CONTACT_MAX)),
            name_the_kind: section.value("name-the-kind", default.name_the_kind, boolean),
        }
    }
}
