//! The kinds of number whose shape and arithmetic are known, one file each, called by country and name. A rule file
//! names one by its `validator` and says how much each of its forms is worth.
//!
//! A new kind is a file here with a `static KIND: Identifier`, which `build.rs` finds. Most kinds are a few ways of writing
//! ([`layout`]) and a function that says whether such digits can be one; `date`, `check_digit`, `account` and `serial`
//! have what these share.

mod account;
mod check_digit;
mod date;
mod layout;
mod serial;
mod table;

use super::digits;
use jiff::civil::Date;
use layout::{Layout, Written};
use std::ops::Range;
use table::{Around, Entry, Table};

// The kinds' files and their list `KINDS`, which build.rs writes.
include!(concat!(env!("OUT_DIR"), "/kinds.rs"));

/// A kind of number.
pub(super) struct Identifier {
    /// The name in rule files: `dk.cpr`.
    pub(super) name: &'static str,
    /// The ways in which it is written, as rule files name them.
    pub(super) forms: &'static [&'static str],
    /// The checksum's name; none where a number without it is no such number.
    pub(super) checksum: Option<&'static str>,
    finder: Finder,
}

/// How a kind is found.
enum Finder {
    /// By its layouts: each form but the last is for the layouts that name it, the last for a number within a URL or an
    /// address, or whose letters and digits stand apart.
    Written { layouts: &'static [Layout], valid: fn(&[u8], Date) -> Option<Checksum> },
    /// By a function of its own, for first runs of digits of these lengths ([`lengths`]).
    Own { starts: u64, at: fn(&[u8], &Range<usize>, Date) -> Option<Hit> },
}

/// A set of lengths below 64.
const fn lengths(of: &[usize]) -> u64 {
    let (mut set, mut at) = (0, 0);
    while at < of.len() {
        set |= 1 << of[at];
        at += 1;
    }
    set
}

/// Whether the checksum of a number fits that is possible without it, too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Checksum {
    Fits,
    Fails,
}

impl From<bool> for Checksum {
    fn from(fits: bool) -> Self {
        if fits { Self::Fits } else { Self::Fails }
    }
}

/// A number that may be one, found at a run of digits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Hit {
    pub(super) range: Range<usize>,
    /// Index into [`Identifier::forms`].
    pub(super) form: usize,
    /// The checksum fits.
    pub(super) checksum: bool,
}

impl Hit {
    /// A number in this form where it stands alone, in the form `embedded` within a URL or an address; none where it is a piece
    /// of something longer.
    fn standing(text: &[u8], range: Range<usize>, form: usize, embedded: usize, checksum: bool) -> Option<Self> {
        let form = match digits::setting(text, &range) {
            digits::Setting::Alone => form,
            digits::Setting::Embedded => embedded,
            digits::Setting::Piece => return None,
        };
        Some(Self { range, form, checksum })
    }
}

impl std::fmt::Debug for Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Identifier {
    /// Every kind.
    pub(super) fn all() -> impl Iterator<Item = &'static Self> {
        KINDS.iter().copied()
    }

    /// Its place among all.
    pub(super) fn index(&self) -> usize {
        KINDS.iter().take_while(|kind| kind.name != self.name).count()
    }

    /// Every number whose first digits are this run, of the kinds that are `wanted` (by their place among all), one of each
    /// kind; nobody is born after `today`.
    pub(super) fn starting(
        text: &[u8],
        run: &Range<usize>,
        today: Date,
        wanted: impl Fn(usize) -> bool,
        mut take: impl FnMut(usize, Hit),
    ) {
        let table = Table::get();
        for &kind in table.own(run.len()) {
            if wanted(kind)
                && let Finder::Own { at, .. } = KINDS[kind].finder
                && let Some(hit) = at(text, run, today)
            {
                take(kind, hit);
            }
        }
        let (mut done, mut written) = (None, None);
        let around = Around::of(text, run);
        // Behind its own name a number stands as if a space were between.
        let labelled = around.letter_before && digits::is_labelled(text, run.start);
        let alone = if labelled { table.layouts(Around { letter_before: false, ..around }) } else { &[] };
        for &Entry { kind, layout, before, same_pattern } in table.layouts(around).iter().chain(alone) {
            if !same_pattern {
                written = None;
            }
            if done == Some(kind) || !wanted(kind) {
                continue;
            }
            let written = written.get_or_insert_with(|| layout.read_rest(text, run, before));
            if let Some(hit) = written.as_ref().and_then(|written| KINDS[kind].hit(layout.form, text, written, today)) {
                done = Some(kind);
                take(kind, hit);
            }
        }
    }

    /// The form of a number that is in this one when its letters and digits are put together: in a table they may come to
    /// one by chance.
    pub(super) fn apart(&self, form: usize) -> usize {
        match self.finder {
            Finder::Written { .. } => self.forms.len() - 1,
            Finder::Own { .. } => form,
        }
    }

    /// What was read, if it can be such a number.
    fn hit(&self, form: usize, text: &[u8], written: &Written, today: Date) -> Option<Hit> {
        let Finder::Written { valid, .. } = self.finder else { return None };
        let checksum = valid(written.value(), today)?;
        Hit::standing(text, written.range.clone(), form, self.forms.len() - 1, checksum == Checksum::Fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::digits::Runs;
    use jiff::civil::date;
    use proptest::prelude::*;
    use std::{collections::BTreeSet, fs};

    /// What a kind finds in a text: the number, the form's name, whether its checksum fits.
    pub(super) fn found<'t>(
        kind: &'static Identifier,
        text: &'t str,
        today: Date,
    ) -> Vec<(&'t str, &'static str, bool)> {
        let mut found = Vec::new();
        let index = kind.index();
        for run in Runs::of(text.as_bytes()) {
            Identifier::starting(
                text.as_bytes(),
                &run,
                today,
                |kind| kind == index,
                |_, hit| {
                    found.push((&text[hit.range], kind.forms[hit.form], hit.checksum));
                },
            );
        }
        found
    }

    /// Asserts that every text is a number of this kind and form, by itself and in a sentence.
    pub(super) fn assert_found(kind: &'static Identifier, today: Date, texts: &[(&str, &str)]) {
        for &(text, form) in texts {
            for sentence in [text.to_owned(), format!("number: {text}, and so on."), format!("({text})\nNext")] {
                let found = found(kind, &sentence, today);
                assert_eq!(found.iter().map(|found| (found.0, found.1)).collect::<Vec<_>>(), [(text, form)]);
            }
        }
    }

    /// Asserts that none of the texts has a number of this kind in it.
    pub(super) fn assert_not_found(kind: &'static Identifier, today: Date, texts: &[&str]) {
        for text in texts {
            assert_eq!(found(kind, text, today), [], "{text}");
        }
    }

    /// The number with signs that fit in the places of its question marks, if any do.
    pub(super) fn completed(kind: &'static Identifier, number: &str, signs: &str, today: Date) -> Option<String> {
        let Finder::Written { valid, .. } = kind.finder else { return None };
        if !number.contains('?') {
            return valid(number.as_bytes(), today).map(|_| number.to_owned());
        }
        let numbers = signs.chars().map(|sign| number.replacen('?', sign.encode_utf8(&mut [0; 4]), 1));
        numbers.into_iter().find_map(|number| completed(kind, &number, signs, today))
    }

    /// Asserts that a valid number is found in every layout that has room for its letters and digits.
    pub(super) fn assert_found_in_every_layout(kind: &'static Identifier, value: &str, today: Date) {
        let Finder::Written { layouts, .. } = kind.finder else { return };
        let mut written = 0;
        for layout in layouts {
            let mut signs = value.chars();
            let fits = layout.pattern.chars().all(|sign| match sign {
                'd' => signs.next().is_some_and(|sign| sign.is_ascii_digit()),
                'l' => signs.next().is_some_and(|sign| sign.is_ascii_alphabetic()),
                'x' => signs.next().is_some(),
                '0'..='9' => signs.next() == Some(sign),
                _ => true,
            });
            if !fits || signs.next().is_some() {
                continue;
            }
            let mut signs = value.chars();
            let text: String = layout
                .pattern
                .chars()
                .map(|sign| match sign {
                    'd' | 'l' | 'x' | '0'..='9' => signs.next().unwrap().to_string(),
                    '~' => " - ".to_owned(),
                    _ => sign.to_string(),
                })
                .collect();
            let found = found(kind, &text, today);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!((found[0].0, found[0].1), (text.as_str(), kind.forms[layout.form]), "{text}");
            written += 1;
        }
        assert!(written > 0, "{value}");
    }

    #[test]
    fn a_file_is_enough_for_a_kind() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/detect/identifier");
        let sources = fs::read_dir(directory).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
        let kinds = sources.filter(|source| source.contains("\npub(super) static KIND"));
        assert_eq!(kinds.count(), KINDS.len());
        // Nothing but its own file names a kind.
        assert!(!include_str!("mod.rs").contains(concat!("dk", "_cpr")));
    }

    #[test]
    fn names_are_different_and_every_form_is_reached() {
        let names: BTreeSet<_> = Identifier::all().map(|kind| kind.name).collect();
        assert_eq!(names.len(), Identifier::all().count());
        for kind in Identifier::all() {
            assert!(kind.forms.len() >= 2, "{kind:?}");
            if let Finder::Written { layouts, .. } = kind.finder {
                assert_eq!(kind.forms.last(), Some(&"embedded"), "{kind:?}");
                let used: BTreeSet<_> = layouts.iter().map(|layout| layout.form).collect();
                assert_eq!(used, (0..kind.forms.len() - 1).collect(), "{kind:?}");
                assert!(layouts.iter().all(|layout| layout.first_run() > 0), "{kind:?}");
            }
        }
    }

    /// What a kind finds at a run without the table.
    fn found_slowly(kind: &'static Identifier, text: &[u8], run: &Range<usize>, today: Date) -> Option<Hit> {
        match kind.finder {
            Finder::Own { starts, at } if run.len() < 64 && starts >> run.len() & 1 == 1 => at(text, run, today),
            Finder::Own { .. } => None,
            Finder::Written { layouts, .. } => {
                layouts.iter().find_map(|layout| kind.hit(layout.form, text, &layout.read(text, run)?, today))
            }
        }
    }

    /// Texts that a layout fits, or nearly.
    fn written() -> impl Strategy<Value = String> {
        let patterns: Vec<&str> = Identifier::all()
            .flat_map(|kind| match kind.finder {
                Finder::Written { layouts, .. } => layouts,
                Finder::Own { .. } => &[],
            })
            .map(|layout| layout.pattern)
            .collect();
        let signs = prop::collection::vec((0_u8..10, "[A-Z]", "( |\\t|\\r\\n|  )", "( - |-|- |\n-)"), 45);
        (prop::sample::select(patterns), signs).prop_map(|(pattern, signs)| {
            let sign = |(sign, (digit, letter, white, hyphen)): (char, &(u8, String, String, String))| match sign {
                'd' => digit.to_string(),
                'x' if digit % 2 == 0 => digit.to_string(),
                'l' | 'x' => letter.clone(),
                ' ' => white.clone(),
                '~' => hyphen.clone(),
                sign => sign.to_string(),
            };
            pattern.chars().zip(&signs).map(sign).collect()
        })
    }

    proptest! {
        #[test]
        fn the_table_leaves_nothing_out(
            texts in prop::collection::vec((written(), "[ .,;:/+()x-]?"), 1..6),
        ) {
            let text: String = texts.into_iter().flat_map(|(text, after)| [text, after]).collect();
            for run in Runs::of(text.as_bytes()) {
                let mut quick = Vec::new();
                Identifier::starting(text.as_bytes(), &run, date(2057, 12, 31), |_| true, |kind, hit| {
                    quick.push((kind, hit));
                });
                quick.sort_by_key(|(kind, _)| *kind);
                let slow: Vec<_> = KINDS.iter().enumerate().filter_map(|(index, kind)| {
                    Some((index, found_slowly(kind, text.as_bytes(), &run, date(2057, 12, 31))?))
                }).collect();
                prop_assert_eq!(quick, slow, "{:?}", text);
            }
        }

        #[test]
        fn any_text_can_hold_any_kind(text in "([0-9]{1,12}|[A-Za-zæ]{1,6}|[ .\t\n/+-]){0,12}") {
            for kind in Identifier::all() {
                found(kind, &text, date(2057, 12, 31));
            }
        }
    }
}
