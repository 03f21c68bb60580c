//! HTML -> the text that a reader sees.
//!
//! Tags go; inline tags split no word or number; block tags and `<br>` begin a line, table cells are set apart by tabs.
//! What stands for readers without scripts or frames is read as they see it, tags and all, and so are pages within the
//! page (`srcdoc`). Text that is merely hidden by style is read; so are `alt`, `title`, `label`, `placeholder`, `value`
//! and their like. Addresses of links and pictures are not, but for those that hold the thing itself (`data:`).
//! Comments are read as a text of their own: some hold what only one program shows. So are scripts, which may write
//! what they hold into the page: no code is run, the text in it is read. Of style sheets, the strings are.
//!
//! The tokenizer keeps no text: what it finds goes to where it is kept at once, so that a page costs little more memory
//! than what is kept of it.

use super::{
    Attachment, Embedded, Piece, Reading, Stop, normalise, reversed, script, style_sheet,
    transfer::{self, Encoding},
    within, without_quote_marks,
};
use html5gum::{
    Emitter, ForwardingEmitter, Span, Tokenizer,
    emitters::callback::{Callback, CallbackEmitter, CallbackEvent},
};
use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

/// Bytes of HTML between two looks at the clock.
const STEP: usize = 64 * 1024;

/// The deepest that a page is read in a page (what stands for readers without scripts or frames is one): each level is
/// a copy.
const NESTING: usize = 4;

/// Things in `data:` addresses that are taken out of one page.
const MAX_EMBEDDED: usize = 1000;

/// Bytes of all of them, as they stand there.
const MAX_EMBEDDED_BYTES: usize = 64 * 1024 * 1024;

/// Signs that set a run apart that is shown backwards (`<bdo dir=rtl>`), and end it, in plain text.
const OVERRIDE: char = '\u{202e}';
const POP: char = '\u{202c}';

/// Reads a page that stands at a place: its text, that of its comments and scripts, and what it holds in `data:`
/// addresses.
///
/// # Errors
/// When the whole reading must stop.
pub fn read_html(html: &str, place: &str, reading: &mut Reading<'_>) -> Result<(), Stop> {
    let (left, deadline) = (reading.text_left(), reading.deadline());
    let Ok(seen) = catch_unwind(AssertUnwindSafe(|| read(html, left, deadline))) else {
        reading.unreadable(place, "its HTML could not be parsed; read with its tags");
        reading.piece(Piece::new(place, normalise(html.to_owned())));
        return Ok(());
    };
    let text = without_quote_marks(&seen.text);
    let blocks = Embedded::in_text(&text);
    let backwards = reversed::runs(&text);
    // A copy was made only where there were marks.
    let text = match text {
        std::borrow::Cow::Owned(text) => text,
        std::borrow::Cow::Borrowed(_) => seen.text,
    };
    reading.piece(Piece::new(place, normalise(text)));
    reading.piece(Piece::new(within(place, "reversed"), normalise(backwards)));
    blocks.read(place, reading)?;
    reading.piece(Piece::new(within(place, "comments"), normalise(seen.comments)));
    reading.piece(Piece::new(within(place, "scripts"), normalise(seen.scripts)));
    reading.piece(Piece::new(within(place, "styles"), normalise(seen.styles)));
    if seen.cut {
        reading.clock(place)?;
        reading.too_much_text(place);
    }
    if seen.too_deep {
        reading.limit(place, format!("limit: pages within one another more than {NESTING} deep"));
    }
    if seen.embedded_left_out {
        reading
            .limit(place, format!("limit: more than {MAX_EMBEDDED} things or {MAX_EMBEDDED_BYTES} bytes in the page"));
    }
    for (number, address) in seen.embedded.into_iter().enumerate() {
        let (kind, data) = address.split_once(',').unwrap_or(("", &address));
        let (media_type, parameters) = kind.split_once(';').unwrap_or((kind, ""));
        let base64 = parameters.split(';').any(|parameter| parameter.trim().eq_ignore_ascii_case("base64"));
        let bytes = if base64 {
            transfer::decode(Encoding::Base64, data.as_bytes()).0
        } else {
            percent_decoded(data.as_bytes()).into()
        };
        let media_type = media_type.trim().to_ascii_lowercase();
        reading.attachment(&Attachment {
            place: &within(place, format_args!("embedded {}", number + 1)),
            name: None,
            media_type: (!media_type.is_empty()).then_some(&media_type),
            charset: None,
            bytes: &bytes,
        })?;
    }
    Ok(())
}

/// RFC 3986 section 2.1.
fn percent_decoded(data: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(data.len());
    transfer::escapes(data, b'%', &mut decoded);
    decoded
}

/// What stands in a page.
#[derive(Debug, Default, Eq, PartialEq)]
struct Seen {
    /// What a reader sees.
    text: String,
    /// The text of comments, a line each.
    comments: String,
    /// The text of scripts.
    scripts: String,
    /// The strings of style sheets.
    styles: String,
    /// What stands in `data:` addresses, from the media type on.
    embedded: Vec<String>,
    embedded_bytes: usize,
    /// There are more of them than are kept.
    embedded_left_out: bool,
    /// Pages in one another were not read to the last.
    too_deep: bool,
    /// Not all was read: `deadline` passed, or the text was full.
    cut: bool,
}

impl Seen {
    fn length(&self) -> usize {
        self.text.len() + self.comments.len() + self.scripts.len() + self.styles.len()
    }
}

/// Reads HTML until `deadline`, and not much more than `limit` bytes of it.
fn read(html: &str, limit: usize, deadline: Instant) -> Seen {
    let mut seen = page(html, Seen::default(), limit, deadline, NESTING);
    if !seen.comments.is_empty() {
        let comments = mem::take(&mut seen.comments);
        let text = mem::take(&mut seen.text);
        let mut of_comments = page(&comments, seen, limit.saturating_sub(text.len()), deadline, NESTING);
        let in_comments = mem::take(&mut of_comments.comments);
        of_comments.comments = mem::replace(&mut of_comments.text, text);
        // Of a page in a comment: as it stands.
        of_comments.comments.push_str(&in_comments);
        seen = of_comments;
    }
    seen
}

/// Adds a page to what was seen.
fn page(html: &str, seen: Seen, limit: usize, deadline: Instant, nesting: usize) -> Seen {
    let mut reader = Reader { seen, limit, deadline: Some(deadline), nesting, ..Reader::default() };
    let mut callback = CallbackEmitter::new(&mut reader);
    callback.naively_switch_states(true);
    for Ok(length) in Tokenizer::new_with_emitter(html, Direct { callback, value: 0 }) {
        if length > limit || Instant::now() > deadline {
            reader.seen.cut = true;
            break;
        }
    }
    reader.end_raw();
    reader.seen.cut |= reader.seen.length() > limit;
    reader.seen
}

/// Hands texts, comments and values on without gathering them first.
struct Direct<'r> {
    callback: CallbackEmitter<&'r mut Reader, usize>,
    /// Bytes of the value of the attribute so far.
    value: usize,
}

impl ForwardingEmitter for Direct<'_> {
    type Token = usize;

    fn inner(&mut self) -> &mut impl Emitter<Token = usize> {
        &mut self.callback
    }

    fn emit_string(&mut self, text: &[u8]) {
        self.callback.callback_mut().string(text);
    }

    fn push_comment(&mut self, text: &[u8]) {
        let reader = self.callback.callback_mut();
        reader.passed += text.len();
        if reader.has_room() {
            reader.seen.comments.push_str(&String::from_utf8_lossy(text));
        }
    }

    fn init_attribute_value(&mut self) {
        self.value = 0;
        self.callback.init_attribute_value();
    }

    fn push_attribute_value(&mut self, text: &[u8]) {
        self.value += text.len();
        let reader = self.callback.callback_mut();
        reader.passed += text.len();
        let most = reader.limit.max(MAX_EMBEDDED_BYTES);
        if self.value <= most {
            self.callback.push_attribute_value(text);
        } else {
            reader.seen.cut = true;
        }
    }

    /// Gives the length of the text now and then, so that the caller can look at the clock.
    fn pop_token(&mut self) -> Option<usize> {
        let reader = self.callback.callback_mut();
        if reader.passed < STEP {
            return None;
        }
        reader.passed = 0;
        Some(reader.seen.length())
    }
}

/// What an element is of which the tokenizer gives the content untouched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Raw {
    /// Readers that know no scripts or frames show it as a page.
    Page,
    Script,
    Style,
}

#[derive(Default)]
struct Reader {
    seen: Seen,
    /// Within such an element, and its content so far.
    raw: Option<Raw>,
    content: String,
    /// The element shows its content whatever it is.
    displayed: bool,
    /// The attribute whose value comes next.
    attribute: Attribute,
    /// The element that begins is one whose text may run backwards.
    override_begins: bool,
    /// Elements that show their text backwards, within one another.
    overrides: usize,
    /// Within `<pre>`, where line ends count.
    preformatted: bool,
    /// Within a drawing or a formula, where a style sheet ends with what it stands in.
    foreign: bool,
    /// Bytes since the last look at the clock.
    passed: usize,
    limit: usize,
    deadline: Option<Instant>,
    nesting: usize,
}

/// What the value of an attribute is for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Attribute {
    #[default]
    Other,
    /// Readers see it.
    Shown,
    /// A page of its own.
    Page,
    /// Addresses, each with a size.
    Set,
    /// Something that may end with an address.
    Content,
    Style,
    Direction,
}

impl Attribute {
    fn of(name: &[u8]) -> Self {
        match name {
            b"alt"
            | b"title"
            | b"placeholder"
            | b"value"
            | b"summary"
            | b"label"
            | b"string"
            | b"aria-label"
            | b"aria-description"
            | b"aria-placeholder"
            | b"aria-valuetext"
            | b"aria-roledescription" => Self::Shown,
            b"srcdoc" => Self::Page,
            b"srcset" | b"imagesrcset" => Self::Set,
            b"content" => Self::Content,
            b"style" => Self::Style,
            b"dir" => Self::Direction,
            _ => Self::Other,
        }
    }
}

impl Callback<usize, ()> for &mut Reader {
    fn handle_event(&mut self, event: CallbackEvent<'_>, _: Span<()>) -> Option<usize> {
        self.passed += 1;
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.end_raw();
                self.raw = match name {
                    b"noscript" | b"noembed" => Some(Raw::Page),
                    b"script" => Some(Raw::Script),
                    b"style" => Some(Raw::Style),
                    _ => None,
                };
                self.foreign |= matches!(name, b"svg" | b"math");
                self.displayed = false;
                self.preformatted |= name == b"pre";
                self.override_begins = name == b"bdo";
                self.tag(name);
            }
            CallbackEvent::EndTag { name } => {
                self.end_raw();
                self.foreign &= !matches!(name, b"svg" | b"math");
                self.preformatted &= name != b"pre";
                if name == b"bdo" && self.overrides > 0 {
                    self.overrides -= 1;
                    self.seen.text.push(POP);
                }
                self.tag(name);
            }
            CallbackEvent::AttributeName { name } => self.attribute = Attribute::of(name),
            CallbackEvent::AttributeValue { value } => self.value(&String::from_utf8_lossy(value)),
            CallbackEvent::Comment { .. } => self.seen.comments.push('\n'),
            _ => {}
        }
        None
    }
}

impl Reader {
    fn has_room(&mut self) -> bool {
        let has_room = self.seen.length() + self.content.len() <= self.limit;
        self.seen.cut |= !has_room;
        has_room
    }

    /// Takes in text that stands between tags.
    fn string(&mut self, text: &[u8]) {
        self.passed += text.len();
        if !self.has_room() {
            return;
        }
        match self.raw {
            Some(_) => self.content.push_str(&String::from_utf8_lossy(text)),
            None => self.words(text),
        }
    }

    fn value(&mut self, value: &str) {
        if self.attribute != Attribute::Set
            && let Some(data) = data_address(value)
        {
            self.embed(data);
        }
        match self.attribute {
            Attribute::Shown => {
                self.set_apart(' ');
                self.words(value.as_bytes());
                self.set_apart(' ');
            }
            Attribute::Page => {
                self.set_apart('\n');
                self.inner_page(value);
                self.set_apart('\n');
            }
            Attribute::Set => candidates(value).filter_map(data_address).for_each(|data| self.embed(data)),
            Attribute::Content => {
                let at = value.as_bytes().windows(4).take(STEP).position(|four| four.eq_ignore_ascii_case(b"url="));
                let address = at.map(|at| value[at + 4..].trim_start().trim_start_matches(['"', '\'']));
                address.and_then(data_address).into_iter().for_each(|data| self.embed(data));
            }
            Attribute::Style => {
                style_sheet::addresses(value).filter_map(data_address).for_each(|data| self.embed(data));
                let value = value.to_ascii_lowercase();
                self.displayed |= value.contains("display");
                if value.contains("bidi-override") && value.contains("rtl") {
                    // It ends with its line.
                    self.seen.text.push(OVERRIDE);
                }
            }
            Attribute::Direction
                if mem::take(&mut self.override_begins) && value.trim().eq_ignore_ascii_case("rtl") =>
            {
                self.overrides += 1;
                self.seen.text.push(OVERRIDE);
            }
            Attribute::Direction | Attribute::Other => {}
        }
    }

    /// Keeps what stands in a `data:` address.
    fn embed(&mut self, data: String) {
        let bytes = self.seen.embedded_bytes + data.len();
        if self.seen.embedded.len() == MAX_EMBEDDED || bytes > MAX_EMBEDDED_BYTES {
            self.seen.embedded_left_out = true;
            return;
        }
        self.seen.embedded_bytes = bytes;
        self.seen.embedded.push(data);
    }

    /// Reads the content that was gathered.
    fn end_raw(&mut self) {
        let Some(raw) = self.raw.take() else { return };
        let content = mem::take(&mut self.content);
        match raw {
            Raw::Page => self.inner_page(&content),
            Raw::Script => {
                script::read(&content, &mut self.seen.scripts);
                self.seen.scripts.push('\n');
            }
            Raw::Style => {
                style_sheet::addresses(&content).filter_map(data_address).for_each(|data| self.embed(data));
                style_sheet::strings(&content, &mut self.seen.styles);
                if self.displayed || style_sheet::shows_itself(&content) {
                    self.words(content.as_bytes());
                }
                // A style sheet is none from where the drawing ends that it stands in.
                let ends = ["</svg", "</math"].iter().filter_map(|end| content.find(end)).min();
                if let Some(ends) = ends.filter(|_| self.foreign) {
                    self.inner_page(&content[ends..]);
                }
            }
        }
    }

    /// Reads a page that stands in this one.
    fn inner_page(&mut self, html: &str) {
        let (Some(deadline), Some(nesting)) = (self.deadline, self.nesting.checked_sub(1)) else {
            self.seen.too_deep = true;
            return self.words(html.as_bytes());
        };
        let cut = self.seen.cut;
        self.seen = page(html, mem::take(&mut self.seen), self.limit, deadline, nesting);
        self.seen.cut |= cut;
    }

    fn tag(&mut self, name: &[u8]) {
        match name {
            b"td" | b"th" => self.set_apart('\t'),
            // Of a drawing, each text has a place of its own.
            b"text" if self.foreign => self.set_apart('\n'),
            b"address" | b"article" | b"aside" | b"blockquote" | b"body" | b"br" | b"caption" | b"center" | b"dd"
            | b"details" | b"dir" | b"div" | b"dl" | b"dt" | b"fieldset" | b"figcaption" | b"figure" | b"footer"
            | b"form" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"head" | b"header" | b"hr" | b"html"
            | b"legend" | b"li" | b"main" | b"nav" | b"ol" | b"optgroup" | b"option" | b"p" | b"pre" | b"section"
            | b"select" | b"summary" | b"table" | b"tbody" | b"textarea" | b"tfoot" | b"thead" | b"title" | b"tr"
            | b"ul" => self.set_apart('\n'),
            _ => {}
        }
    }

    /// Appends a break; next to another white space the stronger one stays.
    fn set_apart(&mut self, with: char) {
        match self.seen.text.chars().next_back() {
            None | Some('\n') => {}
            Some('\t') if with == ' ' => {}
            Some(' ' | '\t') => {
                self.seen.text.pop();
                self.seen.text.push(with);
            }
            Some(_) => self.seen.text.push(with),
        }
    }

    /// Appends text with white space folded, as readers' programs do.
    fn words(&mut self, value: &[u8]) {
        // The input was UTF-8; the tokenizer cuts it between characters only.
        let value = String::from_utf8_lossy(value);
        if self.preformatted {
            self.seen.text.push_str(&value);
            return;
        }
        let mut words = value.split([' ', '\t', '\r', '\n', '\x0c']);
        if let Some(first) = words.next() {
            self.seen.text.push_str(first);
        }
        for word in words {
            self.set_apart_softly();
            self.seen.text.push_str(word);
        }
    }

    fn set_apart_softly(&mut self) {
        if !self.seen.text.is_empty() && !self.seen.text.ends_with([' ', '\t', '\n']) {
            self.seen.text.push(' ');
        }
    }
}

/// What stands in a `data:` address, from the media type on. White space around it and line ends within it are none of
/// it (URL Standard, "basic URL parser").
fn data_address(value: &str) -> Option<String> {
    let blank = |character: char| character <= ' ';
    let value = value.trim_start_matches(blank);
    let in_line = |character: &char| !matches!(character, '\t' | '\r' | '\n');
    let scheme: String = value.chars().filter(in_line).take(5).collect();
    if !scheme.eq_ignore_ascii_case("data:") {
        return None;
    }
    let (_, data) = value.split_once(':')?;
    let data = data.trim_end_matches(blank);
    Some(if data.contains(['\t', '\r', '\n']) { data.chars().filter(in_line).collect() } else { data.to_owned() })
}

/// The addresses of a `srcset` (HTML Living Standard, "parsing a srcset attribute").
fn candidates(set: &str) -> impl Iterator<Item = &str> {
    let mut rest = set;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|character: char| character.is_ascii_whitespace() || character == ',');
        let end = rest.find(|character: char| character.is_ascii_whitespace()).unwrap_or(rest.len());
        let (address, after) = rest.split_at(end);
        if address.is_empty() {
            return None;
        }
        let bare = address.trim_end_matches(',');
        // Without a comma, the address's size follows.
        rest = if bare.len() < address.len() { after } else { after.split_once(',').map_or("", |(_, after)| after) };
        Some(bare)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Limits, Unread};
    use proptest::prelude::*;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn seen(html: &str) -> String {
        let seen = read(html, 1 << 20, soon());
        assert!(!seen.cut);
        seen.text
    }

    #[test]
    fn reads_what_a_reader_sees() {
        for (html, text) in [
            ("", ""),
            ("plain", "plain"),
            ("<p>Hej</p><p>du</p>", "Hej\ndu\n"),
            ("a<br>b<br/>c", "a\nb\nc"),
            ("<b>0101</b>90<span>-</span><font color=red>1234</font>", "010190-1234"),
            ("0101<!-- x -->90", "010190"),
            ("0101<wbr>90&shy;-1234", "010190\u{ad}-1234"),
            ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a\tb\nc\n"),
            ("<style>p { x: 1 }</style>y<script>var z = '</p>';</script>w", "yw"),
            ("&aelig;&#248;&#xe5;&nbsp;&amp;", "æøå\u{a0}&"),
            ("<img src=x alt='kort 1'>t", "kort 1 t"),
            ("1<img src='a.png'>2", "12"),
            ("<a href='https://example.org/0101901234'>her</a>", "her"),
            ("a\r\n   b\tc", "a b c"),
            ("<pre>a\n  b</pre>c", "a\n  b\nc"),
            ("<title>T</title><body>B", "T\nB"),
            ("1 < 2 & 3", "1 < 2 & 3"),
            ("<!DOCTYPE html><html><head></head><body>x</body></html>", "x\n"),
            ("unclosed <b", "unclosed "),
            ("<input value='010190'>", "010190 "),
            ("a<noscript>0101<b>90</b></noscript>-1234", "a010190-1234"),
            ("<noembed>0101<!-- x -->90", "010190"),
            ("<svg><style></svg><p>0101<b>90</b>", "010190"),
            ("<svg><style>.a { x: 1 }</style><text>y</text></svg>", "y\n"),
            ("<svg></svg><style>p { x: 1 }</style>y", "y"),
            ("<style style='display:block'>0101</style>90", "010190"),
            ("<style>style{display:block}</style>90", "style{display:block}90"),
            ("<optgroup label='a'><option label='0101'></option>", "a\n0101\n"),
            ("<v:textpath string='0101'/>", "0101 "),
            ("a<noscript><iframe srcdoc='&lt;iframe srcdoc=0101&gt;'></iframe></noscript>b", "a\n0101\nb"),
            ("<bdo dir=rtl>10</bdo><bdo>a</bdo><bdo dir=rtl>20", "\u{202e}10\u{202c}a\u{202e}20"),
            ("<svg><text>a</text><text><tspan>01</tspan><tspan>01</tspan></text></svg>", "a\n0101\n"),
        ] {
            assert_eq!(seen(html), text, "{html}");
        }
    }

    #[test]
    fn scripts_and_style_sheets_are_read_beside() {
        let html =
            "<script>var a = {'cpr': '610190' + '-0005'}</script><style>p::after{content:'610190-0006'}</style>x";
        let seen = read(html, 1 << 20, soon());
        assert_eq!(
            (&*seen.text, &*seen.scripts, &*seen.styles),
            ("x", "var a = {'cpr': '610190-0005'}\n", "610190-0006\n")
        );
    }

    #[test]
    fn pages_within_one_another_end() {
        let mut html = "x".to_owned();
        for _ in 0..8 {
            html = format!("<iframe srcdoc=\"{}\">", html.replace('&', "&amp;").replace('"', "&quot;"));
        }
        let seen = read(&html, 1 << 20, soon());
        assert!(seen.too_deep && seen.text.contains("srcdoc="));
    }

    #[test]
    fn stops_at_its_limits() {
        let html = "<p>word</p>".repeat(100_000);
        let seen = read(&html, 1000, soon());
        assert!(seen.cut && seen.text.len() < 1000 + STEP * 2);
        assert!(read(&html, usize::MAX, Instant::now()).cut);
        let comments = read(&"<!--word-->".repeat(100_000), 1000, soon());
        assert!(comments.cut && comments.comments.len() < 1000 + STEP * 2);
    }

    #[test]
    fn reads_comments_and_what_addresses_hold() {
        let html = "a<!-- one <b>t</b>wo --><!--[if mso]><table><tr><td>010190-</td><td>1234</td></table><![endif]-->b\
                    <img src='data:image/png;base64,iVBORw=='><a href=\"DATA:,Hej%2C%20du%\">c</a>\
                    <iframe srcdoc='<p>in<b>ner</b></p>'></iframe>";
        let seen = read(html, 1 << 20, soon());
        assert_eq!(seen.text, "abc\ninner\n");
        assert_eq!(seen.comments, "one two [if mso]>\n010190-\t1234\n[endif]\n\n");
        assert_eq!(seen.embedded, ["image/png;base64,iVBORw==", ",Hej%2C%20du%"]);
        for (html, embedded) in [
            ("<img src=' da\nta:,a\nb '>", &[",ab"][..]),
            ("<img srcset='data:,a 2x,x.png 1x, data:,b, y.png'>", &[",a", ",b"]),
            ("<meta http-equiv=refresh content='0; URL=\"data:,a'>", &[",a"]),
            ("<p style='background:url(&quot;data:,a&quot;)'>", &[",a"]),
            ("<style>p{background:url(data:,a)}</style>", &[",a"]),
            ("<!-- <img src='data:,a'> -->", &[",a"]),
            ("<p title='data: 1'>", &[" 1"]),
        ] {
            assert_eq!(read(html, 1 << 20, soon()).embedded, embedded, "{html}");
        }

        let mut reading = Reading::new(&Limits::default(), soon(), &Unread);
        read_html(html, "page", &mut reading).unwrap();
        let document = reading.finish();
        let places: Vec<&str> = document.pieces.iter().map(|piece| piece.place.as_str()).collect();
        assert_eq!(places, ["page", "page > comments"]);
        let unread: Vec<&str> = document.unreadable.iter().map(|part| part.place.as_str()).collect();
        assert_eq!(unread, ["page > embedded 1", "page > embedded 2"]);
        assert_eq!(percent_decoded(b"Hej%2C%20du%"), b"Hej, du%");
    }

    #[test]
    fn hostile_nesting_and_attributes_are_read() {
        assert_eq!(seen(&format!("{}x", "<div>".repeat(200_000))), "x");
        seen(&"<noscript><noembed>".repeat(50_000));
        seen(&"<svg><style>".repeat(50_000));
        let attributes: String = (0..100_000).map(|number| format!(" a{number}=1")).collect();
        assert_eq!(seen(&format!("<p{attributes}>x")), "x");
        assert_eq!(seen(&format!("{}x", "&".repeat(1000))), format!("{}x", "&".repeat(1000)));
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(html in any::<String>()) {
            seen(&html);
        }

        #[test]
        fn any_markup_can_be_read(html in "(<[/!]?[a-z]{0,6}[ =\"'>-]{0,3}|&[a-z#0-9]{0,4};?|[ -~]{0,4}){0,40}") {
            seen(&html);
        }
    }
}
