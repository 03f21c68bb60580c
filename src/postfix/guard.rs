//! Watches what comes in on the milter socket, so that whatever is not Postfix is named in the log and turned away
//! before the milter library spends anything on it.

use indymilter::Listener;
use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
    time::{Sleep, sleep},
};

/// How long a peer may take to begin; Postfix negotiates as soon as it has connected.
const NEGOTIATION_MAX: Duration = Duration::from_secs(60);

/// The largest command, in bytes; Postfix sends body chunks of at most 64 KiB, and headers of at most
/// `header_size_limit` (102,400 by default).
const COMMAND_MAX: u32 = 1024 * 1024 - 1;

/// The commands of the milter protocol, version 6.
const COMMANDS: &[u8] = b"ABCDEHKLMNOQRTU";

/// The command with which Postfix takes its leave.
const QUIT: u8 = b'Q';

/// A listener whose streams are guarded.
#[derive(Debug)]
pub struct Guard<L> {
    listener: L,
    ending: watch::Receiver<bool>,
}

impl<L> Guard<L> {
    /// Guards a listener. Once `ending` is true, connections are closed without a word.
    pub fn new(listener: L, ending: watch::Receiver<bool>) -> Self {
        Self { listener, ending }
    }
}

impl<L: Listener> Listener for Guard<L> {
    type Io = GuardedStream<L::Io>;

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Self::Io>> {
        self.listener.poll_accept(context).map_ok(|stream| GuardedStream {
            stream,
            framing: Framing::default(),
            over: false,
            ending: self.ending.clone(),
            negotiation: Some(Box::pin(sleep(NEGOTIATION_MAX))),
        })
    }
}

/// A stream that reads milter commands and nothing else.
#[derive(Debug)]
pub struct GuardedStream<S> {
    stream: S,
    framing: Framing,
    /// Whether the peer has gone, or has been turned away with a log line.
    over: bool,
    ending: watch::Receiver<bool>,
    /// Runs until the first command has begun.
    negotiation: Option<Pin<Box<Sleep>>>,
}

/// Where in the stream of commands we stand: `length (4 bytes, command included), command, data`.
#[derive(Debug, Default)]
struct Framing {
    length: [u8; 4],
    length_read: usize,
    /// Bytes of the command's data still to come; `None` between length and command byte.
    data: u32,
    expect_command: bool,
    negotiated: bool,
    last_command: Option<u8>,
}

impl Framing {
    /// Takes bytes as they come in; says what is wrong with them.
    fn feed(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.data > 0 {
                let taken = self.data.min(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                self.data -= taken;
                bytes = &bytes[taken as usize..];
                continue;
            }
            bytes = rest;
            if self.expect_command {
                self.command(first)?;
                continue;
            }
            self.length[self.length_read] = first;
            self.length_read += 1;
            if self.length_read == self.length.len() {
                self.expect_command = true;
            }
        }
        Ok(())
    }

    fn command(&mut self, command: u8) -> Result<(), String> {
        let length = u32::from_be_bytes(self.length);
        if !COMMANDS.contains(&command) {
            return Err(format!("no milter command: byte 0x{command:02x}"));
        }
        if length == 0 || length > COMMAND_MAX {
            return Err(format!("a milter command of {length} bytes"));
        }
        if !self.negotiated && command != b'O' {
            return Err("a milter command before the negotiation".to_owned());
        }
        *self = Self { data: length - 1, negotiated: true, last_command: Some(command), ..Self::default() };
        Ok(())
    }

    fn in_command(&self) -> bool {
        self.length_read > 0 || self.data > 0
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GuardedStream<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let guarded = self.get_mut();
        let polled = guarded.poll_commands(context, buffer);
        guarded.over |= matches!(polled, Poll::Ready(Err(_)));
        polled
    }
}

impl<S: AsyncRead + Unpin> GuardedStream<S> {
    fn poll_commands(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(negotiation) = &mut self.negotiation
            && negotiation.as_mut().poll(context).is_ready()
        {
            tracing::warn!("milter: connection closed: no negotiation within {} s", NEGOTIATION_MAX.as_secs());
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = &buffer.filled()[before..];
        if read.is_empty() && buffer.remaining() > 0 {
            self.over = true;
            if self.framing.in_command() {
                tracing::warn!("milter: connection ended in the middle of a command");
            }
            return Poll::Ready(Ok(()));
        }
        if let Err(reason) = self.framing.feed(read) {
            tracing::warn!("milter: connection closed: {reason}");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, reason)));
        }
        if self.framing.negotiated {
            self.negotiation = None;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S> GuardedStream<S> {
    /// Notes whether the peer can still be written to.
    fn wrote<T>(&mut self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.over |= matches!(polled, Poll::Ready(Err(_)));
        polled
    }
}

/// The library closes a connection without a word when it cannot make sense of what a command carries.
impl<S> Drop for GuardedStream<S> {
    fn drop(&mut self) {
        match self.framing.last_command {
            Some(command) if command != QUIT && !self.over && !*self.ending.borrow() => {
                tracing::warn!("milter: connection closed: what came with command {} is wrong", char::from(command));
            }
            _ => {}
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for GuardedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, buffer);
        self.wrote(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.wrote(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(command: u8, data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len() + 1).unwrap();
        [&length.to_be_bytes()[..], &[command], data].concat()
    }

    #[test]
    fn turns_away_what_is_not_a_milter_command() {
        for garbage in [&b"EHLO example\r\n"[..], b"\0\0\0\0O", b"\0\0\0\x01M", b"\xff\xff\xff\xffO", b"\0\0\0\x01x"] {
            assert!(Framing::default().feed(garbage).is_err(), "{garbage:?}");
        }
    }

    proptest! {
        #[test]
        fn lets_commands_through_however_they_are_cut(bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..8), cut in 1usize..50) {
            let mut stream = frame(b'O', &[0; 12]);
            for body in &bodies {
                stream.extend(frame(b'B', body));
            }
            let mut framing = Framing::default();
            for piece in stream.chunks(cut) {
                prop_assert_eq!(framing.feed(piece), Ok(()));
            }
            prop_assert!(!framing.in_command());
        }

        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _ = Framing::default().feed(&bytes);
        }
    }
}
