//! HTML -> the text that a reader sees.
//!
//! Tags go; inline tags split no word or number; block tags and `<br>` begin a line, table cells are set apart by tabs.
//! What stands for readers without scripts or frames is read as they see it, tags and all.
//! Scripts, style sheets and comments are not read: no reader sees them (Outlook's conditional comments repeat what
//! stands outside them). Text that is merely hidden by style is read. `alt`, `title`, `placeholder` and `value` are
//! read; addresses of links and pictures are not.

use html5gum::{
    Span, Tokenizer,
    emitters::callback::{Callback, CallbackEmitter, CallbackEvent},
};
use std::{ops::ControlFlow, time::Instant};

/// Bytes of HTML between two looks at the clock.
const STEP: usize = 64 * 1024;

/// The deepest that text for readers without scripts or frames is looked for in such text: each level is a copy.
const NESTING: usize = 1;

/// Reads HTML. `Break` holds what was read before `deadline` passed or `limit` bytes of text were full.
pub(super) fn text(html: &str, limit: usize, deadline: Instant) -> ControlFlow<String, String> {
    nested(html, limit, deadline, NESTING)
}

fn nested(html: &str, limit: usize, deadline: Instant, nesting: usize) -> ControlFlow<String, String> {
    let text = String::with_capacity(html.len().min(limit) / 4);
    let mut reader = Reader { text, limit, deadline: Some(deadline), nesting, ..Reader::default() };
    let mut emitter = CallbackEmitter::new(&mut reader);
    emitter.naively_switch_states(true);
    for Ok(length) in Tokenizer::new_with_emitter(html, emitter) {
        if length > limit || Instant::now() > deadline {
            return ControlFlow::Break(reader.text);
        }
    }
    reader.unwrap_markup();
    if reader.text.len() > limit { ControlFlow::Break(reader.text) } else { ControlFlow::Continue(reader.text) }
}

#[derive(Default)]
struct Reader {
    text: String,
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
                self.shown = matches!(name, b"alt" | b"title" | b"placeholder" | b"value");
                name.len()
            }
            CallbackEvent::AttributeValue { value } => {
                if self.shown {
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
            CallbackEvent::Comment { value } => value.len(),
            _ => 1,
        };
        if self.seen < STEP {
            return None;
        }
        self.seen = 0;
        Some(self.text.len())
    }
}

impl Reader {
    /// Reads the markup that was gathered.
    fn unwrap_markup(&mut self) {
        let (Some(markup), Some(deadline)) = (self.markup.take(), self.deadline) else { return };
        // A style sheet is none from where the drawing ends that it stands in.
        let shown = match self.hidden {
            true => ["</svg", "</math"].iter().filter_map(|end| markup.find(end)).min().unwrap_or(markup.len()),
            false => 0,
        };
        let left = self.limit.saturating_sub(self.text.len());
        let (ControlFlow::Continue(text) | ControlFlow::Break(text)) =
            nested(&markup[shown..], left, deadline, self.nesting.saturating_sub(1));
        self.text.push_str(&text);
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
    use proptest::prelude::*;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn seen(html: &str) -> String {
        match text(html, 1 << 20, soon()) {
            ControlFlow::Continue(text) => text,
            ControlFlow::Break(text) => panic!("stopped at {text:?}"),
        }
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
        let ControlFlow::Break(text_read) = text(&html, 1000, soon()) else { panic!("did not stop") };
        assert!(text_read.len() < 1000 + STEP * 2);
        assert!(matches!(text(&html, usize::MAX, Instant::now()), ControlFlow::Break(_)));
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
