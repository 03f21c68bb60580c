//! The log: one line per event, to standard error or to syslog.
//!
//! An event is told by its message, with its fields behind it as `key=value`. No text in it can end the line or
//! move a terminal's cursor: see [`crate::printable`].

mod line;
mod stderr;
mod syslog;

use crate::config::LogTarget;
use line::Lines;
use std::io;
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

/// How important a line is, in the words of syslog(3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Priority {
    Error = 3,
    Warning = 4,
    Info = 6,
    Debug = 7,
}

impl Priority {
    fn of(level: tracing::Level) -> Self {
        match level {
            tracing::Level::ERROR => Self::Error,
            tracing::Level::WARN => Self::Warning,
            tracing::Level::INFO => Self::Info,
            _ => Self::Debug,
        }
    }

    /// What stands before a line where no priority goes with it; what is merely told has nothing.
    fn label(self) -> &'static str {
        match self {
            Self::Error => "error: ",
            Self::Warning => "warning: ",
            Self::Info => "",
            Self::Debug => "debug: ",
        }
    }
}

/// Where lines go.
trait Sink: Send + Sync + 'static {
    /// Takes one line, without its end.
    fn write(&self, priority: Priority, line: &str);
}

impl<T: Sink + ?Sized> Sink for Box<T> {
    fn write(&self, priority: Priority, line: &str) {
        (**self).write(priority, line);
    }
}

/// Keeps the log going; dropped at the end of the program, it waits a moment for the last lines to be taken.
#[derive(Debug)]
#[must_use = "lines that are on their way are lost with it"]
pub struct Log {
    syslog: Option<syslog::Flush>,
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(syslog) = &self.syslog {
            syslog.wait();
        }
    }
}

/// Sets the log up for the whole process: lines of this program from `info` on, those of its libraries when they are
/// errors.
///
/// # Errors
/// When there is a log already, or the system refuses a thread or socket.
pub fn init(target: LogTarget) -> io::Result<Log> {
    let (sink, syslog): (Box<dyn Sink>, _) = match target {
        LogTarget::Stderr => (Box::new(stderr::Stderr::new()), None),
        LogTarget::Syslog => {
            let (sink, flush) = syslog::Syslog::start(syslog::SOCKET.as_ref())?;
            (Box::new(sink), Some(flush))
        }
    };
    tracing_subscriber::registry().with(Lines::new(sink)).try_init().map_err(io::Error::other)?;
    Ok(Log { syslog })
}
