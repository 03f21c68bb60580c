//! The encodings of simple fonts and of text strings (ISO 32000-2, annex D): byte -> character.

use encoding_rs::{MACINTOSH, WINDOWS_1252};

/// An encoding that PDF names, or that is a font's own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Encoding {
    Standard,
    WinAnsi,
    MacRoman,
    PdfDoc,
    Symbol,
    ZapfDingbats,
}

/// StandardEncoding from 0xa1 on; a space where there is nothing.
const STANDARD: &str = "¡¢£⁄¥ƒ§¤'“«‹›ﬁﬂ –†‡· ¶•‚„”»…‰ ¿ `´ˆ˜¯˘˙¨ ˚¸ ˝˛ˇ—                Æ ª    ŁØŒº     æ   ı  łøœß";

/// PDFDocEncoding from 0x18 to 0x1f.
const PDF_DOC_LOW: &str = "˘ˇˆ˙˝˛˚˜";

/// PDFDocEncoding from 0x80 to 0xa0.
const PDF_DOC_HIGH: &str = "•†‡…—–ƒ⁄‹›−‰„“”‘’‚™ﬁﬂŁŒŠŸŽıłœšž €";

/// The Symbol font from 0x41 to 0x5a and from 0x61 to 0x7a.
const GREEK: [&str; 2] = ["ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ", "αβχδεφγηιϕκλμνοπθρστυϖωξψζ"];

/// The Symbol font from 0xa0 on.
const SYMBOL_HIGH: &str = "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…";

/// Where the dingbats begin: the font of that name has most of them in this order from 0x21 on.
const DINGBATS: u32 = 0x2701;

impl Encoding {
    /// By its name in a font's dictionary.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"StandardEncoding" => Self::Standard,
            b"WinAnsiEncoding" => Self::WinAnsi,
            b"MacRomanEncoding" => Self::MacRoman,
            b"PDFDocEncoding" => Self::PdfDoc,
            _ => return None,
        })
    }

    /// The character of a byte.
    pub(super) fn character(self, byte: u8) -> Option<char> {
        let from = |table: &str, start: u8| {
            let found = table.chars().nth(usize::from(byte.checked_sub(start)?))?;
            (found != ' ').then_some(found)
        };
        match (self, byte) {
            (Self::PdfDoc, _) => Some(pdf_doc(byte)),
            (_, 0..=0x1f | 0x7f) => None,
            (_, b' ') => Some(' '),
            (Self::Standard, b'\'') => Some('’'),
            (Self::Standard, b'`') => Some('‘'),
            (Self::Standard, 0x80..) => from(STANDARD, 0xa1),
            (Self::WinAnsi, 0xad) => Some('-'),
            (Self::WinAnsi, 0x80..) => one(WINDOWS_1252, byte).or(Some('•')),
            (Self::MacRoman, 0x80..) => one(MACINTOSH, byte),
            (Self::Symbol, b'A'..=b'Z') => from(GREEK[0], b'A'),
            (Self::Symbol, b'a'..=b'z') => from(GREEK[1], b'a'),
            (Self::Symbol, 0x80..) => from(SYMBOL_HIGH, 0xa0),
            (Self::ZapfDingbats, 0x21..) => char::from_u32(DINGBATS + u32::from(byte) - 0x21),
            _ => Some(char::from(byte)),
        }
    }
}

fn one(encoding: &'static encoding_rs::Encoding, byte: u8) -> Option<char> {
    let bytes = [byte];
    let text = encoding.decode_without_bom_handling(&bytes).0;
    text.chars().next().filter(|character| !character.is_control())
}

/// PDFDocEncoding, D.3.
pub(super) fn pdf_doc(byte: u8) -> char {
    let (table, start) = match byte {
        0x18..=0x1f => (PDF_DOC_LOW, 0x18),
        0x80..=0xa0 => (PDF_DOC_HIGH, 0x80),
        _ => return char::from(byte),
    };
    table.chars().nth(usize::from(byte - start)).unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_characters() {
        for (encoding, byte, character) in [
            (Encoding::Standard, b'A', Some('A')),
            (Encoding::Standard, 0xa1, Some('¡')),
            (Encoding::Standard, 0xae, Some('ﬁ')),
            (Encoding::Standard, 0xd0, Some('—')),
            (Encoding::Standard, 0xe1, Some('Æ')),
            (Encoding::Standard, 0xe8, Some('Ł')),
            (Encoding::Standard, 0xf1, Some('æ')),
            (Encoding::Standard, 0xfb, Some('ß')),
            (Encoding::Standard, 0xb0, None),
            (Encoding::WinAnsi, 0xe5, Some('å')),
            (Encoding::WinAnsi, 0x80, Some('€')),
            (Encoding::MacRoman, 0x8c, Some('å')),
            (Encoding::MacRoman, 0xbf, Some('ø')),
            (Encoding::PdfDoc, 0xa0, Some('€')),
            (Encoding::PdfDoc, 0x92, Some('™')),
            (Encoding::Symbol, b'a', Some('α')),
            (Encoding::Symbol, 0xb3, Some('≥')),
            (Encoding::ZapfDingbats, 0x34, Some('✔')),
        ] {
            assert_eq!(encoding.character(byte), character, "{encoding:?} {byte:x}");
        }
    }
}
