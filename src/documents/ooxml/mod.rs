//! Office Open XML (ECMA-376): documents, workbooks and presentations, with macros or without, transitional or strict.
//!
//! Parts are found as the format says, by the relationships from one to the next, wherever they are stored; those that
//! no relationship names are read by their content type. What is neither read nor known to hold no text is handed on as
//! a file of its own, after the texts, so that a limit on files costs no text.
//!
//! | file | reads |
//! |---|---|
//! | `parts`, `role` | the package: names, content types, relationships; what each part is for |
//! | `markup` | paragraphs, tables and drawings of all three kinds |
//! | `presentation` | the order of slides |
//! | `workbook`, `sheet`, `formula`, `cell_comments`, `xstring` | workbooks |
//! | `properties` | properties, sensitivity labels |
//! | `generic` | all other XML |
//! | `room` | how much text there is room for |

mod cell_comments;
pub(super) mod formula;
mod generic;
mod markup;
mod parts;
mod presentation;
mod properties;
mod role;
mod room;
mod sheet;
mod workbook;
mod xstring;

use super::kind::Kind;
use crate::message::{Attachment, Fault, Reading, Stop, Text, Whereabouts, quoted, within};
use generic::Attributes;
use parts::{Parts, Relationship, Relationships};
use role::{Family, Role};
use std::{collections::HashMap, rc::Rc};
use workbook::Workbook;

/// The longest texts about where links lead that are kept, in bytes.
const MAX_LINKS: usize = 1024 * 1024;

/// A part that is to be read.
struct Job {
    part: usize,
    /// The relationship that names it.
    relationship: Rc<str>,
    /// The place that it belongs to: the document, a sheet, a slide.
    home: Rc<str>,
}

/// A slide or sheet.
struct Ordered {
    /// Its number, from 1.
    number: u32,
    place: Rc<str>,
}

/// A document that is being read.
struct Document<'f, 'a> {
    file: &'f Attachment<'a>,
    parts: Parts<'a>,
    family: Option<Family>,
    jobs: Vec<Job>,
    /// Files within, to be handed on: the part, its place.
    files: Vec<(usize, String)>,
    known: markup::Known,
    workbook: Workbook,
    /// Slides and sheets, in the order in which they are shown.
    ordered: HashMap<usize, Ordered>,
    /// The text of all slides.
    slides_text: Text,
    links: Text,
}

/// Tells from its content types which kind of document a package is, wherever its main part is stored.
pub(super) fn kind(content_types: &[u8]) -> Option<Kind> {
    let content_types = String::from_utf8_lossy(content_types);
    let (before, _) = content_types.split_once(".main+xml")?;
    let main = before.rsplit(['"', '\'']).next().unwrap_or_default();
    match Role::of(&format!("{}.main+xml", main.to_ascii_lowercase()), "", None) {
        Role::Main(Family::Spreadsheet) => Some(Kind::Spreadsheet),
        Role::Main(Family::Presentation) => Some(Kind::Presentation),
        Role::Main(Family::Word) if main.contains("word") => Some(Kind::Word),
        _ => None,
    }
}

/// Reads a document; see the module's documentation.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let (parts, content_types) = Parts::open(file.bytes, file.place, reading)?;
    let mut document = Document {
        file,
        parts,
        family: None,
        jobs: Vec::new(),
        files: Vec::new(),
        known: markup::Known::default(),
        workbook: Workbook::default(),
        ordered: HashMap::new(),
        slides_text: Text::new(),
        links: Text::new(),
    };
    if let Err(fault) = content_types {
        reading.fault(&within(file.place, "content types"), fault)?;
    }
    let result = document.read(reading);
    // What was gathered across parts is kept even where the reading stops.
    document.finish(reading);
    Ok(result.and_then(|()| document.read_files(reading))?)
}

impl Document<'_, '_> {
    fn read(&mut self, reading: &mut Reading<'_>) -> Result<(), Stop> {
        let home: Rc<str> = Rc::from(self.file.place);
        let (package, result) = self.parts.relationships(None, &home, reading);
        self.told(&within(&home, "relationships"), result, reading)?;
        self.family = self.main_family(&package);
        self.follow(package, &home, true);
        self.work(reading)?;
        if self.family == Some(Family::Spreadsheet) {
            let result = self.workbook.strings.read_unused(&within(&home, "strings of no cell"), reading);
            self.told(&home, result, reading)?;
        }
        for part in 0..self.parts.count() {
            if self.parts.is_taken(part) {
                continue;
            }
            // Parts that this one names have a better place than it could have by itself.
            self.jobs.push(Job { part, relationship: Rc::from(""), home: Rc::clone(&home) });
            self.work(reading)?;
        }
        Ok(())
    }

    fn told(&mut self, place: &str, result: Result<(), Fault>, reading: &mut Reading<'_>) -> Result<(), Stop> {
        result.or_else(|fault| reading.fault(place, fault))
    }

    /// What kind of document this is: told by its main part, or by any part that can only be of one kind.
    fn main_family(&self, package: &Relationships) -> Option<Family> {
        let family = |part: usize| match Role::of(&self.parts.content_type(part), "", None) {
            Role::Main(family) => Some(family),
            _ => None,
        };
        let named = package.parts.iter().filter(|relationship| &*relationship.kind == "officedocument");
        named.clone().find_map(|relationship| family(relationship.part)).or_else(|| {
            (0..self.parts.count()).find_map(family).or_else(|| {
                [
                    ("xl/workbook.xml", Family::Spreadsheet),
                    ("word/document.xml", Family::Word),
                    ("ppt/presentation.xml", Family::Presentation),
                ]
                .into_iter()
                .find_map(|(name, family)| self.parts.find(name).map(|_| family))
            })
        })
    }

    /// Takes down what a part names: parts to be read, in their order, and where links lead. Slides and sheets are
    /// read when the main part names them, not when one has a link to another.
    fn follow(&mut self, mut named: Relationships, home: &Rc<str>, is_main: bool) {
        for target in named.external.iter().chain(&named.missing) {
            if self.links.len() + target.len() < MAX_LINKS {
                self.links.push(target);
                self.links.end_line();
            }
        }
        named.parts.sort_by_key(|relationship| self.ordered.get(&relationship.part).map(|ordered| ordered.number));
        for Relationship { part, kind, .. } in named.parts.into_iter().rev() {
            if !self.parts.is_taken(part) && (is_main || !self.ordered.contains_key(&part)) {
                self.jobs.push(Job { part, relationship: kind, home: Rc::clone(home) });
            }
        }
    }

    /// Reads the parts that are to be read, and those that they name, each once.
    fn work(&mut self, reading: &mut Reading<'_>) -> Result<(), Stop> {
        while let Some(job) = self.jobs.pop() {
            if !self.parts.take(job.part) {
                continue;
            }
            reading.clock(&job.home)?;
            let role = Role::of(&self.parts.content_type(job.part), &job.relationship, self.family);
            let home = self.home(&job);
            let place = self.place(role, &home, job.part);
            let result = self.part(role, job.part, &home, &place, reading);
            self.told(&place, result, reading)?;
            if role == Role::Relationships {
                continue;
            }
            let (named, result) = self.parts.relationships(Some(job.part), &place, reading);
            self.told(&place, result, reading)?;
            if let Role::Main(Family::Spreadsheet) = role {
                self.prepare_workbook(&named, &home, reading)?;
            }
            self.follow(named, &home, matches!(role, Role::Main(_)));
        }
        Ok(())
    }

    /// The place that a part, and what it names, belongs to.
    fn home(&self, job: &Job) -> Rc<str> {
        let place = self.ordered.get(&job.part).map(|ordered| &ordered.place);
        Rc::clone(place.unwrap_or(&job.home))
    }

    /// Where a part's text stands.
    fn place(&self, role: Role, home: &str, part: usize) -> String {
        let named = |what: &str| within(home, format_args!("{what} {}", quoted(self.parts.file_name(part))));
        match role {
            Role::Main(Family::Word) | Role::Slide | Role::Properties | Role::Labels => home.to_owned(),
            Role::Worksheet if self.ordered.contains_key(&part) => home.to_owned(),
            Role::Worksheet => named("sheet"),
            Role::Main(_) | Role::CellStyles | Role::Textless | Role::Relationships => named("part"),
            Role::Known("") | Role::Custom("") => named("part"),
            Role::Markup(what) | Role::Known(what) | Role::Custom(what) => within(home, what),
            Role::SharedStrings => within(home, "strings"),
            Role::CellComments => within(home, "comments"),
            Role::File(what) => named(what),
        }
    }

    /// Reads one part.
    fn part(
        &mut self,
        role: Role,
        part: usize,
        home: &Rc<str>,
        place: &str,
        reading: &mut Reading<'_>,
    ) -> Result<(), Fault> {
        match role {
            Role::Textless => Ok(()),
            Role::File(_) => {
                self.files.push((part, place.to_owned()));
                Ok(())
            }
            Role::Relationships => {
                let (named, result) = self.parts.relationships_in(part, "", place, reading);
                self.follow(Relationships { parts: Vec::new(), ..named }, home, false);
                result
            }
            Role::Main(Family::Word) => self.markup(part, place, false, reading),
            Role::Markup(what) => self.markup(part, place, matches!(what, "diagram" | "layout" | "master"), reading),
            Role::Slide => {
                let whereabouts = match self.ordered.get(&part) {
                    Some(ordered) => Whereabouts::Slide(ordered.number),
                    None => Whereabouts::Named("slide that is not shown".into()),
                };
                self.slides_text.at(whereabouts);
                let source = self.parts.member(part, reading)?;
                let result = markup::read(source, place, false, &mut self.slides_text, &mut self.known, reading);
                self.slides_text.end_line();
                result
            }
            Role::Main(Family::Presentation) => {
                let source = self.parts.member(part, reading)?;
                let (order, result) = presentation::read(source, home, reading);
                let slide = |number: u32| Whereabouts::Slide(number).to_string();
                self.order(part, (1..).zip(order).map(|(number, id)| (vec![id], slide(number))), place, reading);
                result
            }
            Role::Main(Family::Spreadsheet) => {
                let source = self.parts.member(part, reading)?;
                let (sheets, result) = workbook::read(source, home, &mut self.workbook, reading);
                let sheet = |name: &str| format!("sheet {}", quoted(name));
                self.order(part, sheets.into_iter().map(|found| (found.ids, sheet(&found.name))), place, reading);
                result
            }
            Role::Worksheet => {
                let source = self.parts.member(part, reading)?;
                let (formulas, result) = sheet::read(source, place, &mut self.workbook, reading);
                let cells = match formulas.needed().is_empty() {
                    true => HashMap::new(),
                    false => {
                        let source = self.parts.member(part, reading)?;
                        sheet::look_up(source, place, &mut self.workbook, &formulas, reading).unwrap_or_default()
                    }
                };
                sheet::keep_computed(formulas.compute(cells), place, reading);
                result
            }
            Role::CellStyles => Ok(()),
            Role::CellComments => cell_comments::read(self.parts.member(part, reading)?, place, reading),
            Role::Properties => properties::read(self.parts.member(part, reading)?, place, reading),
            Role::Labels => properties::read_labels(self.parts.member(part, reading)?, place, reading),
            Role::SharedStrings | Role::Known(_) => {
                generic::read(self.parts.member(part, reading)?, place, Attributes::Known, reading)
            }
            Role::Custom(_) => generic::read(self.parts.member(part, reading)?, place, Attributes::All, reading),
        }
    }

    /// Takes down the order of slides or sheets, by the ids of the main part's relationships, and what each is called.
    fn order(
        &mut self,
        main: usize,
        ids: impl Iterator<Item = (Vec<String>, String)>,
        place: &str,
        reading: &mut Reading<'_>,
    ) {
        // What is wrong with the relationships is told when they are followed.
        let (named, _) = self.parts.relationships(Some(main), place, reading);
        let parts: HashMap<&str, usize> =
            named.parts.iter().map(|relationship| (relationship.id.as_str(), relationship.part)).collect();
        for (number, (ids, name)) in (1..).zip(ids) {
            if let Some(part) = ids.iter().find_map(|id| parts.get(id.as_str())) {
                let place = Rc::from(within(self.file.place, name));
                self.ordered.entry(*part).or_insert(Ordered { number, place });
            }
        }
    }

    /// Reads a part of paragraphs and drawings into pieces of its own.
    fn markup(&mut self, part: usize, place: &str, repeats: bool, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let mut text = Text::new();
        let source = self.parts.member(part, reading)?;
        let result = markup::read(source, place, repeats, &mut text, &mut self.known, reading);
        reading.piece(text.into_piece(place));
        result
    }

    /// Reads what the sheets of a workbook need, before any of them.
    fn prepare_workbook(&mut self, named: &Relationships, home: &str, reading: &mut Reading<'_>) -> Result<(), Stop> {
        for relationship in &named.parts {
            let part = relationship.part;
            let role = Role::of(&self.parts.content_type(part), &relationship.kind, self.family);
            if !matches!(role, Role::SharedStrings | Role::CellStyles) || !self.parts.take(part) {
                continue;
            }
            let place = self.place(role, home, part);
            let result = match self.parts.member(part, reading) {
                Ok(source) if role == Role::CellStyles => {
                    workbook::read_styles(source, &place, &mut self.workbook, reading)
                }
                Ok(source) => self.workbook.strings.read(source, &place, reading),
                Err(fault) => Err(fault),
            };
            self.told(&place, result, reading)?;
        }
        Ok(())
    }

    /// Keeps what was gathered across the parts.
    fn finish(&mut self, reading: &mut Reading<'_>) {
        let place = self.file.place;
        reading.piece(std::mem::take(&mut self.slides_text).into_piece(place));
        reading.piece(std::mem::take(&mut self.links).into_piece(within(place, "links")));
        let mut authors = Text::new();
        for author in &self.known.authors {
            authors.push(author);
            authors.end_line();
        }
        reading.piece(authors.into_piece(within(place, "authors")));
    }

    /// Hands on the files within.
    fn read_files(&mut self, reading: &mut Reading<'_>) -> Result<(), Stop> {
        for (part, place) in std::mem::take(&mut self.files) {
            let bytes = match self.parts.expand(part, reading) {
                Ok(bytes) => bytes,
                Err(fault) => {
                    reading.fault(&place, fault)?;
                    continue;
                }
            };
            if bytes.is_empty() {
                continue;
            }
            let content_type = self.parts.content_type(part);
            reading.attachment(&Attachment {
                place: &place,
                name: Some(self.parts.file_name(part)),
                media_type: Some(&*content_type).filter(|kind| !kind.is_empty()),
                charset: None,
                bytes: &bytes,
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        documents::InProcess,
        message::{Limits, Unread},
    };
    use proptest::prelude::*;
    use std::{
        io::Write,
        time::{Duration, Instant},
    };
    use zip::{ZipWriter, write::SimpleFileOptions};

    fn read_all(bytes: &[u8], limits: &Limits) -> crate::message::Document {
        let mut reading = Reading::new(limits, Instant::now() + Duration::from_secs(60), &InProcess);
        let file = Attachment { place: "f", name: None, media_type: None, charset: None, bytes };
        let _ = reading.attachment(&file);
        let document = reading.finish();
        assert!(!document.unreadable.iter().any(|part| part.reason.contains("panicked")), "{:?}", document.unreadable);
        document
    }

    fn package(members: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, content) in members {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    /// A document of one part, whose content type is told by its last words.
    fn one_part(name: &str, content_type: &str, content: &str) -> Vec<u8> {
        let types =
            format!("<Types><Override PartName='/{name}' ContentType='application/vnd.{content_type}+xml'/></Types>");
        package(&[("[content_types].xml", &types), (name, content)])
    }

    /// Reads one part as that of a document.
    fn read_part(content_type: &str, content: &str) -> crate::message::Document {
        let limits = Limits::default();
        let bytes = one_part("a.xml", content_type, content);
        let mut reading = Reading::new(&limits, Instant::now() + Duration::from_secs(60), &Unread);
        let file = Attachment { place: "f", name: None, media_type: None, charset: None, bytes: &bytes };
        read(&file, &mut reading).unwrap();
        reading.finish()
    }

    #[test]
    fn parts_are_found_whatever_their_names() {
        for (name, stored) in [("word/document.xml", "word/document.xml"), ("a.xml", "a.xml"), ("b/c.xml", "B\\C.xml")]
        {
            let types = format!(
                "<Types><Override PartName='/{name}' ContentType='application/x.wordprocessingml.document.main+xml'/></Types>"
            );
            let bytes = package(&[("[Content_Types].xml", &types), (stored, "<d><p><r><t>hej</t></r></p></d>")]);
            let document = read_all(&bytes, &Limits::default());
            assert_eq!(document.pieces[0].text, "hej\n", "{name}");
            assert_eq!(document.unreadable, [], "{name}");
        }
    }

    #[test]
    fn a_part_that_names_itself_is_read_once() {
        let rels = "<R><Relationship Id='a' Type='x/header' Target='document.xml'/>\
                    <Relationship Id='b' Type='x/header' Target='h.xml'/><Relationship Id='c' Type='x/header' Target='h.xml'/></R>";
        let bytes = package(&[
            ("word/document.xml", "<p><t>en</t></p>"),
            ("word/_rels/document.xml.rels", rels),
            ("word/h.xml", "<p><t>to</t></p>"),
            ("word/_rels/h.xml.rels", rels),
            ("_rels/.rels", "<R><Relationship Type='x/officeDocument' Target='word/document.xml'/></R>"),
        ]);
        let document = read_all(&bytes, &Limits::default());
        let texts: Vec<_> = document.pieces.iter().map(|piece| (&*piece.place, &*piece.text)).collect();
        assert_eq!(texts, [("f", "en\n"), ("f > header", "to\n")]);
    }

    #[test]
    fn a_broken_part_costs_what_comes_after_the_break() {
        let bytes = package(&[
            ("word/document.xml", "<p><t>en</t></p><p><t>to</t><!-- "),
            ("word/other.xml", "<x>tre</x>"),
            ("[Content_Types].xml", "<Types><Default Extension='xml' ContentType='application/xml'/></Types>"),
            ("_rels/.rels", "<R><Relationship Type='x/officeDocument' Target='word/document.xml'/></R>"),
        ]);
        let document = read_all(&bytes, &Limits::default());
        let texts: Vec<_> = document.pieces.iter().map(|piece| &*piece.text).collect();
        assert_eq!(texts, ["en\nto\n", "tre\t"]);
        assert_eq!(document.unreadable.len(), 1);
    }

    #[test]
    fn what_is_seen_as_one_number_stands_together() {
        let chart = |codes: &str, format: &str| {
            format!(
                "<c:chart><c:dLbls>{codes}</c:dLbls><c:numCache><c:formatCode>{format}</c:formatCode>\
                 <c:pt><c:v>101900005</c:v></c:pt></c:numCache></c:chart>"
            )
        };
        for (kind, xml, texts) in [
            // Digits of a symbol font, moved to the private use area.
            (
                "wordprocessingml.document.main",
                "<p><r><t>\u{f036}\u{f031}\u{f02d}</t></r></p>".to_owned(),
                &["61-\n"][..],
            ),
            // The code of one field, in several runs.
            (
                "wordprocessingml.document.main",
                "<p><fldChar/><instrText>QUOTE \"610</instrText><instrText>190\"</instrText><fldChar/>\
                 <instrText>x</instrText></p>"
                    .to_owned(),
                &["QUOTE \"610190\" x"],
            ),
            (
                "wordprocessingml.document.main",
                "<p><f><num><t>0005</t></num><den><t>1</t></den></f></p>".to_owned(),
                &["0005/1\n"],
            ),
            (
                "wordprocessingml.document.main",
                "<p><ruby><rt><t>x</t></rt><rubyBase><t>610190</t></rubyBase></ruby><t>-0005</t></p>".to_owned(),
                &["x\n", "610190-0005\n"],
            ),
            (
                "wordprocessingml.numbering",
                "<lvl ilvl='0'><start val='5'/><lvlText val='610190-000%1'/></lvl>".to_owned(),
                &["610190-0005\n"],
            ),
            ("drawingml.chart", chart("", "\"CPR \"000000\\-0000"), &["CPR 010190-0005\t\n"]),
            (
                "drawingml.chart",
                chart("<numFmt formatCode='000000\\-0000'/>", "General"),
                &["010190-0005\n", "101900005\t\n"],
            ),
        ] {
            let document = read_part(kind, &xml);
            let found: Vec<_> = document.pieces.iter().map(|piece| &*piece.text).collect();
            assert_eq!(found, texts, "{xml}");
            assert_eq!(document.unreadable.len(), usize::from(kind.ends_with("numbering")), "{xml}");
        }
    }

    #[test]
    fn cells_far_from_one_another_hold_no_number_together() {
        for (cells, text) in [
            ("<row r='1'><c r='A1'><v>1</v></c></row><row r='3'><c r='B3'><v>2</v></c></row>", "1\n2\n"),
            ("<row r='1'><c r='A1'><v>1</v></c></row><row r='30'><c r='B30'><v>2</v></c></row>", "1\n|\n2\n"),
            ("<row><c r='A1'><v>1</v></c><c r='C1'><v>2</v></c></row>", "1\t\t2\n"),
            ("<row><c r='A1'><v>1</v></c><c r='H1'><v>2</v></c></row>", "1\t|\t\t\t\t\t\t2\n"),
            ("<row><c r='A1'><v>1</v></c><c r='HA1'><v>2</v></c></row>", "1\t|\t2\n"),
        ] {
            let xml = format!("<worksheet><sheetData>{cells}</sheetData></worksheet>");
            let document = read_part("spreadsheetml.worksheet", &xml);
            let piece = &document.pieces[0];
            assert_eq!(piece.text, text, "{cells}");
            let expected = format!("f > {}", cells.rsplit("r='").next().unwrap().split('\'').next().unwrap());
            assert!(piece.place_of(text.len() - 2).ends_with(expected.trim_start_matches("f ")), "{cells}");
        }
    }

    #[test]
    fn values_that_are_not_stored_are_computed_or_told() {
        for (cells, text, told) in [
            ("<c r='A1'><f>\"610190\"&amp;\"-0005\"</f><v></v></c>", Some("610190-0005\n"), None),
            (
                "<c r='A5'><f>A1&amp;\"-\"&amp;F10</f></c><c r='A1'><v>610190</v></c><c r='F10'><v>5</v></c>",
                Some("610190-5\n"),
                None,
            ),
            (
                "<c r='A1'><f>SUM(B1:B2)</f></c><c r='C9'><f t='shared'/></c>",
                None,
                Some("the values of 2 formulas are not stored, that of A1 first"),
            ),
            ("<c r='A1' t='str'><f>B1</f><v></v></c>", None, None),
            ("<c r='A1'><f>SUM(B1:B2)</f><v>3</v></c>", None, None),
        ] {
            let xml = format!("<worksheet><sheetData>{cells}</sheetData></worksheet>");
            let document = read_part("spreadsheetml.worksheet", &xml);
            let computed = document.pieces.iter().rfind(|piece| piece.place.ends_with("formulas"));
            assert_eq!(computed.map(|piece| &*piece.text), text, "{cells}");
            assert_eq!(document.unreadable.first().map(|part| &*part.reason), told, "{cells}");
        }
    }

    #[test]
    fn conditional_formats_are_shown() {
        let bytes = package(&[
            ("xl/workbook.xml", "<workbook/>"),
            (
                "xl/_rels/workbook.xml.rels",
                "<R><Relationship Id='rId1' Type='worksheet' Target='s.xml'/>\
                <Relationship Type='styles' Target='u.xml'/></R>",
            ),
            ("_rels/.rels", "<R><Relationship Type='officeDocument' Target='xl/workbook.xml'/></R>"),
            ("xl/s.xml", "<worksheet><sheetData><c r='B2'><v>101900005</v></c></sheetData></worksheet>"),
            (
                "xl/u.xml",
                "<styleSheet><dxfs><dxf><numFmt numFmtId='164' formatCode='000000-0000'/></dxf></dxfs></styleSheet>",
            ),
        ]);
        let document = read_all(&bytes, &Limits::default());
        let places: Vec<_> = document
            .pieces
            .iter()
            .filter_map(|piece| piece.text.find("010190-0005").map(|at| piece.place_of(at)))
            .collect();
        assert_eq!(places.len(), 1, "{:?}", document.pieces);
        assert!(places[0].ends_with("conditional formats > B2"), "{places:?}");
    }

    #[test]
    fn text_beyond_the_limit_is_told() {
        let limits = Limits { text_bytes: 10_000, ..Limits::default() };
        let long = "x".repeat(9_000);
        for (name, kind, content) in [
            ("d.xml", "wordprocessingml.document.main", format!("<p><t>{long}</t></p><p><t>{long}</t></p>")),
            (
                "s.xml",
                "spreadsheetml.worksheet",
                format!("<sheetData>{}</sheetData>", "<c><v>123456789</v></c>".repeat(2000)),
            ),
            ("x.xml", "x", format!("<a><b>{long}</b><b>{long}</b></a>")),
            ("t.xml", "spreadsheetml.sharedStrings", format!("<si><t>{long}</t></si><si><t>{long}</t></si>")),
        ] {
            let bytes = one_part(name, kind, &content);
            let mut reading = Reading::new(&limits, Instant::now() + Duration::from_secs(60), &Unread);
            let file = Attachment { place: "f", name: None, media_type: None, charset: None, bytes: &bytes };
            read(&file, &mut reading).unwrap();
            let document = reading.finish();
            let length: usize = document.pieces.iter().map(|piece| piece.text.len()).sum();
            assert!((5_000..=10_000).contains(&length), "{name}: {length}");
            assert_eq!(document.unreadable[0].reason, "limit: more than 10000 bytes of text", "{name}");
        }
    }

    /// Pieces of XML that mean something to one reader or another.
    fn xml() -> impl Strategy<Value = String> {
        let name = "(w:)?(p|t|r|tc|tr|tbl|del|ins|txbxContent|AlternateContent|Choice|Fallback|delText|instrText|v|pt|lvl|c|f|is|row|\
                    sheetData|si|rPh|oddHeader|comment|text|author|property|label|sheet|numFmt|cellXfs|xf|sldId|ClientData|\
                    lastRenderedPageBreak|docPr|br|sym)";
        let attribute =
            "( (r|s|t|id|name|ref|numFmtId|formatCode|descr|char)='([A-Z]{0,4}[0-9]{0,11}|s|str|b|[a-z&;]{0,5})'){0,3}";
        let part = format!("<{name}{attribute}/?>|</{name}>|[0-9a-z]{{1,4}}|&#[0-9]{{1,7}};|.{{0,3}}");
        let part = prop::string::string_regex(&part).unwrap();
        prop::collection::vec(part, 0..80).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_xml_can_be_read(content in xml(), more in xml(), types in xml()) {
            for kind in [
                "wordprocessingml.document.main", "spreadsheetml.sheet.main", "presentationml.presentation.main",
                "spreadsheetml.worksheet", "spreadsheetml.comments", "x.core-properties", "x.classificationlabels", "x.any",
            ] {
                read_all(&one_part("a.xml", kind, &content), &Limits::default());
            }
            let bytes = package(&[
                ("xl/workbook.xml", &content),
                ("xl/_rels/workbook.xml.rels", "<R><Relationship Id='rId1' Type='worksheet' Target='s.xml'/>\
                    <Relationship Type='sharedStrings' Target='t.xml'/><Relationship Type='styles' Target='u.xml'/></R>"),
                ("_rels/.rels", "<R><Relationship Type='officeDocument' Target='xl/workbook.xml'/></R>"),
                ("xl/s.xml", &more),
                ("xl/t.xml", &content),
                ("xl/u.xml", &types),
                ("[Content_Types].xml", &types),
            ]);
            read_all(&bytes, &Limits::default());
        }

        #[test]
        fn any_change_of_a_document_can_be_read(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
            let mut bytes = one_part("a.xml", "wordprocessingml.document.main", "<p><r><t>hej</t></r></p>");
            for (at, byte) in changes {
                let length = bytes.len();
                bytes[at.index(length)] = byte;
            }
            read_all(&bytes, &Limits::default());
        }
    }
}
