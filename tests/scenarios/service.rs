//! `segl run` as a service: signals, sockets of every kind, a service manager, the log, the disk.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use super::{
    CONFIDENTIAL, up,
    wire::{MILTER, MilterClient, SOCKETMAP, Smtp, Socketmap, ask, offer},
};
use crate::support::lab::{Lab, Message, Options, PATIENCE, SEGL_TOML, Segl, SmtpResult, wait_until};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs::{self, File, Permissions},
    net::{TcpListener, TcpStream},
    os::{
        fd::OwnedFd,
        unix::{
            fs::{MetadataExt, PermissionsExt},
            net::{UnixDatagram, UnixListener},
        },
    },
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Within this the daemon has ended after SIGTERM, whatever it was doing.
const END_MAX: Duration = Duration::from_secs(10);

/// The daemon as its package's unit runs it.
const PROGRAM: [&str; 9] = [
    "setpriv",
    "--reuid=_segl",
    "--regid=_segl",
    "--groups=adm,postdrop",
    "--inh-caps=-all",
    "--no-new-privs",
    "segl",
    "run",
    "-c",
];

/// What is sent stays in the queue, and is not tried again and again.
const QUIET: [&str; 3] = ["defer_transports=smtp", "queue_run_delay=1h", "minimal_backoff_time=1h"];

fn quiet_lab() -> Lab {
    up(&Options { main_cf: &QUIET, ..super::options(true) })
}

fn tagged(lab: &Lab, to: &str) -> SmtpResult {
    lab.send(&Message { from: "anna@sender.test", to: &[to], subject: "Journal", body: CONFIDENTIAL })
}

/// Runs the daemon where it is to end by itself.
fn run_to_its_end(lab: &Lab, configuration: &str) -> Output {
    assert!(lab.segl(&["--version"]).status.success());
    let path = "/etc/segl/second.toml";
    fs::write(lab.file(path), configuration).unwrap();
    lab.run(&[&PROGRAM[..], &[path]].concat())
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_good_configuration_is_taken_and_a_bad_one_is_not() {
    let lab = up(&super::options(true));
    let observing = SEGL_TOML.replace("\"enforce\"", "\"observe\"");
    assert_ne!(observing, SEGL_TOML);
    let segl = lab.start_segl(&observing);
    let reload = |said: &str| {
        let before = segl.stderr().matches(said).count();
        segl.signal(Signal::SIGHUP);
        let heard = wait_until(PATIENCE, || segl.stderr().matches(said).count() > before);
        assert!(heard, "no log line: {said}\n{}", segl.stderr());
    };
    let cleartext = "bo@cleartext.plain.test";
    let result = tagged(&lab, cleartext);
    assert_eq!(result.code, Some(250), "{result:?}");
    lab.expect("it arrives", || lab.received("cleartext").len() == 1);
    assert!(segl.stderr().contains("mode=observe"), "{}", segl.stderr());

    segl.configure(SEGL_TOML);
    reload("reload: the new configuration is in force");
    assert_eq!(tagged(&lab, cleartext).code, Some(550));

    // Every fault with its place, and what was in force stays.
    let kept = "reload: the new configuration is bad, the old one stays in force";
    let bad = observing.replace("\"observe\"", "\"watch\"") + "reply-budget = \"soon\"\nno-such-key = 1\n";
    let line = |key: &str| 1 + bad.lines().position(|line| line.contains(key)).unwrap();
    segl.configure(&bad);
    reload(kept);
    for (key, named) in [("mode", "mode"), ("reply-budget", "[probe] reply-budget"), ("no-such-key", "[probe]")] {
        let place = format!("/etc/segl/segl.toml:{}: {named}", line(key));
        assert!(wait_until(PATIENCE, || segl.stderr().contains(&place)), "{place}\n{}", segl.stderr());
    }
    assert_eq!(tagged(&lab, cleartext).code, Some(550));

    // The same for rules.
    segl.configure(&observing);
    let own = lab.file("/etc/segl/rules.d/own.toml");
    fs::write(&own, "# ours\n[[rule]]\nid = 7\n").unwrap();
    reload(kept);
    let place = "/etc/segl/rules.d/own.toml:3:";
    assert!(wait_until(PATIENCE, || segl.stderr().contains(place)), "{place}\n{}", segl.stderr());
    assert_eq!(tagged(&lab, cleartext).code, Some(550));

    fs::remove_file(&own).unwrap();
    reload("reload: the new configuration is in force");
    assert_eq!(tagged(&lab, cleartext).code, Some(250));
}

#[test]
fn ends_in_time_in_the_middle_of_a_message() {
    let lab = quiet_lab();
    let mut segl = lab.start_segl(SEGL_TOML);
    let mut idle: Vec<_> = (0..50).map(|_| (MilterClient::negotiated(&lab), Socketmap::connect(&lab))).collect();
    for (_, socketmap) in &mut idle {
        assert_eq!(socketmap.ask("nobody.plain.test"), "NOTFOUND ");
    }
    let mut smtp = Smtp::connect(&lab);
    smtp.begin("bo@tarpit.plain.test", "Journal", CONFIDENTIAL);
    smtp.dot();
    // The probe of the tarpit is under way: the message is in the middle of its end.
    lab.expect("the tarpit is contacted", || connected(&lab, "192.0.2.110"));
    let told = Instant::now();
    let status = segl.terminate();
    let took = told.elapsed();
    assert_eq!(status.code(), Some(0), "{status}: {}", segl.stderr());
    let result = smtp.reply();
    println!("ended within {took:.1?}; the message under way: {:?} {}", result.code, result.text);
    assert!(took < END_MAX, "{took:?}");
    assert!(!segl.stderr().contains("not finished"), "{}", segl.stderr());
    assert!(!segl.stderr().contains("connection closed"), "{}", segl.stderr());
    // It was finished, not dropped.
    assert_eq!(result.code, Some(250), "{result:?}");
    segl.start();
    assert!(Socketmap::connect(&lab).ask("tarpit.plain.test").starts_with("OK encrypt"));
}

/// What would take longer than it may is given up.
#[test]
fn ends_in_time_when_a_message_takes_too_long() {
    let lab = quiet_lab();
    let mut segl = lab.start_segl(&(SEGL_TOML.to_owned() + "reply-budget = \"25s\"\n"));
    let mut smtp = Smtp::connect(&lab);
    smtp.begin("bo@tarpit.plain.test", "Journal", CONFIDENTIAL);
    smtp.dot();
    lab.expect("the tarpit is contacted", || connected(&lab, "192.0.2.110"));
    let told = Instant::now();
    let status = segl.terminate();
    let took = told.elapsed();
    assert_eq!(status.code(), Some(0), "{status}: {}", segl.stderr());
    let result = smtp.reply();
    println!("ended within {took:.1?}; the message under way: {:?} {}", result.code, result.text);
    assert!(took < END_MAX, "{took:?}");
    assert_eq!(result.code, Some(lab.code_without_milter()), "{result:?}");
    assert!(segl.stderr().contains("what is under way is refused for now"), "{}", segl.stderr());
}

/// Whether the mail server has a TCP connection to port 25 there.
fn connected(lab: &Lab, address: &str) -> bool {
    lab.text_of(&["ss", "-Htn", "state", "established", "dst", &format!("{address}:25")]).contains(address)
}

#[test]
fn a_second_daemon_says_so_and_leaves_the_first_alone() {
    let lab = quiet_lab();
    let segl = lab.start_segl(SEGL_TOML);
    let pid = segl.pid();
    let second = run_to_its_end(&lab, SEGL_TOML);
    assert_eq!(second.status.code(), Some(75), "{}", stderr(&second));
    let named = "another process keeps its pins there; is segl running already?";
    assert!(stderr(&second).contains(named), "{}", stderr(&second));
    // Nor may one with a place of its own for pins take the sockets.
    let elsewhere = SEGL_TOML.replace("/var/lib/segl", "/var/lib/segl/second");
    assert_ne!(elsewhere, SEGL_TOML);
    let second = run_to_its_end(&lab, &elsewhere);
    assert_eq!(second.status.code(), Some(75), "{}", stderr(&second));
    let named = "unix:/var/spool/postfix/segl/milter.sock: another program listens there; is segl running already?";
    assert!(stderr(&second).contains(named), "{}", stderr(&second));
    // Nor one with sockets of its own another's pins.
    let beside = format!(
        "{SEGL_TOML}\n[sockets]\nmilter = \"unix:/run/segl-2/milter.sock\"\nsocketmap = \"unix:/run/segl-2/map.sock\"\n"
    );
    let second = run_to_its_end(&lab, &beside);
    assert_eq!(second.status.code(), Some(75), "{}", stderr(&second));
    let result = tagged(&lab, "bo@first.many.plain.test");
    assert_eq!(result.code, Some(250), "{result:?}");
    assert!(Socketmap::connect(&lab).ask("first.many.plain.test").starts_with("OK encrypt"));
    assert_eq!(segl.pid(), pid);
}

#[test]
fn bad_rules_are_named_with_their_place() {
    let lab = quiet_lab();
    fs::write(lab.file("/etc/segl/rules.d/own.toml"), "# ours\n[[rule]]\nid = 7\n").unwrap();
    let missing = SEGL_TOML.replace("/etc/segl/rules-of-numbers", "/etc/segl/nowhere");
    let wrong = SEGL_TOML.replace("\"enforce\"", "\"enforced\"");
    for (configuration, said) in [
        (SEGL_TOML, "/etc/segl/rules.d/own.toml:3:"),
        (&missing, "/etc/segl/nowhere: No such file or directory"),
        (&wrong, "/etc/segl/second.toml:1: mode"),
    ] {
        let output = run_to_its_end(&lab, configuration);
        assert_eq!(output.status.code(), Some(78), "{}", stderr(&output));
        assert!(stderr(&output).contains(said), "{said}: {}", stderr(&output));
    }
}

/// A daemon that a service manager has started: this test.
struct Service<'a> {
    lab: &'a Lab,
    errors: PathBuf,
    notify: UnixDatagram,
    child: Option<Child>,
}

impl<'a> Service<'a> {
    fn new(lab: &'a Lab, configuration: &str) -> Self {
        assert!(lab.segl(&["--version"]).status.success());
        fs::write(lab.file("/etc/segl/segl.toml"), configuration).unwrap();
        let path = lab.file("/run/lab/notify");
        let notify = UnixDatagram::bind(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        notify.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { lab, errors: lab.directory().join("service.stderr"), notify, child: None }
    }

    /// Starts it, with sockets if there are any, and waits until it says that it is ready.
    fn start(&mut self, wrapper: &[&str], sockets: Option<(OwnedFd, OwnedFd)>) {
        let take = "exec 3<&0 4<&1 </dev/null >/dev/null; export LISTEN_PID=$$ LISTEN_FDS=2; exec \"$@\"";
        let take = if sockets.is_some() { take } else { "exec \"$@\"" };
        let words = [&["sh", "-c", take, "sh"], wrapper, &PROGRAM[..], &["/etc/segl/segl.toml"]].concat();
        let mut command = self.lab.command("mta", words);
        command.env("NOTIFY_SOCKET", "/run/lab/notify").env("LISTEN_FDNAMES", "milter:socketmap");
        command.stderr(File::options().create(true).append(true).open(&self.errors).unwrap());
        match sockets {
            Some((milter, socketmap)) => command.stdin(Stdio::from(milter)).stdout(Stdio::from(socketmap)),
            None => command.stdin(Stdio::null()).stdout(Stdio::null()),
        };
        self.child = Some(command.spawn().unwrap());
        self.hears("READY=1");
    }

    /// Waits until the service manager is told this.
    fn hears(&self, expected: &str) {
        let mut buffer = [0; 4096];
        loop {
            let length = self.notify.recv(&mut buffer);
            let length = length.unwrap_or_else(|error| panic!("{expected}: {error}: {}", self.stderr()));
            if String::from_utf8_lossy(&buffer[..length]).lines().any(|line| line == expected) {
                return;
            }
        }
    }

    fn stderr(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_default()
    }

    fn pid(&self) -> Pid {
        let parent = self.child.as_ref().unwrap().id();
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
        Pid::from_raw(children.split_whitespace().next().unwrap().parse().unwrap())
    }

    fn terminate(&mut self) -> ExitStatus {
        kill(self.pid(), Signal::SIGTERM).unwrap();
        self.hears("STOPPING=1");
        self.child.take().unwrap().wait().unwrap()
    }
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        if self.child.is_some() {
            let _ = kill(self.pid(), Signal::SIGKILL);
            let _ = self.child.take().unwrap().wait();
        }
    }
}

/// Tagged mail goes over TLS or not at all, ordinary mail goes.
fn mail_flows(lab: &Lab, said: impl Fn() -> String) {
    let (secure, clear) = (lab.received("tls13").len(), lab.received("cleartext").len());
    let result = tagged(lab, "bo@tls13.plain.test");
    assert_eq!(result.code, Some(250), "{result:?}\n{}", said());
    lab.expect("tagged mail arrives", || lab.received("tls13").len() > secure);
    assert_eq!(lab.received("tls13")[secure].tls.as_deref(), Some("TLSv1.3"));
    let result = tagged(lab, "bo@cleartext.plain.test");
    assert_eq!(result.code, Some(550), "{result:?}\n{}", said());
    let to = ["bo@cleartext.plain.test"];
    let result = lab.send(&Message { from: "anna@sender.test", to: &to, subject: "Lunch", body: "Soup today." });
    assert_eq!(result.code, Some(250), "{result:?}\n{}", said());
    lab.expect("ordinary mail arrives", || lab.received("cleartext").len() > clear);
}

#[test]
fn activated_by_unix_sockets() {
    let lab = up(&super::options(true));
    let bind = |path: &str| {
        let path = lab.file(path);
        let listener = UnixListener::bind(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o660)).unwrap();
        listener
    };
    let (milter, socketmap) = (bind(MILTER), bind(SOCKETMAP));
    let mut service = Service::new(&lab, SEGL_TOML);
    let sockets = || Some((milter.try_clone().unwrap().into(), socketmap.try_clone().unwrap().into()));
    service.start(&[], sockets());
    mail_flows(&lab, || service.stderr());

    kill(service.pid(), Signal::SIGHUP).unwrap();
    service.hears("RELOADING=1");
    service.hears("READY=1");
    assert_eq!(service.terminate().code(), Some(0), "{}", service.stderr());
    assert!(lab.file(MILTER).exists() && lab.file(SOCKETMAP).exists(), "the service manager's files are not ours");

    let mut client = MilterClient::connect(&lab);
    client.write(&offer());
    while_it_is_down(&lab, &mut service, sockets, Socketmap::connect(&lab).0);
    assert_eq!(client.reply().0, b'O', "a connection to the milter that was made while it was down");
    mail_flows(&lab, || service.stderr());
}

#[test]
fn activated_by_inet_sockets() {
    let lab = up(&Options { main_cf: &INET_POSTFIX, ..super::options(true) });
    let bind = |port: u16| lab.in_network("mta", || TcpListener::bind(("127.0.0.1", port)).unwrap());
    let (milter, socketmap) = (bind(8891), bind(8892));
    let mut service = Service::new(&lab, &(SEGL_TOML.to_owned() + INET_SEGL));
    let sockets = || Some((milter.try_clone().unwrap().into(), socketmap.try_clone().unwrap().into()));
    service.start(&[], sockets());
    mail_flows(&lab, || service.stderr());
    assert_eq!(service.terminate().code(), Some(0), "{}", service.stderr());
    let client = lab.in_network("mta", || TcpStream::connect(("127.0.0.1", 8892)).unwrap());
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    while_it_is_down(&lab, &mut service, sockets, client);
    mail_flows(&lab, || service.stderr());
}

/// Connections that are made while the daemon is down wait for the next one: none is lost.
fn while_it_is_down(
    lab: &Lab,
    service: &mut Service<'_>,
    sockets: impl Fn() -> Option<(OwnedFd, OwnedFd)>,
    mut client: impl std::io::Read + std::io::Write + Send,
) {
    const SENDERS: usize = 5;
    let connects = || lab.mail_log().matches("connect from localhost").count();
    let before = connects();
    thread::scope(|scope| {
        let asking = scope.spawn(|| ask(&mut client, "nobody.plain.test"));
        let sending = |number: usize| tagged(lab, &format!("bo@down{number}.many.plain.test"));
        let sending: Vec<_> = (0..SENDERS).map(|number| scope.spawn(move || sending(number))).collect();
        lab.expect("Postfix has the clients", || connects() >= before + SENDERS);
        service.start(&[], sockets());
        for thread in sending {
            let result = thread.join().unwrap();
            assert_eq!(result.code, Some(250), "{result:?}\n{}", service.stderr());
        }
        assert_eq!(asking.join().unwrap(), "NOTFOUND ");
    });
}

/// Segl's sockets as TCP, for its configuration and for Postfix's.
const INET_SEGL: &str = "\n[sockets]\nmilter = \"inet:127.0.0.1:8891\"\nsocketmap = \"inet:127.0.0.1:8892\"\n";
const INET_POSTFIX: [&str; 3] = [
    "smtpd_milters=inet:127.0.0.1:8891",
    "non_smtpd_milters=inet:127.0.0.1:8891",
    "smtp_tls_policy_maps=socketmap:inet:127.0.0.1:8892:tls",
];

#[test]
fn inet_sockets_of_its_own() {
    let lab = up(&Options { main_cf: &INET_POSTFIX, ..super::options(true) });
    let mut service = Service::new(&lab, &(SEGL_TOML.to_owned() + INET_SEGL));
    let tracer = ["strace", "-D", "-f", "-yy", "-o", "/run/lab/trace", "-e", "trace=accept4,setsockopt"];
    service.start(&tracer, None);
    mail_flows(&lab, || service.stderr());
    assert_eq!(service.terminate().code(), Some(0), "{}", service.stderr());
    let trace = fs::read_to_string(lab.file("/run/lab/trace")).unwrap();
    for port in [":8891->", ":8892->"] {
        let accepted = trace.lines().filter(|line| line.contains("accept4") && line.contains(port)).count();
        let set = |line: &&str| line.contains(port) && line.contains("TCP_NODELAY, [1]");
        let at_once = trace.lines().filter(set).count();
        println!("{port} {accepted} connections, {at_once} with TCP_NODELAY");
        assert!(accepted > 0 && at_once == accepted, "{trace}");
    }
}

#[test]
fn lines_go_to_syslog() {
    let lab = quiet_lab();
    // A /dev of the lab's own, in which there is a syslog daemon's socket.
    lab.text_of(&[
        "sh",
        "-c",
        "mkdir /run/lab/dev && cd /run/lab/dev && for name in null zero full random urandom tty; do \
         touch $name && mount --bind /dev/$name $name; done; ln -s /proc/self/fd fd",
    ]);
    let path = lab.file("/run/lab/dev/log");
    let syslog = UnixDatagram::bind(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    syslog.set_read_timeout(Some(PATIENCE)).unwrap();
    lab.text_of(&["mount", "--rbind", "/run/lab/dev", "/dev"]);

    let mut segl = lab.start_segl(&(SEGL_TOML.to_owned() + "\n[log]\ntarget = \"syslog\"\n"));
    let hears = |expected: &str| {
        let mut buffer = [0; 4096];
        loop {
            let length = syslog.recv(&mut buffer).unwrap_or_else(|error| panic!("{expected}: {error}"));
            let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if line.contains(expected) {
                return line;
            }
        }
    };
    let ready = hears("mode=enforce ready");
    // LOG_MAIL, info.
    assert!(ready.starts_with("<22>segl["), "{ready}");
    let result = tagged(&lab, "bo@syslog.many.plain.test");
    let queue_id = result.queue_id.clone().unwrap_or_else(|| panic!("{result:?}"));
    let verdict = hears(&queue_id);
    assert!(verdict.starts_with("<22>segl[") && verdict.contains("action=accept"), "{verdict}");
    assert_eq!(segl.terminate().code(), Some(0));
    hears("ending");
    assert_eq!(segl.stderr(), "", "nothing of it goes to standard error");
}

/// A message with so many bytes of text before the last line.
fn long(to: &str, bytes: usize, last: &str) -> Vec<u8> {
    let line = "Referat af mødet om budgettet, som alle har fået tilsendt. \r\n".replace("ø", "oe").replace("å", "aa");
    let body = line.repeat(bytes.div_ceil(line.len()));
    format!("From: <anna@sender.test>\r\nTo: <{to}>\r\nSubject: Long\r\n\r\n{body}{last}\r\n").into_bytes()
}

/// The files without a name that the daemon has open, in the state directory's file system: their sizes.
fn spooled(lab: &Lab, segl: &Segl<'_>) -> Vec<u64> {
    let device = fs::metadata(lab.file("/var/lib/segl")).unwrap().dev();
    let descriptors = fs::read_dir(format!("/proc/{}/fd", segl.pid())).unwrap();
    let unnamed = |path: &Path| fs::read_link(path).is_ok_and(|name| name.to_string_lossy().ends_with("(deleted)"));
    descriptors
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| unnamed(path))
        .filter_map(|path| fs::metadata(path).ok())
        .filter(|metadata| metadata.is_file() && metadata.dev() == device)
        .map(|metadata| metadata.size())
        .collect()
}

#[test]
fn a_large_message_waits_in_a_file_without_a_name_and_is_read_to_its_end() {
    let lab = up(&super::options(true));
    let segl = lab.start_segl(SEGL_TOML);
    let mut client = MilterClient::negotiated(&lab);
    client.begin("4bLARGEzzzzz", "bo@large.many.plain.test");
    let chunk = [b'x'; 65535];
    for _ in 0..10 {
        client.go_on(b'B', &chunk);
    }
    assert!(spooled(&lab, &segl).is_empty(), "less than spool-above stays in memory");
    for _ in 0..30 {
        client.go_on(b'B', &chunk);
    }
    let files = spooled(&lab, &segl);
    assert!(files.len() == 1 && files[0] > 2_000_000, "{files:?}");
    drop(client);
    lab.expect("the file goes with its message", || spooled(&lab, &segl).is_empty());

    let to = "bo@tls13.plain.test";
    let began = Instant::now();
    let result = lab.send_raw("anna@sender.test", &[to], &long(to, 5_000_000, CONFIDENTIAL));
    println!("5 MB with a number in the last line: {:.1?}", began.elapsed());
    let queue_id = result.queue_id.clone().unwrap_or_else(|| panic!("{result:?}\n{}", segl.stderr()));
    assert!(segl.stderr().contains(&format!("{queue_id}: confidential")), "{}", segl.stderr());
    lab.expect("it arrives", || lab.received("tls13").len() == 1);
    let result = lab.send_raw("anna@sender.test", &[to], &long(to, 5_000_000, "Mange hilsner"));
    let queue_id = result.queue_id.clone().unwrap_or_else(|| panic!("{result:?}\n{}", segl.stderr()));
    assert!(!segl.stderr().contains(&queue_id), "{}", segl.stderr());
    assert!(spooled(&lab, &segl).is_empty());
}

#[test]
fn a_full_disk_refuses_large_messages_for_now() {
    let lab = quiet_lab();
    lab.text_of(&[
        "sh",
        "-c",
        "truncate -s 16M /var/lib/disk && mkfs.ext4 -q -m 0 /var/lib/disk && mount -o loop /var/lib/disk /var/lib/segl \
         && chown _segl:_segl /var/lib/segl && chmod 0700 /var/lib/segl",
    ]);
    let segl = lab.start_segl(SEGL_TOML);
    let pid = segl.pid();
    let to = "bo@disk.many.plain.test";
    let message = long(to, 3_000_000, "Mange hilsner");
    let send = || lab.send_raw("anna@sender.test", &[to], &message);
    assert_eq!(send().code, Some(250));

    let fill =
        "head -c $(($(df --output=avail -B1 /var/lib/segl | tail -n 1) - 1500000)) /dev/zero >/var/lib/segl/filler";
    lab.text_of(&["sh", "-c", fill]);
    let result = send();
    assert_eq!(result.code, Some(451), "{result:?}");
    assert!(result.text.contains("Segl cannot check this message now"), "{result:?}");
    let line = "action=tempfail reason=\"spool: No space left on device";
    assert!(wait_until(PATIENCE, || segl.stderr().contains(line)), "{}", segl.stderr());
    lab.expect("nothing of it is kept", || spooled(&lab, &segl).is_empty());
    // What fits is served all the while.
    let result = tagged(&lab, "bo@small.many.plain.test");
    assert_eq!(result.code, Some(250), "{result:?}\n{}", segl.stderr());

    lab.text_of(&["rm", "/var/lib/segl/filler"]);
    let result = send();
    assert_eq!(result.code, Some(250), "{result:?}\n{}", segl.stderr());
    assert_eq!(segl.pid(), pid, "the same process all the time");
}
