//! Paragraphs, tables and drawings: WordprocessingML, and the DrawingML of every kind of document (ECMA-376 part 1,
//! clauses 17 and 20 to 21). The two give the same things the same names: `p` is a paragraph, `t` the text of a run,
//! `tc` a cell.
//!
//! Text that stands aside, in a box or a description, goes into a text of its own, so that the paragraph around it
//! stays whole. Text that is given twice for older and newer programs (part 3, alternate content) is read once where
//! both say the same.

use super::room::Room;
use crate::{
    documents::{
        number_format::{NumberFormat, is_long, show_stored},
        xml::{Element, Node, walk},
    },
    message::{Fault, Reading, Text, Whereabouts},
};
use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    io::Read,
};

/// Unclosed elements that an end tag may pass over, as in the HTML of old drawings.
const MAX_UNCLOSED: usize = 16;

/// Paragraphs that are remembered to know them again; what comes after is read twice.
const MAX_SAID: usize = 100_000;

/// Levels of a list (part 1, 17.9.6).
const MAX_LEVELS: usize = 9;

/// Formats of labels in a chart that are looked at, and numbers that they are looked at with.
const MAX_LABEL_FORMATS: usize = 16;
const MAX_LONG_VALUES: usize = 10_000;

/// Authors that are listed.
const MAX_AUTHORS: usize = 1000;

/// Where in a part a text stands that is not in its main run of text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Aside {
    /// Text boxes.
    Box,
    /// Paragraphs as they were before tracked changes.
    Before,
    /// Codes of fields.
    Code,
    /// Descriptions of pictures and tables.
    Description,
    /// Anything else.
    Other,
}

/// Their number.
const ASIDES: usize = 5;

/// What an element means for the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Tag {
    Paragraph,
    /// Holds the text of a run.
    Text,
    /// The same, deleted.
    DeletedText,
    Code,
    /// Tracked changes.
    Removed,
    Inserted,
    Cell,
    Row,
    Box,
    Alternate,
    Choice,
    Fallback,
    /// A value of a chart.
    Value,
    /// The values of a chart that belong together.
    Values,
    /// The number format of a chart's values.
    FormatCode,
    /// How a ruby base is pronounced.
    RubyText,
    /// Of a fraction; also an instance of a list.
    Numerator,
    /// Holds a number or name for programs.
    Silent,
    /// The same, and so does all within.
    AllSilent,
    Plain,
}

impl Tag {
    fn of(name: &str) -> Self {
        match name {
            "p" => Self::Paragraph,
            "t" | "text" => Self::Text,
            "delText" => Self::DeletedText,
            "instrText" | "delInstrText" => Self::Code,
            "del" | "moveFrom" => Self::Removed,
            "ins" | "moveTo" => Self::Inserted,
            "tc" => Self::Cell,
            "tr" => Self::Row,
            "txbxContent" => Self::Box,
            "AlternateContent" => Self::Alternate,
            "Choice" => Self::Choice,
            "Fallback" => Self::Fallback,
            "v" | "pt" => Self::Value,
            "strCache" | "numCache" | "strLit" | "numLit" | "lvl" => Self::Values,
            "posOffset" | "align" | "pctWidth" | "pctHeight" | "pctPosHOffset" | "pctPosVOffset" | "attrName"
            | "col" | "row" | "colOff" | "rowOff" | "f" | "fldData" | "tableStyleId" => Self::Silent,
            "formatCode" => Self::FormatCode,
            "rt" => Self::RubyText,
            "num" => Self::Numerator,
            "ClientData" | "tabs" | "tabLst" => Self::AllSilent,
            _ => Self::Plain,
        }
    }
}

/// A paragraph that is being read.
#[derive(Default)]
struct Paragraph {
    now: String,
    /// As it was before tracked changes, where there are any.
    before: Option<String>,
    /// Where in it pages begin, and which.
    pages: Vec<(usize, u32)>,
}

/// Where paragraphs go: the main run of text, or a box.
#[derive(Default)]
struct Story {
    in_box: bool,
    /// Cells around, of tables within this story.
    cells: usize,
    /// Whether the cell holds a paragraph already.
    cell_begun: bool,
}

/// What is known across the parts of one document.
#[derive(Default)]
pub(super) struct Known {
    /// Authors of comments and changes.
    pub(super) authors: BTreeSet<String>,
    /// Paragraphs of parts that repeat one another.
    repeated: HashSet<u64>,
}

/// Gathers the text of a part, node by node.
struct Markup<'k> {
    known: &'k mut Known,
    room: Room,
    main: Text,
    asides: [Text; ASIDES],
    open: Vec<Tag>,
    /// The first is for what stands in no paragraph.
    paragraphs: Vec<Paragraph>,
    stories: Vec<Story>,
    boxes: u32,
    /// How many there were before the outermost alternate content.
    boxes_before: u32,
    /// The page as the program that saved last laid it out; 1 before the first break.
    page: u32,
    removed: usize,
    inserted: usize,
    silent: usize,
    /// For each open alternate content, the choices so far; then where the first choice's text begins.
    alternates: Vec<(usize, usize, usize)>,
    fallbacks: usize,
    /// Paragraphs of the outermost alternate content's first choice.
    said: HashSet<u64>,
    repeats: bool,
    chart: Chart,
    lists: Lists,
}

/// The numbers of a chart.
#[derive(Default)]
struct Chart {
    /// The present value, and the format of those that belong together with it.
    value: String,
    code: String,
    format: Option<NumberFormat>,
    /// Formats of labels and axes, and the long numbers that they may show.
    label_formats: Vec<NumberFormat>,
    long_values: Vec<String>,
}

/// The levels of a list's definition (part 1, 17.9).
#[derive(Default)]
struct Lists {
    level: usize,
    /// The first number of each level.
    starts: [u32; MAX_LEVELS],
    /// A number has digits of its own beside those that are counted.
    has_digits: bool,
}

impl Lists {
    fn take(&mut self, element: &Element<'_>) {
        let number = |name: &str| element.attribute(name).and_then(|value| value.trim().parse::<u32>().ok());
        match element.name() {
            "lvl" | "lvlOverride" => {
                self.level = number("ilvl").and_then(|level| usize::try_from(level).ok()).unwrap_or(0);
                if let Some(start) = self.starts.get_mut(self.level) {
                    *start = 1;
                }
            }
            _ => {
                if let (Some(start), Some(value)) = (self.starts.get_mut(self.level), number("val")) {
                    *start = value;
                }
            }
        }
    }

    /// The first number, from the text that it is made after: `%1` stands for that of the first level.
    fn first(&mut self, text: &str) -> String {
        let mut first = String::with_capacity(text.len());
        let mut rest = text.chars().peekable();
        while let Some(character) = rest.next() {
            let level = rest.peek().and_then(|level| level.to_digit(10)).filter(|level| character == '%' && *level > 0);
            match level {
                Some(level) => {
                    rest.next();
                    let start = self.starts.get(level as usize - 1).copied().unwrap_or(1);
                    first.push_str(&start.to_string());
                }
                None => {
                    self.has_digits |= character.is_ascii_digit();
                    first.push(character);
                }
            }
        }
        first
    }
}

/// Reads a part. Its main run of text is appended to `main`; what stands aside becomes pieces at `place`. Of parts that
/// `repeats` what others of their kind say, as diagrams are stored as data and as drawn, only what is new is read.
pub(super) fn read(
    source: impl Read,
    place: &str,
    repeats: bool,
    main: &mut Text,
    known: &mut Known,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let room = Room::of(reading, main.len());
    let mut markup = Markup::new(std::mem::take(main), repeats, room, known);
    let result = walk(source, place, reading, |node, _| markup.take(&node));
    let result = result.and(markup.finish());
    if markup.lists.has_digits {
        reading.unreadable(place, "of lists whose numbers have digits of their own, the first number is read");
    }
    *main = markup.main;
    for text in markup.asides {
        reading.piece(text.into_piece(place));
    }
    result
}

impl<'k> Markup<'k> {
    fn new(main: Text, repeats: bool, room: Room, known: &'k mut Known) -> Self {
        let mut asides: [Text; ASIDES] = Default::default();
        for (aside, name) in [
            (Aside::Before, "before changes"),
            (Aside::Code, "field codes"),
            (Aside::Description, "alternative text"),
            (Aside::Other, "other text"),
        ] {
            asides[aside as usize].at(Whereabouts::Named(name.into()));
        }
        Self {
            known,
            room,
            main,
            asides,
            open: Vec::new(),
            paragraphs: vec![Paragraph::default()],
            stories: vec![Story::default()],
            boxes: 0,
            boxes_before: 0,
            page: 1,
            removed: 0,
            inserted: 0,
            silent: 0,
            alternates: Vec::new(),
            fallbacks: 0,
            said: HashSet::new(),
            repeats,
            chart: Chart::default(),
            lists: Lists::default(),
        }
    }

    fn take(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        match node {
            Node::Open(element) => self.open(element),
            Node::Text(text) => self.text(text),
            Node::Close(name) => {
                let tag = Tag::of(name);
                let matches = |open: &Tag| *open == tag || (*open == Tag::Fallback && tag == Tag::Choice);
                let Some(within) = self.open.iter().rev().take(MAX_UNCLOSED).position(matches) else { return Ok(()) };
                for _ in 0..=within {
                    if let Some(tag) = self.open.pop() {
                        self.close(tag)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn open(&mut self, element: &Element<'_>) -> Result<(), Fault> {
        let mut tag = Tag::of(element.name());
        match tag {
            Tag::Paragraph => self.paragraphs.push(Paragraph::default()),
            Tag::Removed => {
                self.removed += 1;
                self.attributes(element)?;
            }
            Tag::Inserted => {
                self.inserted += 1;
                self.attributes(element)?;
            }
            Tag::Cell => self.story().cells += 1,
            Tag::Box => {
                // A box for old programs is the one before it, for newer ones, unless there is none.
                if self.fallbacks == 0 || self.boxes == self.boxes_before {
                    self.boxes = self.boxes.saturating_add(1);
                }
                self.open_box(format!("text box {}", self.boxes))?;
            }
            Tag::Alternate => {
                if self.alternates.is_empty() {
                    self.said.clear();
                    self.boxes_before = self.boxes;
                }
                self.alternates.push((0, 0, 0));
            }
            Tag::Choice => {
                let at = (self.paragraphs.len(), self.paragraphs.last().map_or(0, |paragraph| paragraph.now.len()));
                match self.alternates.last_mut() {
                    Some(alternate) if alternate.0 == 0 => *alternate = (1, at.0, at.1),
                    _ => tag = Tag::Fallback,
                }
            }
            Tag::AllSilent => self.silent += 1,
            Tag::RubyText => self.paragraphs.push(Paragraph::default()),
            Tag::Values => {
                // Of a list's definition, or of a chart (in newer ones with its format).
                self.lists.take(element);
                let code = element.attribute("formatCode");
                self.chart.format = code.map(|code| NumberFormat::new(&code));
            }
            Tag::FormatCode => self.chart.code.clear(),
            Tag::Plain => self.plain(element)?,
            Tag::Numerator
            | Tag::Silent
            | Tag::Text
            | Tag::DeletedText
            | Tag::Code
            | Tag::Row
            | Tag::Fallback
            | Tag::Value => {}
        }
        if tag == Tag::Fallback {
            self.fallbacks += 1;
            self.open_box("alternate content".to_owned())?;
            self.paragraphs.push(Paragraph::default());
        }
        self.open.push(tag);
        Ok(())
    }

    fn open_box(&mut self, name: String) -> Result<(), Fault> {
        self.room.at(&mut self.asides[Aside::Box as usize], Whereabouts::Named(name.into()))?;
        self.stories.push(Story { in_box: true, ..Story::default() });
        Ok(())
    }

    fn close(&mut self, tag: Tag) -> Result<(), Fault> {
        match tag {
            Tag::Paragraph => self.end_paragraph()?,
            Tag::Text if self.paragraphs.len() == 1 => self.flush()?,
            Tag::Removed => self.removed = self.removed.saturating_sub(1),
            Tag::Inserted => self.inserted = self.inserted.saturating_sub(1),
            Tag::Cell => {
                self.room.take(1)?;
                let story = self.story();
                story.cells = story.cells.saturating_sub(1);
                story.cell_begun = false;
                self.target().end_cell();
            }
            Tag::Row => self.target().end_line(),
            Tag::Box => drop(self.stories.pop()),
            Tag::Fallback => {
                self.end_paragraph()?;
                self.stories.pop();
                self.fallbacks = self.fallbacks.saturating_sub(1);
            }
            Tag::Choice => {
                if let (Some((_, paragraphs, from)), Some(paragraph)) = (self.alternates.last(), self.paragraphs.last())
                    && *paragraphs == self.paragraphs.len()
                    && let Some(text) = paragraph.now.get(*from..)
                {
                    self.said.insert(hash(text));
                }
            }
            Tag::Alternate => drop(self.alternates.pop()),
            Tag::Value => self.end_value()?,
            Tag::FormatCode => self.chart.format = Some(NumberFormat::new(&self.chart.code)),
            Tag::RubyText => self.end_ruby_text()?,
            // Of a fraction only: there is one in a paragraph.
            Tag::Numerator if self.paragraphs.len() > 1 => self.append("/")?,
            Tag::Values => self.main.end_line(),
            Tag::AllSilent => self.silent = self.silent.saturating_sub(1),
            // A code goes on from one run to the next.
            Tag::Code | Tag::Numerator => {}
            Tag::Plain => self.asides[Aside::Other as usize].end_line(),
            Tag::Silent | Tag::Text | Tag::DeletedText => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Fault> {
        match self.open.last() {
            _ if self.silent > 0 => Ok(()),
            Some(Tag::Text) if text.contains(is_of_symbol_font) => {
                let text: String = text.chars().map(of_symbol_font).collect();
                self.append(&text)
            }
            Some(Tag::Text) => self.append(text),
            Some(Tag::FormatCode) => {
                self.room.take(text.len())?;
                self.chart.code.push_str(text);
                Ok(())
            }
            Some(Tag::DeletedText) => {
                self.removed += 1;
                let result = self.append(text);
                self.removed -= 1;
                result
            }
            Some(Tag::Silent) => Ok(()),
            _ if text.trim().is_empty() => Ok(()),
            Some(Tag::Code) => self.room.push(&mut self.asides[Aside::Code as usize], text),
            Some(Tag::Value) => {
                self.room.take(text.len())?;
                self.chart.value.push_str(text);
                Ok(())
            }
            _ => self.room.push(&mut self.asides[Aside::Other as usize], text),
        }
    }

    /// Elements that stand for a character or hold text in their attributes.
    fn plain(&mut self, element: &Element<'_>) -> Result<(), Fault> {
        match element.name() {
            // Those that there are most of, and that hold neither.
            "r" | "rPr" | "pPr" | "tcPr" | "tcW" | "rFonts" | "sz" | "szCs" | "lang" | "b" | "i" | "color"
            | "spacing" | "jc" | "ind" | "pStyle" | "rStyle" | "latin" | "solidFill" | "srgbClr" | "bookmarkStart"
            | "bookmarkEnd" | "proofErr" => Ok(()),
            "tab" | "ptab" if self.silent == 0 => self.append("\t"),
            "br" | "cr" => self.append("\n"),
            "noBreakHyphen" => self.append("-"),
            "sym" => match element.attribute("char").and_then(|code| symbol(&code)) {
                Some(character) => self.append(character.encode_utf8(&mut [0; 4])),
                None => Ok(()),
            },
            "fldChar" => self.room.push(&mut self.asides[Aside::Code as usize], " "),
            "numFmt" => {
                if let Some(code) = element.attribute("formatCode")
                    && self.chart.label_formats.len() < MAX_LABEL_FORMATS
                {
                    let format = NumberFormat::new(&code);
                    if !format.is_general() && !self.chart.label_formats.contains(&format) {
                        self.chart.label_formats.push(format);
                    }
                }
                Ok(())
            }
            "start" | "startOverride" | "lvlOverride" => {
                self.lists.take(element);
                Ok(())
            }
            "lastRenderedPageBreak" => self.page_break(),
            _ => self.attributes(element),
        }
    }

    fn attributes(&mut self, element: &Element<'_>) -> Result<(), Fault> {
        let element_name = element.name();
        for (name, value) in element.attributes() {
            let aside = match (name, element_name) {
                ("descr" | "title" | "alt" | "altText" | "tooltip" | "string", _) => Aside::Description,
                ("displayText", _) => Aside::Other,
                ("instr", _) => Aside::Code,
                ("name", "docPr" | "cNvPr") if !is_given_by_program(&value) => Aside::Description,
                ("name", "docVar" | "tag" | "attr" | "section" | "custShow") => Aside::Other,
                ("val" | "value", "tblCaption" | "tblDescription") => Aside::Description,
                (
                    "val" | "value",
                    "alias" | "tag" | "listItem" | "default" | "helpText" | "statusText" | "listEntry" | "docVar"
                    | "attr" | "query" | "connectString",
                ) => Aside::Other,
                ("val", "lvlText") if is_numbering_text(&value) => Aside::Other,
                ("author", _) => {
                    if self.known.authors.len() < MAX_AUTHORS && !self.known.authors.contains(&*value) {
                        self.room.take(value.len())?;
                        self.known.authors.insert(value.into_owned());
                    }
                    continue;
                }
                _ => continue,
            };
            let value = match element_name {
                "lvlText" => Cow::Owned(self.lists.first(&value)),
                _ => value,
            };
            if !value.is_empty() && !self.is_repeated(&value) {
                let text = &mut self.asides[aside as usize];
                self.room.push(text, &value)?;
                text.end_line();
            }
        }
        Ok(())
    }

    /// Appends to the paragraph: as it is, as it was, or both.
    fn append(&mut self, text: &str) -> Result<(), Fault> {
        self.room.take(text.len())?;
        let Some(paragraph) = self.paragraphs.last_mut() else { return Ok(()) };
        if (self.removed > 0 || self.inserted > 0) && paragraph.before.is_none() {
            self.room.take(paragraph.now.len())?;
            paragraph.before = Some(paragraph.now.clone());
        }
        if self.removed == 0 {
            paragraph.now.push_str(text);
        }
        if self.inserted == 0
            && let Some(before) = &mut paragraph.before
        {
            self.room.take(text.len())?;
            before.push_str(text);
        }
        Ok(())
    }

    /// Says a value of a chart: a number in its format.
    fn end_value(&mut self) -> Result<(), Fault> {
        if self.chart.value.is_empty() {
            return Ok(());
        }
        let value = std::mem::take(&mut self.chart.value);
        let mut shown = String::new();
        match &self.chart.format {
            Some(format) if value.trim().parse::<f64>().is_ok() => show_stored(&value, Some(format), false, &mut shown),
            _ => shown.push_str(&value),
        }
        self.room.take(shown.len() + 1)?;
        self.main.push_cell(&shown);
        self.main.end_cell();
        if is_long(&value) && self.chart.long_values.len() < MAX_LONG_VALUES {
            self.chart.long_values.push(value);
        }
        Ok(())
    }

    /// Says the long numbers of a chart as labels may show them. Which label shows which is not computed.
    fn say_labels(&mut self) -> Result<(), Fault> {
        let chart = std::mem::take(&mut self.chart);
        for format in &chart.label_formats {
            for value in &chart.long_values {
                let mut shown = String::new();
                show_stored(value, Some(format), false, &mut shown);
                self.room.take(shown.len() + 1)?;
                self.asides[Aside::Other as usize].push_cell(&shown);
                self.asides[Aside::Other as usize].end_line();
            }
        }
        Ok(())
    }

    /// Says how a ruby base is pronounced, apart from the sentence that it stands over.
    fn end_ruby_text(&mut self) -> Result<(), Fault> {
        if self.paragraphs.len() < 2 {
            return Ok(());
        }
        let Some(Paragraph { now, before, .. }) = self.paragraphs.pop() else { return Ok(()) };
        let text = &mut self.asides[Aside::Other as usize];
        for part in [Some(now), before].into_iter().flatten() {
            self.room.push(text, &part)?;
            text.end_line();
        }
        Ok(())
    }

    /// A page begins: noted where the paragraph is one of the body.
    fn page_break(&mut self) -> Result<(), Fault> {
        self.page = self.page.saturating_add(1);
        let in_body = self.stories.len() == 1 && self.alternates.is_empty() && self.paragraphs.len() == 2;
        if !in_body {
            return Ok(());
        }
        self.room.take(size_of::<(usize, u32)>())?;
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.pages.push((paragraph.now.len(), self.page));
        }
        Ok(())
    }

    fn end_paragraph(&mut self) -> Result<(), Fault> {
        if self.paragraphs.len() > 1 {
            self.flush()?;
            self.paragraphs.pop();
        }
        Ok(())
    }

    /// Says the paragraph.
    fn flush(&mut self) -> Result<(), Fault> {
        let Some(paragraph) = self.paragraphs.last_mut() else { return Ok(()) };
        let Paragraph { now, before, pages } = std::mem::take(paragraph);
        self.room.take(1)?;
        let mut said = 0;
        for (at, page) in pages {
            self.say(now.get(said..at).unwrap_or_default());
            self.main.at(Whereabouts::Page(page));
            said = at;
        }
        self.say(now.get(said..).unwrap_or_default());
        if self.story().cells > 0 {
            self.story().cell_begun |= !now.is_empty();
        } else {
            self.target().end_line();
        }
        if let Some(before) = before.filter(|before| *before != now) {
            let text = &mut self.asides[Aside::Before as usize];
            text.push(&before);
            text.end_line();
        }
        Ok(())
    }

    /// Appends to the text of the story, in a line of its own within its cell.
    fn say(&mut self, text: &str) {
        if text.is_empty() || self.is_repeated(text) {
            return;
        }
        if std::mem::take(&mut self.story().cell_begun) {
            self.target().end_line();
        }
        self.target().push(text);
    }

    /// Whether this was said already, where it is to be expected that things are said twice.
    fn is_repeated(&mut self, text: &str) -> bool {
        if self.repeats {
            let known = &mut self.known.repeated;
            return !text.trim().is_empty() && known.len() < MAX_SAID && !known.insert(hash(text));
        }
        if self.fallbacks > 0 {
            return self.said.contains(&hash(text));
        }
        if !self.alternates.is_empty() && self.said.len() < MAX_SAID {
            self.said.insert(hash(text));
        }
        false
    }

    fn story(&mut self) -> &mut Story {
        if self.stories.is_empty() {
            self.stories.push(Story::default());
        }
        let last = self.stories.len() - 1;
        &mut self.stories[last]
    }

    fn target(&mut self) -> &mut Text {
        if self.stories.last().is_some_and(|story| story.in_box) {
            &mut self.asides[Aside::Box as usize]
        } else {
            &mut self.main
        }
    }

    /// Says what is still open: the part may be cut off.
    fn finish(&mut self) -> Result<(), Fault> {
        while let Some(tag) = self.open.pop() {
            // No room is left: what was kept stays.
            let _ = self.close(tag);
        }
        let _ = self.flush();
        self.say_labels()
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.trim().hash(&mut hasher);
    hasher.finish()
}

/// Whether this is a character of a symbol font, moved to the private use area, that fonts of letters may have too.
fn is_of_symbol_font(character: char) -> bool {
    ('\u{f020}'..='\u{f07e}').contains(&character)
}

/// What stands in a symbol font where this does.
fn of_symbol_font(character: char) -> char {
    match is_of_symbol_font(character) {
        true => char::from_u32(u32::from(character) - 0xf000).unwrap_or(character),
        false => character,
    }
}

/// A character of a symbol font (part 1, 17.3.3.30), which may be moved to the private use area.
fn symbol(code: &str) -> Option<char> {
    let code = u32::from_str_radix(code, 16).ok()?;
    char::from_u32(if (0xf000..=0xf0ff).contains(&code) { code - 0xf000 } else { code })
}

/// Whether an object's name is one that programs give by themselves: `Picture 2`.
fn is_given_by_program(name: &str) -> bool {
    name.rsplit_once(' ')
        .is_some_and(|(_, number)| number.len() <= 5 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether the text of a list's numbers (part 1, 17.9.11) holds more than the numbers, `%1.`, and one letter or symbol.
fn is_numbering_text(text: &str) -> bool {
    let mut letters = 0;
    let mut after_percent = false;
    for character in text.chars() {
        letters += usize::from(character.is_alphanumeric() && !after_percent);
        after_percent = character == '%';
    }
    letters > 1
}
