//! Text in any encoding.

use crate::message::{
    Attachment, Embedded, Fault, Piece, Reading, Text, Whereabouts, decode_text, normalise, reversed_runs, within,
    without_quote_marks,
};

/// Reads text, and the files in it; its map counts lines.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let decoded = decode_text(file.bytes, file.charset, reading.text_left().saturating_add(1));
    let plain = without_quote_marks(&decoded);
    reading.piece(lines(&plain).into_piece(file.place));
    reading.piece(Piece::new(within(file.place, "reversed"), normalise(reversed_runs(&plain))));
    Embedded::in_bytes(file.bytes).read(file.place, reading)?;
    Ok(Embedded::in_text(&plain).read(file.place, reading)?)
}

/// Of several empty lines one is kept, so that the map must say where the text goes on.
fn lines(content: &str) -> Text {
    let mut text = Text::new();
    text.at(Whereabouts::Line(1));
    let (mut begin, mut at, mut empty) = (0, 0, 1);
    for (number, line) in (1..).zip(content.split_inclusive('\n')) {
        if line.trim().is_empty() {
            empty += 1;
        } else {
            if empty > 1 {
                text.push(&content[begin..at]);
                text.at(Whereabouts::Line(number));
                begin = at;
            }
            empty = 0;
        }
        at += line.len();
    }
    text.push(&content[begin..]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_the_file() {
        for content in ["one\ntwo", "\none\n\ntwo\n", "\n\n\none\r\n\r\n\r\n \t\r\ntwo\n\n\n\nthree", "one"] {
            let piece = lines(content).into_piece("a");
            for word in ["one", "two", "three"] {
                let Some(at) = content.find(word) else { continue };
                let line = content[..at].matches('\n').count() + 1;
                let found = piece.place_of(piece.text.find(word).unwrap());
                assert_eq!(found, format!("a > line {line}"), "{content:?}");
            }
        }
    }
}
