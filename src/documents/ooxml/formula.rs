//! Formulas whose value is not stored (ECMA-376 part 1, 18.3.1.40; OpenDocument 1.3 part 4): programs compute them when
//! they open the file. Here only those that put texts together are, which is how a number is made of its parts.

use super::sheet::reference;
use crate::documents::number_format::NumberFormat;
use std::collections::{HashMap, HashSet};

/// Formulas of one sheet that are computed; the rest are counted.
const MAX_FORMULAS: usize = 10_000;

/// The longest formula that is computed, in bytes; programs allow 8192 characters.
const MAX_FORMULA: usize = 16 * 1024;

/// The longest text that a formula makes, in bytes; programs allow 32,767 characters.
const MAX_VALUE: usize = 64 * 1024;

/// All formulas of one sheet that are computed, in bytes.
const MAX_FORMULA_BYTES: usize = 4 * 1024 * 1024;

/// What the formulas of one sheet put together, in bytes, whatever comes of it.
const MAX_WORK: usize = 16 * 1024 * 1024;

/// Parentheses within one another.
const MAX_DEPTH: usize = 16;

/// Formulas that one hangs on, one after another.
const MAX_ROUNDS: usize = 8;

/// Row and column, from 0.
pub(in crate::documents) type Cell = (u32, u32);

/// Formulas of a sheet.
#[derive(Debug, Default)]
pub(in crate::documents) struct Formulas {
    formulas: Vec<(Cell, String)>,
    bytes: usize,
    /// Those that are not kept, and the first of them.
    others: usize,
    first: Option<Cell>,
}

/// What became of them.
#[derive(Debug, Default, Eq, PartialEq)]
pub(in crate::documents) struct Computed {
    pub(in crate::documents) values: Vec<(Cell, String)>,
    /// How many were not computed, and the first of them.
    pub(in crate::documents) unknown: usize,
    pub(in crate::documents) first: Option<Cell>,
}

impl Formulas {
    /// Takes down a formula, without the sign that it begins with; empty where it stands elsewhere.
    pub(in crate::documents) fn push(&mut self, cell: Cell, formula: &str) {
        let bytes = self.bytes + formula.len();
        let is_small = formula.len() <= MAX_FORMULA && bytes <= MAX_FORMULA_BYTES;
        if formula.is_empty() || !is_small || self.formulas.len() == MAX_FORMULAS {
            self.first.get_or_insert(cell);
            self.others += 1;
        } else {
            self.bytes = bytes;
            self.formulas.push((cell, formula.to_owned()));
        }
    }

    /// The cells that they need, of those formulas that are understood.
    pub(in crate::documents) fn needed(&self) -> HashSet<Cell> {
        let mut needed = HashSet::new();
        for (_, formula) in &self.formulas {
            let mut cells = Vec::new();
            let value = |cell| {
                cells.push(cell);
                Some(String::new())
            };
            if compute(formula, &mut { MAX_WORK }, value).is_some() {
                needed.extend(cells);
            }
        }
        needed
    }

    /// Gives them up: not all cells that they may need are known.
    pub(in crate::documents) fn unknown(self) -> Computed {
        let first = self.first.into_iter().chain(self.formulas.first().map(|(cell, _)| *cell)).min();
        Computed { values: Vec::new(), unknown: self.others + self.formulas.len(), first }
    }

    /// Computes them, of the cells that they need.
    pub(in crate::documents) fn compute(self, mut cells: HashMap<Cell, String>) -> Computed {
        let mut computed = Computed { unknown: self.others, first: self.first, ..Computed::default() };
        let mut left = self.formulas;
        let own: HashSet<Cell> = left.iter().map(|(cell, _)| *cell).collect();
        let mut work = MAX_WORK;
        for _ in 0..MAX_ROUNDS {
            let before = left.len();
            left.retain(|(cell, formula)| {
                // A cell that is not there is empty, unless a formula of these is to fill it.
                let value = |cell| match cells.get(&cell) {
                    Some(value) => Some(value.clone()),
                    None => (!own.contains(&cell)).then(String::new),
                };
                let Some(value) = compute(formula, &mut work, value) else { return true };
                cells.insert(*cell, value.clone());
                computed.values.push((*cell, value));
                false
            });
            if left.len() == before || left.is_empty() {
                break;
            }
        }
        computed.unknown += left.len();
        computed.first = computed.first.into_iter().chain(left.first().map(|(cell, _)| *cell)).min();
        computed
    }
}

/// The text that a formula makes. `None` where it is of another kind.
fn compute(formula: &str, work: &mut usize, value: impl FnMut(Cell) -> Option<String>) -> Option<String> {
    let formula = formula.strip_prefix("of:").or_else(|| formula.strip_prefix("oooc:")).unwrap_or(formula);
    let mut parser = Parser { rest: formula.strip_prefix('=').unwrap_or(formula), value, work };
    let text = parser.texts(0)?;
    parser.rest.trim_start().is_empty().then_some(text)
}

struct Parser<'f, 'w, V> {
    rest: &'f str,
    value: V,
    /// How much may still be put together, in bytes.
    work: &'w mut usize,
}

impl<'f, V: FnMut(Cell) -> Option<String>> Parser<'f, '_, V> {
    /// Texts, joined by `&`.
    fn texts(&mut self, depth: usize) -> Option<String> {
        let mut text = self.text(depth)?;
        while self.take("&") {
            text.push_str(&self.text(depth)?);
            if text.len() > MAX_VALUE {
                return None;
            }
        }
        Some(text)
    }

    fn text(&mut self, depth: usize) -> Option<String> {
        let text = self.part(depth)?;
        *self.work = self.work.checked_sub(text.len() + 1)?;
        (text.len() <= MAX_VALUE).then_some(text)
    }

    fn part(&mut self, depth: usize) -> Option<String> {
        if depth > MAX_DEPTH {
            return None;
        }
        if self.take("(") {
            let text = self.texts(depth + 1)?;
            return self.take(")").then_some(text);
        }
        if self.take("\"") {
            return self.literal();
        }
        // Of OpenDocument: [.A1].
        if self.take("[.") {
            let name = self.word(|byte| byte != b']');
            let text = (self.value)(reference(name)?)?;
            return self.take("]").then_some(text);
        }
        self.rest = self.rest.trim_start();
        let word = self.word(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'$' | b'.' | b'_'));
        if !self.take("(") {
            return match word.bytes().next()? {
                b'0'..=b'9' if word.parse::<f64>().is_ok() => Some(word.to_owned()),
                // Another sheet's, or a range.
                _ if self.rest.trim_start().starts_with(['!', ':']) => None,
                _ => (self.value)(reference(word)?),
            };
        }
        let function = word.rsplit('.').next().unwrap_or_default().to_ascii_uppercase();
        let (mut arguments, mut length) = (Vec::new(), 0);
        while !self.take(")") {
            if !arguments.is_empty() && !self.take(",") && !self.take(";") {
                return None;
            }
            arguments.push(self.texts(depth + 1)?);
            length += arguments.last().map_or(0, String::len);
            if length > MAX_VALUE {
                return None;
            }
        }
        match (function.as_str(), arguments.as_slice()) {
            ("CONCATENATE" | "CONCAT", texts) => Some(texts.concat()),
            ("TEXT", [value, format]) => Some(shown(value, format)),
            ("T" | "TRIM" | "UPPER" | "LOWER" | "VALUE", [text]) => Some(text.clone()),
            _ => None,
        }
    }

    /// The rest of a text in quotes; two of them stand for one.
    fn literal(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            let (part, rest) = self.rest.split_once('"')?;
            text.push_str(part);
            self.rest = rest;
            match self.rest.strip_prefix('"') {
                Some(rest) => {
                    text.push('"');
                    self.rest = rest;
                }
                None => return Some(text),
            }
        }
    }

    fn take(&mut self, sign: &str) -> bool {
        match self.rest.trim_start().strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self, part: impl Fn(u8) -> bool) -> &'f str {
        let length = self.rest.bytes().take_while(|byte| part(*byte)).count();
        let (word, rest) = self.rest.split_at_checked(length).unwrap_or_default();
        self.rest = rest;
        word
    }
}

/// A number in a format, as TEXT makes it.
fn shown(value: &str, format: &str) -> String {
    let mut shown = String::new();
    let known = value
        .trim()
        .parse::<f64>()
        .is_ok_and(|number| NumberFormat::new(format).number(number, value.trim(), false, &mut shown));
    if known { shown } else { value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cell(cell: Cell) -> Option<String> {
        match cell {
            (0, 0) => Some("610190".to_owned()),
            (9, 5) => Some("0005".to_owned()),
            (1, 0) => Some("101900005".to_owned()),
            _ => Some(String::new()),
        }
    }

    #[test]
    fn texts_are_put_together() {
        for (formula, value) in [
            (r#"CONCATENATE("610190","-0005")"#, Some("610190-0005")),
            (r#"A1&"-"&F10"#, Some("610190-0005")),
            (r#"=$A$1 & ( "-" & F$10 )"#, Some("610190-0005")),
            (r#"of:="610190"&"-0005""#, Some("610190-0005")),
            (r#"of:=[.A1]&"-"&[.F10]"#, Some("610190-0005")),
            (r#"_xlfn.CONCAT(A1,"-",F10)"#, Some("610190-0005")),
            (r#"TEXT(A2,"000000\-0000")"#, Some("010190-0005")),
            (r#""a""b"&1"#, Some("a\"b1")),
            ("SUM(A1:A2)", None),
            ("A1:A2", None),
            ("Ark2!A1", None),
            ("A1+1", None),
            (r#""open"#, None),
            ("", None),
        ] {
            assert_eq!(compute(formula, &mut { MAX_WORK }, cell).as_deref(), value, "{formula}");
        }
    }

    #[test]
    fn formulas_may_hang_on_one_another() {
        let mut formulas = Formulas::default();
        formulas.push((4, 0), "A4&\"-0005\"");
        formulas.push((3, 0), "A1");
        formulas.push((5, 0), "A6");
        formulas.push((6, 0), "SUM(A1:A9)");
        formulas.push((7, 0), "");
        assert!(formulas.needed().contains(&(0, 0)));
        let computed = formulas.compute(HashMap::from([((0, 0), "610190".to_owned())]));
        assert_eq!(computed.values, [((3, 0), "610190".to_owned()), ((4, 0), "610190-0005".to_owned())]);
        assert_eq!((computed.unknown, computed.first), (3, Some((5, 0))));
    }

    #[test]
    fn what_grows_ends() {
        let mut formulas = Formulas::default();
        for row in 0..5000 {
            formulas.push((row + 1, 0), &format!("A{0}&A{0}&A{0}&A{0}", row + 1));
        }
        let computed = formulas.compute(HashMap::from([((0, 0), "x".repeat(1000))]));
        assert!(computed.unknown > 4900);
    }

    proptest! {
        #[test]
        fn any_formula_can_be_computed(formula in r#"([A-Z]{1,3}[0-9]{0,3}|[&"(),;!:=.\[\]]|CONCAT\(|TEXT\(|.){0,30}"#) {
            compute(&formula, &mut { MAX_WORK }, cell);
        }
    }
}
