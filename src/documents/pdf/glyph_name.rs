//! Names of glyphs -> text (Adobe Glyph List Specification, section 2).

use super::encoding::Encoding;
use std::{collections::HashMap, sync::LazyLock};

/// Names that fonts use and that are not in the list for new fonts.
const MORE: &[(&str, &str)] = &[
    ("f_f", "ff"),
    ("ff", "ff"),
    ("ffi", "ffi"),
    ("ffl", "ffl"),
    ("fi", "fi"),
    ("fl", "fl"),
    ("nbspace", " "),
    ("nonbreakingspace", " "),
    ("sfthyphen", "\u{ad}"),
    ("softhyphen", "\u{ad}"),
    ("dotlessj", "ȷ"),
    ("Tcedilla", "Ţ"),
    ("tcedilla", "ţ"),
    ("Dslash", "Đ"),
    ("middot", "·"),
    ("overscore", "¯"),
    ("Ohm", "Ω"),
    ("visiblespace", " "),
    ("hyphenchar", "-"),
    ("rupiah", "Rp"),
    ("euro", "€"),
    ("Delta", "Δ"),
    ("Omega", "Ω"),
    ("mu", "µ"),
    ("spade", "♠"),
];

/// Basic Russian and other Cyrillic letters, `afii10017` on, in the order of the list.
const CYRILLIC: (u32, &str) =
    (10017, "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ               абвгдеёжзийклмнопрстуфхцчшщъыьэюя");

static NAMES: LazyLock<HashMap<&'static str, String>> = LazyLock::new(|| {
    let mut names: HashMap<&str, String> = HashMap::new();
    for (character, name) in glyph_names::GLYPH_NAME_PAIRS {
        names.entry(name).or_insert_with(|| character.to_string());
    }
    names.extend(MORE.iter().map(|(name, text)| (*name, (*text).to_owned())));
    names
});

/// The text of a glyph.
pub(super) fn text(name: &str) -> Option<String> {
    // What follows the first dot is a variant: `a.sc`, `one.oldstyle`.
    let base = name.split('.').next().unwrap_or_default();
    if base.is_empty() {
        return None;
    }
    let mut result = String::new();
    for component in base.split('_') {
        result.push_str(&component_text(component)?);
    }
    Some(result)
}

fn component_text(name: &str) -> Option<String> {
    if let Some(text) = NAMES.get(name) {
        return Some(text.clone());
    }
    if let Some(digits) = name.strip_prefix("uni")
        && digits.len() >= 4
        && digits.is_ascii()
    {
        let units = digits.as_bytes().chunks_exact(4).map(|four| hexadecimal(std::str::from_utf8(four).ok()?));
        return units.collect();
    }
    if let Some(digits) = name.strip_prefix('u')
        && (4..=6).contains(&digits.len())
        && let Some(character) = hexadecimal(digits)
    {
        return Some(character.to_string());
    }
    let number: u32 = name.strip_prefix("afii")?.parse().ok()?;
    let letter = CYRILLIC.1.chars().nth(number.checked_sub(CYRILLIC.0)? as usize)?;
    (letter != ' ').then(|| letter.to_string())
}

fn hexadecimal(digits: &str) -> Option<char> {
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

/// The text of a name that programs made up from a code: `g65`, `c65`, `A65`. Only where nothing better is known.
pub(super) fn numbered(name: &str) -> Option<String> {
    let digits = name.trim_start_matches(|character: char| character.is_ascii_alphabetic());
    if name.len() - digits.len() > 2 || digits.len() < 2 {
        return None;
    }
    let code: u8 = digits.parse().ok()?;
    Encoding::WinAnsi.character(code).map(String::from)
}

/// The text of a name that programs made up from the number of a glyph, `g36`, in fonts that have the glyphs of ASCII
/// in its order. Only where nothing better is known.
pub(super) fn in_order(name: &str) -> Option<String> {
    let glyph: u32 = name.strip_prefix('g')?.parse().ok()?;
    if !ASCII_GLYPHS.contains(&glyph) {
        return None;
    }
    char::from_u32(glyph + 0x20 - ASCII_GLYPHS.start()).map(String::from)
}

/// The glyphs of the characters from space to tilde in most TrueType fonts.
pub(super) const ASCII_GLYPHS: std::ops::RangeInclusive<u32> = 3..=97;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_texts() {
        for (name, expected) in [
            ("a", Some("a")),
            ("oslash", Some("ø")),
            ("aring.sc", Some("å")),
            ("one.oldstyle", Some("1")),
            ("f_i", Some("fi")),
            ("fi", Some("fi")),
            ("uni00F8", Some("ø")),
            ("uni00660069", Some("fi")),
            ("u1F574", Some("🕴")),
            ("uniD800", None),
            ("afii10049", Some("Я")),
            ("afii10065", Some("а")),
            ("afii10097", Some("я")),
            (".notdef", None),
            ("", None),
            ("unié", None),
            ("g65", None),
        ] {
            assert_eq!(text(name).as_deref(), expected, "{name}");
        }
        assert_eq!(numbered("g65").as_deref(), Some("A"));
        assert_eq!(numbered("cid00065"), None);
        assert_eq!(in_order("g25").as_deref(), Some("6"));
        assert_eq!(in_order("g2"), None);
        assert_eq!(numbered("a1"), None);
    }
}
