//! Characters that XML cannot hold, as spreadsheets write them (ECMA-376 part 1, 22.9.2.19, ST_Xstring): `_x000D_`.

use std::borrow::Cow;

/// Bytes of an escape.
const LENGTH: usize = 7;

/// Resolves the escapes of a string.
pub(super) fn resolved(text: &str) -> Cow<'_, str> {
    if !text.contains("_x") {
        return Cow::Borrowed(text);
    }
    let mut units: Vec<u16> = Vec::new();
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    // Escapes are UTF-16: two of them may make up one character.
    let flush = |units: &mut Vec<u16>, result: &mut String| {
        result.extend(char::decode_utf16(units.drain(..)).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
    };
    while !rest.is_empty() {
        if let Some(unit) = escape(rest) {
            units.push(unit);
            rest = rest.get(LENGTH..).unwrap_or_default();
            continue;
        }
        flush(&mut units, &mut result);
        let next = rest.match_indices("_x").map(|(at, _)| at).find(|at| *at > 0).unwrap_or(rest.len());
        let (plain, after) = rest.split_at_checked(next).unwrap_or((rest, ""));
        result.push_str(plain);
        rest = after;
    }
    flush(&mut units, &mut result);
    Cow::Owned(result)
}

fn escape(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("_x")?.get(..4)?;
    let follows = text.as_bytes().get(LENGTH - 1) == Some(&b'_');
    let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if follows && hexadecimal { u16::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_resolved() {
        for (written, meant) in [
            ("plain", "plain"),
            ("a_x000D_b", "a\rb"),
            ("_x0030__x0031_", "01"),
            ("_x005F_x000D_", "_x000D_"),
            ("_xD83D__xDE00_!", "😀!"),
            ("_x00_ _xyz _x000", "_x00_ _xyz _x000"),
            ("_xæøå_", "_xæøå_"),
        ] {
            assert_eq!(resolved(written), meant, "{written}");
        }
    }
}
