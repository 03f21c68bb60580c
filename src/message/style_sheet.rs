//! What readers see of a style sheet (CSS Syntax Level 3): its strings, which `content` shows, and what stands in `data:`
//! addresses.

/// Hexadecimal digits of an escape.
const MAX_ESCAPE: usize = 6;

/// Appends the strings of a style sheet, a line each; those that stand side by side are one. Linear.
pub(super) fn strings(sheet: &str, text: &mut String) {
    let mut rest = sheet;
    // Nothing but white space since the last string.
    let mut side_by_side = false;
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        match first {
            '/' if after.starts_with('*') => rest = after[1..].split_once("*/").map_or("", |(_, after)| after),
            '"' | '\'' => {
                let (string, length) = string(after, first);
                rest = &after[length..];
                if string.trim_start().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
                    continue;
                }
                if side_by_side {
                    text.truncate(text.trim_end_matches('\n').len());
                }
                text.push_str(&string);
                text.push('\n');
                side_by_side = true;
            }
            _ => {
                side_by_side &= first.is_whitespace();
                rest = after;
            }
        }
    }
}

/// A string whose opening quote is behind us, escapes resolved, and its length with the closing quote.
fn string(text: &str, quote: char) -> (String, usize) {
    let mut string = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            '\n' => break,
            '\\' => {
                let digits = rest.bytes().take(MAX_ESCAPE).take_while(u8::is_ascii_hexdigit).count();
                let code = u32::from_str_radix(&rest[..digits], 16).ok().and_then(char::from_u32);
                rest = &rest[digits..];
                if digits > 0 {
                    string.extend(code);
                    rest = rest.strip_prefix([' ', '\t', '\n']).unwrap_or(rest);
                } else if let Some(next) = rest.chars().next() {
                    string.extend(Some(next).filter(|next| *next != '\n'));
                    rest = &rest[next.len_utf8()..];
                }
            }
            _ if first == quote => break,
            _ => string.push(first),
        }
    }
    (string, text.len() - rest.len())
}

/// The `data:` addresses in a style sheet, quotes and brackets around them taken away. Linear.
pub(super) fn addresses(sheet: &str) -> impl Iterator<Item = &str> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let colon = from + memchr::memchr(b':', &sheet.as_bytes()[from..])?;
            from = colon + 1;
            let Some(begin) = colon.checked_sub(4) else { continue };
            if !sheet.as_bytes()[begin..colon].eq_ignore_ascii_case(b"data") {
                continue;
            }
            let before = sheet[..begin].trim_end_matches([' ', '\t', '\n', '\r']);
            let end = match before.chars().next_back() {
                Some(quote @ ('"' | '\'')) => quote,
                Some('(') => ')',
                _ => continue,
            };
            let length = sheet[from..].find(end).unwrap_or(sheet.len() - from);
            from += length;
            return Some(&sheet[begin..from]);
        }
    })
}

/// Whether a rule of the sheet lets style sheets or scripts be shown as text.
pub(super) fn shows_itself(sheet: &str) -> bool {
    let mut parts = sheet.split(['{', '}']).peekable();
    while let Some(selector) = parts.next() {
        let selector = selector.trim_end().to_ascii_lowercase();
        let is_of_it = ["style", "script", "*"].iter().any(|name| selector.ends_with(name));
        if is_of_it && parts.peek().is_some_and(|rule| rule.to_ascii_lowercase().contains("display")) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strings_are_found() {
        for (sheet, expected) in [
            ("p::before{content:\"610190-0005\"}", "610190-0005\n"),
            ("p{content:'6101' \"90\"; x: 'y'}", "610190\ny\n"),
            (r"p{content:'\36 1\000030190\-0005'}", "610190-0005\n"),
            ("/* it's */ p{content:'a'", "a\n"),
            ("@font-face{src:url('data:font/woff;base64,AA')} p{color:red}", ""),
            ("'open\n", "open\n"),
        ] {
            let mut text = String::new();
            strings(sheet, &mut text);
            assert_eq!(text, expected, "{sheet}");
        }
    }

    #[test]
    fn addresses_are_found() {
        for (sheet, expected) in [
            ("a{background:url(data:image/png;base64,AA==)}", &["data:image/png;base64,AA=="][..]),
            ("a{b:url( \"DATA:,x)\" ) url('data:,y')}", &["DATA:,x)", "data:,y"]),
            ("mso-data:x; data:y", &[]),
            ("url(data:,open", &["data:,open"]),
        ] {
            assert_eq!(addresses(sheet).collect::<Vec<_>>(), expected, "{sheet}");
        }
    }

    #[test]
    fn a_sheet_may_show_itself() {
        for (sheet, shown) in [
            ("style{display:block}610190-0005", true),
            ("body, head *  { Display: inline }", true),
            ("p.mso-style{color:red} x{display:none}", false),
            ("", false),
        ] {
            assert_eq!(shows_itself(sheet), shown, "{sheet}");
        }
    }

    proptest! {
        #[test]
        fn any_sheet_can_be_read(sheet in r#"(data:|[\\"'(){}/* 0-9a:;\n]|æ){0,60}"#) {
            strings(&sheet, &mut String::new());
            addresses(&sheet).count();
            shows_itself(&sheet);
        }
    }
}
