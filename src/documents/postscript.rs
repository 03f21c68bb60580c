//! PostScript (Adobe, PostScript Language Reference, 3rd edition): a program that draws pages. It is not run, so that
//! what it shows is not known for certain: the strings in it are read, and it is listed.

use super::plain;
use crate::message::{Attachment, Fault, Reading, Text, decode_text};
use memchr::{memchr2, memmem};

/// How such a program begins; printers' job language may stand before it (PJL), and a header with a preview (EPS).
const BEGINNINGS: [&[u8]; 3] = [b"%!PS", b"\x04%!PS", b"\xc5\xd0\xd3\xc6"];

/// How printers' job language begins.
const JOB: &[u8] = b"\x1b%-12345X";

/// How far on the program begins after it.
const MAX_JOB: usize = 8192;

/// The deepest parentheses in a string that are counted.
const MAX_NESTING: usize = 1000;

/// Whether it is a program in PostScript.
pub(super) fn is_postscript(bytes: &[u8]) -> bool {
    let job = bytes.get(..bytes.len().min(MAX_JOB)).unwrap_or_default();
    BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning))
        || bytes.starts_with(JOB) && memmem::find(job, b"%!PS").is_some()
}

/// Reads the program as text, then the strings that it shows one after the other.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    reading.unreadable(file.place, "PostScript is not run: of what it shows only strings in it are read");
    plain::read(file, reading)?;
    reading.clock(file.place)?;
    let shown = strings(file.bytes);
    let mut text = Text::new();
    text.push(&decode_text(&shown, None, reading.text_left().saturating_add(1)));
    reading.piece(text.into_piece(file.place));
    Ok(())
}

/// The strings of a program (3.2.2). Those between which it does not move to another line are one.
fn strings(bytes: &[u8]) -> Vec<u8> {
    let mut shown = Vec::new();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'(' => rest = literal(after, &mut shown),
            b'<' if after.starts_with(b"<") => rest = &after[1..],
            b'<' => rest = hexadecimal(after, &mut shown),
            b'%' => rest = &after[memchr2(b'\n', b'\r', after).unwrap_or(after.len())..],
            byte if is_regular(*byte) => {
                let end = rest.iter().position(|byte| !is_regular(*byte)).unwrap_or(rest.len());
                let word = &bytes[bytes.len() - rest.len() - 1..bytes.len() - rest.len() + end];
                rest = &rest[end..];
                if moves(word) && shown.last().is_some_and(|last| *last != b'\n') {
                    shown.push(b'\n');
                }
            }
            _ => {}
        }
    }
    shown
}

/// Whether a word is one that moves to where the next string is shown, or a definition, by its usual name.
fn moves(word: &[u8]) -> bool {
    matches!(word, b"moveto" | b"rmoveto" | b"m" | b"M" | b"Td" | b"TD" | b"Tm" | b"T*" | b"showpage" | b"def")
}

fn is_regular(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && byte != 0 && !b"()<>[]{}/%".contains(&byte)
}

/// Takes a string in parentheses; gives what follows it.
fn literal<'b>(bytes: &'b [u8], shown: &mut Vec<u8>) -> &'b [u8] {
    let (mut at, mut open) = (0, 1_usize);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'(' => open = (open + 1).min(MAX_NESTING),
            b')' if open == 1 => break,
            b')' => open -= 1,
            b'\\' => {
                let digits = bytes.get(at..).unwrap_or_default().iter().take(3);
                let octal: Vec<u8> = digits.take_while(|digit| matches!(digit, b'0'..=b'7')).copied().collect();
                if octal.is_empty() {
                    match bytes.get(at) {
                        Some(b'n' | b'r') => shown.push(b'\n'),
                        Some(b't') => shown.push(b'\t'),
                        Some(b'\n' | b'\r' | b'b' | b'f') | None => {}
                        Some(other) => shown.push(*other),
                    }
                    at += 1;
                } else {
                    at += octal.len();
                    shown.push(octal.iter().fold(0_u8, |sum, digit| sum.wrapping_mul(8).wrapping_add(digit - b'0')));
                }
                continue;
            }
            _ => {}
        }
        shown.push(*byte);
    }
    bytes.get(at..).unwrap_or_default()
}

/// Takes a string of hexadecimal digits; gives what follows it.
fn hexadecimal<'b>(bytes: &'b [u8], shown: &mut Vec<u8>) -> &'b [u8] {
    let end = memchr::memchr(b'>', bytes).unwrap_or(bytes.len());
    let digits: Vec<u8> =
        bytes[..end].iter().filter_map(|byte| char::from(*byte).to_digit(16)).map(|digit| digit as u8).collect();
    shown.extend(digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or_default()));
    bytes.get(end + 1..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strings_that_are_shown_one_after_the_other_are_one() {
        for (program, expected) in [
            ("%!PS\n1 2 moveto (CPR 610) show (190-0005) show showpage", "CPR 610190-0005\n"),
            ("<435052203631303139302d30303035> show", "CPR 610190-0005"),
            ("(a) show 1 2 moveto (b) show", "a\nb"),
            ("[(a(b)\\)\\061)-20(c)] TJ", "a(b))1c"),
            ("% (no)\n<< /a (b) >>", "b"),
            ("(open", "open"),
        ] {
            assert_eq!(String::from_utf8_lossy(&strings(program.as_bytes())), expected, "{program}");
        }
        assert!(is_postscript(b"%!PS-Adobe-3.0 EPSF-3.0\n"));
        assert!(is_postscript(b"\x1b%-12345X@PJL\n%!PS-Adobe-3.0\n"));
        assert!(!is_postscript(b"% !PS"));
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            strings(&bytes);
        }

        #[test]
        fn any_program_can_be_read(program in "[()<>\\\\%0-9a-f m\n]{0,60}") {
            strings(program.as_bytes());
        }
    }
}
