//! Letters folded for comparison: lower case, white space as spaces, every byte in its place.
//!
//! Unicode's full case folding changes lengths and is slow; the two-byte letters of Latin, Greek and Cyrillic keep
//! theirs, and other scripts have no case, or none that our word lists use.

/// Bytes folded together where they are ASCII.
const CHUNK: usize = 16;

/// Appends `text`, folded, to `folded`: as many bytes as it has, each letter where it was.
pub(super) fn fold_into(text: &str, folded: &mut Vec<u8>) {
    let start = folded.len();
    folded.extend_from_slice(text.as_bytes());
    let bytes = &mut folded[start..];
    let mut at = 0;
    while at < bytes.len() {
        // Most of a text is ASCII.
        if let Some(chunk) = bytes[at..].first_chunk_mut::<CHUNK>().filter(|chunk| chunk.is_ascii()) {
            *chunk = chunk.map(ascii);
            at += CHUNK;
            continue;
        }
        match bytes[at] {
            byte if byte.is_ascii() => {
                bytes[at] = ascii(byte);
                at += 1;
            }
            lead @ 0xc3..=0xd1 if at + 1 < bytes.len() => {
                [bytes[at], bytes[at + 1]] = two_bytes(lead, bytes[at + 1]);
                at += 2;
            }
            _ => at += 1,
        }
    }
}

/// The folded text.
pub(super) fn fold(text: &str) -> String {
    let mut folded = Vec::with_capacity(text.len());
    fold_into(text, &mut folded);
    // Letters become letters of the same length.
    String::from_utf8(folded).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn ascii(byte: u8) -> u8 {
    if byte.wrapping_sub(b'\t') < 5 { b' ' } else { byte.to_ascii_lowercase() }
}

fn two_bytes(lead: u8, next: u8) -> [u8; 2] {
    match (lead, next) {
        // À to Þ without the multiplication sign.
        (0xc3, 0x80..=0x9e) if next != 0x97 => [lead, next + 0x20],
        // Latin Extended-A: pairs, capital first; their parity changes twice; Ÿ lies apart, and İ and ı are no pair.
        (0xc5, 0xb8) => [0xc3, 0xbf],
        (0xc4, 0xb0 | 0xb1 | 0xb8) | (0xc5, 0x89) => [lead, next],
        (0xc4, 0xb9 | 0xbb | 0xbd) | (0xc5, 0x81 | 0x83 | 0x85 | 0x87 | 0xb9 | 0xbb | 0xbd) => [lead, next + 1],
        (0xc4, 0xbf) => [0xc5, 0x80],
        (0xc4, 0x80..=0xb7) | (0xc5, 0x8a..=0xb7) if next.is_multiple_of(2) => [lead, next + 1],
        // Greek.
        (0xce, 0x91..=0x9f) => [0xce, next + 0x20],
        (0xce, 0xa0..=0xa9) if next != 0xa2 => [0xcf, next - 0x20],
        // Cyrillic.
        (0xd0, 0x90..=0x9f) => [0xd0, next + 0x20],
        (0xd0, 0xa0..=0xaf) => [0xd1, next - 0x20],
        (0xd0, 0x80..=0x8f) => [0xd1, next + 0x10],
        _ => [lead, next],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn folds_as_unicode_does_where_lengths_stay() {
        for code in 0x80..0x530_u32 {
            let Some(character) = char::from_u32(code) else { continue };
            let text = character.to_string();
            let lower = text.to_lowercase();
            let folded = fold(&text);
            assert!(folded == lower || folded == text, "{text} {folded} {lower}");
            let ours = matches!(code, 0x80..=0x17f | 0x391..=0x3a9 | 0x400..=0x42f);
            if ours && lower.len() == text.len() {
                assert_eq!(folded, lower, "U+{code:04X}");
            }
        }
        assert_eq!(fold("FØDT\r\nPå ÆRØ × 2"), "født  på ærø × 2");
    }

    proptest! {
        #[test]
        fn keeps_every_place(text in any::<String>()) {
            let folded = fold(&text);
            prop_assert_eq!(folded.len(), text.len());
            prop_assert_eq!(fold(&folded), folded.clone());
            for (at, _) in text.char_indices() {
                prop_assert!(folded.is_char_boundary(at));
            }
        }
    }
}
