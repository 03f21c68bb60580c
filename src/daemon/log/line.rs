//! An event -> one line.

use super::{Priority, Sink};
use crate::printable::{Printable, is_printable};
use std::{
    error::Error,
    fmt::{self, Debug, Write},
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::layer::{Context, Layer};

/// The longest line, in bytes: what rsyslog takes by default (`maxMessageSize`), less what stands before it.
const LINE_MAX: usize = 8000;
/// What a line ends in that was longer.
const CUT: &str = " [cut]";

/// Makes lines of events and gives them to a sink.
pub(super) struct Lines<S> {
    sink: S,
}

impl<S: Sink> Lines<S> {
    pub(super) fn new(sink: S) -> Self {
        Self { sink }
    }
}

/// The least level that is told: libraries tell of what is ordinary (a name server that does not answer) as a
/// warning, and of every step below that.
fn least(target: &str) -> Level {
    let is_ours = target == "segl" || target.starts_with("segl::");
    if is_ours { Level::INFO } else { Level::ERROR }
}

impl<T: Subscriber, S: Sink> Layer<T> for Lines<S> {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, T>) -> bool {
        metadata.is_event() && *metadata.level() <= least(metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, T>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.sink.write(Priority::of(*event.metadata().level()), &line.finish());
    }
}

/// A line that comes to be.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn field(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
            return;
        }
        let is_word = |c: char| is_printable(c) && !c.is_whitespace() && !matches!(c, '"' | '=' | '\\');
        let space = if self.fields.is_empty() { "" } else { " " };
        let written = match !value.is_empty() && value.chars().all(is_word) {
            true => write!(self.fields, "{space}{}={value}", field.name()),
            false => {
                let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
                write!(self.fields, "{space}{}=\"{escaped}\"", field.name())
            }
        };
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }

    fn finish(self) -> String {
        let space = if self.message.is_empty() || self.fields.is_empty() { "" } else { " " };
        let mut line = Printable(&format!("{}{space}{}", self.message, self.fields)).to_string();
        if line.len() > LINE_MAX {
            line.truncate(line.floor_char_boundary(LINE_MAX - CUT.len()));
            line.push_str(CUT);
        }
        line
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        self.field(field, &text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        let written: fmt::Result = write!(text, "{value:?}");
        // A value that cannot be told is no reason to tell nothing.
        self.field(field, if written.is_ok() { &text } else { "?" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<(Priority, String)>>>);

    impl Sink for Memory {
        fn write(&self, priority: Priority, line: &str) {
            self.0.lock().unwrap().push((priority, line.to_owned()));
        }
    }

    fn lines(log: impl FnOnce()) -> Vec<(Priority, String)> {
        let memory = Memory::default();
        let subscriber = tracing_subscriber::registry().with(Lines::new(memory.clone()));
        tracing::subscriber::with_default(subscriber, log);
        memory.0.lock().unwrap().clone()
    }

    fn line(log: impl FnOnce()) -> String {
        let mut lines = lines(log);
        assert_eq!(lines.len(), 1);
        lines.remove(0).1
    }

    #[test]
    fn a_message_stands_as_it_is() {
        let message = "4bXyZ1: sensitive categories=national-id,health to=clinic.example action=accept scan=0.8ms";
        assert_eq!(lines(|| tracing::info!("{message}")), [(Priority::Info, message.to_owned())]);
    }

    #[test]
    fn fields_stand_behind_the_message() {
        let path = std::path::Path::new("/var/log/mail log");
        let told = line(|| tracing::warn!(count = 3, host = "mx.example", path = %path.display(), "cannot read"));
        assert_eq!(told, r#"cannot read count=3 host=mx.example path="/var/log/mail log""#);
        assert_eq!(line(|| tracing::error!(reply = "say \"no\"\\", empty = "")), r#"reply="say \"no\"\\" empty="""#);
        let error = std::io::Error::other("outer");
        let error: &(dyn Error + 'static) = &error;
        assert_eq!(line(|| tracing::error!(error, "failed")), "failed error=outer");
    }

    #[test]
    fn nobody_can_write_a_line_of_his_own() {
        let hostile = "a\n4bXyZ1: none to=b\r\u{1b}[2J\u{202e}";
        let escaped = "a\\n4bXyZ1: none to=b\\r\\u{1b}[2J\\u{202e}";
        assert_eq!(line(|| tracing::info!("{hostile}")), escaped);
        assert_eq!(line(|| tracing::info!(host = hostile, "x")), format!("x host=\"{escaped}\""));
        assert_eq!(line(|| tracing::info!(host = "a action=accept", "x")), "x host=\"a action=accept\"");
    }

    #[test]
    fn a_line_has_an_end() {
        let told = line(|| tracing::info!("{}", "ø".repeat(10_000)));
        assert!(told.len() <= LINE_MAX && told.ends_with("ø [cut]"), "{}", told.len());
    }

    #[test]
    fn libraries_are_heard_when_something_is_wrong() {
        let told = lines(|| {
            tracing::debug!("ours, below info");
            tracing::warn!("ours");
            tracing::warn!(target: "hickory_resolver", "theirs");
            tracing::warn!(target: "seglike", "theirs too");
            tracing::error!(target: "indymilter", "theirs, serious");
        });
        let expected = [(Priority::Warning, "ours".to_owned()), (Priority::Error, "theirs, serious".to_owned())];
        assert_eq!(told, expected);
    }
}
