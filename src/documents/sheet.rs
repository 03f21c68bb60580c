//! The cells of one sheet, put into a text row by row.

use crate::message::{Reading, Text, Whereabouts, within};

/// Cells of a sheet that are kept; one takes as little as six bytes of a file, and seven times that of memory.
const MAX_CELLS: usize = 4_000_000;

/// Rows or columns from one cell to the next beyond which the two are no parts of one number. Fewer may be merged cells,
/// or empty ones that set a form apart.
const NEIGHBOURS: u32 = 4;

/// What stands between the texts of cells that are no neighbours, so that no number goes on from one to the other.
pub(super) const APART: &str = "|";

/// Whether cells that are so far from one another are no neighbours.
pub(super) fn are_apart(rows: u32, columns: u32) -> bool {
    rows > NEIGHBOURS || columns > NEIGHBOURS
}

/// Cells of a sheet. They may come in any order.
pub(super) struct Sheet<T> {
    cells: Vec<(u32, u32, T)>,
    too_many: bool,
}

impl<T> Default for Sheet<T> {
    fn default() -> Self {
        Self { cells: Vec::new(), too_many: false }
    }
}

impl<T> Sheet<T> {
    /// Adds a cell: row and column from 0.
    pub(super) fn push(&mut self, row: u32, column: u32, value: T) {
        if self.cells.len() < MAX_CELLS {
            self.cells.push((row, column, value));
        } else {
            self.too_many = true;
        }
    }

    /// Puts the sheet into the reading as one piece, as much of it as there is room for. `show` gives the text of a
    /// cell.
    pub(super) fn finish(mut self, place: &str, reading: &mut Reading<'_>, show: impl Fn(&T, &mut Text)) {
        self.cells.sort_by_key(|(row, column, _)| (*row, *column));
        let mut text = Text::new();
        let mut last = None;
        for (row, column, value) in &self.cells {
            // One byte more than there is room for, so that it is told.
            if text.len() > reading.text_left() {
                break;
            }
            match last {
                Some((last_row, last_column)) if last_row == *row => {
                    // After a gap, the count of tabs no longer gives the column.
                    if u64::from(*column) > u64::from(last_column) + 1 {
                        text.end_cell();
                        if are_apart(0, column.abs_diff(last_column)) {
                            text.push(APART);
                            text.end_cell();
                        }
                        text.at(Whereabouts::Cells { row: *row, column: *column });
                    } else if *column > last_column {
                        text.end_cell();
                    } else {
                        text.push(" ");
                    }
                }
                _ => {
                    text.end_line();
                    if last.is_some_and(|(last_row, _): (u32, u32)| are_apart(row.abs_diff(last_row), 0)) {
                        text.push(APART);
                        text.end_line();
                    }
                    text.at(Whereabouts::Cells { row: *row, column: *column });
                }
            }
            show(value, &mut text);
            last = Some((*row, *column));
        }
        text.end_line();
        reading.piece(text.into_piece(place));
        if self.too_many {
            reading.limit(place, format!("limit: more than {MAX_CELLS} cells in a sheet"));
        }
    }
}

/// The place of a sheet within a workbook.
pub(super) fn place(workbook: &str, name: &str) -> String {
    within(workbook, format_args!("sheet {}", crate::message::quoted(name)))
}
