//! Attached files, read by worker processes: what is found in them holds like what stands in the text, and nothing
//! that happens to a worker costs more than the file that it was reading.
#![cfg(feature = "documents")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use super::{
    CONFIDENTIAL,
    post::{ENCRYPT, arrived, expect_deferred, hold, lines, policy, unhold, verdict, with},
    scenario, up,
};
use crate::support::lab::{Lab, Options, PATIENCE, SEGL_TOML, Segl, SmtpResult, wait_until};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{fs, thread};

const TLS: &str = "bo@tls13.plain.test";

/// What Segl says of a message that the worker's file made confidential.
const FOUND: &str = "confidential categories=national-id to=tls13.plain.test require=encrypt tls=encrypted/TLSv1.3 \
                     action=accept";

/// Sends a message with nothing in its text and these files attached, as a client that does not know what they are.
fn send(lab: &Lab, to: &str, files: &[(&str, &str)]) -> SmtpResult {
    let mut message = format!(
        "From: anna@sender.test\r\nTo: {to}\r\nSubject: Journal\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSe vedlagt.\r\n"
    );
    for (name, content) in files {
        message.push_str(&format!(
            "--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: 8bit\r\n\
             Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n{content}\r\n"
        ));
    }
    message.push_str("--b--\r\n");
    lab.send_raw("anna@sender.test", &[to], message.as_bytes())
}

/// The same, which must be accepted: what Segl said of it.
fn accepted(lab: &Lab, segl: &Segl<'_>, files: &[(&str, &str)]) -> String {
    let sent = send(lab, TLS, files);
    assert_eq!(sent.code, Some(250), "{sent:?}");
    let queue_id = sent.queue_id.unwrap();
    assert_eq!(lines(segl, &queue_id).len(), 1, "{}", segl.stderr());
    verdict(segl, &queue_id)
}

/// The workers of a daemon.
fn workers(daemon: i32) -> Vec<Pid> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{daemon}/task")) else { return Vec::new() };
    let lists = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    let children: Vec<String> = lists.flat_map(|list| list.split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    children.iter().filter(|pid| is_worker(pid)).filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect()
}

fn is_worker(pid: &str) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"segl\0read-worker\0"))
}

/// The worker that is there once the daemon has begun, behind its fence.
fn worker(segl: &Segl<'_>) -> Pid {
    let is_fenced = |pid: &Pid| {
        fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(|status| status.contains("Seccomp:\t2"))
    };
    let ready = || matches!(&*workers(segl.pid()), [worker] if is_fenced(worker));
    assert!(wait_until(PATIENCE, ready), "{}", segl.stderr());
    workers(segl.pid())[0]
}

/// Whether a worker has ended, whoever waits for it or has its number now.
fn is_gone(worker: Pid) -> bool {
    !is_worker(&worker.to_string())
}

/// Processor time that a process has taken in user mode, in clock ticks (proc_pid_stat(5)).
fn ticks(pid: Pid) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    fields.split(' ').nth(11).and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

/// Whether something has been written to a worker that it has not read.
fn is_asked(lab: &Lab, worker: Pid) -> bool {
    let socket = fs::read_link(format!("/proc/{worker}/fd/0")).unwrap().to_string_lossy().into_owned();
    let inode = socket.trim_start_matches("socket:[").trim_end_matches(']').to_owned();
    lab.text_of(&["ss", "-xnH"]).lines().any(|line| match *line.split_whitespace().collect::<Vec<_>>() {
        [_, _, received, _, _, local, _, _] => local == inode && received != "0",
        _ => false,
    })
}

scenario!(what_stands_in_an_attached_file_is_found_and_held);

fn what_stands_in_an_attached_file_is_found_and_held(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(SEGL_TOML);
    let files = [("plan.txt", "The meeting is at noon."), ("journal.txt", CONFIDENTIAL)];
    let refused = send(&lab, "bo@cleartext.plain.test", &files);
    assert_eq!(refused.code, Some(550), "{refused:?}");

    hold(&lab, "tls13");
    assert_eq!(accepted(&lab, &segl, &files), FOUND);
    let queued = lab.queue();
    expect_deferred(&lab, &queued[0].queue_id, "busy");
    assert_eq!(policy(&lab, "tls13.plain.test").as_deref(), Some(ENCRYPT));
    unhold(&lab, "tls13");
    assert_eq!(arrived(&lab, "tls13", 1)[0].tls.as_deref(), Some("TLSv1.3"));
    assert!(segl.stderr().contains("attached files are read behind a fence of seccomp"), "{}", segl.stderr());
}

#[test]
fn a_worker_that_is_killed_costs_at_most_its_file() {
    let lab = up(&with(&super::options(true), &["message_size_limit=0"]));
    let segl = lab.start_segl(SEGL_TOML);

    // While it waits for work: nothing.
    let first = worker(&segl);
    kill(first, Signal::SIGKILL).unwrap();
    assert_eq!(accepted(&lab, &segl, &[("journal.txt", CONFIDENTIAL)]), FOUND);

    // Before it has read what it is asked: nothing.
    let second = worker(&segl);
    assert_ne!(first, second);
    kill(second, Signal::SIGSTOP).unwrap();
    let said = thread::scope(|scope| {
        let sent = scope.spawn(|| accepted(&lab, &segl, &[("journal.txt", CONFIDENTIAL)]));
        assert!(wait_until(PATIENCE, || is_asked(&lab, second)));
        kill(second, Signal::SIGKILL).unwrap();
        sent.join().unwrap()
    });
    assert_eq!(said, FOUND);

    // While it reads: that file. Nothing else is in the message, and it is held all the same. It may be done before it
    // is killed, so that there are several attempts.
    let large = "rødgrød med fløde\r\n".repeat(1_500_000);
    let unread = FOUND.replace("national-id", "") + " unreadable=1";
    let hit = (0..5).any(|_| {
        let busy = worker(&segl);
        let before = ticks(busy);
        let said = thread::scope(|scope| {
            let sent = scope.spawn(|| accepted(&lab, &segl, &[("plan.txt", "noon"), ("large.txt", &large)]));
            if wait_until(PATIENCE, || sent.is_finished() || ticks(busy) >= before + 15) {
                let _ = kill(busy, Signal::SIGKILL);
            }
            sent.join()
        });
        said.is_ok_and(|said| said == unread)
    });
    assert!(hit, "{}", segl.stderr());
    assert!(segl.stderr().contains("documents: a reader died: SIGKILL"), "{}", segl.stderr());
    assert_eq!(accepted(&lab, &segl, &[("journal.txt", CONFIDENTIAL)]), FOUND);
}

#[test]
fn no_worker_outlives_the_daemon() {
    let lab = up(&super::options(true));
    let mut segl = lab.start_segl(SEGL_TOML);
    let idle = worker(&segl);
    segl.kill9();
    assert!(wait_until(PATIENCE, || is_gone(idle)));

    // Nor one that does not listen.
    segl.start();
    let stopped = worker(&segl);
    kill(stopped, Signal::SIGSTOP).unwrap();
    segl.kill9();
    assert!(wait_until(PATIENCE, || is_gone(stopped)));

    segl.start();
    let last = worker(&segl);
    assert_eq!(segl.terminate().code(), Some(0));
    assert!(wait_until(PATIENCE, || is_gone(last)));
}

#[test]
fn a_reload_keeps_the_workers_or_changes_them() {
    let lab = up(&super::options(true));
    let segl = lab.start_segl(SEGL_TOML);
    let first = worker(&segl);
    let reload = || {
        let said = "reload: the new configuration is in force";
        let before = segl.stderr().matches(said).count();
        segl.signal(Signal::SIGHUP);
        assert!(wait_until(PATIENCE, || segl.stderr().matches(said).count() > before), "{}", segl.stderr());
    };
    reload();
    assert_eq!(accepted(&lab, &segl, &[("journal.txt", CONFIDENTIAL)]), FOUND);
    assert_eq!(workers(segl.pid()), [first]);

    // One that is asked something goes on with it; the next message has another.
    kill(first, Signal::SIGSTOP).unwrap();
    thread::scope(|scope| {
        let sent = scope.spawn(|| accepted(&lab, &segl, &[("journal.txt", CONFIDENTIAL)]));
        assert!(wait_until(PATIENCE, || is_asked(&lab, first)));
        segl.configure(&SEGL_TOML.replace("[store]", "[documents]\nworkers = 1\n\n[store]"));
        reload();
        assert_eq!(accepted(&lab, &segl, &[("journal.txt", CONFIDENTIAL)]), FOUND);
        assert!(!is_gone(first));
        kill(first, Signal::SIGCONT).unwrap();
        assert_eq!(sent.join().unwrap(), FOUND);
    });
    assert!(wait_until(PATIENCE, || is_gone(first)));

    segl.configure(&SEGL_TOML.replace("[store]", "[documents]\nread = false\n\n[store]"));
    reload();
    assert!(wait_until(PATIENCE, || workers(segl.pid()).is_empty()));
    let sent = send(&lab, "bo@cleartext.plain.test", &[("journal.txt", CONFIDENTIAL)]);
    assert_eq!(sent.code, Some(250), "{sent:?}");
}
