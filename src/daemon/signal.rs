//! What the administrator and the service manager tell a running daemon by signals.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// SIGTERM, SIGINT: finish what is under way, then end.
    Shutdown,
    /// SIGHUP: read the configuration again.
    Reload,
}

/// The signals that the daemon listens to, from the moment this is made.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes the signals from the system's default, which would end the process. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal. Several of one kind that come before they are looked at count as one. Dropping the
    /// future loses no signal.
    pub async fn next(&mut self) -> Event {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Event::Shutdown,
            _ = self.interrupt.recv() => Event::Shutdown,
            _ = self.hangup.recv() => Event::Reload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::{Signal, raise};

    #[tokio::test]
    async fn tells_signals_apart() {
        let mut signals = Signals::listen().unwrap();
        for (sent, event) in [
            (Signal::SIGHUP, Event::Reload),
            (Signal::SIGTERM, Event::Shutdown),
            (Signal::SIGHUP, Event::Reload),
            (Signal::SIGINT, Event::Shutdown),
        ] {
            raise(sent).unwrap();
            assert_eq!(signals.next().await, event, "{sent}");
        }
    }
}
