//! yEnc (yenc.org, version 1.3): every byte plus 42, the few that a line may not hold escaped.

use super::{File, first_line, lines_that_begin};
use crate::message::decode_text;

/// The longest name, in bytes.
const MAX_NAME: usize = 1024;

/// The files in a text; of a file in several parts, the part.
pub(super) fn files(text: &[u8]) -> impl Iterator<Item = File> {
    lines_that_begin(text, b"=ybegin ").map(|at| {
        let (line, mut body) = first_line(&text[at..]);
        if body.starts_with(b"=ypart ") {
            body = first_line(body).1;
        }
        // The search for its end goes no further than the next one, so that all of them together are linear.
        let next = lines_that_begin(body, b"=ybegin ").next();
        let own = &body[..next.unwrap_or(body.len())];
        let bytes = match lines_that_begin(own, b"=yend").next() {
            Some(end) => Ok(decode(&own[..end])),
            None => Err("a file in yEnc that is cut off"),
        };
        let name = memchr::memmem::find(line, b"name=").map(|at| &line[at + 5..]);
        let name = name.map(|name| decode_text(&name[..name.len().min(MAX_NAME)], None, MAX_NAME).trim().to_owned());
        File { name: name.filter(|name| !name.is_empty()), what: "in yEnc", bytes }
    })
}

fn decode(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len());
    let mut escaped = false;
    for byte in body {
        match byte {
            b'\r' | b'\n' => {}
            b'=' if !escaped => escaped = true,
            _ => {
                let shift = if escaped { 42 + 64 } else { 42 };
                bytes.push(byte.wrapping_sub(shift));
                escaped = false;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut text = b"Hej\r\n=ybegin line=128 size=300 name=a b.bin\r\n".to_vec();
            for (index, byte) in bytes.iter().enumerate() {
                match byte.wrapping_add(42) {
                    critical @ (0 | b'\n' | b'\r' | b'=') => text.extend([b'=', critical.wrapping_add(64)]),
                    plain => text.push(plain),
                }
                if index % 128 == 127 {
                    text.extend(b"\r\n");
                }
            }
            text.extend(b"\r\n=yend size=300\r\nfarvel");
            let files: Vec<_> = files(&text).collect();
            // A line of the data may begin like a line of the format, by chance; then more is found.
            prop_assert_eq!(files[0].name.as_deref(), Some("a b.bin"));
            prop_assert_eq!(files[0].bytes.as_ref(), Ok(&bytes));
        }
    }
}
