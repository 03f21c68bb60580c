//! How fast TLS policy lookups are answered, against servers that answer a constant.
//!
//! Three servers, each a process of its own with the runtime that `segl run` has:
//! - *segl*: the built program, `segl run` in mode enforce, with its pins in SQLite on disk, reading a Postfix
//!   configuration made for this;
//! - *constant*: the same accept loop and protocol code (`postfix::socketmap`), which answers a constant;
//! - *bare*: a loop over tokio's socket that looks for the comma and writes a constant, and does nothing else.
//!
//! The load is a process of its own: a thread for each connection, which asks, waits for the answer, looks at it and
//! asks again, for one of the destinations at random. All servers are up all the time, and are asked in turns.
//!
//! `ROUNDS` and `TURN_SECONDS` (of each server in each round) can be set in the environment.

mod measure;

use measure::{Goal, Outcome, judge, load, median, print_machine, processor_time, setting, spread};
use segl::{
    config::SocketAddress,
    daemon::{
        run::block_on,
        socket::{Activation, Listener},
    },
    level::Level,
    postfix::socketmap::{self, Answer, Lookup, Map, Reply},
    requirement::{Requirement, TlsVersion},
    store::{Holder, Pin, PinStore, Scope, sqlite::SqliteStore},
};
use std::{
    env, fs,
    future::pending,
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const CONNECTIONS: usize = 8;
const DESTINATIONS: usize = 10_000;
/// One destination in so many is pinned.
const PINNED_EACH: usize = 10;
const CONSTANT: &str = "encrypt protocols=>=TLSv1.2";

/// How long a server may take to answer on its socket.
const START_MAX: Duration = Duration::from_secs(30);

// As the program has it, so that nothing but the work differs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve-constant", path] => block_on(serve_constant(path.into()))?,
        ["serve-bare", path] => block_on(serve_bare(path.into()))?,
        ["load", path, seconds, answers] => put_load(Path::new(path), seconds.parse()?, answers),
        _ => compare(),
    }
}

fn destination(number: usize) -> String {
    format!("mail{number:05}.department{}.example.org", number % 97)
}

fn is_pinned(number: usize) -> bool {
    number.is_multiple_of(PINNED_EACH)
}

struct Constant;

impl Lookup for Constant {
    fn lookup(&self, _: Map, _: &str) -> Answer {
        Reply::Ok(CONSTANT.into()).into()
    }
}

async fn serve_constant(path: PathBuf) -> Outcome {
    let mut activation = Activation::from_env(&[])?;
    let listener = Listener::open("constant", &SocketAddress::Unix(path), &mut activation, 1000)?;
    Ok(socketmap::run(listener, Arc::new(Constant), pending()).await?)
}

async fn serve_bare(path: PathBuf) -> Outcome {
    let listener = tokio::net::UnixListener::bind(path)?;
    let answer = format!("{}:OK {CONSTANT},", CONSTANT.len() + 3);
    loop {
        let (mut stream, _) = listener.accept().await?;
        let answer = answer.clone();
        tokio::spawn(async move {
            let mut input = Vec::with_capacity(512);
            while stream.read_buf(&mut input).await.is_ok_and(|length| length > 0) {
                if input.ends_with(b",") {
                    input.clear();
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            }
        });
    }
}

/// Which answers are right.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Answers {
    Policies,
    Constant,
}

/// Asks for so long; prints the rate, and the median, 99th and 99.9th percentile of the time to an answer in
/// microseconds.
fn put_load(path: &Path, seconds: u64, answers: &str) -> Outcome {
    let answers = if answers == "policies" { Answers::Policies } else { Answers::Constant };
    let requests: Arc<Vec<Vec<u8>>> = Arc::new(
        (0..DESTINATIONS)
            .map(|number| {
                let request = format!("tls {}", destination(number));
                format!("{}:{request},", request.len()).into_bytes()
            })
            .collect(),
    );
    let streams = (0..CONNECTIONS).map(|_| UnixStream::connect(path)).collect::<io::Result<Vec<_>>>()?;
    let started = Instant::now();
    let end = started + Duration::from_secs(seconds);
    let threads: Vec<_> = (1..)
        .zip(streams)
        .map(|(seed, stream)| {
            let requests = Arc::clone(&requests);
            thread::spawn(move || ask(stream, &requests, answers, end, seed))
        })
        .collect();
    let mut times = Vec::new();
    for thread in threads {
        times.extend(thread.join().map_err(|_| "a thread of the load panicked")??);
    }
    let elapsed = started.elapsed();
    times.sort_unstable();
    let percentile = |per_mille: usize| f64::from(times[(times.len() - 1) * per_mille / 1000]) / 1000.0;
    println!(
        "{:.0} {:.1} {:.1} {:.1}",
        times.len() as f64 / elapsed.as_secs_f64(),
        percentile(500),
        percentile(990),
        percentile(999)
    );
    Ok(())
}

/// One connection's requests: how long each took, in nanoseconds.
fn ask(
    mut stream: UnixStream,
    requests: &[Vec<u8>],
    answers: Answers,
    end: Instant,
    seed: u64,
) -> Result<Vec<u32>, String> {
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut times = Vec::with_capacity(1 << 20);
    let mut buffer = [0; 1024];
    let mut asked = Instant::now();
    while asked < end {
        // xorshift64
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let number = (random % DESTINATIONS as u64) as usize;
        stream.write_all(&requests[number]).map_err(|error| error.to_string())?;
        let mut length = 0;
        while length == 0 || buffer[length - 1] != b',' {
            match stream.read(&mut buffer[length..]) {
                Ok(0) => return Err("the server closed the connection".to_owned()),
                Ok(read) => length += read,
                Err(error) => return Err(error.to_string()),
            }
        }
        let answer = &buffer[..length];
        let now = Instant::now();
        times.push(u32::try_from((now - asked).as_nanos()).unwrap_or(u32::MAX));
        asked = now;
        let right = match answers {
            Answers::Policies if !is_pinned(number) => answer == b"9:NOTFOUND ,",
            _ => answer.windows(11).any(|window| window == b":OK encrypt"),
        };
        if !right {
            return Err(format!("{}: {}", destination(number), answer.escape_ascii()));
        }
    }
    Ok(times)
}

/// A server that is ended with this value.
struct Server {
    name: &'static str,
    answers: &'static str,
    path: PathBuf,
    process: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    fn start(name: &'static str, answers: &'static str, path: PathBuf, command: &mut Command) -> Outcome<Self> {
        let log = path.with_extension("log");
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log)?).spawn()?;
        let mut server = Self { name, answers, path, process };
        let end = Instant::now() + START_MAX;
        while UnixStream::connect(&server.path).is_err() {
            if let Some(status) = server.process.try_wait()? {
                return Err(format!("{name} ended: {status}: {}", fs::read_to_string(log)?).into());
            }
            if Instant::now() > end {
                return Err(format!("{name} does not listen").into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn processor_time(&self) -> Duration {
        processor_time(self.process.id().cast_signed())
    }
}

/// What the load saw in one round.
struct Round {
    rate: f64,
    median: f64,
    p99: f64,
    p999: f64,
    /// The server's processor time for each answer, in microseconds.
    cost: f64,
}

fn measure(server: &Server, seconds: u64) -> Outcome<Round> {
    let before = server.processor_time();
    let mut command = Command::new(env::current_exe()?);
    command.arg("load").arg(&server.path).arg(seconds.to_string()).arg(server.answers);
    let output = command.stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<f64> = text.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    let [rate, median, p99, p999] = figures[..] else { return Err(format!("{}: the load failed", server.name).into()) };
    let cost = (server.processor_time() - before).as_secs_f64() * 1e6 / (rate * seconds as f64);
    Ok(Round { rate, median, p99, p999, cost })
}

/// Puts the pins on disk that `segl run` will read.
fn pin(directory: &Path) -> Outcome {
    block_on(async {
        let store = SqliteStore::open(directory)?;
        let pins = (0..DESTINATIONS).filter(|number| is_pinned(*number)).map(|number| {
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Pin {
                scope: Scope::parse(&destination(number))?,
                holder: Holder::Administrator,
                requirement: Requirement::Encrypt(TlsVersion::V1_2),
                level: Level::Confidential,
                categories: Vec::new(),
                created: 0,
                until: 0,
                seen: false,
            })
        });
        store.pin(pins.collect::<Outcome<_>>()?).await?;
        store.close();
        Ok(())
    })?
}

fn start_segl(directory: &Path) -> Outcome<Server> {
    let (postfix, state) = (directory.join("postfix"), directory.join("state"));
    fs::create_dir(&postfix)?;
    fs::create_dir(&state)?;
    fs::copy("/usr/share/postfix/master.cf.dist", postfix.join("master.cf"))
        .map_err(|error| format!("Debian's package postfix is needed: {error}"))?;
    let socket = directory.join("segl.sock");
    let policies = format!("smtp_tls_policy_maps = socketmap:unix:{}:tls\n", socket.display());
    fs::write(
        postfix.join("main.cf"),
        format!("compatibility_level = 3.6\nsmtp_tls_security_level = may\n{policies}"),
    )?;
    pin(&state)?;
    let configuration = directory.join("segl.toml");
    fs::write(
        &configuration,
        format!(
            "mode = \"enforce\"\n[sockets]\nmilter = \"unix:{}\"\nsocketmap = \"unix:{}\"\n[detect]\nrules = [{:?}]\n\
             [probe]\nhelo = \"bench.example\"\nnameservers = [\"127.0.0.1\"]\n[store]\ndirectory = {state:?}\n\
             [postfix]\nconfig-directory = {postfix:?}\n[evidence]\nmail-log = \"\"\n",
            directory.join("milter.sock").display(),
            socket.display(),
            concat!(env!("CARGO_MANIFEST_DIR"), "/conf/rules"),
        ),
    )?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_segl"));
    Server::start("segl", "policies", socket, command.arg("run").arg("-c").arg(configuration))
}

fn compare() -> Outcome {
    let (rounds, seconds) = (setting("ROUNDS", 7), setting("TURN_SECONDS", 3));
    print_machine();
    println!(
        "{CONNECTIONS} connections of another process, {DESTINATIONS} destinations, {} of them pinned; \
         {rounds} rounds of {seconds} s each, the first not counted",
        DESTINATIONS / PINNED_EACH
    );
    // On a disk, as the daemon demands.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let socket = |name: &str| directory.path().join(name);
    let constant = |name, subcommand, path: PathBuf| {
        let mut command = Command::new(env::current_exe()?);
        command.arg(subcommand).arg(&path);
        Server::start(name, "constant", path, &mut command)
    };
    let servers = [
        start_segl(directory.path())?,
        constant("constant", "serve-constant", socket("constant.sock"))?,
        constant("bare", "serve-bare", socket("bare.sock"))?,
    ];
    let mut results: [Vec<Round>; 3] = Default::default();
    for round in 0..=rounds {
        for turn in 0..servers.len() {
            // Whoever goes first changes from round to round.
            let which = (turn + round as usize) % servers.len();
            let result = measure(&servers[which], seconds)?;
            if round > 0 {
                results[which].push(result);
            }
        }
    }
    println!("{}", load());
    println!(
        "\n{:<10} {:>10} {:>22} {:>9} {:>9} {:>9} {:>9}",
        "", "rate/s", "(lowest-highest)", "p50 us", "p99 us", "p99.9 us", "cpu us"
    );
    let of = |which: usize, figure: fn(&Round) -> f64| results[which].iter().map(figure).collect::<Vec<f64>>();
    for (which, server) in servers.iter().enumerate() {
        let middle = |figure| median(&of(which, figure));
        let (low, high) = spread(&of(which, |round| round.rate));
        println!(
            "{:<10} {:>10.0} {:>22} {:>9.1} {:>9.1} {:>9.1} {:>9.2}",
            server.name,
            middle(|round| round.rate),
            format!("({low:.0}-{high:.0})"),
            middle(|round| round.median),
            middle(|round| round.p99),
            middle(|round| round.p999),
            middle(|round| round.cost),
        );
    }
    println!();
    for (other, name) in [(1, "constant"), (2, "bare")] {
        let ratio = |figure| median(&of(0, figure)) / median(&of(other, figure));
        judge(&format!("rate, segl / {name}"), ratio(|round| round.rate), &Goal::AtLeast(0.8));
        judge(&format!("p99, segl / {name}"), ratio(|round| round.p99), &Goal::AtMost(1.5));
    }
    Ok(())
}
