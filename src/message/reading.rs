//! One reading of one message: what it has found, and what is left of its limits. Every reader is handed this, puts
//! into it what it finds, and asks it before anything that costs.

use super::{
    Document, Field, Label, Limits, Piece, Protected, Spot, Unreadable, Whereabouts, normalise, percent, within,
};
use std::{
    cell::Cell,
    fmt,
    io::{self, Read},
    rc::Rc,
    time::Instant,
};

/// What a piece costs of the budget for text besides its text, so that a million empty ones are not free.
const PIECE_COST: usize = 64;

/// What an entry of a piece's map costs of the budget for text, besides a name of its own.
const SPOT_COST: usize = size_of::<Spot>();

/// Bytes that are expanded between two looks at the clock.
const STEP: usize = 64 * 1024;

/// Expanded bytes below which the ratio does not matter: a small file of spaces is no bomb.
const RATIO_FROM: usize = 1024 * 1024;

/// The reading stops: a limit was met (and told) that leaves nothing more to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stop;

/// Why a document, or one part of it, could not be read to its end. What was read before stays.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// A limit that was told already, and that ends the whole reading.
    Stop,
    /// A limit: which one.
    Limit(String),
    /// It is protected from end to end: how.
    Protected(String),
    /// It is broken, or of a kind that is not read: why.
    Unreadable(String),
}

impl Fault {
    /// Something about the document is not as its format wants it.
    pub fn broken(reason: impl fmt::Display) -> Self {
        Self::Unreadable(format!("cannot be read: {reason}"))
    }
}

impl From<Stop> for Fault {
    fn from(_: Stop) -> Self {
        Self::Stop
    }
}

impl From<io::Error> for Fault {
    /// A limit that a [`Bounded`] met comes back as one, through whatever library read from it.
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<LimitMet>()) {
            Some(LimitMet(reason)) => Self::Limit(reason.clone()),
            None if error.kind() == io::ErrorKind::OutOfMemory => Self::Limit("limit: memory".to_owned()),
            None => Self::broken(error),
        }
    }
}

/// Something that is attached, or that stands in an archive: neither text nor HTML of the message itself.
#[derive(Clone, Copy, Debug)]
pub struct Attachment<'a> {
    /// Where it stands, in words.
    pub place: &'a str,
    /// The name it was given.
    pub name: Option<&'a str>,
    /// The media type it is said to have, in lower case.
    pub media_type: Option<&'a str>,
    /// The charset it is said to be in.
    pub charset: Option<&'a str>,
    /// What it holds, decoded.
    pub bytes: &'a [u8],
}

/// Reads attachments.
pub trait ReadAttachment {
    /// Reads one and puts what is in it into the reading: every text, everything that could not be read. Never nothing.
    ///
    /// # Errors
    /// When the whole reading must stop.
    fn read(&self, attachment: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Stop>;
}

/// One thing that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Found {
    /// A text.
    Piece(Piece),
    /// Something that could not be read.
    Unreadable(Unreadable),
    /// Something that is protected from end to end.
    Protected(Protected),
    /// A property of a sensitivity label.
    Label(Label),
}

/// Takes what a reading finds as it is found, so that it is not lost with the one who reads.
pub trait Receive {
    /// Takes one thing.
    fn found(&self, found: Found);

    /// Takes a picture (which kind, in words), to have the text in it read. False where pictures are not read.
    fn picture(&self, place: &str, kind: &str, bytes: &[u8]) -> bool;
}

/// Lists every attachment as unread: for a program built without document readers.
#[derive(Clone, Copy, Debug)]
pub struct Unread;

impl ReadAttachment for Unread {
    fn read(&self, attachment: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Stop> {
        let kind = attachment.media_type.unwrap_or("application/octet-stream");
        reading.unreadable(attachment.place, format!("attachment of type {kind} is not read"));
        Ok(())
    }
}

/// What is left of the limits that all readers share.
#[derive(Debug)]
struct Meter {
    deadline: Instant,
    expanded: Cell<usize>,
}

/// See the module's documentation.
pub struct Reading<'a> {
    limits: Limits,
    attachments: &'a dyn ReadAttachment,
    meter: Rc<Meter>,
    parts: usize,
    nesting: usize,
    header_left: usize,
    text_left: usize,
    document: Document,
    receiver: Option<&'a dyn Receive>,
    /// Limits that were listed already: each is listed once.
    told: Vec<String>,
}

impl<'a> Reading<'a> {
    /// Begins.
    pub fn new(limits: &Limits, deadline: Instant, attachments: &'a dyn ReadAttachment) -> Self {
        Self {
            limits: *limits,
            attachments,
            meter: Rc::new(Meter { deadline, expanded: Cell::new(limits.expanded_bytes) }),
            parts: 0,
            nesting: 0,
            header_left: limits.header_bytes,
            text_left: limits.text_bytes,
            document: Document::default(),
            receiver: None,
            told: Vec::new(),
        }
    }

    /// Begins within another reading, which had these limits and has so much left of them ([`Reading::left`]).
    pub fn resume(limits: &Limits, left: &Limits, deadline: Instant, attachments: &'a dyn ReadAttachment) -> Self {
        Self {
            parts: limits.parts.saturating_sub(left.parts),
            nesting: limits.nesting.saturating_sub(left.nesting),
            header_left: left.header_bytes.min(limits.header_bytes),
            text_left: left.text_bytes,
            meter: Rc::new(Meter { deadline, expanded: Cell::new(left.expanded_bytes.min(limits.expanded_bytes)) }),
            ..Self::new(limits, deadline, attachments)
        }
    }

    /// Hands on what is found, at once; [`Reading::finish`] gives nothing of it then.
    pub fn handing_on_to(mut self, receiver: &'a dyn Receive) -> Self {
        self.receiver = Some(receiver);
        self
    }

    /// Ends; gives what was found.
    pub fn finish(self) -> Document {
        self.document
    }

    /// When the reading must be over.
    pub fn deadline(&self) -> Instant {
        self.meter.deadline
    }

    /// The limits at the beginning.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What is left of the limits, for [`Reading::resume`].
    pub fn left(&self) -> Limits {
        Limits {
            nesting: self.limits.nesting.saturating_sub(self.nesting),
            parts: self.limits.parts.saturating_sub(self.parts),
            header_bytes: self.header_left,
            text_bytes: self.text_left,
            expanded_bytes: self.meter.expanded.get(),
            ratio: self.limits.ratio,
        }
    }

    /// Takes in what a reading within this one found.
    pub fn absorb(&mut self, found: Found) {
        match found {
            Found::Piece(piece) => self.keep(piece),
            Found::Unreadable(part) if part.is_limit() => self.limit(&part.place, part.reason),
            Found::Unreadable(part) => self.unreadable(&part.place, part.reason),
            Found::Protected(part) => self.protected(&part.place, part.how),
            Found::Label(label) => self.label(&label.place, &label.name, &label.value),
        }
    }

    /// Takes off the limits what a reading within this one used of them, its text aside, which [`Reading::absorb`]
    /// counts.
    ///
    /// # Errors
    /// When there were too many parts.
    pub fn spend(&mut self, place: &str, used: &Used) -> Result<(), Stop> {
        self.parts = self.parts.saturating_add(used.parts);
        self.header_left = self.header_left.saturating_sub(used.header_bytes);
        self.meter.expanded.set(self.meter.expanded.get().saturating_sub(used.expanded_bytes));
        self.enough_parts(place)
    }

    fn enough_parts(&mut self, place: &str) -> Result<(), Stop> {
        if self.parts > self.limits.parts {
            self.limit(place, format!("limit: more than {} parts", self.limits.parts));
            return Err(Stop);
        }
        Ok(())
    }

    fn found(&mut self, found: Found) {
        if let Some(receiver) = self.receiver {
            return receiver.found(found);
        }
        match found {
            Found::Piece(piece) => self.document.pieces.push(piece),
            Found::Unreadable(part) => self.document.unreadable.push(part),
            Found::Protected(part) => self.document.protected.push(part),
            Found::Label(label) => self.document.labels.push(label),
        }
    }

    /// What was used of the limits so far.
    pub fn used(&self) -> Used {
        Used {
            parts: self.parts,
            header_bytes: self.limits.header_bytes - self.header_left,
            expanded_bytes: self.limits.expanded_bytes - self.meter.expanded.get(),
        }
    }

    /// Bytes of text that there is room for.
    pub fn text_left(&self) -> usize {
        self.text_left
    }

    pub(super) fn header_left(&mut self) -> &mut usize {
        &mut self.header_left
    }

    pub(super) fn field(&mut self, field: Field) {
        self.document.fields.push(field);
    }

    /// Counts a part, a member of an archive, a file within a file.
    ///
    /// # Errors
    /// When there are too many, or no time is left.
    pub fn part(&mut self, place: &str) -> Result<(), Stop> {
        self.parts = self.parts.saturating_add(1);
        self.enough_parts(place)?;
        self.clock(place)
    }

    /// Looks at the clock: often enough that what lies between two looks is short.
    ///
    /// # Errors
    /// When no time is left.
    pub fn clock(&mut self, place: &str) -> Result<(), Stop> {
        if Instant::now() > self.meter.deadline {
            self.limit(place, "limit: time".to_owned());
            return Err(Stop);
        }
        Ok(())
    }

    /// How deep the reader is within other parts, documents and archives.
    pub fn nesting(&self) -> usize {
        self.nesting
    }

    /// Does something one level deeper. `None`, and told, where that is too deep.
    pub fn deeper<T>(&mut self, place: &str, levels: usize, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.nesting + levels > self.limits.nesting {
            self.limit(place, format!("limit: nested more than {} deep", self.limits.nesting));
            return None;
        }
        self.nesting += levels;
        let result = work(self);
        self.nesting -= levels;
        Some(result)
    }

    /// Reads something attached or contained, whatever it is.
    ///
    /// # Errors
    /// When the whole reading must stop.
    pub fn attachment(&mut self, attachment: &Attachment<'_>) -> Result<(), Stop> {
        self.part(attachment.place)?;
        self.counted_attachment(attachment)
    }

    /// The same for one that was counted as a part already.
    pub(super) fn counted_attachment(&mut self, attachment: &Attachment<'_>) -> Result<(), Stop> {
        let attachments = self.attachments;
        self.deeper(attachment.place, 1, |reading| attachments.read(attachment, reading)).unwrap_or(Ok(()))
    }

    /// Keeps a text, as much of it as there is room for, and beside it the words of it that hold escapes of URLs, as
    /// these are meant. One without a letter or digit is not kept.
    pub fn piece(&mut self, piece: Piece) {
        let decoded = percent::decoded(&piece.text);
        let place = (!decoded.is_empty()).then(|| within(&piece.place, "decoded"));
        self.keep(piece);
        if let Some(place) = place {
            self.keep(Piece::new(place, normalise(decoded)));
        }
    }

    fn keep(&mut self, mut piece: Piece) {
        let name = |spot: &Spot| match &spot.whereabouts {
            Whereabouts::Named(name) => name.len(),
            _ => 0,
        };
        let cost = |piece: &Piece| {
            piece.spots.iter().map(|spot| SPOT_COST + name(spot)).sum::<usize>() + piece.text.len() + PIECE_COST
        };
        if piece.text.bytes().all(|byte| byte.is_ascii_whitespace()) {
            return;
        }
        if piece.text.len() > self.text_left {
            let mut end = self.text_left;
            while !piece.text.is_char_boundary(end) {
                end -= 1;
            }
            piece.text.truncate(end);
            piece.text.shrink_to_fit();
            piece.spots.retain(|spot| (spot.at as usize) < end);
            self.too_much_text(&piece.place);
        }
        self.text_left = self.text_left.saturating_sub(cost(&piece));
        if !piece.text.is_empty() {
            self.found(Found::Piece(piece));
        }
    }

    /// Lists that there is more text than there is room for.
    pub fn too_much_text(&mut self, place: &str) {
        self.limit(place, format!("limit: more than {} bytes of text", self.limits.text_bytes));
    }

    /// Keeps a sensitivity label (a document property whose name begins with `MSIP_Label_`).
    pub fn label(&mut self, place: &str, name: &str, value: &str) {
        if name.len() + value.len() + PIECE_COST > self.text_left {
            return self.too_much_text(place);
        }
        self.text_left -= name.len() + value.len() + PIECE_COST;
        self.found(Found::Label(Label { place: place.to_owned(), name: name.to_owned(), value: value.to_owned() }));
    }

    /// Lists something that is not read, and why.
    pub fn unreadable(&mut self, place: &str, reason: impl Into<String>) {
        self.text_left = self.text_left.saturating_sub(PIECE_COST);
        self.found(Found::Unreadable(Unreadable { place: place.to_owned(), reason: reason.into() }));
    }

    /// Lists something that is protected from end to end, and how.
    pub fn protected(&mut self, place: &str, how: impl Into<String>) {
        self.text_left = self.text_left.saturating_sub(PIECE_COST);
        self.found(Found::Protected(Protected { place: place.to_owned(), how: how.into() }));
    }

    /// Hands a picture (which kind, in words) to whoever reads the text in pictures; lists it as not read where nobody
    /// does.
    pub fn picture(&mut self, place: &str, kind: &str, bytes: &[u8]) {
        if !self.receiver.is_some_and(|receiver| receiver.picture(place, kind, bytes)) {
            self.unreadable(place, format!("{}{kind}) is not read", super::A_PICTURE));
        }
    }

    /// Lists a limit that was met, the first time that it is.
    pub fn limit(&mut self, place: &str, reason: String) {
        if !self.told.contains(&reason) {
            self.told.push(reason.clone());
            self.unreadable(place, reason);
        }
    }

    /// Lists why something could not be read to its end.
    ///
    /// # Errors
    /// When the whole reading must stop.
    pub fn fault(&mut self, place: &str, fault: Fault) -> Result<(), Stop> {
        match fault {
            Fault::Stop => return Err(Stop),
            // Told for each file that meets it; files are counted.
            Fault::Limit(reason) => self.unreadable(place, reason),
            Fault::Protected(how) => self.protected(place, how),
            Fault::Unreadable(reason) => self.unreadable(place, reason),
        }
        Ok(())
    }

    /// Wraps what expands: reading from it meets the limits on expanded bytes, ratio and time, as errors that
    /// [`Fault::from`] knows again. `compressed` is how long it is before, in bytes.
    pub fn bounded<R: Read>(&self, inner: R, compressed: usize) -> Bounded<R> {
        let most = compressed.saturating_mul(self.limits.ratio).max(RATIO_FROM);
        Bounded { inner, meter: Rc::clone(&self.meter), limits: self.limits, ratio_left: most, until_clock: 0 }
    }

    /// Expands all of it into memory, within the limits.
    ///
    /// # Errors
    /// When it is broken, or a limit is met.
    pub fn expand(&self, inner: impl Read, compressed: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        self.bounded(inner, compressed).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// What a reading used of the limits, its text aside.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Used {
    /// Parts.
    pub parts: usize,
    /// Bytes of header fields.
    pub header_bytes: usize,
    /// Expanded bytes.
    pub expanded_bytes: usize,
}

impl Used {
    /// What was used since an earlier look.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            parts: self.parts.saturating_sub(earlier.parts),
            header_bytes: self.header_bytes.saturating_sub(earlier.header_bytes),
            expanded_bytes: self.expanded_bytes.saturating_sub(earlier.expanded_bytes),
        }
    }
}

/// A reader of what expands; see [`Reading::bounded`].
#[derive(Debug)]
pub struct Bounded<R> {
    inner: R,
    meter: Rc<Meter>,
    limits: Limits,
    ratio_left: usize,
    until_clock: usize,
}

/// A limit, on its way through a library as an [`io::Error`].
#[derive(Debug)]
struct LimitMet(String);

impl fmt::Display for LimitMet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LimitMet {}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let met = |reason: String| Err(io::Error::other(LimitMet(reason)));
        if self.until_clock == 0 {
            if Instant::now() > self.meter.deadline {
                return met("limit: time".to_owned());
            }
            self.until_clock = STEP;
        }
        let wanted = buffer.len().min(self.until_clock);
        let count = self.inner.read(&mut buffer[..wanted])?;
        self.until_clock -= count;
        let Some(left) = self.meter.expanded.get().checked_sub(count) else {
            return met(format!("limit: more than {} bytes expanded", self.limits.expanded_bytes));
        };
        self.meter.expanded.set(left);
        let Some(left) = self.ratio_left.checked_sub(count) else {
            return met(format!("limit: expands to more than {} times its length", self.limits.ratio));
        };
        self.ratio_left = left;
        Ok(count)
    }
}

/// The place of something attached, by its name where it has one.
pub(super) fn attachment_place(outer: &str, name: Option<&str>, otherwise: &str) -> String {
    match name {
        Some(name) => within(outer, format_args!("attachment {}", super::quoted(name))),
        None => within(outer, otherwise),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn reading(limits: &Limits) -> Reading<'static> {
        Reading::new(limits, Instant::now() + Duration::from_secs(60), &Unread)
    }

    #[test]
    fn expansion_is_bounded_in_bytes_ratio_and_time() {
        let limits = Limits { expanded_bytes: 3 << 20, ratio: 100, ..Limits::default() };
        let zeros = || io::repeat(0);
        assert_eq!(reading(&limits).expand(zeros().take(1 << 20), 1).unwrap().len(), 1 << 20);
        let fault = |reason: &str| Err(Fault::Limit(reason.to_owned()));
        assert_eq!(
            reading(&limits).expand(zeros().take(2 << 20), 1),
            fault("limit: expands to more than 100 times its length")
        );
        let one = reading(&limits);
        assert_eq!(one.expand(zeros().take(2 << 20), 1 << 20).unwrap().len(), 2 << 20);
        assert_eq!(one.expand(zeros(), 1 << 20), fault("limit: more than 3145728 bytes expanded"));
        let late = Reading::new(&limits, Instant::now() - Duration::from_secs(1), &Unread);
        assert_eq!(late.expand(zeros(), 1), fault("limit: time"));
    }

    #[test]
    fn what_is_broken_is_no_limit() {
        let fault = Fault::from(io::Error::from(io::ErrorKind::UnexpectedEof));
        assert_eq!(fault, Fault::Unreadable("cannot be read: unexpected end of file".to_owned()));
        let fault = Fault::from(io::Error::from(io::ErrorKind::OutOfMemory));
        assert_eq!(fault, Fault::Limit("limit: memory".to_owned()));
    }

    #[test]
    fn many_empty_things_cost_too() {
        let limits = Limits { text_bytes: 1000, ..Limits::default() };
        let mut reading = reading(&limits);
        for _ in 0..100 {
            reading.piece(Piece::new("p", "x"));
        }
        let document = reading.finish();
        assert!(document.pieces.len() < 20);
        assert_eq!(document.unreadable.len(), 1);
    }

    #[test]
    fn a_reading_goes_on_elsewhere_and_comes_back() {
        struct Kept(std::cell::RefCell<Vec<Found>>);
        impl Receive for Kept {
            fn found(&self, found: Found) {
                self.0.borrow_mut().push(found);
            }
            fn picture(&self, _: &str, kind: &str, _: &[u8]) -> bool {
                kind == "PNG"
            }
        }
        let limits = Limits { parts: 3, nesting: 5, text_bytes: 1000, ..Limits::default() };
        let mut here = reading(&limits);
        here.part("a").unwrap();
        here.piece(Piece::new("a", "one"));
        let kept = Kept(Vec::new().into());
        let mut there = Reading::resume(&limits, &here.left(), here.deadline(), &Unread).handing_on_to(&kept);
        let before = there.used();
        assert_eq!(there.left(), here.left());
        there.picture("b", "PNG", b"");
        there.picture("b", "GIF", b"");
        there.piece(Piece::new("b", "two"));
        there.label("b", "MSIP_Label_x", "true");
        there.protected("b", "PGP");
        there.part("b").unwrap();
        there.part("b").unwrap();
        assert_eq!(there.part("c"), Err(Stop));
        let used = there.used().since(&before);
        assert_eq!(there.finish(), Document::default());
        for found in kept.0.into_inner() {
            here.absorb(found);
        }
        assert_eq!(here.spend("d", &used), Err(Stop));
        assert_eq!(here.part("d"), Err(Stop));
        let document = here.finish();
        assert_eq!(document.pieces, [Piece::new("a", "one"), Piece::new("b", "two")]);
        let unreadable: Vec<_> = document.unreadable.iter().map(|one| (&*one.place, &*one.reason)).collect();
        assert_eq!(unreadable, [("b", "a picture (GIF) is not read"), ("c", "limit: more than 3 parts")]);
        let pictures: Vec<_> = document.unreadable.iter().map(|one| one.is_picture()).collect();
        assert_eq!(pictures, [true, false]);
        assert_eq!((document.labels.len(), document.protected.len()), (1, 1));
    }

    #[test]
    fn nesting_ends() {
        let limits = Limits { nesting: 2, ..Limits::default() };
        let mut reading = reading(&limits);
        let third = reading.deeper("a", 1, |reading| {
            reading.deeper("b", 1, |reading| reading.deeper("c", 1, |_| ()).is_some()).unwrap_or(true)
        });
        assert_eq!(third, Some(false));
        assert_eq!(reading.finish().unreadable[0].reason, "limit: nested more than 2 deep");
    }
}
