//! Whether the letter, and each file that came with it, reads like a text about a person's own affairs.

use super::model::{Features, Model, Question};
use crate::message::Document;
use std::collections::BTreeMap;

/// The logarithm of the odds that is as sure as it gets.
const SURE: f32 = 3.0;

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

    fn score(&mut self, model: &Model, document: &Document, text: usize) -> f32 {
        if let Some(score) = self.scores.get(&text) {
            return *score;
        }
        let length: usize = texts(document, text).map(str::len).sum();
        let score = if length < SHORTEST {
            0.0
        } else {
            self.features.read(texts(document, text));
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
        let all: String = texts(document, text).flat_map(|text| [text, " "]).collect();
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

fn texts(document: &Document, text: usize) -> impl Iterator<Item = &str> {
    let belongs = move |place: usize| place == text || text == LETTER && !is_attached(document, place);
    let pieces = document.pieces.iter().enumerate().filter(move |(place, _)| belongs(*place));
    pieces.map(|(_, piece)| piece.text.as_str())
}
