//! Number styles (OpenDocument 1.3 part 3, section 16.29): how a cell shows a number whose text is not stored. Programs
//! store it; libraries that write sheets mostly do not.

use super::super::{
    number_format::{NumberFormat, shown},
    xml::Element,
};
use std::collections::HashMap;

/// Styles that are kept.
const MAX_STYLES: usize = 10_000;

/// Digits that a style may ask for.
const MAX_DIGITS: usize = 30;

/// The longest text within a style, in bytes.
const MAX_TEXT: usize = 100;

/// The number styles of a document, and which cell styles have them.
#[derive(Debug, Default)]
pub(super) struct NumberStyles {
    /// By the name of the number style.
    formats: HashMap<String, NumberFormat>,
    /// Number styles, by the name of the cell style.
    cells: HashMap<String, String>,
    /// The style that is being read: its name, its code.
    open: Option<(String, String)>,
    /// Where in the number the text stands that is being read, in digits from its point.
    embedded: Option<usize>,
    text: String,
    /// The present number: its digits, the texts within them, its decimals.
    digits: usize,
    texts: Vec<(usize, String)>,
    decimals: usize,
}

impl NumberStyles {
    /// Takes the beginning of an element.
    pub(super) fn open(&mut self, element: &Element<'_>) {
        let digits = |name: &str| element.attribute(name).and_then(|value| value.parse::<usize>().ok()).unwrap_or(0);
        match element.name() {
            "number-style" | "percentage-style" | "currency-style" => {
                let name = element.attribute("name").unwrap_or_default().into_owned();
                self.open = Some((name, String::new()));
            }
            "style" if self.cells.len() < MAX_STYLES => {
                if let (Some(name), Some(format)) = (element.attribute("name"), element.attribute("data-style-name")) {
                    self.cells.insert(name.into_owned(), format.into_owned());
                }
            }
            _ if self.open.is_none() => {}
            "number" => {
                self.digits = digits("min-integer-digits").min(MAX_DIGITS);
                self.decimals = digits("decimal-places").min(MAX_DIGITS);
                self.texts.clear();
            }
            "embedded-text" => {
                self.text.clear();
                self.embedded = Some(digits("position"));
            }
            "text" => self.text.clear(),
            _ => {}
        }
    }

    /// Takes text.
    pub(super) fn text(&mut self, text: &str) {
        if self.open.is_some() && self.text.len() + text.len() <= MAX_TEXT {
            self.text.push_str(text);
        }
    }

    /// Takes the end of the element of this name.
    pub(super) fn close(&mut self, name: &str) {
        let Some((_, code)) = &mut self.open else { return };
        match name {
            "number-style" | "percentage-style" | "currency-style" => {
                if let Some((name, code)) = self.open.take()
                    && self.formats.len() < MAX_STYLES
                {
                    self.formats.insert(name, NumberFormat::new(&code));
                }
            }
            "number" => {
                let furthest = self.texts.iter().map(|(position, _)| *position).max().unwrap_or(0);
                for place in (0..self.digits.max(furthest).max(1)).rev() {
                    code.push(if place < self.digits { '0' } else { '#' });
                    for (_, text) in self.texts.iter().filter(|(position, _)| place > 0 && *position == place) {
                        literal(code, text);
                    }
                }
                if self.decimals > 0 {
                    code.push('.');
                    code.extend(std::iter::repeat_n('0', self.decimals));
                }
                self.texts.clear();
            }
            "embedded-text" => {
                let position = self.embedded.take().unwrap_or(0).min(MAX_DIGITS);
                if self.texts.len() < MAX_DIGITS {
                    self.texts.push((position, std::mem::take(&mut self.text)));
                }
            }
            "text" | "currency-symbol" => {
                literal(code, &self.text);
                self.text.clear();
            }
            _ => {}
        }
    }

    /// A number as a cell of this style shows it.
    pub(super) fn shown(&self, style: &str, value: &str) -> Option<String> {
        let format = self.formats.get(self.cells.get(style)?)?;
        Some(shown(Some(format), value.trim().parse().ok()?, false))
    }
}

/// Appends text to a code in which letters have a meaning.
fn literal(code: &mut String, text: &str) {
    for character in text.chars() {
        code.extend(['\\', character]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        documents::xml::{Node, walk},
        message::{Limits, Reading, Unread},
    };
    use std::time::{Duration, Instant};

    #[test]
    fn numbers_are_shown_in_their_style() {
        for (style, value, shown) in [
            (
                "<number min-integer-digits='10'><embedded-text position='4'>-</embedded-text></number>",
                "101900005",
                "010190-0005",
            ),
            ("<text>nr. </text><number min-integer-digits='4'/>", "7", "nr. 0007"),
            ("<number min-integer-digits='1' decimal-places='2'/>", "7", "7.00"),
        ] {
            let mut styles = NumberStyles::default();
            let xml =
                format!("<d><number-style name='N'>{style}</number-style><style name='c' data-style-name='N'/></d>");
            let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &Unread);
            walk(xml.as_bytes(), "a", &mut reading, |node, _| {
                match node {
                    Node::Open(element) => styles.open(element),
                    Node::Text(text) => styles.text(text),
                    Node::Close(name) => styles.close(name),
                }
                Ok(())
            })
            .unwrap();
            assert_eq!(styles.shown("c", value).as_deref(), Some(shown), "{style}");
            assert_eq!(styles.shown("d", value), None);
        }
    }
}
