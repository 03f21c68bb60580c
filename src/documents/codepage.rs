//! Windows code pages by their numbers.

use crate::message::decode_text;
use std::borrow::Cow;

/// The code page that is meant where none is named: Western European.
pub(super) const DEFAULT: u16 = 1252;

/// The name of a code page as a charset.
pub(super) fn charset(codepage: u16) -> Option<Cow<'static, str>> {
    Some(match codepage {
        874 | 1250..=1258 => format!("windows-{codepage}").into(),
        28591..=28606 => format!("iso-8859-{}", codepage - 28590).into(),
        437 | 850 | 852 | 858 | 865 => format!("cp{codepage}").into(),
        866 => "ibm866".into(),
        932 => "shift_jis".into(),
        936 => "gbk".into(),
        949 | 51949 => "euc-kr".into(),
        950 => "big5".into(),
        1200 => "utf-16le".into(),
        1201 => "utf-16be".into(),
        10000 | 32768 => "macintosh".into(),
        10007 => "x-mac-cyrillic".into(),
        20127 | 367 => "us-ascii".into(),
        20866 => "koi8-r".into(),
        20932 | 51932 => "euc-jp".into(),
        21866 => "koi8-u".into(),
        50220..=50222 => "iso-2022-jp".into(),
        54936 => "gb18030".into(),
        65000 => "utf-7".into(),
        65001 => "utf-8".into(),
        _ => return None,
    })
}

/// Text in a code page; in an unknown one, as Western European.
pub(super) fn decode(bytes: &[u8], codepage: u16) -> Cow<'_, str> {
    let charset = charset(codepage).unwrap_or(Cow::Borrowed("windows-1252"));
    decode_text(bytes, Some(&charset), usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded() {
        for (bytes, codepage, text) in [
            (&b"bl\xe5b\xe6r"[..], 1252, "blåbær"),
            (b"bl\xe5b\xe6r", 4711, "blåbær"),
            (b"\xcf\xf0", 1251, "Пр"),
            (b"bl\x86b\x91r", 850, "blåbær"),
            ("blåbær".as_bytes(), 65001, "blåbær"),
            (b"bl\x8cb\xber", 10000, "blåbær"),
        ] {
            assert_eq!(decode(bytes, codepage), text);
        }
    }
}
