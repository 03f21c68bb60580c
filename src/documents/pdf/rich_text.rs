//! XML whose text is what people wrote: rich text (ISO 32000-2, 12.7.4.4, Adobe XFA chapter 27) and XFA forms.

use crate::documents::xml::{Node, walk};
use crate::message::{Fault, Reading};

/// Elements that part neither lines nor words.
const INLINE: &[&str] = &["span", "b", "i", "u", "sub", "sup", "a", "font", "em", "strong"];

/// The text of it, lines parted by line feeds. What is broken is read as far as it goes.
pub(super) fn text(xml: &[u8], place: &str, reading: &mut Reading<'_>) -> Result<String, Fault> {
    let mut text = String::new();
    let end_line = |text: &mut String| {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
    };
    let most = reading.text_left();
    let result = walk(xml, place, reading, |node, _| {
        match node {
            Node::Open(element) if element.name() == "br" => end_line(&mut text),
            Node::Open(_) => {}
            Node::Close(name) => {
                if !INLINE.contains(&name) {
                    end_line(&mut text);
                }
            }
            Node::Text(part) => {
                if text.len() < most && !(part.trim().is_empty() && part.contains('\n')) {
                    text.push_str(part);
                }
            }
        }
        Ok(())
    });
    match result {
        Ok(()) | Err(Fault::Unreadable(_)) => Ok(text),
        Err(fault) => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Limits, Unread};
    use std::time::{Duration, Instant};

    #[test]
    fn lines_are_those_of_paragraphs() {
        let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &Unread);
        let xml = b"<?xml version='1.0'?><body><p>610190-<span>0005</span></p>\n<p>to<br/>tre</p></body>";
        assert_eq!(text(xml, "x", &mut reading).unwrap(), "610190-0005\nto\ntre\n");
    }
}
