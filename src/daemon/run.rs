//! The daemon's life: start, reload, end.

use super::{
    limit, notify,
    reader::{Attachments, Reader},
    service::{Service, Snapshot},
    signal::{Event, Signals},
    socket::{Activation, Listener, SocketError},
};
use crate::{
    config::{Config, Mode, located},
    postfix::{
        guard::Guard,
        judge::LIFETIME_MARGIN,
        maillog, milter,
        paths::{MailPath, State, paths},
        postconf::{Postconf, PostfixFacts, PostfixWatch},
        queue::{POSTQUEUE, Postqueue},
        release::{self, Pace, SystemClock, Tidings},
        socketmap,
        table_files::TableFiles,
        unprotected,
    },
    probe::{Prober, ProberError},
    store::{
        PinStore, StoreError, claim::Claim, filesystem::memory_file_system, findings::Findings, sqlite::SqliteStore,
    },
};
use std::{future::Future, io, path::Path, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

/// The names that socket units give their sockets (`FileDescriptorName=`).
pub const SOCKET_NAMES: [&str; 2] = ["milter", "socketmap"];

/// Connections to the milter at once; as many as the milter library is told.
const MILTER_CONNECTIONS_MAX: usize = milter::CONNECTIONS_MAX;

/// Connections to the socketmap at once: one for each smtp(8) process, and none is ever closed from our side.
const SOCKETMAP_CONNECTIONS_MAX: usize = 10_000;

/// Messages that Postfix is done with, waiting to be noted.
const SETTLED_MAX: usize = 10_000;

/// Events of the mail log waiting to be looked at.
const LOG_EVENTS_MAX: usize = 10_000;

/// How often to look for destinations that are to be looked at although no mail goes there.
const UPKEEP_EVERY: Duration = Duration::from_secs(600);

/// How long messages under way may take once the daemon is told to end. What is not finished then is refused for now
/// by Postfix, since its milter has gone.
const SHUTDOWN_MAX: Duration = Duration::from_secs(8);

/// Why the daemon did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state directory is in memory.
    #[error("[store] directory {0} is in a memory file system: pins would not survive a restart; name one on a disk")]
    InMemory(PathBuf),
    /// A socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The prober cannot be made.
    #[error(transparent)]
    Prober(#[from] ProberError),
    /// The rules are wrong; each fault on a line.
    #[error("{0}")]
    Rules(String),
    /// The system refused something.
    #[error("{action}: {error}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

/// Runs the daemon until SIGTERM or SIGINT. The configuration has been read from `path`, which is read again on
/// SIGHUP.
///
/// # Errors
/// When it cannot start, or a socket fails for good.
pub async fn run(path: &Path, config: Config, mut activation: Activation) -> Result<(), DaemonError> {
    let mut signals = Signals::listen().map_err(|error| DaemonError::System { action: "signal handlers", error })?;
    match limit::raise_open_files() {
        Ok(files) => tracing::debug!("{files} files may be open"),
        Err(error) => tracing::warn!("the limit of open files stays as it is: {error}"),
    }
    let directory = &config.store.directory;
    if memory_file_system(directory).is_ok_and(|memory| memory) {
        return Err(DaemonError::InMemory(directory.clone()));
    }
    // Dropped last of all.
    let _claim = Claim::take(directory)?;
    let store = Arc::new(SqliteStore::open(directory)?);
    let pins: Arc<dyn PinStore> = Arc::clone(&store) as _;
    let watch = Arc::new(PostfixWatch::start(Postconf::new(&config.postfix)).await);
    if let Some(facts) = watch.facts() {
        warn_of_open_paths(&facts, &config);
    }
    let config = Arc::new(config);
    let (settling, settled) = mpsc::channel(SETTLED_MAX);
    let mut attachments = workers(&config)?;
    let lasting = Lasting {
        pins: Arc::clone(&pins),
        findings: Findings::open(&config.store.directory)?,
        watch: Arc::clone(&watch),
    };
    let first = snapshot(Arc::clone(&config), &lasting, attachments.clone())?;
    let service = Arc::new(Service::new(first, Arc::clone(&pins), Arc::clone(&watch), settling));

    let sockets = &config.sockets;
    let milter = Listener::open("milter", &sockets.milter, &mut activation, MILTER_CONNECTIONS_MAX)?;
    let socketmap = Listener::open("socketmap", &sockets.socketmap, &mut activation, SOCKETMAP_CONNECTIONS_MAX)?;

    let (ending, end) = watch::channel(false);
    let mut milter =
        tokio::spawn(milter::serve(Guard::new(milter, end.clone()), Arc::clone(&service) as _, ended(end.clone())));
    let mut socketmap = tokio::spawn(socketmap::run(socketmap, Arc::clone(&service), ended(end.clone())));
    let queue_lifetime = watch.facts().map_or(Duration::ZERO, |facts| facts.maximal_queue_lifetime);
    let pin_lifetime = config.store.pin_lifetime.max(queue_lifetime + LIFETIME_MARGIN);
    let (lines, log) = mpsc::channel(LOG_EVENTS_MAX);
    if !config.evidence.mail_log.as_os_str().is_empty() {
        tokio::spawn(maillog::follow(config.evidence.mail_log.clone(), lines));
    }
    let mut releasing = true;
    let mut release = tokio::spawn(release::run(
        Arc::clone(&pins),
        Postqueue::new(POSTQUEUE, config.postfix.config_directory.clone()),
        SystemClock::default(),
        pin_lifetime,
        Pace::default(),
        Tidings { log, settled },
        ended(end.clone()),
    ));

    tokio::spawn(keep_up(Arc::clone(&service)));
    tokio::spawn(unprotected::tell(watch.changes(), config.sockets.milter.clone()));

    announce(&config);
    notify::ready();
    let alive = notify::watchdog().map(|period| tokio::spawn(beat(period)));

    let failed = loop {
        tokio::select! {
            event = signals.next() => match event {
                Event::Reload => reload(path, &service, &lasting, &mut attachments),
                Event::Shutdown => break None,
            },
            result = &mut milter => break Some(("milter", result)),
            result = &mut socketmap => break Some(("socketmap", result)),
            // Pins that stay too long hold ordinary mail to TLS; an end of the daemon would hold all mail.
            result = &mut release, if releasing => {
                releasing = false;
                let why = result.err().map_or_else(|| "the task ended".to_owned(), |error| error.to_string());
                tracing::error!("pins are no longer released, restart segl: {why}");
            }
        }
    };
    notify::stopping();
    tracing::info!("ending");
    let _ = ending.send(true);
    let result = match failed {
        None => {
            finish("milter", milter).await;
            finish("socketmap", socketmap).await;
            Ok(())
        }
        Some((action, Ok(Err(error)))) => Err(DaemonError::System { action, error }),
        Some((action, Ok(Ok(())))) => Err(DaemonError::System { action, error: io::ErrorKind::UnexpectedEof.into() }),
        Some((action, Err(error))) => Err(DaemonError::System { action, error: io::Error::other(error) }),
    };
    release.abort();
    if let Some(alive) = alive {
        alive.abort();
    }
    result
}

/// Those who read attached files. One is started at once.
fn workers(config: &Config) -> Result<Attachments, DaemonError> {
    let attachments = Attachments::new(&config.documents)
        .map_err(|error| DaemonError::System { action: "readers of attached files", error })?;
    let first = attachments.clone();
    tokio::task::spawn_blocking(move || first.warm_up());
    Ok(attachments)
}

/// What outlives a configuration.
struct Lasting {
    pins: Arc<dyn PinStore>,
    findings: Findings,
    watch: Arc<PostfixWatch>,
}

/// Makes what serves a configuration. Nothing of it takes effect before all of it is made.
fn snapshot(config: Arc<Config>, lasting: &Lasting, attachments: Attachments) -> Result<Snapshot, DaemonError> {
    let reader = Reader::load(&config, attachments).map_err(|faults| DaemonError::Rules(faults.join("\n")))?;
    let Lasting { pins, findings, watch } = lasting;
    let (manners, keep) = (Arc::clone(watch) as _, Arc::new(findings.clone()) as _);
    let prober = Arc::new(Prober::with(&config.probe, &config.destinations, manners, Some(keep))?);
    Ok(Snapshot::new(config, Arc::new(reader), prober, Arc::clone(pins), Arc::clone(watch)))
}

/// Reads the configuration again. Where it is bad, the old one stays.
///
/// Workers stay where nothing about them changes; else those of the old configuration end when the last message that
/// they read for is read.
fn reload(path: &Path, service: &Service, lasting: &Lasting, attachments: &mut Attachments) {
    notify::reloading();
    let old = service.config();
    let fresh = Config::load(path).map_err(|error| error.to_string()).and_then(|config| {
        if config.sockets != old.sockets || config.store != old.store || config.log.target != old.log.target {
            tracing::warn!("reload: a change of [sockets], [store] or the log's target waits for a restart");
        }
        let config = Arc::new(Config {
            sockets: old.sockets.clone(),
            store: old.store.clone(),
            evidence: old.evidence.clone(),
            ..config
        });
        let made = match config.documents == old.documents {
            true => Ok(attachments.clone()),
            false => workers(&config),
        };
        made.and_then(|made| {
            let snapshot = snapshot(Arc::clone(&config), lasting, made.clone())?;
            Ok((config, snapshot, made))
        })
        .map_err(|error| located(path, &error.to_string()))
    });
    match fresh {
        Ok((config, snapshot, made)) => {
            service.replace(snapshot);
            *attachments = made;
            tracing::info!("reload: the new configuration is in force");
            announce(&config);
        }
        Err(faults) => {
            tracing::error!("reload: the new configuration is bad, the old one stays in force");
            for fault in faults.lines() {
                tracing::error!("{fault}");
            }
            notify::status("the configuration on disk is bad, an older one is in force");
        }
    }
    notify::ready();
}

/// What segl-doctor would say, but for what is safe.
fn warn_of_open_paths(facts: &PostfixFacts, config: &Config) {
    for MailPath { about, state } in paths(facts, config, &TableFiles) {
        match state {
            State::Safe => {}
            State::Open { why, remedy } => tracing::warn!("open: {about}: {why}; {remedy}"),
            State::Unknown { why } => tracing::warn!("not known to be closed: {about}: {why}"),
        }
    }
}

fn announce(config: &Config) {
    let (mode, status) = match config.mode {
        Mode::Observe => ("observe", "observing: nothing is refused, nothing new is required"),
        Mode::Enforce => ("enforce", "enforcing"),
    };
    tracing::info!("segl {} mode={mode} ready", env!("CARGO_PKG_VERSION"));
    notify::status(status);
}

/// Completes when the daemon ends.
async fn ended(mut end: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is an end too.
    let _ = end.wait_for(|ended| *ended).await;
}

/// Waits for a server that was told to end, within bounds.
async fn finish(name: &str, mut server: JoinHandle<io::Result<()>>) {
    if timeout(SHUTDOWN_MAX, &mut server).await.is_err() {
        tracing::warn!(
            "{name}: not finished within {} s; what is under way is refused for now",
            SHUTDOWN_MAX.as_secs()
        );
        server.abort();
    }
}

/// Looks at destinations again of which something must not be forgotten.
async fn keep_up(service: Arc<Service>) {
    loop {
        tokio::time::sleep(UPKEEP_EVERY).await;
        service.upkeep().await;
    }
}

async fn beat(period: Duration) {
    let mut interval = tokio::time::interval(period);
    loop {
        interval.tick().await;
        notify::alive();
    }
}

/// Runs a future on a runtime of its own.
///
/// # Errors
/// When the system refuses the threads.
pub fn block_on<T>(future: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(future);
    // Readers of messages and probes that are still under way are not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(result)
}
