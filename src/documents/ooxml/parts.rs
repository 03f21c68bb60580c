//! The parts of a package: their names, content types and relationships (ECMA-376 part 2, Open Packaging Conventions).

use crate::{
    documents::{
        package::{Member, Package},
        xml::{Node, walk},
    },
    message::{Fault, Reading},
};
use std::{collections::HashMap, io::Read, rc::Rc};

/// The part that says what the others are (part 2, 10.1.2.2).
const CONTENT_TYPES: &str = "[content_types].xml";

/// Relationships that one part may have; each takes memory.
const MAX_RELATIONSHIPS: usize = 100_000;

/// A document's parts. A part is known by its number in the archive's list.
pub(super) struct Parts<'a> {
    package: Package<'a>,
    names: Vec<String>,
    by_name: HashMap<String, usize>,
    /// Whether a part was read, or is to be.
    taken: Vec<bool>,
    /// Content types by extension and by part, in lower case.
    defaults: HashMap<String, Rc<str>>,
    overrides: HashMap<usize, Rc<str>>,
}

/// What a part says of another one.
pub(super) struct Relationship {
    /// By which the part's content names it.
    pub(super) id: String,
    /// The last word of its type: `header`, `image`. Strict documents have other types, with the same last words.
    pub(super) kind: Rc<str>,
    /// The part.
    pub(super) part: usize,
}

/// What a part's relationships name.
#[derive(Default)]
pub(super) struct Relationships {
    /// Other parts of the package.
    pub(super) parts: Vec<Relationship>,
    /// What lies outside: addresses, other files.
    pub(super) external: Vec<String>,
    /// Targets that look like parts, but are none.
    pub(super) missing: Vec<String>,
}

impl<'a> Parts<'a> {
    /// Lists the members and reads their content types. What is wrong with the latter is in the result's second half:
    /// without them parts can still be told by their relationships.
    pub(super) fn open(
        bytes: &'a [u8],
        place: &str,
        reading: &mut Reading<'_>,
    ) -> Result<(Self, Result<(), Fault>), Fault> {
        let package = Package::open_document(bytes, place, reading)?;
        let names: Vec<String> = package.names().map(|name| name.into_owned()).collect();
        let mut by_name = HashMap::with_capacity(names.len());
        for (part, name) in names.iter().enumerate() {
            by_name.entry(canonical(name)).or_insert(part);
        }
        let taken = vec![false; names.len()];
        let mut parts = Self { package, names, by_name, taken, defaults: HashMap::new(), overrides: HashMap::new() };
        let result = parts.content_types(place, reading);
        Ok((parts, result))
    }

    fn content_types(&mut self, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let Some(part) = self.find(CONTENT_TYPES) else { return Ok(()) };
        self.take(part);
        let mut shared: HashMap<String, Rc<str>> = HashMap::new();
        let mut share = |value: &str| {
            let value = value.to_ascii_lowercase();
            Rc::clone(shared.entry(value).or_insert_with_key(|value| Rc::from(value.as_str())))
        };
        let (by_name, defaults, overrides) = (&self.by_name, &mut self.defaults, &mut self.overrides);
        let Some(source) = self.package.member(&self.names[part], reading)? else { return Ok(()) };
        walk(source, place, reading, |node, _| {
            let Node::Open(element) = node else { return Ok(()) };
            let Some(kind) = element.attribute("ContentType") else { return Ok(()) };
            if let Some(extension) = element.attribute("Extension") {
                if defaults.len() < MAX_RELATIONSHIPS {
                    defaults.insert(extension.to_ascii_lowercase(), share(&kind));
                }
            } else if let Some(part) = element.attribute("PartName").and_then(|name| by_name.get(&canonical(&name))) {
                overrides.insert(*part, share(&kind));
            }
            Ok(())
        })
    }

    /// How many parts there are.
    pub(super) fn count(&self) -> usize {
        self.names.len()
    }

    /// The part of this name, whatever its case and slashes (part 2, 9.1.1.1.2: names are equal whatever their case).
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(&canonical(name)).copied()
    }

    /// A part's name as stored.
    pub(super) fn name(&self, part: usize) -> &str {
        self.names.get(part).map_or("", String::as_str)
    }

    /// A part's name without its folder.
    pub(super) fn file_name(&self, part: usize) -> &str {
        let name = self.name(part);
        name.rsplit(['/', '\\']).next().unwrap_or(name)
    }

    /// A part's content type in lower case; empty where none is said.
    pub(super) fn content_type(&self, part: usize) -> Rc<str> {
        let extension = || self.file_name(part).rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let known = self.overrides.get(&part).or_else(|| self.defaults.get(&extension()?));
        known.map_or_else(|| Rc::from(""), Rc::clone)
    }

    /// Marks a part as read. Whether it was not yet.
    pub(super) fn take(&mut self, part: usize) -> bool {
        self.taken.get_mut(part).is_some_and(|taken| !std::mem::replace(taken, true))
    }

    /// Whether a part is marked as read.
    pub(super) fn is_taken(&self, part: usize) -> bool {
        self.taken.get(part).copied().unwrap_or(true)
    }

    /// A part, to be read as it expands.
    pub(super) fn member(&mut self, part: usize, reading: &Reading<'_>) -> Result<Member<'_, 'a>, Fault> {
        let name = self.names.get(part).map_or("", String::as_str);
        self.package.member(name, reading)?.ok_or_else(|| Fault::broken("its name in the archive cannot be told"))
    }

    /// A part, expanded into memory.
    pub(super) fn expand(&mut self, part: usize, reading: &Reading<'_>) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        self.member(part, reading)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// What a part's relationships name (part 2, 9.3); `None`: the package's own.
    pub(super) fn relationships(
        &mut self,
        source: Option<usize>,
        place: &str,
        reading: &mut Reading<'_>,
    ) -> (Relationships, Result<(), Fault>) {
        let name = source.map(|part| canonical(self.name(part))).unwrap_or_default();
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", &name));
        let separator = if folder.is_empty() { "" } else { "/" };
        let rels = format!("{folder}{separator}_rels/{file}.rels");
        match self.find(&rels) {
            Some(part) => self.relationships_in(part, folder, place, reading),
            None => (Relationships::default(), Ok(())),
        }
    }

    /// What the relationships in this part name, relative to this folder.
    pub(super) fn relationships_in(
        &mut self,
        part: usize,
        folder: &str,
        place: &str,
        reading: &mut Reading<'_>,
    ) -> (Relationships, Result<(), Fault>) {
        self.take(part);
        let mut found = Relationships::default();
        let by_name = &self.by_name;
        let name = self.names.get(part).map_or("", String::as_str);
        let source = match self.package.member(name, reading) {
            Ok(Some(source)) => source,
            Ok(None) => return (found, Ok(())),
            Err(fault) => return (found, Err(fault)),
        };
        let mut kinds: HashMap<String, Rc<str>> = HashMap::new();
        let result = walk(source, place, reading, |node, _| {
            let Node::Open(element) = node else { return Ok(()) };
            let Some(target) = element.attribute("Target") else { return Ok(()) };
            if found.parts.len() + found.external.len() + found.missing.len() >= MAX_RELATIONSHIPS {
                return Err(Fault::Limit(format!("limit: more than {MAX_RELATIONSHIPS} relationships")));
            }
            if element.attribute("TargetMode").is_some_and(|mode| mode.eq_ignore_ascii_case("external")) {
                found.external.push(target.into_owned());
                return Ok(());
            }
            let Some(part) = resolve(folder, &target).find_map(|name| by_name.get(&name).copied()) else {
                found.missing.push(target.into_owned());
                return Ok(());
            };
            let kind = element.attribute("Type").unwrap_or_default();
            let kind = kind.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
            let kind = Rc::clone(kinds.entry(kind).or_insert_with_key(|kind| Rc::from(kind.as_str())));
            let id = element.attribute("Id").unwrap_or_default().into_owned();
            found.parts.push(Relationship { id, kind, part });
            Ok(())
        });
        (found, result)
    }
}

/// A name as names are compared: in lower case, without the slash before it, and with the slashes that zip wants.
fn canonical(name: &str) -> String {
    name.trim_start_matches(['/', '\\']).replace('\\', "/").to_lowercase()
}

/// The names that a target may mean: as it is written, then with `%20` and the like resolved.
fn resolve(folder: &str, target: &str) -> impl Iterator<Item = String> {
    let target = canonical_target(target);
    let path = if target.starts_with('/') { target } else { format!("{folder}/{target}") };
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let name = segments.join("/");
    let decoded = percent_decoded(&name);
    std::iter::once(name).chain(decoded)
}

fn canonical_target(target: &str) -> String {
    let target = target.split('#').next().unwrap_or_default();
    target.replace('\\', "/").to_lowercase()
}

fn percent_decoded(name: &str) -> Option<String> {
    if !name.contains('%') {
        return None;
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    Some(String::from_utf8_lossy(&bytes).to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_relative_to_their_source() {
        for (folder, target, names) in [
            ("word", "media/Image1.PNG", &["word/media/image1.png"][..]),
            ("xl/worksheets", "../comments1.xml", &["xl/comments1.xml"]),
            ("xl/worksheets", "/xl/comments1.xml", &["xl/comments1.xml"]),
            ("", "word\\document.xml", &["word/document.xml"]),
            ("a", "../../../b", &["b"]),
            ("", "my%20part.xml", &["my%20part.xml", "my part.xml"]),
            ("", "100%", &["100%", "100%"]),
        ] {
            assert_eq!(resolve(folder, target).collect::<Vec<_>>(), names, "{folder} {target}");
        }
    }
}
