//! The same character in its many shapes -> one shape, so that a number is found however it was typed.

/// What becomes of a character.
enum Shape {
    Same,
    Gone,
    Ascii(u8),
}

/// Folds in place: every kind of space becomes a space, every hyphen and dash `-`, wide and mathematical digits and
/// wide letters their ASCII ones, line and paragraph separators a line feed; what has no width (soft hyphens, joiners,
/// direction marks, control characters such as the zero bytes of UTF-16 that is called ASCII) goes.
///
/// The text never grows. Linear.
pub fn normalise(text: String) -> String {
    let Some(first) = text.bytes().position(|byte| !byte.is_ascii() || is_unseen(byte)) else { return text };
    let mut bytes = text.into_bytes();
    let (mut read, mut write) = (first, first);
    while read < bytes.len() {
        let length = width(bytes[read]).min(bytes.len() - read);
        let shape = match length {
            1 if is_unseen(bytes[read]) => Shape::Gone,
            1 => Shape::Same,
            _ => shape(&bytes[read..read + length]),
        };
        match shape {
            Shape::Same => {
                bytes.copy_within(read..read + length, write);
                write += length;
            }
            Shape::Gone => {}
            Shape::Ascii(byte) => {
                bytes[write] = byte;
                write += 1;
            }
        }
        read += length;
    }
    bytes.truncate(write);
    // Whole characters were copied, dropped or replaced, so this is UTF-8 as before; if not, nothing is lost by it.
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Control characters of ASCII but for white space: readers show nothing for them.
fn is_unseen(byte: u8) -> bool {
    matches!(byte, 0..=0x08 | 0x0e..=0x1f | 0x7f)
}

/// Bytes of the UTF-8 character that begins with this byte.
fn width(first: u8) -> usize {
    match first {
        0..=0xdf if first >= 0xc0 => 2,
        0xe0..=0xef => 3,
        0xf0..=0xff => 4,
        _ => 1,
    }
}

fn shape(bytes: &[u8]) -> Shape {
    // Only these first bytes begin a character of the table below.
    if !matches!(bytes[0], 0xc2 | 0xcd | 0xd9 | 0xdb | 0xe1 | 0xe2 | 0xe3 | 0xef | 0xf0) {
        return Shape::Same;
    }
    let Some(character) = std::str::from_utf8(bytes).ok().and_then(|text| text.chars().next()) else {
        return Shape::Same;
    };
    let digit = |zero: u32| Shape::Ascii(b'0' + ((u32::from(character) - zero) % 10) as u8);
    match character {
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Shape::Ascii(b' '),
        '\u{85}' | '\u{2028}' | '\u{2029}' => Shape::Ascii(b'\n'),
        '\u{ad}'
        | '\u{34f}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' => Shape::Gone,
        '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => Shape::Ascii(b'-'),
        '\u{ff01}'..='\u{ff5e}' => Shape::Ascii((u32::from(character) - 0xfee0) as u8),
        '\u{660}'..='\u{669}' => digit(0x660),
        '\u{6f0}'..='\u{6f9}' => digit(0x6f0),
        '\u{1d7ce}'..='\u{1d7ff}' => digit(0x1d7ce),
        _ => Shape::Same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn folds_the_shapes_of_a_character() {
        for (text, plain) in [
            ("", ""),
            ("ordinary text", "ordinary text"),
            ("blåbærgrød på Ærø", "blåbærgrød på Ærø"),
            ("a\u{a0}b\u{2003}c\u{202f}d", "a b c d"),
            ("01\u{ad}01\u{200b}90", "010190"),
            ("010190\u{2013}1234", "010190-1234"),
            ("010190\u{2011}1234", "010190-1234"),
            ("\u{2212}5", "-5"),
            ("\u{ff10}\u{ff11}\u{ff21}", "01A"),
            ("\u{660}\u{661}\u{6f9}", "019"),
            ("\u{1d7d8}\u{1d7ff}", "09"),
            ("a\u{2028}b", "a\nb"),
            ("\u{feff}x", "x"),
            ("61\0\x0101\x7f90-\x080005\tx\r\n", "610190-0005\tx\r\n"),
            ("😀 \u{200d}ok", "😀 ok"),
        ] {
            assert_eq!(normalise(text.to_owned()), plain, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn never_grows_and_is_stable(text in any::<String>()) {
            let once = normalise(text.clone());
            prop_assert!(once.len() <= text.len());
            prop_assert_eq!(normalise(once.clone()), once);
        }

        #[test]
        fn leaves_ascii_alone(text in "[ -~\\r\\n\\t]*") {
            prop_assert_eq!(normalise(text.clone()), text);
        }
    }
}
