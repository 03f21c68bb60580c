//! Cells of a sheet: each is written once where it stands, however often the file says that it is repeated.

use super::super::{
    ooxml::formula::{Computed, Formulas},
    sheet::{APART, are_apart},
    sinks::{Sink, Sinks},
};
use crate::message::Whereabouts;
use std::collections::HashMap;

/// Empty cells between two others that are written as such; past more the map says where it goes on.
const MAX_GAP: u32 = 8;

/// How often the text of a cell that is repeated is written; a number may be made of equal cells.
const MAX_COPIES: u32 = 64;

/// What cells show that is kept for formulas without a value, in cells and bytes.
const MAX_SHOWN: usize = 100_000;
const MAX_SHOWN_BYTES: usize = 4 * 1024 * 1024;

/// Digits of a whole number from which on its value is read too where the cell shows it otherwise (`1,01E+09`).
const LONG_NUMBER: usize = 8;

/// The cell that is being read.
#[derive(Debug, Default)]
pub(super) struct Cell {
    /// What it shows.
    pub(super) text: String,
    pub(super) after_space: bool,
    /// What it holds: a number, a date, a text.
    value: String,
    /// The same as its style shows it.
    pub(super) styled: Option<String>,
    repeated: u32,
    /// A formula whose value is not stored.
    pub(super) formula: String,
}

/// A sheet that is being read.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub(super) place: String,
    row: u32,
    column: u32,
    /// How many rows the present one stands for.
    row_repeated: u32,
    /// Row and column of the cell that was written last.
    last: Option<(u32, u32)>,
    pub(super) cell: Cell,
    /// Formulas whose values are not stored.
    formulas: Formulas,
    /// What the cells show that these may need, as many as are kept.
    shown: HashMap<(u32, u32), String>,
    /// Bytes of that.
    held: usize,
    /// There was more.
    is_shown_cut: bool,
}

/// A number of repetitions as written, at least 1.
fn repetitions(value: Option<&str>) -> u32 {
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(1).max(1)
}

impl Sheet {
    pub(super) fn new(place: String) -> Self {
        Self { place, row_repeated: 1, ..Self::default() }
    }

    pub(super) fn open_row(&mut self, repeated: Option<&str>) {
        self.row_repeated = repetitions(repeated);
        self.column = 0;
    }

    pub(super) fn close_row(&mut self) {
        self.row = self.row.saturating_add(self.row_repeated);
        self.column = 0;
    }

    pub(super) fn open_cell(&mut self, value: Option<&str>, repeated: Option<&str>) {
        self.cell.text.clear();
        self.cell.value.clear();
        self.cell.styled = None;
        self.cell.formula.clear();
        self.cell.value.push_str(value.unwrap_or_default());
        self.cell.repeated = repetitions(repeated);
    }

    /// The words for the present cell.
    pub(super) fn cell_name(&self) -> String {
        Whereabouts::Cells { row: self.row, column: self.column }.to_string()
    }

    /// Writes the cell. What it holds stands in for what it shows, or beside that where it shows less.
    pub(super) fn close_cell(&mut self, sinks: &mut Sinks) {
        let cell = std::mem::take(&mut self.cell);
        let shown = cell.text.trim_ascii();
        if shown.is_empty() && !cell.formula.is_empty() {
            self.formulas.push((self.row, self.column), &cell.formula);
        }
        let text = if shown.is_empty() { &cell.value } else { shown };
        if !text.is_empty() {
            if self.shown.len() < MAX_SHOWN && self.held + text.len() <= MAX_SHOWN_BYTES {
                self.held += text.len();
                self.shown.insert((self.row, self.column), text.to_owned());
            } else {
                self.is_shown_cut = true;
            }
        }
        if shown.is_empty() && cell.value.is_empty() {
            self.column = self.column.saturating_add(cell.repeated);
            return;
        }
        if let Some(styled) = cell.styled.as_ref().filter(|_| shown.is_empty()) {
            if hides(styled, &cell.value) {
                sinks.named(Sink::Field, &format!("value of {}", self.cell_name()));
                sinks.line(Sink::Field, &cell.value);
            }
            self.write(styled, cell.repeated, sinks);
        } else if shown.is_empty() {
            self.write(&cell.value, cell.repeated, sinks);
        } else {
            if hides(shown, &cell.value) {
                sinks.named(Sink::Field, &format!("value of {}", self.cell_name()));
                sinks.line(Sink::Field, &cell.value);
            }
            self.write(shown, cell.repeated, sinks);
        }
        self.cell.text = cell.text;
    }

    /// Computes the formulas whose values are not stored.
    pub(super) fn compute(&mut self) -> Computed {
        let formulas = std::mem::take(&mut self.formulas);
        if self.is_shown_cut { formulas.unknown() } else { formulas.compute(std::mem::take(&mut self.shown)) }
    }

    fn write(&mut self, text: &str, repeated: u32, sinks: &mut Sinks) {
        let after = self.column.saturating_add(repeated);
        for copy in 0..repeated.min(MAX_COPIES) {
            let column = self.column.saturating_add(copy);
            let here = Whereabouts::Cells { row: self.row, column };
            match self.last {
                Some((row, last)) if row == self.row => {
                    let gap = column.saturating_sub(last).max(1);
                    let written = u32::from(are_apart(0, gap));
                    for _ in written..if gap > MAX_GAP { 1 + written } else { gap } {
                        sinks.end_cell(Sink::Body);
                    }
                    if are_apart(0, gap) {
                        sinks.push(Sink::Body, APART);
                        sinks.end_cell(Sink::Body);
                    }
                    if gap > MAX_GAP {
                        sinks.at(Sink::Body, here);
                    }
                }
                last => {
                    sinks.end_line(Sink::Body);
                    if last.is_some_and(|(row, _)| are_apart(self.row.abs_diff(row), 0)) {
                        sinks.line(Sink::Body, APART);
                    }
                    sinks.at(Sink::Body, here);
                }
            }
            sinks.push_cell(Sink::Body, text);
            self.last = Some((self.row, column));
        }
        self.column = after;
    }
}

/// Whether digits of a long whole number are missing from what its cell shows.
fn hides(shown: &str, value: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    value.len() >= LONG_NUMBER && value.bytes().all(|byte| byte.is_ascii_digit()) && !digits(shown).contains(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_not_shown_whole_is_read() {
        for (shown, value, hidden) in [
            ("1,07E+09", "6101900005", true),
            ("###", "6101900005", true),
            ("610190-0005", "6101900005", false),
            ("6.101.900.005", "6101900005", false),
            ("12,5", "12.5", false),
            ("3,14", "3.14159265358979", false),
            ("født", "", false),
        ] {
            assert_eq!(hides(shown, value), hidden, "{shown}");
        }
    }

    #[test]
    fn repetitions_are_numbers_from_one() {
        for (value, number) in [(None, 1), (Some("16384"), 16384), (Some("0"), 1), (Some("-3"), 1), (Some("x"), 1)] {
            assert_eq!(repetitions(value), number);
        }
    }
}
