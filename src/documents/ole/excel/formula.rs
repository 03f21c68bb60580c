//! Formulas ([MS-XLS] 2.5.198): the texts that stand in them. Where a program leaves out results, readers work them
//! out, so that these texts are seen.

use crate::documents::{codepage, little_endian::Cursor};

/// The texts in the tokens of a formula, up to a token that is not known.
pub(super) fn texts(tokens: &[u8], is_old: bool, page: u16) -> Vec<String> {
    const TEXT: u8 = 0x17;
    const ATTRIBUTE: u8 = 0x19;
    let mut texts = Vec::new();
    let mut cursor = Cursor::new(tokens);
    while let Some(token) = cursor.u8() {
        // Those from 0x20 on come in three classes.
        let base = if token < 0x20 { token } else { token & 0x1f | 0x20 };
        let passed = match base {
            TEXT => text(&mut cursor, is_old, page).map(|text| texts.push(text)),
            ATTRIBUTE => attribute(&mut cursor),
            _ => operand_length(base, is_old).and_then(|length| cursor.take(length)).map(|_| ()),
        };
        if passed.is_none() {
            break;
        }
    }
    texts
}

fn text(cursor: &mut Cursor<'_>, is_old: bool, page: u16) -> Option<String> {
    let count = usize::from(cursor.u8()?);
    if is_old {
        return Some(codepage::decode(cursor.take(count)?, page).into_owned());
    }
    match cursor.u8()? & 1 {
        0 => Some(cursor.take(count)?.iter().map(|byte| char::from(*byte)).collect()),
        _ => Some(crate::documents::little_endian::utf_16(cursor.take(2 * count)?)),
    }
}

/// Jumps and spaces; a choice has a table of jumps.
fn attribute(cursor: &mut Cursor<'_>) -> Option<()> {
    const CHOICE: u8 = 0x04;
    let kind = cursor.u8()?;
    let data = usize::from(cursor.u16()?);
    if kind & CHOICE != 0 {
        cursor.take(2 * (data + 1))?;
    }
    Some(())
}

/// Bytes after a token, since Excel 97 and before.
fn operand_length(base: u8, is_old: bool) -> Option<usize> {
    let (new, old) = match base {
        0x03..=0x16 => (0, 0),
        0x1c | 0x1d => (1, 1),
        0x1e | 0x21 | 0x29 => (2, 2),
        0x22 => (3, 3),
        0x01 | 0x02 => (4, 4),
        0x23 => (4, 14),
        0x24 | 0x2a | 0x2c => (4, 3),
        0x26..=0x28 => (6, 6),
        0x20 => (7, 7),
        0x1f => (8, 8),
        0x25 | 0x2b | 0x2d => (8, 6),
        0x39 => (6, 24),
        0x3a | 0x3c => (6, 17),
        0x3b | 0x3d => (10, 20),
        _ => return None,
    };
    Some(if is_old { old } else { new })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_in_formulas_are_found() {
        // =IF(A1;"syg";"rask")
        let tokens = b"\x44\0\0\0\0\x19\x02\x0d\0\x17\x03\0syg\x19\x08\x0c\0\x17\x04\x01r\0a\0s\0k\0\x42\x03\x01\0";
        assert_eq!(texts(tokens, false, 1252), ["syg", "rask"]);
        assert_eq!(texts(b"\x17\x03bl\xe5\x44\0\0\0\x17\x01x\x08", true, 1252), ["blå", "x"]);
        assert_eq!(texts(b"\x17\xff\0abc", false, 1252), Vec::<String>::new());
    }
}
