//! Character maps: codes -> text (ToUnicode, ISO 32000-2, 9.10.3) and codes -> CIDs (9.7.5), in the small part of
//! PostScript that they are written in.

use encoding_rs::UTF_16BE;

/// Ranges of one map.
const MAX_RANGES: usize = 200_000;

/// Operands before an operator, and elements of an array.
const MAX_OPERANDS: usize = 100_000;

/// What a code stands for.
#[derive(Clone, Debug, PartialEq)]
enum Target {
    /// A text; for the codes after the first of a range its last character counts on.
    Text(Box<str>),
    /// A CID, counting on.
    Cid(u32),
}

/// Codes from the first to the last.
#[derive(Clone, Debug, PartialEq)]
struct Range {
    first: u32,
    last: u32,
    target: Target,
}

/// Codes of so many bytes, each byte of them between those of the first and of the last.
#[derive(Clone, Copy, Debug, PartialEq)]
struct CodeSpace {
    bytes: usize,
    first: u32,
    last: u32,
}

/// A map.
#[derive(Clone, Debug, Default)]
pub(super) struct CMap {
    spaces: Vec<CodeSpace>,
    texts: Vec<Range>,
    cids: Vec<Range>,
    pub(super) vertical: bool,
}

impl CMap {
    /// Reads a map. What is malformed is left out.
    pub(super) fn parse(source: &[u8]) -> Self {
        let mut map = Self::default();
        let mut tokens = Tokens { rest: source };
        let mut operands: Vec<Token<'_>> = Vec::new();
        while let Some(token) = tokens.next() {
            let Token::Operator(operator) = token else {
                if operands.len() >= MAX_OPERANDS {
                    operands.clear();
                }
                operands.push(token);
                continue;
            };
            match operator {
                b"endcodespacerange" => map.code_spaces(&operands),
                b"endbfchar" => {
                    for pair in operands.chunks_exact(2) {
                        map.insert(&pair[0], &pair[0], &pair[1], true);
                    }
                }
                b"endbfrange" => {
                    for triple in operands.chunks_exact(3) {
                        map.insert(&triple[0], &triple[1], &triple[2], true);
                    }
                }
                b"endcidchar" => {
                    for pair in operands.chunks_exact(2) {
                        map.insert(&pair[0], &pair[0], &pair[1], false);
                    }
                }
                b"endcidrange" => {
                    for triple in operands.chunks_exact(3) {
                        map.insert(&triple[0], &triple[1], &triple[2], false);
                    }
                }
                b"def" => {
                    if let [.., Token::Name(b"WMode"), Token::Number(mode)] = &operands[..] {
                        map.vertical = *mode == 1;
                    }
                }
                _ => {}
            }
            operands.clear();
        }
        // The sort is stable: of two ranges that begin alike the later one is found first.
        map.texts.sort_by_key(|range| range.first);
        map.cids.sort_by_key(|range| range.first);
        map
    }

    fn code_spaces(&mut self, operands: &[Token<'_>]) {
        for pair in operands.chunks_exact(2) {
            if let [Token::Text(first), Token::Text(last)] = pair
                && (1..=4).contains(&first.len())
                && self.spaces.len() < 256
            {
                self.spaces.push(CodeSpace { bytes: first.len(), first: number(first), last: number(last) });
            }
        }
    }

    fn insert(&mut self, first: &Token<'_>, last: &Token<'_>, target: &Token<'_>, is_text: bool) {
        let (Token::Text(first), Token::Text(last)) = (first, last) else { return };
        let (first, last) = (number(first), number(last));
        if first > last || self.texts.len() + self.cids.len() >= MAX_RANGES {
            return;
        }
        match target {
            Token::Number(cid) if !is_text => {
                self.cids.push(Range { first, last, target: Target::Cid(*cid) });
            }
            Token::Text(text) if is_text => {
                let target = Target::Text(utf_16(text).into());
                self.texts.push(Range { first, last, target });
            }
            Token::Name(name) if is_text => {
                let text = std::str::from_utf8(name).ok().and_then(super::glyph_name::text);
                let target = Target::Text(text.unwrap_or_default().into());
                self.texts.push(Range { first, last, target });
            }
            Token::Array(elements) if is_text => {
                for (code, text) in (first..=last).zip(elements) {
                    if self.texts.len() < MAX_RANGES {
                        let target = Target::Text(utf_16(text).into());
                        self.texts.push(Range { first: code, last: code, target });
                    }
                }
            }
            _ => {}
        }
    }

    /// The text of a code.
    pub(super) fn text(&self, code: u32) -> Option<String> {
        let range = find(&self.texts, code)?;
        let Target::Text(text) = &range.target else { return None };
        let on = code - range.first;
        if on == 0 {
            return Some(text.to_string());
        }
        let mut text = text.to_string();
        let last = text.pop()?;
        text.push(char::from_u32(u32::from(last).checked_add(on)?)?);
        Some(text)
    }

    /// Whether it says anything of texts.
    pub(super) fn has_texts(&self) -> bool {
        !self.texts.is_empty()
    }

    /// Entries of its tables.
    pub(super) fn entries(&self) -> usize {
        self.texts.len() + self.cids.len()
    }

    /// The CID of a code.
    pub(super) fn cid(&self, code: u32) -> Option<u32> {
        let range = find(&self.cids, code)?;
        match range.target {
            Target::Cid(cid) => cid.checked_add(code - range.first),
            Target::Text(_) => None,
        }
    }

    /// Whether it says how long codes are.
    pub(super) fn has_code_spaces(&self) -> bool {
        !self.spaces.is_empty()
    }

    /// The first code of a string, and how many bytes it takes: at least one.
    pub(super) fn code(&self, bytes: &[u8]) -> (u32, usize) {
        for count in 1..=bytes.len().min(4) {
            let code = number(&bytes[..count]);
            let fits = |space: &CodeSpace| {
                space.bytes == count
                    && (0..count).all(|index| {
                        let byte = |of: u32| (of >> (8 * index)) & 0xff;
                        (byte(space.first)..=byte(space.last)).contains(&byte(code))
                    })
            };
            if self.spaces.iter().any(fits) {
                return (code, count);
            }
        }
        let count = self.spaces.iter().map(|space| space.bytes).min().unwrap_or(2).min(bytes.len()).max(1);
        (number(bytes.get(..count).unwrap_or_default()), count)
    }
}

/// How many ranges before the nearest one are looked at, where ranges overlap.
const OVERLAP: usize = 8;

fn find(ranges: &[Range], code: u32) -> Option<&Range> {
    let next = ranges.partition_point(|range| range.first <= code);
    ranges.get(..next)?.iter().rev().take(OVERLAP).find(|range| code <= range.last)
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

fn utf_16(bytes: &[u8]) -> String {
    match bytes {
        [byte] => char::from(*byte).to_string(),
        _ => UTF_16BE.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

enum Token<'a> {
    Text(Vec<u8>),
    Name(&'a [u8]),
    Number(u32),
    Array(Vec<Vec<u8>>),
    Operator(&'a [u8]),
}

struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let (first, after) = self.rest.split_first()?;
            match first {
                b'%' => {
                    let end = memchr::memchr2(b'\n', b'\r', after).unwrap_or(after.len());
                    self.rest = &after[end..];
                }
                b'<' if after.first() == Some(&b'<') => self.rest = &after[1..],
                b'<' => return Some(Token::Text(self.hexadecimal())),
                b'[' => {
                    self.rest = after;
                    return Some(Token::Array(self.array()));
                }
                b'(' => {
                    let end = memchr::memchr(b')', after).map_or(after.len(), |end| end + 1);
                    self.rest = &after[end..];
                    return Some(Token::Operator(b""));
                }
                b'/' => {
                    self.rest = after;
                    return Some(Token::Name(self.word()));
                }
                byte if is_regular(*byte) => {
                    let word = self.word();
                    let number = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
                    return Some(number.map_or(Token::Operator(word), Token::Number));
                }
                _ => self.rest = after,
            }
        }
    }

    fn word(&mut self) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| !is_regular(*byte)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn hexadecimal(&mut self) -> Vec<u8> {
        let inner = self.rest.get(1..).unwrap_or_default();
        let end = memchr::memchr(b'>', inner).unwrap_or(inner.len());
        self.rest = inner.get(end + 1..).unwrap_or_default();
        let digits: Vec<u8> =
            inner[..end].iter().filter_map(|byte| char::from(*byte).to_digit(16)).map(|digit| digit as u8).collect();
        digits.chunks(2).map(|pair| pair.iter().fold(0, |sum, digit| sum << 4 | digit)).collect()
    }

    fn array(&mut self) -> Vec<Vec<u8>> {
        let mut elements = Vec::new();
        while let Some(first) = self.rest.first() {
            match first {
                b']' => {
                    self.rest = &self.rest[1..];
                    break;
                }
                b'<' => {
                    let element = self.hexadecimal();
                    if elements.len() < MAX_OPERANDS {
                        elements.push(element);
                    }
                }
                _ => self.rest = &self.rest[1..],
            }
        }
        elements
    }
}

fn is_regular(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && byte != 0 && !b"()<>[]{}/%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAP: &[u8] = b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap
        /CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
        /CMapName /Adobe-Identity-UCS def /WMode 1 def
        2 begincodespacerange <00> <80> <8140> <ffff> endcodespacerange
        2 beginbfchar <01> <00F8> <8141> <00660069> endbfchar
        2 beginbfrange <10> <19> <0030> <20><22>[<0041><D83DDD74>] endbfrange
        1 begincidrange <8140> <81ff> 100 endcidrange
        endcmap";

    #[test]
    fn codes_have_texts_and_cids() {
        let map = CMap::parse(MAP);
        assert!(map.vertical);
        for (code, text) in [
            (0x01, Some("ø")),
            (0x8141, Some("fi")),
            (0x10, Some("0")),
            (0x19, Some("9")),
            (0x1a, None),
            (0x20, Some("A")),
            (0x21, Some("🕴")),
            (0x22, None),
        ] {
            assert_eq!(map.text(code).as_deref(), text, "{code:x}");
        }
        assert_eq!(map.cid(0x8142), Some(102));
        assert_eq!(map.code(b"\x01\x02"), (1, 1));
        assert_eq!(map.code(b"\x81\x41\x02"), (0x8141, 2));
        assert_eq!(map.code(b"\x81"), (0x81, 1));
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(source in proptest::collection::vec(any::<u8>(), 0..500), code in any::<u32>()) {
            let map = CMap::parse(&source);
            let _ = (map.text(code), map.cid(code), map.code(&source), map.code(b""));
        }
    }
}
