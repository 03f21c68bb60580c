//! Columns whose lines were drawn row by row: a number that is broken at the end of a line of one goes on below it, not
//! beside it. Such lines are read a second time, one below the other.

/// How far below a line the next one of its column may be, in sizes of the font.
const LEADING: f64 = 3.0;

/// How far apart lines of a column may begin, likewise.
const INDENT: f64 = 1.0;

/// A cell of a line.
struct Cell {
    start: f64,
    text: String,
}

/// What is known of the lines so far.
#[derive(Default)]
pub(super) struct Columns {
    /// The cells of the line before whose numbers may go on, by where they begin, and where that line stands.
    above: Vec<Cell>,
    across: f64,
    /// Lines that are read again.
    again: String,
}

impl Columns {
    /// Takes a line: its text, where its cells begin along it, how far it is across, and the size of its font.
    pub(super) fn line(&mut self, text: &str, starts: impl Iterator<Item = f64>, across: f64, size: f64) {
        let cells: Vec<Cell> =
            text.split('\t').zip(starts).map(|(text, start)| Cell { start, text: text.to_owned() }).collect();
        let is_below = (self.across - across).abs() <= LEADING * size && self.across != across;
        // A line that has but one cell is followed by what continues it, as is the last cell by a line of one cell.
        if is_below {
            for cell in cells.iter().filter(|cell| cell.text.starts_with(|first: char| first.is_ascii_digit())) {
                let from = self.above.partition_point(|above| above.start < cell.start - INDENT * size);
                let Some(above) = self.above.get(from).filter(|above| above.start <= cell.start + INDENT * size) else {
                    continue;
                };
                self.again.extend(["\n", &above.text, "\n", &cell.text]);
            }
        }
        let has_columns = cells.len() > 1;
        self.above = cells.into_iter().filter(|cell| has_columns && is_broken(&cell.text)).collect();
        self.above.sort_by(|one, other| one.start.total_cmp(&other.start));
        self.across = across;
    }

    /// Appends the lines that are read again.
    pub(super) fn finish(self, text: &mut String) {
        text.push_str(&self.again);
    }
}

/// Whether a line ends within a number: after a hyphen, or in text with digits last.
fn is_broken(text: &str) -> bool {
    let text = text.trim_end();
    match text.strip_suffix(['-', '–', '\u{ad}', '\u{2010}', '\u{2011}']) {
        Some(before) => before.ends_with(|last: char| last.is_ascii_digit()),
        None => {
            let words = text.split_whitespace().filter(|word| word.contains(char::is_alphabetic)).count();
            text.ends_with(|last: char| last.is_ascii_digit()) && words >= PROSE
        }
    }
}

/// Words from which on a cell is a line of text, and no number in a table.
const PROSE: usize = 2;
