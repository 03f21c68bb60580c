//! A font as a content stream uses it (ISO 32000-2, 9.5 to 9.10): bytes of a shown string -> texts and widths.

use super::{cmap::CMap, encoding::Encoding, filter, font_program::FontProgram, glyph_name, standard_widths};
use crate::message::{Fault, Reading, normalise};
use encoding_rs::{BIG5, EUC_JP, EUC_KR, GBK, SHIFT_JIS, UTF_16BE};
use hayro_syntax::object::{Array, Dict, Name, Object, Stream, String as PdfString};
use std::collections::{HashMap, HashSet};

/// Entries of a table of widths.
const MAX_WIDTHS: usize = 65_536;

/// The most bytes of an embedded map from CIDs to glyphs: two for each.
const MAX_GLYPH_MAP: usize = 2 * 65_536;

/// The width of a glyph of a composite font that nothing says, in thousandths (9.7.4.3).
const DEFAULT_WIDTH: f64 = 1000.0;

/// The bit of a font descriptor's flags that says the font has an encoding of its own (9.8.2).
const SYMBOLIC: i32 = 1 << 2;

/// A font.
pub(super) enum Font {
    Simple(Box<Simple>),
    Composite(Box<Composite>),
}

/// A code that was shown.
pub(super) struct Shown<'f> {
    /// Its text; `None` where the font does not say.
    pub(super) text: Option<&'f str>,
    /// What the glyph that is drawn is, where the font says so, and says otherwise of the character.
    pub(super) glyph: Option<&'f str>,
    /// Whether the glyph itself shows text.
    pub(super) is_text: bool,
    /// Whether the text is what such a font most likely means, and nothing more.
    pub(super) is_guess: bool,
    /// How far it moves on, in sizes of the font.
    pub(super) advance: f64,
    /// Whether it is the code that word spacing applies to.
    pub(super) is_word_space: bool,
}

/// Type 1, TrueType and Type 3: one byte for each glyph.
pub(super) struct Simple {
    texts: Vec<Option<String>>,
    /// What the glyphs are where the texts do not fit them.
    glyphs: HashMap<u8, String>,
    /// Codes whose text is a guess.
    guesses: HashSet<u8>,
    /// Codes whose glyphs show text (Type 3).
    of_text: HashSet<u8>,
    widths: Vec<f64>,
}

/// Type 0.
pub(super) struct Composite {
    codes: Codes,
    to_unicode: Option<CMap>,
    widths: HashMap<u32, f64>,
    default_width: f64,
    glyphs: GlyphMap,
    program: FontProgram,
    /// Whether the CIDs are those of one of Adobe's collections for Chinese, Japanese and Korean.
    cjk: bool,
    /// Whether the codes themselves are said to be Unicode.
    is_unicode: bool,
    pub(super) vertical: bool,
}

/// How a composite font's codes are made (9.7.5.2), and what they say of themselves.
enum Codes {
    /// Two bytes, which are the CID.
    Identity,
    /// As a map says that stands in the document.
    Embedded(CMap),
    /// UTF-16.
    Utf16,
    /// A charset for text.
    Charset(&'static encoding_rs::Encoding),
    /// Rows and cells of 7 bits, of the charset with 8.
    Rows(&'static encoding_rs::Encoding),
}

/// CIDs of letters, digits and signs of ASCII, alike in all of Adobe's collections (Adobe TN 5078 to 5080, 5093): the
/// space is the first.
const LATIN_CIDS: std::ops::RangeInclusive<u32> = 1..=95;

/// CID -> glyph (9.7.4.2).
enum GlyphMap {
    Identity,
    Table(Vec<u8>),
}

impl Font {
    /// Reads a font's dictionary.
    pub(super) fn read(dict: &Dict<'_>, reading: &Reading<'_>) -> Result<Self, Fault> {
        let to_unicode = match dict.get::<Stream<'_>>("ToUnicode") {
            Some(stream) => Some(CMap::parse(&decoded(&stream, reading)?)).filter(CMap::has_texts),
            None => None,
        };
        if dict.get::<Name<'_>>("Subtype").as_deref() == Some(b"Type0") {
            return Ok(Self::Composite(Box::new(Composite::read(dict, to_unicode, reading)?)));
        }
        Ok(Self::Simple(Box::new(Simple::read(dict, to_unicode.as_ref(), reading)?)))
    }

    /// What it keeps in memory, in entries of its tables.
    pub(super) fn entries(&self) -> usize {
        match self {
            Self::Simple(font) => font.texts.len(),
            Self::Composite(font) => font.entries(),
        }
    }

    /// Whether its lines run down.
    pub(super) fn is_vertical(&self) -> bool {
        match self {
            Self::Simple(_) => false,
            Self::Composite(font) => font.vertical,
        }
    }

    /// Hands on every code of a string.
    pub(super) fn show(&self, bytes: &[u8], mut take: impl FnMut(Shown<'_>)) {
        match self {
            Self::Simple(font) => {
                for byte in bytes {
                    let index = usize::from(*byte);
                    take(Shown {
                        text: font.texts.get(index).and_then(Option::as_deref),
                        glyph: font.glyphs.get(byte).map(String::as_str),
                        is_text: font.of_text.contains(byte),
                        is_guess: font.guesses.contains(byte),
                        advance: font.widths.get(index).copied().unwrap_or_default(),
                        is_word_space: *byte == b' ',
                    });
                }
            }
            Self::Composite(font) => font.show(bytes, take),
        }
    }
}

/// What a stream holds; nothing where it is broken.
fn decoded(stream: &Stream<'_>, reading: &Reading<'_>) -> Result<Vec<u8>, Fault> {
    match filter::text(stream, reading) {
        Ok(decoded) => Ok(decoded.bytes),
        Err(Fault::Unreadable(_)) => Ok(Vec::new()),
        Err(fault) => Err(fault),
    }
}

/// The embedded font program.
fn program(descriptor: &Dict<'_>, reading: &Reading<'_>) -> Result<Option<FontProgram>, Fault> {
    if let Some(stream) = descriptor.get::<Stream<'_>>("FontFile") {
        return Ok(Some(FontProgram::type_1(&decoded(&stream, reading)?)));
    }
    if let Some(stream) = descriptor.get::<Stream<'_>>("FontFile2") {
        return Ok(Some(FontProgram::true_type(&decoded(&stream, reading)?)));
    }
    if let Some(stream) = descriptor.get::<Stream<'_>>("FontFile3") {
        return Ok(Some(FontProgram::cff(&decoded(&stream, reading)?)));
    }
    Ok(None)
}

fn base_name(dict: &Dict<'_>) -> String {
    dict.get::<Name<'_>>("BaseFont").map(|name| String::from_utf8_lossy(&name).into_owned()).unwrap_or_default()
}

impl Simple {
    fn read(dict: &Dict<'_>, to_unicode: Option<&CMap>, reading: &Reading<'_>) -> Result<Self, Fault> {
        let subtype = dict.get::<Name<'_>>("Subtype");
        let name = base_name(dict);
        let descriptor = dict.get::<Dict<'_>>("FontDescriptor").unwrap_or_default();
        let (mut base, mut differences) = (None, None);
        match dict.get::<Object<'_>>("Encoding") {
            Some(Object::Name(name)) => base = Encoding::named(&name),
            Some(Object::Dict(encoding)) => {
                base = encoding.get::<Name<'_>>("BaseEncoding").and_then(|name| Encoding::named(&name));
                differences = encoding.get::<Array<'_>>("Differences");
            }
            _ => {}
        }
        let symbolic = descriptor.get::<i32>("Flags").is_some_and(|flags| flags & SYMBOLIC != 0);
        let own = match (base, symbolic) {
            (Some(_), false) => None,
            _ => program(&descriptor, reading)?,
        };
        let otherwise = match subtype.as_deref() {
            _ if name.contains("Symbol") && own.is_none() => Encoding::Symbol,
            _ if name.contains("ZapfDingbats") => Encoding::ZapfDingbats,
            Some(b"TrueType") => Encoding::WinAnsi,
            _ => Encoding::Standard,
        };
        let mut texts: Vec<Option<String>> = (0..=u8::MAX)
            .map(|code| {
                let of = |encoding: Encoding| encoding.character(code).map(String::from);
                let by_program = || own.as_ref().and_then(|program| program.by_code.get(&code).cloned());
                match base {
                    Some(base) => of(base).or_else(by_program),
                    None => by_program().or_else(|| of(otherwise)),
                }
            })
            .collect();
        let mut guesses = HashSet::new();
        let mut of_text = HashSet::new();
        // A subset of a font may have its glyphs at any code where nothing says an encoding.
        let is_encoded = base.is_some() || differences.is_some() || !is_embedded(&descriptor);
        if let Some(differences) = differences {
            if subtype.as_deref() == Some(b"Type3") {
                of_text = codes_of_text(dict, &differences, reading)?;
            }
            apply(&differences, &mut texts, &mut guesses);
        }
        let mut glyphs = HashMap::new();
        if let Some(map) = to_unicode {
            for (code, text) in (0_u8..=u8::MAX).zip(&mut texts) {
                let Some(mapped) = map.text(u32::from(code)).filter(|text| says_something(text)) else { continue };
                if is_encoded
                    && !guesses.contains(&code)
                    && let Some(glyph) = text.take().filter(|glyph| disagree(glyph, &mapped))
                {
                    glyphs.insert(code, glyph);
                }
                guesses.remove(&code);
                if is_private(&mapped) {
                    guesses.insert(code);
                }
                *text = Some(mapped);
            }
        }
        let scale = match subtype.as_deref() {
            Some(b"Type3") => {
                let matrix = dict.get::<Array<'_>>("FontMatrix");
                matrix.and_then(|matrix| matrix.iter::<f32>().next()).map_or(0.001, f64::from).abs()
            }
            _ => 0.001,
        };
        let widths = Self::widths(dict, &descriptor, &name, &texts);
        let widths = widths.into_iter().map(|width| width * scale).collect();
        Ok(Self { texts, glyphs, guesses, of_text, widths })
    }

    fn widths(dict: &Dict<'_>, descriptor: &Dict<'_>, name: &str, texts: &[Option<String>]) -> Vec<f64> {
        let Some(given) = dict.get::<Array<'_>>("Widths") else {
            let character = |text: &Option<String>| text.as_ref().and_then(|text| text.chars().next());
            return texts.iter().map(|text| standard_widths::width(name, character(text))).collect();
        };
        let missing = descriptor.get::<f32>("MissingWidth").map_or(0.0, f64::from);
        let mut widths = vec![missing; texts.len()];
        let first = dict.get::<i32>("FirstChar").and_then(|first| usize::try_from(first).ok()).unwrap_or(0);
        for (slot, width) in widths.iter_mut().skip(first).zip(given.iter::<Object<'_>>()) {
            if let Object::Number(width) = width {
                *slot = width.as_f64();
            }
        }
        widths
    }
}

fn is_embedded(descriptor: &Dict<'_>) -> bool {
    ["FontFile", "FontFile2", "FontFile3"].iter().any(|key| descriptor.contains_key(key))
}

/// Whether a glyph is a letter or digit of ASCII or a hyphen, and not the character that a map says.
fn disagree(glyph: &str, mapped: &str) -> bool {
    let as_rules_see_it = |text: &str| normalise(text.to_owned());
    glyph.len() == 1
        && glyph.chars().all(|one| one.is_ascii_alphanumeric() || one == '-' && mapped != "\u{ad}")
        && !as_rules_see_it(mapped).trim().eq_ignore_ascii_case(glyph)
}

/// Whether a text is of characters that only one font knows.
fn is_private(text: &str) -> bool {
    text.chars().all(|character| matches!(character, '\u{e000}'..='\u{f8ff}'))
}

/// The codes of a Type 3 font whose glyphs show text of other fonts (9.6.4).
fn codes_of_text(dict: &Dict<'_>, differences: &Array<'_>, reading: &Reading<'_>) -> Result<HashSet<u8>, Fault> {
    let Some(procedures) = dict.get::<Dict<'_>>("CharProcs") else { return Ok(HashSet::new()) };
    let mut names = HashMap::new();
    let mut code = 0_usize;
    for item in differences.iter::<Object<'_>>() {
        match item {
            Object::Number(number) => code = usize::try_from(number.as_i64()).unwrap_or(usize::MAX),
            Object::Name(name) => {
                if let Ok(code) = u8::try_from(code) {
                    names.insert(code, name);
                }
                code = code.saturating_add(1);
            }
            _ => {}
        }
    }
    let mut codes = HashSet::new();
    for (code, name) in names {
        let Some(procedure) = procedures.get::<Stream<'_>>(&*name) else { continue };
        let bytes = decoded(&procedure, reading)?;
        if [&b"BT"[..], b"Tf"].iter().all(|operator| memchr::memmem::find(&bytes, operator).is_some()) {
            codes.insert(code);
        }
    }
    Ok(codes)
}

/// Changes an encoding as `Differences` says (9.6.5): a code, then the names of the glyphs from it on. Where a name
/// says nothing, the text is a guess, unless the name is that of the code itself.
fn apply(differences: &Array<'_>, texts: &mut [Option<String>], guesses: &mut HashSet<u8>) {
    let mut code = 0_usize;
    for item in differences.iter::<Object<'_>>() {
        match item {
            Object::Number(number) => code = usize::try_from(number.as_i64()).unwrap_or(usize::MAX),
            Object::Name(name) => {
                if let (Some(slot), Ok(byte), Ok(name)) =
                    (texts.get_mut(code), u8::try_from(code), std::str::from_utf8(&name))
                {
                    guesses.remove(&byte);
                    if name == ".notdef" {
                        *slot = None;
                    } else if let Some(text) = glyph_name::text(name) {
                        *slot = Some(text);
                    } else {
                        let numbered = glyph_name::numbered(name);
                        if numbered.is_none() || numbered != *slot {
                            guesses.insert(byte);
                            *slot = glyph_name::in_order(name).or(numbered).or_else(|| slot.take());
                        }
                    }
                }
                code = code.saturating_add(1);
            }
            _ => {}
        }
    }
}

/// Whether a text that a map gives is one: some maps give nothing, or the replacement character.
fn says_something(text: &str) -> bool {
    !text.is_empty() && !text.chars().all(|character| matches!(character, '\0' | '\u{fffd}'))
}

impl Composite {
    fn read(dict: &Dict<'_>, to_unicode: Option<CMap>, reading: &Reading<'_>) -> Result<Self, Fault> {
        let descendant = dict.get::<Array<'_>>("DescendantFonts");
        let descendant = descendant.and_then(|fonts| fonts.iter::<Dict<'_>>().next()).unwrap_or_default();
        let mut vertical = false;
        let codes = match dict.get::<Object<'_>>("Encoding") {
            Some(Object::Name(name)) => {
                vertical = name.ends_with(b"-V") || &name[..] == b"V";
                Codes::predefined(&name)
            }
            Some(Object::Stream(stream)) => {
                let map = CMap::parse(&decoded(&stream, reading)?);
                vertical = map.vertical;
                Codes::Embedded(map)
            }
            _ => Codes::Identity,
        };
        let descriptor = descendant.get::<Dict<'_>>("FontDescriptor").unwrap_or_default();
        let says_nothing = to_unicode.is_none() && matches!(codes, Codes::Identity | Codes::Embedded(_));
        let program =
            if says_nothing { program(&descriptor, reading)?.unwrap_or_default() } else { FontProgram::default() };
        let glyphs = match descendant.get::<Stream<'_>>("CIDToGIDMap") {
            Some(stream) if says_nothing => {
                let mut table = decoded(&stream, reading)?;
                table.truncate(MAX_GLYPH_MAP);
                GlyphMap::Table(table)
            }
            _ => GlyphMap::Identity,
        };
        let collection =
            descendant.get::<Dict<'_>>("CIDSystemInfo").and_then(|info| info.get::<PdfString<'_>>("Ordering"));
        let cjk = collection.is_some_and(|name| matches!(&name[..], b"Japan1" | b"GB1" | b"CNS1" | b"Korea1" | b"KR"));
        Ok(Self {
            codes,
            to_unicode,
            cjk,
            is_unicode: dict.get::<Name<'_>>("ToUnicode").is_some(),
            widths: descendant.get::<Array<'_>>("W").map(|array| cid_widths(&array)).unwrap_or_default(),
            default_width: descendant.get::<f32>("DW").map_or(DEFAULT_WIDTH, f64::from),
            glyphs,
            program,
            vertical,
        })
    }

    fn entries(&self) -> usize {
        let map = match &self.codes {
            Codes::Embedded(map) => map.entries(),
            _ => 0,
        };
        let to_unicode = self.to_unicode.as_ref().map_or(0, CMap::entries);
        map + to_unicode + self.widths.len() + self.program.by_glyph.len()
    }

    fn show(&self, bytes: &[u8], mut take: impl FnMut(Shown<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (code, count) = self.code(rest);
            let (shown, after) = rest.split_at(count.clamp(1, rest.len()));
            rest = after;
            let cid = match &self.codes {
                Codes::Embedded(map) => map.cid(code).unwrap_or(code),
                _ => code,
            };
            let said = self.text(code, cid, shown);
            let is_guess = said.is_none();
            let text = said.or_else(|| self.guess(cid));
            let is_half = matches!(self.codes, Codes::Charset(_)) && shown.len() == 1;
            let width = match self.widths.get(&cid) {
                Some(width) if matches!(self.codes, Codes::Identity | Codes::Embedded(_)) => *width,
                _ if is_half => self.default_width / 2.0,
                _ => self.default_width,
            };
            take(Shown {
                text: text.as_deref(),
                glyph: None,
                is_text: false,
                is_guess,
                advance: if self.vertical { 1.0 } else { width / 1000.0 },
                is_word_space: shown == b" ",
            });
        }
    }

    /// Where nothing says it: a CID that a map leads to a glyph is most likely Unicode; without such a map it is the
    /// glyph itself, and the usual fonts have the glyphs of ASCII in its order from the fourth on.
    fn guess(&self, cid: u32) -> Option<String> {
        let code = match (&self.codes, &self.glyphs) {
            _ if self.cjk => return None,
            (Codes::Identity, GlyphMap::Table(_)) if cid >= 0x20 => cid,
            (Codes::Identity, GlyphMap::Identity) if glyph_name::ASCII_GLYPHS.contains(&cid) => {
                cid + 0x20 - glyph_name::ASCII_GLYPHS.start()
            }
            _ => return None,
        };
        char::from_u32(code).filter(|character| !character.is_control()).map(String::from)
    }

    fn code(&self, rest: &[u8]) -> (u32, usize) {
        let two = || match rest {
            [high, low, ..] => (u32::from(u16::from_be_bytes([*high, *low])), 2),
            [one, ..] => (u32::from(*one), 1),
            [] => (0, 1),
        };
        match &self.codes {
            Codes::Identity => match &self.to_unicode {
                // Codes of one byte in a font that should have two: some programs do that and mean it.
                Some(map) if rest.len() == 1 && map.has_code_spaces() => map.code(rest),
                _ => two(),
            },
            Codes::Embedded(map) if map.has_code_spaces() => map.code(rest),
            Codes::Embedded(_) | Codes::Rows(_) => two(),
            Codes::Utf16 => match rest {
                [0xd8..=0xdb, _, 0xdc..=0xdf, _, ..] => (0, 4),
                _ => two(),
            },
            Codes::Charset(charset) => match rest {
                [0..=0x80, ..] => (two().0 >> 8, 1),
                [0xa0..=0xdf, ..] if *charset == SHIFT_JIS => (two().0 >> 8, 1),
                [0x8f, _, _, ..] if *charset == EUC_JP => (0, 3),
                _ => two(),
            },
        }
    }

    fn text(&self, code: u32, cid: u32, bytes: &[u8]) -> Option<String> {
        if let Some(text) = self.to_unicode.as_ref().and_then(|map| map.text(code)).filter(|text| says_something(text))
        {
            return Some(text);
        }
        let in_charset = |charset: &'static encoding_rs::Encoding| {
            charset.decode_without_bom_handling_and_without_replacement(bytes).map(String::from)
        };
        match &self.codes {
            Codes::Utf16 => in_charset(UTF_16BE),
            Codes::Charset(charset) => in_charset(charset),
            Codes::Identity if self.is_unicode => in_charset(UTF_16BE),
            Codes::Rows(charset) => {
                let bytes: Vec<u8> = bytes.iter().map(|byte| byte | 0x80).collect();
                charset.decode_without_bom_handling_and_without_replacement(&bytes).map(String::from)
            }
            Codes::Identity | Codes::Embedded(_) if self.cjk && LATIN_CIDS.contains(&cid) => {
                char::from_u32(cid + 0x1f).map(String::from)
            }
            Codes::Identity | Codes::Embedded(_) => {
                let glyph = match &self.glyphs {
                    GlyphMap::Identity => u16::try_from(cid).ok()?,
                    GlyphMap::Table(table) => {
                        let at = (cid as usize).checked_mul(2)?;
                        u16::from_be_bytes(table.get(at..at.checked_add(2)?)?.try_into().ok()?)
                    }
                };
                self.program.by_glyph.get(&glyph).cloned()
            }
        }
    }
}

impl Codes {
    /// Of a map that every reader knows by its name (9.7.5.2).
    fn predefined(name: &[u8]) -> Self {
        let has = |part: &str| memchr::memmem::find(name, part.as_bytes()).is_some();
        if has("UCS2") || has("UTF16") {
            Self::Utf16
        } else if matches!(name, b"H" | b"V" | b"Ext-H" | b"Ext-V" | b"Add-H" | b"Add-V") {
            Self::Rows(EUC_JP)
        } else if matches!(name, b"GB-H" | b"GB-V") {
            Self::Rows(GBK)
        } else if matches!(name, b"KSC-H" | b"KSC-V") {
            Self::Rows(EUC_KR)
        } else if name.starts_with(b"GB") {
            Self::Charset(GBK)
        } else if has("RKSJ") {
            Self::Charset(SHIFT_JIS)
        } else if name.starts_with(b"KSC") {
            Self::Charset(EUC_KR)
        } else if has("B5") || has("HKscs") {
            Self::Charset(BIG5)
        } else if matches!(name, b"EUC-H" | b"EUC-V") {
            Self::Charset(EUC_JP)
        } else {
            Self::Identity
        }
    }
}

/// The widths of CIDs (9.7.4.3): `c [w1 w2 …]` or `first last w`.
fn cid_widths(array: &Array<'_>) -> HashMap<u32, f64> {
    let mut widths = HashMap::new();
    let mut pending: Vec<f64> = Vec::new();
    for item in array.iter::<Object<'_>>() {
        match item {
            Object::Number(number) => pending.push(number.as_f64()),
            Object::Array(given) => {
                let first = pending.pop().map_or(0, |first| first as u32);
                pending.clear();
                for (cid, width) in (first..=u32::MAX).zip(given.iter::<f32>()) {
                    widths.insert(cid, f64::from(width));
                    if widths.len() >= MAX_WIDTHS {
                        return widths;
                    }
                }
            }
            _ => {}
        }
        if let [first, last, width] = pending[..] {
            pending.clear();
            for cid in first as u32..=last as u32 {
                widths.insert(cid, width);
                if widths.len() >= MAX_WIDTHS {
                    return widths;
                }
            }
        }
    }
    widths
}
