//! ASCII armour: `-----BEGIN …-----`, base64, `-----END …-----` (RFC 9580 section 6.2, RFC 7468, age-encryption.org/v1).

use super::{File, first_line, lines_that_begin};
use crate::message::transfer;
use std::ops::Range;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// What is opened, and what it is called in a place. Keys and certificates hold nothing to read, and of a signed text
/// (`PGP SIGNED MESSAGE`) the text is there.
const LABELS: [(&[u8], &str); 6] = [
    (b"PGP MESSAGE", "PGP message"),
    (b"PGP ARMORED FILE", "PGP file"),
    (b"AGE ENCRYPTED FILE", "age file"),
    (b"PKCS7", "CMS"),
    (b"CMS", "CMS"),
    (b"PKCS #7 SIGNED DATA", "CMS"),
];

/// A block of a text.
pub(super) struct Block {
    pub(super) span: Range<usize>,
    /// What is in it, where that may be something to read.
    pub(super) file: Option<File>,
}

/// The blocks of a text, in order.
pub(super) fn blocks(text: &str) -> impl Iterator<Item = Block> {
    let text = text.as_bytes();
    let (mut from, mut ends) = (0, true);
    lines_that_begin(text, BEGIN).filter_map(move |at| {
        if at < from {
            return None;
        }
        let (line, body) = first_line(&text[at..]);
        let label = line.trim_ascii_end().strip_prefix(BEGIN)?.strip_suffix(DASHES)?;
        let what = LABELS.iter().find(|(known, _)| label.starts_with(known)).map(|(_, what)| *what);
        // After the last end, no other one need be looked for.
        let end = if ends { lines_that_begin(body, END).next() } else { None };
        ends = end.is_some();
        let length = end.unwrap_or(if what.is_some() { body.len() } else { 0 });
        let stop = text.len() - body.len() + length;
        from = stop;
        let bytes = |end: Option<usize>| match end {
            Some(end) => decode(&body[..end]),
            None => Err("an armoured block that is cut off; read as text"),
        };
        let file = what.map(|what| File { name: None, what, bytes: bytes(end) });
        Some(Block { span: at..stop, file })
    })
}

/// Header lines (`Version: …`), base64, and a checksum that stands after `=`.
fn decode(body: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut rest = body;
    loop {
        let (line, after) = first_line(rest);
        if rest.is_empty() || !(is_header(line) || line.trim_ascii().is_empty()) {
            break;
        }
        rest = after;
    }
    let checksum = lines_that_begin(rest, b"=").next();
    let (base64, after) = rest.split_at(checksum.unwrap_or(rest.len()));
    let (bytes, clean) = transfer::base64(base64);
    let (sum, after) = first_line(after);
    if clean && !bytes.is_empty() && sum.trim_ascii_end().len() <= 5 && after.trim_ascii().is_empty() {
        Ok(bytes)
    } else {
        Err("an armoured block that holds something else; read as text")
    }
}

/// `Version: …`
fn is_header(line: &[u8]) -> bool {
    let key = line.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
    key > 0 && line[key..].starts_with(b":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn blocks_are_found_among_text() {
        let block =
            |label: &str, body: &str| format!("Hej\n-----BEGIN {label}-----\n{body}\n-----END {label}-----\nfarvel");
        let hej = Some(Ok(b"Hej".to_vec()));
        for (text, expected) in [
            (block("PGP MESSAGE", "Version: 1\nComment: x\n\nSGVq\n=abcd"), vec![hej.clone()]),
            (block("PGP MESSAGE", "\nSGVq"), vec![hej.clone()]),
            (block("PGP MESSAGE", "SGVq"), vec![hej.clone()]),
            (block("PGP MESSAGE, PART 01/02", "\nSGVq").replace('\n', "\r\n"), vec![hej.clone()]),
            (block("AGE ENCRYPTED FILE", "SGVq"), vec![hej.clone()]),
            (format!("{0}\n{0}", block("PKCS7", "SGVq")), vec![hej.clone(), hej]),
            (block("CERTIFICATE", "SGVq"), vec![None]),
            (block("PGP PUBLIC KEY BLOCK", "\nSGVq\n=abcd"), vec![None]),
            (
                block("PGP MESSAGE", "\nDet er tekst: ærligt talt"),
                vec![Some(Err("an armoured block that holds something else; read as text"))],
            ),
            (
                block("PGP MESSAGE", "\nSGVq\n=abcd\ntekst"),
                vec![Some(Err("an armoured block that holds something else; read as text"))],
            ),
            (
                "-----BEGIN PGP MESSAGE-----\n\nSGVq".to_owned(),
                vec![Some(Err("an armoured block that is cut off; read as text"))],
            ),
            (
                block("PGP MESSAGE", "Comment: x\n\n"),
                vec![Some(Err("an armoured block that holds something else; read as text"))],
            ),
            ("x -----BEGIN PGP MESSAGE-----".to_owned(), vec![]),
        ] {
            let found: Vec<_> = blocks(&text).map(|block| block.file.map(|file| file.bytes)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_looked_at(text in "(-----BEGIN |-----END |PGP MESSAGE|-----|\n|=|SGVq|: |[a-zæ ]){0,30}") {
            for block in blocks(&text) {
                prop_assert!(block.span.end <= text.len());
            }
        }
    }
}
