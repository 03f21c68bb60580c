//! The syntax of content streams (ISO 32000-2, 7.8.2): bytes -> operators with their operands. Whatever is malformed is
//! passed over, so that what comes after it is read.

use std::borrow::Cow;

/// Operands before one operator; the operators that have most have six and a few colours.
const MAX_OPERANDS: usize = 64;

/// Arrays and dictionaries within one another.
const MAX_DEPTH: usize = 16;

/// Bytes after the end of a picture's data that are looked at to tell it from the same two letters within the data.
const AFTER_DATA: usize = 12;

/// What stands before an operator.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand<'a> {
    Number(f64),
    Text(Cow<'a, [u8]>),
    Name(Cow<'a, [u8]>),
    Array(Vec<Operand<'a>>),
    /// Keys and values in turn.
    Dict(Vec<Operand<'a>>),
}

impl<'a> Operand<'a> {
    /// The value of a key of a dictionary.
    pub(super) fn entry(&self, key: &str) -> Option<&Self> {
        let Self::Dict(entries) = self else { return None };
        let mut pairs = entries.chunks_exact(2);
        pairs.find(|pair| matches!(&pair[0], Operand::Name(name) if **name == *key.as_bytes())).map(|pair| &pair[1])
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn name(&self) -> Option<&[u8]> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }
}

/// A token.
enum Token<'a> {
    Operand(Operand<'a>),
    Open(u8),
    Close(u8),
    Word(&'a [u8]),
}

/// The operators of a stream.
pub(super) struct Operators<'a> {
    data: &'a [u8],
    at: usize,
    operands: Vec<Operand<'a>>,
}

impl<'a> Operators<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, operands: Vec::new() }
    }

    /// What stood before the operator that came last.
    pub(super) fn operands(&self) -> &[Operand<'a>] {
        &self.operands
    }

    /// The next operator. The whole of an inline picture is one, `BI`, with its dictionary as the operand.
    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        self.operands.clear();
        // Arrays and dictionaries that are open: whether it is a dictionary, and what is in it.
        let mut open: Vec<(bool, Vec<Operand<'a>>)> = Vec::new();
        loop {
            let operand = match self.token()? {
                Token::Operand(operand) => operand,
                Token::Open(kind) => {
                    if open.len() < MAX_DEPTH {
                        open.push((kind == b'<', Vec::new()));
                    }
                    continue;
                }
                Token::Close(kind) => match open.pop() {
                    Some((true, entries)) => Operand::Dict(entries),
                    Some((false, items)) if kind == b']' => Operand::Array(items),
                    _ => continue,
                },
                Token::Word(word) => {
                    if let Some((_, items)) = open.last_mut() {
                        // An operator in an array that never ended: what was in it counts.
                        if !is_operator(word) {
                            items.push(Operand::Name(Cow::Borrowed(word)));
                            continue;
                        }
                        while let Some((_, items)) = open.pop() {
                            self.operands.push(Operand::Array(items));
                        }
                    }
                    if word == b"BI" {
                        self.picture();
                    }
                    return Some(word);
                }
            };
            match open.last_mut() {
                Some((_, items)) => items.push(operand),
                None => {
                    if self.operands.len() >= MAX_OPERANDS {
                        self.operands.clear();
                    }
                    self.operands.push(operand);
                }
            }
        }
    }

    /// Reads the dictionary of an inline picture (8.9.7) and passes over its data.
    fn picture(&mut self) {
        let mut entries = Vec::new();
        loop {
            match self.token() {
                Some(Token::Operand(operand)) if entries.len() < MAX_OPERANDS => entries.push(operand),
                Some(Token::Word(b"ID")) => break,
                Some(Token::Word(word)) if entries.len() < MAX_OPERANDS => {
                    entries.push(Operand::Name(Cow::Borrowed(word)));
                }
                Some(_) => {}
                None => return,
            }
        }
        self.operands = vec![Operand::Dict(entries)];
        let rest = self.data.get(self.at..).unwrap_or_default();
        let end = memchr::memmem::find_iter(rest, b"EI").find(|end| {
            let before = end.checked_sub(1).and_then(|before| rest.get(before));
            let after = rest.get(end + 2..).unwrap_or_default();
            before.is_none_or(|byte| is_white(*byte))
                && after.first().is_none_or(|byte| is_white(*byte))
                && after.iter().take(AFTER_DATA).all(|byte| byte.is_ascii_graphic() || is_white(*byte) && *byte != 0)
        });
        self.at = end.map_or(self.data.len(), |end| self.at + end + 2);
    }

    fn token(&mut self) -> Option<Token<'a>> {
        loop {
            let byte = *self.data.get(self.at)?;
            match byte {
                b'0'..=b'9' | b'+' | b'-' | b'.' => return Some(self.number()),
                b'(' => return Some(Token::Operand(Operand::Text(self.string()))),
                b'<' if self.data.get(self.at + 1) == Some(&b'<') => {
                    self.at += 2;
                    return Some(Token::Open(b'<'));
                }
                b'<' => return Some(Token::Operand(Operand::Text(Cow::Owned(self.hexadecimal())))),
                b'>' => {
                    let double = self.data.get(self.at + 1) == Some(&b'>');
                    self.at += 1 + usize::from(double);
                    if double {
                        return Some(Token::Close(b'>'));
                    }
                }
                b'[' | b'{' => {
                    self.at += 1;
                    return Some(Token::Open(b'['));
                }
                b']' | b'}' => {
                    self.at += 1;
                    return Some(Token::Close(b']'));
                }
                b'/' => {
                    self.at += 1;
                    return Some(Token::Operand(Operand::Name(unescaped_name(self.word()))));
                }
                b'%' => {
                    let rest = self.data.get(self.at..).unwrap_or_default();
                    self.at += memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                }
                byte if is_white(byte) || byte == b')' => self.at += 1,
                _ => return Some(Token::Word(self.word())),
            }
        }
    }

    fn word(&mut self) -> &'a [u8] {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|byte| !is_regular(*byte)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// A number; some programs write two signs, or a sign within.
    fn number(&mut self) -> Token<'a> {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.');
        let end = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        self.at += end.max(1);
        let digits = rest.get(..end).unwrap_or_default();
        let negative = digits.first() == Some(&b'-');
        let (mut value, mut scale, mut fraction) = (0.0_f64, 1.0_f64, false);
        for (index, byte) in digits.iter().enumerate() {
            match byte {
                b'0'..=b'9' if fraction => {
                    scale /= 10.0;
                    value += f64::from(byte - b'0') * scale;
                }
                b'0'..=b'9' => value = value * 10.0 + f64::from(byte - b'0'),
                b'.' if !fraction => fraction = true,
                b'-' | b'+' if value == 0.0 && !fraction && index < 2 => {}
                _ => break,
            }
        }
        Token::Operand(Operand::Number(if negative { -value } else { value }))
    }

    /// A string in parentheses (7.3.4.2).
    fn string(&mut self) -> Cow<'a, [u8]> {
        let start = self.at + 1;
        let rest = self.data.get(start..).unwrap_or_default();
        if let Some(end) = memchr::memchr3(b')', b'\\', b'(', rest)
            && rest.get(end) == Some(&b')')
            && memchr::memchr(b'\r', rest.get(..end).unwrap_or_default()).is_none()
        {
            self.at = start + end + 1;
            return Cow::Borrowed(rest.get(..end).unwrap_or_default());
        }
        let mut bytes = Vec::new();
        let mut depth = 0;
        let mut at = start;
        while let Some(byte) = self.data.get(at).copied() {
            at += 1;
            match byte {
                b'(' => depth += 1,
                b')' if depth == 0 => break,
                b')' => depth -= 1,
                b'\\' => {
                    let Some(escaped) = self.data.get(at).copied() else { break };
                    at += 1;
                    match escaped {
                        b'n' => bytes.push(b'\n'),
                        b'r' => bytes.push(b'\r'),
                        b't' => bytes.push(b'\t'),
                        b'b' => bytes.push(8),
                        b'f' => bytes.push(12),
                        b'\r' => at += usize::from(self.data.get(at) == Some(&b'\n')),
                        b'\n' => {}
                        b'0'..=b'7' => {
                            let mut code = u16::from(escaped - b'0');
                            for _ in 0..2 {
                                let Some(digit @ b'0'..=b'7') = self.data.get(at) else { break };
                                code = code << 3 | u16::from(digit - b'0');
                                at += 1;
                            }
                            bytes.push(code as u8);
                        }
                        other => bytes.push(other),
                    }
                    continue;
                }
                b'\r' => {
                    at += usize::from(self.data.get(at) == Some(&b'\n'));
                    bytes.push(b'\n');
                    continue;
                }
                _ => {}
            }
            bytes.push(byte);
        }
        self.at = at;
        Cow::Owned(bytes)
    }

    fn hexadecimal(&mut self) -> Vec<u8> {
        let rest = self.data.get(self.at + 1..).unwrap_or_default();
        let end = memchr::memchr(b'>', rest).unwrap_or(rest.len());
        self.at += end + 2;
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        let mut bytes = Vec::with_capacity(end / 2 + 1);
        let mut high = None;
        for digit in rest.get(..end).unwrap_or_default().iter().filter_map(digit) {
            match high.take() {
                Some(high) => bytes.push((high << 4 | digit) as u8),
                None => high = Some(digit),
            }
        }
        bytes.extend(high.map(|high| (high << 4) as u8));
        bytes
    }
}

/// `#` and two digits in a name stand for a byte (7.3.5).
fn unescaped_name(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.contains(&b'#') {
        return Cow::Borrowed(name);
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        let digit = |index: usize| after.get(index).and_then(|byte| char::from(*byte).to_digit(16));
        if *first == b'#'
            && let (Some(high), Some(low)) = (digit(0), digit(1))
        {
            bytes.push((high << 4 | low) as u8);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    Cow::Owned(bytes)
}

/// Whether a word that stands within an array shows that the array has ended.
fn is_operator(word: &[u8]) -> bool {
    matches!(
        word,
        b"TJ" | b"Tj" | b"ET" | b"BT" | b"Td" | b"TD" | b"Tm" | b"Tf" | b"T*" | b"BDC" | b"EMC" | b"Q" | b"q"
    )
}

fn is_white(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ')
}

fn is_regular(byte: u8) -> bool {
    !is_white(byte) && !matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen(source: &[u8]) -> String {
        let mut operators = Operators::new(source);
        let mut seen = String::new();
        while let Some(operator) = operators.next() {
            for operand in operators.operands() {
                seen.push_str(&show(operand));
                seen.push(' ');
            }
            seen.push_str(&String::from_utf8_lossy(operator));
            seen.push(';');
        }
        seen
    }

    fn show(operand: &Operand<'_>) -> String {
        let all = |items: &[Operand<'_>]| items.iter().map(show).collect::<Vec<_>>().join(" ");
        match operand {
            Operand::Number(number) => number.to_string(),
            Operand::Text(text) => format!("({})", String::from_utf8_lossy(text)),
            Operand::Name(name) => format!("/{}", String::from_utf8_lossy(name)),
            Operand::Array(items) => format!("[{}]", all(items)),
            Operand::Dict(entries) => format!("<{}>", all(entries)),
        }
    }

    #[test]
    fn operators_have_operands() {
        for (source, expected) in [
            (&b"1 0 0 -1.5 0 +200 cm"[..], "1 0 0 -1.5 0 200 cm;"),
            (b"--5 .5 5. 1-2 m", "-5 0.5 5 1 m;"),
            (b"BT/F1 12 Tf(a\\(b\\)\\101\\\nc(d))Tj ET", "BT;/F1 12 Tf;(a(b)Ac(d)) Tj;ET;"),
            (b"[(a)-120<4142 4>(b)]TJ", "[(a) -120 (AB@) (b)] TJ;"),
            (b"/A#42 <</ActualText(x)/N[1 2]>> BDC", "/AB </ActualText (x) /N [1 2]> BDC;"),
            (b"%x y\n(a\r\nb) Tj ] > ) f", "(a\nb) Tj;f;"),
            (b"BI /W 10 /H 10 ID \x01\x02EI\x03 EI\xff\n EI Q (a) Tj", "</W 10 /H 10> BI;Q;(a) Tj;"),
            (b"[(a) (b) TJ (c) Tj", "[(a) (b)] TJ;(c) Tj;"),
            (b"(never ends", ""),
            (b"[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]] x", "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]] x;"),
        ] {
            assert_eq!(seen(source), expected, "{}", String::from_utf8_lossy(source));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(source in proptest::collection::vec(any::<u8>(), 0..1000)) {
            seen(&source);
        }

        #[test]
        fn anything_like_it_can_be_read(source in r"([\[\]()<>/{}%#BIDE\\ 0-9.-]|BI |ID |EI ){0,200}") {
            seen(source.as_bytes());
        }
    }
}
