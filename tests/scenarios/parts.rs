//! A daemon made of the library's parts, of which one is weak on purpose: what no configuration can ask for, and what
//! must be found out or survived all the same.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::support::lab::{Lab, SEGL_TOML, Segl};
use segl::{
    config::Config,
    daemon::{
        log,
        reader::{Attachments, Reader},
        run::block_on,
        service::{Service, Snapshot},
        socket::{Activation, Listener},
    },
    detect::Verdict,
    nexthop::Destination,
    postfix::{
        guard::Guard,
        judge::Inspect,
        milter,
        postconf::{Postconf, PostfixWatch},
        socketmap,
    },
    probe::Prober,
    requirement::Requirement,
    store::{
        BoxFuture, Departed, Pin, PinStore, Sighted, StoreError,
        database::{Options, Synchronous},
        sqlite::SqliteStore,
    },
};
use std::{env, fs, future::pending, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Instant};
use tokio::sync::{mpsc, watch};

/// Names the weakness.
const VARIABLE: &str = "SEGL_WEAKNESS";

/// A subject that makes the reader panic.
pub(crate) const PANIC_READING: &str = "panic while reading";
/// Destinations at which the store panics: when they are pinned, and when they are looked up.
pub(crate) const PANIC_PINNING: &str = "panic-pinning.many.plain.test";
pub(crate) const PANIC_LOOKUP: &str = "panic-lookup.many.plain.test";

/// What is weak.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Weakness {
    /// Nothing: what the others are held against.
    None,
    /// The store does not wait for the disk.
    NoSync,
    /// Reading, pinning and lookups panic where a message or destination says so.
    Panics,
}

const ALL: [Weakness; 3] = [Weakness::None, Weakness::NoSync, Weakness::Panics];

/// Starts it in the lab in place of the program, with the lab's usual configuration.
pub(crate) fn start<'a>(lab: &'a Lab, weakness: Weakness, wrapper: &[&str]) -> Segl<'a> {
    let this = env::current_exe().unwrap();
    let this = this.to_str().unwrap();
    let mount = "touch /run/lab/bin/parts && mount --bind \"$0\" /run/lab/bin/parts";
    lab.text_of(&["sh", "-c", mount, this]);
    let program = lab.file("/run/lab/bin/segl");
    fs::write(&program, "#!/bin/sh\nexec /run/lab/bin/parts --exact parts::daemon --ignored --nocapture\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let variable = format!("{VARIABLE}={weakness:?}");
    lab.start_segl_under(&[wrapper, &["env", &variable]].concat(), SEGL_TOML)
}

/// The process in the lab.
#[test]
#[ignore = "run in a lab by the tests that need it"]
fn daemon() {
    let named = env::var(VARIABLE).unwrap();
    let weakness = ALL.into_iter().find(|weakness| format!("{weakness:?}") == named).unwrap();
    let config = Arc::new(Config::load(Path::new("/etc/segl/segl.toml")).unwrap());
    let _log = log::init(config.log.target).unwrap();
    block_on(serve(config, weakness)).unwrap();
}

async fn serve(config: Arc<Config>, weakness: Weakness) {
    let synchronous = if weakness == Weakness::NoSync { Synchronous::Off } else { Synchronous::Full };
    let options = Options { synchronous, ..Options::default() };
    let store = SqliteStore::open_with(&config.store.directory, options).unwrap();
    let panics = weakness == Weakness::Panics;
    let pins: Arc<dyn PinStore> = Arc::new(Pins { store, panics });
    let watch = Arc::new(PostfixWatch::start(Postconf::new(&config.postfix)).await);
    let reader = Reading { reader: Reader::load(&config, Attachments::Unread).unwrap(), panics };
    let prober = Arc::new(Prober::new(&config.probe, "mail.sender.test").unwrap());
    let snapshot = Snapshot::new(Arc::clone(&config), Arc::new(reader), prober, Arc::clone(&pins), Arc::clone(&watch));
    let (settling, _settled) = mpsc::channel(1000);
    let service = Arc::new(Service::new(snapshot, pins, watch, settling));
    let mut activation = Activation::default();
    let milter = Listener::open("milter", &config.sockets.milter, &mut activation, 100).unwrap();
    let socketmap = Listener::open("socketmap", &config.sockets.socketmap, &mut activation, 100).unwrap();
    let (_ending, end) = watch::channel(false);
    let ended = tokio::try_join!(
        milter::serve(Guard::new(milter, end), Arc::clone(&service) as _, pending()),
        socketmap::run(socketmap, service, pending()),
    );
    ended.unwrap();
}

struct Reading {
    reader: Reader,
    panics: bool,
}

impl Inspect for Reading {
    fn inspect(&self, message: &[u8], deadline: Instant) -> Verdict {
        let marked = String::from_utf8_lossy(message).contains(PANIC_READING);
        assert!(!(self.panics && marked), "on purpose, while reading");
        self.reader.inspect(message, deadline)
    }
}

struct Pins {
    store: SqliteStore,
    panics: bool,
}

impl PinStore for Pins {
    fn pin(&self, pins: Vec<Pin>) -> BoxFuture<'_, Result<(), StoreError>> {
        let marked = pins.iter().any(|pin| pin.scope.to_string() == PANIC_PINNING);
        assert!(!(self.panics && marked), "on purpose, while pinning");
        self.store.pin(pins)
    }

    fn strictest(&self, destination: &Destination) -> Result<Option<Requirement>, StoreError> {
        assert!(!(self.panics && destination.as_str() == PANIC_LOOKUP), "on purpose, in a lookup");
        self.store.strictest(destination)
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Pin>, StoreError>> {
        self.store.list()
    }

    fn release(&self, departed: Vec<Departed>) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.store.release(departed)
    }

    fn sighted(&self, sighted: Vec<Sighted>) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.store.sighted(sighted)
    }
}
