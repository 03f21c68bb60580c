//! A mailbox in one file (RFC 4155): messages, each after a line that begins with `From `.

use crate::message::{Attachment, Fault, Reading, read_within, within};

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
