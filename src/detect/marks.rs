//! What the sender marked: tags in the subject, header fields, Microsoft's sensitivity labels.
//!
//! A mark can raise a message's level and never lower it.

use super::{
    Finding,
    fold::fold,
    rule::{Matcher, Rule},
};
use crate::{
    config::{MarkLevel, Marks},
    level::{Category, Level},
    message::{Document, Field},
};
use std::{collections::BTreeMap, sync::Arc};

/// The longest tag, in characters.
const MAX_TAG: usize = 60;

/// What replies and forwards put before a subject, in seven languages.
const PREFIXES: [&str; 14] =
    ["re", "fw", "fwd", "sv", "vs", "aw", "antw", "wg", "tr", "rép", "ref", "doorst", "vb", "ang"];

/// The header field in which Microsoft's programs carry a message's sensitivity labels.
const LABELS: &str = "msip_labels";

/// The form in which tags are compared: letters and digits, in lower case.
pub(super) fn key(tag: &str) -> String {
    fold(tag).chars().filter(|character| character.is_alphanumeric()).collect()
}

/// What the rules and the configuration find.
pub(super) fn inspect<'r>(rules: impl Iterator<Item = &'r Rule>, document: &Document, marks: &Marks) -> Vec<Finding> {
    let tags: Vec<String> = fields(document, "subject").flat_map(|field| tags(&field.value)).collect();
    let labels = all_labels(document);

    let mut findings = Vec::new();
    for rule in rules {
        findings.extend(match &rule.matcher {
            Matcher::SubjectTag(known) => find_tag(&tags, known).map(|tag| subject_tag(rule, &tag)),
            Matcher::Header { field, values } => fields(document, field).find_map(|found| {
                let value = values.iter().find(|value| value.is(&found.value))?;
                let why = format!("the header field {field} is “{}”", value.written);
                Some(finding(rule, field, value.written.to_string(), why))
            }),
            Matcher::Label(names) => labels.iter().find_map(|label| {
                // The administrator's own word about a label counts more than its name.
                if !label.enabled || own_level(marks, label).is_some() {
                    return None;
                }
                let name = names.iter().find(|name| name.is(&label.name))?;
                let why = format!("a sensitivity label is named “{}”", name.written);
                Some(finding(rule, &label.place, name.written.to_string(), why))
            }),
            _ => None,
        });
    }
    let own: BTreeMap<_, _> = marks.subject_tags.iter().map(|tag| (key(tag), tag.clone())).collect();
    if let Some(tag) = find_tag(&tags, &own) {
        let why = format!("the subject is tagged “{tag}” (marks.subject-tags)");
        findings.push(own_finding("marks.subject-tags", Level::Confidential, "subject", format!("[{tag}]"), why));
    }
    for label in labels.iter().filter(|label| label.enabled) {
        let level = match own_level(marks, label) {
            None | Some(MarkLevel::None) => continue,
            Some(MarkLevel::Confidential) => Level::Confidential,
            Some(MarkLevel::Sensitive) => Level::Sensitive,
        };
        let why = format!("a sensitivity label has the id {} (marks.labels)", label.id);
        findings.push(own_finding("marks.labels", level, &label.place, label.id.clone(), why));
    }
    findings
}

fn fields<'a>(document: &'a Document, name: &'a str) -> impl Iterator<Item = &'a Field> {
    document.fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name))
}

fn own_level(marks: &Marks, label: &Label) -> Option<MarkLevel> {
    marks.labels.iter().find(|(id, _)| id.trim_matches(['{', '}']).eq_ignore_ascii_case(&label.id)).map(|own| *own.1)
}

fn find_tag(tags: &[String], known: &BTreeMap<String, String>) -> Option<String> {
    tags.iter().find_map(|tag| known.get(tag)).cloned()
}

fn subject_tag(rule: &Rule, tag: &str) -> Finding {
    finding(rule, "subject", format!("[{tag}]"), format!("the subject is tagged “{tag}”"))
}

fn finding(rule: &Rule, part: &str, masked: String, why: String) -> Finding {
    Finding {
        rule: Arc::clone(&rule.id),
        category: rule.category,
        level: rule.level,
        part: part.to_owned(),
        count: 1,
        confidence: 1.0,
        masked,
        why,
    }
}

fn own_finding(rule: &str, level: Level, part: &str, masked: String, why: String) -> Finding {
    Finding {
        rule: rule.into(),
        category: Category::Marked,
        level,
        part: part.to_owned(),
        count: 1,
        confidence: 1.0,
        masked,
        why,
    }
}

/// The keys of everything in a subject that may be a tag: `[tag]` in any brackets and anywhere, `#tag` anywhere, and
/// `Tag:`, `Tag -` or the tag alone at the beginning, after what replies put there.
fn tags(subject: &str) -> Vec<String> {
    let mut tags = Vec::new();
    for (at, open) in subject.char_indices() {
        let rest = &subject[at + open.len_utf8()..];
        let close = match open {
            '[' => ']',
            '(' => ')',
            '{' => '}',
            '<' => '>',
            '«' => '»',
            '#' => {
                let length = rest.find(|character: char| !character.is_alphanumeric()).unwrap_or(rest.len());
                if (1..=MAX_TAG).contains(&length) {
                    tags.push(key(&rest[..length]));
                }
                continue;
            }
            _ => continue,
        };
        if let Some((length, _)) = rest.char_indices().take(MAX_TAG).find(|&(_, character)| character == close) {
            let inner = &rest[..length];
            tags.push(key(inner));
            tags.extend(inner.split(['/', '|', ',', ';', ':']).map(key));
        }
    }
    let mut rest = subject.trim_start();
    loop {
        let head: String = rest.chars().take(MAX_TAG).collect();
        let Some(colon) = head.find(':') else { break };
        let word = key(&head[..colon]);
        let plain = word.trim_end_matches(|character: char| character.is_ascii_digit());
        if !PREFIXES.contains(&plain) {
            tags.push(word);
            break;
        }
        rest = rest[colon + 1..].trim_start();
    }
    let head: String = rest.chars().take(MAX_TAG).collect();
    if let Some((word, _)) = head.split_once(" - ") {
        tags.push(key(word));
    }
    if rest.len() <= MAX_TAG {
        tags.push(key(rest));
    }
    tags.retain(|tag| !tag.is_empty());
    tags
}

/// A sensitivity label of the message or of a document attached to it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Label {
    /// The header field, or the document.
    place: String,
    id: String,
    name: String,
    enabled: bool,
}

/// Labels by place and id.
#[derive(Default)]
struct Labels(BTreeMap<(String, String), Label>);

impl Labels {
    /// Takes in one property: `MSIP_Label_<GUID>_Enabled`, `MSIP_Label_<GUID>_Name`, …
    fn property(&mut self, place: &str, name: &str, value: &str) {
        let name = name.trim().to_ascii_lowercase();
        let Some((id, attribute)) = name.strip_prefix("msip_label_").and_then(|name| name.split_once('_')) else {
            return;
        };
        let label = self.0.entry((place.to_owned(), id.to_owned())).or_insert_with(|| Label {
            place: place.to_owned(),
            id: id.to_owned(),
            name: String::new(),
            enabled: true,
        });
        match attribute {
            "name" => label.name = value.trim().to_owned(),
            "enabled" => label.enabled = !value.trim().eq_ignore_ascii_case("false"),
            _ => {}
        }
    }

    /// Takes in a header field: `MSIP_Label_<GUID>_Enabled=True; MSIP_Label_<GUID>_Name=Confidential; …`
    fn field(&mut self, field: &Field) {
        for (name, value) in field.value.split(';').filter_map(|pair| pair.split_once('=')) {
            self.property(LABELS, name, value);
        }
    }
}

fn all_labels(document: &Document) -> Vec<Label> {
    let mut labels = Labels::default();
    fields(document, LABELS).for_each(|field| labels.field(field));
    document.labels.iter().for_each(|label| labels.property(&label.place, &label.name, &label.value));
    labels.0.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tags_are_found_wherever_people_put_them() {
        for subject in [
            "[fortroligt] Sag 12",
            "Sag 12 [Fortroligt]",
            "Re: SV: [FORTROLIGT] Sag",
            "(fortroligt) x",
            "{fortroligt} x",
            "<fortroligt> x",
            "[EXTERNAL][Fortroligt] x",
            "[Fortroligt/internt] x",
            "[ fortroligt! ] x",
            "x #fortroligt",
            "Fortroligt: x",
            "FORTROLIGT - x",
            "Re: Fortroligt: x",
            "Re[2]: Fortroligt: x",
            "fortroligt",
            "SV: Fortroligt",
        ] {
            assert!(tags(subject).contains(&"fortroligt".to_owned()), "{subject}: {:?}", tags(subject));
        }
        for subject in ["Det er fortroligt nok", "fortroligheden: x", "[ikke fortroligt]", "x [fortroligt", ""] {
            assert!(!tags(subject).contains(&"fortroligt".to_owned()), "{subject}: {:?}", tags(subject));
        }
        assert!(tags("[sikker mail] x").contains(&"sikkermail".to_owned()));
    }

    #[test]
    fn labels_are_read() {
        let value = "MSIP_Label_aaaa-1_Enabled=True; MSIP_Label_aaaa-1_Name=Highly Confidential;MSIP_Label_bbbb_Enabled=false;\
             MSIP_Label_cccc_SetDate=2026-01-01T00:00:00Z; junk; MSIP_Label_=x";
        let property = |name: &str, value: &str| crate::message::Label {
            place: "attachment \"a.docx\"".to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let read = all_labels(&Document {
            fields: vec![Field { name: "MSIP_Labels".to_owned(), value: value.to_owned() }],
            labels: vec![
                property("MSIP_Label_aaaa-1_Name", "Internal"),
                property("MSIP_Label_aaaa-1_Enabled", "true"),
                property("Title", "x"),
            ],
            ..Document::default()
        });
        let label = |place: &str, id: &str, name: &str, enabled| Label {
            place: place.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            enabled,
        };
        assert_eq!(
            read,
            [
                label("attachment \"a.docx\"", "aaaa-1", "Internal", true),
                label(LABELS, "aaaa-1", "Highly Confidential", true),
                label(LABELS, "bbbb", "", false),
                label(LABELS, "cccc", "", true)
            ]
        );
    }

    proptest! {
        #[test]
        fn any_subject_and_label_can_be_read(text in any::<String>(), marked in "[\\[\\]#:(){}<>«» a-zæ-]{0,80}") {
            for text in [text, marked] {
                tags(&text);
                Labels::default().field(&Field { name: LABELS.to_owned(), value: text });
            }
        }
    }
}
