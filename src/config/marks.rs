//! `[marks]`: how the sender marks a message.

use super::{
    reader::Section,
    value::{Parsed, Word, line, quoted, word},
};
use std::collections::BTreeMap;
use toml::de::DeValue;

/// Longest subject tag, in bytes.
const TAG_MAX: usize = 100;

/// How the sender marks a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Marks {
    /// Subject tags beyond those of the shipped rules, without brackets: `hemmelig`.
    pub subject_tags: Vec<String>,
    /// MSIP label ids (GUID, lower case) and the level that each asks.
    pub labels: BTreeMap<String, MarkLevel>,
}

/// The level that a mark asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MarkLevel {
    /// Not confidential: the label says so.
    None,
    /// Confidential.
    Confidential,
    /// Sensitive.
    Sensitive,
}

impl Word for MarkLevel {
    const WORDS: &'static [(&'static str, Self)] =
        &[("none", Self::None), ("confidential", Self::Confidential), ("sensitive", Self::Sensitive)];
}

impl Marks {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            subject_tags: section.list("subject-tags", Vec::new(), subject_tag),
            labels: section.map("labels", label, word),
        }
    }
}

fn subject_tag(value: &DeValue<'_>) -> Parsed<String> {
    let tag = line(value, TAG_MAX)?;
    if tag.trim().is_empty() || tag.trim() != tag {
        return Err(format!("{} must be a word, without space at its ends", quoted(&tag)));
    }
    match tag.contains(['[', ']']) {
        true => Err(format!("{}: write the tag without brackets", quoted(&tag))),
        false => Ok(tag),
    }
}

/// A GUID in its text form (RFC 9562 section 4), in lower case.
fn label(key: &str) -> Parsed<String> {
    let is_hex = |group: &str| group.bytes().all(|b| b.is_ascii_hexdigit());
    let lengths: Vec<usize> = key.split('-').map(str::len).collect();
    match lengths == [8, 4, 4, 4, 12] && key.split('-').all(is_hex) {
        true => Ok(key.to_ascii_lowercase()),
        false => Err("is no label id: write the GUID, as in 00000000-0000-0000-0000-000000000000".to_owned()),
    }
}
