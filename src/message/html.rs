//! HTML -> the text that a reader sees.
//!
//! Tags go; inline tags split no word or number; block tags and `<br>` begin a line, table cells are set apart by tabs.
//! What stands for readers without scripts or frames is read as they see it, tags and all.
//! Scripts and style sheets are not read; text that is merely hidden by style is. `alt`, `title`, `placeholder` and
//! `value` are read; addresses of links and pictures are not, but for those that hold the thing itself (`data:`).
//! Comments are read as a text of their own: some hold what only one program shows.

use super::{
    Attachment, Embedded, Piece, Reading, Stop, normalise,
    transfer::{self, Encoding},
    within, without_quote_marks,
};
use html5gum::{
    Span, Tokenizer,
    emitters::callback::{Callback, CallbackEmitter, CallbackEvent},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

/// Bytes of HTML between two looks at the clock.
const STEP: usize = 64 * 1024;

/// The deepest that a page is looked for in a page (what stands for readers without scripts or frames is one): each
/// level is a copy.
const NESTING: usize = 1;

/// Things in `data:` addresses that are taken out of one page.
const MAX_EMBEDDED: usize = 1000;

/// Reads a page that stands at a place: its text, that of its comments, and what it holds in `data:` addresses.
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
    reading.piece(Piece::new(place, normalise(text.into_owned())));
    blocks.read(place, reading)?;
    reading.piece(Piece::new(within(place, "comments"), normalise(seen.comments)));
    if seen.cut {
        reading.clock(place)?;
        reading.too_much_text(place);
    }
    if seen.embedded.len() == MAX_EMBEDDED {
        reading.limit(place, format!("limit: {MAX_EMBEDDED} or more things within the page"));
    }
    for (number, address) in seen.embedded.iter().enumerate() {
        let (kind, data) = address.split_once(',').unwrap_or(("", address));
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
    let mut rest = data;
    while let [first, after @ ..] = rest {
        let hex = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        match (first, after.get(..2).and_then(hex)) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                rest = &after[2..];
            }
            _ => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

/// What stands in a page.
#[derive(Debug, Default, Eq, PartialEq)]
struct Seen {
    /// What a reader sees.
    text: String,
    /// The text of comments, a line each.
    comments: String,
    /// What stands in `data:` addresses, from the media type on, [`MAX_EMBEDDED`] of them.
    embedded: Vec<String>,
    /// Not all was read: `deadline` passed, or the text was full.
    cut: bool,
}

/// Reads HTML until `deadline`, and not much more than `limit` bytes of it.
fn read(html: &str, limit: usize, deadline: Instant) -> Seen {
    let mut seen = nested(html, limit, deadline, NESTING);
    if !seen.comments.is_empty() {
        let left = limit.saturating_sub(seen.text.len());
        let comments = nested(&seen.comments, left, deadline, NESTING);
        seen.cut |= comments.cut;
        seen.comments = comments.text;
    }
    seen
}

fn nested(html: &str, limit: usize, deadline: Instant, nesting: usize) -> Seen {
    let text = String::with_capacity(html.len().min(limit) / 4);
    let mut reader = Reader { text, limit, deadline: Some(deadline), nesting, ..Reader::default() };
    let mut emitter = CallbackEmitter::new(&mut reader);
    emitter.naively_switch_states(true);
    let mut cut = false;
    for Ok(length) in Tokenizer::new_with_emitter(html, emitter) {
        if length > limit || Instant::now() > deadline {
            cut = true;
            break;
        }
    }
    reader.unwrap_markup();
    let Reader { text, comments, embedded, .. } = reader;
    Seen { cut: cut || text.len() > limit, text, comments, embedded }
}

#[derive(Default)]
struct Reader {
    text: String,
    comments: String,
    embedded: Vec<String>,
    /// The attribute whose value comes next is the address of something.
    address: bool,
    /// The attribute whose value comes next is a page of its own.
    page: bool,
    /// Within an element whose content nobody sees.
    hidden: bool,
    /// The attribute whose value comes next is one that readers see.
    shown: bool,
    /// Within `<pre>`, where line ends count.
    preformatted: bool,
    /// Within an element of which the tokenizer gives the content untouched, and of which readers show it as markup.
    markup: Option<String>,
    /// Within a drawing or a formula, where a style sheet ends with what it stands in.
    foreign: bool,
    seen: usize,
    limit: usize,
    deadline: Option<Instant>,
    nesting: usize,
}

impl Callback<usize, ()> for &mut Reader {
    /// Returns the length of the text now and then, so that the caller can look at the clock.
    fn handle_event(&mut self, event: CallbackEvent<'_>, _: Span<()>) -> Option<usize> {
        self.seen += match event {
            CallbackEvent::OpenStartTag { name } => {
                self.unwrap_markup();
                let as_markup = matches!(name, b"noscript" | b"noembed") || self.foreign && name == b"style";
                self.markup = (as_markup && self.nesting > 0).then(String::new);
                self.foreign |= matches!(name, b"svg" | b"math");
                self.hidden = matches!(name, b"script" | b"style");
                self.preformatted |= name == b"pre";
                self.tag(name);
                name.len()
            }
            CallbackEvent::EndTag { name } => {
                self.unwrap_markup();
                self.foreign &= !matches!(name, b"svg" | b"math");
                self.hidden = false;
                self.preformatted &= name != b"pre";
                self.tag(name);
                name.len()
            }
            CallbackEvent::AttributeName { name } => {
                self.shown = matches!(name, b"alt" | b"title" | b"placeholder" | b"value" | b"aria-label" | b"summary");
                self.address = matches!(name, b"src" | b"href" | b"data" | b"poster" | b"background" | b"xlink:href");
                self.page = name == b"srcdoc";
                name.len()
            }
            CallbackEvent::AttributeValue { value } => {
                if self.address && value.len() > 5 && value[..5].eq_ignore_ascii_case(b"data:") {
                    if self.embedded.len() < MAX_EMBEDDED {
                        self.embedded.push(String::from_utf8_lossy(&value[5..]).into_owned());
                    }
                } else if self.page {
                    self.unwrap_page(&String::from_utf8_lossy(value));
                } else if self.shown {
                    self.set_apart(' ');
                    self.words(value);
                    self.set_apart(' ');
                }
                value.len()
            }
            CallbackEvent::String { value } => {
                match &mut self.markup {
                    Some(markup) => markup.push_str(&String::from_utf8_lossy(value)),
                    None if self.hidden => {}
                    None => self.words(value),
                }
                value.len()
            }
            CallbackEvent::Comment { value } => {
                self.comments.push_str(&String::from_utf8_lossy(value));
                self.comments.push('\n');
                value.len()
            }
            _ => 1,
        };
        if self.seen < STEP {
            return None;
        }
        self.seen = 0;
        Some(self.text.len() + self.comments.len())
    }
}

impl Reader {
    /// Reads the markup that was gathered.
    fn unwrap_markup(&mut self) {
        let Some(markup) = self.markup.take() else { return };
        // A style sheet is none from where the drawing ends that it stands in.
        let shown = match self.hidden {
            true => ["</svg", "</math"].iter().filter_map(|end| markup.find(end)).min().unwrap_or(markup.len()),
            false => 0,
        };
        self.unwrap_page(&markup[shown..]);
    }

    /// Reads a page that stands in this one.
    fn unwrap_page(&mut self, html: &str) {
        let (Some(deadline), Some(nesting)) = (self.deadline, self.nesting.checked_sub(1)) else { return };
        let left = self.limit.saturating_sub(self.text.len());
        let inner = nested(html, left, deadline, nesting);
        self.text.push_str(&inner.text);
        self.comments.push_str(&inner.comments);
        self.embedded.extend(inner.embedded);
    }

    fn tag(&mut self, name: &[u8]) {
        match name {
            b"td" | b"th" => self.set_apart('\t'),
            b"address" | b"article" | b"aside" | b"blockquote" | b"body" | b"br" | b"caption" | b"center" | b"dd"
            | b"details" | b"dir" | b"div" | b"dl" | b"dt" | b"fieldset" | b"figcaption" | b"figure" | b"footer"
            | b"form" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"head" | b"header" | b"hr" | b"html"
            | b"legend" | b"li" | b"main" | b"nav" | b"ol" | b"option" | b"p" | b"pre" | b"section" | b"select"
            | b"summary" | b"table" | b"tbody" | b"textarea" | b"tfoot" | b"thead" | b"title" | b"tr" | b"ul" => {
                self.set_apart('\n')
            }
            _ => {}
        }
    }

    /// Appends a break; next to another white space the stronger one stays.
    fn set_apart(&mut self, with: char) {
        match self.text.chars().next_back() {
            None | Some('\n') => {}
            Some('\t') if with == ' ' => {}
            Some(' ' | '\t') => {
                self.text.pop();
                self.text.push(with);
            }
            Some(_) => self.text.push(with),
        }
    }

    /// Appends text with white space folded, as readers' programs do.
    fn words(&mut self, value: &[u8]) {
        // The input was UTF-8; the tokenizer cuts it between characters only.
        let value = String::from_utf8_lossy(value);
        if self.preformatted {
            self.text.push_str(&value);
            return;
        }
        let mut words = value.split([' ', '\t', '\r', '\n', '\x0c']);
        if let Some(first) = words.next() {
            self.text.push_str(first);
        }
        for word in words {
            self.set_apart_softly();
            self.text.push_str(word);
        }
    }

    fn set_apart_softly(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with([' ', '\t', '\n']) {
            self.text.push(' ');
        }
    }
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
            ("<svg><style>.a { x: 1 }</style><text>y</text></svg>", "y"),
            ("<svg></svg><style>p { x: 1 }</style>y", "y"),
        ] {
            assert_eq!(seen(html), text, "{html}");
        }
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
        assert_eq!(seen.text, "abcinner\n");
        assert_eq!(seen.comments, "one two [if mso]>\n010190-\t1234\n");
        assert_eq!(seen.embedded, ["image/png;base64,iVBORw==", ",Hej%2C%20du%"]);

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
