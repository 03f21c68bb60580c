//! Workers that do what they should not. The worker is this test program, started again.

use super::{
    Pool, Program, Settings,
    protocol::{self, Bounds, End, Reply, Request},
    serve,
};
use crate::message::{Attachment, Document, Fault, Limits, Piece, ReadAttachment, Reading, Stop, Unreadable, Used};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    collections::BTreeSet,
    env, fs,
    io::{self, Write},
    net::TcpStream,
    os::{fd::AsFd, unix::net::UnixStream},
    panic::catch_unwind,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// Memory of these workers, in bytes.
const MEMORY: u64 = 256 << 20;

/// What a stranger's file may make a reader do, by the words in it. Before that, all goes well.
struct Obedient;

impl ReadAttachment for Obedient {
    fn read(&self, attachment: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Stop> {
        let place = attachment.place;
        reading.piece(Piece::new(place, "before"));
        let words = str::from_utf8(attachment.bytes).unwrap();
        let outcome: io::Result<String> = match words.split_once(' ').unwrap_or((words, "")) {
            ("open", path) => fs::read(path).map(|bytes| format!("{} bytes", bytes.len())),
            ("list", path) => fs::read_dir(path).map(|entries| format!("{} entries", entries.count())),
            ("write", path) => fs::write(path, "x").map(|()| "written".to_owned()),
            ("connect", address) => TcpStream::connect(address).map(|_| "connected".to_owned()),
            ("connect-unix", path) => UnixStream::connect(path).map(|_| "connected".to_owned()),
            ("run", program) => Command::new(program).spawn().map(|_| "run".to_owned()),
            ("thread", _) => thread::Builder::new().spawn(|| ()).map(|_| "started".to_owned()),
            ("duplicate", _) => io::stdin().as_fd().try_clone_to_owned().map(|_| "duplicated".to_owned()),
            ("kill", pid) => {
                kill(Pid::from_raw(pid.parse().unwrap()), None).map(|()| "there".to_owned()).map_err(Into::into)
            }
            ("environment", _) => Ok(format!("{:?}", env::vars().map(|(name, _)| name).collect::<BTreeSet<_>>())),
            ("allocate", bytes) => {
                let bytes = vec![1_u8; bytes.parse().unwrap()];
                Ok(format!("{} bytes", bytes.iter().filter(|byte| **byte == 1).count()))
            }
            ("turn", _) => loop {
                std::hint::spin_loop();
            },
            ("sleep", _) => loop {
                thread::sleep(Duration::from_secs(1));
            },
            ("abort", _) => std::process::abort(),
            ("exit", _) => std::process::exit(3),
            ("panic", _) => {
                let caught = catch_unwind(|| panic!("at {words}"));
                return reading.fault(place, Fault::Limit(format!("limit: panicked: {}", caught.is_err()))).and(Ok(()));
            }
            ("overflow", _) => Ok(format!("{}", deep(1))),
            ("ask", _) => Ok("answer".to_owned()),
            ("parts", _) => loop {
                reading.part(place)?;
            },
            other => panic!("{other:?}"),
        };
        reading.piece(Piece::new(place, format!("done: {}", outcome.unwrap_or_else(|error| error.to_string()))));
        Ok(())
    }
}

/// Recursion that no compiler makes a loop of.
fn deep(level: u64) -> u64 {
    let block = std::hint::black_box([level; 64]);
    match level {
        0 => 0,
        _ => deep(std::hint::black_box(level + 1)) + block[(level % 64) as usize],
    }
}

#[test]
#[ignore = "run as a worker by the other tests"]
fn obedient() {
    let _ = serve(&Obedient, MEMORY);
}

/// A worker that answers what its file tells it to: what its reader would say once it was taken over.
#[test]
#[ignore = "run as a worker by the other tests"]
fn liar() {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned().unwrap());
    let say = |reply: &Reply, payload: &[u8]| protocol::write(&mut &socket, reply, payload).is_ok();
    say(&Reply::Ready { landlock: true }, &[]);
    let bounds = Bounds { header: 1 << 20, payload: 1 << 20 };
    while let Ok(Some((request, bytes))) = protocol::read::<Request>(&mut &socket, bounds) {
        let place = request.place.clone();
        let piece = Reply::Piece { place: place.clone(), spots: Vec::new() };
        let end = |used| Reply::End(End { used, again: true, panicked: None });
        match str::from_utf8(&bytes).unwrap() {
            "latin" => drop(say(&piece, b"bl\xe5b\xe6r")),
            "long" => drop((&socket).write_all(&[4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 1, 97, 0])),
            "noise" => drop((&socket).write_all(&[0x55; 4096])),
            "half" => {
                (&socket).write_all(&[200, 0, 0, 0]).unwrap();
                return;
            }
            "ready" => drop(say(&Reply::Ready { landlock: true }, &[])),
            "picture" => drop(say(&Reply::Picture { place, kind: "PNG".to_owned() }, b"x")),
            "pieces" => while say(&piece, &[b'x'; 60_000]) {},
            "empty" => while say(&piece, b"") {},
            "list" => {
                let part = Unreadable { place, reason: "no".to_owned() };
                while say(&Reply::Unreadable(part.clone()), &[]) {}
            }
            "used" => {
                let all = usize::MAX;
                say(&piece, b"text");
                say(&end(Used { parts: all, header_bytes: all, expanded_bytes: all }), &[]);
            }
            _ => {
                say(&piece, b"text");
                say(&end(Used::default()), &[]);
            }
        }
    }
}

fn pool(worker: &str, workers: usize) -> Pool {
    let name = format!("worker::tests::{worker}");
    let arguments = ["--exact", &name, "--ignored", "--nocapture", "--test-threads=1"].map(Into::into).to_vec();
    let program = Program { path: "/proc/self/exe".into(), arguments };
    Pool::start(Settings { program, workers, pictures: None }).unwrap()
}

const LONG: Duration = Duration::from_secs(60);

fn read_within(pool: &Pool, limits: &Limits, time: Duration, files: &[&str]) -> Document {
    let readers = pool.message();
    let mut reading = Reading::new(limits, Instant::now() + time, &readers);
    for (number, file) in files.iter().enumerate() {
        let place = format!("file {number}");
        let attachment =
            Attachment { place: &place, name: None, media_type: None, charset: None, bytes: file.as_bytes() };
        if reading.attachment(&attachment).is_err() {
            break;
        }
    }
    reading.finish()
}

fn read(pool: &Pool, files: &[&str]) -> Document {
    read_within(pool, &Limits::default(), LONG, files)
}

fn texts(document: &Document) -> Vec<&str> {
    document.pieces.iter().map(|piece| &*piece.text).collect()
}

fn reasons(document: &Document) -> Vec<String> {
    document.unreadable.iter().map(|part| format!("{}: {}", part.place, part.reason)).collect()
}

/// Processes that this thread's process has started and not waited for, ended or not.
fn children() -> BTreeSet<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let of = |task: io::Result<fs::DirEntry>| fs::read_to_string(task.unwrap().path().join("children"));
    // A thread may end in between.
    let lists: Vec<String> = tasks.filter_map(|task| of(task).ok()).collect();
    lists.iter().flat_map(|list| list.split_whitespace().map(str::to_owned)).collect()
}

fn wait_until(mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + LONG;
    while !condition() {
        if Instant::now() > end {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

#[test]
fn what_a_worker_may_not_do_ends_it_and_costs_one_file() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let _unix = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    fs::write(path("file"), "content").unwrap();
    let pool = pool("obedient", 1);
    let misdeeds = [
        format!("open {}", path("file")),
        "open /proc/self/environ".to_owned(),
        format!("list {}", path("")),
        format!("write {}", path("new")),
        format!("connect {}", listener.local_addr().unwrap()),
        format!("connect-unix {}", path("socket")),
        "run /bin/true".to_owned(),
        "thread".to_owned(),
        "duplicate".to_owned(),
        format!("kill {}", std::process::id()),
        "sleep".to_owned(),
    ];
    for misdeed in &misdeeds {
        let document = read(&pool, &["ask", misdeed, "ask"]);
        assert_eq!(texts(&document), ["before", "done: answer", "before", "before", "done: answer"], "{misdeed}");
        let died = "file 1: limit: its reader died (it asked the system for what it may not: SIGSYS)";
        assert_eq!(reasons(&document), [died], "{misdeed}");
    }
    assert!(!directory.path().join("new").exists());
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn its_environment_holds_nothing_of_ours() {
    let document = read(&pool("obedient", 1), &["environment"]);
    assert_eq!(texts(&document)[1], "done: {\"MIMALLOC_ARENA_RESERVE\", \"MIMALLOC_USE_NUMA_NODES\"}");
}

#[test]
fn too_much_memory_too_deep_a_recursion_an_abort_cost_one_file() {
    let pool = pool("obedient", 1);
    let document = read(&pool, &["allocate 134217728", "allocate 1073741824", "ask", "overflow", "abort", "ask"]);
    assert_eq!(
        texts(&document),
        [
            "before",
            "done: 134217728 bytes",
            "before",
            "before",
            "done: answer",
            "before",
            "before",
            "before",
            "done: answer"
        ]
    );
    let died = |file: usize| format!("file {file}: limit: its reader died (out of memory, most likely)");
    assert_eq!(reasons(&document), [died(1), died(3), died(4)]);
}

#[test]
fn a_worker_that_ends_costs_one_file() {
    let document = read(&pool("obedient", 1), &["exit", "ask"]);
    assert_eq!(texts(&document), ["before", "before", "done: answer"]);
    assert_eq!(reasons(&document), ["file 0: limit: its reader died (exit status 3)"]);
}

#[test]
fn a_worker_in_which_a_reader_panicked_is_replaced() {
    let pool = pool("obedient", 1);
    read(&pool, &["ask"]);
    assert_eq!(pool.idle().len(), 1);
    let document = read(&pool, &["panic"]);
    assert_eq!(reasons(&document), ["file 0: limit: panicked: true"]);
    assert!(pool.idle().is_empty());
}

#[test]
fn whoever_turns_for_ever_is_ended_at_the_deadline() {
    let pool = pool("obedient", 1);
    let before = read(&pool, &["ask"]);
    assert!(before.unreadable.is_empty(), "{:?}", before.unreadable);
    let document = read_within(&pool, &Limits::default(), Duration::from_secs(1), &["turn", "ask"]);
    assert_eq!(texts(&document), ["before"]);
    assert_eq!(reasons(&document), ["file 0: limit: time"]);
    assert!(pool.idle().is_empty());
    assert_eq!(texts(&read(&pool, &["ask"])), ["before", "done: answer"]);
}

#[test]
fn limits_hold_over_workers() {
    let limits = Limits { parts: 5, ..Limits::default() };
    let document = read_within(&pool("obedient", 1), &limits, LONG, &["ask", "ask", "parts", "ask"]);
    assert_eq!(texts(&document), ["before", "done: answer", "before", "done: answer", "before"]);
    assert_eq!(reasons(&document), ["file 2: limit: more than 5 parts"]);
}

#[test]
fn one_worker_serves_many_and_a_dead_one_is_replaced() {
    let pool = pool("obedient", 2);
    read(&pool, &["ask", "ask"]);
    let first = pool.idle();
    assert_eq!(first.len(), 1);
    read(&pool, &["ask"]);
    assert_eq!(pool.idle(), first);
    kill(Pid::from_raw(first[0].cast_signed()), Signal::SIGKILL).unwrap();
    let document = read(&pool, &["ask"]);
    assert_eq!(texts(&document), ["before", "done: answer"]);
    assert!(document.unreadable.is_empty(), "{:?}", document.unreadable);
    assert_ne!(pool.idle(), first);
    // What has served long enough is replaced.
    let many = vec!["ask"; 250];
    let second = pool.idle();
    assert_eq!(read(&pool, &many).pieces.len(), 500);
    assert_ne!(pool.idle(), second);
    // What has had much memory is, too.
    let third = pool.idle();
    read(&pool, &["allocate 134217728"]);
    assert!(pool.idle().is_empty());
    assert_eq!(third.len(), 1);
}

#[test]
fn a_worker_killed_in_the_middle_costs_one_file() {
    let pool = pool("obedient", 1);
    read(&pool, &["ask"]);
    let worker = Pid::from_raw(pool.idle()[0].cast_signed());
    let document = thread::scope(|scope| {
        let reading = scope.spawn(|| read(&pool, &["turn", "ask"]));
        assert!(wait_until(|| pool.idle().is_empty()));
        kill(worker, Signal::SIGKILL).unwrap();
        reading.join().unwrap()
    });
    assert_eq!(reasons(&document), ["file 0: limit: its reader died (SIGKILL)"]);
    assert_eq!(texts(&document).last(), Some(&"done: answer"));
}

#[test]
fn messages_wait_for_a_place_and_not_for_ever() {
    let pool = pool("obedient", 1);
    let first = pool.message();
    let mut reading = Reading::new(&Limits::default(), Instant::now() + LONG, &first);
    let ask = Attachment { place: "a", name: None, media_type: None, charset: None, bytes: b"ask" };
    reading.attachment(&ask).unwrap();
    let late = read_within(&pool, &Limits::default(), Duration::from_millis(50), &["ask", "ask"]);
    assert!(texts(&late).is_empty());
    assert_eq!(reasons(&late)[0], "file 0: limit: time (waiting for a reader)");
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..5).map(|_| scope.spawn(|| read(&pool, &["ask"]))).collect();
        drop(first);
        for document in waiting {
            assert_eq!(texts(&document.join().unwrap()), ["before", "done: answer"]);
        }
    });
}

/// Run alone: other tests start processes too.
#[test]
#[ignore = "run by nothing_is_left_of_a_pool"]
fn nothing_is_left_of_a_pool_alone() {
    let threads = || fs::read_dir("/proc/self/task").unwrap().count();
    let (children_before, threads_before) = (children(), threads());
    let pool = pool("obedient", 4);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| read(&pool, &["ask", "abort", "ask"]));
        }
    });
    let left = pool.idle();
    assert!(!left.is_empty() && left.len() <= 4, "{left:?}");
    assert_eq!(children().len(), children_before.len() + left.len());
    drop(pool);
    assert_eq!(children(), children_before);
    assert!(wait_until(|| threads() == threads_before));
}

#[test]
fn nothing_is_left_of_a_pool() {
    let name = "worker::tests::nothing_is_left_of_a_pool_alone";
    let output = Command::new("/proc/self/exe").args(["--exact", name, "--ignored"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn lies_are_not_believed_and_cost_one_file() {
    let pool = pool("liar", 1);
    let small = Limits { text_bytes: 1 << 20, ..Limits::default() };
    let senseless = |what: &str| vec![format!("file 0: limit: its reader's answer makes no sense ({what})")];
    for (lie, expected) in [
        ("latin", senseless("no UTF-8")),
        ("long", senseless("longer than it may be")),
        ("noise", senseless("longer than it may be")),
        ("half", vec!["file 0: limit: its reader died (exit status 0)".to_owned()]),
        ("ready", senseless("out of turn")),
        ("picture", senseless("out of turn")),
    ] {
        let document = read_within(&pool, &small, LONG, &[lie, "tell"]);
        assert_eq!(reasons(&document), expected, "{lie}");
        assert_eq!(texts(&document), ["text"], "{lie}");
    }
    for lie in ["pieces", "empty", "list"] {
        let document = read_within(&pool, &small, LONG, &[lie]);
        let text: usize = document.pieces.iter().map(|piece| piece.text.len()).sum();
        assert!(text <= small.text_bytes, "{lie}: {text}");
        assert!(document.unreadable.len() < 200_000, "{lie}: {}", document.unreadable.len());
        let last = reasons(&document).pop().unwrap();
        assert!(last.starts_with("file 0: limit: its reader's answer makes no sense ("), "{lie}: {last}");
    }
    // Whatever it says to have used, what was found stays and the rest is listed.
    let document = read(&pool, &["used", "tell"]);
    assert_eq!(texts(&document), ["text"]);
    assert_eq!(reasons(&document), ["file 0: limit: more than 1000 parts"]);
}

#[test]
fn where_no_worker_starts_everything_is_listed() {
    for (path, arguments, reason) in [
        ("/nonexistent", vec![], "No such file or directory (os error 2)"),
        ("/bin/false", vec![], "it ended at once: exit status 1"),
        ("/bin/sh", vec!["-c", "head -c 100 /dev/zero >&0; sleep 100"], "its first words are not of the protocol"),
        ("/bin/sh", vec!["-c", "echo what is this >&0"], "its first words are longer than it may be"),
    ] {
        let arguments = arguments.into_iter().map(Into::into).collect();
        let program = Program { path: path.into(), arguments };
        let pool = Pool::start(Settings { program, workers: 1, pictures: None }).unwrap();
        pool.warm_up();
        let document = read(&pool, &["a", "b"]);
        let listed = |file: usize| format!("file {file}: limit: no reader can be started: {reason}");
        assert_eq!(reasons(&document), [listed(0), listed(1)]);
        assert!(document.unreadable.iter().all(Unreadable::is_limit));
    }
}
