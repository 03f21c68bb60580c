//! Whether a text reads like one about a person's own affairs, and which: a linear model over words and groups of letters.
//! It adds to or takes from what rules find, and says by which words.
//!
//! The model is data, made by `make model` from the messages of tests/corpus/detect.

mod features;

pub use features::{Features, MAX_TEXT};

use super::fold::fold;
use crate::{
    level::{Category, Level},
    message::Piece,
};
use features::{FEATURES, Kind, of_word, words};

/// The beginning of a model's file, with its version.
const MAGIC: &[u8; 8] = b"SEGLMOD2";

/// Words that are named as the reason.
const NAMED: usize = 3;

/// How often a feature must stand in different messages of those that it is trained on.
const FEWEST_MESSAGES: u32 = 2;

/// Weights, in the unit of a table's scale.
struct Table {
    scale: f32,
    weights: Vec<i8>,
}

impl Table {
    fn of(values: &[f32]) -> Self {
        let most = values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        let scale = if most > 0.0 { most / 127.0 } else { 1.0 };
        let weights = values.iter().map(|value| (value / scale).round() as i8).collect();
        Self { scale, weights }
    }

    fn at(&self, feature: usize) -> f32 {
        f32::from(self.weights[feature]) * self.scale
    }
}

/// What a model is asked of a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Question {
    /// Whether it holds anything confidential.
    Any,
    /// Whether it holds anything sensitive, if it holds anything confidential.
    Sensitive,
    /// Whether it holds something of this category, if it holds anything confidential.
    Category(Category),
}

impl Question {
    /// Every question, in the order of a model's answers.
    fn all() -> impl Iterator<Item = Self> {
        [Self::Any, Self::Sensitive].into_iter().chain(Category::ALL.map(Self::Category))
    }

    fn index(self) -> usize {
        match self {
            Self::Any => 0,
            Self::Sensitive => 1,
            Self::Category(category) => 2 + category as usize,
        }
    }

    /// Whether messages of this level are asked.
    fn is_for(self, level: Level) -> bool {
        self == Self::Any || level > Level::None
    }

    /// The answer for a message of this level and these categories.
    fn answer(self, level: Level, categories: &[Category]) -> bool {
        match self {
            Self::Any => level > Level::None,
            Self::Sensitive => level == Level::Sensitive,
            Self::Category(category) => categories.contains(&category),
        }
    }
}

/// Whether a piece is one that the model reads: fields with addresses say who writes, not of what.
pub fn is_read(piece: &Piece) -> bool {
    const ADDRESSES: [&str; 7] = ["from", "sender", "reply-to", "to", "cc", "bcc", "organization"];
    !piece.place.rsplit(" > ").next().is_some_and(|name| ADDRESSES.contains(&name))
}

/// A text to learn from: what it holds.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// The text.
    pub text: String,
    /// Its level.
    pub level: Level,
    /// Its categories.
    pub categories: Vec<Category>,
}

/// The answer to one question.
struct Output {
    weights: Table,
    bias: f32,
}

/// A linear model for every question.
pub struct Model {
    /// How much each feature says by being rare.
    rarity: Table,
    outputs: Vec<Output>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("questions", &self.outputs.len()).finish_non_exhaustive()
    }
}

/// A file that is no model.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "it is no model of this version: make it anew with `make model`, or install the one that came with this program"
)]
pub struct NoModel;

impl Model {
    /// The model that came with the program.
    ///
    /// # Panics
    /// Never: what is built in is read by every test that has rules.
    #[allow(clippy::expect_used, reason = "it is part of the program, and every test reads it")]
    pub fn shipped() -> Self {
        Self::read(include_bytes!("../../../conf/model.bin")).expect("a test reads the shipped model")
    }

    /// Reads a model's file.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, NoModel> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(NoModel)?;
        let (rarity, mut rest) = table(rest).ok_or(NoModel)?;
        let mut outputs = Vec::new();
        for _ in Question::all() {
            let (bias, after) = number(rest).ok_or(NoModel)?;
            let (weights, after) = table(after).ok_or(NoModel)?;
            outputs.push(Output { weights, bias });
            rest = after;
        }
        if rest.is_empty() { Ok(Self { rarity, outputs }) } else { Err(NoModel) }
    }

    /// The model's file.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let mut table = |bias: Option<f32>, table: &Table| {
            bytes.extend(bias.iter().chain([&table.scale]).flat_map(|number| number.to_le_bytes()));
            bytes.extend(table.weights.iter().map(|weight| weight.cast_unsigned()));
        };
        table(None, &self.rarity);
        for output in &self.outputs {
            table(Some(output.bias), &output.weights);
        }
        bytes
    }

    /// How much more likely than not the answer is yes, as the logarithm of the odds.
    pub fn score(&self, question: Question, features: &Features) -> f32 {
        let Output { weights, bias } = &self.outputs[question.index()];
        // Each kind is brought to length 1 by itself.
        let (mut sums, mut squares) = ([0.0_f32; 2], [0.0_f32; 2]);
        for (feature, kind, count) in features.iter() {
            let value = count * self.rarity.at(feature);
            sums[kind as usize] += value * weights.at(feature);
            squares[kind as usize] += value * value;
        }
        let parts = sums.iter().zip(squares).map(|(sum, square)| if square > 0.0 { sum / square.sqrt() } else { 0.0 });
        bias + parts.sum::<f32>()
    }

    /// The words of a text that say most for yes, or for no where `against`; strongest first.
    pub fn reasons<'t>(&self, question: Question, texts: impl Iterator<Item = &'t str>, against: bool) -> Vec<String> {
        let output = &self.outputs[question.index()];
        let mut folded = String::new();
        for text in texts {
            let room = text.floor_char_boundary(MAX_TEXT.saturating_sub(folded.len()));
            folded.push_str(&fold(&text[..room]));
            folded.push(' ');
        }
        let mut weighed: Vec<(f32, &[u8])> = Vec::new();
        for word in words(folded.as_bytes()) {
            if word.iter().any(u8::is_ascii_digit) || weighed.iter().any(|(_, known)| *known == word) {
                continue;
            }
            let mut weight = 0.0;
            of_word(word, |feature, kind| weight += self.weight(output, feature, kind));
            weighed.push((if against { -weight } else { weight }, word));
            weighed.sort_by(|one, other| other.0.total_cmp(&one.0));
            weighed.truncate(NAMED);
        }
        let strong = weighed.into_iter().filter(|(weight, _)| *weight > 0.0);
        strong.map(|(_, word)| String::from_utf8_lossy(word).into_owned()).collect()
    }

    fn weight(&self, output: &Output, feature: usize, kind: Kind) -> f32 {
        // A word stands for itself and for each of its groups, of which there are many.
        let share = if kind == Kind::Word { 1.0 } else { 0.3 };
        share * self.rarity.at(feature) * output.weights.at(feature)
    }

    /// Trains a model: logistic regression with a penalty for large weights, by gradient descent in a fixed order, so
    /// that the same lessons make the same model.
    pub fn train(lessons: &[Lesson]) -> Self {
        let rows = rows(lessons);
        let rarity = rarity(&rows);
        let rows: Vec<_> = rows.iter().map(|row| normalised(row, &rarity)).collect();
        let output = |question: Question| {
            let asked = lessons.iter().zip(&rows).filter(|(lesson, _)| question.is_for(lesson.level));
            let answer = |lesson: &Lesson| question.answer(lesson.level, &lesson.categories);
            let (answers, rows): (Vec<_>, Vec<_>) = asked.map(|(lesson, row)| (answer(lesson), row.as_slice())).unzip();
            regression(&rows, &answers)
        };
        Self { rarity: Table::of(&rarity), outputs: Question::all().map(output).collect() }
    }
}

fn number(bytes: &[u8]) -> Option<(f32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((f32::from_le_bytes(*number), rest)).filter(|(number, _)| number.is_finite())
}

fn table(bytes: &[u8]) -> Option<(Table, &[u8])> {
    let (scale, rest) = number(bytes)?;
    let (weights, rest) = rest.split_at_checked(FEATURES)?;
    Some((Table { scale, weights: weights.iter().map(|byte| byte.cast_signed()).collect() }, rest))
}

fn regression(rows: &[&[(usize, f32)]], answers: &[bool]) -> Output {
    let mut weights = vec![0.0_f32; FEATURES];
    // The sum of squared gradients of each feature: what is seen often moves in smaller steps (AdaGrad).
    let mut seen = vec![1e-6_f32; FEATURES];
    let (mut bias, mut bias_seen) = (0.0_f32, 1e-6_f32);
    for round in 0..ROUNDS {
        for at in 0..rows.len() {
            // Through the texts in another order each time, a fixed one.
            let at = (at * STRIDE + round) % rows.len();
            let row = rows[at];
            let margin: f32 = bias + row.iter().map(|&(feature, value)| value * weights[feature]).sum::<f32>();
            let gradient = 1.0 / (1.0 + (-margin).exp()) - f32::from(u8::from(answers[at]));
            for &(feature, value) in row {
                let slope = gradient * value + PENALTY * weights[feature];
                seen[feature] += slope * slope;
                weights[feature] -= RATE * slope / seen[feature].sqrt();
            }
            bias_seen += gradient * gradient;
            bias -= RATE * gradient / bias_seen.sqrt();
        }
    }
    Output { weights: Table::of(&weights), bias }
}

const ROUNDS: usize = 60;
const RATE: f32 = 0.2;
const PENALTY: f32 = 2e-5;
/// A prime, so that every text has its turn whatever their number.
const STRIDE: usize = 7919;

type Row = Vec<(usize, Kind, f32)>;

fn rows(lessons: &[Lesson]) -> Vec<Row> {
    let mut features = Features::default();
    let row = |lesson: &Lesson| {
        features.read([lesson.text.as_str()].into_iter());
        features.iter().collect()
    };
    lessons.iter().map(row).collect()
}

/// The logarithm of how rare each feature is among the texts; 0 for those that are too rare to learn from.
fn rarity(rows: &[Row]) -> Vec<f32> {
    let mut messages = vec![0_u32; FEATURES];
    for (feature, ..) in rows.iter().flatten() {
        messages[*feature] += 1;
    }
    let all = rows.len() as f32;
    let weight = |&count: &u32| {
        if count < FEWEST_MESSAGES { 0.0 } else { 1.0 + ((1.0 + all) / (1.0 + count as f32)).ln() }
    };
    let exact: Vec<f32> = messages.iter().map(weight).collect();
    // As they will be read.
    let table = Table::of(&exact);
    (0..FEATURES).map(|feature| table.at(feature)).collect()
}

fn normalised(row: &Row, rarity: &[f32]) -> Vec<(usize, f32)> {
    let mut squares = [0.0_f32; 2];
    for &(feature, kind, count) in row {
        squares[kind as usize] += (count * rarity[feature]).powi(2);
    }
    let value = |&(feature, kind, count): &(usize, Kind, f32)| {
        (feature, count * rarity[feature] / squares[kind as usize].sqrt().max(f32::MIN_POSITIVE))
    };
    row.iter().map(value).filter(|(_, value)| *value > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lessons() -> Vec<Lesson> {
        let of = |text: &str, is_one| Lesson {
            text: text.to_owned(),
            level: if is_one { Level::Sensitive } else { Level::None },
            categories: if is_one { vec![Category::Health] } else { Vec::new() },
        };
        vec![
            of("She has been ill since Monday and her doctor wrote to us", true),
            of("He told me that he cannot pay and his wife has left", true),
            of("Her son has been ill and he cannot come to school", true),
            of("Sign up for our course on new products before Friday", false),
            of("Our newsletter on products and prices for all members", false),
            of("The course is free for all members of the chamber", false),
        ]
    }

    #[test]
    fn fields_with_addresses_are_not_read() {
        for (place, expected) in [
            ("subject", true),
            ("text", true),
            ("from", false),
            ("message > to", false),
            ("attachment \"to\" > text", true),
        ] {
            assert_eq!(is_read(&Piece::new(place, "x")), expected, "{place}");
        }
    }

    #[test]
    fn it_learns_and_says_why() {
        let model = Model::train(&lessons());
        let mut features = Features::default();
        let mut score = |text: &str| {
            features.read([text].into_iter());
            model.score(Question::Any, &features)
        };
        assert!(score("she has been told that her doctor is ill") > 0.5);
        assert!(score("products for all members of our course") < -0.5);
        assert!(
            model
                .reasons(Question::Any, ["her doctor wrote on products"].into_iter(), false)
                .contains(&"her".to_owned())
        );
        assert!(
            model
                .reasons(Question::Any, ["her doctor wrote on products"].into_iter(), true)
                .contains(&"products".to_owned())
        );
    }

    #[test]
    fn the_same_texts_make_the_same_file_and_it_is_read_again() {
        let model = Model::train(&lessons());
        let bytes = model.write();
        assert_eq!(Model::train(&lessons()).write(), bytes);
        let again = Model::read(&bytes).unwrap();
        let mut features = Features::default();
        features.read(["her doctor"].into_iter());
        assert_eq!(again.score(Question::Any, &features), model.score(Question::Any, &features));
        for broken in [&bytes[1..], &bytes[..bytes.len() - 1], b"", b"SEGLMOD2"] {
            assert!(Model::read(broken).is_err());
        }
    }
}
