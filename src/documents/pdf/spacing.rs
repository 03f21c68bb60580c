//! The gaps in a line -> words and cells. Letters that are drawn apart evenly, and digits of which each has a box of its
//! own, are one word.

use super::layout::{CELL_GAP, WORD_GAP};

/// Glyphs in a row, each by itself, that may be one word.
const SPACED: usize = 4;

/// Digits in a row, each in a cell by itself, that may be one number.
const BOXED: usize = 6;

/// How much wider than most a gap may be that parts no words, in sizes of the font.
const UNEVEN: f64 = 0.13;

/// How much longer than most the way from glyph to glyph may be, likewise.
const UNEVEN_PITCH: f64 = 0.04;

/// What stands between two glyphs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Separator {
    None,
    Space,
    Cell,
    Line,
}

/// A gap in a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    /// Bytes of the line's text before it.
    pub(super) at: usize,
    /// Glyphs between the gap before it, or the line's begin, and it.
    pub(super) glyphs: usize,
    /// How wide it is, in sizes of the font.
    pub(super) width: f64,
    /// From where the glyph before it begins to where the one after it does, in sizes of the font.
    pub(super) pitch: f64,
    /// What it is, looked at by itself.
    pub(super) separator: Separator,
    /// Whether a space was drawn in it.
    pub(super) is_drawn: bool,
    /// Where it begins and ends along the line, in points.
    pub(super) edges: (f64, f64),
}

/// A line with what its gaps stand for, and where its cells begin but the first; `glyphs` follow the last of the gaps.
pub(super) fn separated(text: &str, gaps: &[Gap], glyphs: usize) -> (String, Vec<f64>) {
    let mut separators: Vec<Separator> = gaps.iter().map(|gap| gap.separator).collect();
    let (mut from, mut to) = (0, 0);
    while from < gaps.len() {
        // Gaps after the first one have one glyph before them; those after the last one and before the first need not.
        to = to.max(from + 1);
        if gaps.get(to).is_some_and(|gap| gap.glyphs == 1) {
            to += 1;
            continue;
        }
        let begin = if from == 0 && gaps[0].glyphs == 1 { 0 } else { from + 1 };
        let end = if to == gaps.len() && glyphs == 1 { to } else { to - 1 };
        if begin < end {
            spaced(text, &gaps[begin..end], &mut separators[begin..end]);
        }
        from = to;
    }
    let mut line = String::with_capacity(text.len() + gaps.len());
    let mut cells = Vec::new();
    let mut taken = 0;
    for (gap, separator) in gaps.iter().zip(separators) {
        line.push_str(text.get(taken..gap.at).unwrap_or_default());
        taken = gap.at;
        match separator {
            Separator::None => {}
            Separator::Space => line.push(' '),
            Separator::Cell => {
                line.push('\t');
                cells.push(gap.edges.1);
            }
            Separator::Line => line.push('\n'),
        }
    }
    line.push_str(text.get(taken..).unwrap_or_default());
    (line, cells)
}

/// Joins what is spaced evenly, of gaps with one glyph between each and the next.
fn spaced(text: &str, gaps: &[Gap], separators: &mut [Separator]) {
    let middle = |of: fn(&Gap) -> f64| {
        let mut all: Vec<f64> = gaps.iter().filter(|gap| !gap.is_drawn).map(of).collect();
        let middle = all.len() / 2;
        (all.len() + 1 >= SPACED).then(|| *all.select_nth_unstable_by(middle, f64::total_cmp).1)
    };
    let (Some(width), Some(pitch)) = (middle(|gap| gap.width), middle(|gap| gap.pitch)) else { return };
    let is_boxed = width >= CELL_GAP / 2.0;
    if width <= WORD_GAP / 2.0 || is_boxed && gaps.len() + 1 < BOXED {
        return;
    }
    let is_of_number = |one: char| one.is_numeric() || "-–./".contains(one);
    let is_of_word = |one: char| is_of_number(one) || !is_boxed && one.is_alphabetic();
    for (gap, separator) in gaps.iter().zip(separators) {
        let is_even = gap.width <= width + UNEVEN || (gap.pitch - pitch).abs() <= UNEVEN_PITCH * pitch.max(1.0);
        let (before, after) = text.split_at_checked(gap.at).unwrap_or_default();
        let sides = [before.chars().next_back(), after.chars().next()];
        // Dots that lead to the number of a page are no word.
        let is_word = sides.iter().all(|side| side.is_some_and(is_of_word))
            && sides.iter().flatten().any(|side| side.is_alphanumeric());
        if is_even && !gap.is_drawn && is_word {
            *separator = Separator::None;
        }
    }
}
