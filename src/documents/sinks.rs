//! Texts that stand side by side in one document, so that a note or a comment does not tear apart the sentence that it
//! hangs on.

use crate::message::{Fault, Reading, Spot, Text, Whereabouts};
use std::mem;

/// What an entry of a map costs of the budget for text.
const SPOT_COST: usize = size_of::<Spot>();

/// Bytes of text that are put together before they are normalised.
const CHUNK: usize = 16 * 1024;

/// Where text goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sink {
    /// What the document is there for.
    Body,
    /// Footnotes, endnotes, notes of slides.
    Note,
    Comment,
    /// What was deleted or replaced while changes are tracked.
    Change,
    /// Headers, footers and whatever else stands on master pages.
    Furniture,
    /// Text boxes and shapes that hang in a paragraph or a sheet, descriptions of pictures.
    Frame,
    Control,
    /// Fields, index entries, validity rules: text that is seen now and then.
    Field,
    Name,
    Property,
    /// Text that is formatted as hidden.
    Hidden,
    /// Parts of how numbers look.
    Nowhere,
    /// Base64, collected apart.
    Binary,
}

/// How many sinks there are whose text is kept.
const KEPT: usize = 11;

/// One text, and where it goes on.
#[derive(Debug, Default)]
struct Stream {
    text: Text,
    /// What comes next, not yet normalised.
    chunk: String,
    name: String,
    /// Nothing but white space since the beginning of the paragraph, or a space was the last.
    after_space: bool,
    spots: usize,
    /// Bytes of the names in the map.
    names: usize,
}

impl Stream {
    fn push(&mut self, text: &str) {
        self.chunk.push_str(text);
        if self.chunk.len() > CHUNK {
            self.settle();
        }
    }

    /// Nothing is left in the chunk, so that the text's length is an offset for the map.
    fn settle(&mut self) {
        if !self.chunk.is_empty() {
            self.text.push(&self.chunk);
            self.chunk.clear();
        }
    }

    fn at(&mut self, whereabouts: Whereabouts) {
        self.settle();
        self.text.at(whereabouts);
        self.spots += 1;
    }

    fn end_line(&mut self) {
        if self.chunk.is_empty() {
            self.text.end_line();
        } else if !self.chunk.ends_with('\n') {
            self.chunk.push('\n');
        }
    }
}

/// All texts of a document or a sheet.
#[derive(Debug, Default)]
pub(super) struct Sinks {
    streams: [Stream; KEPT],
}

impl Sinks {
    fn stream(&mut self, sink: Sink) -> Option<&mut Stream> {
        self.streams.get_mut(sink as usize)
    }

    /// Says where what comes next stands. Nothing changes where it is the place that it was.
    pub(super) fn named(&mut self, sink: Sink, name: &str) {
        let Some(stream) = self.stream(sink) else { return };
        stream.end_line();
        if stream.name != name {
            stream.names += name.len();
            stream.at(Whereabouts::Named(name.into()));
            name.clone_into(&mut stream.name);
        }
    }

    /// The same, by number or cell.
    pub(super) fn at(&mut self, sink: Sink, whereabouts: Whereabouts) {
        if let Some(stream) = self.stream(sink) {
            stream.at(whereabouts);
        }
    }

    /// Appends text as it is.
    pub(super) fn push(&mut self, sink: Sink, text: &str) {
        let Some(stream) = self.stream(sink) else { return };
        stream.push(text);
        stream.after_space = text.ends_with(' ');
    }

    /// Appends the text of a cell, in which tabs and line ends are spaces.
    pub(super) fn push_cell(&mut self, sink: Sink, text: &str) {
        let Some(stream) = self.stream(sink) else { return };
        for (number, part) in text.split(['\t', '\n', '\r']).enumerate() {
            if number > 0 {
                stream.push(" ");
            }
            stream.push(part);
        }
    }

    /// Appends text of a paragraph: white space is folded (OpenDocument 1.3 part 3, section 6.1.2).
    pub(super) fn push_folded(&mut self, sink: Sink, text: &str) {
        let Some(stream) = self.stream(sink) else { return };
        let mut after_space = stream.after_space;
        fold(text, &mut after_space, |part| stream.push(part));
        stream.after_space = after_space;
    }

    /// White space at the beginning of what comes next says nothing.
    pub(super) fn begin_paragraph(&mut self, sink: Sink) {
        if let Some(stream) = self.stream(sink) {
            stream.after_space = true;
        }
    }

    /// Ends a line or paragraph; does nothing where one has just ended.
    pub(super) fn end_line(&mut self, sink: Sink) {
        if let Some(stream) = self.stream(sink) {
            stream.end_line();
        }
    }

    /// Ends a cell.
    pub(super) fn end_cell(&mut self, sink: Sink) {
        if let Some(stream) = self.stream(sink) {
            stream.push("\t");
        }
    }

    /// A line of its own.
    pub(super) fn line(&mut self, sink: Sink, text: &str) {
        self.end_line(sink);
        self.push(sink, text);
        self.end_line(sink);
    }

    /// Bytes of text so far, maps included, in the measure of the budget for text.
    pub(super) fn held(&self) -> usize {
        let held = |stream: &Stream| stream.text.len() + stream.chunk.len() + stream.names + stream.spots * SPOT_COST;
        self.streams.iter().map(held).sum()
    }

    /// Whether what is held still fits.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn check(&self, reading: &Reading<'_>) -> Result<(), Fault> {
        if self.held() > reading.text_left() {
            let most = reading.limits().text_bytes;
            return Err(Fault::Limit(format!("limit: more than {most} bytes of text")));
        }
        Ok(())
    }

    /// Hands on what there is, and begins anew.
    pub(super) fn flush(&mut self, place: &str, reading: &mut Reading<'_>) {
        for mut stream in mem::take(&mut self.streams) {
            stream.settle();
            reading.piece(stream.text.into_piece(place));
        }
    }
}

/// Folds white space; `after_space` goes on from one part of a paragraph to the next.
pub(super) fn fold(text: &str, after_space: &mut bool, mut push: impl FnMut(&str)) {
    if text.is_empty() {
        return;
    }
    let plain = !text.contains(['\t', '\r', '\n']) && !text.contains("  ");
    if plain && !(*after_space && text.starts_with(' ')) {
        *after_space = text.ends_with(' ');
        return push(text);
    }
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        let space = matches!(character, ' ' | '\t' | '\r' | '\n');
        if !space {
            folded.push(character);
        } else if !*after_space {
            folded.push(' ');
        }
        *after_space = space;
    }
    push(&folded);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_folded_over_parts_too() {
        for (parts, folded) in [
            (&["a b"][..], "a b"),
            (&["  a \n\t b "], "a b "),
            (&["a ", " b"], "a b"),
            (&["a", " b", "", "\n", "c"], "a b c"),
            (&["01", "01"], "0101"),
        ] {
            let (mut after_space, mut text) = (true, String::new());
            for part in parts {
                fold(part, &mut after_space, |part| text.push_str(part));
            }
            assert_eq!(text, folded, "{parts:?}");
        }
    }
}
