//! SMTP replies (RFC 5321 section 4.2), from a server that may be anything: a pure reader with bounds.

/// The longest reply line taken, in bytes with its line end. RFC 5321 allows 512; Postfix takes 2048
/// (`line_length_limit`).
pub(super) const LINE_MAX: usize = 2048;

/// The most lines that one reply may have. Large servers announce about twenty extensions.
pub(super) const LINES_MAX: usize = 100;

/// The longest piece of a server's words that is quoted to people, in characters.
const QUOTE_MAX: usize = 120;

/// One reply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Reply {
    /// The three digits of the last line.
    pub(super) code: u16,
    /// The text of each line, made safe to print.
    pub(super) lines: Vec<String>,
}

/// Why what a server sent is no reply.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum ReplyError {
    /// A line that never ends.
    #[error("a reply line of more than {LINE_MAX} bytes")]
    LineTooLong,
    /// A reply that never ends.
    #[error("a reply of more than {LINES_MAX} lines")]
    TooManyLines,
    /// Not SMTP.
    #[error("no SMTP reply: \"{0}\"")]
    Malformed(String),
}

impl Reply {
    /// Reads one reply from the start of what has come in: the reply and how many bytes it took, or `None` when
    /// more must come.
    pub(super) fn parse(input: &[u8]) -> Result<Option<(Self, usize)>, ReplyError> {
        let mut lines = Vec::new();
        let mut at = 0;
        while let Some(length) = input[at..].iter().position(|byte| *byte == b'\n') {
            if length >= LINE_MAX {
                return Err(ReplyError::LineTooLong);
            }
            let line = &input[at..at + length];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            at += length + 1;
            let (code, last, text) = split(line).ok_or_else(|| ReplyError::Malformed(printable(line)))?;
            lines.push(printable(text));
            if last {
                return Ok(Some((Self { code, lines }, at)));
            }
            if lines.len() == LINES_MAX {
                return Err(ReplyError::TooManyLines);
            }
        }
        if input.len() - at >= LINE_MAX {
            return Err(ReplyError::LineTooLong);
        }
        Ok(None)
    }

    /// Whether a reply to EHLO announces an extension (RFC 5321 section 4.1.1.1: the first line is the server's
    /// name, each further one a keyword and its parameters).
    pub(super) fn announces(&self, keyword: &str) -> bool {
        let mut keywords = self.lines.iter().skip(1).filter_map(|line| line.split([' ', '\t', '=']).next());
        keywords.any(|announced| announced.eq_ignore_ascii_case(keyword))
    }

    /// The reply in short, to be quoted: `554 No service here`.
    pub(super) fn quote(&self) -> String {
        let text = self.lines.iter().map(String::as_str).find(|line| !line.is_empty()).unwrap_or_default();
        let text: String = text.chars().take(QUOTE_MAX).collect();
        format!("{} {text}", self.code).trim_end().to_owned()
    }
}

/// Code, whether it is the last line, text.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !matches!(digits[0], b'2'..=b'5') || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest {
        [] => Some((code, true, rest)),
        [b' ', text @ ..] => Some((code, true, text)),
        [b'-', text @ ..] => Some((code, false, text)),
        _ => None,
    }
}

/// Printable ASCII stays; all else, which could write to a terminal or forge a log line, becomes `?`.
fn printable(text: &[u8]) -> String {
    text.iter()
        .take(LINE_MAX)
        .map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '?' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Option<(Reply, usize)>, ReplyError> {
        Reply::parse(text.as_bytes())
    }

    #[test]
    fn reads_replies() {
        for (text, code, lines) in [
            ("220 mx.example ESMTP\r\n", 220, vec!["mx.example ESMTP"]),
            ("220\r\n", 220, vec![""]),
            ("220 bare line feed\n", 220, vec!["bare line feed"]),
            ("250-mx.example\r\n250-SIZE 1\r\n250 HELP\r\n", 250, vec!["mx.example", "SIZE 1", "HELP"]),
            ("250-a\r\n550 changed its mind\r\n", 550, vec!["a", "changed its mind"]),
            ("250 \x1b[2J\u{7f}\r\n", 250, vec!["?[2J?"]),
        ] {
            let (reply, used) = parse(text).unwrap().unwrap();
            assert_eq!(
                (reply.code, reply.lines, used),
                (code, lines.iter().map(|l| (*l).to_owned()).collect(), text.len())
            );
        }
    }

    #[test]
    fn stops_at_the_end_of_the_reply() {
        let (reply, used) = parse("220 go\r\nEHLO injected\r\n").unwrap().unwrap();
        assert_eq!((reply.code, used), (220, 8));
    }

    #[test]
    fn waits_for_more() {
        for text in ["", "2", "220", "220 half", "250-first\r\n", "250-first\r\n250"] {
            assert_eq!(parse(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_reply() {
        for text in
            ["\r\n", "SSH-2.0-x\r\n", "22\r\n", "2200 x\r\n", "220x\r\n", "120 x\r\n", "620 x\r\n", "\u{16}\u{3}\r\n"]
        {
            assert!(matches!(parse(text), Err(ReplyError::Malformed(_))), "{text:?}");
        }
    }

    #[test]
    fn bounds_lines_and_their_number() {
        let longest = format!("220 {}\r\n", "a".repeat(LINE_MAX - 6));
        assert_eq!(longest.len(), LINE_MAX);
        assert!(parse(&longest).unwrap().is_some());
        assert_eq!(parse(&format!("220 {}\r\n", "a".repeat(LINE_MAX - 5))), Err(ReplyError::LineTooLong));
        assert_eq!(parse(&format!("220 {}", "a".repeat(LINE_MAX - 4))), Err(ReplyError::LineTooLong));
        assert!(parse(&format!("{}250 x\r\n", "250-x\r\n".repeat(LINES_MAX - 1))).unwrap().is_some());
        assert_eq!(parse(&"250-x\r\n".repeat(LINES_MAX)), Err(ReplyError::TooManyLines));
    }

    #[test]
    fn finds_extensions_as_postfix_does() {
        for (reply, offered) in [
            ("250-mx\r\n250 STARTTLS\r\n", true),
            ("250-mx\r\n250-starttls\r\n250 HELP\r\n", true),
            ("250-mx\r\n250 STARTTLS now\r\n", true),
            ("250-STARTTLS\r\n250 HELP\r\n", false),
            ("250 STARTTLS\r\n", false),
            ("250-mx\r\n250 XSTARTTLS\r\n", false),
            ("250-mx\r\n250 XXXXXXXA\r\n", false),
            ("250-mx\r\n250 HELP STARTTLS\r\n", false),
        ] {
            let (parsed, _) = parse(reply).unwrap().unwrap();
            assert_eq!(parsed.announces("STARTTLS"), offered, "{reply:?}");
        }
    }

    proptest! {
        #[test]
        fn takes_anything_without_panic_and_within_bounds(input in proptest::collection::vec(any::<u8>(), 0..6000)) {
            if let Ok(Some((reply, used))) = Reply::parse(&input) {
                prop_assert!(used <= input.len() && reply.lines.len() <= LINES_MAX);
                prop_assert!((200..600).contains(&reply.code));
                prop_assert!(reply.lines.iter().all(|line| line.bytes().all(|b| (b' '..=b'~').contains(&b))));
            }
        }

        #[test]
        fn the_way_it_is_cut_up_changes_nothing(
            texts in proptest::collection::vec("[ -~]{0,30}", 1..6), cut in 0usize..200
        ) {
            let last = texts.len() - 1;
            let wire: String = texts.iter().enumerate()
                .map(|(n, text)| format!("250{}{text}\r\n", if n == last { ' ' } else { '-' })).collect();
            let whole = parse(&wire).unwrap().unwrap();
            prop_assert_eq!(&whole.0.lines, &texts);
            let cut = cut.min(wire.len());
            if cut < wire.len() {
                prop_assert_eq!(parse(&wire[..cut]), Ok(None));
            }
        }
    }
}
