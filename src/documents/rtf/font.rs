//! Which code page text is in: by the document, and by its fonts (Rich Text Format specification 1.9.1, "Font Table").

use super::super::codepage;
use std::collections::HashMap;

/// Fonts that are remembered; more are read in the document's own code page.
const MAX_FONTS: usize = 10_000;

/// The code pages of a document and its fonts.
#[derive(Debug)]
pub(super) struct CodePages {
    /// The document's.
    document: u16,
    fonts: HashMap<i32, u16>,
    /// The font that is being described.
    described: i32,
    /// The font of text that names none.
    default: Option<i32>,
}

impl CodePages {
    pub(super) fn new() -> Self {
        Self { document: codepage::DEFAULT, fonts: HashMap::new(), described: 0, default: None }
    }

    /// The code page of the document as such.
    pub(super) fn set_document(&mut self, codepage: u16) {
        self.document = codepage;
    }

    /// The font of text that names none.
    pub(super) fn set_default(&mut self, font: i32) {
        self.default = Some(font);
    }

    pub(super) fn describe(&mut self, font: i32) {
        self.described = font;
    }

    /// The font that is being described has this code page.
    pub(super) fn set_described(&mut self, codepage: u16) {
        if self.fonts.len() < MAX_FONTS {
            self.fonts.insert(self.described, codepage);
        }
    }

    /// The code page of text in a font.
    pub(super) fn of(&self, font: Option<i32>) -> u16 {
        let font = font.or(self.default);
        font.and_then(|font| self.fonts.get(&font)).copied().unwrap_or(self.document)
    }
}

/// The code page of `\fcharset`; none where it says that it is the document's.
pub(super) fn codepage_of(charset: i32) -> Option<u16> {
    Some(match charset {
        77 => 10000,
        78 | 128 => 932,
        79 | 129 => 949,
        80 | 134 => 936,
        81 | 136 => 950,
        130 => 1361,
        83 | 161 => 1253,
        84 | 177 => 1255,
        85 | 178 => 1256,
        86 | 162 => 1254,
        87 | 222 => 874,
        88 | 238 => 1250,
        89 | 204 => 1251,
        163 => 1258,
        186 => 1257,
        254 => 437,
        255 => 850,
        _ => return None,
    })
}
