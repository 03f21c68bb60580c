//! The lab (tests/lab) for integration tests: a real Postfix and a small internet, brought up by [`Lab::up`] and gone with
//! the value, or with the test's process however that ends.
//!
//! A fault of the lab itself, not of what is tested, is a panic that says what to look at.

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::{Pid, geteuid};
use serde::{Deserialize, Deserializer};
use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab");
const PATH: &str = "/run/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What Segl wrote to standard error, in the directory of the lab.
const SEGL_ERRORS: &str = "segl.stderr";

/// The longest that a test waits for anything to happen; reached only when it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A configuration of Segl that fits the lab, for [`Lab::start_segl`]. Keys of its last table, `[probe]`, can be added.
pub(crate) const SEGL_TOML: &str = include_str!("../lab/segl.toml");

/// The same with every rule that is shipped.
pub(crate) fn with_every_rule() -> String {
    SEGL_TOML.replace("/etc/segl/rules-of-numbers", "/etc/segl/rules")
}

/// How a lab is brought up.
pub(crate) struct Options<'a> {
    /// Whether Postfix's services are chrooted as in the master.cf of Debian 12 and 13.
    pub(crate) chroot: bool,
    /// Whether main.cf has Segl's lines.
    pub(crate) segl: bool,
    /// Further lines for main.cf, `key=value`.
    pub(crate) main_cf: &'a [&'a str],
    /// The Debian release whose programs run, Postfix first of all: `trixie`, as tests/lab/root made it, or `host`, this
    /// machine's own. None: what `SEGL_LAB_SUITE` says, else `host`.
    pub(crate) suite: Option<&'static str>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { chroot: true, segl: false, main_cf: &[], suite: None }
    }
}

/// A running lab.
pub(crate) struct Lab {
    id: String,
    directory: PathBuf,
    init: i32,
    up: Child,
    // Its end is the lab's: `up --tied` lives as long as this pipe is open.
    alive: Option<ChildStdin>,
}

/// A message to send by SMTP.
pub(crate) struct Message<'a> {
    /// Envelope sender and From.
    pub(crate) from: &'a str,
    /// Envelope recipients and To.
    pub(crate) to: &'a [&'a str],
    /// The subject, written as it is.
    pub(crate) subject: &'a str,
    /// The text, UTF-8.
    pub(crate) body: &'a str,
}

/// What an SMTP client was told last.
#[derive(Debug, Deserialize)]
pub(crate) struct SmtpResult {
    /// The step: connect, EHLO, MAIL, RCPT, DATA, end-of-message.
    pub(crate) stage: String,
    /// The reply code; none when the connection broke.
    pub(crate) code: Option<u16>,
    /// The reply's text, or why the connection broke.
    pub(crate) text: String,
    /// Postfix's queue ID, when the message was accepted.
    pub(crate) queue_id: Option<String>,
}

/// A message as a recipient server took it.
#[derive(Debug, Deserialize)]
pub(crate) struct Received {
    /// The server's name in tests/lab/internet.py.
    pub(crate) server: String,
    /// The connection's number at that server.
    pub(crate) connection: u32,
    /// The name in EHLO.
    pub(crate) helo: Option<String>,
    /// Envelope sender.
    pub(crate) from: String,
    /// Envelope recipients.
    pub(crate) to: Vec<String>,
    /// What followed the address in MAIL.
    pub(crate) parameters: Vec<String>,
    /// `TLSv1.3` and the like; none: in the clear.
    pub(crate) tls: Option<String>,
    /// OpenSSL's name of the cipher.
    pub(crate) cipher: Option<String>,
    /// The server name that the client asked for in its handshake.
    pub(crate) sni: Option<String>,
    /// Header and body.
    #[serde(deserialize_with = "bytes")]
    pub(crate) data: Vec<u8>,
}

/// A finished connection to a recipient server.
#[derive(Debug, Deserialize)]
pub(crate) struct Session {
    /// The connection's number at that server.
    pub(crate) connection: u32,
    /// The name in the last EHLO.
    pub(crate) helo: Option<String>,
    /// The TLS version; none: in the clear to the end.
    pub(crate) tls: Option<String>,
    /// The server name that the client asked for in its handshake.
    pub(crate) sni: Option<String>,
    /// The verbs that came.
    pub(crate) commands: Vec<String>,
    /// Messages taken.
    pub(crate) messages: u32,
    /// How many connections the server had when this one began, itself included.
    pub(crate) at_once: u32,
}

/// A finished connection to an MTA-STS policy host.
#[derive(Debug, Deserialize)]
pub(crate) struct Fetch {
    /// The server name that the client asked for in its handshake.
    pub(crate) sni: Option<String>,
    /// The path that it asked for; none: the handshake failed, or nothing was asked.
    pub(crate) path: Option<String>,
    /// The Host header.
    pub(crate) host: Option<String>,
    /// The status that it was answered with.
    pub(crate) status: Option<u16>,
    /// Why the connection broke.
    pub(crate) error: Option<String>,
    /// How many connections the host had when this one began, itself included.
    pub(crate) at_once: u32,
}

/// A message in Postfix's queue.
#[derive(Debug, Deserialize)]
pub(crate) struct Queued {
    /// The queue: active, deferred, hold, incoming.
    pub(crate) queue_name: String,
    /// The queue ID.
    pub(crate) queue_id: String,
    /// Who still waits.
    pub(crate) recipients: Vec<Waiting>,
}

/// A recipient in Postfix's queue.
#[derive(Debug, Deserialize)]
pub(crate) struct Waiting {
    /// The address.
    pub(crate) address: String,
    /// Why it waits; empty before the first attempt.
    #[serde(default)]
    pub(crate) delay_reason: String,
}

/// Bytes, written as one character each.
fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    String::deserialize(deserializer)?
        .chars()
        .map(|character| u8::try_from(character).map_err(serde::de::Error::custom))
        .collect()
}

/// Asks until the condition holds; false when it does not in that time.
pub(crate) fn wait_until(timeout: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + timeout;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        sleep(Duration::from_millis(20));
    }
}

fn lines_of<T: for<'de> Deserialize<'de>>(path: &Path) -> Vec<T> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => panic!("{}: {error}", path.display()),
    };
    // A line that is being written is not there yet.
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    complete.lines().map(|line| parse(line)).collect()
}

fn parse<T: for<'de> Deserialize<'de>>(line: &str) -> T {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))
}

impl Lab {
    /// Brings a lab up with identical addresses as, and apart from, every other.
    pub(crate) fn up(options: &Options<'_>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        assert!(geteuid().is_root(), "the lab needs root (network namespaces, port 25): run this test as root");
        let id = format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut command = Command::new(format!("{SCRIPTS}/up"));
        command.args(["--tied", "--id", &id]);
        if !options.chroot {
            command.arg("--no-chroot");
        }
        if options.segl {
            command.arg("--segl");
        }
        if let Some(suite) = options.suite {
            command.args(["--suite", suite]);
        }
        command.args(options.main_cf).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut up = command.spawn().unwrap_or_else(|error| panic!("tests/lab/up: {error}"));
        let alive = up.stdin.take();
        let mut ready = String::new();
        if let Some(stdout) = up.stdout.take() {
            BufReader::new(stdout).read_line(&mut ready).unwrap_or_else(|error| panic!("tests/lab/up: {error}"));
        }
        let words: Vec<&str> = ready.trim_end().splitn(4, ' ').collect();
        let ["ready", _, init, directory] = words[..] else {
            panic!("the lab did not come up; what tests/lab/up wrote to stderr says why (tests/lab/install ran?)");
        };
        let init = init.parse().unwrap_or_else(|error| panic!("{init}: {error}"));
        Self { id, directory: directory.into(), init, up, alive }
    }

    /// The id, for the scripts in tests/lab.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The lab's first process.
    pub(crate) fn init(&self) -> i32 {
        self.init
    }

    /// The process of tests/lab/up.
    pub(crate) fn up_process(&self) -> i32 {
        self.up.id().cast_signed()
    }

    /// The directory that stands in place of the lab's `/etc` and `/var`: unlike [`Lab::file`], a path on disk that
    /// programs can resolve.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Does something in the network namespace of `mta`, `dns` or `recipients`: sockets made there belong there for good.
    pub(crate) fn in_network<T: Send>(&self, host: &str, what: impl FnOnce() -> T + Send) -> T {
        let path = self.file(&format!("/run/netns/{host}"));
        let namespace = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // In a thread of its own, which ends there: a namespace is a thread's, and this one's stays as it is.
        let done = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(&namespace, CloneFlags::CLONE_NEWNET).unwrap_or_else(|error| panic!("setns {host}: {error}"));
                what()
            });
            thread.join()
        });
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// A file inside the lab (absolute there), as the test sees it; short enough for a socket's path.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.init))
    }

    /// A command inside the lab, in the network namespace of `mta`, `dns` or `recipients`.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, host: &str, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.init.to_string(), "--mount", "--uts", "--ipc", "--pid", "--root", "--wd"])
            .arg(format!("--net=/proc/{}/root/run/netns/{host}", self.init))
            .arg("--")
            .args(words)
            .env("PATH", PATH)
            .env("LC_ALL", "C.UTF-8")
            .env_remove("MAIL_CONFIG");
        command
    }

    /// Major, minor and patch level of the Postfix that runs.
    pub(crate) fn postfix_version(&self) -> (u32, u32, u32) {
        let text = self.text_of(&["postconf", "-h", "mail_version"]);
        let mut numbers = text.trim().split('.').map(|number| number.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        (next(), next(), next())
    }

    /// The reply code to whoever was sending when a milter's connection broke. Postfix closes the client's connection
    /// too, by 421, since 3.11 and the patch levels of that time (RELEASE_NOTES-3.11, 20251208: `milter_default_action`
    /// became `shutdown`), and went on with 451 before.
    pub(crate) fn code_without_milter(&self) -> u16 {
        match self.text_of(&["postconf", "-h", "milter_default_action"]).trim() {
            "shutdown" => 421,
            "tempfail" => 451,
            other => panic!("milter_default_action = {other}"),
        }
    }

    /// Runs a command on the mail server.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command("mta", words).output().unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// Runs a command on the mail server with standard input.
    pub(crate) fn run_with_input(&self, words: &[&str], input: &[u8]) -> Output {
        with_input(self.command("mta", words), input)
    }

    /// Runs a command on the mail server that must succeed: its standard output.
    pub(crate) fn text_of(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{words:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    /// Sets main.cf parameters, `key=value`, and reloads Postfix.
    pub(crate) fn postconf(&self, settings: &[&str]) {
        self.text_of(&[&["postconf", "-e"], settings].concat());
        self.reload();
    }

    /// Makes Postfix read its configuration again, and waits until the master has.
    pub(crate) fn reload(&self) {
        // Every Postfix program waits until these have not changed for two seconds.
        self.text_of(&["touch", "--date=5 seconds ago", "/etc/postfix/main.cf", "/etc/postfix/master.cf"]);
        let reloads = || self.mail_log().matches(": reload -- version").count();
        let before = reloads();
        self.text_of(&["postfix", "reload"]);
        self.expect("Postfix reloads", || reloads() > before);
    }

    /// Sends a message by SMTP from the mail server's own loopback.
    pub(crate) fn send(&self, message: &Message<'_>) -> SmtpResult {
        let to = message.to.join(">, <");
        let raw = format!(
            "From: <{}>\r\nTo: <{to}>\r\nDate: Thu, 1 Jan 2026 12:00:00 +0000\r\nSubject: {}\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}\r\n",
            message.from, message.subject, message.body
        );
        self.send_raw(message.from, message.to, raw.as_bytes())
    }

    /// Sends a message, header and all, by SMTP from the mail server's own loopback.
    pub(crate) fn send_raw(&self, from: &str, to: &[&str], message: &[u8]) -> SmtpResult {
        self.send_many("mta", from, to, message, 1, 1)
    }

    /// Sends a message by SMTP, `count` times over each of `sessions` connections: the worst result. `host` is where the
    /// client stands: `mta` (on the loopback, a client of our own) or `recipients` (a stranger).
    pub(crate) fn send_many(
        &self,
        host: &str,
        from: &str,
        to: &[&str],
        message: &[u8],
        count: u32,
        sessions: u32,
    ) -> SmtpResult {
        let server = if host == "mta" { "127.0.0.1" } else { "192.0.2.25" };
        let program = format!("{SCRIPTS}/send.py");
        let mut words = vec!["/usr/bin/python3", "-B", "-S", &program, "--json", "--file", "-", "--server", server];
        let (count, sessions) = (count.to_string(), sessions.to_string());
        words.extend(["--count", &count, "--sessions", &sessions, "--from", from]);
        for recipient in to {
            words.extend(["--to", recipient]);
        }
        let output = with_input(self.command(host, words), message);
        let line = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!line.is_empty(), "send.py: {}", String::from_utf8_lossy(&output.stderr));
        parse(&line)
    }

    /// Submits a message, header and all, with sendmail(1), as the user anna.
    pub(crate) fn sendmail(&self, from: &str, to: &[&str], message: &[u8]) -> Output {
        let as_anna = ["setpriv", "--reuid=anna", "--regid=anna", "--clear-groups", "sendmail", "-i", "-f", from, "--"];
        self.run_with_input(&[&as_anna, to].concat(), message)
    }

    /// What a recipient server has received.
    pub(crate) fn received(&self, server: &str) -> Vec<Received> {
        lines_of(&self.directory.join(format!("received/{server}.jsonl")))
    }

    /// What all recipient servers have received.
    pub(crate) fn received_by_all(&self) -> Vec<Received> {
        let directory = self.directory.join("received");
        let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        entries.flatten().flat_map(|entry| lines_of::<Received>(&entry.path())).collect()
    }

    /// A recipient server's finished connections.
    pub(crate) fn sessions(&self, server: &str) -> Vec<Session> {
        lines_of(&self.directory.join(format!("sessions/{server}.jsonl")))
    }

    /// What was asked of a policy host: `mta-sts.sts-enforce` and the like.
    pub(crate) fn fetches(&self, host: &str) -> Vec<Fetch> {
        lines_of(&self.directory.join(format!("fetches/{host}.jsonl")))
    }

    /// Every byte that a recipient server got outside TLS, connection after connection.
    pub(crate) fn cleartext_bytes(&self, server: &str) -> Vec<u8> {
        let directory = self.directory.join("clear").join(server);
        let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        let mut all = Vec::new();
        for entry in entries.flatten() {
            let read = File::open(entry.path()).and_then(|mut file| file.read_to_end(&mut all));
            read.unwrap_or_else(|error| panic!("{}: {error}", entry.path().display()));
            all.extend(b"\n-- end of connection --\n");
        }
        all
    }

    /// Whether a text stands anywhere in what a recipient server got outside TLS.
    pub(crate) fn seen_in_the_clear(&self, server: &str, text: &str) -> bool {
        self.cleartext_bytes(server).windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// Changes a recipient server's behaviour, or a policy host's; `settings` is the JSON object that tests/lab/recipients.py
    /// and policies.py describe.
    pub(crate) fn set_behaviour(&self, server: &str, settings: &serde_json::Value) {
        self.control(&serde_json::json!({"server": server, "set": settings}));
    }

    /// Whether a recipient server offers STARTTLS, from its next EHLO on.
    pub(crate) fn set_starttls(&self, server: &str, offered: bool) {
        let starttls = if offered { "offer" } else { "none" };
        self.set_behaviour(server, &serde_json::json!({"starttls": starttls}));
    }

    /// Closes the connections that a recipient server has open.
    pub(crate) fn drop_connections(&self, server: &str) {
        self.control(&serde_json::json!({"server": server, "drop": true}));
    }

    fn control(&self, request: &serde_json::Value) {
        let exchange = || -> std::io::Result<String> {
            let mut socket = UnixStream::connect(self.file("/run/lab/control"))?;
            writeln!(socket, "{request}")?;
            let mut answer = String::new();
            BufReader::new(socket).read_line(&mut answer)?;
            Ok(answer)
        };
        let answer = exchange().unwrap_or_else(|error| panic!("control {request}: {error}"));
        let answer: serde_json::Value = parse(&answer);
        assert!(answer.get("error").is_none(), "control {request}: {answer}");
    }

    /// Changes the zones as tests/lab/dns does: `break`, `heal`, or `edit` with the zone's new text.
    pub(crate) fn dns(&self, action: &str, zone: &str, text: &str) {
        let mut command = Command::new(format!("{SCRIPTS}/dns"));
        command.args(["--id", &self.id, action, zone]);
        let output = with_input(command, text.as_bytes());
        assert!(output.status.success(), "dns {action} {zone}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The text of a zone, for [`Lab::dns`] `edit`.
    pub(crate) fn zone(&self, zone: &str) -> String {
        let path = self.directory.join(format!("dns/{zone}.zone"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Postfix's log.
    pub(crate) fn mail_log(&self) -> String {
        fs::read_to_string(self.file("/var/log/mail.log")).unwrap_or_default()
    }

    /// A local user's mailbox; empty when there is none.
    pub(crate) fn mailbox(&self, user: &str) -> String {
        fs::read_to_string(self.file(&format!("/var/mail/{user}"))).unwrap_or_default()
    }

    /// Postfix's queue.
    pub(crate) fn queue(&self) -> Vec<Queued> {
        self.text_of(&["postqueue", "-j"]).lines().map(parse).collect()
    }

    /// Why a message waits: the reason of its first recipient; none when it is not in the queue, empty before the first
    /// attempt.
    pub(crate) fn delay_reason(&self, queue_id: &str) -> Option<String> {
        let queued = self.queue().into_iter().find(|queued| queued.queue_id == queue_id)?;
        queued.recipients.into_iter().next().map(|waiting| waiting.delay_reason)
    }

    /// Asks Postfix to try all that is deferred now.
    pub(crate) fn flush(&self) {
        self.text_of(&["postqueue", "-f"]);
    }

    /// Waits until something is so; a test that waits in vain shows the end of Postfix's log and of Segl's.
    pub(crate) fn expect(&self, what: &str, condition: impl FnMut() -> bool) {
        if !wait_until(PATIENCE, condition) {
            let segl = fs::read(self.directory.join(SEGL_ERRORS)).unwrap_or_default();
            let (postfix, segl) = (self.mail_log(), String::from_utf8_lossy(&segl).into_owned());
            let [postfix, segl] = [&postfix, &segl].map(|log| {
                let lines: Vec<&str> = log.lines().collect();
                lines[lines.len().saturating_sub(40)..].join("\n")
            });
            panic!("not so: {what}\nPostfix:\n{postfix}\nSegl:\n{segl}");
        }
    }

    /// Puts the built program into the lab, where every user can run it, as /run/lab/bin/segl.
    fn install_segl(&self) {
        if self.file("/run/lab/bin/segl").exists() {
            return;
        }
        let program = env!("CARGO_BIN_EXE_segl");
        self.text_of(&["sh", "-c", "touch $1 && mount --bind $0 $1", program, "/run/lab/bin/segl"]);
    }

    /// Runs the built program in the lab as root: `segl pins --json` and the like.
    pub(crate) fn segl(&self, arguments: &[&str]) -> Output {
        self.install_segl();
        self.run(&[&["segl"], arguments].concat())
    }

    /// Starts `segl run` with this configuration as the user _segl, and waits until it takes connections on both sockets.
    pub(crate) fn start_segl(&self, configuration: &str) -> Segl<'_> {
        self.start_segl_under(&[], configuration)
    }

    /// The same under another program, which runs as root and starts it in its own place: `strace -D -f -o FILE`, so that
    /// signals reach the daemon and not the tracer.
    pub(crate) fn start_segl_under(&self, wrapper: &[&str], configuration: &str) -> Segl<'_> {
        self.install_segl();
        let mut segl = Segl {
            lab: self,
            wrapper: wrapper.iter().map(|&word| word.to_owned()).collect(),
            errors: self.directory.join(SEGL_ERRORS),
            child: None,
        };
        segl.configure(configuration);
        segl.start();
        segl
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.alive.take());
        // The test's own result matters more than how its lab ends.
        let _ = self.up.wait();
    }
}

/// The process that listens on a socket.
fn listener(path: &Path) -> Option<i32> {
    let socket = UnixStream::connect(path).ok()?;
    getsockopt(&socket, PeerCredentials).ok().map(|credentials| credentials.pid())
}

fn with_input(mut command: Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(input) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("{command:?}: {error}"),
            _ => {}
        }
    }
    child.wait_with_output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// A running `segl run`.
pub(crate) struct Segl<'a> {
    lab: &'a Lab,
    wrapper: Vec<String>,
    errors: PathBuf,
    child: Option<Child>,
}

impl Segl<'_> {
    /// Writes the configuration; [`Segl::signal`] with SIGHUP, or a restart, makes it count.
    pub(crate) fn configure(&self, configuration: &str) {
        let path = self.lab.file("/etc/segl/segl.toml");
        fs::write(&path, configuration).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Starts the program after it ended.
    pub(crate) fn start(&mut self) {
        assert!(self.child.is_none(), "segl runs already");
        let errors = OpenOptions::new().create(true).append(true).open(&self.errors);
        let errors = errors.unwrap_or_else(|error| panic!("{}: {error}", self.errors.display()));
        // As the package's unit does: nothing but its own user and the groups that read the log and ask for the queue.
        let user = ["setpriv", "--reuid=_segl", "--regid=_segl", "--groups=adm,postdrop", "--inh-caps=-all"];
        let program = ["--no-new-privs", "/run/lab/bin/segl", "run", "-c", "/etc/segl/segl.toml"];
        let words = self.wrapper.iter().map(String::as_str).chain(user).chain(program);
        let mut command = self.lab.command("mta", words);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        self.child = Some(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
        let sockets =
            ["milter", "socketmap"].map(|name| self.lab.file(&format!("/var/spool/postfix/segl/{name}.sock")));
        let up = wait_until(PATIENCE, || {
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
                panic!("segl ended ({status}):\n{}", self.stderr());
            }
            // What listens must be this process: one that was killed may live on for a moment in a child of its own.
            let process = self.process();
            process.is_some() && sockets.iter().all(|path| listener(path) == process)
        });
        assert!(up, "segl does not take connections:\n{}", self.stderr());
    }

    /// What it has logged since the first start.
    pub(crate) fn stderr(&self) -> String {
        fs::read(&self.errors).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }

    /// Its process ID, as the test sees it.
    pub(crate) fn pid(&self) -> i32 {
        self.process().unwrap_or_else(|| panic!("segl has ended:\n{}", self.stderr()))
    }

    /// nsenter(1) stays and has forked; its child is the daemon.
    fn process(&self) -> Option<i32> {
        let parent = self.child.as_ref()?.id();
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap_or_else(|error| panic!("{signal}: {error}"));
    }

    /// Ends it without warning.
    pub(crate) fn kill9(&mut self) {
        self.signal(Signal::SIGKILL);
        self.wait();
    }

    /// Ends it as systemd does: its exit status.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait()
    }

    /// Ends it as systemd does and starts it again.
    pub(crate) fn restart(&mut self) {
        self.terminate();
        self.start();
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let Some(mut child) = self.child.take() else { panic!("segl does not run") };
        let mut status = None;
        if !wait_until(PATIENCE, || {
            status = child.try_wait().ok().flatten();
            status.is_some()
        }) {
            self.child = Some(child);
            panic!("segl does not end:\n{}", self.stderr());
        }
        status.unwrap_or_default()
    }
}

impl Drop for Segl<'_> {
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        if child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = kill(Pid::from_raw(self.pid()), Signal::SIGKILL);
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
    }
}
