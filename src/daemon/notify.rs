//! What the service manager is told (sd_notify(3), systemd.service(5) `Type=notify-reload`). Without a service
//! manager (no `NOTIFY_SOCKET`) all of this does nothing.

use sd_notify::NotifyState;
use std::{io, time::Duration};

/// The daemon takes mail; also ends a reload.
pub fn ready() {
    tell("READY=1", || Ok(vec![NotifyState::Ready]));
}

/// A reload begins; [`ready`] ends it.
pub fn reloading() {
    tell("RELOADING=1", || Ok(vec![NotifyState::Reloading, NotifyState::monotonic_usec_now()?]));
}

/// The daemon is about to end.
pub fn stopping() {
    tell("STOPPING=1", || Ok(vec![NotifyState::Stopping]));
}

/// One line for `systemctl status`.
pub fn status(text: &str) {
    let line = crate::printable::Printable(text).to_string();
    tell("STATUS", || Ok(vec![NotifyState::Status(&line)]));
}

/// How often [`alive`] must be called: half of what the service manager waits (`WatchdogSec=`), as
/// sd_watchdog_enabled(3) recommends; `None` where it does not wait.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|period| period / 2).filter(|period| !period.is_zero())
}

/// The daemon is alive. To be called by what would stop if the daemon hung.
pub fn alive() {
    tell("WATCHDOG=1", || Ok(vec![NotifyState::Watchdog]));
}

/// A service manager that cannot be reached is no reason to stop mail.
fn tell<'a>(what: &str, state: impl FnOnce() -> io::Result<Vec<NotifyState<'a>>>) {
    if let Err(error) = state().and_then(|state| sd_notify::notify(&state)) {
        tracing::warn!("cannot tell the service manager {what}: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{env, os::unix::net::UnixDatagram, process::Command};

    /// Runs in a process of its own, where the environment is that of a service.
    #[test]
    #[ignore = "run by what_the_service_manager_hears"]
    fn tells_everything() {
        assert_eq!(watchdog(), Some(Duration::from_secs(15)));
        ready();
        status("3 pins\nREADY=0");
        reloading();
        alive();
        stopping();
    }

    #[test]
    fn what_the_service_manager_hears() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let service = Command::new(env::current_exe().unwrap())
            .args(["--exact", "daemon::notify::tests::tells_everything", "--ignored"])
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "30000000")
            .env_remove("WATCHDOG_PID")
            .output()
            .unwrap();
        assert!(service.status.success(), "{}", String::from_utf8_lossy(&service.stdout));
        socket.set_nonblocking(true).unwrap();
        let mut heard = Vec::new();
        let mut buffer = [0; 1000];
        while let Ok(length) = socket.recv(&mut buffer) {
            heard.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        }
        assert_eq!(heard.len(), 5, "{heard:?}");
        assert_eq!(heard[0], "READY=1\n");
        assert_eq!(heard[1], "STATUS=3 pins\\nREADY=0\n");
        let since_boot = heard[2].strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().trim_end();
        assert!(since_boot.parse::<u64>().unwrap() > 0);
        assert_eq!(heard[3], "WATCHDOG=1\n");
        assert_eq!(heard[4], "STOPPING=1\n");
    }
}
