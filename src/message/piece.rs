//! A text and the map from it back to where it stands.

use super::normalise::normalise_from;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A text and the place where it stands.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Piece {
    /// Where it stands, in words: `subject`, `text`, `part 1.2 (text/html)`, `attachment "løn.xlsx" > sheet "2024"`.
    pub place: String,
    /// The text, as a reader sees it, [normalised](super::normalise).
    pub text: String,
    /// Where in the place its parts stand, in the order of the text.
    pub spots: Vec<Spot>,
}

/// From here on (to the next spot), the text stands there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Spot {
    /// Offset in the text, in bytes.
    pub at: u32,
    /// Where that is.
    pub whereabouts: Whereabouts,
}

/// A place within a piece.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Whereabouts {
    /// Cells of a table: the first one's row and column, from 0; every tab in the text begins the next column.
    Cells {
        /// The row, from 0.
        row: u32,
        /// The column, from 0.
        column: u32,
    },
    /// A page, from 1.
    Page(u32),
    /// A slide, from 1.
    Slide(u32),
    /// A line, from 1; every line feed in the text begins the next one.
    Line(u32),
    /// Anything else, in words: `comment`, `header`, `notes of slide 3`.
    Named(Box<str>),
}

impl Piece {
    /// A text without a map.
    pub fn new(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), text: text.into(), spots: Vec::new() }
    }

    /// Where the text at an offset stands, as exactly as is known: `attachment "løn.xlsx" > sheet "2024" > B12`.
    pub fn place_of(&self, offset: usize) -> String {
        let next = self.spots.partition_point(|spot| spot.at as usize <= offset);
        let Some(spot) = next.checked_sub(1).and_then(|index| self.spots.get(index)) else { return self.place.clone() };
        let between = self.text.as_bytes().get(spot.at as usize..offset).unwrap_or_default();
        let count = |byte| u32::try_from(memchr::memchr_iter(byte, between).count()).unwrap_or(u32::MAX);
        let spot = match &spot.whereabouts {
            Whereabouts::Cells { row, column } => {
                Whereabouts::Cells { row: *row, column: column.saturating_add(count(b'\t')) }
            }
            Whereabouts::Line(line) => Whereabouts::Line(line.saturating_add(count(b'\n'))),
            other => other.clone(),
        };
        within(&self.place, spot)
    }
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cells { row, column } => {
                // Columns are counted A to Z, then AA: base 26 without a zero.
                let mut letters = Vec::new();
                let mut rest = u64::from(*column) + 1;
                while rest > 0 {
                    letters.push(b'A' + ((rest - 1) % 26) as u8);
                    rest = (rest - 1) / 26;
                }
                letters.reverse();
                write!(f, "{}{}", String::from_utf8_lossy(&letters), u64::from(*row) + 1)
            }
            Self::Page(page) => write!(f, "page {page}"),
            Self::Slide(slide) => write!(f, "slide {slide}"),
            Self::Line(line) => write!(f, "line {line}"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// A place within a place.
pub fn within(place: &str, inner: impl fmt::Display) -> String {
    if place.is_empty() { inner.to_string() } else { format!("{place} > {inner}") }
}

/// The longest name in a place, in characters.
const MAX_NAME: usize = 80;

/// Digits in a name from which on they are hidden: as many as the shortest identifier has.
const MANY_DIGITS: usize = 8;

/// A name that a sender chose, in quotes, printable and not too long: for use in a place. Its digits are hidden where
/// they may be somebody's number.
pub fn quoted(name: &str) -> String {
    let hide = name.chars().filter(|character| character.is_numeric()).count() >= MANY_DIGITS;
    let clean = |character: char| match character {
        '"' => '?',
        _ if character.is_control() => '?',
        _ if hide && character.is_numeric() => '•',
        _ => character,
    };
    let mut short: String = name.chars().take(MAX_NAME).map(clean).collect();
    if name.chars().nth(MAX_NAME).is_some() {
        short.push('…');
    }
    format!("\"{short}\"")
}

/// A text that is being put together, with its map. What is pushed is [normalised](super::normalise) at once, so that the
/// map's offsets are those of the finished text.
#[derive(Clone, Debug, Default)]
pub struct Text {
    text: String,
    spots: Vec<Spot>,
}

impl Text {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of text so far.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Says where what is pushed next stands.
    pub fn at(&mut self, whereabouts: Whereabouts) {
        let at = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        if self.spots.last().is_some_and(|spot| spot.at == at) {
            self.spots.pop();
        }
        self.spots.push(Spot { at, whereabouts });
    }

    /// Appends text.
    pub fn push(&mut self, text: &str) {
        let from = self.text.len();
        self.text.push_str(text);
        normalise_from(&mut self.text, from);
    }

    /// Appends the text of one cell: in it, tabs and line ends are spaces, since a tab begins the next cell.
    pub fn push_cell(&mut self, text: &str) {
        if text.contains(['\t', '\n', '\r']) {
            self.push(&text.replace(['\t', '\n', '\r'], " "));
        } else {
            self.push(text);
        }
    }

    /// Ends a cell.
    pub fn end_cell(&mut self) {
        self.drop_space();
        self.text.push('\t');
    }

    /// Ends a line or paragraph; does nothing where one has just ended.
    pub fn end_line(&mut self) {
        self.drop_space();
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn drop_space(&mut self) {
        if self.text.ends_with(' ') {
            self.text.pop();
        }
    }

    /// The piece.
    pub fn into_piece(self, place: impl Into<String>) -> Piece {
        Piece { place: place.into(), text: self.text, spots: self.spots }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_as_exact_as_its_map() {
        let mut text = Text::new();
        text.push("title");
        text.end_line();
        text.at(Whereabouts::Cells { row: 11, column: 0 });
        for cell in ["Anna", "010190-1234", "a\tb"] {
            text.push_cell(cell);
            text.end_cell();
        }
        text.end_line();
        text.at(Whereabouts::Page(2));
        text.at(Whereabouts::Line(3));
        text.push("one\ntwo");
        let piece = text.into_piece("attachment \"løn.xlsx\" > sheet \"2024\"");
        for (word, place) in [
            ("title", ""),
            ("Anna", " > A12"),
            ("1234", " > B12"),
            ("a b", " > C12"),
            ("one", " > line 3"),
            ("two", " > line 4"),
        ] {
            let offset = piece.text.find(word).unwrap();
            assert_eq!(piece.place_of(offset), format!("attachment \"løn.xlsx\" > sheet \"2024\"{place}"));
        }
        assert_eq!(piece.place_of(usize::MAX), "attachment \"løn.xlsx\" > sheet \"2024\" > line 3");
    }

    #[test]
    fn columns_have_letters() {
        for (column, letters) in
            [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD"), (u32::MAX, "MWLQKWV")]
        {
            assert_eq!(Whereabouts::Cells { row: 0, column }.to_string(), format!("{letters}1"));
        }
    }

    #[test]
    fn a_senders_name_is_made_harmless() {
        assert_eq!(quoted("a\"b\x1b\n.txt"), "\"a?b??.txt\"");
        assert_eq!(quoted(&"x".repeat(100)).chars().count(), 83);
        assert_eq!(quoted("løn 2024.xlsx"), "\"løn 2024.xlsx\"");
        assert_eq!(quoted("140257-5678.pdf"), "\"••••••-••••.pdf\"");
    }
}
