//! Whether the letter, and each file that came with it, reads like a text about a person's own affairs.

use super::{
    Finding,
    language::CommonWords,
    model::{Features, Model, Question, is_read},
    rule::{CERTAIN, Score},
};
use crate::{
    level::{Category, Level},
    message::Document,
};
use std::{collections::BTreeMap, iter};

/// The logarithm of the odds from which what stands around a place is likely about a person.
const LIKELY: f32 = 1.0;

/// What is taken from the odds, since a smaller part of all mail is about a person than of the messages that the model has
/// learnt from.
const PRIOR: f32 = 0.05;

/// The logarithm of the odds that is as sure as it gets.
const SURE: f32 = 2.0;

/// The logarithm of the odds from which the model's word is enough where no rule found anything.
const ALONE: f32 = 1.0;

/// How much the model's word on the level counts against a rule's: as much as twice certainty, for odds whose logarithm is
/// [`SURE_OF_LEVEL`].
const LEVEL_WEIGHT: f32 = 2.0;
const SURE_OF_LEVEL: f32 = 3.0;

/// What a sensitive finding must be worth together with the model's word, to stand beside confidential ones.
const STANDS: f32 = 1.2;

/// The logarithm of the odds from which a message with confidential findings only is sensitive by the model's word.
const SENSITIVE: f32 = 0.3;

/// What stands around a place, in bytes: as much as a message mostly has; and how far such texts are apart.
const AROUND: usize = 700;
const STEP: usize = 350;

/// The most texts around places that are asked about; after those, only whole texts are.
const MAX_AROUND: usize = 200;

/// Attached texts that are asked about by themselves.
const MAX_ATTACHED: usize = 50;

/// Bytes of text from which a text says all that it can of its kind: that it is about a person, or that it is not, of which
/// a few lines say little. A shorter one says less.
const ENOUGH_FOR: f32 = 300.0;
const ENOUGH_AGAINST: f32 = 600.0;

/// Bytes of text below which a text says nothing of its kind. One without common words, in another language than the seven or
/// in none, says nothing either.
const SHORTEST: usize = 40;

/// A finding of a rule.
pub(super) struct Judged {
    pub(super) finding: Finding,
    /// Beyond certainty, too.
    pub(super) score: Score,
    pub(super) asks_model: bool,
    pub(super) place: usize,
}

/// A text that the model is asked about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Text {
    /// All that is no attachment.
    Letter,
    /// An attached file, by its place among the pieces.
    Attached(usize),
    /// What stands around a place, by the piece and the number of the [`STEP`].
    Around { piece: usize, step: usize },
}

/// What the model says, looked up when first asked for.
pub(super) struct Letter<'e> {
    common_words: &'e CommonWords,
    features: Features,
    scores: BTreeMap<Text, f32>,
    /// The words by which texts read so, or otherwise where the second is true.
    reasons: BTreeMap<(Text, bool), String>,
    /// How many texts around places were looked at.
    around: usize,
    /// The piece that was asked about last, and what was said of it.
    last: Option<(usize, f32, Text)>,
}

impl<'e> Letter<'e> {
    pub(super) fn new(common_words: &'e CommonWords) -> Self {
        Self {
            common_words,
            features: Features::default(),
            scores: BTreeMap::new(),
            reasons: BTreeMap::new(),
            around: 0,
            last: None,
        }
    }

    /// From -1 (surely a text for many, about nobody) to 1 (surely about a person), for a place in a piece. A file reads like the
    /// letter that it came with, if that says more. Where what stands around the place reads like a text about a person, it is
    /// not counted against it that the rest does not.
    pub(super) fn share(&mut self, model: &Model, document: &Document, place: usize, at: usize) -> f32 {
        let (score, _) = self.most(model, document, place);
        if score < 0.0 && self.around(model, document, place, at).is_some_and(|score| score >= LIKELY) {
            return 0.0;
        }
        (score / SURE).clamp(-1.0, 1.0)
    }

    /// What the share of any place in a piece is at most, as far as it is known: what stands around a place adds nothing.
    pub(super) fn most_share(&self, place: usize) -> f32 {
        self.last.filter(|(piece, ..)| *piece == place).map_or(1.0, |(_, score, _)| (score / SURE).clamp(0.0, 1.0))
    }

    /// Of the texts that a piece belongs to, the one that reads most like one about a person, and how much it does.
    fn most(&mut self, model: &Model, document: &Document, place: usize) -> (f32, Text) {
        if let Some((_, score, text)) = self.last.filter(|(piece, ..)| *piece == place) {
            return (score, text);
        }
        let (score, text) = self.find_most(model, document, place);
        self.last = Some((place, score, text));
        (score, text)
    }

    fn find_most(&mut self, model: &Model, document: &Document, place: usize) -> (f32, Text) {
        let own = group(document, place);
        let score = self.score(model, document, own);
        if !is_attached(document, place) {
            return (score, own);
        }
        let letter = self.score(model, document, Text::Letter);
        if letter > score { (letter, Text::Letter) } else { (score, own) }
    }

    /// How much what stands around a place reads so, where that is less than the whole.
    fn around(&mut self, model: &Model, document: &Document, place: usize, at: usize) -> Option<f32> {
        let around = Text::Around { piece: place, step: at / STEP };
        let may_ask = self.scores.contains_key(&around) || self.around < MAX_AROUND;
        let is_part = document.pieces[place].text.len() > AROUND;
        (may_ask && is_part).then(|| self.score(model, document, around))
    }

    /// What the model finds where no rule found anything: facts that are told without a word of any list. The category is the
    /// likeliest of those that have the likelier level.
    pub(super) fn alone(&mut self, model: &Model, document: &Document) -> Option<Finding> {
        let attached = (0..document.pieces.len()).filter(|place| is_attached(document, *place)).take(MAX_ATTACHED);
        let texts: Vec<Text> = iter::once(Text::Letter).chain(attached.map(Text::Attached)).collect();
        let scored = texts.into_iter().map(|text| (self.score(model, document, text), text));
        let (score, text) =
            scored.max_by(|one, other| one.0.total_cmp(&other.0)).filter(|(score, _)| *score >= ALONE)?;
        self.features.read(texts_of(document, text));
        let level = match model.score(Question::Sensitive, &self.features) {
            score if score >= 0.0 => Level::Sensitive,
            _ => Level::Confidential,
        };
        self.finding(model, document, text, level, score)
    }

    /// Where rules that ask the model found something: which level it has. Words of illness or faith stand in many a letter
    /// about work or money, and the other way round.
    pub(super) fn settle(&mut self, model: &Model, document: &Document, mut judged: Vec<Judged>) -> Vec<Finding> {
        let is_ours = |judged: &Judged| judged.asks_model && judged.finding.level == Level::Sensitive;
        let surest = judged.iter().filter(|judged| judged.asks_model).max_by_key(|judged| judged.score);
        let text = surest.map(|surest| group(document, surest.place));
        let length: usize = text.map_or(0, |text| texts_of(document, text).map(str::len).sum());
        let mut more = None;
        if let Some(text) = text.filter(|_| length >= SHORTEST) {
            self.features.read(texts_of(document, text));
            let odds = model.score(Question::Sensitive, &self.features);
            let worth = (odds / SURE_OF_LEVEL).clamp(-1.0, 1.0) * LEVEL_WEIGHT;
            let sensitive = judged.iter().filter(|judged| is_ours(judged)).map(|judged| judged.score).max();
            if let Some(score) = sensitive {
                let others = judged.iter().any(|judged| judged.asks_model && !is_ours(judged));
                if others && score as f32 / CERTAIN as f32 + worth < STANDS {
                    judged.retain(|judged| !is_ours(judged));
                }
            } else if odds >= SENSITIVE && judged.iter().all(|judged| judged.finding.level < Level::Sensitive) {
                more = self.finding(model, document, text, Level::Sensitive, odds);
            }
        }
        judged.into_iter().map(|judged| judged.finding).chain(more).collect()
    }

    /// What the model finds in the text that its features were read from, at this level.
    fn finding(&self, model: &Model, document: &Document, text: Text, level: Level, odds: f32) -> Option<Finding> {
        let candidates = Category::ALL.into_iter().filter(|category| {
            category.default_level() == level && !matches!(category, Category::Marked | Category::NationalId)
        });
        let likeliness = |category: &Category| model.score(Question::Category(*category), &self.features);
        let category = candidates.max_by(|one, other| likeliness(one).total_cmp(&likeliness(other)))?;
        let named = |question| match category {
            // The words may be the password.
            Category::Credentials => "••••".to_owned(),
            _ => named(&model.reasons(question, texts_of(document, text), false)),
        };
        Some(Finding {
            rule: format!("model.{category}").into(),
            category,
            level,
            part: match text {
                Text::Attached(piece) => document.pieces[piece].place.clone(),
                _ => "message".to_owned(),
            },
            count: 1,
            confidence: 1.0 / (1.0 + (-odds).exp()),
            masked: "••••".to_owned(),
            why: format!(
                "it reads like a text about a person ({}), of what is looked for most like {category} ({})",
                named(Question::Any),
                named(Question::Category(category))
            ),
        })
    }

    fn score(&mut self, model: &Model, document: &Document, text: Text) -> f32 {
        if let Some(score) = self.scores.get(&text) {
            return *score;
        }
        self.around += usize::from(matches!(text, Text::Around { .. }));
        let length: usize = texts_of(document, text).map(str::len).sum();
        let score = if length < SHORTEST || !self.common_words.are_in(texts_of(document, text)) {
            0.0
        } else {
            self.features.read(texts_of(document, text));
            match model.score(Question::Any, &self.features) - PRIOR {
                score if score >= 0.0 => score * (length as f32 / ENOUGH_FOR).min(1.0),
                score => score.max(-SURE) * (length as f32 / ENOUGH_AGAINST).min(1.0),
            }
        };
        self.scores.insert(text, score);
        score
    }

    /// The words by which it reads so, or otherwise where `against`.
    pub(super) fn words(&mut self, model: &Model, document: &Document, place: usize, against: bool) -> String {
        let (_, text) = self.most(model, document, place);
        let reasons = || named(&model.reasons(Question::Any, texts_of(document, text), against));
        self.reasons.entry((text, against)).or_insert_with(reasons).clone()
    }
}

fn named(words: &[String]) -> String {
    words.iter().map(|word| format!("“{word}”")).collect::<Vec<_>>().join(", ")
}

fn is_attached(document: &Document, place: usize) -> bool {
    document.pieces[place].place.starts_with("attachment ")
}

/// The text that a piece belongs to: the letter, or the piece itself.
fn group(document: &Document, place: usize) -> Text {
    if is_attached(document, place) { Text::Attached(place) } else { Text::Letter }
}

fn texts_of(document: &Document, text: Text) -> impl Iterator<Item = &str> {
    let pieces = match text {
        Text::Letter => 0..document.pieces.len(),
        Text::Attached(piece) | Text::Around { piece, .. } => piece..piece + 1,
    };
    let belongs = move |place: &usize| {
        text != Text::Letter || !is_attached(document, *place) && is_read(&document.pieces[*place])
    };
    pieces.filter(belongs).map(move |place| {
        let whole = document.pieces[place].text.as_str();
        match text {
            Text::Around { step, .. } => {
                let middle = step * STEP + STEP / 2;
                let start = whole.floor_char_boundary(middle.saturating_sub(AROUND / 2));
                &whole[start..whole.floor_char_boundary(middle + AROUND / 2)]
            }
            _ => whole,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{detect::model::Lesson, message::Piece};

    fn model() -> Model {
        let of = |text: &str, level, category: Option<Category>| Lesson {
            text: text.to_owned(),
            level,
            categories: category.into_iter().collect(),
        };
        let health =
            ["she is ill and her doctor knows", "he is ill again and at the doctor", "my doctor says I am ill"];
        let finance = ["she owes rent and her wages are late", "he owes us rent again", "my wages do not pay my rent"];
        let none =
            ["our course for all members is free", "all members of our club met", "the course on Friday is free"];
        let all = |texts: [&str; 3], level, category| texts.map(|text| of(text, level, category));
        Model::train(
            &[
                all(health, Level::Sensitive, Some(Category::Health)),
                all(finance, Level::Confidential, Some(Category::Finance)),
                all(none, Level::None, None),
            ]
            .concat(),
        )
    }

    fn document(text: &str) -> Document {
        Document { pieces: vec![Piece::new("body", text.to_owned())], ..Document::default() }
    }

    fn judged(category: Category, asks_model: bool) -> Judged {
        let finding = Finding {
            rule: "r".into(),
            category,
            level: category.default_level(),
            part: "body".to_owned(),
            count: 1,
            confidence: 0.6,
            masked: String::new(),
            why: String::new(),
        };
        Judged { finding, score: 600, asks_model, place: 0 }
    }

    #[test]
    fn the_model_says_which_level_a_message_has() {
        use Category::{Finance, Health, Marked};
        let model = model();
        let ill = "she is ill again, her doctor says, and he is at the doctor";
        let rent = "he owes us rent again and her wages are late, so she owes rent";
        for (text, found, expected) in [
            (rent, &[(Health, true), (Finance, true)][..], &[Finance][..]),
            (ill, &[(Health, true), (Finance, true)], &[Health, Finance]),
            (ill, &[(Finance, true)], &[Finance, Health]),
            (rent, &[(Finance, true)], &[Finance]),
            // What nothing stands beside, and what other rules found, stays.
            (rent, &[(Health, true)], &[Health]),
            (rent, &[(Health, false), (Finance, true)], &[Health, Finance]),
            (ill, &[(Marked, false)], &[Marked]),
            // A number beside it takes nothing away.
            (rent, &[(Health, true), (Finance, false)], &[Health, Finance]),
            ("short", &[(Health, true), (Finance, true)], &[Health, Finance]),
        ] {
            let judged = found.iter().map(|&(category, asks_model)| judged(category, asks_model)).collect();
            let settled = Letter::new(&CommonWords::new()).settle(&model, &document(text), judged);
            let categories: Vec<_> = settled.iter().map(|finding| finding.category).collect();
            assert_eq!(categories, expected, "{text}");
        }
    }

    #[test]
    fn what_stands_around_a_place_counts_where_the_rest_is_for_many() {
        let model = model();
        let none = "all members met, and our course on Friday is free, ".repeat(40);
        let text = format!("{none}{}", "he is ill again and her doctor says that she is ill, ".repeat(12));
        let document = document(&text);
        let common_words = CommonWords::new();
        let mut letter = Letter::new(&common_words);
        assert!(letter.share(&model, &document, 0, 10) < 0.0);
        assert!(letter.share(&model, &document, 0, text.len() - 300) >= 0.0);
    }

    #[test]
    fn the_model_finds_what_no_rule_found() {
        let alone = |text: &str| {
            Letter::new(&CommonWords::new()).alone(&model(), &document(text)).map(|finding| finding.category)
        };
        let ill = "he is ill and her doctor says that she is ill, ";
        assert_eq!(alone(&ill.repeat(7)), Some(Category::Health));
        assert_eq!(alone(&"he owes rent and her wages are late, my rent too, ".repeat(7)), Some(Category::Finance));
        assert_eq!(alone(&"all members met, and our course on Friday is free, ".repeat(7)), None);
        assert_eq!(alone(ill), None, "a short text says less");
        assert_eq!(alone("she is ill"), None, "too short to tell");
    }
}
