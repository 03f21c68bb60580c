//! Glyphs where they stand on a page -> text: words by the gaps between them, cells of a row with a tab between them,
//! lines with a line feed. The order is that of the content stream, in which nearly all programs write columns one
//! after the other and the lines of a cell together; what was drawn later right beside something is put there.

use super::bidirectional::{as_read, is_right_to_left};
use std::collections::HashMap;

/// A gap from which on a new word begins, in sizes of the font.
const WORD_GAP: f64 = 0.13;

/// A gap from which on a new cell begins.
const CELL_GAP: f64 = 1.5;

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
    text: String,
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
                    if (run.after_space || gap > WORD_GAP) && !run.text.is_empty() {
                        run.text.push(' ');
                    }
                    run.after_space = false;
                    push(&mut run.text, glyph.text, right_to_left);
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
        let runs = self.runs;
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
                    match before.map(|before| separator(before, run)) {
                        Some(Some('\n')) => {
                            line.end(&mut text);
                            text.push('\n');
                        }
                        Some(Some(separator)) => line.text.push(separator),
                        Some(None) | None => {}
                    }
                    line.turned |= run.right_to_left && !run.leftward;
                    line.text.push_str(&run.text);
                    before = Some(run);
                    at = next[index];
                }
            }
        }
        line.end(&mut text);
        text
    }
}

/// A line of the text that is being put together.
#[derive(Default)]
struct Line {
    text: String,
    /// Whether it has letters that were drawn in the order opposite to that in which they are read.
    turned: bool,
}

impl Line {
    fn end(&mut self, text: &mut String) {
        if self.turned {
            text.push_str(&as_read(&self.text));
        } else {
            text.push_str(&self.text);
        }
        self.text.clear();
        self.turned = false;
    }
}

/// Appends the text of a glyph. Its letters are as read; where the line is going to be turned, they are turned first.
fn push(text: &mut String, glyph: &str, right_to_left: bool) {
    if right_to_left { text.extend(glyph.chars().rev()) } else { text.push_str(glyph) }
}

/// What stands between two runs.
fn separator(before: &Run, run: &Run) -> Option<char> {
    let height = before.size.max(run.size);
    let gap = (run.start - before.end) / height;
    let off = (run.across - before.across).abs() / height;
    if along(before.direction, run.direction) < PARALLEL || off >= BASELINE || gap <= -OVERLAP {
        return Some('\n');
    }
    if gap >= CELL_GAP {
        Some('\t')
    } else if gap > WORD_GAP || before.after_space {
        Some(' ')
    } else {
        None
    }
}

/// For each run the one that was drawn later, or earlier out of order, right beside its end.
fn beside(runs: &[Run]) -> Vec<Option<usize>> {
    let square = |run: &Run, along: f64| {
        let cell = |n: f64| (n / SQUARE).floor() as i64;
        (cell(along), cell(run.across), (run.direction.0 * 8.0).round() as i64, (run.direction.1 * 8.0).round() as i64)
    };
    let mut starts: HashMap<_, Vec<usize>> = HashMap::new();
    for (index, run) in runs.iter().enumerate() {
        starts.entry(square(run, run.start)).or_default().push(index);
    }
    let mut taken = vec![false; runs.len()];
    let mut next = vec![None; runs.len()];
    // Drawn one after the other on one line: that is the order already.
    for (index, pair) in runs.windows(2).enumerate() {
        if matches!(separator(&pair[0], &pair[1]), Some('\t' | ' ') | None) {
            taken[index + 1] = true;
            next[index] = Some(index + 1);
        }
    }
    for (index, run) in runs.iter().enumerate() {
        if next[index].is_some() {
            continue;
        }
        let (x, y, dx, dy) = square(run, run.end);
        let mut best: Option<(usize, f64)> = None;
        for (x, y) in
            [-1, 0, 1].into_iter().flat_map(|i| [-1, 0, 1].map(|j| (x.saturating_add(i), y.saturating_add(j))))
        {
            for candidate in starts.get(&(x, y, dx, dy)).into_iter().flatten().take(MAX_CANDIDATES) {
                let other = &runs[*candidate];
                let height = run.size.max(other.size);
                let gap = (other.start - run.end) / height;
                let off = (other.across - run.across).abs() / height;
                let fits = *candidate != index
                    && !taken[*candidate]
                    && off < BASELINE / 2.0
                    && gap > -DOUBLE
                    && gap < BESIDE
                    && other.start > run.start;
                if fits && best.is_none_or(|(_, least)| gap < least) {
                    best = Some((*candidate, gap));
                }
            }
        }
        if let Some((candidate, _)) = best {
            taken[candidate] = true;
            next[index] = Some(candidate);
        }
    }
    next
}

/// A gap up to which something that was drawn out of order belongs beside something else, in sizes of the font.
const BESIDE: f64 = 0.5;

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
