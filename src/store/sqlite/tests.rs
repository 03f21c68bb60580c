use super::*;
use crate::{
    envelope::QueueId,
    level::{Category, Level},
    requirement::TlsVersion,
    store::{Holder, Scope, database::Synchronous},
};
use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write as _},
    process::{Child, Command, Stdio},
};

const ENCRYPT: Requirement = Requirement::Encrypt(TlsVersion::V1_2);

fn directory() -> tempfile::TempDir {
    // Below the build directory, since /tmp is in memory on many a machine.
    let base = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    tempfile::tempdir_in(base).unwrap()
}

fn pin(scope: &str, holder: &str, requirement: Requirement) -> Pin {
    Pin {
        scope: Scope::parse(scope).unwrap(),
        holder: Holder::parse(holder).unwrap(),
        requirement,
        level: Level::Sensitive,
        categories: vec![Category::NationalId, Category::Health],
        created: 1_000,
        until: 2_000,
        seen: false,
    }
}

fn departed(queue_id: &str, as_of: i64) -> Departed {
    Departed { queue_id: QueueId::parse(queue_id).unwrap(), as_of }
}

fn strictest(store: &SqliteStore, destination: &str) -> Option<Requirement> {
    store.strictest(&Destination::new(destination).unwrap()).unwrap()
}

/// Waits for what the writer does by itself; only a store that never does it fails.
fn eventually(mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(60), "it never came to pass");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn pins_are_there_again_after_opening_anew() {
    let directory = directory();
    let store = SqliteStore::open(directory.path()).unwrap();
    let pins = vec![pin("a.example", "Q1", ENCRYPT), pin("[relay.example]:587", "Q1", ENCRYPT)];
    store.pin(pins.clone()).await.unwrap();
    store.close();
    // An orderly end leaves everything in the one file.
    assert_eq!(fs::metadata(directory.path().join(format!("{FILE_NAME}-wal"))).unwrap().len(), 0);
    let store = SqliteStore::open(directory.path()).unwrap();
    let mut listed = store.list().await.unwrap();
    listed.sort_by(|a, b| b.scope.cmp(&a.scope));
    assert_eq!(listed, pins);
    assert_eq!(strictest(&store, "[Relay.example]:587"), Some(ENCRYPT));
    assert_eq!(strictest(&store, "relay.example"), None);
}

#[tokio::test]
async fn the_strictest_live_row_wins_and_writing_twice_changes_nothing() {
    let directory = directory();
    let store = SqliteStore::open(directory.path()).unwrap();
    let authenticated = Requirement::Authenticated(TlsVersion::V1_2);
    store.pin(vec![pin("a.example", "Q1", authenticated), pin("a.example", "Q2", ENCRYPT)]).await.unwrap();
    let before = store.list().await.unwrap();
    store.pin(vec![pin("a.example", "Q2", ENCRYPT)]).await.unwrap();
    assert_eq!(store.list().await.unwrap(), before);
    assert_eq!(strictest(&store, "a.example"), Some(authenticated));

    store.pin(vec![pin("a.example", "Q1", ENCRYPT)]).await.unwrap();
    assert_eq!(strictest(&store, "a.example"), Some(authenticated), "a second write never loosens the first");
    store.pin(vec![pin("*", "Q3", Requirement::Encrypt(TlsVersion::V1_3))]).await.unwrap();
    assert_eq!(strictest(&store, "a.example"), Some(Requirement::Authenticated(TlsVersion::V1_3)));
    assert_eq!(strictest(&store, "b.example"), Some(Requirement::Encrypt(TlsVersion::V1_3)));

    assert_eq!(store.release(vec![departed("Q1", 1_000), departed("Q3", 1_000)]).await.unwrap(), 2);
    assert_eq!(strictest(&store, "a.example"), Some(ENCRYPT));
    assert_eq!(store.release(vec![departed("Q2", 1_000)]).await.unwrap(), 1);
    assert_eq!(strictest(&store, "a.example"), None);
    assert_eq!(store.release(vec![departed("Q2", 1_000)]).await.unwrap(), 0);
}

#[tokio::test]
async fn release_and_sighting_do_not_touch_later_pins_or_the_administrators() {
    let directory = directory();
    let store = SqliteStore::open(directory.path()).unwrap();
    let later = Pin { created: 1_001, ..pin("b.example", "Q1", ENCRYPT) };
    store.pin(vec![pin("a.example", "Q1", ENCRYPT), later, pin("a.example", "-", ENCRYPT)]).await.unwrap();
    let sighted = Sighted { queue_id: QueueId::parse("Q1").unwrap(), as_of: 1_000, until: 9_000 };
    assert_eq!(store.sighted(vec![sighted]).await.unwrap(), 1);
    let of = |scope: &str, holder: &str, pins: Vec<Pin>| {
        pins.into_iter().find(|pin| pin.scope.to_string() == scope && pin.holder.to_string() == holder).unwrap()
    };
    let pins = store.list().await.unwrap();
    let (first, second) = (of("a.example", "Q1", pins.clone()), of("b.example", "Q1", pins));
    assert_eq!((first.seen, first.until, second.seen, second.until), (true, 9_000, false, 2_000));
    assert_eq!(store.release(vec![departed("Q1", 1_000)]).await.unwrap(), 1);
    assert_eq!(strictest(&store, "a.example"), Some(ENCRYPT), "the administrator's");
    assert_eq!(strictest(&store, "b.example"), Some(ENCRYPT), "that of another message with the same queue ID");
}

#[tokio::test]
async fn what_another_process_writes_is_seen() {
    let directory = directory();
    let store = SqliteStore::open(directory.path()).unwrap();
    store.pin(vec![pin("a.example", "Q1", ENCRYPT)]).await.unwrap();
    let mut other = Database::open_existing(directory.path()).unwrap();
    other.write(&[Write::Pin(vec![pin("b.example", "-", ENCRYPT)])]).unwrap();
    eventually(|| strictest(&store, "b.example") == Some(ENCRYPT));
    assert_eq!(other.write(&[Write::Remove(Scope::parse("a.example").unwrap())]).unwrap(), [1]);
    eventually(|| strictest(&store, "a.example").is_none());
    assert_eq!(Database::open_read_only(directory.path()).unwrap().pins().unwrap(), store.list().await.unwrap());
}

#[tokio::test]
async fn files_deleted_or_replaced_loosen_nothing() {
    let directory = directory();
    let path = directory.path().join(FILE_NAME);
    let store = SqliteStore::open(directory.path()).unwrap();
    store.pin(vec![pin("a.example", "Q1", ENCRYPT)]).await.unwrap();
    for victims in [&["", "-wal", "-shm"][..], &[""], &["-wal"], &["-shm"]] {
        for suffix in victims {
            fs::remove_file(format!("{}{suffix}", path.display())).unwrap();
        }
        // The write itself finds out, whether or not the watcher was quicker.
        store.pin(vec![pin("b.example", "Q2", ENCRYPT)]).await.unwrap();
        eventually(|| store.index.readable());
        let on_disk = Database::open_read_only(directory.path()).unwrap().pins().unwrap();
        assert_eq!(on_disk, store.list().await.unwrap(), "{victims:?}");
        assert_eq!(on_disk.len(), 2, "{victims:?}");
    }
    // A copy of an older state takes the place of the file.
    let older = self::directory();
    let mut database = Database::open(older.path(), Options::default()).unwrap();
    database.write(&[Write::Pin(vec![pin("c.example", "-", ENCRYPT)])]).unwrap();
    drop(database);
    let status = Command::new("cp").arg(older.path().join(FILE_NAME)).arg(directory.path().join("new")).status();
    assert!(status.unwrap().success());
    fs::rename(directory.path().join("new"), &path).unwrap();
    store.pin(vec![pin("d.example", "Q4", ENCRYPT)]).await.unwrap();
    eventually(|| store.index.readable());
    for destination in ["a.example", "b.example", "d.example"] {
        assert_eq!(strictest(&store, destination), Some(ENCRYPT), "{destination}");
    }
    store.close();
    let pins = Database::open_read_only(directory.path()).unwrap().pins().unwrap();
    assert!(["a.example", "b.example", "d.example"].iter().all(|d| pins.iter().any(|p| p.scope.to_string() == *d)));
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_until_it_can() {
    let directory = directory();
    let path = directory.path().join(FILE_NAME);
    let store = SqliteStore::open(directory.path()).unwrap();
    store.pin(vec![pin("a.example", "Q1", ENCRYPT)]).await.unwrap();
    fs::rename(&path, directory.path().join("aside")).unwrap();
    fs::write(&path, "this is no database, and long enough to be taken for one".repeat(100)).unwrap();
    let destination = Destination::new("other.example").unwrap();
    eventually(|| store.strictest(&destination).is_err());
    assert!(store.list().await.is_err());
    assert!(store.pin(vec![pin("b.example", "Q2", ENCRYPT)]).await.is_err());
    fs::remove_file(&path).unwrap();
    eventually(|| store.strictest(&destination).is_ok());
    assert_eq!(strictest(&store, "a.example"), Some(ENCRYPT));
    store.pin(vec![pin("b.example", "Q2", ENCRYPT)]).await.unwrap();
    assert_eq!(Database::open_read_only(directory.path()).unwrap().pins().unwrap().len(), 2);
}

#[tokio::test]
async fn rows_that_cannot_be_understood_stop_lookups() {
    let directory = directory();
    let store = SqliteStore::open(directory.path()).unwrap();
    store.pin(vec![pin("a.example", "Q1", ENCRYPT)]).await.unwrap();
    let other = rusqlite::Connection::open(directory.path().join(FILE_NAME)).unwrap();
    other.execute("UPDATE pins SET level = 'secret'", []).unwrap();
    eventually(|| !store.index.readable());
    let error = SqliteStore::open(directory.path()).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("level \"secret\""), "{error}");
    other.execute("UPDATE pins SET level = 'sensitive'", []).unwrap();
    eventually(|| store.index.readable());
}

#[test]
fn refuses_memory_newer_versions_and_foreign_files() {
    let refusal = |directory: &Path| SqliteStore::open(directory).map(|_| ()).unwrap_err().to_string();
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    assert!(refusal(memory.path()).contains("memory file system"));

    let directory = directory();
    let path = directory.path().join(FILE_NAME);
    SqliteStore::open(directory.path()).unwrap().close();
    let version: i64 = {
        let other = rusqlite::Connection::open(&path).unwrap();
        let version = other.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        other.pragma_update(None, "user_version", version + 1).unwrap();
        version
    };
    let error = refusal(directory.path());
    assert!(error.contains("newer Segl") && error.contains(&format!("version {}", version + 1)), "{error}");
    assert!(Database::open_read_only(directory.path()).map(|_| ()).unwrap_err().to_string().contains("newer Segl"));
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", path.display()));
    }
    assert!(matches!(Database::open_read_only(directory.path()), Err(StoreError::Missing { .. })));
    assert!(matches!(Database::open_existing(directory.path()), Err(StoreError::Missing { .. })));
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE somebody (elses INTEGER)").unwrap();
    assert!(refusal(directory.path()).contains("some other program"));
}

/// The package looks at the file before it is installed over a newer one.
#[test]
fn the_package_knows_the_version() {
    let directory = directory();
    SqliteStore::open(directory.path()).unwrap().close();
    let header = fs::read(directory.path().join(FILE_NAME)).unwrap();
    let version = u32::from_be_bytes(header[60..64].try_into().unwrap());
    assert!(version > 0);
    let script = include_str!("../../../packaging/debian/segl.preinst");
    assert!(script.contains(&format!("\nknown={version}\n")), "packaging/debian/segl.preinst knows another version");
}

/// What the other tests run as a process of its own: `SEGL_STORE_TEST` says what to do in which directory.
#[test]
#[ignore = "run by other tests"]
fn process() {
    let Ok(task) = std::env::var("SEGL_STORE_TEST") else { return };
    let (task, directory) = task.split_once(' ').unwrap();
    let directory = Path::new(directory);
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    runtime.block_on(async {
        match task {
            "full" | "off" => {
                let synchronous = if task == "off" { Synchronous::Off } else { Synchronous::Full };
                write_and_acknowledge(directory, Options { synchronous, ..Options::default() }).await;
            }
            "together" => write_together(directory).await,
            "forever" => write_until_killed(directory).await,
            "disk-full" => fill_the_disk(directory).await,
            other => panic!("{other}"),
        }
    });
}

fn acknowledge(text: &str) {
    let mut line = text.to_owned();
    line.push('\n');
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

async fn write_and_acknowledge(directory: &Path, options: Options) {
    let store = SqliteStore::open_with(directory, options).unwrap();
    for number in 0..20 {
        store.pin(vec![pin(&format!("d{number}.example"), &format!("Q{number}"), ENCRYPT)]).await.unwrap();
        acknowledge(&format!("acknowledged {number}"));
    }
}

async fn write_together(directory: &Path) {
    let store = SqliteStore::open(directory).unwrap();
    let writes = (0..500).map(|number| store.pin(vec![pin("a.example", &format!("Q{number}"), ENCRYPT)]));
    for outcome in futures_util::future::join_all(writes).await {
        outcome.unwrap();
    }
    acknowledge("acknowledged all");
}

async fn write_until_killed(directory: &Path) {
    let store = Arc::new(SqliteStore::open(directory).unwrap());
    let run = std::process::id();
    let tasks = (0..8).map(|task| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0.. {
                let queue_id = format!("R{run}T{task}N{number}");
                let pins = (0..3).map(|scope| pin(&format!("{queue_id}s{scope}.example"), &queue_id, ENCRYPT));
                store.pin(pins.collect()).await.unwrap();
                acknowledge(&format!("acknowledged {queue_id}"));
            }
        })
    });
    futures_util::future::join_all(tasks).await;
}

/// Runs in a small file system of its own.
async fn fill_the_disk(directory: &Path) {
    let options = Options { memory_file_system: true, ..Options::default() };
    let store = SqliteStore::open_with(directory, options).unwrap();
    let mut kept = Vec::new();
    for round in 0..3 {
        let before = format!("before{round}.example");
        store.pin(vec![pin(&before, "Q0", ENCRYPT)]).await.unwrap();
        kept.push(before);

        let mut ballast = fs::File::create(directory.join("ballast")).unwrap();
        while ballast.write_all(&[0; 512]).is_ok() {}
        for number in 0..3 {
            let error = store.pin(vec![pin("none.example", &format!("Q{number}"), ENCRYPT)]).await.unwrap_err();
            assert!(error.to_string().contains("full"), "{error}");
            assert_eq!(strictest(&store, "none.example"), None, "what is not on disk is not answered");
        }
        for destination in &kept {
            assert_eq!(strictest(&store, destination), Some(ENCRYPT), "what is on disk is still answered");
        }
        drop(ballast);
        fs::remove_file(directory.join("ballast")).unwrap();

        let after = format!("after{round}.example");
        store.pin(vec![pin(&after, "Q0", ENCRYPT)]).await.unwrap();
        kept.push(after);
    }
    store.close();
    let scopes = Database::open_read_only(directory).unwrap().pins().unwrap();
    let scopes: BTreeSet<_> = scopes.into_iter().map(|pin| pin.scope.to_string()).collect();
    assert_eq!(scopes, kept.into_iter().collect());
    acknowledge("acknowledged the disk");
}

fn this_process(command: &mut Command, task: &str, directory: &Path) {
    command
        .args(["store::sqlite::tests::process", "--exact", "--ignored", "--nocapture"])
        .env("SEGL_STORE_TEST", format!("{task} {}", directory.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
}

fn output(mut command: Command) -> (bool, String, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// The system calls of a run of [`process`] that write, sync, or acknowledge, with the names of the files.
fn traced(task: &str) -> Vec<String> {
    let directory = directory();
    let trace = directory.path().join("trace");
    let state = directory.path().join("state");
    fs::create_dir(&state).unwrap();
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-e", "trace=write,pwrite64,fsync,fdatasync", "-s", "64", "-o"]).arg(&trace);
    command.arg("--").arg(std::env::current_exe().unwrap());
    this_process(&mut command, task, &state);
    let (success, out, error) = output(command);
    assert!(success, "strace, which this test needs, or what it ran failed: {out}{error}");
    fs::read_to_string(trace).unwrap().lines().map(str::to_owned).collect()
}

/// Of the acknowledgements in a trace, how many came with something unsynced in the log, and how many in all.
fn unsynced(trace: &[String]) -> (usize, usize) {
    let (mut dirty, mut written, mut syncing, mut too_early, mut all) = (false, false, None, 0, 0);
    for call in trace {
        let thread = call.split(' ').next();
        let of_log = call.contains("pins.sqlite3-wal>");
        if call.contains("write(1<") && call.contains("acknowledged") {
            all += 1;
            too_early += usize::from(dirty || !written);
            written = false;
        } else if of_log && call.contains("write") {
            (dirty, written) = (true, true);
        } else if of_log && call.contains("sync(") && call.contains("unfinished") {
            syncing = thread;
        } else if of_log && call.contains("sync(") || call.contains("sync resumed") && syncing == thread {
            dirty &= !call.ends_with("= 0");
        }
    }
    (too_early, all)
}

#[test]
fn the_log_is_synced_before_each_acknowledgement() {
    assert_eq!(unsynced(&traced("full")), (0, 20));
    // The same eyes see the difference.
    assert_eq!(unsynced(&traced("off")), (20, 20));
}

#[test]
fn writes_that_come_together_are_synced_together() {
    let trace = traced("together");
    assert_eq!(unsynced(&trace), (0, 1));
    let syncs = trace.iter().filter(|call| call.contains("sync(") && call.contains("-wal>")).count();
    assert!(syncs < 250, "500 writes took {syncs} syncs");
}

#[test]
fn a_full_disk_refuses_and_recovers_without_help() {
    let directory = directory();
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    command.arg("mount -t tmpfs -o size=2m,mode=0700 tmpfs \"$0\" && exec \"$@\"").arg(directory.path());
    command.arg(std::env::current_exe().unwrap());
    this_process(&mut command, "disk-full", directory.path());
    let (success, out, error) = output(command);
    assert!(success && out.contains("acknowledged the disk"), "{out}{error}");
}

/// Kills the process when it has acknowledged so much, and says what it has acknowledged in all.
fn kill_after(mut child: Child, acknowledgements: usize) -> Vec<String> {
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut line = String::new();
    while acknowledged.len() < acknowledgements {
        line.clear();
        if lines.read_line(&mut line).unwrap() == 0 {
            let mut error = String::new();
            child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
            panic!("ended by itself: {error}");
        }
        acknowledged.extend(line.trim_end().strip_prefix("acknowledged ").map(str::to_owned));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    // The last line may be cut.
    let whole = rest.rfind('\n').map_or("", |end| &rest[..end]);
    acknowledged.extend(whole.lines().filter_map(|line| line.strip_prefix("acknowledged ")).map(str::to_owned));
    acknowledged
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let directory = directory();
    let mut acknowledged = BTreeSet::new();
    for round in 0..15 {
        let mut command = Command::new(std::env::current_exe().unwrap());
        this_process(&mut command, "forever", directory.path());
        acknowledged.extend(kill_after(command.spawn().unwrap(), 1 + round * 37));
        let pins = Database::open(directory.path(), Options::default()).unwrap().pins().unwrap();
        let mut rows: HashMap<String, usize> = HashMap::new();
        for pin in pins {
            *rows.entry(pin.holder.to_string()).or_default() += 1;
        }
        for queue_id in &acknowledged {
            assert_eq!(rows.get(queue_id), Some(&3), "{queue_id} was acknowledged by round {round}");
        }
    }
}
