//! Trains the model of `segl::detect::model`: `make model`.
//!
//! Reads lines `LEVEL CATEGORIES FILE` (`sensitive health,union FILE`, `none - FILE`), a message each, from standard input,
//! and writes the model to the file that is named. With `--score` it reads that model instead, and prints what it says of
//! each message (the logarithm of the odds that it holds anything confidential).

use segl::{
    detect::model::{Features, Lesson, Model, Question, is_read},
    documents::InProcess,
    level::{Category, Level},
    message::{self, Limits},
};
use std::{
    env, error, fs,
    io::{self, BufRead},
    time::{Duration, Instant},
};

fn main() -> Result<(), Box<dyn error::Error>> {
    let target = env::args().nth(1).ok_or("say where the model goes")?;
    let mut lessons = Vec::new();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.splitn(3, ' ');
        let (level, categories, path) = match (words.next(), words.next(), words.next()) {
            (Some(level), Some(categories), Some(path)) => (level, categories, path),
            _ => return Err("a line is not `LEVEL CATEGORIES FILE`".into()),
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        let document = message::read(&fs::read(path)?, &Limits::default(), deadline, &InProcess);
        let text: Vec<_> =
            document.pieces.iter().filter(|piece| is_read(piece)).map(|piece| piece.text.as_str()).collect();
        let is_named = |category: &Category| categories.split(',').any(|name| name == category.as_str());
        lessons.push(Lesson {
            text: text.join(" "),
            level: match level {
                "none" => Level::None,
                "confidential" => Level::Confidential,
                "sensitive" => Level::Sensitive,
                other => return Err(format!("{other} is no level").into()),
            },
            categories: Category::ALL.into_iter().filter(is_named).collect(),
        });
    }
    if env::args().nth(2).as_deref() == Some("--score") {
        let model = Model::read(&fs::read(target)?)?;
        let mut features = Features::default();
        for lesson in lessons {
            features.read([lesson.text.as_str()].into_iter());
            let scores = [Question::Any, Question::Sensitive].into_iter().chain(Category::ALL.map(Question::Category));
            let scores = scores.map(|question| format!("{:.3}", model.score(question, &features)));
            println!("{} {}", lesson.level, scores.collect::<Vec<_>>().join(" "));
        }
        return Ok(());
    }
    fs::write(target, Model::train(&lessons).write())?;
    println!("trained on {} messages", lessons.len());
    Ok(())
}
