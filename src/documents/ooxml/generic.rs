//! XML whose structure does not matter: all its text, and the attributes that hold text. The values of one element's
//! children stand side by side.

use super::{room::Room, xstring::resolved};
use crate::{
    documents::xml::{Element, Node, walk},
    message::{Fault, Reading, Text},
};
use std::io::Read;

/// Attributes that hold text that people write, in whatever part of a document.
const KNOWN: &[&str] = &[
    "alt",
    "altText",
    "altTextSummary",
    "author",
    "caption",
    "colHeaderCaption",
    "command",
    "comment",
    "connection",
    "customMenu",
    "dataCaption",
    "descr",
    "description",
    "display",
    "displayName",
    "error",
    "errorCaption",
    "errorTitle",
    "grandTotalCaption",
    "help",
    "initials",
    "location",
    "missingCaption",
    "name",
    "prompt",
    "promptTitle",
    "refreshedBy",
    "rowHeaderCaption",
    "sourceFile",
    "statusBar",
    "string",
    "text",
    "title",
    "tooltip",
    "totalsRowLabel",
    "user",
    "userId",
    "userName",
    "v",
    "value",
];

/// Elements whose attribute `val` is text; elsewhere it is a setting.
const VAL: &[&str] = &["customFilter", "filter", "inputCells", "sheetName", "tag"];

/// Names of namespaces, which look like attributes.
const NAMESPACES: &[&str] = &[
    "http://schemas.microsoft.com/",
    "http://schemas.openxmlformats.org/",
    "http://purl.oclc.org/",
    "http://purl.org/",
    "http://www.w3.org/",
    "urn:schemas-microsoft-com:",
];

/// Elements that hold signatures and keys, in base64, or where a drawing stands, rather than text.
const SILENT: &[&str] = &[
    "from",
    "to",
    "DigestValue",
    "SignatureValue",
    "X509Certificate",
    "Modulus",
    "Exponent",
    "EncapsulatedTimeStamp",
    "EncapsulatedX509Certificate",
    "EncapsulatedOCSPValue",
    "EncapsulatedCRLValue",
];

/// Which attributes are read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Attributes {
    /// Those known to hold text.
    Known,
    /// All; nor is any element known to hold no text.
    All,
}

/// Gathers text from XML, node by node.
pub(super) struct Generic {
    attributes: Attributes,
    text: Text,
    /// For each open element whether it has children.
    open: Vec<bool>,
    /// Whether a text has begun that its element's end must close.
    in_cell: bool,
    silent: usize,
}

impl Generic {
    pub(super) fn new(attributes: Attributes) -> Self {
        Self { attributes, text: Text::new(), open: Vec::new(), in_cell: false, silent: 0 }
    }

    /// Takes the next node.
    pub(super) fn take(&mut self, node: &Node<'_>, room: &mut Room) -> Result<(), Fault> {
        match node {
            Node::Open(element) => self.open(element, room),
            Node::Close(name) => {
                self.end_cell();
                if self.open.pop().unwrap_or(true) {
                    self.text.end_line();
                }
                self.silent = self.silent.saturating_sub(usize::from(self.is_silent(name)));
                Ok(())
            }
            Node::Text(text) => {
                if self.silent > 0 || (!self.in_cell && text.trim().is_empty()) {
                    return Ok(());
                }
                self.in_cell = true;
                room.take(text.len())?;
                self.text.push_cell(&resolved(text));
                Ok(())
            }
        }
    }

    fn open(&mut self, element: &Element<'_>, room: &mut Room) -> Result<(), Fault> {
        self.end_cell();
        if let Some(parent) = self.open.last_mut() {
            *parent = true;
        }
        self.open.push(false);
        self.silent += usize::from(self.is_silent(element.name()));
        for (name, value) in element.attributes() {
            if name == "xmlns" || NAMESPACES.iter().any(|namespace| value.starts_with(namespace)) {
                continue;
            }
            let wanted = match self.attributes {
                Attributes::Known => KNOWN.contains(&name) || (name == "val" && VAL.contains(&element.name())),
                Attributes::All => true,
            };
            if wanted && !value.is_empty() {
                self.cell(&value, room)?;
            }
        }
        Ok(())
    }

    /// Appends one value.
    pub(super) fn cell(&mut self, value: &str, room: &mut Room) -> Result<(), Fault> {
        room.take(value.len() + 1)?;
        self.text.push_cell(&resolved(value));
        self.text.end_cell();
        Ok(())
    }

    fn is_silent(&self, name: &str) -> bool {
        self.attributes == Attributes::Known && SILENT.contains(&name)
    }

    fn end_cell(&mut self) {
        if std::mem::take(&mut self.in_cell) {
            self.text.end_cell();
        }
    }

    /// What was gathered.
    pub(super) fn into_text(self) -> Text {
        self.text
    }
}

/// Reads a whole part.
pub(super) fn read(
    source: impl Read,
    place: &str,
    attributes: Attributes,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let mut generic = Generic::new(attributes);
    let mut room = Room::of(reading, 0);
    let result = walk(source, place, reading, |node, _| generic.take(&node, &mut room));
    reading.piece(generic.into_text().into_piece(place));
    result
}
