//! The XML of a document, its styles and its properties -> text, by the meaning of its elements (OpenDocument 1.3
//! part 3). An element that is not known here is transparent: the text in it is read.

use super::{
    super::{
        sinks::{Sink, Sinks, fold},
        xml::{Element, Node},
    },
    number_style::NumberStyles,
    sheet::Sheet,
};
use crate::message::{Attachment, Fault, Reading, Stop, Whereabouts, base64, quoted, within};
use std::{borrow::Cow, mem};

/// Spaces that one `text:s` stands for; more say nothing.
const MAX_SPACES: usize = 64;

/// Properties that programs write.
const BY_PROGRAMS: [&str; 3] = ["generator", "editing-duration", "editing-cycles"];

/// What is to be done at the end of an element.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ending {
    Nothing,
    /// The line ends.
    Line,
    /// The word ends.
    Word,
    Paragraph,
    Cell,
    Row,
    SheetCell,
    SheetRow,
    Sheet,
    /// A property's value is complete.
    Property,
    /// A file in base64 is complete.
    Binary,
}

/// What holds within an element.
#[derive(Clone, Copy, Debug)]
struct Frame {
    sink: Sink,
    /// White space counts, and what opens does not end a line.
    paragraph: bool,
    /// In a cell of a table.
    cell: bool,
    ending: Ending,
}

/// One XML file of a document that is being read.
pub(super) struct Content<'p> {
    place: &'p str,
    frames: Vec<Frame>,
    sinks: Sinks,
    sheet: Option<Sheet>,
    styles: NumberStyles,
    /// The texts of the document while those of a sheet are being read.
    outside: Sinks,
    /// Tables are sheets here.
    spreadsheet: bool,
    /// The pages are slides.
    presentation: bool,
    page: u32,
    /// Name and value of a property.
    property: (String, String),
    binary: String,
    /// Text outside of paragraphs, since the last tag.
    loose: String,
    files: Vec<Vec<u8>>,
}

impl<'p> Content<'p> {
    pub(super) fn new(place: &'p str) -> Self {
        Self {
            place,
            frames: Vec::new(),
            sinks: Sinks::default(),
            sheet: None,
            styles: NumberStyles::default(),
            outside: Sinks::default(),
            spreadsheet: false,
            presentation: false,
            page: 0,
            property: Default::default(),
            binary: String::new(),
            loose: String::new(),
            files: Vec::new(),
        }
    }

    /// Takes what stands next.
    pub(super) fn take(&mut self, node: Node<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
        match node {
            Node::Open(element) => {
                self.settle();
                self.styles.open(element);
                let frame = self.open(element, self.frame());
                self.frames.push(frame);
                Ok(())
            }
            Node::Text(text) => {
                self.text(text);
                Ok(())
            }
            Node::Close(name) => {
                self.settle();
                self.styles.close(name);
                self.close(reading)
            }
        }
    }

    /// Hands on what is left; files last, so that a limit that they meet costs no text.
    pub(super) fn finish(mut self, reading: &mut Reading<'_>) -> Result<(), Stop> {
        self.close_sheet(reading);
        self.sinks.flush(self.place, reading);
        for (number, bytes) in self.files.iter().enumerate() {
            let place = within(self.place, format_args!("embedded file {}", number + 1));
            reading.attachment(&Attachment { place: &place, name: None, media_type: None, charset: None, bytes })?;
        }
        Ok(())
    }

    fn frame(&self) -> Frame {
        let outermost = Frame { sink: Sink::Body, paragraph: false, cell: false, ending: Ending::Nothing };
        self.frames.last().copied().unwrap_or(outermost)
    }

    /// Where in a sheet or among slides we are, to go with the name of something.
    fn here(&self) -> String {
        match &self.sheet {
            Some(sheet) => format!(" at {}", sheet.cell_name()),
            None if self.presentation && self.page > 0 => format!(" of slide {}", self.page),
            None => String::new(),
        }
    }

    /// The frame of an element whose text goes somewhere else.
    fn aside(&mut self, sink: Sink, name: &str) -> Frame {
        self.sinks.named(sink, name);
        self.sinks.begin_paragraph(sink);
        Frame { sink, paragraph: false, cell: false, ending: Ending::Line }
    }

    /// A text that stands in an attribute.
    fn attribute(&mut self, sink: Sink, name: &str, value: Option<Cow<'_, str>>) {
        let Some(value) = value.filter(|value| !value.trim().is_empty()) else { return };
        let name = name.to_owned() + &self.here();
        self.sinks.named(sink, &name);
        self.sinks.line(sink, value.trim());
    }

    fn open(&mut self, element: &Element<'_>, outer: Frame) -> Frame {
        let inner = Frame { ending: Ending::Nothing, ..outer };
        let in_sheet = self.sheet.is_some() && outer.sink == Sink::Body;
        if outer.sink == Sink::Property {
            return self.open_property(element, inner);
        }
        match element.name() {
            "p" | "h" => {
                if !outer.cell {
                    self.sinks.end_line(outer.sink);
                }
                self.sinks.begin_paragraph(outer.sink);
                if let Some(sheet) = self.sheet.as_mut().filter(|_| in_sheet) {
                    if !outer.cell {
                        // In a sheet, but in none of its cells: a shape's text.
                        return Frame { paragraph: true, ..self.aside(Sink::Frame, "text frame") };
                    }
                    if !sheet.cell.text.is_empty() {
                        sheet.cell.text.push(' ');
                    }
                    sheet.cell.after_space = true;
                }
                Frame { paragraph: true, ending: Ending::Paragraph, ..inner }
            }
            "s" if outer.paragraph => {
                let count = element.attribute("c").and_then(|count| count.parse().ok()).unwrap_or(1_usize);
                self.push(outer, &" ".repeat(count.clamp(1, MAX_SPACES)));
                inner
            }
            "tab" | "tab-stop" if outer.paragraph => {
                self.push(outer, "\t");
                inner
            }
            "line-break" if outer.paragraph => {
                self.push(outer, "\n");
                inner
            }
            "table" => self.open_table(element, outer),
            "table-row" => match self.sheet.as_mut().filter(|_| in_sheet) {
                Some(sheet) => {
                    sheet.open_row(element.attribute("number-rows-repeated").as_deref());
                    Frame { ending: Ending::SheetRow, ..inner }
                }
                None => Frame { ending: Ending::Row, ..inner },
            },
            "table-cell" | "covered-table-cell" | "change-track-table-cell" => self.open_cell(element, outer),
            "frame" | "text-box" | "custom-shape" | "rect" | "ellipse" | "circle" | "line" | "polyline" | "polygon"
            | "path" | "connector" | "caption" | "regular-polygon" | "measure" | "g" | "image" | "object"
            | "object-ole" | "plugin"
                if outer.paragraph || outer.cell || in_sheet =>
            {
                let name = format!("text frame{}", self.here());
                self.aside(Sink::Frame, &name)
            }
            // MathML.
            "mi" | "mo" | "mn" | "ms" | "mtext" => Frame { paragraph: true, ending: Ending::Word, ..inner },
            "binary-data" => {
                self.binary.clear();
                Frame { sink: Sink::Binary, paragraph: false, cell: false, ending: Ending::Binary }
            }
            "page" => {
                self.page = self.page.saturating_add(1);
                if outer.sink == Sink::Body {
                    self.sinks.end_line(Sink::Body);
                    let page = self.page;
                    let here = if self.presentation { Whereabouts::Slide(page) } else { Whereabouts::Page(page) };
                    self.sinks.at(Sink::Body, here);
                }
                let name = element.attribute("name").filter(|name| **name != format!("page{}", self.page));
                self.attribute(Sink::Name, "name", name);
                inner
            }
            "presentation" => {
                self.presentation = true;
                inner
            }
            "spreadsheet" => {
                self.spreadsheet = true;
                inner
            }
            // OpenOffice.org 1 says it of the whole.
            "document-content" | "document" => {
                match element.attribute("class").as_deref() {
                    Some("spreadsheet") => self.spreadsheet = true,
                    Some("presentation") => self.presentation = true,
                    _ => {}
                }
                inner
            }
            _ => self.open_aside(element, outer),
        }
    }

    /// What stands beside the text.
    fn open_aside(&mut self, element: &Element<'_>, outer: Frame) -> Frame {
        let inner = Frame { ending: Ending::Nothing, ..outer };
        let name = element.name();
        match name {
            "note" | "footnote" | "endnote" => {
                let endnote = name == "endnote" || element.attribute("note-class").as_deref() == Some("endnote");
                self.aside(Sink::Note, if endnote { "endnote" } else { "footnote" })
            }
            "notes" => {
                let name = format!("notes{}", self.here());
                self.aside(if outer.sink == Sink::Furniture { Sink::Furniture } else { Sink::Note }, &name)
            }
            // The formula of an object has annotations of its own.
            "annotation" if element.attribute("encoding").is_none() => {
                let name = format!("comment{}", self.here());
                self.aside(Sink::Comment, &name)
            }
            "annotation" => self.aside(Sink::Field, "formula"),
            "tracked-changes" => self.aside(Sink::Change, "tracked changes"),
            "handout-master" => self.aside(Sink::Furniture, "handout"),
            "master-page" => {
                let name = match element.attribute("name") {
                    Some(name) => format!("master page {}", quoted(&name)),
                    None => "master page".to_owned(),
                };
                self.aside(Sink::Furniture, &name)
            }
            "header" | "header-left" | "header-first" | "header-decl" if !outer.paragraph => {
                self.aside(Sink::Furniture, "header")
            }
            "footer" | "footer-left" | "footer-first" | "footer-decl" | "date-time-decl" if !outer.paragraph => {
                self.aside(Sink::Furniture, "footer")
            }
            "forms" => self.aside(Sink::Control, "form control"),
            _ if outer.sink == Sink::Control => {
                for attribute in ["label", "title", "value", "current-value", "string-value", "help-text"] {
                    self.attribute(Sink::Control, "form control", element.attribute(attribute));
                }
                inner
            }
            "meta" if !outer.paragraph => Frame { sink: Sink::Property, ending: Ending::Line, ..inner },
            "number-style" | "currency-style" | "percentage-style" | "date-style" | "time-style" | "boolean-style"
            | "text-style" | "settings"
            // How entries of an index are put together; the index itself stands after it.
            | "table-of-content-source" | "illustration-index-source" | "table-index-source" | "object-index-source"
            | "user-index-source" | "alphabetical-index-source" | "bibliography-source" => Frame { sink: Sink::Nowhere, ..inner },
            "script" => self.aside(Sink::Field, "script"),
            "ruby-text" => self.aside(Sink::Field, "ruby"),
            "variable-decl"
            | "variable-set"
            | "variable-input"
            | "user-field-decl"
            | "user-field-get"
            | "user-field-input"
            | "hidden-text"
            | "conditional-text"
            | "hidden-paragraph"
            | "alphabetical-index-mark"
            | "alphabetical-index-mark-start"
            | "user-index-mark"
            | "user-index-mark-start"
            | "toc-mark"
            | "toc-mark-start"
            | "placeholder"
            | "text-input" => {
                for attribute in ["string-value", "string-value-if-true", "string-value-if-false", "description"] {
                    self.attribute(Sink::Field, "field", element.attribute(attribute));
                }
                inner
            }
            // Entries of a drop-down list.
            "label" => {
                self.attribute(Sink::Field, "field", element.attribute("value"));
                inner
            }
            "content-validation" => {
                self.attribute(Sink::Field, "validity rule", element.attribute("condition"));
                self.aside(Sink::Field, "validity rule")
            }
            "help-message" | "error-message" => {
                self.attribute(Sink::Field, "validity rule", element.attribute("title"));
                inner
            }
            "named-expression" => {
                self.attribute(Sink::Field, "named expression", element.attribute("expression"));
                inner
            }
            "filter-condition" | "filter-set-item" => {
                self.attribute(Sink::Field, "filter", element.attribute("value"));
                inner
            }
            "data-pilot-member" => {
                self.attribute(Sink::Field, "pivot table", element.attribute("name"));
                inner
            }
            "scenario" => {
                self.attribute(Sink::Field, "scenario", element.attribute("comment"));
                inner
            }
            _ => inner,
        }
    }

    fn open_property(&mut self, element: &Element<'_>, inner: Frame) -> Frame {
        let name = match element.attribute("name") {
            Some(name) if element.name() == "user-defined" => name.into_owned(),
            _ => element.name().to_owned(),
        };
        self.property = (name, String::new());
        Frame { ending: Ending::Property, ..inner }
    }

    fn open_table(&mut self, element: &Element<'_>, outer: Frame) -> Frame {
        let inner = Frame { ending: Ending::Nothing, ..outer };
        if !self.spreadsheet || outer.sink != Sink::Body || self.sheet.is_some() {
            return Frame { ending: Ending::Line, ..inner };
        }
        let name = element.attribute("name");
        self.attribute(Sink::Name, "name of the sheet", name.clone());
        let place = within(self.place, format_args!("sheet {}", quoted(&name.unwrap_or_default())));
        self.sheet = Some(Sheet::new(place));
        self.outside = mem::take(&mut self.sinks);
        Frame { paragraph: false, cell: false, ending: Ending::Sheet, ..inner }
    }

    fn open_cell(&mut self, element: &Element<'_>, outer: Frame) -> Frame {
        let inner = Frame { paragraph: false, cell: true, ..outer };
        // A table within a cell is part of that cell.
        let of_sheet = outer.sink == Sink::Body && !outer.cell;
        let (mut value, mut repeated, mut formula) = (None, None, None);
        let (mut is_stored, mut computed, mut style) = (false, None, None);
        for (name, content) in element.attributes() {
            match name {
                "value" | "date-value" | "time-value" | "boolean-value" | "string-value" => value = Some(content),
                "number-columns-repeated" => repeated = Some(content),
                "value-type" => is_stored = true,
                "style-name" => style = Some(content),
                "formula" if !content.contains('"') => computed = Some(content),
                // What stands in quotes in a formula is text.
                "formula" if content.contains('"') => formula = Some(content),
                _ => {}
            }
        }
        match self.sheet.as_mut().filter(|_| of_sheet) {
            Some(sheet) => {
                sheet.open_cell(value.as_deref(), repeated.as_deref());
                if let (Some(style), Some(value)) = (style, value.as_deref()) {
                    sheet.cell.styled = self.styles.shown(&style, value);
                }
                let is_stored = is_stored || value.is_some();
                if let Some(formula) = formula.as_deref().or(computed.as_deref()).filter(|_| !is_stored) {
                    sheet.cell.formula.push_str(formula);
                }
                self.attribute(Sink::Field, "formula", formula);
                Frame { ending: Ending::SheetCell, ..inner }
            }
            None => {
                if outer.sink == Sink::Change {
                    self.attribute(Sink::Change, "tracked changes", value);
                }
                self.attribute(Sink::Field, "formula", formula);
                Frame { ending: Ending::Cell, ..inner }
            }
        }
    }

    /// Appends text that stands in a paragraph, as it is.
    fn push(&mut self, frame: Frame, text: &str) {
        match self.sheet.as_mut().filter(|_| frame.sink == Sink::Body && frame.cell) {
            Some(sheet) => sheet.cell.text.push_str(text),
            None if frame.cell && text == "\n" => self.sinks.push(frame.sink, " "),
            None => self.sinks.push(frame.sink, text),
        }
    }

    fn text(&mut self, text: &str) {
        let frame = self.frame();
        match frame.sink {
            Sink::Nowhere => self.styles.text(text),
            Sink::Binary => self.binary.push_str(text),
            Sink::Property => self.property.1.push_str(text),
            sink if frame.paragraph => match self.sheet.as_mut().filter(|_| sink == Sink::Body && frame.cell) {
                Some(sheet) => {
                    let cell = &mut sheet.cell;
                    fold(text, &mut cell.after_space, |part| cell.text.push_str(part));
                }
                None => self.sinks.push_folded(sink, text),
            },
            _ => self.loose.push_str(text),
        }
    }

    /// Takes in the text since the last tag, where that is in no paragraph: between elements there are line ends to
    /// please the eye.
    fn settle(&mut self) {
        if self.loose.is_empty() {
            return;
        }
        let text = mem::take(&mut self.loose);
        if !text.trim().is_empty() && !is_timestamp(&text) {
            let sink = self.frame().sink;
            let sink = if sink == Sink::Body && self.sheet.is_some() { Sink::Frame } else { sink };
            self.sinks.line(sink, text.trim());
        }
        self.loose = text;
        self.loose.clear();
    }

    fn close(&mut self, reading: &mut Reading<'_>) -> Result<(), Fault> {
        // An end without its beginning.
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let sheet = self.sheet.as_mut();
        match (frame.ending, sheet) {
            (Ending::Nothing, _) => return Ok(()),
            (Ending::Paragraph, Some(_)) if frame.cell && frame.sink == Sink::Body => return Ok(()),
            (Ending::Paragraph, _) if frame.cell => self.sinks.push(frame.sink, " "),
            (Ending::Line | Ending::Paragraph | Ending::Row, _) => self.sinks.end_line(frame.sink),
            (Ending::Word, _) => self.push(frame, " "),
            (Ending::Cell, _) => self.sinks.end_cell(frame.sink),
            (Ending::SheetCell, Some(sheet)) => sheet.close_cell(&mut self.sinks),
            (Ending::SheetRow, Some(sheet)) => sheet.close_row(),
            (Ending::Sheet, _) => {
                self.close_sheet(reading);
            }
            (Ending::SheetCell | Ending::SheetRow, None) => {}
            (Ending::Property, _) => self.close_property(reading),
            (Ending::Binary, _) => self.close_binary(),
        }
        if self.sinks.held() + self.outside.held() > reading.text_left() {
            let most = reading.limits().text_bytes;
            return Err(Fault::Limit(format!("limit: more than {most} bytes of text")));
        }
        Ok(())
    }

    fn close_sheet(&mut self, reading: &mut Reading<'_>) {
        if let Some(mut sheet) = self.sheet.take() {
            let computed = sheet.compute();
            for ((row, column), value) in computed.values {
                self.sinks.named(Sink::Field, &format!("value of {}", Whereabouts::Cells { row, column }));
                self.sinks.line(Sink::Field, &value);
                if self.sinks.held() > reading.text_left() {
                    break;
                }
            }
            if let Some((row, column)) = computed.first {
                let first = Whereabouts::Cells { row, column };
                let reason =
                    format!("the values of {} formulas are not stored, that of {first} first", computed.unknown);
                reading.unreadable(&sheet.place, reason);
            }
            self.sinks.flush(&sheet.place, reading);
            self.sinks = mem::take(&mut self.outside);
        }
    }

    fn close_property(&mut self, reading: &mut Reading<'_>) {
        let (name, value) = mem::take(&mut self.property);
        if name.starts_with("MSIP_Label_") {
            reading.label(self.place, &name, value.trim());
        }
        if value.trim().is_empty() || is_timestamp(&value) || BY_PROGRAMS.contains(&name.as_str()) {
            return;
        }
        self.sinks.named(Sink::Property, "properties");
        self.sinks.line(Sink::Property, &format!("{name}: {}", value.trim()));
    }

    /// A picture or an object in a flat file.
    fn close_binary(&mut self) {
        let (bytes, _) = base64(self.binary.as_bytes());
        self.binary.clear();
        if !bytes.is_empty() {
            self.files.push(bytes);
        }
    }
}

/// A date and time that programs write (`2024-01-31T12:00:00.123456789`).
fn is_timestamp(text: &str) -> bool {
    let text = text.trim().as_bytes();
    text.len() >= 10
        && text.get(4) == Some(&b'-')
        && text.get(7) == Some(&b'-')
        && text.get(10).is_none_or(|byte| *byte == b'T')
        && text.iter().all(|byte| byte.is_ascii_digit() || b"-T:.,+Z".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::{super::super::xml, *};
    use crate::message::{Document, Limits, Unread};
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn document(xml: &str) -> Document {
        let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &Unread);
        let mut content = Content::new("a");
        let _ = xml::walk(xml.as_bytes(), "a", &mut reading, |node, reading| content.take(node, reading));
        content.finish(&mut reading).unwrap();
        reading.finish()
    }

    fn pieces(xml: &str) -> Vec<(String, String)> {
        document(xml).pieces.iter().map(|piece| (piece.place_of(0), piece.text.trim().to_owned())).collect()
    }

    #[test]
    fn a_paragraph_stays_whole() {
        for (xml, text) in [
            ("<p>0101<span>90</span>-<s c='1'/>1</p>", "010190- 1"),
            ("<p>a<tab/>b<line-break/>c</p>", "a\tb\nc"),
            ("<p>  a \n b </p><p>c</p>", "a b\nc"),
            ("<p>a<note><note-body><p>n</p></note-body></note>b</p>", "ab"),
            ("<p>a<annotation><p>n</p></annotation>b</p>", "ab"),
            ("<p>a<frame><text-box><p>n</p></text-box><desc>d</desc></frame>b</p>", "ab"),
            (
                "<table><table-row><table-cell><p>a</p><p>b</p></table-cell><table-cell><p>c</p></table-cell></table-row></table>",
                "a b\tc",
            ),
            ("<date-style><text>x</text></date-style><p>a</p>", "a"),
        ] {
            assert_eq!(pieces(xml)[0].1, text, "{xml}");
        }
    }

    #[test]
    fn cells_know_where_they_are() {
        let document = document(
            "<spreadsheet><table name='S'><table-row number-rows-repeated='1048576'/>\
             <table-row><table-cell number-columns-repeated='16384'/><table-cell><p>far</p></table-cell></table-row>\
             <table-row number-rows-repeated='3'><table-cell number-columns-repeated='2'><p>two</p></table-cell>\
             <table-cell/><table-cell value='7'/><table-cell number-columns-repeated='4294967295'><p>many</p>\
             </table-cell><table-cell><p>last</p></table-cell></table-row>\
             <table-row><table-cell><annotation><p>note</p></annotation><p>a</p><p>b</p></table-cell></table-row>\
             </table></spreadsheet>",
        );
        let place = |word: &str| {
            let found = document.pieces.iter().find_map(|piece| Some(piece.place_of(piece.text.find(word)?)));
            found.unwrap_or_default()
        };
        for (word, at) in [
            ("far", "a > sheet \"S\" > XFE1048577"),
            ("two", "a > sheet \"S\" > A1048578"),
            ("7", "a > sheet \"S\" > D1048578"),
            ("many", "a > sheet \"S\" > E1048578"),
            ("last", "a > sheet \"S\" > MWLQKWV1048578"),
            ("a b", "a > sheet \"S\" > A1048581"),
            ("note", "a > sheet \"S\" > comment at A1048581"),
        ] {
            assert_eq!(place(word), at, "{word}");
        }
        let text = &document.pieces[0].text;
        assert!(text.contains("two\ttwo\t\t7\tmany\tmany"), "{text:?}");
        assert!(text.len() < 1000);
    }

    #[test]
    fn what_is_not_stored_is_shown_or_told() {
        for (cells, text, told) in [
            ("<table-cell formula='of:=&quot;61&quot;&amp;&quot;01&quot;'/>", "6101", 0),
            (
                "<table-cell value-type='string'><p>61</p></table-cell><table-cell formula='of:=[.A1]&amp;[.A1]'/>",
                "6161",
                0,
            ),
            ("<table-cell formula='of:=SUM([.A1:.A2])'/>", "", 1),
            ("<table-cell formula='of:=[.A1]' value-type='string'><p/></table-cell>", "", 0),
            ("<table-cell style-name='c' value='101900005' value-type='float'/>", "010190-0005", 0),
            ("<table-cell style-name='c' value='101900005' value-type='float'><p>seen</p></table-cell>", "seen", 0),
        ] {
            let document = document(&format!(
                "<d><number-style name='N'><number min-integer-digits='10'><embedded-text position='4'>-</embedded-text>\
                 </number></number-style><style name='c' data-style-name='N'/><spreadsheet><table name='S'><table-row>\
                 {cells}</table-row></table></spreadsheet></d>"
            ));
            assert!(document.pieces.iter().any(|piece| piece.text.contains(text)) || text.is_empty(), "{cells}");
            assert_eq!(document.unreadable.len(), told, "{cells}");
        }
    }

    #[test]
    fn labels_are_told() {
        let labels = document("<meta><user-defined name='MSIP_Label_1_Enabled'>true</user-defined></meta>").labels;
        assert_eq!((labels[0].name.as_str(), labels[0].value.as_str()), ("MSIP_Label_1_Enabled", "true"));
    }

    proptest! {
        #[test]
        fn any_document_can_be_read(
            xml in "(<(p|h|s c='9'|tab|note|annotation|table|table-row|table-cell|spreadsheet|frame|page|notes|meta|title|binary-data|forms|master-page|header)( number-(rows|columns)-repeated='[0-9]{1,11}')?>|</[a-z]>|[a-z0-9 ]{1,4}){0,60}"
        ) {
            document(&xml);
        }
    }
}
