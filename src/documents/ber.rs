//! The Basic Encoding Rules of ASN.1 (ITU-T X.690), lengths of either kind: what CMS, certificates and key stores are
//! written in. No schema: whoever reads knows what must stand where.

use std::borrow::Cow;

/// Identifier octets.
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// Context-specific, constructed: to be added to the number.
pub(super) const CONTEXT: u8 = 0xa0;

/// The bit that says that a value is made up of others.
pub(super) const CONSTRUCTED: u8 = 0x20;

/// Octet strings within one another that are put together.
const MAX_SEGMENTS_DEPTH: usize = 8;

/// One value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
}

/// Splits off the first value. `None`: there is none, or it is cut off, or no BER.
pub(super) fn first(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let header = Header::of(bytes)?;
    let rest = &bytes[header.length..];
    let (content, rest) = match header.content {
        Some(length) => rest.split_at_checked(length)?,
        None => {
            let length = before_end_of_contents(rest)?;
            (&rest[..length], &rest[length + 2..])
        }
    };
    Some((Element { tag: header.tag, content }, rest))
}

/// The values one after another, as long as they are BER.
pub(super) fn all(bytes: &[u8]) -> impl Iterator<Item = Element<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (element, after) = first(rest)?;
        rest = after;
        Some(element)
    })
}

impl<'a> Element<'a> {
    /// Its content, if it has this tag.
    pub(super) fn of(self, tag: u8) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.content)
    }

    pub(super) fn is_constructed(self) -> bool {
        self.tag & CONSTRUCTED != 0
    }

    /// The bytes of an octet string, whatever its tag, put together where it was written in segments (section 8.7).
    pub(super) fn octets(self) -> Option<Cow<'a, [u8]>> {
        if !self.is_constructed() {
            return Some(self.content.into());
        }
        let mut octets = Vec::new();
        segments(self.content, &mut octets, MAX_SEGMENTS_DEPTH)?;
        Some(octets.into())
    }
}

fn segments(mut rest: &[u8], octets: &mut Vec<u8>, depth: usize) -> Option<()> {
    while !rest.is_empty() {
        let (segment, after) = first(rest)?;
        rest = after;
        match segment.tag {
            OCTET_STRING => octets.extend_from_slice(segment.content),
            tag if tag == OCTET_STRING | CONSTRUCTED => segments(segment.content, octets, depth.checked_sub(1)?)?,
            _ => return None,
        }
    }
    Some(())
}

struct Header {
    tag: u8,
    /// Of the header itself.
    length: usize,
    /// Of what follows; `None`: up to the end-of-contents octets.
    content: Option<usize>,
}

impl Header {
    fn of(bytes: &[u8]) -> Option<Self> {
        let (&tag, &length) = (bytes.first()?, bytes.get(1)?);
        // Tags of more than one octet are in nothing that is read here.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let following = usize::from(length & 0x7f);
        match length {
            0..=0x7f => Some(Self { tag, length: 2, content: Some(following) }),
            0x80 => (tag & CONSTRUCTED != 0).then_some(Self { tag, length: 2, content: None }),
            _ => {
                let octets = bytes.get(2..2 + following)?;
                let mut content = 0_usize;
                for octet in octets {
                    content = content.checked_mul(256)?.checked_add(usize::from(*octet))?;
                }
                Some(Self { tag, length: 2 + following, content: Some(content) })
            }
        }
    }
}

/// Bytes before the end-of-contents octets that belong to a value which began just before. Linear; no recursion.
fn before_end_of_contents(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut open) = (0_usize, 1_usize);
    loop {
        let rest = bytes.get(at..)?;
        if rest.starts_with(&[0, 0]) {
            open -= 1;
            if open == 0 {
                return Some(at);
            }
            at += 2;
            continue;
        }
        let header = Header::of(rest)?;
        match header.content {
            Some(length) => at = at.checked_add(header.length)?.checked_add(length)?,
            None => {
                at += header.length;
                open += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_have_lengths_of_three_kinds() {
        for (bytes, expected) in [
            (&[4, 2, 7, 8, 9][..], Some((4, &[7, 8][..], &[9][..]))),
            (&[4, 0x81, 1, 7], Some((4, &[7], &[]))),
            (&[0x30, 0x80, 4, 1, 7, 0, 0, 9], Some((0x30, &[4, 1, 7], &[9]))),
            (&[0x30, 0x80, 0x24, 0x80, 4, 1, 0, 0, 0, 0, 0], Some((0x30, &[0x24, 0x80, 4, 1, 0, 0, 0], &[]))),
            (&[4, 3, 7], None),
            (&[4, 0x80, 0, 0], None),
            (&[0x30, 0x80, 4, 1, 7], None),
            (&[4, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0], None),
            (&[0x1f, 1, 1], None),
            (&[4], None),
        ] {
            let expected = expected.map(|(tag, content, rest)| (Element { tag, content }, rest));
            assert_eq!(first(bytes), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn octet_strings_are_put_together() {
        let segmented = [0x24, 0x80, 4, 2, 1, 2, 0x24, 3, 4, 1, 3, 0, 0];
        let (element, _) = first(&segmented).unwrap();
        assert_eq!(element.octets().unwrap().as_ref(), [1, 2, 3]);
        let deep = [[0x24, 0x80].repeat(1000), vec![0; 2000]].concat();
        assert_eq!(first(&deep).and_then(|(element, _)| element.octets()), None);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_looked_at(bytes in proptest::collection::vec(prop_oneof![
            any::<u8>(), Just(0), Just(0x80), Just(0x30), Just(0x24), Just(4),
        ], 0..200)) {
            for element in all(&bytes) {
                element.octets();
                all(element.content).count();
            }
        }
    }
}
