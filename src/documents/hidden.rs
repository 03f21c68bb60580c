//! Whether a signature, a certificate or a key holds a text that has no place there.

use super::{ber, kind::is_text};

/// Values within one another that are looked into.
const MAX_DEPTH: usize = 40;

/// Bytes of text in one value beyond what names, addresses and the notices of certificate authorities need.
const MUCH: usize = 1024;

/// Bytes of one value, whatever it is: the longest signatures in use have 50,000.
const TOO_MUCH: usize = 128 * 1024;

/// Whether a run of bytes is more than belongs there.
pub(super) fn is_much(value: &[u8]) -> bool {
    value.len() > TOO_MUCH || value.len() > MUCH && is_text(value)
}

/// Whether one of the values in this BER is more than belongs there, or something is no BER.
pub(super) fn hides_text(bytes: &[u8]) -> bool {
    let mut open = vec![bytes];
    while let Some(rest) = open.pop() {
        if rest.is_empty() {
            continue;
        }
        let Some((element, after)) = ber::first(rest) else { return true };
        open.push(after);
        if element.is_constructed() {
            if open.len() > MAX_DEPTH {
                return true;
            }
            open.push(element.content);
        } else if is_much(element.content) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_hidden() {
        let value = |tag: u8, content: &[u8]| {
            let length = u32::try_from(content.len()).unwrap().to_be_bytes();
            [&[tag, 0x84][..], &length, content].concat()
        };
        let text = "Et brev. ".repeat(200);
        assert!(hides_text(&value(0x30, &value(4, text.as_bytes()))));
        assert!(!hides_text(&value(0x30, &value(4, b"Et navn"))));
        assert!(!hides_text(&value(0x30, &[])));
        assert!(hides_text(b"Et brev"));
        assert!(hides_text(&[0x30, 0x80].repeat(1000)));
    }
}
