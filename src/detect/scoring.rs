//! What a candidate is worth with what stands around it, and why.

use super::{
    digits,
    identifier::Identifier,
    nearby::{Around, Few, Nearby, cover},
    rule::{CERTAIN, Context, Evidence, ListId, Matcher, Rule, Score},
};
use crate::level::Category;
use std::{fmt::Write, ops::Range};

/// What a word must be worth with what stands near, before what the model says for it counts.
const LEAST_BEFORE_MODEL: Score = 300;

/// How many times what a word is worth by itself the model may add.
const MOST_BY_MODEL: Score = 2;

/// What a word is worth with what stands near that the model does not take away.
const FIRM: Score = 950;

/// Something of the right shape.
pub(super) struct Candidate<'a> {
    pub(super) rule: usize,
    /// The word, where it is one.
    pub(super) word: Option<&'a str>,
    pub(super) range: Range<usize>,
    pub(super) score: Score,
    pub(super) shape: Shape,
}

#[derive(Clone, Copy)]
pub(super) enum Shape {
    Number { form: usize, checksum: bool },
    Term,
    Pattern,
}

/// What stands around candidates.
pub(super) struct Surroundings<'s, 'a> {
    /// The words of lists, by their numbers.
    pub(super) words: &'s Nearby<'a>,
    /// Terms, by rule.
    pub(super) terms: &'s Nearby<'a>,
    /// Numbers that were found, by category.
    pub(super) numbers: &'s Nearby<'a>,
}

/// What is asked about the message as a whole, which is looked up when it matters.
pub(super) trait Whole<'a> {
    /// Up to `most` different words of a list that stand anywhere in it.
    fn words(&mut self, list: ListId, most: usize) -> Few<'a>;
    /// From -1 (a text for many) to 1 (about a person), around a place.
    fn share(&mut self, at: usize) -> f32;
    /// What that is at most, as far as it is known.
    fn most_share(&self) -> f32;
}

/// A context that changed a score, by how much, and the words that did it.
pub(super) struct Applied<'a> {
    pub(super) context: &'a Context,
    pub(super) weight: Score,
    pub(super) words: Few<'a>,
}

/// The contexts of a rule that can count in a stretch of text.
pub(super) struct Possible<'a> {
    /// Those about what stands near a candidate.
    near: Vec<&'a Context>,
    /// Those about the whole message.
    whole: Vec<&'a Context>,
    /// The most that all of them can add.
    pub(super) gain: Score,
}

impl Rule {
    /// The contexts that can count where only these words stand around.
    pub(super) fn possible(&self, words: &Nearby<'_>) -> Possible<'_> {
        let (whole, near): (Vec<_>, Vec<_>) = self.context.iter().partition(|context| context.is_about_the_whole());
        let mut possible = Possible { near, whole, gain: 0 };
        possible.near.retain(|context| match context.evidence {
            Evidence::Words(list) => !words.list(list.0).is_empty(),
            _ => true,
        });
        possible.gain = possible.near.iter().chain(&possible.whole).map(|context| context.most_gain()).sum();
        possible
    }

    /// Whether the model has a say.
    pub(super) fn asks_model(&self) -> bool {
        self.context.iter().any(|context| matches!(context.evidence, Evidence::Letter))
    }

    /// A list, and how near to one of its words a candidate of this score must stand, to reach the threshold at all.
    pub(super) fn needs(&self, score: Score) -> Option<(ListId, usize)> {
        let gain = self.gain();
        self.context.iter().find_map(|context| match (context.evidence, context.distance) {
            (Evidence::Words(list), Some(distance)) if score + gain - context.most_gain() < self.threshold => {
                Some((list, distance))
            }
            _ => None,
        })
    }

    /// The most that its contexts can add.
    pub(super) fn gain(&self) -> Score {
        self.context.iter().map(Context::most_gain).sum()
    }
}

impl Context {
    /// The most that it can add; what the model says can count either way.
    pub(super) fn most_gain(&self) -> Score {
        match self.evidence {
            Evidence::Letter => self.weight.abs(),
            _ => self.weight.max(0) * count(self.most),
        }
    }

    /// Whether there is nothing around that could count.
    fn has_nothing(&self, rule: usize, around: &Surroundings<'_, '_>) -> bool {
        match self.evidence {
            Evidence::Words(list) => around.words.list(list.0).is_empty(),
            Evidence::Category(category) => around.numbers.list(category as usize).is_empty(),
            Evidence::SameRule => around.terms.list(rule).is_empty(),
            Evidence::Letter => true,
        }
    }

    /// Gathers the words near a candidate for which the context applies.
    fn near<'a>(&self, candidate: &Candidate<'a>, around: &Surroundings<'_, 'a>, few: &mut Few<'a>) {
        let distance = self.distance.unwrap_or(0);
        let (words, list) = match self.evidence {
            Evidence::Words(list) => (around.words, list.0),
            Evidence::Category(category) => (around.numbers, category as usize),
            Evidence::SameRule => (around.terms, candidate.rule),
            Evidence::Letter => return few.clear(),
        };
        let around = Around { distance, side: self.side, most: self.most, own: candidate.word };
        words.near(list, &candidate.range, &around, few);
    }

    fn is_about_the_whole(&self) -> bool {
        self.distance.is_none() || matches!(self.evidence, Evidence::Letter)
    }
}

fn count(of: usize) -> Score {
    // At most MAX_MOST.
    Score::try_from(of).unwrap_or(0)
}

/// The candidate's score, if it reaches its rule's threshold. What is about the whole message is asked only where it can
/// decide.
pub(super) fn weigh<'a>(
    rule: &Rule,
    possible: &Possible<'_>,
    candidate: &Candidate<'a>,
    around: &Surroundings<'_, 'a>,
    whole: &mut impl Whole<'a>,
) -> Option<Score> {
    let mut score = candidate.score;
    // What may yet be added: by contexts that were not looked at, and at last by those about the whole message.
    let by_the_whole: Score = possible.whole.iter().map(|context| most_by_the_whole(context, candidate, whole)).sum();
    let near = possible.near.iter().filter(|context| !context.has_nothing(candidate.rule, around));
    let mut open = by_the_whole + near.clone().map(|context| context.most_gain()).sum::<Score>();
    let mut few = Few::default();
    for context in near {
        if score + open < rule.threshold {
            return None;
        }
        context.near(candidate, around, &mut few);
        score += context.weight * count(few.words().len());
        open -= context.most_gain();
    }
    if score + open < rule.threshold {
        return None;
    }
    if rule.except.is_some_and(|list| cover(around.words.list(list.0), &candidate.range)) {
        return None;
    }
    let near = score;
    score += possible.whole.iter().map(|context| about_the_whole(context, candidate, near, whole).0).sum::<Score>();
    (score >= rule.threshold).then_some(score)
}

/// The most that a context about the whole message can add to what a candidate is worth.
fn most_by_the_whole<'a>(context: &Context, candidate: &Candidate<'_>, whole: &impl Whole<'a>) -> Score {
    match context.evidence {
        Evidence::Letter if context.weight > 0 => {
            let share = (context.weight as f32 * whole.most_share()).round() as Score;
            share.min(candidate.score * MOST_BY_MODEL).max(0)
        }
        _ => context.most_gain(),
    }
}

/// What a context about the whole message adds to a score that came from what stands near. The model makes no finding of a word
/// that says next to nothing, and takes none away that is nearly certain.
fn about_the_whole<'a>(
    context: &Context,
    candidate: &Candidate<'_>,
    near: Score,
    whole: &mut impl Whole<'a>,
) -> (Score, Few<'a>) {
    match context.evidence {
        Evidence::Letter => {
            let share = (context.weight as f32 * whole.share(candidate.range.start)).round() as Score;
            let counts = if share > 0 { near >= LEAST_BEFORE_MODEL } else { near < FIRM };
            let share = share.min(candidate.score * MOST_BY_MODEL);
            (if counts { share } else { 0 }, Few::default())
        }
        Evidence::Words(list) => {
            let words = whole.words(list, context.most);
            (context.weight * count(words.words().len()), words)
        }
        _ => (0, Few::default()),
    }
}

/// The contexts that changed the candidate's score.
pub(super) fn applied<'a>(
    rule: &'a Rule,
    candidate: &Candidate<'a>,
    around: &Surroundings<'_, 'a>,
    whole: &mut impl Whole<'a>,
) -> Vec<Applied<'a>> {
    let mut applied = Vec::new();
    let mut score = candidate.score;
    for context in rule.context.iter().filter(|context| !context.is_about_the_whole()) {
        let mut words = Few::default();
        context.near(candidate, around, &mut words);
        let weight = context.weight * count(words.words().len());
        score += weight;
        applied.push(Applied { context, weight, words });
    }
    for context in rule.context.iter().filter(|context| context.is_about_the_whole()) {
        let (weight, words) = about_the_whole(context, candidate, score, whole);
        applied.push(Applied { context, weight, words });
    }
    applied.retain(|applied| applied.weight != 0);
    applied
}

/// Why the confidence is what it is. `letter` says what the model goes by, or goes by against.
pub(super) fn why(
    rule: &Rule,
    candidate: &Candidate<'_>,
    applied: &[Applied<'_>],
    mut letter: impl FnMut(bool) -> String,
) -> String {
    let points = |score: Score| f64::from(score) / f64::from(CERTAIN);
    let mut why = match (candidate.shape, &rule.matcher) {
        (Shape::Number { form, checksum }, Matcher::Identifier { identifier, base, checksum: bonus }) => {
            let Identifier { forms, checksum: name, .. } = identifier;
            let mut why = format!("written form {} {:.2}", forms[form], points(base[form]));
            if checksum && let Some(name) = name {
                let _ = write!(why, ", {name} fits {:+.2}", points(*bonus));
            }
            why
        }
        (Shape::Term, _) => {
            format!("the listed word “{}” {:.2}", candidate.word.unwrap_or_default(), points(candidate.score))
        }
        _ => format!("the pattern {:.2}", points(candidate.score)),
    };
    // What stands near what is called a password may be the password.
    let is_secret = rule.category == Category::Credentials;
    let named = |word: &&str| if is_secret { digits::mask(word.as_bytes(), 1) } else { format!("“{word}”") };
    for Applied { context, weight, words } in applied {
        let weight = points(*weight);
        let named = words.words().iter().map(named).collect::<Vec<_>>().join(", ");
        // Writing to a string cannot fail.
        let _ = match (context.distance, context.evidence) {
            (_, Evidence::Letter) => {
                let reads = if weight < 0.0 { "like a text for many" } else { "like a text about a person" };
                let words = if is_secret { "••••".to_owned() } else { letter(weight < 0.0) };
                write!(why, ", it reads {reads} ({words}) {weight:+.2}")
            }
            (None, _) => write!(why, ", in the message {named} {weight:+.2}"),
            // The number itself is not to be told.
            (_, Evidence::Category(category)) => write!(why, ", near a number ({category}) {weight:+.2}"),
            _ => write!(why, ", near {named} {weight:+.2}"),
        };
    }
    why
}
