//! Base64 that nothing announces: parts of a message whose header was lost or shown as text, attachments in a notice of
//! non-delivery, a body whose encoding was not said.

use super::{File, first_line};
use crate::message::{Signature, transfer};
use std::ops::Range;

/// Lines of one and the same length that make a block.
const LINES: usize = 3;

/// How long such lines are; every program writes 60 to 76 characters, but for those that write a single line.
const LENGTHS: std::ops::RangeInclusive<usize> = 40..=1024;

/// The shortest text that is base64 as a whole.
const SHORTEST: usize = 16;

/// Different characters that a block has, so that rulers and tables are none.
const DIFFERENT: usize = 16;

/// The blocks in a text, but for what stands in spans that are known already (in order).
pub(super) fn files(text: &str, known: &[Range<usize>]) -> Vec<File> {
    let file = |bytes| File { name: None, what: "base64", bytes: Ok(bytes) };
    let bytes = text.as_bytes();
    if known.is_empty()
        && let Some(decoded) = whole(bytes.trim_ascii())
    {
        return vec![file(decoded)];
    }
    let mut files = Vec::new();
    let mut known = known.iter().peekable();
    let mut at = 0;
    while at < bytes.len() {
        if let Some(span) = known.next_if(|span| span.start <= at) {
            at = at.max(span.end);
            continue;
        }
        let until = known.peek().map_or(bytes.len(), |span| span.start);
        let (line, rest) = first_line(&bytes[at..until]);
        let length = block(&bytes[at..until], line.len()).unwrap_or(0);
        if length > 0 {
            files.push(file(transfer::base64(&bytes[at..at + length]).0));
            at += length;
        } else {
            at = until - rest.len();
        }
    }
    files
}

/// How long a block is that stands here, in bytes.
fn block(text: &[u8], width: usize) -> Option<usize> {
    if !LENGTHS.contains(&width) || !width.is_multiple_of(4) {
        return None;
    }
    let mut rest = text;
    let mut lines = 0;
    let mut end = 0;
    loop {
        let (line, after) = first_line(rest);
        let is_last = line.len() != width;
        if line.is_empty() || line.len() > width || !is_base64(line) {
            break;
        }
        lines += 1;
        rest = after;
        end = text.len() - rest.len();
        if is_last || line.ends_with(b"=") {
            break;
        }
    }
    (lines >= LINES && is_varied(&text[..end])).then_some(end)
}

/// A text that is nothing but base64 and becomes something that can be read.
fn whole(text: &[u8]) -> Option<Vec<u8>> {
    let first = first_line(text).0;
    if text.len() < SHORTEST || !is_base64(first) {
        return None;
    }
    let is_all = text.split(|byte| *byte == b'\n').all(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.len() <= first.len() && is_base64(line)
    });
    let characters = text.iter().filter(|byte| !byte.is_ascii_whitespace()).count();
    if !is_all || !characters.is_multiple_of(4) {
        return None;
    }
    let decoded = transfer::base64(text).0;
    let is_text = std::str::from_utf8(&decoded).is_ok_and(|text| {
        text.chars().all(|character| !character.is_control() || matches!(character, '\n' | '\r' | '\t'))
    });
    let is_block = block(text, first.len()).is_some_and(|length| length == text.len());
    (is_text || is_block || Signature::of(&decoded).is_some()).then_some(decoded)
}

/// Letters, digits, `+` and `/`, and `=` at the end.
fn is_base64(line: &[u8]) -> bool {
    let padding = line.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    line[..line.len() - padding].iter().all(plain)
}

/// Whether it has so many different characters as base64 of anything has, and more than hexadecimal digits.
fn is_varied(text: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in text {
        seen[usize::from(*byte)] = true;
    }
    let hexadecimal = text.iter().all(|byte| byte.is_ascii_hexdigit() || byte.is_ascii_whitespace());
    !hexadecimal && seen.iter().filter(|seen| **seen).count() >= DIFFERENT
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Lines of 40 characters, and what is left.
    const BLOCK: &str = "SGVyIGVyIGV0IGJyZXYgb20gQW5uYSwgc29tIGlu
Z2VuIGtlbmRlciwgb2cgaGVuZGVzIG51bW1lciBl
ciA2MTAxOTAtMDAwNSBvZyBpa2tlIGV0IGFuZGV0
Lg==";

    fn found(text: &str) -> Vec<String> {
        let text_of = |file: File| String::from_utf8_lossy(&file.bytes.unwrap()).into_owned();
        files(text, &[]).into_iter().map(text_of).collect()
    }

    #[test]
    fn base64_is_found_where_nothing_announces_it() {
        let letter = "Her er et brev om Anna, som ingen kender, og hendes nummer er 610190-0005 og ikke et andet.";
        for (text, expected) in [
            (BLOCK.to_owned(), vec![letter]),
            (BLOCK.replace('\n', "\r\n"), vec![letter]),
            (format!("Hej\n\n{BLOCK}\n\nfarvel\n{BLOCK}\n--x"), vec![letter, letter]),
            ("SGVqLCBkdSBkZXIu".to_owned(), vec!["Hej, du der."]),
            ("abcdefghijklmnop".to_owned(), vec![]),
            ("Et langt brev, som ikke er andet end tekst.\n".repeat(10), vec![]),
            ("////////////////////////////////////////\n".repeat(5), vec![]),
            ("0123456789abcdef0123456789abcdef01234567\n".repeat(5), vec![]),
            (String::new(), vec![]),
        ] {
            assert_eq!(found(&text), expected, "{text}");
        }
        let known = 4..500;
        assert!(files(&format!("Hej\n{BLOCK}"), std::slice::from_ref(&known)).is_empty());
    }

    proptest! {
        #[test]
        fn any_text_can_be_looked_at(text in "([A-Za-z0-9+/]{40}\n|[A-Za-z=]{0,50}|\r\n|\n|æ){0,20}", a in 0_usize..50, b in 0_usize..50) {
            files(&text, &[]);
            let end = text.len();
            let known = a.min(b).min(end)..a.max(b).min(end);
            files(&text, std::slice::from_ref(&known));
        }
    }
}
