//! Properties of messages ([MS-OXPROPS]), as .msg files and winmail.dat have them: what they mean, whatever they stood
//! in.

use super::{codepage, compressed_rtf};
use crate::message::{Attachment, Fault, Piece, Reading, Stop, Text, Whereabouts, quoted, within};
use std::borrow::Cow;

/// Identifiers of properties ([MS-OXPROPS] 2).
pub(super) mod tag {
    pub(in crate::documents) const SENSITIVITY: u16 = 0x0036;
    pub(in crate::documents) const SUBJECT: u16 = 0x0037;
    pub(in crate::documents) const TRANSPORT_HEADERS: u16 = 0x007d;
    pub(in crate::documents) const BODY: u16 = 0x1000;
    pub(in crate::documents) const RTF_COMPRESSED: u16 = 0x1009;
    pub(in crate::documents) const HTML: u16 = 0x1013;
    pub(in crate::documents) const DISPLAY_NAME: u16 = 0x3001;
    pub(in crate::documents) const ATTACH_DATA: u16 = 0x3701;
    pub(in crate::documents) const ATTACH_FILE_NAME: u16 = 0x3704;
    pub(in crate::documents) const ATTACH_METHOD: u16 = 0x3705;
    pub(in crate::documents) const ATTACH_LONG_FILE_NAME: u16 = 0x3707;
    pub(in crate::documents) const ATTACH_MIME_TAG: u16 = 0x370e;
    pub(in crate::documents) const WEDDING: u16 = 0x3a41;
    pub(in crate::documents) const BIRTHDAY: u16 = 0x3a42;
    pub(in crate::documents) const INTERNET_CODEPAGE: u16 = 0x3fde;
    pub(in crate::documents) const MESSAGE_CODEPAGE: u16 = 0x3ffd;
}

/// Texts that a program made for itself: kinds of messages and addresses.
const TECHNICAL: &[u16] = &[0x001a, 0x0c1e, 0x0064, 0x0075, 0x0077, 0x3002];

/// The name of the property in which Outlook keeps the sensitivity labels of a message.
const LABELS: &str = "msip_labels";

/// A property.
#[derive(Debug)]
pub(super) struct Property<'a> {
    pub(super) id: u16,
    /// The name of one that has no number of its own.
    pub(super) name: Option<String>,
    pub(super) value: Value<'a>,
}

/// What a property holds.
#[derive(Debug)]
pub(super) enum Value<'a> {
    /// Text in the message's code page.
    Narrow(Cow<'a, [u8]>),
    Text(String),
    Bytes(Cow<'a, [u8]>),
    Number(u64),
    /// Since 1601, in units of 100 nanoseconds.
    Time(u64),
}

/// The properties of one message, attachment or recipient.
#[derive(Debug, Default)]
pub(super) struct Properties<'a> {
    pub(super) list: Vec<Property<'a>>,
    /// The code page of its texts, where they are not in Unicode.
    pub(super) codepage: Option<u16>,
}

impl<'a> Properties<'a> {
    fn value(&self, id: u16) -> Option<&Value<'a>> {
        self.list.iter().find(|property| property.id == id).map(|property| &property.value)
    }

    /// A number.
    pub(super) fn number(&self, id: u16) -> Option<u64> {
        match self.value(id)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A text.
    pub(super) fn text(&self, id: u16) -> Option<Cow<'_, str>> {
        self.text_of(self.value(id)?)
    }

    /// Bytes.
    pub(super) fn bytes(&self, id: u16) -> Option<&[u8]> {
        match self.value(id)? {
            Value::Bytes(bytes) | Value::Narrow(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn text_of<'v>(&self, value: &'v Value<'a>) -> Option<Cow<'v, str>> {
        let text = match value {
            Value::Text(text) => Cow::Borrowed(text.as_str()),
            Value::Narrow(bytes) => codepage::decode(bytes, self.codepage.unwrap_or(codepage::DEFAULT)),
            _ => return None,
        };
        match text {
            Cow::Borrowed(text) => Some(text.trim_end_matches('\0').into()),
            Cow::Owned(text) if text.ends_with('\0') => Some(text.trim_end_matches('\0').to_owned().into()),
            Cow::Owned(text) => Some(text.into()),
        }
    }

    /// Takes the code page from the properties that name it.
    pub(super) fn find_codepage(&mut self) {
        let known = |id| self.number(id).and_then(|page| u16::try_from(page).ok());
        let named = [tag::MESSAGE_CODEPAGE, tag::INTERNET_CODEPAGE].into_iter().filter_map(known);
        if let Some(page) = named.into_iter().find(|page| !matches!(page, 0 | 1200 | 1201)) {
            self.codepage = Some(page);
        }
    }

    /// Reads a message: subject, texts, header fields, and every other text.
    pub(super) fn read_message(&self, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        for (id, inner) in [(tag::SUBJECT, "subject"), (tag::BODY, "text"), (tag::TRANSPORT_HEADERS, "header fields")] {
            if let Some(text) = self.text(id) {
                let mut piece = Text::new();
                piece.push(&text);
                reading.piece(piece.into_piece(within(place, inner)));
            }
        }
        let html = self.value(tag::HTML).and_then(|value| match value {
            Value::Bytes(bytes) | Value::Narrow(bytes) => {
                let page = self.number(tag::INTERNET_CODEPAGE).and_then(|page| u16::try_from(page).ok());
                Some((bytes.as_ref(), page.or(self.codepage).and_then(codepage::charset)))
            }
            Value::Text(text) => Some((text.as_bytes(), Some("utf-8".into()))),
            _ => None,
        });
        if let Some((bytes, charset)) = html.filter(|(bytes, _)| !bytes.is_empty()) {
            let place = within(place, "text (HTML)");
            let (media_type, charset) = (Some("text/html"), charset.as_deref());
            reading.attachment(&Attachment { place: &place, name: None, media_type, charset, bytes })?;
        }
        if let Some(rtf) = self.bytes(tag::RTF_COMPRESSED).filter(|rtf| !rtf.is_empty()) {
            compressed_rtf::read(rtf, &within(place, "text (RTF)"), reading)?;
        }
        let mut text = Text::new();
        self.others(place, &mut text, reading);
        reading.piece(text.into_piece(within(place, "properties")));
        Ok(())
    }

    /// Every text that has no place of its own.
    pub(super) fn others(&self, place: &str, out: &mut Text, reading: &mut Reading<'_>) {
        let known = [tag::SUBJECT, tag::BODY, tag::TRANSPORT_HEADERS, tag::HTML, tag::RTF_COMPRESSED];
        // Those with names last, so that the names are not those of others.
        let (named, unnamed): (Vec<_>, Vec<_>) = self.list.iter().partition(|property| property.name.is_some());
        for property in unnamed.into_iter().chain(named).filter(|property| !known.contains(&property.id)) {
            if TECHNICAL.contains(&property.id) {
                continue;
            }
            let text = match (&property.value, property.id) {
                (Value::Number(level), tag::SENSITIVITY) => match level {
                    1 => "Sensitivity: personal".into(),
                    2 => "Sensitivity: private".into(),
                    3 => "Sensitivity: confidential".into(),
                    _ => continue,
                },
                (Value::Time(time), tag::BIRTHDAY | tag::WEDDING) => match day(*time) {
                    Some(day) => day.into(),
                    None => continue,
                },
                (value, _) => match self.text_of(value) {
                    Some(text) => text,
                    None => continue,
                },
            };
            if property.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(LABELS)) {
                labels(&text, place, reading);
            }
            if text.is_empty() {
                continue;
            }
            if let Some(name) = &property.name {
                out.at(Whereabouts::Named(quoted(name).into()));
            }
            out.push(&text);
            out.end_line();
        }
    }
}

/// A label per property: `MSIP_Label_…_Enabled=true; MSIP_Label_…_Name=…`.
fn labels(text: &str, place: &str, reading: &mut Reading<'_>) {
    for (name, value) in text.split(';').filter_map(|label| label.split_once('=')) {
        reading.label(place, name.trim(), value.trim());
    }
}

/// The day of a time. `None` after the year 9999.
fn day(time: u64) -> Option<String> {
    const PER_DAY: u64 = 10_000_000 * 86_400;
    let span = i64::try_from(time / PER_DAY).ok().and_then(|days| jiff::Span::new().try_days(days).ok());
    let day = span.and_then(|span| jiff::civil::date(1601, 1, 1).checked_add(span).ok());
    day.map(|day| day.to_string())
}

/// The place of an attachment, by its name where it has one; its names are texts too.
pub(super) fn attachment_place(
    names: &[Cow<'_, str>],
    outer: &str,
    number: usize,
    reading: &mut Reading<'_>,
) -> String {
    for name in names {
        reading.piece(Piece::new(within(outer, "file name"), crate::message::normalise(name.clone().into_owned())));
    }
    match names.first() {
        Some(name) => within(outer, format_args!("attachment {}", quoted(name))),
        None => within(outer, format_args!("attachment {number}")),
    }
}

/// Hands on the content of an attachment.
pub(super) fn attach(
    names: &[Cow<'_, str>],
    media_type: Option<&str>,
    place: &str,
    bytes: &[u8],
    reading: &mut Reading<'_>,
) -> Result<(), Stop> {
    let name = names.first().map(AsRef::as_ref);
    let media_type = media_type.map(str::to_lowercase);
    reading.attachment(&Attachment { place, name, media_type: media_type.as_deref(), charset: None, bytes })
}
