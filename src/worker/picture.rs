//! Pictures, read by a program that the administrator names: the picture on its standard input, the text on its
//! standard output, one process for each, behind a fence of its own.

use super::{
    PictureReader, Program,
    child::{TakePicture, in_words},
    fence::{self, FenceError},
};
use crate::message::{Found, Reading, Text, Whereabouts};
use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use std::{
    ffi::OsString,
    io::{self, ErrorKind, Read, Write},
    ops::RangeInclusive,
    os::{
        fd::AsFd,
        unix::process::{CommandExt, ExitStatusExt},
    },
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// What the environment of a program that reads pictures is, all of it. One thread does for one picture; others are
/// read at the same time.
const ENVIRONMENT: [(&str, &str); 3] =
    [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LC_ALL", "C.UTF-8"), ("OMP_THREAD_LIMIT", "1")];

/// How often a program is looked at that has said all and not ended.
const ENDING: Duration = Duration::from_millis(5);

/// Bytes written or read at a time.
const CHUNK: usize = 64 * 1024;

/// The exit codes (sysexits(3)) of a process that did not become the program.
const NOT_RUN: RangeInclusive<i32> = 64..=78;

/// Becomes another program, behind the fence for programs that read pictures; returns only where that fails.
pub fn run_behind_fence(program: &Path, arguments: &[OsString], memory: u64, seconds: u64) -> RunError {
    match fence::around_program(program, memory, seconds) {
        Err(error) => RunError::Fence(error),
        Ok(_) => RunError::Exec(Command::new(program).args(arguments).exec()),
    }
}

/// Why a program was not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It cannot be kept from harm.
    #[error("no fence: {0}")]
    Fence(FenceError),
    /// It cannot be run.
    #[error(transparent)]
    Exec(io::Error),
}

/// The pictures of one file.
pub(super) struct Pictures<'a> {
    reader: Option<&'a PictureReader>,
    /// Pictures that wait until the rest of the file is read: text in letters comes first. Together not larger than
    /// the largest one.
    kept: Vec<(String, String, Vec<u8>)>,
}

impl<'a> Pictures<'a> {
    pub(super) fn new(reader: Option<&'a PictureReader>) -> Self {
        Self { reader, kept: Vec::new() }
    }

    /// Reads those that were kept.
    pub(super) fn read_kept(&mut self, reading: &mut Reading<'_>) {
        for (place, kind, bytes) in std::mem::take(&mut self.kept) {
            self.read(&place, &kind, &bytes, reading);
        }
    }

    /// Reads one.
    fn read(&self, place: &str, kind: &str, bytes: &[u8], reading: &mut Reading<'_>) {
        let Some(reader) = self.reader else { return reading.picture(place, kind, bytes) };
        match run(reader, bytes, reading.deadline(), reading.text_left()) {
            Ok(output) => {
                let mut text = Text::new();
                text.at(Whereabouts::Line(1));
                text.push(&String::from_utf8_lossy(&output));
                reading.absorb(Found::Piece(text.into_piece(place)));
            }
            Err(reason) => {
                tracing::warn!("documents: a picture was not read: {reason}");
                reading.unreadable(place, reason);
            }
        }
    }
}

impl TakePicture for Pictures<'_> {
    fn largest(&self) -> usize {
        self.reader.map_or(0, |reader| reader.size)
    }

    fn take(&mut self, place: String, kind: String, bytes: Vec<u8>, reading: &mut Reading<'_>) {
        let held: usize = self.kept.iter().map(|(_, _, bytes)| bytes.len()).sum();
        if held + bytes.len() > self.largest() {
            self.read_kept(reading);
        }
        self.kept.push((place, kind, bytes));
    }
}

/// A process that ends with the value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has one picture read; gives the text, at most one byte more than `most`.
///
/// # Errors
/// With the reason, in words: a limit where the program was ended, or ended by a signal.
fn run(reader: &PictureReader, picture: &[u8], deadline: Instant, most: usize) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| format!("limit: the program that reads pictures failed: {error}");
    let own = Instant::now() + reader.time;
    let late = || match own < deadline {
        true => format!("limit: a picture took longer than {:?}", reader.time),
        false => "limit: time".to_owned(),
    };
    let mut child = Running(spawn(&reader.program).map_err(failed)?);
    let text = exchange(&mut child.0, picture, own.min(deadline), most).map_err(|error| match error.kind() {
        ErrorKind::TimedOut => late(),
        _ => failed(error),
    })?;
    if text.len() > most {
        return Ok(text);
    }
    let status = loop {
        match child.0.try_wait().map_err(failed)? {
            Some(status) => break status,
            None if Instant::now() > own.min(deadline) => return Err(late()),
            None => thread::sleep(ENDING),
        }
    };
    match status {
        _ if status.success() => Ok(text),
        _ if status.signal().is_some() => {
            Err(format!("limit: the program that reads pictures died ({})", in_words(status)))
        }
        _ if status.code().is_some_and(|code| NOT_RUN.contains(&code)) => {
            Err(format!("limit: the program that reads pictures was not run ({})", in_words(status)))
        }
        // The picture may be broken, or of a kind that the program does not know.
        _ => Err(format!("a picture that cannot be read ({})", in_words(status))),
    }
}

fn spawn(program: &Program) -> io::Result<Child> {
    Command::new(&program.path)
        .arg0("segl")
        .args(&program.arguments)
        .env_clear()
        .envs(ENVIRONMENT)
        .env("MIMALLOC_ARENA_RESERVE", "32MiB")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

/// Writes to a process and reads from it at the same time, until it has said all.
fn exchange(child: &mut Child, mut input: &[u8], deadline: Instant, most: usize) -> io::Result<Vec<u8>> {
    let (mut stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let mut stdout = stdout.ok_or(ErrorKind::NotConnected)?;
    for pipe in [stdin.as_ref().map(AsFd::as_fd), Some(stdout.as_fd())].into_iter().flatten() {
        fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    }
    let mut output = Vec::new();
    let mut buffer = vec![0; CHUNK];
    while output.len() <= most {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        let mut pipes = vec![PollFd::new(stdout.as_fd(), PollFlags::POLLIN)];
        pipes.extend(stdin.as_ref().map(|stdin| PollFd::new(stdin.as_fd(), PollFlags::POLLOUT)));
        // Rounded up, so that it does not turn idly in the last millisecond.
        let timeout = PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        match poll(&mut pipes, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let written = match &mut stdin {
            Some(stdin) => stdin.write(&input[..input.len().min(CHUNK)]),
            None => Err(ErrorKind::WouldBlock.into()),
        };
        match written {
            Ok(count) => input = &input[count..],
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            // It has read enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => stdin = None,
            Err(error) => return Err(error),
        }
        if input.is_empty() {
            stdin = None;
        }
        match stdout.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => output.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
    output.truncate(most.saturating_add(1));
    Ok(output)
}
