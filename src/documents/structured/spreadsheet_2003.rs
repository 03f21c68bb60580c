//! XML Spreadsheet 2003 (Microsoft's "XML Spreadsheet Reference"): a whole workbook in one XML file. Cells are read as
//! they are shown, sheet by sheet.

use super::super::{
    number_format::{NumberFormat, shown},
    sheet::{self, Sheet},
    sinks::{Sink, Sinks},
    xml::{self, Element, Node},
};
use crate::message::{Attachment, Fault, Reading, decode_text};
use std::collections::HashMap;

/// Bytes at the beginning in which the namespace stands.
const HEAD: usize = 4096;

/// The namespace.
const NAMESPACE: &str = "urn:schemas-microsoft-com:office:spreadsheet";

/// Styles that are kept.
const MAX_STYLES: usize = 10_000;

/// The longest style's name and format that are kept, in bytes.
const MAX_NAME: usize = 1024;

/// Attributes that say how something looks or where it stands.
const SILENT: [&str; 20] = [
    "StyleID",
    "Index",
    "Type",
    "Width",
    "Height",
    "AutoFitWidth",
    "AutoFitHeight",
    "Span",
    "Hidden",
    "MergeAcross",
    "MergeDown",
    "ExpandedColumnCount",
    "ExpandedRowCount",
    "FullColumns",
    "FullRows",
    "DefaultColumnWidth",
    "DefaultRowHeight",
    "Color",
    "Face",
    "Size",
];

/// Whether this is one.
pub(super) fn is_one(file: &Attachment<'_>) -> bool {
    let head = decode_text(&file.bytes[..file.bytes.len().min(HEAD)], file.charset, HEAD);
    head.contains(NAMESPACE) && head.contains("Workbook")
}

#[derive(Default)]
struct Workbook {
    place: String,
    formats: HashMap<String, NumberFormat>,
    /// The style that is being defined.
    style: Option<String>,
    sheet: Option<(String, Sheet<String>)>,
    /// Bytes of the cells of the sheet.
    held: usize,
    row: u32,
    column: u32,
    row_style: Option<String>,
    cell_style: Option<String>,
    is_number: bool,
    in_data: bool,
    comments: usize,
    styles: usize,
    text: String,
    others: Sinks,
}

/// Reads it.
///
/// # Errors
/// `Unreadable` where it is not well-formed: what stands before that was read.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut workbook = Workbook { place: file.place.to_owned(), ..Workbook::default() };
    let result = xml::walk(file.bytes, file.place, reading, |node, reading| {
        match node {
            Node::Open(element) => workbook.open(element),
            Node::Text(text) => workbook.text.push_str(text),
            Node::Close(name) => workbook.close(name, reading),
        }
        if workbook.held + workbook.text.len() + workbook.others.held() > reading.text_left() {
            let most = reading.limits().text_bytes;
            return Err(Fault::Limit(format!("limit: more than {most} bytes of text")));
        }
        Ok(())
    });
    workbook.end_sheet(reading);
    super::markup::comments(file, &mut workbook.others, reading);
    workbook.others.flush(file.place, reading);
    result
}

impl Workbook {
    fn open(&mut self, element: &Element<'_>) {
        if !self.in_data {
            self.settle();
        }
        let attribute = |name: &str| element.attribute(name).filter(|value| value.len() <= MAX_NAME);
        let index =
            || attribute("Index").and_then(|index| index.parse::<u32>().ok()).and_then(|index| index.checked_sub(1));
        let name = element.name();
        match name {
            "Styles" => self.styles += 1,
            "Style" => self.style = attribute("ID").map(|id| id.into_owned()),
            "NumberFormat" => {
                if let (Some(style), Some(code)) = (&self.style, attribute("Format"))
                    && self.formats.len() < MAX_STYLES
                {
                    self.formats.insert(style.clone(), format(&code));
                }
            }
            "Worksheet" => {
                let name = element.attribute("Name").unwrap_or_default();
                self.sheet = Some((sheet::place(&self.place, &name), Sheet::default()));
                (self.row, self.column) = (0, 0);
            }
            "Row" => {
                self.row = index().unwrap_or(self.row);
                self.column = 0;
                self.row_style = attribute("StyleID").map(|style| style.into_owned());
            }
            "Cell" => {
                self.column = index().unwrap_or(self.column);
                self.cell_style = attribute("StyleID").map(|style| style.into_owned());
            }
            "Comment" => self.comments += 1,
            "Data" => {
                self.text.clear();
                self.in_data = true;
                self.is_number = element.attribute("Type").as_deref() == Some("Number");
            }
            _ => {}
        }
        if self.styles > 0 {
            return;
        }
        for (attribute, value) in element.attributes() {
            let address =
                value == NAMESPACE || value.starts_with("urn:schemas-") || value.starts_with("http://www.w3.org/");
            if !address && !SILENT.contains(&attribute) && !value.trim().is_empty() {
                self.others.named(Sink::Field, "attributes");
                self.others.line(Sink::Field, &format!("{name} {attribute}: {}", value.trim()));
            }
        }
    }

    fn close(&mut self, name: &str, reading: &mut Reading<'_>) {
        match name {
            "Styles" => self.styles = self.styles.saturating_sub(1),
            "Style" => self.style = None,
            "Data" => self.end_data(),
            "Comment" => self.comments = self.comments.saturating_sub(1),
            "Cell" => self.column = self.column.saturating_add(1),
            "Row" => self.row = self.row.saturating_add(1),
            "Worksheet" => {
                self.settle();
                self.end_sheet(reading);
            }
            _ if self.in_data => {}
            _ => self.settle(),
        }
    }

    fn end_data(&mut self) {
        self.in_data = false;
        let text = std::mem::take(&mut self.text);
        let Some((_, sheet)) = self.sheet.as_mut().filter(|_| self.comments == 0) else {
            self.others.named(Sink::Comment, "comment");
            return self.others.line(Sink::Comment, text.trim());
        };
        let style = self.cell_style.as_deref().or(self.row_style.as_deref()).unwrap_or("Default");
        let format = self.formats.get(style).filter(|_| self.is_number);
        let shown = match format.zip(text.trim().parse::<f64>().ok()) {
            Some((format, value)) => shown(Some(format), value, false),
            None => text,
        };
        if !shown.is_empty() {
            self.held += shown.len() + 1;
            sheet.push(self.row, self.column, shown);
        }
    }

    /// Takes in text that stands in no cell.
    fn settle(&mut self) {
        let text = std::mem::take(&mut self.text);
        if !text.trim().is_empty() {
            self.others.named(Sink::Property, "properties");
            self.others.line(Sink::Property, text.trim());
        }
    }

    fn end_sheet(&mut self, reading: &mut Reading<'_>) {
        if let Some((place, sheet)) = self.sheet.take() {
            self.held = 0;
            sheet.finish(&place, reading, |cell, text| text.push_cell(cell));
        }
    }
}

/// A format by its code or one of the names that these files have for some.
fn format(code: &str) -> NumberFormat {
    NumberFormat::new(match code {
        "General Number" => "General",
        "General Date" | "Long Date" | "Medium Date" | "Short Date" => "yyyy-mm-dd",
        "Long Time" | "Medium Time" | "Short Time" => "h:mm:ss",
        "Fixed" => "0.00",
        "Standard" | "Currency" | "Euro Currency" => "#,##0.00",
        "Percent" => "0.00%",
        "Scientific" | "Yes/No" | "True/False" | "On/Off" => "General",
        code => code,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Document, Limits, Unread};
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn document(rows: &str) -> Document {
        let xml = format!(
            "<Workbook xmlns:ss='{NAMESPACE}'><Styles><Style ss:ID='s1'><NumberFormat ss:Format='000000\\-0000'/></Style></Styles>\
             <Worksheet ss:Name='A'><Table>{rows}</Table></Worksheet></Workbook>"
        );
        let file = Attachment { place: "f", name: None, media_type: None, charset: None, bytes: xml.as_bytes() };
        assert!(is_one(&file));
        let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &Unread);
        let _ = read(&file, &mut reading);
        reading.finish()
    }

    #[test]
    fn cells_are_shown_where_they_stand() {
        for (rows, text, place) in [
            (
                "<Row><Cell ss:StyleID='s1'><Data ss:Type='Number'>101900005</Data></Cell></Row>",
                "010190-0005",
                "f > sheet \"A\" > A1",
            ),
            (
                "<Row ss:Index='3' ss:StyleID='s1'><Cell ss:Index='2'><Data ss:Type='Number'>101900005</Data></Cell></Row>",
                "010190-0005",
                "f > sheet \"A\" > B3",
            ),
            (
                "<Row><Cell><Data ss:Type='String'>610190</Data></Cell><Cell><Data ss:Type='String'>0005</Data></Cell></Row>",
                "610190\t0005",
                "f > sheet \"A\" > A1",
            ),
            (
                "<Row><Cell><Data ss:Type='String'><B>61</B>0190</Data><Comment><Data>hej</Data></Comment></Cell></Row>",
                "610190",
                "f > sheet \"A\" > A1",
            ),
            ("<Row><Cell><Comment><Data>hej</Data></Comment></Cell></Row>", "hej", "f > comment"),
        ] {
            let document = document(rows);
            let piece = document.pieces.iter().find(|piece| piece.text.contains(text)).unwrap();
            assert_eq!(piece.place_of(piece.text.find(text).unwrap()), place, "{rows}");
        }
    }

    proptest! {
        #[test]
        fn any_workbook_can_be_read(
            rows in "(<(Row|Cell|Data|Comment|Style|Worksheet|NumberFormat)( (Index|Type|StyleID|Format|ID)='[0-9]{0,11}')?>|</(Row|Cell|Data|Worksheet)>|[0-9]{1,4}){0,40}"
        ) {
            document(&rows);
        }
    }
}
