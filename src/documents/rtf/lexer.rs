//! Bytes of RTF -> its tokens (Rich Text Format specification 1.9.1, "Basic Entities").

/// Letters of the longest control word; the specification allows 32.
const MAX_WORD: usize = 32;

/// Digits of a parameter; the specification allows ten.
const MAX_DIGITS: usize = 10;

/// What stands next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Token<'a> {
    /// `{`
    Open,
    /// `}`
    Close,
    /// A control word and its parameter.
    Word(&'a [u8], Option<i32>),
    /// A control symbol: a backslash and something that is no letter.
    Symbol(u8),
    /// `\'hh`
    Hex(u8),
    Text(&'a [u8]),
    /// What follows `\binN`.
    Binary(&'a [u8]),
}

/// Reads tokens, to the last byte.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    rest: &'a [u8],
}

impl<'a> Lexer<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn control(&mut self) -> Option<Token<'a>> {
        let first = *self.rest.first()?;
        if !first.is_ascii_alphabetic() {
            self.take(1);
            if first != b'\'' {
                return Some(Token::Symbol(first));
            }
            let digit = |index: usize| self.rest.get(index).and_then(|&byte| char::from(byte).to_digit(16));
            let (Some(high), Some(low)) = (digit(0), digit(1)) else { return Some(Token::Symbol(first)) };
            self.take(2);
            return Some(Token::Hex((high << 4 | low) as u8));
        }
        let letters = self.rest.iter().take(MAX_WORD).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let word = self.take(letters);
        let negative = self.rest.first() == Some(&b'-') && self.rest.get(1).is_some_and(u8::is_ascii_digit);
        if negative {
            self.take(1);
        }
        let digits = self.rest.iter().take(MAX_DIGITS).take_while(|byte| byte.is_ascii_digit()).count();
        let number = self
            .take(digits)
            .iter()
            .fold(0_i32, |number, digit| number.saturating_mul(10).saturating_add(i32::from(digit - b'0')));
        let parameter = (digits > 0).then_some(if negative { -number } else { number });
        if self.rest.first() == Some(&b' ') {
            self.take(1);
        }
        if word == b"bin" {
            let length = parameter.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
            return Some(Token::Binary(self.take(length)));
        }
        Some(Token::Word(word, parameter))
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            match *self.rest.first()? {
                b'{' => {
                    self.take(1);
                    return Some(Token::Open);
                }
                b'}' => {
                    self.take(1);
                    return Some(Token::Close);
                }
                b'\\' => {
                    self.take(1);
                    return self.control();
                }
                b'\r' | b'\n' => {
                    self.take(1);
                }
                _ => {
                    let special = |byte: &u8| matches!(byte, b'{' | b'}' | b'\\' | b'\r' | b'\n');
                    let length = self.rest.iter().position(special).unwrap_or(self.rest.len());
                    return Some(Token::Text(self.take(length)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_apart() {
        use Token::{Binary, Close, Hex, Open, Symbol, Text, Word};
        for (rtf, tokens) in [
            (&b"{\\rtf1 a}"[..], &[Open, Word(b"rtf", Some(1)), Text(b"a"), Close][..]),
            (b"\\b  a", &[Word(b"b", None), Text(b" a")]),
            (b"\\u-10179?", &[Word(b"u", Some(-10179)), Text(b"?")]),
            (b"a-\\li-x", &[Text(b"a-"), Word(b"li", None), Text(b"-x")]),
            (b"\\'e6\\'zz", &[Hex(0xe6), Symbol(b'\''), Text(b"zz")]),
            (b"\\*\\~\\\\\\{", &[Symbol(b'*'), Symbol(b'~'), Symbol(b'\\'), Symbol(b'{')]),
            (b"\\bin3 }}}a", &[Binary(b"}}}"), Text(b"a")]),
            (b"\\bin99999999999 ab", &[Binary(b"9 ab")]),
            (b"\\bin-3 ab", &[Binary(b""), Text(b"ab")]),
            (b"a\r\nb", &[Text(b"a"), Text(b"b")]),
            (b"\\", &[]),
        ] {
            assert_eq!(Lexer::new(rtf).collect::<Vec<_>>(), tokens, "{}", String::from_utf8_lossy(rtf));
        }
    }
}
