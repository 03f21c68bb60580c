//! PDF (ISO 32000): the text of the pages as it stands on them, and everything else that people wrote in the document.
//!
//! The structure (objects, cross-references, encryption) is read by a library; what becomes of it is here.
//!
//! | step | file |
//! |---|---|
//! | is it too large to be opened? | `bounds` |
//! | streams -> bytes, within the limits | `filter` |
//! | content streams -> operators -> glyphs where they stand | `operators`, `content`, `matrix` |
//! | codes of a font -> characters and widths | `font`, `font_program`, `cmap`, `encoding`, `glyph_name`, `standard_widths` |
//! | glyphs -> words, cells, lines | `layout`, `bidirectional` |
//! | forms, comments, bookmarks, properties | `form`, `annotation`, `outline`, `metadata`, `rich_text`, `text_string` |
//! | files and pictures within it | `files`, `picture` |
//! | what none of these leads to | `objects` |

mod annotation;
mod bidirectional;
mod bounds;
mod cmap;
mod content;
mod encoding;
mod files;
mod filter;
mod font;
mod font_program;
mod form;
mod glyph_name;
mod layout;
mod matrix;
mod metadata;
mod objects;
mod operators;
mod outline;
mod picture;
mod rich_text;
mod standard_widths;
mod text_string;

use crate::message::{Attachment, Fault, Reading, Stop, Text, Whereabouts, within};
use content::{Content, Known, Seen};
use files::Files;
use hayro_syntax::{DecryptionError, LoadPdfError, Pdf, object::Dict};
use matrix::Matrix;
use memchr::memmem;
use std::collections::HashSet;

/// Pages of one document that are listed one by one as not read in part.
const MAX_LISTED: usize = 50;

/// One glyph whose character is not known among this many others is an ornament or a bullet, of which nothing is said.
const MANY_NAMED: usize = 20;

/// Shapes on a page without text and pictures, from which on it may be text drawn as lines.
const MANY_SHAPES: usize = 50;

/// An open document.
struct Document<'p> {
    pdf: &'p Pdf,
    root: Dict<'p>,
    place: &'p str,
}

/// Reads a PDF.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    bounds::check(file.bytes, file.place, reading)?;
    let pdf = Pdf::new(file.bytes.to_vec()).map_err(|error| unopened(error, file.bytes))?;
    let root = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id()).unwrap_or_default();
    let document = Document { pdf: &pdf, root, place: file.place };
    let mut known = Known::default();
    let mut listed = Listed::default();

    // One part that cannot be read does not keep the others from it.
    let mut pages_seen = HashSet::new();
    let result = pages(&document, &mut known, &mut listed, &mut pages_seen, reading);
    go_on(result, file.place, reading)?;
    let mut seen = HashSet::new();
    go_on(form::fields(&document, &mut seen, reading), file.place, reading)?;
    go_on(comments(&document, &mut seen, reading), file.place, reading)?;
    go_on(outline::titles(&document, reading), file.place, reading)?;
    go_on(metadata::information(file.bytes, &document, reading), file.place, reading)?;
    let mut files = Files::default();
    files.of_document(&document.root);
    let found = match objects::all(&document, &pages_seen, &mut seen, files, reading) {
        Ok(found) => found,
        Err(fault) => {
            reading.fault(file.place, fault)?;
            objects::Found::default()
        }
    };
    let result = lost_pages(&found.lost_pages, &document, &mut known, reading);
    go_on(result, file.place, reading)?;
    go_on(found.files.read(&document, reading), file.place, reading)?;
    listed.finish(file.place, reading);
    picture::read(&known.pictures, &document, reading)
}

fn go_on(result: Result<(), Fault>, place: &str, reading: &mut Reading<'_>) -> Result<(), Stop> {
    result.or_else(|fault| reading.fault(place, fault))
}

/// Why a document could not be opened.
fn unopened(error: LoadPdfError, bytes: &[u8]) -> Fault {
    let has = |name: &str| memmem::find(bytes, name.as_bytes()).is_some();
    match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => {
            Fault::Protected("PDF with a password".to_owned())
        }
        LoadPdfError::Decryption(_) if has("Adobe.PubSec") => {
            Fault::Protected("PDF encrypted for certificates".to_owned())
        }
        LoadPdfError::Decryption(_) if has("MicrosoftIRMServices") => {
            Fault::Protected("PDF with rights management".to_owned())
        }
        LoadPdfError::Decryption(error) => Fault::broken(format_args!("PDF encryption ({error:?})")),
        LoadPdfError::Invalid => Fault::broken("no PDF structure that leads to pages"),
    }
}

/// Reads the pages into one text.
fn pages<'p>(
    document: &Document<'p>,
    known: &mut Known<'p>,
    listed: &mut Listed,
    seen: &mut HashSet<usize>,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let mut text = Text::new();
    let mut result = Ok(());
    for (number, page) in (1_u32..).zip(document.pdf.pages().iter()) {
        seen.insert(page.raw().data().as_ptr() as usize);
        if text.len() > reading.text_left() {
            continue;
        }
        let place = within(document.place, format_args!("page {number}"));
        text.at(Whereabouts::Page(number));
        result = page_text(page.raw(), number as usize, &place, known, &mut text, reading)
            .map(|seen| listed.page(&place, &seen, reading))
            .or_else(|fault| Ok(reading.fault(&place, fault)?));
        if result.is_err() {
            break;
        }
        text.end_line();
    }
    reading.piece(text.into_piece(document.place));
    result
}

/// Reads one page, as far as it goes.
fn page_text<'p>(
    page: &Dict<'p>,
    number: usize,
    place: &str,
    known: &mut Known<'p>,
    text: &mut Text,
    reading: &mut Reading<'_>,
) -> Result<Seen, Fault> {
    reading.clock(place)?;
    let mut bytes = Vec::new();
    let (mut damaged, mut fault) = (false, None);
    for stream in objects::contents(page) {
        match filter::text(&stream, reading) {
            Ok(decoded) => {
                damaged |= decoded.damaged;
                bytes.extend_from_slice(&decoded.bytes);
                bytes.push(b'\n');
            }
            Err(Fault::Unreadable(_)) => damaged = true,
            Err(other) => {
                fault = Some(other);
                break;
            }
        }
    }
    let resources = objects::resources(page);
    let mut content = Content::new(place, number, known, reading);
    let mut result = content.run(&bytes, &resources, Matrix::IDENTITY, 0);
    for annotation in annotation::of_page(page) {
        if result.is_err() {
            break;
        }
        result = annotation::appearance(&annotation, &mut content);
    }
    let (mut seen, too_long) = (content.seen, content.is_too_long());
    text.push(&content.layout.into_text());
    seen.damaged |= damaged;
    if too_long {
        reading.too_much_text(place);
    }
    match (fault, result) {
        (Some(fault), _) | (None, Err(fault)) => Err(fault),
        (None, Ok(())) => Ok(seen),
    }
}

/// Pages that are not shown, but that are still in the file: those that an editor took out of the order only.
fn lost_pages<'p>(
    pages: &[Dict<'p>],
    document: &Document<'p>,
    known: &mut Known<'p>,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let place = within(document.place, "page that is not shown");
    let mut text = Text::new();
    let mut result = Ok(());
    for page in pages {
        if text.len() > reading.text_left() || result.is_err() {
            break;
        }
        result = page_text(page, 0, &place, known, &mut text, reading).map(|_| ());
        text.end_line();
    }
    reading.piece(text.into_piece(place));
    result
}

/// Reads the comments on all pages.
fn comments(document: &Document<'_>, seen: &mut HashSet<usize>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut text = Text::new();
    for (number, page) in (1_u32..).zip(document.pdf.pages().iter()) {
        let whereabouts = format!("comment on page {number}");
        for annotation in annotation::of_page(page.raw()) {
            reading.clock(document.place)?;
            annotation::text(&annotation, &whereabouts, seen, &mut text, document, reading)?;
        }
        if text.len() > reading.text_left() {
            break;
        }
    }
    reading.piece(text.into_piece(document.place));
    Ok(())
}

/// What has been listed of pages.
#[derive(Default)]
struct Listed {
    count: usize,
}

impl Listed {
    fn page(&mut self, place: &str, seen: &Seen, reading: &mut Reading<'_>) {
        let mut list = |reason: String| {
            self.count += 1;
            if self.count <= MAX_LISTED {
                reading.unreadable(place, reason);
            }
        };
        if seen.damaged {
            list("cannot be read to its end: it is damaged".to_owned());
        }
        if seen.unnamed > seen.named / MANY_NAMED {
            list(format!("{} glyphs whose characters the document does not say are not read", seen.unnamed));
        }
        if seen.named == 0 && seen.unnamed == 0 && seen.pictures == 0 && seen.shapes >= MANY_SHAPES {
            list("a drawing without text is not read".to_owned());
        }
    }

    fn finish(&self, place: &str, reading: &mut Reading<'_>) {
        let more = self.count.saturating_sub(MAX_LISTED);
        if more > 0 {
            reading.unreadable(place, format!("{more} more pages are not read in full"));
        }
    }
}
