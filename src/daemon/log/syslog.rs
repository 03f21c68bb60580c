//! Lines to the syslog daemon, over its datagram socket.
//!
//! Mail must not wait for a syslog daemon that is slow, gone or starting again: a thread sends, from a queue of
//! bounded length. What does not fit is counted, and the number is told when lines are taken again.

use super::{Priority, Sink};
use nix::errno::Errno;
use std::{
    io,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
    time::Duration,
};

/// Where syslog daemons listen (`_PATH_LOG`).
pub(super) const SOCKET: &str = "/dev/log";
/// LOG_MAIL (syslog.h), the facility under which Postfix logs too.
const FACILITY: u8 = 2 << 3;
/// Lines that wait while the daemon takes none.
const QUEUE_MAX: usize = 4096;
/// How long one attempt to send may take, and the rest between attempts.
const SEND_TIME: Duration = Duration::from_secs(1);
const REST: Duration = Duration::from_millis(100);
/// How long the end of the program waits for the lines that are on their way.
const FLUSH_TIME: Duration = Duration::from_secs(1);

enum Task {
    Send(String),
    Flush(SyncSender<()>),
}

/// The syslog daemon.
pub(super) struct Syslog {
    queue: SyncSender<Task>,
    lost: Arc<AtomicU64>,
    tag: String,
}

/// Waits for the queue to be sent.
#[derive(Debug)]
pub(super) struct Flush {
    queue: SyncSender<Task>,
}

impl Syslog {
    /// Starts the thread that sends.
    ///
    /// # Errors
    /// When the system refuses a thread or a socket.
    pub(super) fn start(path: &Path) -> io::Result<(Self, Flush)> {
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(SEND_TIME))?;
        let (queue, tasks) = mpsc::sync_channel(QUEUE_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let tag = format!("segl[{}]: ", process::id());
        let courier = Courier { socket, path: path.to_owned(), lost: Arc::clone(&lost), tag: tag.clone() };
        thread::Builder::new().name("syslog".to_owned()).spawn(move || courier.run(&tasks))?;
        Ok((Self { queue: queue.clone(), lost, tag }, Flush { queue }))
    }
}

/// Without a time: syslog daemons then take that of the arrival, and so agree with the lines around it.
fn datagram(priority: Priority, tag: &str, line: &str) -> String {
    format!("<{}>{tag}{}{line}", FACILITY | priority as u8, priority.label())
}

impl Sink for Syslog {
    fn write(&self, priority: Priority, line: &str) {
        if self.queue.try_send(Task::Send(datagram(priority, &self.tag, line))).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Flush {
    pub(super) fn wait(&self) {
        let (done, is_done) = mpsc::sync_channel(1);
        if self.queue.try_send(Task::Flush(done)).is_ok() {
            // Whether it came to that or took too long, the program ends now.
            let _ = is_done.recv_timeout(FLUSH_TIME);
        }
    }
}

/// Who carries lines from the queue to the daemon.
struct Courier {
    socket: UnixDatagram,
    path: PathBuf,
    lost: Arc<AtomicU64>,
    tag: String,
}

impl Courier {
    fn run(&self, tasks: &Receiver<Task>) {
        for task in tasks {
            match task {
                Task::Flush(done) => drop(done.try_send(())),
                Task::Send(datagram) => {
                    self.send(&datagram);
                    self.tell_of_lost();
                }
            }
        }
    }

    /// Sends until it is taken. The socket is not connected, so each attempt finds the daemon that is there now.
    fn send(&self, text: &str) {
        loop {
            match self.socket.send_to(text.as_bytes(), &self.path) {
                Ok(_) => return,
                Err(error) if error.raw_os_error() == Some(Errno::EMSGSIZE as i32) => {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Err(_) => thread::sleep(REST),
            }
        }
    }

    fn tell_of_lost(&self) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            self.send(&datagram(
                Priority::Warning,
                &self.tag,
                &format!("{lost} log lines were lost: syslog took none"),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 10_000];
        let length = socket.recv(&mut buffer).unwrap();
        let own = format!("[{}]", process::id());
        String::from_utf8(buffer[..length].to_vec()).unwrap().replacen(&own, "[PID]", 1)
    }

    #[test]
    fn writes_as_postfix_does() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let daemon = UnixDatagram::bind(&path).unwrap();
        let (syslog, _flush) = Syslog::start(&path).unwrap();
        syslog.write(Priority::Info, "4bXyZ1: sensitive");
        syslog.write(Priority::Error, "store: disk full");
        assert_eq!(received(&daemon), "<22>segl[PID]: 4bXyZ1: sensitive");
        assert_eq!(received(&daemon), "<19>segl[PID]: error: store: disk full");
    }

    #[test]
    fn lines_wait_for_a_daemon_that_starts_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let (syslog, _flush) = Syslog::start(&path).unwrap();
        syslog.write(Priority::Info, "before");
        let daemon = UnixDatagram::bind(&path).unwrap();
        assert_eq!(received(&daemon), "<22>segl[PID]: before");
        drop(daemon);
        syslog.write(Priority::Info, "refused");
        std::fs::remove_file(&path).unwrap();
        syslog.write(Priority::Info, "no socket");
        let daemon = UnixDatagram::bind(&path).unwrap();
        assert_eq!(received(&daemon), "<22>segl[PID]: refused");
        assert_eq!(received(&daemon), "<22>segl[PID]: no socket");
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let (syslog, _flush) = Syslog::start(&path).unwrap();
        let written = QUEUE_MAX + 100;
        for number in 0..written {
            syslog.write(Priority::Info, &number.to_string());
        }
        let daemon = UnixDatagram::bind(&path).unwrap();
        assert_eq!(received(&daemon), "<22>segl[PID]: 0");
        let notice = received(&daemon);
        let lost = notice.strip_prefix("<20>segl[PID]: warning: ").unwrap();
        let lost: usize = lost.strip_suffix(" log lines were lost: syslog took none").unwrap().parse().unwrap();
        // One line may be with the courier besides those in the queue.
        assert!((99..=100).contains(&lost), "{lost}");
        for number in 1..written - lost {
            assert_eq!(received(&daemon), format!("<22>segl[PID]: {number}"));
        }
    }

    #[test]
    fn the_last_lines_are_sent() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let daemon = UnixDatagram::bind(&path).unwrap();
        daemon.set_nonblocking(true).unwrap();
        let (syslog, flush) = Syslog::start(&path).unwrap();
        syslog.write(Priority::Info, "last");
        flush.wait();
        assert_eq!(received(&daemon), "<22>segl[PID]: last");
    }
}
