//! Where digits stand: runs of them, and whether a number stands by itself.

use std::ops::Range;

/// How far back a URL is looked for, and on either side an address, in bytes.
const MAX_TOKEN: usize = 512;

/// Every maximal run of ASCII digits, in order. Linear.
pub(super) struct Runs<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Runs<'t> {
    pub(super) fn of(text: &'t [u8]) -> Self {
        Self { text, at: 0 }
    }
}

impl Iterator for Runs<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        // Blocks are looked at without a branch for each byte, which the compiler makes into vector instructions.
        const BLOCK: usize = 32;
        while let Some(block) = self.text.get(self.at..self.at + BLOCK) {
            if block.iter().fold(false, |any, byte| any | byte.is_ascii_digit()) {
                break;
            }
            self.at += BLOCK;
        }
        let start = self.at + self.text[self.at..].iter().position(u8::is_ascii_digit)?;
        let end = run_end(self.text, start);
        self.at = end;
        Some(start..end)
    }
}

/// The end of the run of digits at `start` (`start` itself where there is none).
pub(super) fn run_end(text: &[u8], start: usize) -> usize {
    let Some(rest) = text.get(start..) else { return text.len() };
    start + rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len())
}

/// What numbers are called where no space stands between name and number.
const LABELS: [&[u8]; 22] = [
    b"ahv",
    b"bsn",
    b"cpr",
    b"cprnr",
    b"fnr",
    b"hetu",
    b"idnr",
    b"insz",
    b"konto",
    b"kontonr",
    b"kto",
    b"nhs",
    b"nino",
    b"nir",
    b"nr",
    b"pesel",
    b"personnr",
    b"personnummer",
    b"pnr",
    b"ssn",
    b"svnr",
    b"tin",
];

/// Whether something at a place is a number of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Setting {
    /// By itself, as people write numbers.
    Alone,
    /// Within a URL, a mail address or a message id, where numbers are made by programs.
    Embedded,
    /// A piece of something longer: a serial number, a GUID, a hash, an amount.
    Piece,
}

/// Looks at what stands on either side.
pub(super) fn setting(text: &[u8], range: &Range<usize>) -> Setting {
    if joined_before(text, range.start) || joined_after(text, range.end) {
        return Setting::Piece;
    }
    if is_embedded(text, range) { Setting::Embedded } else { Setting::Alone }
}

/// Whether it stands within a URL, a mail address or a message id.
pub(super) fn is_embedded(text: &[u8], range: &Range<usize>) -> bool {
    in_url(text, range.start) || in_address(text, range)
}

fn joined_before(text: &[u8], start: usize) -> bool {
    let before = &text[..start];
    match before.last() {
        None => false,
        Some(byte) if byte.is_ascii_alphabetic() => !is_labelled(text, start),
        Some(byte) if byte.is_ascii_digit() || *byte == b'+' => true,
        Some(byte) if !byte.is_ascii() => ends_in_letter(before),
        Some(b'-') => {
            // `CPR-010190…` is a word before a number, `e29b-010190…` is a longer number.
            let token =
                before[..start - 1].iter().rev().take(MAX_TOKEN).take_while(|byte| byte.is_ascii_alphanumeric());
            token.into_iter().any(u8::is_ascii_digit)
        }
        Some(b'.') => before.len() > 1 && before[start - 2].is_ascii_digit(),
        Some(_) => false,
    }
}

/// Whether what a number is called is written right before it: `CPR010190…`.
pub(super) fn is_labelled(text: &[u8], start: usize) -> bool {
    let label = before(text, start, |byte| byte.is_ascii_alphabetic());
    let begins = !text[..start - label.len()].last().is_some_and(|byte| byte.is_ascii_digit() || !byte.is_ascii());
    begins && LABELS.iter().any(|known| label.eq_ignore_ascii_case(known))
}

fn joined_after(text: &[u8], end: usize) -> bool {
    let after = &text[end..];
    match after {
        [] => false,
        [byte, ..] if byte.is_ascii_alphanumeric() => true,
        [byte, ..] if !byte.is_ascii() => begins_with_letter(after),
        [b'-', rest @ ..] => {
            rest.iter().take(MAX_TOKEN).take_while(|byte| byte.is_ascii_alphanumeric()).any(u8::is_ascii_digit)
        }
        [b'.', next, ..] => next.is_ascii_digit(),
        _ => false,
    }
}

fn ends_in_letter(before: &[u8]) -> bool {
    let start = before.len().saturating_sub(4);
    let first = (start..before.len()).find(|&at| before[at] & 0xc0 != 0x80).unwrap_or(start);
    last_char(&before[first..]).is_some_and(char::is_alphanumeric)
}

fn last_char(bytes: &[u8]) -> Option<char> {
    std::str::from_utf8(bytes).ok()?.chars().next_back()
}

fn begins_with_letter(after: &[u8]) -> bool {
    let end = (1..=4.min(after.len())).find(|&length| std::str::from_utf8(&after[..length]).is_ok());
    end.and_then(|end| last_char(&after[..end])).is_some_and(char::is_alphanumeric)
}

fn in_url(text: &[u8], start: usize) -> bool {
    let token = before(text, start, |byte| !byte.is_ascii_whitespace() && !matches!(byte, b'<' | b'>' | b'"' | b'\''));
    token.windows(3).any(|three| three == b"://") || token.windows(4).any(|four| four.eq_ignore_ascii_case(b"www."))
}

fn in_address(text: &[u8], range: &Range<usize>) -> bool {
    let part =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+' | b'%' | b'=' | b'$');
    let after = &text[range.end..];
    let length = after.iter().take(MAX_TOKEN).take_while(|&&byte| part(byte)).count();
    if after.get(length) == Some(&b'@') {
        return true;
    }
    let token = before(text, range.start, part);
    text[..range.start - token.len()].last() == Some(&b'@')
}

fn before(text: &[u8], start: usize, part: impl Fn(u8) -> bool) -> &[u8] {
    let length = text[..start].iter().rev().take(MAX_TOKEN).take_while(|&&byte| part(byte)).count();
    &text[start - length..start]
}

/// Letters and digits of what was found that are shown to people: of most numbers the day or the year of birth, of IBANs
/// the country.
pub(super) const SHOWN: usize = 2;

/// Hides all but the first `shown` letters and digits; what stands between them stays.
pub(super) fn mask(value: &[u8], shown: usize) -> String {
    let mut seen = 0;
    String::from_utf8_lossy(value)
        .chars()
        .map(|character| {
            if !character.is_alphanumeric() {
                return if character.is_whitespace() || character.is_control() { ' ' } else { character };
            }
            seen += 1;
            if seen > shown { '•' } else { character }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_runs() {
        for (text, runs) in [
            ("", &[][..]),
            ("none", &[]),
            ("1", &[(0, 1)]),
            ("a12b345", &[(1, 3), (4, 7)]),
            ("                                        12", &[(40, 42)]),
        ] {
            let found: Vec<_> = Runs::of(text.as_bytes()).map(|run| (run.start, run.end)).collect();
            assert_eq!(found, runs, "{text}");
        }
    }

    #[test]
    fn tells_numbers_from_pieces() {
        use Setting::{Alone, Embedded, Piece};
        // The number is `5555`.
        for (text, expected) in [
            ("5555", Alone),
            ("nr 5555.", Alone),
            ("(5555)", Alone),
            ("CPR-5555", Alone),
            ("CPR5555", Alone),
            ("(cprnr5555)", Alone),
            ("xcpr5555", Piece),
            ("1cpr5555", Piece),
            ("5555-kopi", Alone),
            ("a_5555_b", Alone),
            ("5555.pdf", Alone),
            ("1,5555,6", Alone),
            ("æ 5555 ø", Alone),
            ("»5555«", Alone),
            ("a5555", Piece),
            ("æ5555", Piece),
            ("5555a", Piece),
            ("5555ø", Piece),
            ("1-5555", Piece),
            ("e29b-5555", Piece),
            ("5555-1", Piece),
            ("5555-a1", Piece),
            ("1.5555", Piece),
            ("5555.5", Piece),
            ("+5555", Piece),
            ("https://example.org/a?b=5555", Embedded),
            ("see www.example.org/5555", Embedded),
            ("5555@example.org", Embedded),
            ("<5555.abc=x@example.org>", Embedded),
            ("a@5555.example.org", Embedded),
            ("https://example.org 5555", Alone),
            ("5555,a@example.org", Alone),
        ] {
            let start = text.find("5555").unwrap();
            assert_eq!(setting(text.as_bytes(), &(start..start + 4)), expected, "{text}");
        }
    }

    #[test]
    fn hides_all_but_the_beginning() {
        assert_eq!(mask(b"010136-4321", SHOWN), "01••••-••••");
        assert_eq!(mask(b"01 01 36 - 4321", 4), "01 01 •• - ••••");
        assert_eq!(mask("æb\tc".as_bytes(), 1), "æ• •");
    }

    proptest! {
        #[test]
        fn runs_are_what_a_slow_search_finds(text in "[0-9a-z ]{0,100}") {
            let bytes = text.as_bytes();
            let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
            let slow: Vec<_> = (0..bytes.len())
                .filter(|&at| digit(at) && (at == 0 || !digit(at - 1)))
                .map(|start| start..(start..).find(|&at| !digit(at)).unwrap())
                .collect();
            prop_assert_eq!(Runs::of(bytes).collect::<Vec<_>>(), slow);
        }

        #[test]
        fn any_place_has_a_setting(text in any::<String>(), cut in any::<(prop::sample::Index, prop::sample::Index)>()) {
            let (a, b) = (cut.0.index(text.len() + 1), cut.1.index(text.len() + 1));
            setting(text.as_bytes(), &(a.min(b)..a.max(b)));
        }

        #[test]
        fn a_mask_shows_no_more_than_it_should(value in "\\PC{0,30}", shown in 0_usize..6) {
            let masked = mask(value.as_bytes(), shown);
            prop_assert!(masked.chars().filter(|character| character.is_alphanumeric()).count() <= shown);
        }
    }
}
