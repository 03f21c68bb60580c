//! The plain part of the conversation: greeting, EHLO, STARTTLS (RFC 5321, RFC 3207).
//!
//! Each reply is bounded in lines, bytes and time; what the server sends before it was asked ends the conversation.

use super::reply::{Reply, ReplyError};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

/// The most that a server may send before TLS, in bytes. The largest EHLO replies are below two thousand.
pub(super) const PLAIN_BYTES_MAX: usize = 64 * 1024;

/// How much is read at once, in bytes.
const READ_SIZE: usize = 4096;

/// The step that only a server that offers it comes to.
const STARTTLS: &str = "STARTTLS";

/// How long a server may take to answer QUIT: the answer changes nothing.
const FAREWELL: Duration = Duration::from_secs(1);

/// What came of asking for TLS.
#[derive(Debug)]
pub(super) enum Offer<S> {
    /// The server said 220: what follows on this stream is TLS.
    Granted(S),
    /// It speaks SMTP and does not offer STARTTLS.
    Absent,
    /// It offers STARTTLS, and refused it when asked.
    Refused(String),
}

/// Why a conversation came to no end that proves anything.
#[derive(Debug, thiserror::Error)]
pub(super) enum SmtpError {
    /// The server did not want to talk to us.
    #[error("{step}: refused: \"{reply}\"")]
    Refused {
        /// In which step.
        step: &'static str,
        /// Its words.
        reply: String,
    },
    /// It did not speak SMTP.
    #[error("{step}: {error}")]
    NotSmtp {
        /// In which step.
        step: &'static str,
        /// What was wrong.
        error: ReplyError,
    },
    /// It said more than it was asked: after 220 to STARTTLS this is how commands are injected into TLS sessions
    /// (CVE-2011-0411), before that it is out of step.
    #[error("{0}: sent more than the reply, unencrypted and unasked")]
    Unasked(&'static str),
    /// It sent too much.
    #[error("{0}: more than {PLAIN_BYTES_MAX} bytes before TLS")]
    TooMuch(&'static str),
    /// It was too slow.
    #[error("{step}: no answer within {}s", .limit.as_secs())]
    TimedOut {
        /// In which step.
        step: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// It closed the connection.
    #[error("{0}: connection closed")]
    Closed(&'static str),
    /// The network failed.
    #[error("{step}: {error}")]
    Io {
        /// In which step.
        step: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

impl SmtpError {
    /// Whether STARTTLS was offered; `None` where it did not come that far.
    pub(super) fn offered(&self) -> Option<bool> {
        let (Self::Refused { step, .. }
        | Self::NotSmtp { step, .. }
        | Self::Unasked(step)
        | Self::TooMuch(step)
        | Self::TimedOut { step, .. }
        | Self::Closed(step)
        | Self::Io { step, .. }) = self;
        (*step == STARTTLS).then_some(true)
    }
}

/// Speaks SMTP from the greeting to the answer to STARTTLS, saying QUIT where it goes no further. Each step (greeting,
/// each reply) may take `step_time`.
pub(super) async fn ask_for_tls<S>(stream: S, helo: &str, step_time: Duration) -> Result<Offer<S>, SmtpError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut session = Session { stream, input: Vec::new(), received: 0, step_time };
    let offer = session.negotiate(helo).await;
    match offer {
        Ok(Answer::Granted) => Ok(Offer::Granted(session.stream)),
        Ok(Answer::Absent) => {
            session.farewell().await;
            Ok(Offer::Absent)
        }
        Ok(Answer::Refused(reply)) => {
            session.farewell().await;
            Ok(Offer::Refused(reply))
        }
        Err(error) => {
            // Whoever closed, timed out or floods us gets no more of our time.
            if matches!(error, SmtpError::Refused { .. }) {
                session.farewell().await;
            }
            Err(error)
        }
    }
}

/// Says QUIT and waits a moment for the answer; whatever happens is no longer of interest.
pub(super) async fn quit<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    let talk = async {
        stream.write_all(b"QUIT\r\n").await?;
        stream.flush().await?;
        let mut answer = [0; READ_SIZE];
        let _ = stream.read(&mut answer).await?;
        stream.shutdown().await
    };
    let _ = timeout(FAREWELL, talk).await;
}

enum Answer {
    Granted,
    Absent,
    Refused(String),
}

struct Session<S> {
    stream: S,
    input: Vec<u8>,
    received: usize,
    step_time: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    async fn negotiate(&mut self, helo: &str) -> Result<Answer, SmtpError> {
        let greeting = self.reply("greeting").await?;
        accepted("greeting", &greeting, 220)?;
        let ehlo = self.command("EHLO", &format!("EHLO {helo}\r\n")).await?;
        if ehlo.code / 100 == 5 {
            // As Postfix does: a server that does not know EHLO is asked with HELO, and has no STARTTLS.
            let helo = self.command("HELO", &format!("HELO {helo}\r\n")).await?;
            return accepted("EHLO and HELO", &helo, 250).map(|()| Answer::Absent);
        }
        accepted("EHLO", &ehlo, 250)?;
        if !ehlo.announces(STARTTLS) {
            return Ok(Answer::Absent);
        }
        let starttls = self.command(STARTTLS, "STARTTLS\r\n").await?;
        Ok(if starttls.code == 220 { Answer::Granted } else { Answer::Refused(starttls.quote()) })
    }

    async fn command(&mut self, step: &'static str, line: &str) -> Result<Reply, SmtpError> {
        let write = async {
            self.stream.write_all(line.as_bytes()).await?;
            self.stream.flush().await
        };
        match timeout(self.step_time, write).await {
            Err(_) => return Err(SmtpError::TimedOut { step, limit: self.step_time }),
            Ok(Err(error)) => return Err(failed(step, error)),
            Ok(Ok(())) => {}
        }
        self.reply(step).await
    }

    /// One whole reply within one step's time, however it dribbles in, and nothing after it.
    async fn reply(&mut self, step: &'static str) -> Result<Reply, SmtpError> {
        let limit = self.step_time;
        timeout(limit, self.read_reply(step)).await.unwrap_or(Err(SmtpError::TimedOut { step, limit }))
    }

    async fn read_reply(&mut self, step: &'static str) -> Result<Reply, SmtpError> {
        loop {
            if let Some((reply, used)) =
                Reply::parse(&self.input).map_err(|error| SmtpError::NotSmtp { step, error })?
            {
                if used != self.input.len() {
                    return Err(SmtpError::Unasked(step));
                }
                self.input.clear();
                return Ok(reply);
            }
            let mut chunk = [0; READ_SIZE];
            let count = self.stream.read(&mut chunk).await.map_err(|error| failed(step, error))?;
            if count == 0 {
                return Err(SmtpError::Closed(step));
            }
            self.received += count;
            if self.received > PLAIN_BYTES_MAX {
                return Err(SmtpError::TooMuch(step));
            }
            self.input.extend_from_slice(&chunk[..count]);
        }
    }

    async fn farewell(&mut self) {
        quit(&mut self.stream).await;
    }
}

fn accepted(step: &'static str, reply: &Reply, wanted: u16) -> Result<(), SmtpError> {
    if reply.code == wanted { Ok(()) } else { Err(SmtpError::Refused { step, reply: reply.quote() }) }
}

fn failed(step: &'static str, error: io::Error) -> SmtpError {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            SmtpError::Closed(step)
        }
        _ => SmtpError::Io { step, error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{DuplexStream, duplex};

    const STEP: Duration = Duration::from_secs(20);

    /// Runs the client against a server that answers each line it gets with the next of these texts, the first of
    /// them unasked, then closes; gives the result and what the client sent.
    async fn converse(answers: &[&str]) -> (Result<Offer<DuplexStream>, SmtpError>, String) {
        let (near, mut far) = duplex(1 << 20);
        let server = async {
            let mut sent = String::new();
            for (n, answer) in answers.iter().enumerate() {
                if n > 0 {
                    let mut line = [0; 256];
                    let count = far.read(&mut line).await.unwrap();
                    sent.push_str(std::str::from_utf8(&line[..count]).unwrap());
                }
                if far.write_all(answer.as_bytes()).await.is_err() {
                    break;
                }
            }
            let mut rest = String::new();
            let _ = timeout(Duration::from_millis(1), far.read_to_string(&mut rest)).await;
            drop(far);
            sent + &rest
        };
        tokio::join!(ask_for_tls(near, "us.example", STEP), server)
    }

    const GREETING: &str = "220 mx.example ESMTP\r\n";
    const EHLO: &str = "250-mx.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n";

    #[tokio::test(start_paused = true)]
    async fn reaches_tls() {
        let (offer, sent) = converse(&[GREETING, EHLO, "220 go\r\n"]).await;
        assert!(matches!(offer, Ok(Offer::Granted(_))), "{offer:?}");
        assert_eq!(sent, "EHLO us.example\r\nSTARTTLS\r\n");
    }

    #[tokio::test(start_paused = true)]
    async fn sees_that_starttls_is_not_offered_and_says_quit() {
        let (offer, sent) = converse(&[GREETING, "250-mx.example\r\n250 HELP\r\n", "221 bye\r\n"]).await;
        assert!(matches!(offer, Ok(Offer::Absent)), "{offer:?}");
        assert_eq!(sent, "EHLO us.example\r\nQUIT\r\n");
    }

    #[tokio::test(start_paused = true)]
    async fn falls_back_to_helo() {
        let (offer, sent) = converse(&[GREETING, "502 what?\r\n", "250 mx\r\n", "221 bye\r\n"]).await;
        assert!(matches!(offer, Ok(Offer::Absent)), "{offer:?}");
        assert_eq!(sent, "EHLO us.example\r\nHELO us.example\r\nQUIT\r\n");
        let (offer, _) = converse(&[GREETING, "550 not you\r\n", "550 not you\r\n", "221 bye\r\n"]).await;
        assert!(matches!(offer, Err(SmtpError::Refused { .. })), "{offer:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn tells_apart_the_ways_to_fail() {
        for (answers, said) in [
            (vec!["554 no service\r\n", "221 bye\r\n"], "greeting: refused: \"554 no service\""),
            (vec!["421 busy\r\n", "221 bye\r\n"], "greeting: refused: \"421 busy\""),
            (vec![], "greeting: connection closed"),
            (vec!["SSH-2.0-OpenSSH\r\n"], "greeting: no SMTP reply: \"SSH-2.0-OpenSSH\""),
            (vec![GREETING, "421 busy\r\n", "221 bye\r\n"], "EHLO: refused: \"421 busy\""),
            (vec![GREETING], "EHLO: connection closed"),
            (vec!["220 mx\r\n250 early\r\n"], "greeting: sent more than the reply"),
            (vec![GREETING, EHLO, "220 go\r\n250 injected\r\n"], "STARTTLS: sent more than the reply"),
            (vec![GREETING, EHLO, "220 go\r\n\u{16}"], "STARTTLS: sent more than the reply"),
        ] {
            let (offer, _) = converse(&answers).await;
            let error = offer.unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}, not {said}");
        }
        let (offer, _) = converse(&[GREETING, EHLO, "454 later\r\n", "221 bye\r\n"]).await;
        assert!(matches!(&offer, Ok(Offer::Refused(reply)) if reply == "454 later"), "{offer:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn bounds_floods() {
        let endless_line = "2".repeat(100_000);
        let (offer, _) = converse(&[&endless_line]).await;
        assert!(matches!(offer, Err(SmtpError::NotSmtp { error: ReplyError::LineTooLong, .. })), "{offer:?}");
        let endless_lines = "250-x\r\n".repeat(20_000);
        let (offer, _) = converse(&[GREETING, &endless_lines]).await;
        assert!(matches!(offer, Err(SmtpError::NotSmtp { error: ReplyError::TooManyLines, .. })), "{offer:?}");
        let long_lines = format!("250-{}\r\n", "x".repeat(2000)).repeat(90);
        let (offer, _) = converse(&[GREETING, &long_lines]).await;
        assert!(matches!(offer, Err(SmtpError::TooMuch(_))), "{offer:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn bounds_time_however_slowly_it_dribbles() {
        let (near, mut far) = duplex(4096);
        let began = tokio::time::Instant::now();
        let drip = tokio::spawn(async move {
            while far.write_all(b"2").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let offer = ask_for_tls(near, "us.example", STEP).await;
        assert!(matches!(offer, Err(SmtpError::TimedOut { step: "greeting", .. })), "{offer:?}");
        assert_eq!(began.elapsed(), STEP);
        drip.await.unwrap();
    }
}
