//! What an embedded font says of its own codes and glyphs, for where the document does not: the encoding built into a
//! Type 1 font (Adobe Type 1 Font Format, 2.4) or CFF (Adobe TN 5176), the `cmap` and `post` tables of TrueType.

use super::glyph_name;
use std::collections::HashMap;
use ttf_parser::{Face, GlyphId, cff};

/// Glyphs of one font: their numbers have 16 bits.
const MAX_GLYPHS: u32 = 65_536;

/// The texts that a font program itself gives.
#[derive(Clone, Debug, Default)]
pub(super) struct FontProgram {
    /// By byte, as encoded in the program.
    pub(super) by_code: HashMap<u8, String>,
    /// By glyph.
    pub(super) by_glyph: HashMap<u16, String>,
}

impl FontProgram {
    /// A Type 1 font: its part in clear text holds `dup 65 /A put`.
    pub(super) fn type_1(bytes: &[u8]) -> Self {
        let mut program = Self::default();
        let end = memchr::memmem::find(bytes, b"eexec").unwrap_or(bytes.len());
        let clear = &bytes[..end];
        let Some(start) = memchr::memmem::find(clear, b"/Encoding") else { return program };
        let text = String::from_utf8_lossy(&clear[start..]);
        let mut words = text.split_ascii_whitespace();
        while let Some(word) = words.next() {
            match word {
                "dup" => {}
                "def" | "readonly" if !program.by_code.is_empty() => break,
                _ => continue,
            }
            let (Some(code), Some(name)) = (words.next(), words.next()) else { break };
            // Some programs leave out the space: `dup 65/A put`.
            let (code, name) = code.split_once('/').unwrap_or((code, name.trim_start_matches('/')));
            let code = code.strip_prefix("8#").map_or_else(|| code.parse(), |octal| u8::from_str_radix(octal, 8));
            if let (Ok(code), Some(text)) = (code, named(name)) {
                program.by_code.insert(code, text);
            }
        }
        program
    }

    /// A CFF font, bare or in OpenType.
    pub(super) fn cff(bytes: &[u8]) -> Self {
        if bytes.starts_with(b"OTTO") || bytes.starts_with(b"\0\x01\0\0") || bytes.starts_with(b"true") {
            return Self::true_type(bytes);
        }
        cff::Table::parse(bytes).map(|table| Self::cff_table(&table)).unwrap_or_default()
    }

    fn cff_table(table: &cff::Table<'_>) -> Self {
        let mut program = Self::default();
        for glyph in 0..table.number_of_glyphs() {
            if let Some(text) = table.glyph_name(GlyphId(glyph)).and_then(named) {
                program.by_glyph.insert(glyph, text);
            }
        }
        for code in 0..=u8::MAX {
            if let Some(text) = table.glyph_index(code).and_then(|glyph| program.by_glyph.get(&glyph.0)) {
                program.by_code.insert(code, text.clone());
            }
        }
        program
    }

    /// A TrueType or OpenType font.
    pub(super) fn true_type(bytes: &[u8]) -> Self {
        let Ok(face) = Face::parse(bytes, 0) else { return Self::default() };
        let mut program = match &face.tables().cff {
            Some(table) => Self::cff_table(table),
            None => Self::default(),
        };
        let subtables = || face.tables().cmap.iter().flat_map(|cmap| cmap.subtables);
        for subtable in subtables().filter(ttf_parser::cmap::Subtable::is_unicode) {
            let mut left = MAX_GLYPHS;
            subtable.codepoints(|code| {
                if let (Some(rest), Some(character)) = (left.checked_sub(1), char::from_u32(code)) {
                    left = rest;
                    // A symbolic font's codes stand in the private use area: they are no characters.
                    if matches!(code, 0xe000..=0xf8ff | 0..=0x1f) {
                        return;
                    }
                    if let Some(glyph) = subtable.glyph_index(code) {
                        program.by_glyph.entry(glyph.0).or_insert_with(|| character.to_string());
                    }
                }
            });
        }
        for glyph in 0..face.number_of_glyphs() {
            if let Some(text) = face.glyph_name(GlyphId(glyph)).and_then(named) {
                program.by_glyph.entry(glyph).or_insert(text);
            }
        }
        for code in 0..=u8::MAX {
            let glyph = subtables().filter(|subtable| !subtable.is_unicode()).find_map(|subtable| {
                let symbolic = [0xf000, 0xf100, 0xf200, 0].map(|base| base + u32::from(code));
                symbolic.into_iter().find_map(|code| subtable.glyph_index(code))
            });
            let glyph = glyph.or_else(|| {
                let symbolic = 0xf000 + u32::from(code);
                subtables().find_map(|subtable| subtable.glyph_index(symbolic))
            });
            if let Some(text) = glyph.and_then(|glyph| program.by_glyph.get(&glyph.0)) {
                program.by_code.insert(code, text.clone());
            }
        }
        program
    }
}

fn named(name: &str) -> Option<String> {
    glyph_name::text(name).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_encoding_of_a_type_1_font_is_read() {
        let program = FontProgram::type_1(
            b"%!PS-AdobeFont\n/Encoding 256 array\n0 1 255 {1 index exch /.notdef put} for\n\
              dup 65 /A put\ndup 8#102/oslash put\ndup 67/aring put\nreadonly def\ndup 68 /D put\neexec\0\0",
        );
        let text = |code: u8| program.by_code.get(&code).map(String::as_str);
        assert_eq!([text(65), text(66), text(67), text(68)], [Some("A"), Some("ø"), Some("å"), None]);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..1000)) {
            FontProgram::type_1(&bytes);
            FontProgram::cff(&bytes);
            FontProgram::true_type(&bytes);
        }
    }
}
