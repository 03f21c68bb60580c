//! PDF (ISO 32000): the text of the pages as it stands on them, and everything else that people wrote in the document.
//!
//! The structure (objects, cross-references, encryption) is read by a library; what becomes of it is here.
//!
//! | step | file |
//! |---|---|
//! | is it too large to be opened? | `bounds` |
//! | is its text encrypted? | `encryption` |
//! | streams -> bytes, within the limits | `filter` |
//! | content streams -> operators -> glyphs where they stand | `operators`, `content`, `matrix` |
//! | codes of a font -> characters and widths | `font`, `font_program`, `cmap`, `encoding`, `glyph_name`, `standard_widths` |
//! | glyphs -> words, cells, lines | `layout`, `spacing`, `columns`, `bidirectional` |
//! | forms, comments, bookmarks, properties | `form`, `annotation`, `outline`, `metadata`, `rich_text`, `text_string` |
//! | files and pictures within it | `files`, `picture` |
//! | what none of these leads to | `objects` |

mod annotation;
mod bidirectional;
mod bounds;
mod cmap;
mod columns;
mod content;
mod encoding;
mod encryption;
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
mod spacing;
mod standard_widths;
mod text_string;

use crate::message::{Attachment, Fault, Reading, Stop, Text, Whereabouts, within};
use content::{Content, Known, Says, Seen};
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

impl<'p> Document<'p> {
    /// The dictionary that an entry refers to. The library remembers the way that it came, to end circles; where the
    /// way may be long, that would take time quadratic in its length.
    fn follow(&self, dict: &Dict<'p>, key: &str) -> Option<Dict<'p>> {
        match dict.get_ref(key) {
            Some(reference) => self.pdf.xref().get(reference.into()),
            None => dict.get(key),
        }
    }
}

/// Reads a PDF.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    bounds::check(file.bytes, file.place, reading)?;
    let pdf = Pdf::new(file.bytes.to_vec()).or_else(|error| match encryption::without_filters(file.bytes, &error) {
        Some(pdf) => Ok(pdf),
        None => Err(unopened(error, file.bytes)),
    })?;
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
    go_on(form::side_by_side(&document, reading), file.place, reading)?;
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
        result = page_text(page.raw(), number as usize, &place, document, known, &mut text, reading)
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
    document: &Document<'p>,
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
    let resources = known.resources(page, document);
    let annotations = annotation::of_page(page);
    let mut read = |says: Says, reading: &mut Reading<'_>| {
        let mut content = Content::new(place, number, says, known, reading);
        let mut result = content.run(&bytes, &resources, Matrix::IDENTITY, 0);
        for annotation in &annotations {
            if result.is_err() {
                break;
            }
            result = annotation::appearance(annotation, &mut content);
        }
        (content.seen, content.is_too_long(), content.layout.into_text(), result)
    };
    let (mut seen, mut too_long, characters, mut result) = read(Says::Characters, reading);
    text.push(&characters);
    // Where the two disagree, which one is shown cannot be told without drawing the glyphs.
    if seen.disagreeing > 0 && result.is_ok() {
        let (_, long, glyphs, second) = read(Says::Glyphs, reading);
        too_long |= long;
        result = second;
        text.end_line();
        text.push(&glyphs);
    }
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
        result = page_text(page, 0, &place, document, known, &mut text, reading).map(|_| ());
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
        let annotations = annotation::of_page(page.raw());
        if annotations.len() > annotation::MAX_ANNOTATIONS {
            let most = annotation::MAX_ANNOTATIONS;
            reading.limit(document.place, format!("limit: more than {most} annotations of a page"));
        }
        for annotation in annotations {
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
        if seen.glyphs_of_text {
            list("a font whose glyphs are texts themselves is not read in full".to_owned());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::InProcess;
    use crate::message::{self, Limits};
    use flate2::{Compression, write::ZlibEncoder};
    use proptest::prelude::*;
    use std::{
        io::Write,
        time::{Duration, Instant},
    };

    /// A document of these objects, numbered from 1; the first is the catalog.
    fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = b"%PDF-1.7\n".to_vec();
        let mut table = Vec::new();
        for (number, object) in (1..).zip(objects) {
            table.push(format!("{:010} 00000 n \n", bytes.len()));
            bytes.extend(format!("{number} 0 obj\n").bytes());
            bytes.extend(object);
            bytes.extend(b"\nendobj\n");
        }
        let start = bytes.len();
        let size = objects.len() + 1;
        bytes.extend(format!("xref\n0 {size}\n0000000000 65535 f \n{}", table.concat()).bytes());
        bytes.extend(format!("trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF").bytes());
        bytes
    }

    fn stream(entries: &str, data: &[u8]) -> Vec<u8> {
        let head = format!("<<{entries}/Length {}>>stream\n", data.len());
        [head.as_bytes(), data, b"\nendstream"].concat()
    }

    fn flate(data: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    /// A page with this content, and more objects from 5 on.
    fn page(resources: &str, content: Vec<u8>, more: &[Vec<u8>]) -> Vec<u8> {
        let font = "/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>";
        let mut objects: Vec<Vec<u8>> = vec![
            b"<</Type/Catalog/Pages 2 0 R/Outlines 5 0 R>>".to_vec(),
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
            format!("<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<<{font}{resources}>>>>").into_bytes(),
            content,
        ];
        objects.extend_from_slice(more);
        pdf(&objects)
    }

    fn seen(bytes: &[u8]) -> message::Document {
        let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(120), &InProcess);
        let file = Attachment { place: "pdf", name: None, media_type: None, charset: None, bytes };
        let result = reading.attachment(&file);
        let document = reading.finish();
        assert!(result.is_ok(), "{:?}", document.unreadable);
        assert!(!document.unreadable.iter().any(|part| part.reason.contains("panicked")));
        document
    }

    fn text(bytes: &[u8]) -> String {
        seen(bytes).pieces.into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn operators_of_text_move_as_they_say() {
        for (content, expected) in [
            ("BT /F 10 Tf 10 TL (one) Tj T* (two) Tj (three) ' 1 0 (four) \" ET", "one\ntwo\nthree\nfour\n"),
            ("BT /F 10 Tf (one) Tj 0 -12 TD (two) Tj T* (three) Tj ET", "one\ntwo\nthree\n"),
            ("BT /F 10 Tf [(o) 10 (ne) -400 (two)] TJ ET", "one two\n"),
            ("BT /F 10 Tf 3 Tr (hidden) Tj ET", "hidden\n"),
            ("q 2 0 0 2 0 0 cm BT /F 5 Tf (610190) Tj ET Q BT /F 10 Tf 33.4 0 Td (-0005) Tj ET", "610190-0005\n"),
            ("BT /F 10 Tf /Span <</ActualText(x)>> BDC /a BMC (&) Tj EMC EMC (y) Tj ET", "xy\n"),
            ("BT /F 10 Tf /Span <</ActualText()>> BDC (ab) Tj EMC ET", "ab\n"),
            ("BT /F 10 Tf (a) Tj ) > ] garbage >> (b) Tj ET", "ab\n"),
        ] {
            assert_eq!(text(&page("", stream("", content.as_bytes()), &[])), expected, "{content}");
        }
    }

    #[test]
    fn a_font_that_does_not_say_its_characters_is_listed() {
        let bytes = page("", stream("", b"BT /G 10 Tf (ab) Tj ET"), &[]);
        let reasons: Vec<_> = seen(&bytes).unreadable.into_iter().map(|part| (part.place, part.reason)).collect();
        let reason = "2 glyphs whose characters the document does not say are not read".to_owned();
        assert_eq!(reasons, [("pdf > page 1".to_owned(), reason)]);
    }

    #[test]
    fn only_what_is_encrypted_is_protected() {
        let plain = page("", stream("", b"BT /F 10 Tf (610190-0005) Tj ET"), &[]);
        let plain = String::from_utf8(plain).unwrap();
        let none = "<</StdCF<</CFM/None>>>>/StmF/StdCF/StrF/StdCF";
        let aes = "<</StdCF<</CFM/AESV2/AuthEvent/EFOpen>>>>";
        for (filters, is_read) in [
            (format!("{aes}/StmF/Identity/StrF/Identity/EFF/StdCF"), true),
            (format!("{aes}/EFF/StdCF"), true),
            (none.to_owned(), true),
            (format!("{aes}/StmF/StdCF/StrF/StdCF"), false),
            ("<<>>/StmF/StdCF/StrF/StdCF".to_owned(), false),
        ] {
            let keys = format!("/P -1/O<{}>/U<{}>", "0".repeat(64), "1".repeat(64));
            let encrypt = format!("/Encrypt<</Filter/Standard/V 4/R 4/Length 128{keys}/CF{filters}>>/Root");
            let bytes = plain.replace("/Root", &encrypt).into_bytes();
            let document = seen(&bytes);
            assert_eq!(document.pieces.iter().any(|piece| piece.text.contains("610190-0005")), is_read, "{filters}");
            assert_eq!(document.protected.is_empty(), is_read, "{filters}");
        }
    }

    #[test]
    fn fields_that_stand_side_by_side_are_one_line() {
        let widget = |name: &str, value: &str, rectangle: &str| {
            format!("<</Type/Annot/Subtype/Widget/FT/Tx/T({name})/V({value})/Rect[{rectangle}]>>").into_bytes()
        };
        let kid = |rectangle: &str| format!("<</Subtype/Widget/Parent 9 0 R/Rect[{rectangle}]>>").into_bytes();
        let head = [
            b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[5 0 R 6 0 R 7 0 R 8 0 R 9 0 R]>>>>".to_vec(),
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
            b"<</Type/Page/Parent 2 0 R/Annots[8 0 R 6 0 R 7 0 R 5 0 R 10 0 R 11 0 R]>>".to_vec(),
            b"null".to_vec(),
        ];
        let fields = [
            widget("CPR", "610190", "0 100 60 120"),
            widget("b", "0", "65 101 70 121"),
            widget("c", "7", "70 101 75 121"),
            widget("far", "8", "300 101 310 121"),
            b"<</FT/Tx/T(twice)/V(9)/Kids[10 0 R 11 0 R]>>".to_vec(),
            kid("0 40 10 50"),
            kid("10 40 20 50"),
        ];
        let text = text(&pdf(&[&head[..], &fields[..]].concat()));
        assert!(text.ends_with("CPR\t610190\t07\n"), "{text}");
    }

    #[test]
    fn what_a_font_says_twice_is_read_twice_where_it_differs() {
        let map = |line: &str| {
            let map = format!("begincmap 1 begincodespacerange <00> <FF> endcodespacerange {line} endcmap");
            stream("", map.as_bytes())
        };
        let font = "/Font<</G<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 5 0 R>>>>";
        for (line, expected) in [
            ("1 beginbfrange <30> <39> <0061> endbfrange", "gbabja-aaaf\n610190-0005"),
            ("1 beginbfrange <2D> <39> <F02D> endbfrange", "\n610190-0005"),
            ("1 beginbfrange <30> <39> <0030> endbfrange", "610190-0005"),
            ("1 beginbfchar <30> <0020> endbfchar", "61 19 - 5\n610190-0005"),
        ] {
            let bytes = page(font, stream("", b"BT /G 10 Tf (610190-0005) Tj ET"), &[map(line)]);
            let text = text(&bytes);
            assert!(text.ends_with(&format!("{expected}\n")), "{line} {text}");
        }
    }

    #[test]
    fn glyphs_that_are_texts_are_listed() {
        let font = "/Font<</G<</Type/Font/Subtype/Type3/FontMatrix[.001 0 0 .001 0 0]/FirstChar 97/Widths[6000]\
                    /Encoding<</Differences[97/a]>>/CharProcs<</a 5 0 R>>/Resources<<>>>>>>";
        let procedure = stream("", b"6000 0 d0 BT /F2 1000 Tf (610190-0005) Tj ET");
        let document = seen(&page(font, stream("", b"BT /G 10 Tf (a) Tj ET"), &[procedure]));
        assert!(document.unreadable[0].reason.starts_with("a font whose glyphs are texts"));
    }

    #[test]
    fn what_never_ends_is_a_limit() {
        let zeros = vec![b' '; 3 << 20];
        let chain = (6..20)
            .map(|next| stream(&format!("/Subtype/Form/Resources<</XObject<</X {next} 0 R>>>>"), b"/X Do /X Do /X Do"));
        let chain: Vec<_> = chain.collect();
        let nested = [b"<</A ".repeat(5000), b">>".repeat(5000)].concat();
        for (bytes, limit) in [
            (page("/XObject<</X 5 0 R>>", stream("", b"/X Do"), &chain), "limit: forms nested more than 12 deep"),
            (page("", stream("/Filter/FlateDecode", &flate(&zeros)), &[]), "limit: expands to more than 200 times"),
            (
                page("", stream("", b""), &[stream("/Type/ObjStm/N 1/First 4/Filter/FlateDecode", &flate(&zeros))]),
                "limit: expands to more than 200 times",
            ),
            (page("", stream("", b""), &[nested]), "limit: dictionaries nested"),
        ] {
            let unreadable = seen(&bytes).unreadable;
            assert!(unreadable.iter().any(|part| part.reason.starts_with(limit)), "{limit}: {unreadable:?}");
        }
    }

    #[test]
    fn circles_end() {
        let content = || stream("", b"BT /F 10 Tf (hej) Tj ET /X Do");
        let form = |to: u32| stream(&format!("/Subtype/Form/Resources<</XObject<</X {to} 0 R>>>>"), b"/X Do /X Do");
        let bookmark = b"<</Title(a)/First 5 0 R/Next 5 0 R>>".to_vec();
        for bytes in [
            page("/XObject<</X 5 0 R>>", content(), &[form(5)]),
            page("/XObject<</X 5 0 R>>", content(), &[form(6), form(5)]),
            page("", content(), &[bookmark]),
            page("", content(), &[b"5 0 R".to_vec()]),
            page("", b"<</Length 5 0 R>>stream\nBT /F 10 Tf (hej) Tj ET\nendstream".to_vec(), &[b"5 0 R".to_vec()]),
            page("", b"<</Length 99999999>>stream\nBT /F 10 Tf (hej) Tj ET\nendstream".to_vec(), &[]),
        ] {
            assert!(text(&bytes).starts_with("hej\n"));
        }
    }

    #[test]
    fn what_is_no_document_is_listed() {
        let unreadable = seen(b"%PDF-1.7\nnothing else").unreadable;
        assert_eq!(unreadable[0].reason, "cannot be read: no PDF structure that leads to pages");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
            seen(&[b"%PDF-1.7\n", &bytes[..]].concat());
        }

        #[test]
        fn a_document_with_changed_bytes_can_be_read(changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..20)) {
            let form = stream("/Subtype/Form", b"BT /F 10 Tf [(a) -100 (b)] TJ ET");
            let mut bytes = page("/XObject<</X 5 0 R>>", stream("", b"BT /F 10 Tf (hej) Tj ET /X Do"), &[form]);
            for (at, byte) in changes {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            seen(&bytes);
        }
    }
}
