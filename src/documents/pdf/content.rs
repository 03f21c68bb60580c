//! Content streams (ISO 32000-2, 7.8.2, 8 and 9): operators -> glyphs where they stand, in the forms that they use too.
//! Text counts whether it is painted or not: invisible text and optional content are text.

use super::{
    Document, filter,
    font::Font,
    layout::{Glyph, Layout},
    matrix::Matrix,
    operators::{Operand, Operators},
    text_string,
};
use crate::message::{Fault, Reading};
use hayro_syntax::object::{Array, Dict, Name, ObjectIdentifier, Stream};
use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

/// Forms within forms.
const MAX_FORM_DEPTH: usize = 12;

/// Graphics states that are saved at one time, and marked contents within one another.
const MAX_SAVED: usize = 512;

/// Forms of one document that are drawn, each as often as it is.
const MAX_FORMS: usize = 200_000;

/// How far up the tree of pages what a page inherits is looked for.
const MAX_TREE_DEPTH: usize = 64;

/// Operators between two looks at the clock.
const STEP: usize = 1024;

/// Entries of tables of the fonts that are kept; where there are more they are read again.
const MAX_FONT_ENTRIES: usize = 500_000;

/// Dictionaries and streams of one kind that are kept in mind.
const MAX_KNOWN: usize = 20_000;

/// Pictures that are kept in mind.
const MAX_PICTURES: usize = 10_000;

/// Bytes of text on one page.
const MAX_PAGE_TEXT: usize = 16 * 1024 * 1024;

/// What is remembered from page to page.
#[derive(Default)]
pub(super) struct Known<'p> {
    /// Fonts by where their dictionaries stand in memory.
    fonts: HashMap<usize, Rc<Font>>,
    font_entries: usize,
    /// Patterns and masks that were read.
    side: HashSet<ObjectIdentifier>,
    /// Pictures that were drawn: which, and on which page first.
    pub(super) pictures: Vec<Picture<'p>>,
    pictured: HashSet<ObjectIdentifier>,
    forms: usize,
    /// Dictionaries within dictionaries, by where the outer one stands: looking one up takes as long as it is.
    within: HashMap<(usize, &'static str), Dict<'p>>,
    /// Streams and fonts' dictionaries that resources refer to.
    streams: HashMap<ObjectIdentifier, Stream<'p>>,
    font_dicts: HashMap<ObjectIdentifier, Option<Dict<'p>>>,
    /// What pages inherit from a node of the tree.
    inherited: HashMap<ObjectIdentifier, Dict<'p>>,
}

impl<'p> Known<'p> {
    /// The resources of a page, its own or inherited (7.7.3.4).
    pub(super) fn resources(&mut self, page: &Dict<'p>, document: &Document<'p>) -> Dict<'p> {
        if let Some(own) = page.get::<Dict<'p>>("Resources") {
            return own;
        }
        // A node lists all its pages: it is not read again for each of them.
        let parent = page.get_ref("Parent").map(ObjectIdentifier::from);
        if let Some(known) = parent.and_then(|parent| self.inherited.get(&parent)) {
            return known.clone();
        }
        let mut node = document.follow(page, "Parent");
        let mut resources = None;
        for _ in 0..MAX_TREE_DEPTH {
            let Some(above) = node else { break };
            resources = above.get::<Dict<'p>>("Resources");
            if resources.is_some() {
                break;
            }
            node = document.follow(&above, "Parent");
        }
        let resources = resources.unwrap_or_default();
        if let Some(parent) = parent {
            self.inherited.insert(parent, resources.clone());
        }
        resources
    }
}

impl<'p> Known<'p> {
    /// A dictionary in another one.
    fn within(&mut self, dict: &Dict<'p>, key: &'static str) -> Dict<'p> {
        let at = (dict.data().as_ptr() as usize, key);
        if let Some(known) = self.within.get(&at) {
            return known.clone();
        }
        let inner = dict.get::<Dict<'p>>(key).unwrap_or_default();
        if dict.data().is_empty() {
            return inner;
        }
        if self.within.len() >= MAX_KNOWN {
            self.within.clear();
        }
        self.within.insert(at, inner.clone());
        inner
    }

    /// A stream of a kind of resources.
    fn stream(&mut self, resources: &Dict<'p>, kind: &'static str, name: &[u8]) -> Option<Stream<'p>> {
        let all = self.within(resources, kind);
        // Streams are always referred to.
        let id = ObjectIdentifier::from(all.get_ref(name)?);
        if let Some(known) = self.streams.get(&id) {
            return Some(known.clone());
        }
        let stream = all.get::<Stream<'p>>(name)?;
        if self.streams.len() >= MAX_KNOWN {
            self.streams.clear();
        }
        self.streams.insert(id, stream.clone());
        Some(stream)
    }

    /// The dictionary of a font.
    fn font_dict(&mut self, resources: &Dict<'p>, name: &[u8]) -> Option<Dict<'p>> {
        let all = self.within(resources, "Font");
        let Some(id) = all.get_ref(name).map(ObjectIdentifier::from) else { return all.get::<Dict<'p>>(name) };
        if let Some(known) = self.font_dicts.get(&id) {
            return known.clone();
        }
        let dict = all.get::<Dict<'p>>(name);
        if self.font_dicts.len() >= MAX_KNOWN {
            self.font_dicts.clear();
        }
        self.font_dicts.insert(id, dict.clone());
        dict
    }
}

/// A picture.
pub(super) struct Picture<'p> {
    pub(super) page: usize,
    /// `None`: it stands in the content itself.
    pub(super) stream: Option<Stream<'p>>,
}

/// Which of two things that a font says of a code is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Says {
    /// Its character.
    Characters,
    /// The glyph that is drawn, where that is another.
    Glyphs,
}

/// What was on a page besides its text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Glyphs whose text the font does not say, guesses among them.
    pub(super) unnamed: usize,
    /// Glyphs whose text it says.
    pub(super) named: usize,
    /// Glyphs that are others than the characters that the font says.
    pub(super) disagreeing: usize,
    /// Whether glyphs are texts themselves.
    pub(super) glyphs_of_text: bool,
    /// Pictures drawn.
    pub(super) pictures: usize,
    /// Shapes painted.
    pub(super) shapes: usize,
    /// Whether a content stream is broken.
    pub(super) damaged: bool,
}

/// Reads the content of one page.
pub(super) struct Content<'c, 'p, 'r> {
    pub(super) place: &'c str,
    pub(super) page: usize,
    says: Says,
    pub(super) known: &'c mut Known<'p>,
    pub(super) layout: Layout,
    pub(super) seen: Seen,
    pub(super) reading: &'c mut Reading<'r>,
    bytes_of_text: usize,
    operators: usize,
}

/// The parts of the graphics state that matter to text (8.4, 9.3).
#[derive(Clone)]
struct State {
    ctm: Matrix,
    font: Option<Rc<Font>>,
    size: f64,
    character_spacing: f64,
    word_spacing: f64,
    scale: f64,
    leading: f64,
    rise: f64,
}

/// Text that stands for what is drawn within a marked content (14.9.4).
struct ActualText {
    text: String,
    /// The texts of the glyphs themselves.
    glyphs: String,
    /// The first glyph's place, and how far the last one reaches.
    first: Option<(f64, f64)>,
    direction: (f64, f64),
    end: (f64, f64),
    size: f64,
    /// Marked contents that are open within this one.
    depth: usize,
}

/// What a stream's operators change.
struct Run {
    state: State,
    saved: Vec<State>,
    text: Matrix,
    line: Matrix,
    actual: Option<ActualText>,
}

impl<'c, 'p, 'r> Content<'c, 'p, 'r> {
    pub(super) fn new(
        place: &'c str,
        page: usize,
        says: Says,
        known: &'c mut Known<'p>,
        reading: &'c mut Reading<'r>,
    ) -> Self {
        Self {
            place,
            page,
            says,
            known,
            layout: Layout::default(),
            seen: Seen::default(),
            reading,
            bytes_of_text: 0,
            operators: 0,
        }
    }

    /// Reads a stream of operators.
    pub(super) fn run(&mut self, bytes: &[u8], resources: &Dict<'p>, ctm: Matrix, depth: usize) -> Result<(), Fault> {
        let state = State {
            ctm,
            font: None,
            size: 1.0,
            character_spacing: 0.0,
            word_spacing: 0.0,
            scale: 1.0,
            leading: 0.0,
            rise: 0.0,
        };
        let mut run = Run { state, saved: Vec::new(), text: Matrix::IDENTITY, line: Matrix::IDENTITY, actual: None };
        let mut operators = Operators::new(bytes);
        while let Some(operator) = operators.next() {
            self.operators = self.operators.wrapping_add(1);
            if self.operators.is_multiple_of(STEP) {
                self.reading.clock(self.place)?;
            }
            self.operator(operator, Operands(operators.operands()), resources, &mut run, depth)?;
        }
        if let Some(actual) = run.actual.take() {
            self.end_actual(actual);
        }
        Ok(())
    }

    fn operator(
        &mut self,
        operator: &[u8],
        operands: Operands<'_>,
        resources: &Dict<'p>,
        run: &mut Run,
        depth: usize,
    ) -> Result<(), Fault> {
        match operator {
            b"q" if run.saved.len() < MAX_SAVED => run.saved.push(run.state.clone()),
            b"Q" => run.state = run.saved.pop().unwrap_or_else(|| run.state.clone()),
            b"cm" => {
                if let Some(matrix) = operands.matrix() {
                    run.state.ctm = matrix.then(run.state.ctm);
                }
            }
            b"BT" => {
                run.text = Matrix::IDENTITY;
                run.line = Matrix::IDENTITY;
            }
            b"Tc" => run.state.character_spacing = operands.number(0),
            b"Tw" => run.state.word_spacing = operands.number(0),
            b"Tz" => run.state.scale = operands.number(0) / 100.0,
            b"TL" => run.state.leading = operands.number(0),
            b"Ts" => run.state.rise = operands.number(0),
            b"Tf" => {
                if let Some(name) = operands.name(0) {
                    let font = self.known.font_dict(resources, name);
                    run.state.font = self.font(font)?;
                }
                run.state.size = operands.number(1);
            }
            b"Td" => run.next_line(operands.number(0), operands.number(1)),
            b"TD" => {
                run.state.leading = -operands.number(1);
                run.next_line(operands.number(0), operands.number(1));
            }
            b"Tm" => {
                if let Some(matrix) = operands.matrix() {
                    run.text = matrix;
                    run.line = matrix;
                }
            }
            b"T*" => run.next_line(0.0, -run.state.leading),
            b"Tj" => self.show(operands.text(0), run),
            b"'" => {
                run.next_line(0.0, -run.state.leading);
                self.show(operands.text(0), run);
            }
            b"\"" => {
                run.state.word_spacing = operands.number(0);
                run.state.character_spacing = operands.number(1);
                run.next_line(0.0, -run.state.leading);
                self.show(operands.text(2), run);
            }
            b"TJ" => {
                let Some(Operand::Array(items)) = operands.0.first() else { return Ok(()) };
                for item in items {
                    match item {
                        Operand::Text(text) => self.show(text, run),
                        Operand::Number(number) => run.advance(-number / 1000.0 * run.state.size),
                        _ => {}
                    }
                }
            }
            b"Do" => {
                let object = operands.name(0).and_then(|name| self.known.stream(resources, "XObject", name));
                if let Some(stream) = object {
                    self.external(stream, resources, run.state.ctm, depth)?;
                }
            }
            b"BI" => {
                self.seen.pictures += 1;
                let Some(dict) = operands.0.first() else { return Ok(()) };
                let side = |keys: [&str; 2]| {
                    keys.iter().find_map(|key| dict.entry(key)).and_then(Operand::number).map(|side| side as i32)
                };
                let same = |last: &Picture<'_>| last.page == self.page && last.stream.is_none();
                let seen_before = self.known.pictures.last().is_some_and(same);
                if is_large(side(["W", "Width"]), side(["H", "Height"]))
                    && !seen_before
                    && self.known.pictures.len() < MAX_PICTURES
                {
                    self.known.pictures.push(Picture { page: self.page, stream: None });
                }
            }
            b"BDC" => self.begin_marked(&operands, resources, run),
            b"BMC" => {
                if let Some(actual) = &mut run.actual {
                    actual.depth += 1;
                }
            }
            b"EMC" => match run.actual.take() {
                Some(actual) if actual.depth == 0 => self.end_actual(actual),
                Some(mut actual) => {
                    actual.depth -= 1;
                    run.actual = Some(actual);
                }
                None => {}
            },
            b"gs" => {
                let states = self.known.within(resources, "ExtGState");
                let Some(state) = operands.name(0).and_then(|name| states.get::<Dict<'p>>(name)) else {
                    return Ok(());
                };
                if let Some(font) = state.get::<Array<'p>>("Font") {
                    let mut items = font.flex_iter();
                    run.state.font = self.font(items.next::<Dict<'p>>())?;
                    run.state.size = items.next::<f32>().map_or(run.state.size, f64::from);
                }
                if let Some(group) = state.get::<Dict<'p>>("SMask").and_then(|mask| mask.get::<Stream<'p>>("G")) {
                    self.side_form(&group, resources, run.state.ctm, depth)?;
                }
            }
            b"scn" | b"SCN" => {
                let name = operands.0.last().and_then(Operand::name);
                if let Some(pattern) = name.and_then(|name| self.known.stream(resources, "Pattern", name)) {
                    self.side_form(&pattern, resources, run.state.ctm, depth)?;
                }
            }
            b"f" | b"F" | b"f*" | b"B" | b"B*" | b"b" | b"b*" | b"S" | b"s" => self.seen.shapes += 1,
            _ => {}
        }
        Ok(())
    }

    /// A font, read once.
    fn font(&mut self, dict: Option<Dict<'p>>) -> Result<Option<Rc<Font>>, Fault> {
        let Some(dict) = dict else { return Ok(None) };
        let key = dict.data().as_ptr() as usize;
        if let Some(font) = self.known.fonts.get(&key) {
            return Ok(Some(Rc::clone(font)));
        }
        self.reading.clock(self.place)?;
        let font = Rc::new(Font::read(&dict, self.reading)?);
        self.known.font_entries += font.entries();
        if self.known.font_entries > MAX_FONT_ENTRIES {
            self.known.fonts.clear();
            self.known.font_entries = font.entries();
        }
        self.known.fonts.insert(key, Rc::clone(&font));
        Ok(Some(font))
    }

    /// A form or a picture (8.8).
    fn external(&mut self, stream: Stream<'p>, resources: &Dict<'p>, ctm: Matrix, depth: usize) -> Result<(), Fault> {
        match stream.dict().get::<Name<'_>>("Subtype").as_deref() {
            Some(b"Form") => self.form(&stream, resources, ctm, depth),
            Some(b"Image") => {
                self.seen.pictures += 1;
                let dict = stream.dict();
                let large = is_large(dict.get::<i32>("Width"), dict.get::<i32>("Height"));
                if large && self.known.pictures.len() < MAX_PICTURES && self.known.pictured.insert(stream.obj_id()) {
                    self.known.pictures.push(Picture { page: self.page, stream: Some(stream) });
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A form (8.10), or whatever has operators and resources like one.
    pub(super) fn form(
        &mut self,
        stream: &Stream<'p>,
        outer: &Dict<'p>,
        ctm: Matrix,
        depth: usize,
    ) -> Result<(), Fault> {
        if depth >= MAX_FORM_DEPTH {
            return Err(Fault::Limit(format!("limit: forms nested more than {MAX_FORM_DEPTH} deep")));
        }
        self.known.forms += 1;
        if self.known.forms > MAX_FORMS {
            return Err(Fault::Limit(format!("limit: more than {MAX_FORMS} forms drawn")));
        }
        self.reading.clock(self.place)?;
        let dict = stream.dict();
        let matrix = dict.get::<Array<'_>>("Matrix").and_then(|array| Matrix::of_array(&array));
        let resources =
            if dict.contains_key("Resources") { self.known.within(dict, "Resources") } else { outer.clone() };
        let decoded = match filter::text(stream, self.reading) {
            Ok(decoded) => decoded,
            Err(Fault::Unreadable(_)) => {
                self.seen.damaged = true;
                return Ok(());
            }
            Err(fault) => return Err(fault),
        };
        self.seen.damaged |= decoded.damaged;
        self.run(&decoded.bytes, &resources, matrix.unwrap_or(Matrix::IDENTITY).then(ctm), depth + 1)
    }

    /// A pattern or a mask: read once in the whole document.
    fn side_form(&mut self, stream: &Stream<'p>, outer: &Dict<'p>, ctm: Matrix, depth: usize) -> Result<(), Fault> {
        if self.known.side.insert(stream.obj_id()) { self.form(stream, outer, ctm, depth) } else { Ok(()) }
    }

    fn begin_marked(&mut self, operands: &Operands<'_>, resources: &Dict<'p>, run: &mut Run) {
        if let Some(actual) = &mut run.actual {
            actual.depth += 1;
            return;
        }
        let text = match operands.0.get(1) {
            Some(Operand::Name(name)) => {
                let properties = self.known.within(resources, "Properties").get::<Dict<'p>>(&**name);
                properties.and_then(|dict| text_string::entry(&dict, "ActualText"))
            }
            Some(properties) => properties.entry("ActualText").and_then(Operand::text).map(text_string::decode),
            None => None,
        };
        // Marked contents without such a text need not be counted: those within one that has it are.
        if let Some(text) = text {
            run.actual = Some(ActualText {
                text,
                glyphs: String::new(),
                first: None,
                direction: (1.0, 0.0),
                end: (0.0, 0.0),
                size: 1.0,
                depth: 0,
            });
        }
    }

    /// Draws the text instead of the glyphs, unless it says less than they do.
    fn end_actual(&mut self, actual: ActualText) {
        let Some(origin) = actual.first else { return };
        let says = |text: &str| text.chars().any(char::is_alphanumeric);
        let text = if says(&actual.glyphs) && !says(&actual.text) { &actual.glyphs } else { &actual.text };
        let advance = (actual.end.0 - origin.0).hypot(actual.end.1 - origin.1);
        let (direction, size) = (actual.direction, actual.size);
        self.draw(Glyph { text, origin, direction, advance, size });
    }

    fn draw(&mut self, glyph: Glyph<'_>) {
        self.bytes_of_text += glyph.text.len();
        if self.bytes_of_text <= MAX_PAGE_TEXT {
            self.layout.draw(glyph);
        }
    }

    /// Whether a page had more text than is kept.
    pub(super) fn is_too_long(&self) -> bool {
        self.bytes_of_text > MAX_PAGE_TEXT
    }

    /// Shows a string (9.4.4).
    fn show(&mut self, bytes: &[u8], run: &mut Run) {
        let Some(font) = run.state.font.clone() else {
            self.seen.unnamed += bytes.len();
            return;
        };
        let state = &run.state;
        let (size, scale, rise) = (state.size, state.scale, state.rise);
        let (character_spacing, word_spacing, ctm) = (state.character_spacing, state.word_spacing, state.ctm);
        let vertical = font.is_vertical();
        font.show(bytes, |shown| {
            let matrix = run.text.then(ctm);
            let spacing = character_spacing + if shown.is_word_space { word_spacing } else { 0.0 };
            let moved = if vertical {
                (0.0, -(shown.advance * size + spacing))
            } else {
                ((shown.advance * size + spacing) * scale, 0.0)
            };
            self.seen.disagreeing += usize::from(shown.glyph.is_some());
            self.seen.glyphs_of_text |= shown.is_text;
            let text = match self.says {
                Says::Characters => shown.text,
                Says::Glyphs => shown.glyph.or(shown.text),
            };
            match text {
                Some("") => {}
                None => self.seen.unnamed += 1,
                Some(text) => {
                    if shown.is_guess {
                        self.seen.unnamed += 1;
                    } else {
                        self.seen.named += 1;
                    }
                    let unit = if vertical { (0.0, -1.0) } else { (1.0, 0.0) };
                    let direction = matrix.direction(unit.0 * size.signum(), unit.1 * size.signum());
                    let length = direction.0.hypot(direction.1);
                    // Spacing between letters belongs to the letters, as long as it does not part words.
                    let letter = if character_spacing.abs() < size.abs() * 0.5 { character_spacing } else { 0.0 };
                    let width = if vertical { size } else { (shown.advance * size + letter) * scale };
                    let up = matrix.direction(0.0, size);
                    let height = if vertical { size.abs() * length } else { up.0.hypot(up.1) };
                    let glyph = Glyph {
                        text,
                        origin: matrix.point(0.0, rise),
                        direction,
                        advance: width.abs() * length,
                        size: height,
                    };
                    match &mut run.actual {
                        Some(actual) => {
                            actual.glyphs.push_str(text);
                            actual.first.get_or_insert(glyph.origin);
                            actual.end = matrix.point(moved.0, moved.1 + rise);
                            actual.direction = direction;
                            actual.size = height;
                        }
                        None => self.draw(glyph),
                    }
                }
            }
            run.text = Matrix::translation(moved.0, moved.1).then(run.text);
        });
    }
}

impl Run {
    fn next_line(&mut self, x: f64, y: f64) {
        self.line = Matrix::translation(x, y).then(self.line);
        self.text = self.line;
    }

    /// Moves on by a number within a `TJ`.
    fn advance(&mut self, by: f64) {
        let vertical = self.state.font.as_ref().is_some_and(|font| font.is_vertical());
        let (x, y) = if vertical { (0.0, by) } else { (by * self.state.scale, 0.0) };
        self.text = Matrix::translation(x, y).then(self.text);
    }
}

/// The least width and height of a picture that a reader could make out a word in, in samples.
const READABLE: i32 = 16;

fn is_large(width: Option<i32>, height: Option<i32>) -> bool {
    [width, height].into_iter().all(|side| side.is_none_or(|side| side >= READABLE))
}

/// What stands before an operator.
struct Operands<'b>(&'b [Operand<'b>]);

impl Operands<'_> {
    fn number(&self, index: usize) -> f64 {
        self.0.get(index).and_then(Operand::number).unwrap_or_default()
    }

    fn text(&self, index: usize) -> &[u8] {
        self.0.get(index).and_then(Operand::text).unwrap_or_default()
    }

    fn name(&self, index: usize) -> Option<&[u8]> {
        self.0.get(index)?.name()
    }

    fn matrix(&self) -> Option<Matrix> {
        let mut numbers = [0.0; 6];
        for (slot, operand) in numbers.iter_mut().zip(self.0.get(..6)?) {
            *slot = operand.number()?;
        }
        Some(Matrix(numbers))
    }
}
