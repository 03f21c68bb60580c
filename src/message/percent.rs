//! Escapes of URLs (RFC 3986 section 2.1) in a text: `Journal%20610190-0005` is no longer number.

use super::transfer;
use memchr::memchr_iter;

/// The words of a text that hold such an escape, decoded, a line each. Linear.
pub(super) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut end = 0;
    for at in memchr_iter(b'%', bytes) {
        let is_escape = bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if at < end || !is_escape {
            continue;
        }
        let length =
            |bytes: &mut dyn Iterator<Item = &u8>| bytes.take_while(|byte| !byte.is_ascii_whitespace()).count();
        let start = at - length(&mut bytes[end..at].iter().rev());
        end = at + length(&mut bytes[at..].iter());
        transfer::escapes(&bytes[start..end], b'%', &mut decoded);
        decoded.push(b'\n');
    }
    String::from_utf8(decoded).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_with_escapes_are_decoded() {
        for (text, expected) in [
            ("", ""),
            ("100 % 5%", ""),
            (
                "se https://x.example/Journal%20610190-0005.pdf og %33%3D",
                "https://x.example/Journal 610190-0005.pdf\n3=\n",
            ),
            ("a%2db%zz\tc%c3%B8d", "a-b%zz\ncød\n"),
            ("%ff", "\u{fffd}\n"),
        ] {
            assert_eq!(decoded(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_decoded(text in "[%0-9a-f æ\n]{0,60}") {
            decoded(&text);
        }
    }
}
