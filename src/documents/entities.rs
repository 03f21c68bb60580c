//! The entities that an XML document defines itself (XML 1.0, 4.2), expanded within bounds: a number can be put together
//! from them, and a few lines can stand for gigabytes.

use crate::message::Fault;
use quick_xml::escape::resolve_xml_entity;
use std::collections::HashMap;

/// Bytes of all entities together, expanded.
const MAX_TEXT: usize = 1024 * 1024;

/// Entities within one another.
const MAX_DEPTH: usize = 64;

/// Name -> what it stands for, references in it resolved; markup in it stays as it is written.
#[derive(Debug, Default)]
pub(super) struct Entities(HashMap<String, String>);

impl Entities {
    /// Reads a document type declaration, what stands between `<!DOCTYPE` and `>`.
    ///
    /// # Errors
    /// `Limit` when they stand for more than a document may say.
    pub(super) fn declared(doctype: &str) -> Result<Self, Fault> {
        let mut literals = HashMap::new();
        for (name, literal) in literals_in(doctype) {
            // The first declaration binds (XML 1.0, 4.2).
            literals.entry(name).or_insert(literal);
        }
        let mut expansion = Expansion { literals: &literals, expanded: HashMap::new(), room: MAX_TEXT };
        for name in literals.keys() {
            expansion.expand(name, 0)?;
        }
        Ok(Self(expansion.expanded))
    }

    /// What a reference to this name stands for: an entity of the document, or one of the five that all have.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).or_else(|| resolve_xml_entity(name))
    }
}

/// Names and literal values of the general entities whose value stands in the declaration itself. Those in other files
/// and parameter entities are left out: a reference to them resolves to nothing, and that is told.
fn literals_in(doctype: &str) -> impl Iterator<Item = (&str, &str)> {
    doctype.split("<!ENTITY").skip(1).filter_map(|declaration| {
        let (name, value) = declaration.trim_start().split_once(|char: char| char.is_ascii_whitespace())?;
        let value = value.trim_start();
        let quote = value.chars().next().filter(|char| matches!(char, '"' | '\''))?;
        let literal = value[1..].split_once(quote)?.0;
        (name != "%").then_some((name, literal))
    })
}

struct Expansion<'a> {
    literals: &'a HashMap<&'a str, &'a str>,
    expanded: HashMap<String, String>,
    /// Bytes that may still be written.
    room: usize,
}

impl Expansion<'_> {
    fn expand(&mut self, name: &str, depth: usize) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::Limit(format!("limit: XML entities more than {MAX_DEPTH} deep")));
        }
        let Some(literal) = self.literals.get(name).copied().filter(|_| !self.expanded.contains_key(name)) else {
            return Ok(());
        };
        let mut text = String::new();
        let mut rest = literal;
        while let Some((before, after)) = rest.split_once('&') {
            self.push(&mut text, before)?;
            rest = after;
            match after.split_once(';').filter(|(name, _)| is_name(name)) {
                Some((name, after)) => {
                    rest = after;
                    self.reference(&mut text, name, depth)?;
                }
                None => self.push(&mut text, "&")?,
            }
        }
        self.push(&mut text, rest)?;
        self.expanded.insert(name.to_owned(), text);
        Ok(())
    }

    fn reference(&mut self, text: &mut String, name: &str, depth: usize) -> Result<(), Fault> {
        if let Some(number) = name.strip_prefix('#') {
            let code = match number.strip_prefix('x') {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok(),
                None => number.parse().ok(),
            };
            let char = code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
            return self.push(text, char.encode_utf8(&mut [0; 4]));
        }
        self.expand(name, depth + 1)?;
        let known = self.expanded.get(name).cloned();
        match known.as_deref().or_else(|| resolve_xml_entity(name)) {
            Some(known) => self.push(text, known),
            None => self.push(text, &format!("&{name};")),
        }
    }

    fn push(&mut self, text: &mut String, more: &str) -> Result<(), Fault> {
        let Some(room) = self.room.checked_sub(more.len()) else {
            return Err(Fault::Limit(format!("limit: XML entities of more than {MAX_TEXT} bytes")));
        };
        self.room = room;
        text.push_str(more);
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|char: char| char.is_whitespace() || matches!(char, '<' | '&' | '"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn entities_stand_for_text() {
        let entities = Entities::declared(
            "x SYSTEM 'a.dtd' [<!ENTITY a \"610190\"><!ENTITY b '&#45;&#x30;005'>\n<!ENTITY both '&a;&b; &amp; &none;'>\
             <!ENTITY a 'later'><!ENTITY % p 'no'><!ENTITY far SYSTEM \"file:///etc/passwd\">]",
        )
        .unwrap();
        for (name, text) in [
            ("a", Some("610190")),
            ("b", Some("-0005")),
            ("both", Some("610190-0005 & &none;")),
            ("lt", Some("<")),
            ("p", None),
            ("far", None),
            ("none", None),
        ] {
            assert_eq!(entities.text(name), text, "{name}");
        }
    }

    #[test]
    fn what_stands_for_too_much_is_a_limit() {
        let laughs: String =
            (1..12).map(|at| format!("<!ENTITY a{at} '{}'>", format!("&a{};", at - 1).repeat(10))).collect();
        let result = Entities::declared(&format!("x [<!ENTITY a0 'ha'>{laughs}]"));
        assert_eq!(result.unwrap_err(), Fault::Limit(format!("limit: XML entities of more than {MAX_TEXT} bytes")));
        assert!(matches!(Entities::declared("x [<!ENTITY a '&b;'><!ENTITY b '&a;'>]"), Err(Fault::Limit(_))));
        let deep: String = (1..1000).map(|at| format!("<!ENTITY a{at} '&a{};'>", at + 1)).collect();
        assert!(matches!(Entities::declared(&format!("x [{deep}]")), Err(Fault::Limit(_))));
    }

    proptest! {
        #[test]
        fn any_declaration_can_be_read(doctype in "(<!ENTITY|[&;%# '\"<>a-c\n]){0,60}") {
            let _ = Entities::declared(&doctype);
        }
    }
}
