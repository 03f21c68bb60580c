//! Whether the letter, and each file that came with it, reads like a text about a person's own affairs.

use super::{
    Finding,
    model::{Features, Model, Question},
};
use crate::{
    level::{Category, Level},
    message::Document,
};
use std::collections::BTreeMap;

/// The logarithm of the odds that is as sure as it gets.
const SURE: f32 = 3.0;

/// The logarithm of the odds from which the model's word is enough where no rule found anything.
const ALONE: f32 = 1.0;

/// Attached texts that are asked about by themselves.
const MAX_ATTACHED: usize = 50;

/// Bytes of text below which a text says nothing of its kind.
const SHORTEST: usize = 40;

/// What the model says, looked up when first asked for.
#[derive(Default)]
pub(super) struct Letter {
    features: Features,
    /// By the text's first piece.
    scores: BTreeMap<usize, f32>,
}

impl Letter {
    /// From -1 (surely a text for many, about nobody) to 1 (surely about a person). A file reads like the letter that it came
    /// with, if that says more.
    pub(super) fn share(&mut self, model: &Model, document: &Document, place: usize) -> f32 {
        let text = group(document, place);
        let own = self.score(model, document, text);
        let score = if is_attached(document, place) { own.max(self.score(model, document, LETTER)) } else { own };
        (score / SURE).clamp(-1.0, 1.0)
    }

    /// What the model finds where no rule found anything: facts that are told without a word of any list. The category is the
    /// likeliest of those that have the likelier level.
    pub(super) fn alone(&mut self, model: &Model, document: &Document) -> Option<Finding> {
        let attached = (0..document.pieces.len()).filter(|place| is_attached(document, *place)).take(MAX_ATTACHED);
        let texts: Vec<usize> = std::iter::once(LETTER).chain(attached).collect();
        let scored = texts.into_iter().map(|text| (self.score(model, document, text), text));
        let (score, text) =
            scored.max_by(|one, other| one.0.total_cmp(&other.0)).filter(|(score, _)| *score >= ALONE)?;
        self.features.read(texts_of(document, text));
        let level = match model.score(Question::Sensitive, &self.features) {
            score if score >= 0.0 => Level::Sensitive,
            _ => Level::Confidential,
        };
        let candidates = Category::ALL.into_iter().filter(|category| {
            category.default_level() == level && !matches!(category, Category::Marked | Category::NationalId)
        });
        let likeliness = |category: &Category| model.score(Question::Category(*category), &self.features);
        let category = candidates.max_by(|one, other| likeliness(one).total_cmp(&likeliness(other)))?;
        let all: String = texts_of(document, text).flat_map(|text| [text, " "]).collect();
        let named = |question| {
            let words = model.reasons(question, &all, false);
            words.iter().map(|word| format!("“{word}”")).collect::<Vec<_>>().join(", ")
        };
        Some(Finding {
            rule: format!("model.{category}").into(),
            category,
            level,
            part: if text == LETTER { "message".to_owned() } else { document.pieces[text].place.clone() },
            count: 1,
            confidence: 1.0 / (1.0 + (-score).exp()),
            masked: "••••".to_owned(),
            why: format!(
                "it reads like a text about a person ({}), of what is looked for most like {category} ({})",
                named(Question::Any),
                named(Question::Category(category))
            ),
        })
    }

    fn score(&mut self, model: &Model, document: &Document, text: usize) -> f32 {
        if let Some(score) = self.scores.get(&text) {
            return *score;
        }
        let length: usize = texts_of(document, text).map(str::len).sum();
        let score = if length < SHORTEST {
            0.0
        } else {
            self.features.read(texts_of(document, text));
            model.score(Question::Any, &self.features)
        };
        self.scores.insert(text, score);
        score
    }

    /// The words by which it reads so, or otherwise where `against`.
    pub(super) fn words(&self, model: &Model, document: &Document, place: usize, against: bool) -> String {
        let own = group(document, place);
        let of = |text| self.scores.get(&text).copied().unwrap_or(f32::MIN);
        let text = if is_attached(document, place) && of(LETTER) > of(own) { LETTER } else { own };
        let all: String = texts_of(document, text).flat_map(|text| [text, " "]).collect();
        let words = model.reasons(Question::Any, &all, against);
        words.iter().map(|word| format!("“{word}”")).collect::<Vec<_>>().join(", ")
    }
}

/// Stands for all that is no attachment.
const LETTER: usize = usize::MAX;

fn is_attached(document: &Document, place: usize) -> bool {
    document.pieces[place].place.starts_with("attachment ")
}

/// The text that a piece belongs to: the letter, or the piece itself.
fn group(document: &Document, place: usize) -> usize {
    if is_attached(document, place) { place } else { LETTER }
}

fn texts_of(document: &Document, text: usize) -> impl Iterator<Item = &str> {
    let belongs = move |place: usize| place == text || text == LETTER && !is_attached(document, place);
    let pieces = document.pieces.iter().enumerate().filter(move |(place, _)| belongs(*place));
    pieces.map(|(_, piece)| piece.text.as_str())
}
