//! Glyphs where they stand on a page -> text: words by the gaps between them, cells of a row with a tab between them,
//! lines with a line feed. The order is that of the content stream, in which nearly all programs write columns one
//! after the other and the lines of a cell together; what was drawn out of order right beside something is put there.

use super::{
    bidirectional::{as_read, is_right_to_left},
    columns::Columns,
    spacing::{Gap, Separator, separated},
};
use std::collections::HashMap;

/// A gap from which on a new word begins, in sizes of the font.
pub(super) const WORD_GAP: f64 = 0.13;

/// A gap from which on a new cell begins.
pub(super) const CELL_GAP: f64 = 1.5;

/// How far a glyph may begin before the end of the one before it, on the same line.
const OVERLAP: f64 = 0.5;

/// How far from a line's baseline a glyph of it may stand: superscripts.
const BASELINE: f64 = 0.5;

/// How far apart the same glyph is drawn twice to look bold.
const DOUBLE: f64 = 0.12;

/// Two directions are one where the cosine of the angle between them is at least this.
const PARALLEL: f64 = 0.98;

/// The side of the squares in which the ends of runs are looked up, in points.
const SQUARE: f64 = 8.0;

/// A glyph, or several that stand for one text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Glyph<'a> {
    pub(super) text: &'a str,
    /// Its origin on the page.
    pub(super) origin: (f64, f64),
    /// The direction of its line, of any length.
    pub(super) direction: (f64, f64),
    /// How far the next one's origin is in that direction, in points.
    pub(super) advance: f64,
    /// The size of its font, in points.
    pub(super) size: f64,
}

/// Glyphs that stand together on one line.
struct Run {
    /// Without what the gaps stand for.
    text: String,
    gaps: Vec<Gap>,
    /// Glyphs since the last gap.
    glyphs: usize,
    direction: (f64, f64),
    /// Where it begins and ends along its direction, and how far its baseline is across.
    start: f64,
    end: f64,
    across: f64,
    size: f64,
    /// The origin and bytes of the last glyph's text.
    last: (f64, usize),
    /// Whether the next glyph begins a new word: a space was drawn.
    after_space: bool,
    /// Whether there are letters that are read from right to left, and whether they were drawn so.
    right_to_left: bool,
    leftward: bool,
}

/// What has been drawn on a page.
#[derive(Default)]
pub(super) struct Layout {
    runs: Vec<Run>,
}

fn along(direction: (f64, f64), point: (f64, f64)) -> f64 {
    direction.0 * point.0 + direction.1 * point.1
}

fn across(direction: (f64, f64), point: (f64, f64)) -> f64 {
    direction.0 * point.1 - direction.1 * point.0
}

impl Layout {
    /// Draws a glyph.
    pub(super) fn draw(&mut self, glyph: Glyph<'_>) {
        let length = glyph.direction.0.hypot(glyph.direction.1);
        let sane = [glyph.origin.0, glyph.origin.1, glyph.advance, glyph.size, length].iter().all(|n| n.is_finite());
        let direction =
            if sane && length > 0.0 { (glyph.direction.0 / length, glyph.direction.1 / length) } else { (1.0, 0.0) };
        let (origin, advance) = if sane { (glyph.origin, glyph.advance) } else { ((0.0, 0.0), 0.0) };
        let size = if sane && glyph.size > 0.0 { glyph.size } else { 1.0 };
        let right_to_left = glyph.text.chars().any(is_right_to_left);
        let is_space = !glyph.text.is_empty() && glyph.text.chars().all(char::is_whitespace);
        if let Some(run) = self.runs.last_mut()
            && along(run.direction, direction) >= PARALLEL
        {
            let start = along(run.direction, origin);
            let height = size.max(run.size);
            let gap = (start - run.end) / height;
            let off = (across(run.direction, origin) - run.across).abs() / height;
            let (last_start, last_bytes) = run.last;
            let is_double = off < DOUBLE
                && (start - last_start).abs() < DOUBLE * height
                && last_bytes > 0
                && run.text.get(run.text.len() - last_bytes..) == Some(glyph.text);
            if is_double && !is_space {
                return;
            }
            let left_gap = (run.start - start - advance) / height;
            let leftward = (right_to_left || is_space && run.leftward)
                && (run.leftward || run.text.chars().count() == 1)
                && run.right_to_left
                && off < BASELINE
                && gap <= -OVERLAP
                && left_gap.abs() < OVERLAP;
            if leftward {
                run.leftward = true;
                run.start = start;
                if is_space {
                    run.after_space = true;
                } else {
                    if run.after_space || left_gap > WORD_GAP {
                        run.text.push(' ');
                    }
                    run.after_space = false;
                    run.text.push_str(glyph.text);
                    run.last = (start, glyph.text.len());
                }
                return;
            }
            if off < BASELINE && gap > -OVERLAP && gap < CELL_GAP && !run.leftward {
                run.right_to_left |= right_to_left;
                if is_space {
                    run.after_space = true;
                } else {
                    if (run.after_space || gap > LEAST_GAP) && !run.text.is_empty() {
                        let separator =
                            if run.after_space || gap > WORD_GAP { Separator::Space } else { Separator::None };
                        run.gaps.push(Gap {
                            at: run.text.len(),
                            glyphs: run.glyphs,
                            width: gap,
                            pitch: (start - last_start) / height,
                            separator,
                            is_drawn: run.after_space,
                            edges: (run.end, start),
                        });
                        run.glyphs = 0;
                    }
                    run.after_space = false;
                    push(&mut run.text, glyph.text, right_to_left);
                    run.glyphs += 1;
                    run.last = (start, glyph.text.len());
                }
                run.end = (start + advance).max(run.end);
                if run.text.is_empty() {
                    run.start = start;
                }
                // A superscript's size and baseline are not those of the line.
                if off < 0.05 {
                    run.size = size;
                }
                return;
            }
        }
        if is_space {
            // A space begins nothing; but one drawn by itself may have ended a word.
            return;
        }
        let start = along(direction, origin);
        let mut text = String::new();
        push(&mut text, glyph.text, right_to_left);
        self.runs.push(Run {
            text,
            gaps: Vec::new(),
            glyphs: 1,
            direction,
            start,
            end: start + advance,
            across: across(direction, origin),
            size,
            last: (start, glyph.text.len()),
            after_space: false,
            right_to_left,
            leftward: false,
        });
    }

    /// The text of the page.
    pub(super) fn into_text(self) -> String {
        let runs = parted(self.runs);
        let next = beside(&runs);
        let mut text = String::with_capacity(runs.iter().map(|run| run.text.len() + 1).sum());
        let mut done = vec![false; runs.len()];
        let mut is_next = vec![false; runs.len()];
        for next in next.iter().flatten() {
            if let Some(slot) = is_next.get_mut(*next) {
                *slot = true;
            }
        }
        let mut before: Option<&Run> = None;
        let mut line = Line::default();
        let mut columns = Columns::default();
        // Those that are put beside others come with them; a second round takes what stands in a circle.
        for round in 0..2 {
            for (first, comes_with_another) in is_next.iter().enumerate() {
                if round == 0 && *comes_with_another {
                    continue;
                }
                let mut at = Some(first);
                while let Some(index) = at
                    && !done[index]
                {
                    done[index] = true;
                    let run = &runs[index];
                    match before.map(|before| (before, separator(before, run))) {
                        Some((_, Separator::Line)) => {
                            line.end(&mut text, &mut columns);
                            text.push('\n');
                        }
                        Some((before, separator)) => line.gap(before, run, separator),
                        None => {}
                    }
                    line.push(run);
                    before = Some(run);
                    at = next[index];
                }
            }
        }
        line.end(&mut text, &mut columns);
        columns.finish(&mut text);
        text
    }
}

/// A line of the text that is being put together.
#[derive(Default)]
struct Line {
    text: String,
    gaps: Vec<Gap>,
    /// Glyphs since the last gap.
    glyphs: usize,
    /// Where it begins, along and across, and its size.
    start: (f64, f64),
    size: f64,
    /// Whether it has letters that were drawn in the order opposite to that in which they are read.
    turned: bool,
}

impl Line {
    fn gap(&mut self, before: &Run, run: &Run, separator: Separator) {
        let height = before.size.max(run.size);
        self.gaps.push(Gap {
            at: self.text.len(),
            glyphs: self.glyphs,
            width: (run.start - before.end) / height,
            pitch: (run.start - before.last.0) / height,
            separator,
            is_drawn: before.after_space && separator == Separator::Space,
            edges: (before.end, run.start),
        });
        self.glyphs = 0;
    }

    fn push(&mut self, run: &Run) {
        if self.text.is_empty() {
            self.start = (run.start, run.across);
            self.size = run.size;
        }
        self.turned |= run.right_to_left && !run.leftward;
        for gap in &run.gaps {
            self.gaps.push(Gap { at: gap.at + self.text.len(), glyphs: gap.glyphs + self.glyphs, ..*gap });
            self.glyphs = 0;
        }
        self.text.push_str(&run.text);
        self.glyphs += run.glyphs;
    }

    fn end(&mut self, text: &mut String, columns: &mut Columns) {
        let (line, cells) = separated(&self.text, &self.gaps, self.glyphs);
        if self.turned {
            text.push_str(&as_read(&line));
        } else {
            text.push_str(&line);
        }
        columns.line(&line, std::iter::once(self.start.0).chain(cells), self.start.1, self.size);
        *self = Self::default();
    }
}

/// Parts runs where another one was drawn into a gap of theirs, so that it can be put there.
fn parted(runs: Vec<Run>) -> Vec<Run> {
    if runs.len() < 2 {
        return runs;
    }
    let starts = Starts::of(&runs);
    let is_filled = |index: usize, run: &Run, gap: &Gap| {
        let fits = |other: &Run| {
            let near = DOUBLE * run.size;
            other.start > gap.edges.0 - near && other.start < gap.edges.1 && other.end < gap.edges.1 + near
        };
        let is_wide = !gap.is_drawn && gap.separator == Separator::Space;
        is_wide && starts.near(run, gap.edges.0, &runs).any(|(other, found)| other != index && fits(found))
    };
    let filled: Vec<Vec<usize>> = (0..)
        .zip(&runs)
        .map(|(index, run)| {
            (0..).zip(&run.gaps).filter(|(_, gap)| is_filled(index, run, gap)).map(|(at, _)| at).collect()
        })
        .collect();
    let mut parted = Vec::with_capacity(runs.len());
    for (run, filled) in runs.into_iter().zip(filled) {
        if filled.is_empty() {
            parted.push(run);
        } else {
            run.split(&filled, &mut parted);
        }
    }
    parted
}

impl Run {
    /// Splits it at these of its gaps.
    fn split(self, at: &[usize], parts: &mut Vec<Self>) {
        let ends = at.iter().copied().map(Some).chain([None]);
        let (mut from_gap, mut from, mut start) = (0, 0, self.start);
        for end in ends {
            let gap = end.and_then(|end| self.gaps.get(end));
            let to_gap = end.unwrap_or(self.gaps.len());
            let to = gap.map_or(self.text.len(), |gap| gap.at);
            let gaps = self.gaps.get(from_gap..to_gap).unwrap_or_default();
            parts.push(Self {
                text: self.text.get(from..to).unwrap_or_default().to_owned(),
                gaps: gaps.iter().map(|gap| Gap { at: gap.at - from, ..*gap }).collect(),
                glyphs: gap.map_or(self.glyphs, |gap| gap.glyphs),
                start,
                end: gap.map_or(self.end, |gap| gap.edges.0),
                last: gap.map_or(self.last, |gap| (gap.edges.1 - gap.pitch * self.size, 0)),
                after_space: gap.is_none() && self.after_space,
                ..self
            });
            if let Some(gap) = gap {
                (from_gap, from, start) = (to_gap + 1, gap.at, gap.edges.1);
            }
        }
    }
}

/// Appends the text of a glyph. Its letters are as read; where the line is going to be turned, they are turned first.
fn push(text: &mut String, glyph: &str, right_to_left: bool) {
    if right_to_left { text.extend(glyph.chars().rev()) } else { text.push_str(glyph) }
}

/// What stands between two runs.
fn separator(before: &Run, run: &Run) -> Separator {
    let height = before.size.max(run.size);
    let gap = (run.start - before.end) / height;
    let off = (run.across - before.across).abs() / height;
    if along(before.direction, run.direction) < PARALLEL || off >= BASELINE || gap <= -OVERLAP {
        return Separator::Line;
    }
    if gap >= CELL_GAP {
        Separator::Cell
    } else if gap > WORD_GAP || before.after_space {
        Separator::Space
    } else {
        Separator::None
    }
}

/// A square of the page, and a direction.
type Square = (i64, i64, i64, i64);

fn square(run: &Run, along: f64) -> Square {
    let cell = |n: f64| (n / SQUARE).floor() as i64;
    (cell(along), cell(run.across), (run.direction.0 * 8.0).round() as i64, (run.direction.1 * 8.0).round() as i64)
}

/// Where runs begin.
struct Starts(HashMap<Square, Vec<usize>>);

impl Starts {
    fn of(runs: &[Run]) -> Self {
        let mut starts: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, run) in runs.iter().enumerate() {
            starts.entry(square(run, run.start)).or_default().push(index);
        }
        Self(starts)
    }

    /// Those that begin on the line of a run, near a place along it.
    fn near<'r>(&'r self, run: &'r Run, along: f64, runs: &'r [Run]) -> impl Iterator<Item = (usize, &'r Run)> {
        let (x, y, dx, dy) = square(run, along);
        let squares =
            [-1, 0, 1].into_iter().flat_map(move |i| [-1, 0, 1].map(|j| (x.saturating_add(i), y.saturating_add(j))));
        squares
            .flat_map(move |(x, y)| self.0.get(&(x, y, dx, dy)).into_iter().flatten().take(MAX_CANDIDATES))
            .filter_map(|index| Some((*index, runs.get(*index)?)))
            .filter(move |(_, other)| (other.across - run.across).abs() < BASELINE / 2.0 * run.size.max(other.size))
    }
}

/// For each run the one that stands right beside its end, or else the one that was drawn next on its line.
fn beside(runs: &[Run]) -> Vec<Option<usize>> {
    let starts = Starts::of(runs);
    let mut taken = vec![false; runs.len()];
    let mut next = vec![None; runs.len()];
    let in_order = |next: &mut [Option<usize>], taken: &mut [bool], wanted: &[Separator]| {
        for (index, pair) in runs.windows(2).enumerate() {
            if next[index].is_none() && !taken[index + 1] && wanted.contains(&separator(&pair[0], &pair[1])) {
                taken[index + 1] = true;
                next[index] = Some(index + 1);
            }
        }
    };
    in_order(&mut next, &mut taken, &[Separator::None]);
    for (index, run) in runs.iter().enumerate() {
        if next[index].is_some() {
            continue;
        }
        let mut best: Option<(usize, f64)> = None;
        for (candidate, other) in starts.near(run, run.end, runs) {
            let gap = (other.start - run.end) / run.size.max(other.size);
            let fits =
                candidate != index && !taken[candidate] && gap > -DOUBLE && gap < BESIDE && other.start > run.start;
            if fits && best.is_none_or(|(_, least)| gap < least) {
                best = Some((candidate, gap));
            }
        }
        if let Some((candidate, _)) = best {
            taken[candidate] = true;
            next[index] = Some(candidate);
        }
    }
    in_order(&mut next, &mut taken, &[Separator::Space, Separator::Cell]);
    next
}

/// A gap up to which something that was drawn out of order belongs beside something else, in sizes of the font.
const BESIDE: f64 = 0.5;

/// A gap that is kept in mind, in sizes of the font: less is none in letters that are drawn apart, either.
const LEAST_GAP: f64 = 0.06;

/// Runs that are looked at in one square.
const MAX_CANDIDATES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Draws strings of a font of size 10 whose glyphs are 5 wide.
    fn text(strings: &[(f64, f64, &str)]) -> String {
        let mut layout = Layout::default();
        for (x, y, string) in strings {
            for (index, character) in string.chars().enumerate() {
                layout.draw(Glyph {
                    text: &character.to_string(),
                    origin: (x + 5.0 * index as f64, *y),
                    direction: (1.0, 0.0),
                    advance: 5.0,
                    size: 10.0,
                });
            }
        }
        layout.into_text()
    }

    /// Letters so far from one another.
    fn spaced(letters: &'static str, x: f64, pitch: f64) -> Vec<(f64, f64, &'static str)> {
        let at = |index: usize| x + pitch * index as f64;
        letters
            .char_indices()
            .map(|(index, letter)| (at(index), 0.0, &letters[index..index + letter.len_utf8()]))
            .collect()
    }

    #[test]
    fn what_stands_together_is_together() {
        for (strings, expected) in [
            (&[(0.0, 0.0, "010190"), (30.0, 0.0, "-1234")][..], "010190-1234"),
            (&[(0.0, 0.0, "010190"), (30.5, 0.0, "-1234")], "010190-1234"),
            (&[(0.0, 0.0, "one"), (18.0, 0.0, "two")], "one two"),
            (&[(0.0, 0.0, "one "), (20.0, 0.0, "two")], "one two"),
            (&[(0.0, 0.0, "one"), (50.0, 0.0, "two")], "one\ttwo"),
            (&[(0.0, 0.0, "one"), (0.0, -12.0, "two")], "one\ntwo"),
            (&[(0.0, 0.0, "E=mc"), (20.0, 4.0, "2")], "E=mc2"),
            // Bold by drawing twice.
            (&[(0.0, 0.0, "a"), (0.3, 0.0, "a"), (5.0, 0.0, "b"), (5.3, 0.0, "b")], "ab"),
            // A word's end that was drawn first.
            (&[(15.0, 0.0, "day"), (90.0, 50.0, "x"), (0.0, 0.0, "Sun")], "x\nSunday"),
            // Letters that were drawn in any order.
            (
                &[
                    (0.0, 0.0, "C"),
                    (40.0, 0.0, "1"),
                    (10.0, 0.0, "R"),
                    (35.0, 0.0, "6"),
                    (5.0, 0.0, "P"),
                    (18.0, 0.0, "x"),
                ],
                "CPR x 61",
            ),
            // Letters and digits that are drawn apart.
            (&spaced("CPRX", 0.0, 8.0), "CPRX"),
            (&spaced("CPR", 0.0, 8.0), "C P R"),
            (&[spaced("CPR", 0.0, 7.0), spaced("610190-0005", 25.0, 7.0)].concat(), "CPR 610190-0005"),
            (&[spaced("610190", 0.0, 25.0), spaced("0005", 160.0, 25.0)].concat(), "610190\t0005"),
            (&spaced("abcdef", 0.0, 25.0), "a\tb\tc\td\te\tf"),
            (&spaced("a.....9", 0.0, 8.0), "a. . . . .9"),
            // A column of which a number is broken, drawn with the one beside it.
            (
                &[(0.0, 0.0, "a 610190-"), (90.0, 0.0, "b"), (0.0, -12.0, "0005 a"), (90.0, -12.0, "b")],
                "a 610190-\tb\n0005 a\tb\na 610190-\n0005 a",
            ),
            // A word's end that was drawn last.
            (&[(0.0, 0.0, "Sun"), (90.0, 50.0, "x"), (15.0, 0.0, "day")], "Sunday\nx"),
            // The lines of two cells stay together.
            (
                &[(0.0, 0.0, "010190-"), (0.0, -12.0, "1234"), (80.0, 0.0, "Anna"), (80.0, -12.0, "And")],
                "010190-\n1234\nAnna\nAnd",
            ),
        ] {
            assert_eq!(text(strings), expected, "{strings:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost(strings in proptest::collection::vec((-50.0..50.0, -20.0..20.0, "[a-c]{1,3}"), 0..40)) {
            let mut layout = Layout::default();
            let mut count = 0;
            for (x, y, string) in &strings {
                let before: usize = layout.runs.iter().map(|run| run.text.len()).sum();
                let glyph = Glyph { text: string, origin: (*x, *y), direction: (1.0, 0.1), advance: 4.0, size: 9.0 };
                layout.draw(glyph);
                let after: usize = layout.runs.iter().map(|run| run.text.len()).sum();
                count += usize::from(after > before);
            }
            let _ = count;
            let letters = |text: &str| text.chars().filter(|character| !character.is_whitespace()).count();
            let drawn: usize = layout.runs.iter().map(|run| letters(&run.text)).sum();
            prop_assert_eq!(letters(&layout.into_text()), drawn);
        }

        #[test]
        fn any_numbers_can_be_drawn(numbers in proptest::collection::vec(any::<f64>(), 7 * 8)) {
            let mut layout = Layout::default();
            for n in numbers.chunks_exact(7) {
                let glyph =
                    Glyph { text: "x", origin: (n[0], n[1]), direction: (n[2], n[3]), advance: n[4], size: n[5] };
                layout.draw(glyph);
            }
            layout.into_text();
        }
    }
}
