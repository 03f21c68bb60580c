//! The text in a script (ECMA-262): nothing is run. Escapes in it are resolved, and texts that are written in parts
//! (`"a" + "b"`) are put together; all else stays as it stands, so that JSON and code that is not understood lose nothing.

/// Hexadecimal digits of the longest escape.
const MAX_ESCAPE: usize = 8;

/// Appends the text in a script. Linear.
pub(super) fn read(script: &str, text: &mut String) {
    // Where a quote stands after which nothing but white space came, and whether a plus sign.
    let mut quote: Option<(usize, bool)> = None;
    let mut rest = script.chars();
    while let Some(character) = rest.next() {
        match character {
            '"' | '\'' | '`' => match quote.take() {
                Some((at, true)) => text.truncate(at),
                _ => {
                    quote = Some((text.len(), false));
                    text.push(character);
                }
            },
            '\\' => {
                quote = None;
                let (length, character) = escape(rest.as_str());
                text.extend(character);
                rest = rest.as_str()[length..].chars();
            }
            _ => {
                quote = match quote {
                    Some((at, false)) if character == '+' => Some((at, true)),
                    known if character.is_whitespace() => known,
                    _ => None,
                };
                text.push(character);
            }
        }
    }
}

/// How long an escape is after its backslash, and the character that it stands for.
fn escape(after: &str) -> (usize, Option<char>) {
    let Some(first) = after.chars().next() else { return (0, None) };
    let hexadecimal = |digits: &str| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
    let digits = match first {
        'x' => after.get(1..3).map(|digits| (3, digits)),
        'u' if after[1..].starts_with('{') => {
            let end = after.bytes().take(MAX_ESCAPE + 3).position(|byte| byte == b'}');
            end.map(|end| (end + 1, &after[2..end]))
        }
        'u' => after.get(1..5).map(|digits| (5, digits)),
        _ => None,
    };
    if let Some((length, digits)) = digits
        && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        && let Some(character) = hexadecimal(digits)
    {
        return (length, Some(character));
    }
    let character = match first {
        'n' | 'r' | 'v' | 'f' => Some('\n'),
        't' => Some('\t'),
        // The text goes on in the next line.
        '\r' | '\n' => None,
        other => Some(other),
    };
    (first.len_utf8(), character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(script: &str) -> String {
        let mut text = String::new();
        read(script, &mut text);
        text
    }

    #[test]
    fn texts_are_put_together() {
        for (script, expected) in [
            ("", ""),
            (r#"{"a":["610190-0005","b"]}"#, r#"{"a":["610190-0005","b"]}"#),
            (r#"x = "610190" + '-0005'; y = 1 + "a""#, r#"x = "610190-0005'; y = 1 + "a""#),
            (r#""a" "b" + c"#, r#""a" "b" + c"#),
            (r"'6\u0031\x30\u{31}90\-0005'", "'610190-0005'"),
            (r"'f\u00f8dt\n\/x'", "'født\n/x'"),
            (r"\u{110000} \xzz \u12", "u{110000} xzz u12"),
            ("'a\\\nb' \\", "'ab' "),
            ("don't + 'x'", "don't + 'x'"),
        ] {
            assert_eq!(text(script), expected, "{script}");
        }
    }

    proptest! {
        #[test]
        fn any_script_can_be_read(script in r#"([\\"'`+ux{}0-9a \n]|æ){0,60}"#) {
            text(&script);
        }
    }
}
