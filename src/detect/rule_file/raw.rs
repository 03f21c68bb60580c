//! What stands in a rule file, as it stands there.

use crate::{
    detect::rule::Side,
    level::{Category, Level},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer, value::SeqAccessDeserializer},
};
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRule {
    pub(super) id: String,
    pub(super) category: Category,
    pub(super) level: Option<Level>,
    pub(super) description: String,
    pub(super) source: String,
    #[serde(default = "half")]
    pub(super) threshold: f64,
    #[serde(default = "one")]
    pub(super) min_count: usize,
    pub(super) identifier: Option<RawIdentifier>,
    pub(super) terms: Option<Vec<RawTerms>>,
    pub(super) pattern: Option<RawPattern>,
    pub(super) subject_tag: Option<RawTag>,
    pub(super) header: Option<RawHeader>,
    pub(super) label: Option<RawLabel>,
    pub(super) except: Option<RawWords>,
    pub(super) profile: Option<String>,
    #[serde(default)]
    pub(super) context: Vec<RawContext>,
    pub(super) examples: RawExamples,
}

fn half() -> f64 {
    0.5
}

fn one() -> usize {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawIdentifier {
    pub(super) validator: String,
    pub(super) base: BTreeMap<String, f64>,
    #[serde(default)]
    pub(super) checksum: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawTerms {
    pub(super) words: RawWords,
    pub(super) base: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawPattern {
    pub(super) regex: String,
    pub(super) base: f64,
    #[serde(default)]
    pub(super) inside: bool,
    pub(super) language: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawTag {
    pub(super) words: RawWords,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawHeader {
    pub(super) field: String,
    pub(super) values: RawWords,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawLabel {
    pub(super) names: RawWords,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawContext {
    pub(super) words: Option<RawWords>,
    pub(super) list: Option<String>,
    pub(super) category: Option<Category>,
    #[serde(default)]
    pub(super) same_rule: bool,
    #[serde(default)]
    pub(super) model: bool,
    pub(super) weight: f64,
    #[serde(default = "one")]
    pub(super) most: usize,
    pub(super) distance: Option<usize>,
    #[serde(default)]
    pub(super) side: Side,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawExamples {
    pub(super) found: Vec<String>,
    #[serde(default)]
    pub(super) not_found: Vec<String>,
    pub(super) today: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawList {
    pub(super) id: String,
    pub(super) words: RawWords,
    #[serde(default)]
    pub(super) capital: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawProfile {
    pub(super) id: String,
    pub(super) context: Vec<RawContext>,
}

/// Words: a list, or lists by language.
pub(super) struct RawWords(pub(super) Vec<RawWord>);

/// A word, as it is written.
pub(super) struct RawWord {
    pub(super) written: String,
    /// The code of its language; none for any.
    pub(super) language: Option<String>,
    /// Where it stands in its file, in bytes.
    pub(super) at: usize,
}

impl RawWord {
    fn new(word: Spanned<String>, language: Option<String>) -> Self {
        Self { at: word.span().start, written: word.into_inner(), language }
    }
}

impl<'de> Deserialize<'de> for RawWords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = RawWords;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of words, or lists by language, as in { da = [\"ord\"], en = [\"word\"] }")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<RawWords, A::Error> {
                let words: Vec<Spanned<String>> = Vec::deserialize(SeqAccessDeserializer::new(access))?;
                Ok(RawWords(words.into_iter().map(|word| RawWord::new(word, None)).collect()))
            }

            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<RawWords, A::Error> {
                let lists: BTreeMap<String, Vec<Spanned<String>>> =
                    BTreeMap::deserialize(MapAccessDeserializer::new(access))?;
                let words = lists.into_iter().flat_map(|(language, words)| {
                    words.into_iter().map(move |word| RawWord::new(word, Some(language.clone())))
                });
                Ok(RawWords(words.collect()))
            }
        }
        deserializer.deserialize_any(Words)
    }
}
