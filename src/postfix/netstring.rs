//! Netstrings, the framing of Postfix's socketmap protocol (`src/util/netstring.c`): `12:hello world!,`.

use std::fmt;

/// Why bytes are no netstring that is taken here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NetstringError {
    /// The length is not a number, or has a leading zero.
    Length,
    /// Longer than the limit.
    TooLong,
    /// No comma at the end.
    Terminator,
}

impl fmt::Display for NetstringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "not a netstring",
            Self::TooLong => "netstring too long",
            Self::Terminator => "netstring without its comma",
        })
    }
}

/// Reads one netstring from the front of `bytes`: its payload and how many bytes it took; `None` where more bytes
/// are needed.
///
/// # Errors
/// As soon as the bytes cannot become a netstring of at most `max` bytes of payload.
pub fn decode(bytes: &[u8], max: usize) -> Result<Option<(&[u8], usize)>, NetstringError> {
    let mut length = 0usize;
    for (position, &byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' if position > 0 && length == 0 => return Err(NetstringError::Length),
            b'0'..=b'9' => {
                length = length * 10 + usize::from(byte - b'0');
                if length > max {
                    return Err(NetstringError::TooLong);
                }
            }
            b':' if position > 0 => {
                let start = position + 1;
                return match bytes.get(start + length) {
                    None => Ok(None),
                    Some(b',') => Ok(Some((&bytes[start..start + length], start + length + 1))),
                    Some(_) => Err(NetstringError::Terminator),
                };
            }
            _ => return Err(NetstringError::Length),
        }
    }
    Ok(None)
}

/// Appends a netstring to `out`; its payload is a word and what follows it.
pub fn encode(word: &str, rest: &str, out: &mut Vec<u8>) {
    let mut length = word.len() + rest.len();
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        // Below ten.
        digits[first] = b'0' + (length % 10) as u8;
        length /= 10;
        if length == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
    out.push(b':');
    out.extend_from_slice(word.as_bytes());
    out.extend_from_slice(rest.as_bytes());
    out.push(b',');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decodes_what_postfix_sends_and_nothing_else() {
        for (bytes, expected) in [
            (&b"15:tls example.com,"[..], Ok(Some((&b"tls example.com"[..], 19)))),
            (b"0:,", Ok(Some((b"", 3)))),
            (b"3:abc", Ok(None)),
            (b"3", Ok(None)),
            (b"", Ok(None)),
            (b"3:abcd", Err(NetstringError::Terminator)),
            (b"03:abc,", Err(NetstringError::Length)),
            (b"00:,", Err(NetstringError::Length)),
            (b":abc,", Err(NetstringError::Length)),
            (b"-1:,", Err(NetstringError::Length)),
            (b"99999999999999999999999:", Err(NetstringError::TooLong)),
            (b"101:", Err(NetstringError::TooLong)),
        ] {
            assert_eq!(decode(bytes, 100), expected, "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn round_trip(word in "(OK |TEMP )?", payload in "\\PC{0,200}", rest: Vec<u8>) {
            let mut bytes = Vec::new();
            encode(&word, &payload, &mut bytes);
            let payload = word + &payload;
            let whole = bytes.len();
            bytes.extend(rest);
            prop_assert_eq!(decode(&bytes, 1000), Ok(Some((payload.as_bytes(), whole))));
            for end in 0..whole {
                prop_assert_eq!(decode(&bytes[..end], 1000), Ok(None));
            }
        }

        #[test]
        fn never_panics(bytes: Vec<u8>, max in 0usize..20_000) {
            let _ = decode(&bytes, max);
        }
    }
}
