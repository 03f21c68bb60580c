//! The MIME tree (RFC 2045, 2046), walked in one pass from the first byte to the last.
//!
//! The walk is our own, and only the types of parts are mail-parser's: its tree decodes every attachment, takes time
//! quadratic in the number of multiparts whose boundary never comes, and overflows the stack when it drops deeply
//! nested messages. Here a part is a slice of the message, and an attachment that is not read costs nothing.
//!
//! Where mail programs differ in how they read a broken message, more is read rather than less: a multipart without
//! its boundary is text, so are the lines before its first part and after its last, and a delimiter after the closing
//! one opens a part again.

use super::{
    Embedded, Field, Piece, charset,
    header::{RawField, Section, Structured},
    html,
    lines::{self, Flowed},
    normalise, opened_by_name,
    reading::{Attachment, Reading, Stop, attachment_place},
    reversed,
    signature::Signature,
    transfer::{self, Encoding},
    within,
};
use mail_parser::ContentType;
use memchr::memmem;
use std::borrow::Cow;

/// Messages within messages that are themselves encoded for transfer (which RFC 2046 section 5.2.1 forbids); each is
/// decoded in memory.
const MAX_ENCODED_MESSAGES: usize = 3;

/// The longest boundary that is guessed, in bytes; RFC 2046 section 5.1.1 allows 70.
const MAX_BOUNDARY: usize = 200;

/// The header fields that people write.
const WRITTEN: [&str; 11] = [
    "subject",
    "comments",
    "keywords",
    "thread-topic",
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "organization",
];

/// Walks a message that stands at `outer` (empty: it is the message itself).
pub(super) fn read(raw: &[u8], outer: &str, reading: &mut Reading<'_>) -> Result<(), Stop> {
    let most = reading.limits().text_bytes;
    let raw = if raw.len() <= most {
        with_line_feeds(raw)
    } else {
        if has_bare_returns(raw) {
            // A copy of what may be as long as a message can be.
            let reason = format!("limit: lines that end with a carriage return alone, in more than {most} bytes");
            reading.limit(if outer.is_empty() { "message" } else { outer }, reason);
        }
        raw.into()
    };
    Walk { reading, outer, encoded: 0 }.message(&raw, "")
}

/// Whether there are lines that end with a carriage return alone, and that matter.
fn has_bare_returns(raw: &[u8]) -> bool {
    let has = |bytes: &[u8]| memmem::find(raw, bytes).is_some();
    memchr::memchr(b'\n', raw).is_none() || has(b"\r--") || has(b"\rContent-")
}

/// Lines that end with a carriage return alone end with a line feed for some readers; so they do here, in messages that
/// have no other line ends, or whose parts are set apart so.
fn with_line_feeds(raw: &[u8]) -> Cow<'_, [u8]> {
    if !has_bare_returns(raw) {
        return raw.into();
    }
    let alone = |at: usize| raw[at] == b'\r' && raw.get(at + 1) != Some(&b'\n');
    (0..raw.len()).map(|at| if alone(at) { b'\n' } else { raw[at] }).collect()
}

struct Walk<'r, 'a> {
    reading: &'r mut Reading<'a>,
    /// Where the message stands.
    outer: &'r str,
    /// Encoded messages that this one is within.
    encoded: usize,
}

/// What we are within.
struct Frame {
    /// None: a message within the message, which ends with its surroundings.
    boundary: Option<Vec<u8>>,
    path: String,
    children: usize,
    digest: bool,
}

/// A line that ends a part.
struct Delimiter {
    /// End of what stands before it, without the line end that belongs to the delimiter.
    end: usize,
    /// Offset of the next line.
    after: usize,
    frame: usize,
    closing: bool,
}

/// What a part is, by its type.
enum Kind {
    /// Its boundary, and whether it is a digest.
    Multipart(Option<Vec<u8>>, bool),
    Message,
    Text {
        html: bool,
    },
    Attachment,
    /// Not in this message.
    Elsewhere(&'static str),
}

struct Part {
    kind: Kind,
    media_type: String,
    charset: Option<String>,
    encoding: Encoding,
    names: Vec<String>,
    /// Text that is flowed (RFC 3676).
    flowed: Option<Flowed>,
}

impl Walk<'_, '_> {
    fn message(&mut self, raw: &[u8], path: &str) -> Result<(), Stop> {
        let mut stack: Vec<Frame> = Vec::new();
        let mut path = path.to_owned();
        let mut is_message = true;
        let mut at = 0;
        loop {
            let here = self.place(&path, None);
            self.reading.part(&here)?;
            let section =
                Section::read(&raw[at..], self.reading.header_left(), |line| delimiter_of(&stack, line).is_some());
            if section.cut {
                let most = self.reading.limits().header_bytes;
                self.reading.limit(&here, format!("limit: more than {most} bytes of header fields"));
            }
            let own = at == 0 && self.encoded == 0 && self.outer.is_empty();
            self.fields(&section, &path, is_message, own);
            let in_digest = !is_message && stack.last().is_some_and(|frame| frame.digest);
            let mut part = self.part(&section, &here, in_digest);
            self.names(&part.names, &path);
            let body = at + section.body;
            drop(section);

            if matches!(part.kind, Kind::Multipart(..)) || matches!(part.kind, Kind::Message) {
                if self.reading.deeper(&here, stack.len() + 1, |_| ()).is_none() {
                    part.kind = Kind::Text { html: false };
                    part.encoding = Encoding::Identity;
                } else if matches!(part.kind, Kind::Message) && part.encoding == Encoding::Identity {
                    stack.push(Frame { boundary: None, path: path.clone(), children: 0, digest: false });
                    is_message = true;
                    at = body;
                    continue;
                }
            }
            if let Kind::Multipart(None, digest) = part.kind {
                part.kind = self.boundless(&part, digest, &raw[body..], &stack, &path);
            }
            let found = if let Kind::Multipart(boundary, digest) = &mut part.kind {
                let frame = Frame { boundary: boundary.clone(), path: path.clone(), children: 0, digest: *digest };
                stack.push(frame);
                self.multipart(&part, raw, body, &mut stack)?
            } else {
                let found = next_delimiter(raw, body, &stack);
                let end = found.as_ref().map_or(raw.len(), |found| found.end.max(body));
                self.leaf(&part, &raw[body..end], &path, stack.len())?;
                found
            };

            let Some(next) = self.epilogues(raw, found, &stack)? else { return Ok(()) };
            stack.truncate(next.frame + 1);
            // `frame` is an index into the stack.
            let Some(frame) = stack.last_mut() else { return Ok(()) };
            frame.children += 1;
            path = if frame.path.is_empty() {
                frame.children.to_string()
            } else {
                format!("{}.{}", frame.path, frame.children)
            };
            is_message = false;
            at = next.after;
        }
    }

    /// What a multipart is that does not tell its boundary: one with the boundary that its lines have, or text.
    fn boundless(&mut self, part: &Part, digest: bool, rest: &[u8], stack: &[Frame], path: &str) -> Kind {
        let here = self.place(path, Some(&part.media_type));
        let end = next_delimiter(rest, 0, stack).map_or(rest.len(), |found| found.end);
        match likely_boundary(&rest[..end]).filter(|_| part.encoding == Encoding::Identity) {
            Some(guessed) => {
                self.reading.unreadable(&here, "a multipart without boundary; read by the one that its lines have");
                Kind::Multipart(Some(guessed.to_vec()), digest)
            }
            None => {
                self.reading.unreadable(&here, "a multipart without boundary; read as text");
                Kind::Text { html: false }
            }
        }
    }

    /// Reads what stands before the first part of the innermost multipart; gives its first delimiter, or that of one
    /// around it.
    fn multipart(
        &mut self,
        part: &Part,
        raw: &[u8],
        body: usize,
        stack: &mut [Frame],
    ) -> Result<Option<Delimiter>, Stop> {
        let depth = stack.len();
        let Some((own, _)) = stack.split_last_mut() else { return Ok(None) };
        let path = own.path.clone();
        let here = self.place(&path, Some(&part.media_type));
        let mut found = next_delimiter(raw, body, stack);
        let end = |found: &Option<Delimiter>| found.as_ref().map_or(raw.len(), |found| found.end.max(body));
        let inside = &raw[body..end(&found)];
        let is_own = found.as_ref().is_some_and(|found| found.frame + 1 == depth);
        if part.encoding != Encoding::Identity {
            self.reading.unreadable(&here, "a multipart that is encoded itself; read as it stands, and decoded");
            self.encoded_multipart(part, inside, &path, depth)?;
        } else if is_own || inside.iter().all(u8::is_ascii_whitespace) {
            // As it should be.
        } else if let Some(guessed) = likely_boundary(inside) {
            self.reading.unreadable(&here, "its boundary never comes; read by the one that its lines have");
            if let Some(own) = stack.last_mut() {
                own.boundary = Some(guessed.to_vec());
            }
            found = next_delimiter(raw, body, stack);
        } else {
            self.reading.unreadable(&here, "its boundary never comes; read as text");
        }
        self.between(&raw[body..end(&found)], &path)?;
        Ok(found)
    }

    /// Reads the parts of a multipart that was encoded for transfer, which RFC 2045 section 6.4 forbids.
    fn encoded_multipart(&mut self, part: &Part, inside: &[u8], path: &str, depth: usize) -> Result<(), Stop> {
        let Kind::Multipart(Some(boundary), _) = &part.kind else { return Ok(()) };
        if self.encoded >= MAX_ENCODED_MESSAGES || boundary.iter().any(|byte| matches!(byte, b'"' | b'\\')) {
            return Ok(());
        }
        let most = self.reading.text_left();
        let (decoded, _) = transfer::decode_some(part.encoding, inside, most);
        if decoded.len() > most {
            self.reading.too_much_text(&self.place(path, None));
        }
        let header = [b"Content-Type: multipart/mixed; boundary=\"", &boundary[..], b"\"\n\n"].concat();
        let whole = [&header, &*decoded].concat();
        drop(decoded);
        let (outer, encoded) = (self.outer, self.encoded + 1);
        let inner = |reading: &mut Reading<'_>| Walk { reading, outer, encoded }.message(&whole, path);
        self.reading.deeper(&self.place(path, None), depth, inner).unwrap_or(Ok(()))
    }

    /// Passes closing delimiters, reading what stands after them, up to the delimiter that opens the next part.
    fn epilogues(
        &mut self,
        raw: &[u8],
        mut found: Option<Delimiter>,
        stack: &[Frame],
    ) -> Result<Option<Delimiter>, Stop> {
        while let Some(closing) = found.take_if(|found| found.closing) {
            found = next_delimiter(raw, closing.after, stack);
            let end = found.as_ref().map_or(raw.len(), |found| found.end.max(closing.after));
            self.between(&raw[closing.after..end], &stack[closing.frame].path)?;
        }
        Ok(found)
    }

    /// The words for a place in this message.
    fn place(&self, path: &str, media_type: Option<&str>) -> String {
        within(self.outer, place(path, media_type))
    }

    /// Keeps a text that stands at a place of the message, or of the part.
    fn keep(&mut self, what: &str, path: &str, text: String) {
        let place = if path.is_empty() { what.to_owned() } else { format!("part {path}: {what}") };
        self.reading.piece(Piece::new(within(self.outer, place), normalise(text)));
    }

    /// Keeps the header fields: all of the message's own, and the text of those that people write.
    fn fields(&mut self, section: &Section<'_>, path: &str, is_message: bool, own: bool) {
        // Of a text that is only taken for a message, every line is text.
        let is_header = is_message && section.is_of_message();
        for field in &section.fields {
            let written = WRITTEN.iter().find(|name| field.is(name));
            if own || is_message && written.is_some() {
                let value = field.text();
                if let Some(name) = written {
                    self.keep(name, path, value.clone());
                }
                if own {
                    self.reading.field(Field { name: field.name(), value });
                }
            } else if !is_header && !is_mime(field) {
                // Text without the empty line before it can look like a field.
                self.keep("header field", path, format!("{}: {}", field.name(), field.text()));
            }
        }
    }

    /// Keeps the names that files were given.
    fn names(&mut self, names: &[String], path: &str) {
        for name in names {
            self.keep("file name", path, name.clone());
        }
    }

    /// Keeps what stands before, between or after the parts of a multipart, where readers see nothing.
    fn between(&mut self, bytes: &[u8], path: &str) -> Result<(), Stop> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let left = self.reading.text_left();
        let bytes = &bytes[..bytes.len().min(left.saturating_add(1))];
        let what = if path.is_empty() { "around the parts" } else { "around its parts" };
        self.keep(what, path, charset::decode(bytes.into(), None, left).into_owned());
        let here = self.place(path, None);
        self.reading.clock(&here)
    }

    fn leaf(&mut self, part: &Part, body: &[u8], path: &str, depth: usize) -> Result<(), Stop> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let unnamed = place(path, Some(&part.media_type));
        // Mail programs show the name in Content-Disposition, which stands last.
        let here = attachment_place(self.outer, part.names.last().map(String::as_str), &unnamed);
        match part.kind {
            Kind::Elsewhere(reason) => self.reading.unreadable(&here, reason),
            Kind::Message if self.encoded >= MAX_ENCODED_MESSAGES => {
                let reason = format!("limit: more than {MAX_ENCODED_MESSAGES} encoded messages in one another");
                self.reading.limit(&here, reason);
            }
            Kind::Message => {
                let (decoded, _) = transfer::decode_some(part.encoding, body, self.reading.text_left());
                if decoded.len() > self.reading.text_left() {
                    self.reading.too_much_text(&here);
                    return Ok(());
                }
                let (outer, encoded) = (self.outer, self.encoded + 1);
                let inner = |reading: &mut Reading<'_>| Walk { reading, outer, encoded }.message(&decoded, path);
                self.reading.deeper(&here, depth + 1, inner).unwrap_or(Ok(()))?;
            }
            Kind::Attachment => {
                let (decoded, _) = transfer::decode(part.encoding, body);
                self.attachment(part, &decoded, &here, depth)?;
            }
            Kind::Text { html } => self.text(part, html, body, &here, depth)?,
            Kind::Multipart(..) => {}
        }
        self.reading.clock(&here)
    }

    fn attachment(&mut self, part: &Part, bytes: &[u8], here: &str, depth: usize) -> Result<(), Stop> {
        let attachment = Attachment {
            place: here,
            name: part.names.last().map(String::as_str),
            media_type: Some(&part.media_type),
            charset: part.charset.as_deref(),
            bytes,
        };
        self.reading.deeper(here, depth, |reading| reading.counted_attachment(&attachment)).unwrap_or(Ok(()))
    }

    fn text(&mut self, part: &Part, is_html: bool, body: &[u8], here: &str, depth: usize) -> Result<(), Stop> {
        if part.encoding == Encoding::Unknown {
            self.reading.unreadable(here, "its transfer encoding is not known; read as it stands");
        }
        if let Some(charset) = part.charset.as_deref().filter(|charset| !charset::is_known(charset)) {
            let charset: String = charset.chars().take(40).collect();
            self.reading.unreadable(here, format!("its charset `{charset}` is not known; read by guess"));
        }
        let most = self.most(is_html);
        let (mut decoded, clean) = transfer::decode_some(part.encoding, body, most);
        if part.encoding == Encoding::Lines && Embedded::in_bytes(&decoded).is_empty() {
            self.reading.unreadable(here, "said to be uuencoded, and is not; read as it stands");
        }
        let name = part.names.last().map(String::as_str);
        if Signature::of(&decoded).is_some() || opened_by_name::is_more_than_text(name, is_html, &decoded) {
            // A document that is called text: mail programs open it by its name.
            if decoded.len() > most {
                decoded = transfer::decode(part.encoding, body).0;
            }
            self.attachment(part, &decoded, here, depth)?;
        }
        if matches!(&*part.media_type, "text/enriched" | "text/richtext") {
            // Its commands are written as tags (RFC 1896).
            self.readable(part, true, decoded.clone(), here, depth)?;
        }
        self.readable(part, is_html, decoded, here, depth)?;
        if !clean {
            // Said to be base64 and is not: a reader may see the one or the other.
            self.readable(part, is_html, body.into(), &format!("{here}, undecoded"), depth)?;
        }
        if matches!(part.encoding, Encoding::Identity | Encoding::Unknown)
            && let Some(decoded) = transfer::undeclared_quoted_printable(body, most)
        {
            self.readable(part, is_html, decoded.into(), &format!("{here}, decoded"), depth)?;
        }
        Ok(())
    }

    /// How many bytes of a text are looked at. Markup is longer than its text; of plain text more cannot fit.
    fn most(&self, is_html: bool) -> usize {
        self.reading.text_left().saturating_mul(if is_html { 2 } else { 1 }).saturating_add(4)
    }

    /// Keeps what a reader sees of a text, and reads the files in it.
    fn readable(
        &mut self,
        part: &Part,
        is_html: bool,
        mut bytes: Cow<'_, [u8]>,
        here: &str,
        depth: usize,
    ) -> Result<(), Stop> {
        let most = self.most(is_html);
        let in_bytes = (!is_html).then(|| Embedded::in_bytes(&bytes));
        if bytes.len() > most {
            match &mut bytes {
                Cow::Owned(bytes) => bytes.truncate(most),
                Cow::Borrowed(bytes) => *bytes = &bytes[..most],
            }
            self.reading.too_much_text(here);
        }
        let text = charset::decode(bytes, part.charset.as_deref(), most);
        if text.len() > most {
            self.reading.too_much_text(here);
        }
        if is_html {
            return self.reading.deeper(here, depth, |reading| html::read_html(&text, here, reading)).unwrap_or(Ok(()));
        }
        let (plain, jumps) = match part.flowed {
            Some(flowed) => {
                let joined = lines::unflowed(&text, flowed);
                (joined.text.into(), joined.jumps)
            }
            None => (lines::without_quote_marks(&text), Vec::new()),
        };
        let in_text = Embedded::in_text(&plain);
        let backwards = reversed::runs(&plain);
        let numbered = lines::numbered(&plain, &jumps);
        drop(plain);
        drop(text);
        self.reading.piece(numbered.into_piece(here));
        self.reading.piece(Piece::new(within(here, "reversed"), normalise(backwards)));
        let embedded = |reading: &mut Reading<'_>| {
            in_bytes.map_or(Ok(()), |files| files.read(here, reading)).and_then(|()| in_text.read(here, reading))
        };
        self.reading.deeper(here, depth, embedded).unwrap_or(Ok(()))
    }

    /// What the fields of a part say that it is.
    fn part(&mut self, section: &Section<'_>, here: &str, in_digest: bool) -> Part {
        let encoding = section.field("content-transfer-encoding").map(RawField::text);
        let content_type = self.structured(section, "content-type", here);
        let disposition = self.structured(section, "content-disposition", here);
        let mut names: Vec<String> = Vec::new();
        for name in [(&content_type, "name"), (&disposition, "filename")] {
            let (Some(parsed), attribute) = name else { continue };
            // A name may be given twice, for programs that know RFC 2231 and for those that do not; the one that the
            // first kind shows stands last.
            let given = parsed.attributes().unwrap_or_default().iter().filter(|given| given.name == attribute);
            for given in given.rev() {
                if !names.iter().any(|known| *known == given.value) {
                    names.push(given.value.to_string());
                }
            }
        }
        // Readers differ in which one they go by.
        for name in ["content-type", "content-transfer-encoding"] {
            let mut values = section.fields.iter().filter(|field| field.is(name)).map(RawField::text);
            if let Some(first) = values.next()
                && values.any(|value| value != first)
            {
                self.reading.unreadable(here, format!("several fields {name}; read by the first"));
            }
        }
        let media_type = match &content_type {
            // Of no meaning, so that text/plain is assumed (RFC 2045 section 5.2).
            Some(parsed) if parsed.subtype().is_none() && !["multipart", "message"].contains(&parsed.ctype()) => {
                self.reading.unreadable(here, "content-type: no type and subtype; read as text");
                "text/plain".to_owned()
            }
            Some(parsed) => format!("{}/{}", parsed.ctype(), parsed.subtype().unwrap_or("plain")),
            None if in_digest => "message/rfc822".to_owned(),
            None => "text/plain".to_owned(),
        };
        let attribute = |name| content_type.as_ref().and_then(|parsed| parsed.attribute(name));
        let says = |name, value: &str| attribute(name).is_some_and(|said| said.trim().eq_ignore_ascii_case(value));
        let is_flowed = media_type == "text/plain" && says("format", "flowed");
        Part {
            flowed: is_flowed.then(|| Flowed { deletes_space: says("delsp", "yes") }),
            kind: kind(&media_type, content_type.as_ref()),
            charset: attribute("charset").map(str::to_owned),
            encoding: Encoding::from_field(encoding.as_deref()),
            media_type,
            names,
        }
    }

    fn structured(&mut self, section: &Section<'_>, name: &str, here: &str) -> Option<ContentType<'static>> {
        match section.field(name)?.structured() {
            Ok(Structured { parsed, limit }) => {
                if let Some(limit) = limit {
                    self.reading.limit(here, limit);
                }
                parsed
            }
            Err(reason) => {
                self.reading.unreadable(here, format!("{name}: {reason}; read as text"));
                None
            }
        }
    }
}

fn is_mime(field: &RawField<'_>) -> bool {
    ["content-type", "content-transfer-encoding", "content-disposition", "content-id", "mime-version"]
        .iter()
        .any(|name| field.is(name))
}

fn kind(media_type: &str, content_type: Option<&ContentType<'_>>) -> Kind {
    let text = Kind::Text { html: false };
    match media_type {
        "text/html" | "application/xhtml+xml" | "text/x-amp-html" => Kind::Text { html: true },
        "message/rfc822" | "message/global" | "message/news" => Kind::Message,
        "message/external-body" => Kind::Elsewhere("its content is elsewhere (message/external-body)"),
        "message/partial" => Kind::Elsewhere("a fragment of a message (message/partial)"),
        // Text with a structure of its own, and what is more than text.
        "text/csv"
        | "text/tab-separated-values"
        | "text/calendar"
        | "text/vcard"
        | "text/x-vcard"
        | "text/directory"
        | "text/rtf"
        | "text/xml" => Kind::Attachment,
        _ if media_type.starts_with("multipart/") => {
            let boundary = content_type.and_then(|parsed| parsed.attribute("boundary"));
            let boundary = boundary.filter(|boundary| !boundary.trim_ascii_end().is_empty());
            Kind::Multipart(boundary.map(|boundary| boundary.as_bytes().to_vec()), media_type == "multipart/digest")
        }
        // Delivery reports and the like are text (RFC 3464).
        _ if media_type.starts_with("text/") || media_type.starts_with("message/") => text,
        _ => Kind::Attachment,
    }
}

/// The words for a place.
fn place(path: &str, media_type: Option<&str>) -> String {
    match (path, media_type) {
        ("", Some("text/plain")) => "text".to_owned(),
        ("", Some("text/html")) => "html".to_owned(),
        ("", Some(media_type)) => format!("message ({media_type})"),
        ("", None) => "message".to_owned(),
        (path, Some(media_type)) => format!("part {path} ({media_type})"),
        (path, None) => format!("part {path}"),
    }
}

/// The next line at or after `from` (which begins a line) that delimits a part of something we are within.
fn next_delimiter(raw: &[u8], from: usize, stack: &[Frame]) -> Option<Delimiter> {
    if stack.iter().all(|frame| frame.boundary.is_none()) {
        return None;
    }
    let first = raw[from..].starts_with(b"--").then_some(from);
    let later = memmem::find_iter(&raw[from..], b"\n--").map(|at| from + at + 1);
    for start in first.into_iter().chain(later) {
        let end = memchr::memchr(b'\n', &raw[start..]).map_or(raw.len(), |length| start + length + 1);
        let Some((frame, closing)) = delimiter_of(stack, &raw[start..end]) else { continue };
        let before = &raw[from..start];
        let before = before.strip_suffix(b"\n").unwrap_or(before);
        let before = before.strip_suffix(b"\r").unwrap_or(before);
        return Some(Delimiter { end: from + before.len(), after: end, frame, closing });
    }
    None
}

/// The boundary that a multipart seems to have: that of the first line that looks like a delimiter, and that a field of
/// a part follows.
fn likely_boundary(inside: &[u8]) -> Option<&[u8]> {
    let first = inside.starts_with(b"--").then_some(0);
    let later = memmem::find_iter(inside, b"\n--").map(|at| at + 1);
    first.into_iter().chain(later).find_map(|start| {
        let line = &inside[start + 2..];
        let end = memchr::memchr(b'\n', line)?;
        let boundary = line[..end].trim_ascii_end();
        let next = line.get(end + 1..end + 9)?;
        let is_likely = (1..=MAX_BOUNDARY).contains(&boundary.len()) && next.eq_ignore_ascii_case(b"content-");
        is_likely.then_some(boundary)
    })
}

/// The innermost multipart that this line is a delimiter of, and whether it closes it (RFC 2046 section 5.1.1).
fn delimiter_of(stack: &[Frame], line: &[u8]) -> Option<(usize, bool)> {
    let line = line.strip_prefix(b"--")?.trim_ascii_end();
    stack.iter().enumerate().rev().find_map(|(index, frame)| {
        let rest = line.strip_prefix(frame.boundary.as_ref()?.trim_ascii_end())?;
        match rest {
            b"" => Some((index, false)),
            b"--" => Some((index, true)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Document, Limits, Unread, read};
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn with_limits(raw: &[u8], limits: &Limits) -> Document {
        read(raw, limits, Instant::now() + Duration::from_secs(60), &Unread)
    }

    fn document(raw: &str) -> Document {
        with_limits(raw.as_bytes(), &Limits::default())
    }

    /// Place and text of every piece.
    fn pieces(raw: &str) -> Vec<(String, String)> {
        document(raw).pieces.into_iter().map(|piece| (piece.place, piece.text.trim().to_owned())).collect()
    }

    fn unreadable(document: &Document) -> Vec<(&str, &str)> {
        document.unreadable.iter().map(|part| (part.place.as_str(), part.reason.as_str())).collect()
    }

    #[test]
    fn lists_fields_in_which_readers_differ() {
        for (fields, text, reason) in [
            (
                "Content-Type: text/plain\nContent-Type: text/html",
                "a<b>c</b>",
                Some("several fields content-type; read by the first"),
            ),
            (
                "Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64",
                "a<b>c</b>",
                Some("several fields content-transfer-encoding; read by the first"),
            ),
            ("Content-Type: text/plain\nContent-Type: text/plain", "a<b>c</b>", None),
            ("Content-Type: foo", "a<b>c</b>", Some("content-type: no type and subtype; read as text")),
        ] {
            let document = document(&format!("{fields}\n\na<b>c</b>"));
            let texts: Vec<_> = document.pieces.iter().map(|piece| piece.text.as_str()).collect();
            assert_eq!(texts, [text], "{fields}");
            assert_eq!(unreadable(&document), reason.map(|reason| ("message", reason)).into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn reads_each_shape_of_message() {
        let multipart = "Content-Type: multipart/mixed; boundary=b\n\n";
        for (raw, expected) in [
            ("Subject: s\n\nbody".to_owned(), vec![("subject", "s"), ("text", "body")]),
            ("body without header".to_owned(), vec![("text", "body without header")]),
            ("Content-Type: text/html\n\n<p>x</p>".to_owned(), vec![("html", "x")]),
            ("Content-Type: text/x-diff\n\na;b".to_owned(), vec![("message (text/x-diff)", "a;b")]),
            (
                format!("{multipart}--b\n\none\n--b\nContent-Type: text/html\n\n<b>two</b>\n--b--\n"),
                vec![("part 1 (text/plain)", "one"), ("part 2 (text/html)", "two")],
            ),
            // The preamble, the epilogue, and a part after the closing delimiter.
            (
                format!("{multipart}before\n--b\n\none\n--b--\nafter\n--b\n\ntwo"),
                vec![
                    ("around the parts", "before"),
                    ("part 1 (text/plain)", "one"),
                    ("around the parts", "after"),
                    ("part 2 (text/plain)", "two"),
                ],
            ),
            // The boundary never comes, or is not given.
            (format!("{multipart}all of it"), vec![("around the parts", "all of it")]),
            ("Content-Type: multipart/mixed\n\nall".to_owned(), vec![("message (multipart/mixed)", "all")]),
            // No empty line between header and body of a part.
            (format!("{multipart}--b\nHej, du\n--b--"), vec![("part 1 (text/plain)", "Hej, du")]),
            (format!("{multipart}--b\nHej: du\n--b--"), vec![("part 1: header field", "Hej: du")]),
            // A line that only begins like a delimiter.
            (format!("{multipart}--b\n\n--bb\n--b-\nx\n--b--"), vec![("part 1 (text/plain)", "--bb\n--b-\nx")]),
            // Multiparts in one another; the inner one is not closed.
            (
                format!(
                    "{multipart}--b\nContent-Type: multipart/alternative; boundary=\"c d\"\n\n--c d\n\none\n--c d  \n\ntwo\n--b\n\nthree\n--b--"
                ),
                vec![
                    ("part 1.1 (text/plain)", "one"),
                    ("part 1.2 (text/plain)", "two"),
                    ("part 2 (text/plain)", "three"),
                ],
            ),
            // A message in a message, with its own multipart; and the part after it.
            (
                format!(
                    "{multipart}--b\nContent-Type: message/rfc822\n\nSubject: inner\nX-Mailer: x\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\none\n--c--\n--b\n\ntwo\n--b--"
                ),
                vec![("part 1: subject", "inner"), ("part 1.1 (text/plain)", "one"), ("part 2 (text/plain)", "two")],
            ),
            (
                "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogaW5uZXIKCmJvZHk="
                    .to_owned(),
                vec![("subject", "inner"), ("text", "body")],
            ),
            (
                "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: inner\n\nbody\n--b--".to_owned(),
                vec![("part 1: subject", "inner"), ("part 1 (text/plain)", "body")],
            ),
            (
                format!(
                    "{multipart}--b\nContent-Type: text/plain; name=\"navn 1.txt\"\nContent-Disposition: attachment; filename*=utf-8''%C3%B8.txt\n\none\n--b--"
                ),
                vec![
                    ("part 1: file name", "navn 1.txt"),
                    ("part 1: file name", "ø.txt"),
                    ("attachment \"ø.txt\"", "one"),
                ],
            ),
            // Said to be base64 and is not.
            (
                "Content-Transfer-Encoding: base64\n\nHej, du".to_owned(),
                vec![("text", "\u{e8}\u{dd}"), ("text, undecoded", "Hej, du")],
            ),
        ] {
            for raw in [raw.clone(), raw.replace('\n', "\r\n")] {
                let expected: Vec<_> =
                    expected.iter().map(|(place, text)| ((*place).to_owned(), (*text).to_owned())).collect();
                let found: Vec<_> =
                    pieces(&raw).into_iter().map(|(place, text)| (place, text.replace("\r\n", "\n"))).collect();
                assert_eq!(found, expected, "{raw}");
            }
        }
    }

    #[test]
    fn lists_what_is_not_read() {
        let of_type = |media_type: &str| document(&format!("Content-Type: {media_type}\n\nx"));
        for (media_type, reason) in [
            ("application/pdf", "attachment of type application/pdf is not read"),
            ("image/png", "attachment of type image/png is not read"),
            ("text/rtf", "attachment of type text/rtf is not read"),
            ("application/pkcs7-mime", "attachment of type application/pkcs7-mime is not read"),
            ("text/plain; name=a.html", "attachment of type text/plain is not read"),
            ("message/partial", "a fragment of a message (message/partial)"),
        ] {
            let document = of_type(media_type);
            assert_eq!(document.unreadable.len(), 1, "{media_type}");
            assert_eq!(document.unreadable[0].reason, reason);
            assert!(document.pieces.iter().all(|piece| media_type.contains("html") || piece.text.is_empty()));
        }
        let document = document("Content-Transfer-Encoding: x-uuencode\n\nbegin");
        assert_eq!(document.pieces[0].text, "begin");
        assert_eq!(document.unreadable.len(), 1);
        for (text, reason) in [
            ("=ybegin line=128 size=3 name=\n", Some("a file in yEnc that is cut off")),
            ("begin 6 apples, begin 644\nbegin with\nbeginning 644 x", None),
        ] {
            let document = self::document(&format!("\n{text}"));
            let expected = reason.map(|reason| ("text > in yEnc", reason));
            assert_eq!(unreadable(&document), expected.into_iter().collect::<Vec<_>>());
        }
        let document = of_type("text/plain; charset=ibm037");
        assert_eq!(unreadable(&document), [("text", "its charset `ibm037` is not known; read by guess")]);
    }

    #[test]
    fn lists_multiparts_that_readers_may_see_more_in() {
        let never = "its boundary never comes; read as text";
        let other = "its boundary never comes; read by the one that its lines have";
        let encoded = "a multipart that is encoded itself; read as it stands, and decoded";
        let boundless = "a multipart without boundary; read by the one that its lines have";
        let hidden = "--b\nContent-Transfer-Encoding: base64\n\nSGVq\n--b--";
        for (fields, body, reason) in [
            ("; boundary=b", hidden, None),
            ("; boundary=a; x=b", hidden, Some(other)),
            ("; boundary=a", "--b\n\nhej\n--b--", Some(never)),
            ("; boundary=b", "", None),
            ("; boundary=b\nContent-Transfer-Encoding: base64", "LS1i", Some(encoded)),
            ("; boundary=b\nContent-Transfer-Encoding: quoted-printable", hidden, Some(encoded)),
            ("", hidden, Some(boundless)),
            ("", "--b\n\nhej", Some("a multipart without boundary; read as text")),
        ] {
            let document = document(&format!("Content-Type: multipart/mixed{fields}\n\n{body}"));
            let expected: Vec<_> = reason.map(|reason| ("message (multipart/mixed)", reason)).into_iter().collect();
            assert_eq!(unreadable(&document), expected, "{fields}");
        }
    }

    #[test]
    fn reads_other_kinds_of_text_with_tags() {
        for kind in ["text/enriched", "text/richtext", "text/x-amp-html"] {
            let document = document(&format!("Content-Type: {kind}\n\nCPR 610<bold>190</bold>-0005 \u{202e}ab"));
            for found in ["610190-0005", "ba"] {
                assert!(document.pieces.iter().any(|piece| piece.text.contains(found)), "{kind}: {found}");
            }
        }
    }

    #[test]
    fn reads_what_is_written_in_odd_ways() {
        let flowed = "Content-Type: text/plain; format=flowed; delsp=yes\n\n";
        let encoded = "NjEwMTkwLTAwMDUgb2cgZmxlcmUgb3Jk";
        for (raw, found) in [
            // Broken with its line, flowed or quoted.
            (format!("{flowed}610190- \n0005"), "610190-0005"),
            (format!("{flowed}> 610190- \n> 0005"), "610190-0005"),
            ("\nCPR 610190-\n> 0005".to_owned(), "610190-\n0005"),
            ("\n> > CPR 610190-\n> > 0005".to_owned(), "610190-\n0005"),
            // Encoded without saying so.
            ("\n61=\n0190-0005 =C3=A6".to_owned(), "610190-0005 æ"),
            // Line ends that are carriage returns.
            (format!("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\n{encoded}\n--b--")
                .replace('\n', "\r"), "610190-0005 og flere ord"),
            (format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\rContent-Transfer-Encoding: base64\r\r{encoded}\r--b--"),
                "610190-0005 og flere ord"),
            // A boundary that never comes, or is not told, or is encoded.
            (format!("Content-Type: multipart/mixed; boundary=a\n\n--b\nContent-Transfer-Encoding: base64\n\n{encoded}\n--b--"),
                "610190-0005 og flere ord"),
            (format!("Content-Type: multipart/mixed\n\n--b\nContent-Transfer-Encoding: base64\n\n{encoded}\n--b--"),
                "610190-0005 og flere ord"),
            ("Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: quoted-printable\n\n=2D-b\n\n61=\n0190-0005\n=2D-b--".to_owned(),
                "610190-0005"),
            // What is taken for a message, and is text.
            ("Content-Type: message/rfc822\n\nCPR: 610190-0005\n\nHej".to_owned(), "610190-0005"),
        ] {
            let document = document(&raw);
            assert!(document.pieces.iter().any(|piece| piece.text.contains(found)), "{raw:?} {document:#?}");
        }
    }

    #[test]
    fn names_are_read_however_they_are_written() {
        for (fields, name) in [
            (
                "Content-Disposition: attachment; filename*0*=utf-8''l%C3%B8; filename*1=\"n 61\"; filename*2=0190.txt",
                "løn 610190.txt",
            ),
            ("Content-Disposition: attachment;\n filename*0=\"610190\";\n filename*1=\"-0005.txt\"", "610190-0005.txt"),
            ("Content-Disposition: attachment; filename=\"=?utf-8?q?l=C3=B8n=2Etxt?=\"", "løn.txt"),
            ("Content-Disposition: attachment; filename==?iso-8859-1?q?l=F8n?=", "løn"),
            ("Content-Disposition: attachment; filename=\"=?utf-8?q?l=C3=B8?=\n =?utf-8?q?n?=\"", "løn"),
            ("Content-Type: application/x; name=\"=?utf-8?b?bMO4bg==?=\"", "løn"),
            ("Content-Disposition: attachment; filename=løn og mere.txt", "løn og mere.txt"),
            ("Content-Disposition: attachment; filename*=iso-8859-1'da'l%F8n.txt; filename=\"other.txt\"", "løn.txt"),
            ("Content-Disposition: attachment; filename*=iso-8859-1'da'l%F8n.txt; filename=\"other.txt\"", "other.txt"),
        ] {
            let document = document(&format!("{fields}\n\nx"));
            let names: Vec<_> = document.pieces.iter().filter(|piece| piece.place == "file name").collect();
            assert!(names.iter().any(|piece| piece.text == name), "{fields}: {names:?}");
        }
    }

    #[test]
    fn header_fields_of_the_message_are_all_kept_decoded() {
        let document = document("Subject: =?utf-8?q?f=C3=B8dt?=\nSensitivity: Private\nX-Y: z\n\nx");
        let fields: Vec<_> = document.fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect();
        assert_eq!(fields, [("Subject", "født"), ("Sensitivity", "Private"), ("X-Y", "z")]);
    }

    #[test]
    fn every_limit_is_told() {
        let nested = "Content-Type: message/rfc822\n\n".repeat(60);
        let document = with_limits(nested.as_bytes(), &Limits::default());
        assert_eq!(unreadable(&document), [("message", "limit: nested more than 50 deep")]);
        assert!(document.pieces.iter().any(|piece| piece.text.contains("message/rfc822")));

        let long = format!("Content-Type: multipart/mixed; x={}; boundary=b\n\n--b\n\nx\n--b--", "x".repeat(20_000));
        let document = with_limits(long.as_bytes(), &Limits::default());
        assert!(document.unreadable[0].is_limit(), "{:?}", document.unreadable);

        let parts = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(20));
        let document = with_limits(parts.as_bytes(), &Limits { parts: 10, ..Limits::default() });
        assert_eq!(unreadable(&document), [("part 10", "limit: more than 10 parts")]);
        assert_eq!(document.pieces.len(), 9);

        let header = format!("X: {}\nSubject: s\n\nbody", "x".repeat(2000));
        let document = with_limits(header.as_bytes(), &Limits { header_bytes: 1000, ..Limits::default() });
        assert_eq!(unreadable(&document), [("message", "limit: more than 1000 bytes of header fields")]);
        assert_eq!(document.pieces.len(), 2);

        for kind in ["text/plain", "text/html"] {
            let text = format!("Content-Type: {kind}\n\n{}", "æ ".repeat(2000));
            let document = with_limits(text.as_bytes(), &Limits { text_bytes: 1000, ..Limits::default() });
            let place = if kind == "text/html" { "html" } else { "text" };
            assert_eq!(unreadable(&document), [(place, "limit: more than 1000 bytes of text")], "{kind}");
            // Listing the limit takes a little of the room.
            assert!((900..=1000).contains(&document.pieces[0].text.len()));
        }

        let mut encoded = "Subject: innermost\n\nx".to_owned();
        for _ in 0..5 {
            let hex: String = encoded.bytes().map(|byte| format!("={byte:02X}")).collect();
            encoded = format!("Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n{hex}");
        }
        let document = self::document(&encoded);
        assert_eq!(
            unreadable(&document),
            [("message (message/rfc822)", "limit: more than 3 encoded messages in one another")]
        );

        let late = read(b"Subject: s\n\nbody", &Limits::default(), Instant::now() - Duration::from_secs(1), &Unread);
        assert_eq!(unreadable(&late), [("message", "limit: time")]);
    }

    #[test]
    fn hostile_trees_are_walked() {
        let limits = Limits { parts: usize::MAX, nesting: 50, ..Limits::default() };
        // Boundaries that never come; deep nesting of both kinds; nothing but delimiters.
        for raw in [
            format!(
                "Content-Type: multipart/mixed; boundary=a\n\n{}",
                "--a\nContent-Type: multipart/mixed; boundary=never\n\n\n".repeat(20_000)
            ),
            "Content-Type: message/rfc822\n\n".repeat(100_000),
            (0..20_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect(),
            format!("Content-Type: multipart/mixed; boundary=a\n\n{}", "--a\n".repeat(100_000)),
            format!("Content-Type: multipart/mixed; boundary=a\n\n{}", "--a--\n".repeat(100_000)),
            format!("Subject: {}\n\n", "=?utf-8?q?".repeat(100_000)),
        ] {
            with_limits(raw.as_bytes(), &limits);
        }
    }

    #[test]
    fn reads_no_less_than_mail_parser() {
        let message = "Subject: s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nf=F8dt 0101=\r\n90\r\n--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nZsO4ZHQ=\r\n--b--\r\n";
        let theirs = mail_parser::MessageParser::default().parse(message.as_bytes()).unwrap();
        let ours = pieces(message);
        for part in &theirs.parts {
            if let mail_parser::PartType::Text(text) = &part.body {
                assert!(ours.iter().any(|(_, ours)| ours == text.trim()), "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(raw in proptest::collection::vec(any::<u8>(), 0..500)) {
            with_limits(&raw, &Limits::default());
        }

        #[test]
        fn any_structure_can_be_read(raw in proptest::collection::vec(prop_oneof![
            Just("Content-Type: multipart/mixed; boundary=a\r\n"), Just("Content-Type: multipart/digest; boundary=b\n"),
            Just("Content-Type: message/rfc822\r\n"), Just("Content-Type: text/html\n"), Just("\r\n"), Just("\n"),
            Just("Content-Transfer-Encoding: base64\n"), Just("--a\r\n"), Just("--a--\n"), Just("--b\n"), Just("--b--\r\n"),
            Just("--"), Just("text <b>x</b>"), Just("Subject: =?utf-8?q?x?=\n"), Just("=41=\n"), Just("Zg=="),
        ], 0..40)) {
            let raw = raw.concat();
            let document = with_limits(raw.as_bytes(), &Limits { nesting: 3, parts: 20, header_bytes: 200, text_bytes: 200, ..Limits::default() });
            prop_assert!(document.pieces.iter().map(|piece| piece.text.len()).sum::<usize>() <= 200);
        }
    }
}
