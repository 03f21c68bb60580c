//! Uuencode (POSIX.1, `uuencode`), in both of its encodings.

use super::{File, first_line, lines_that_begin};
use crate::message::{decode_text, transfer};

/// The longest name, in bytes.
const MAX_NAME: usize = 1024;

/// Bytes that lines may lack, since spaces at their end were cut off; and those that they may have more, as checksums.
const LACK: usize = 24;
const MORE: usize = 2;

/// The files in a text, one after another.
pub(super) fn files(text: &[u8]) -> impl Iterator<Item = File> {
    let mut from = 0;
    lines_that_begin(text, b"begin").filter_map(move |at| {
        if at < from {
            return None;
        }
        let (line, body) = first_line(&text[at..]);
        let (name, is_base64) = begin(line)?;
        let (bytes, rest) = if is_base64 { base64(body) } else { lines(body)? };
        from = text.len() - rest.len();
        let name = decode_text(&name[..name.len().min(MAX_NAME)], None, MAX_NAME).trim().to_owned();
        Some(File { name: Some(name).filter(|name| !name.is_empty()), what: "uuencoded", bytes })
    })
}

/// `begin 644 name`, `begin-base64 644 name`: the name, and which of both it is.
fn begin(line: &[u8]) -> Option<(&[u8], bool)> {
    let rest = line.strip_prefix(b"begin")?;
    let (rest, is_base64) = match rest.strip_prefix(b"-base64") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let rest = rest.strip_prefix(b" ")?.trim_ascii_start();
    let digits = rest.iter().take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    let name = rest.get(digits..)?;
    ((3..=5).contains(&digits) && (name.is_empty() || name[0] == b' ')).then_some((name, is_base64))
}

type Decoded<'a> = (Result<Vec<u8>, &'static str>, &'a [u8]);

/// Lines up to `end`. `None`: what follows `begin` is no such line, so that it was a word of the text.
fn lines(mut rest: &[u8]) -> Option<Decoded<'_>> {
    let mut bytes = Vec::new();
    let mut any = false;
    loop {
        let (line, after) = first_line(rest);
        if line.trim_ascii_end() == b"end" {
            return any.then_some((Ok(bytes), after));
        }
        // Some programs put an empty line before `end`.
        let is_empty = line.trim_ascii().is_empty() && !after.is_empty() && any;
        if !is_empty && decode_line(line, &mut bytes).is_none() {
            let reason = "a uuencoded file that is cut off or broken";
            return any.then_some((Err(reason), rest));
        }
        any = true;
        rest = after;
    }
}

/// A character for the number of bytes, then four characters for every three bytes.
fn decode_line(line: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    let (length, data) = line.split_first()?;
    let sextet = |byte: u8| matches!(byte, b' '..=b'`').then(|| byte.wrapping_sub(b' ') & 0x3f);
    let length = usize::from(sextet(*length)?);
    let needed = length.div_ceil(3) * 4;
    if data.len() + LACK < needed || data.len() > needed + MORE {
        return None;
    }
    let start = bytes.len();
    for group in data[..data.len().min(needed)].chunks(4) {
        let mut value = 0_u32;
        for index in 0..4 {
            value = value << 6 | u32::from(sextet(group.get(index).copied().unwrap_or(b' '))?);
        }
        bytes.extend_from_slice(&value.to_be_bytes()[1..]);
    }
    bytes.resize(start + length, 0);
    Some(())
}

/// Base64 up to `====`.
fn base64(body: &[u8]) -> Decoded<'_> {
    let end = lines_that_begin(body, b"====").next();
    let (bytes, clean) = transfer::base64(&body[..end.unwrap_or(body.len())]);
    let rest = end.map_or(&[][..], |end| first_line(&body[end..]).1);
    (if clean { Ok(bytes) } else { Err("a uuencoded file that is cut off or broken") }, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str) -> Vec<(Option<String>, Option<Vec<u8>>)> {
        files(text.as_bytes()).map(|file| (file.name, file.bytes.ok())).collect()
    }

    #[test]
    fn files_are_found_among_text() {
        let name = |name: &str| Some(name.to_owned());
        for (text, expected) in [
            ("Hej\nbegin 644 a b.txt\n#2&5J\n`\nend\nfarvel", vec![(name("a b.txt"), Some(b"Hej".to_vec()))]),
            ("begin 644 a\r\n#2&5J\r\n \r\nend\r\n", vec![(name("a"), Some(b"Hej".to_vec()))]),
            (
                "begin 644 a\n#2&5J\n`\nend\nbegin 644 b\n#2&5J\nend",
                vec![(name("a"), Some(b"Hej".to_vec())), (name("b"), Some(b"Hej".to_vec()))],
            ),
            ("begin-base64 644 a\nSGVq\n====\n", vec![(name("a"), Some(b"Hej".to_vec()))]),
            ("begin 644 a\n#2&5J\nog mere tekst", vec![(name("a"), None)]),
            ("begin 6 apples\nbegin 644 x\nword", vec![]),
            ("begin 644 x\nend", vec![]),
            ("beginning 644 x", vec![]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_looked_at(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            files(&[b"begin 644 x\n", &bytes[..], b"\nend"].concat()).count();
        }

        #[test]
        fn what_was_encoded_comes_back(bytes in proptest::collection::vec(any::<u8>(), 1..200)) {
            let mut text = b"begin 644 x\n".to_vec();
            let character = |sextet: u8| if sextet == 0 { b'`' } else { sextet + b' ' };
            for line in bytes.chunks(45) {
                text.push(character(line.len() as u8));
                for group in line.chunks(3) {
                    let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
                    let value = byte(0) << 16 | byte(1) << 8 | byte(2);
                    text.extend([18, 12, 6, 0].map(|shift| character((value >> shift & 0x3f) as u8)));
                }
                text.push(b'\n');
            }
            text.extend(b"`\nend\n");
            let decoded: Vec<_> = files(&text).map(|file| file.bytes.unwrap()).collect();
            prop_assert_eq!(decoded, vec![bytes]);
        }
    }
}
