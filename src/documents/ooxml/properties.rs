//! A document's properties (ECMA-376 part 2, 11, and part 1, 22.2 and 22.3), and the sensitivity labels that stand
//! among them or in a part of their own ([MS-OFFCRYPTO] 2.6).

use super::room::Room;
use crate::{
    documents::xml::{Node, walk},
    message::{Fault, Reading, Text, within},
};
use std::io::Read;

/// How the names of properties begin that make up a sensitivity label.
const LABEL: &str = "MSIP_Label_";

/// Elements that programs fill with times, counts and versions of their own.
const COUNTED: &[&str] = &[
    "created",
    "modified",
    "lastPrinted",
    "revision",
    "version",
    "AppVersion",
    "Application",
    "Characters",
    "CharactersWithSpaces",
    "DocSecurity",
    "HiddenSlides",
    "HyperlinksChanged",
    "Lines",
    "LinksUpToDate",
    "MMClips",
    "Notes",
    "Pages",
    "Paragraphs",
    "PresentationFormat",
    "ScaleCrop",
    "SharedDoc",
    "Slides",
    "TotalTime",
    "Words",
];

/// Reads core, extended or custom properties: one line for each value, custom ones after their name.
pub(super) fn read(source: impl Read, home: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut text = Text::new();
    let mut room = Room::of(reading, 0);
    let mut name = String::new();
    let mut value = String::new();
    let mut counted = false;
    let result = walk(source, home, reading, |node, reading| {
        match node {
            Node::Open(element) => {
                value.clear();
                counted = COUNTED.contains(&element.name());
                if element.name() == "property" {
                    name = element.attribute("name").map(|name| name.into_owned()).unwrap_or_default();
                }
            }
            Node::Text(part) => {
                room.take(part.len())?;
                value.push_str(part);
            }
            Node::Close(element) => {
                let said = std::mem::take(&mut value);
                let said = said.trim();
                if !said.is_empty() {
                    if name.starts_with(LABEL) {
                        reading.label(home, &name, said);
                    } else if (!counted || !name.is_empty()) && said.chars().any(char::is_alphanumeric) {
                        if !name.is_empty() {
                            room.take(name.len())?;
                            text.push_cell(&name);
                            text.end_cell();
                        }
                        text.push(said);
                        text.end_line();
                    }
                }
                if element == "property" {
                    name.clear();
                }
            }
        }
        Ok(())
    });
    reading.piece(text.into_piece(within(home, "properties")));
    result
}

/// Reads the part of labels: each attribute as the property that it would be in a document of older programs.
pub(super) fn read_labels(source: impl Read, home: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    walk(source, home, reading, |node, reading| {
        let Node::Open(element) = node else { return Ok(()) };
        if element.name() != "label" {
            return Ok(());
        }
        let Some(id) = element.attribute("id") else { return Ok(()) };
        let id = id.trim_matches(['{', '}']);
        for (name, value) in element.attributes().filter(|(name, _)| *name != "id") {
            let mut letters = name.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            let name: String = first.into_iter().chain(letters).collect();
            let value = match (&*name, &*value) {
                ("Enabled" | "Removed", "1") => "true",
                ("Enabled" | "Removed", "0") => "false",
                (_, value) => value,
            };
            reading.label(home, &format!("{LABEL}{id}_{name}"), value);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Limits, Unread};
    use std::time::{Duration, Instant};

    fn reading() -> Reading<'static> {
        Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &Unread)
    }

    #[test]
    fn labels_are_told_from_other_properties() {
        let xml = "<Properties><property name='MSIP_Label_1-2_Name'><vt:lpwstr>Fortroligt &amp; mere</vt:lpwstr></property>\
                   <property name='Sag'><vt:lpwstr>12</vt:lpwstr></property></Properties>";
        let mut reading = reading();
        read(xml.as_bytes(), "x", &mut reading).unwrap();
        let document = reading.finish();
        let labels: Vec<_> = document.labels.iter().map(|label| (&*label.name, &*label.value)).collect();
        assert_eq!(labels, [("MSIP_Label_1-2_Name", "Fortroligt & mere")]);
        assert_eq!(document.pieces[0].text, "Sag\t12\n");
    }

    #[test]
    fn labels_in_a_part_of_their_own_look_the_same() {
        let xml = "<l:labelList><l:label id='{1-2}' enabled='1' method='Standard' removed='0'/></l:labelList>";
        let mut reading = reading();
        read_labels(xml.as_bytes(), "x", &mut reading).unwrap();
        let labels = reading.finish().labels;
        let labels: Vec<_> = labels.iter().map(|label| (&*label.name, &*label.value)).collect();
        assert_eq!(
            labels,
            [
                ("MSIP_Label_1-2_Enabled", "true"),
                ("MSIP_Label_1-2_Method", "Standard"),
                ("MSIP_Label_1-2_Removed", "false"),
            ]
        );
    }
}
