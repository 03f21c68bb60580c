//! Runs one of Postfix's own command line tools: never through a shell, bounded in time and output.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::Command,
    time::timeout,
};

/// The longest that one tool may run.
const TIME_MAX: Duration = Duration::from_secs(10);

/// The most that one tool may print to standard output, in bytes.
const OUTPUT_MAX: usize = 4 * 1024 * 1024;

/// The most of standard error that is kept for a message, in bytes; a tool that prints more is stopped too.
const ERROR_OUTPUT_MAX: usize = 64 * 1024;

/// What a tool did.
#[derive(Debug)]
pub(super) struct Output {
    /// How it ended.
    pub(super) status: ExitStatus,
    /// What it printed.
    pub(super) stdout: String,
    /// What it complained of.
    pub(super) stderr: String,
}

/// Why a tool gave no answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{tool}: {reason}")]
pub struct ToolError {
    /// Its path.
    tool: PathBuf,
    /// What happened.
    reason: String,
}

impl ToolError {
    pub(super) fn new(tool: &Path, reason: impl Into<String>) -> Self {
        Self { tool: tool.to_owned(), reason: reason.into() }
    }
}

/// Runs `program` with `arguments`, `input` on its standard input.
///
/// The environment is emptied first: `MAIL_CONFIG` and the like must not change which Postfix is asked.
///
/// # Errors
/// When it cannot be started, takes longer than [`TIME_MAX`] or prints more than [`OUTPUT_MAX`]. The exit status is
/// for the caller to judge.
pub(super) async fn run<A: AsRef<OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = A>,
    input: &[u8],
) -> Result<Output, ToolError> {
    let failed = |reason: String| ToolError::new(program, reason);
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(failed("started without its pipes".to_owned()));
    };
    // A tool that has seen enough may close its standard input early: its exit status says whether that was right.
    let write = async move {
        let _ = stdin.write_all(input).await;
    };
    let read = async { tokio::try_join!(read_bounded(stdout, OUTPUT_MAX), read_bounded(stderr, ERROR_OUTPUT_MAX)) };
    let all = async {
        let ((), output) = tokio::join!(write, read);
        let (stdout, stderr) = output?;
        Ok::<_, std::io::Error>((child.wait().await?, stdout, stderr))
    };
    let (status, stdout, stderr) = timeout(TIME_MAX, all)
        .await
        .map_err(|_| failed(format!("took longer than {} s", TIME_MAX.as_secs())))?
        .map_err(|error| failed(error.to_string()))?;
    let stdout = String::from_utf8(stdout).map_err(|_| failed("printed what is no UTF-8".to_owned()))?;
    Ok(Output { status, stdout, stderr: String::from_utf8_lossy(&stderr).trim().to_owned() })
}

async fn read_bounded(pipe: impl AsyncRead + Unpin, max: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(max as u64 + 1).read_to_end(&mut bytes).await?;
    if bytes.len() > max {
        return Err(std::io::Error::other(format!("printed more than {max} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gives_input_and_takes_output_and_status() {
        let output = run(Path::new("/bin/sh"), ["-c", "cat; echo oops >&2; exit 3"], b"in").await.unwrap();
        assert_eq!((output.stdout.as_str(), output.stderr.as_str(), output.status.code()), ("in", "oops", Some(3)));
    }

    #[tokio::test]
    async fn does_not_pass_its_environment_on() {
        let output = run(Path::new("/usr/bin/env"), [] as [&str; 0], b"").await.unwrap();
        assert!(!output.stdout.contains("HOME=") && !output.stdout.contains("MAIL_CONFIG="), "{}", output.stdout);
    }

    #[tokio::test]
    async fn stops_a_tool_that_prints_without_end() {
        let error = run(Path::new("/usr/bin/yes"), [] as [&str; 0], b"").await.unwrap_err();
        assert!(error.to_string().contains("printed more than"), "{error}");
    }

    #[tokio::test]
    async fn names_a_tool_that_is_not_there() {
        let error = run(Path::new("/nonexistent/postconf"), ["-x"], b"").await.unwrap_err();
        assert!(error.to_string().starts_with("/nonexistent/postconf: cannot be started"), "{error}");
    }

    #[tokio::test]
    async fn input_that_nobody_reads_is_no_error() {
        let input = vec![b'x'; 1024 * 1024];
        let output = run(Path::new("/bin/true"), [] as [&str; 0], &input).await.unwrap();
        assert!(output.status.success());
    }
}
