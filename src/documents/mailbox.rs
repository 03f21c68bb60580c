//! A mailbox in one file (RFC 4155): messages, each after a line that begins with `From `. And one message as Apple Mail
//! keeps it (.emlx): its length in a line, the message, a property list.

use crate::message::{Attachment, Fault, Reading, is_entity, is_message, read_within, within};

/// Bytes of the line that holds a message's length.
const MAX_COUNT: usize = 20;

/// Reads every message in it.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut rest = file.bytes.trim_ascii_start();
    let mut number = 0_usize;
    while !rest.is_empty() {
        number += 1;
        let (message, following) = rest.split_at(end_of_message(rest));
        let header = memchr::memchr(b'\n', message).map_or(message.len(), |at| at + 1);
        let place = within(file.place, format_args!("message {number}"));
        reading.deeper(&place, 1, |reading| read_within(&message[header..], &place, reading)).unwrap_or(Ok(()))?;
        rest = following;
    }
    Ok(())
}

/// The message and what follows it in a file of Apple Mail's.
pub(super) fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().take(MAX_COUNT).position(|byte| *byte == b'\n')?;
    let length: usize = std::str::from_utf8(&bytes[..end]).ok()?.trim().parse().ok()?;
    let rest = &bytes[end + 1..];
    (is_message(rest) || is_entity(rest)).then(|| rest.split_at(length.min(rest.len())))
}

/// Reads such a file.
pub(super) fn read_counted(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let Some((message, properties)) = counted(file.bytes) else { return Ok(()) };
    read_within(message, file.place, reading)?;
    if !properties.trim_ascii().is_empty() {
        let place = within(file.place, "properties");
        let (name, media_type, charset) = (None, Some("text/xml"), None);
        reading.attachment(&Attachment { place: &place, name, media_type, charset, bytes: properties })?;
    }
    Ok(())
}

/// Where the next message's separator begins; it stands after an empty line.
fn end_of_message(mailbox: &[u8]) -> usize {
    memchr::memmem::find_iter(mailbox, b"\nFrom ")
        .map(|at| at + 1)
        .find(|&at| {
            let before = &mailbox[..at];
            let line = &mailbox[at..];
            let line = &line[..memchr::memchr(b'\n', line).unwrap_or(line.len())];
            (before.ends_with(b"\n\n") || before.ends_with(b"\n\r\n")) && is_separator(line)
        })
        .unwrap_or(mailbox.len())
}

/// Whether a line parts messages: a word and a date with the time of day in it.
pub(super) fn is_separator(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"From ") else { return false };
    rest.windows(5).any(|time| match time {
        [hour @ .., b':', a, b] => hour.iter().chain([a, b]).all(u8::is_ascii_digit),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Limits, Unread};
    use std::time::{Duration, Instant};

    #[test]
    fn a_message_may_stand_after_its_length() {
        let (message, rest) = counted(b"27    \nFrom: a\nSubject: b\n\nHej du\n<?xml?>").unwrap();
        assert_eq!((message, rest), (&b"From: a\nSubject: b\n\nHej du\n"[..], &b"<?xml?>"[..]));
        assert_eq!(counted(b"999\nMIME-Version: 1.0\n\nx").unwrap().1, b"");
        assert!(counted(b"27\nHej, du").is_none() && counted(b"x").is_none() && counted(b"").is_none());
    }

    #[test]
    fn every_message_is_read() {
        let mailbox = b"From a Mon Jan  1 12:00:00 2024\nSubject: one\n\nfirst\nFrom here on\n\nFrom the book\n\n\
            From b Mon Jan  1 12:00:00 2024\r\nSubject: two\r\n\r\nsecond\r\n";
        let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &Unread);
        let file = Attachment { place: "a", name: None, media_type: None, charset: None, bytes: mailbox };
        read(&file, &mut reading).unwrap();
        let document = reading.finish();
        let pieces: Vec<_> = document.pieces.iter().map(|piece| (piece.place.as_str(), piece.text.trim())).collect();
        assert_eq!(
            pieces,
            [
                ("a > message 1 > subject", "one"),
                ("a > message 1 > text", "first\nFrom here on\n\nFrom the book"),
                ("a > message 2 > subject", "two"),
                ("a > message 2 > text", "second"),
            ]
        );
    }
}
