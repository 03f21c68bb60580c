//! What the benchmarks of policy lookups share: destinations, what is known of them, servers, and the load.
//!
//! The load is a process of its own: a thread for each connection, which asks, waits for the answer, looks at it and asks
//! again, for one of the destinations at random.
#![allow(dead_code, reason = "every benchmark uses a part of it")]

use crate::measure::{Outcome, median, processor_time, spread};
use rusqlite::{Connection, params};
use segl::{
    clock::unix_time,
    daemon::run::block_on,
    level::Level,
    probe::{MtaSts, Published, Tlsa},
    requirement::{Requirement, TlsVersion},
    store::{
        Holder, Pin, PinStore, Scope,
        findings::{FILE_NAME, Findings},
        sqlite::SqliteStore,
    },
};
use std::{
    env, fs,
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

pub(crate) const CONNECTIONS: usize = 8;

/// What the servers that answer a constant say.
pub(crate) const CONSTANT: &str = "encrypt protocols=>=TLSv1.2";

/// How long a server may take to answer on its socket.
const START_MAX: Duration = Duration::from_secs(60);

/// How long what is written down beforehand is believed: no turn lasts that long, so that nobody is asked anew.
const BELIEVED: Duration = Duration::from_secs(7 * 24 * 3600);

pub(crate) fn destination(number: usize) -> String {
    format!("mail{number:07}.department{}.example.org", number % 97)
}

/// What there is to a destination.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// It is pinned, and publishes nothing.
    Pinned,
    /// It publishes an MTA-STS policy of its own.
    MtaSts,
    /// It publishes TLSA records.
    Dane,
    /// It publishes nothing.
    Nothing,
}

impl Kind {
    /// Whether this is what Postfix is to be told.
    fn is_right(self, answer: &[u8]) -> bool {
        let has = |text: &[u8]| answer.windows(text.len()).any(|window| window == text);
        match self {
            Self::Pinned => has(b":OK encrypt"),
            Self::MtaSts => has(b":OK secure match="),
            Self::Dane => has(b":OK dane-only"),
            Self::Nothing => answer == b"9:NOTFOUND ,",
        }
    }

    fn published(self, number: usize) -> Outcome<Published> {
        let tlsa = match self {
            Self::Dane => Tlsa::Present { mx_secure: true, every_host: true },
            _ => Tlsa::Absent,
        };
        let mta_sts = match self {
            Self::MtaSts => serde_json::from_value(serde_json::json!({ "policy": {
                "id": "20260101000000Z",
                "policy": policy_text(number),
                "fetched": unix_time(),
            }}))?,
            _ => MtaSts::Absent { reason: "no record of MTA-STS".to_owned() },
        };
        let postfix_sees_dane = (self == Self::Dane).then_some(true);
        Ok(Published { tlsa, postfix_sees_dane, mta_sts, lifetime: BELIEVED })
    }
}

/// The names that the MTA-STS policy of a destination has.
pub(crate) fn mx_patterns(number: usize) -> [String; 2] {
    let destination = destination(number);
    [format!("mx.{destination}"), format!("*.{destination}")]
}

fn policy_text(number: usize) -> String {
    let [first, second] = mx_patterns(number);
    format!("version: STSv1\nmode: enforce\nmx: {first}\nmx: {second}\nmax_age: 2592000\n")
}

/// Which destinations there are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum World {
    /// Of ten, one is pinned, two have an MTA-STS policy, one has TLSA records, and six publish nothing.
    Mixed,
    /// Those of the mixed world that have an MTA-STS policy.
    MtaStsOfMixed,
    /// All have a policy of their own.
    MtaSts,
    /// None publishes anything.
    Nothing,
    /// The mixed world to who knows of MTA-STS alone.
    Published,
    /// Servers that answer a constant are asked as in the mixed world.
    Constant,
}

impl World {
    const NAMES: [(&'static str, Self); 6] = [
        ("mixed", Self::Mixed),
        ("mta-sts-of-mixed", Self::MtaStsOfMixed),
        ("mta-sts", Self::MtaSts),
        ("nothing", Self::Nothing),
        ("published", Self::Published),
        ("constant", Self::Constant),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, world)| *world == self).map_or("", |(name, _)| name)
    }

    fn named(name: &str) -> Outcome<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        Ok(found.ok_or_else(|| format!("no world `{name}`"))?.1)
    }

    pub(crate) fn kind(self, number: usize) -> Kind {
        match self {
            Self::MtaSts => Kind::MtaSts,
            Self::Nothing => Kind::Nothing,
            Self::Mixed | Self::MtaStsOfMixed | Self::Published | Self::Constant => match number % 10 {
                0 => Kind::Pinned,
                1 | 2 => Kind::MtaSts,
                3 => Kind::Dane,
                _ => Kind::Nothing,
            },
        }
    }

    fn is_right(self, number: usize, answer: &[u8]) -> bool {
        match self {
            // Whatever is asked, it is told what pinned ones are.
            Self::Constant => Kind::Pinned.is_right(answer),
            Self::Published if self.kind(number) != Kind::MtaSts => Kind::Nothing.is_right(answer),
            _ => self.kind(number).is_right(answer),
        }
    }
}

/// Puts pins on disk, and what is known of so many destinations, for `segl run` to read.
pub(crate) fn prepare(state: &Path, world: World, count: usize) -> Outcome {
    block_on(async {
        let store = SqliteStore::open(state)?;
        let pinned = (0..count).filter(|number| world.kind(*number) == Kind::Pinned);
        let pins = pinned.map(|number| {
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
        Outcome::Ok(())
    })??;
    // Makes the file.
    drop(Findings::open(state)?);
    let mut connection = Connection::open(state.join(FILE_NAME))?;
    connection.busy_timeout(Duration::from_secs(10))?;
    let transaction = connection.transaction()?;
    {
        let row = "INSERT OR REPLACE INTO findings (kind, destination, value, found, until, keep) \
                   VALUES ('published', ?1, ?2, ?3, ?4, ?4)";
        let mut row = transaction.prepare(row)?;
        let found = unix_time();
        let until = found + i64::try_from(BELIEVED.as_secs())?;
        for number in 0..count {
            let value = serde_json::to_string(&world.kind(number).published(number)?)?;
            row.execute(params![destination(number), value, found, until])?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// How destinations are picked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pick {
    /// Each as often as any other.
    Evenly,
    /// As mail goes: the second half as often as the first, the third a third as often.
    ByRank,
    /// Each once, until there are no more.
    Once,
}

impl Pick {
    const NAMES: [(&'static str, Self); 3] =
        [("evenly", Self::Evenly), ("by-rank", Self::ByRank), ("once", Self::Once)];

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, pick)| *pick == self).map_or("", |(name, _)| name)
    }

    fn named(name: &str) -> Outcome<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        Ok(found.ok_or_else(|| format!("no way to pick `{name}`"))?.1)
    }
}

/// What is asked of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) world: World,
    pub(crate) count: usize,
    pub(crate) pick: Pick,
    pub(crate) connections: usize,
    pub(crate) seconds: u64,
}

impl Load {
    /// The words after `load PATH`, from which [`put_load`] makes it again.
    fn words(&self) -> [String; 5] {
        let Self { world, count, pick, connections, seconds } = self;
        [world.name().into(), count.to_string(), pick.name().into(), connections.to_string(), seconds.to_string()]
    }
}

/// The load's own process: asks for so long; prints the rate, and the median, 99th and 99.9th percentile of the time to an
/// answer in microseconds.
pub(crate) fn put_load(words: &[&str]) -> Outcome {
    let [path, world, count, pick, connections, seconds] = *words else {
        return Err("load PATH WORLD COUNT PICK CONNECTIONS SECONDS".into());
    };
    let load = Load {
        world: World::named(world)?,
        count: count.parse()?,
        pick: Pick::named(pick)?,
        connections: connections.parse()?,
        seconds: seconds.parse()?,
    };
    let streams = (0..load.connections).map(|_| UnixStream::connect(path)).collect::<io::Result<Vec<_>>>()?;
    let started = Instant::now();
    let threads: Vec<_> =
        (0..).zip(streams).map(|(number, stream)| thread::spawn(move || ask(stream, &load, started, number))).collect();
    let mut times = Vec::new();
    for thread in threads {
        times.extend(thread.join().map_err(|_| "a thread of the load panicked")??);
    }
    print_times(times, started.elapsed());
    Ok(())
}

/// What [`Round`] reads.
pub(crate) fn print_times(mut times: Vec<u32>, elapsed: Duration) {
    times.sort_unstable();
    let percentile = |per_mille: usize| match times.len() {
        0 => f64::NAN,
        count => f64::from(times[(count - 1) * per_mille / 1000]) / 1000.0,
    };
    println!(
        "{:.0} {:.1} {:.1} {:.1}",
        times.len() as f64 / elapsed.as_secs_f64(),
        percentile(500),
        percentile(990),
        percentile(999)
    );
}

/// Numbers that differ from one connection to the next.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: usize) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn next(&mut self) -> u64 {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn pick(&mut self, count: usize, pick: Pick) -> usize {
        match pick {
            // How many come before the rank r is near the logarithm of r.
            Pick::ByRank => {
                let part = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
                ((count as f64).powf(part) as usize).min(count) - 1
            }
            Pick::Evenly | Pick::Once => (self.next() % count as u64) as usize,
        }
    }
}

/// Asks about one destination; the answer is in `buffer`.
pub(crate) fn exchange<'a>(
    stream: &mut UnixStream,
    request: &mut Vec<u8>,
    name: &str,
    buffer: &'a mut [u8; 4096],
) -> Result<&'a [u8], String> {
    request.clear();
    write!(request, "{}:tls {name},", name.len() + 4).map_err(|error| error.to_string())?;
    stream.write_all(request).map_err(|error| error.to_string())?;
    let mut length = 0;
    while length == 0 || buffer[length - 1] != b',' {
        match stream.read(&mut buffer[length..]) {
            Ok(0) => return Err("the server closed the connection".to_owned()),
            Ok(read) => length += read,
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(&buffer[..length])
}

/// One connection's requests: how long each took, in nanoseconds.
fn ask(mut stream: UnixStream, load: &Load, started: Instant, connection: usize) -> Result<Vec<u32>, String> {
    let Load { world, count, pick, connections, seconds } = *load;
    let mut random = Random::new(connection);
    let mut times = Vec::with_capacity(1 << 20);
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    let end = started + Duration::from_secs(seconds);
    let mut next = connection;
    let mut asked = Instant::now();
    loop {
        let mut number = random.pick(count, pick);
        match pick {
            Pick::Once => {
                number = next;
                next += connections;
                if number >= count {
                    break;
                }
            }
            Pick::Evenly | Pick::ByRank if asked >= end => break,
            Pick::Evenly | Pick::ByRank => {}
        }
        if world == World::MtaStsOfMixed {
            number = number / 10 * 10 + 1 + number % 2;
        }
        let name = destination(number);
        asked = Instant::now();
        let answer = exchange(&mut stream, &mut request, &name, &mut buffer)?;
        times.push(u32::try_from(asked.elapsed().as_nanos()).unwrap_or(u32::MAX));
        if !world.is_right(number, answer) {
            return Err(format!("{name}: {}", answer.escape_ascii()));
        }
    }
    Ok(times)
}

/// A server that is ended with this value.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    process: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    pub(crate) fn start(name: &'static str, path: PathBuf, command: &mut Command) -> Outcome<Self> {
        let log = path.with_extension("log");
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log)?).spawn()?;
        let mut server = Self { name, path, process };
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

    /// `segl run` in a directory of its own, with what `prepare` put into its state directory before. Lines for its
    /// table `[probe]` can be added.
    pub(crate) fn segl(name: &'static str, directory: &Path, probe: &str) -> Outcome<Self> {
        let (postfix, state) = (directory.join("postfix"), state(directory));
        fs::create_dir(&postfix)?;
        fs::copy("/usr/share/postfix/master.cf.dist", postfix.join("master.cf"))
            .map_err(|error| format!("Debian's package postfix is needed: {error}"))?;
        let socket = directory.join("segl.sock");
        fs::write(
            postfix.join("main.cf"),
            format!(
                "compatibility_level = 3.6\nsmtp_tls_security_level = may\nsmtp_dns_support_level = dnssec\n\
                 smtp_tls_CApath = /etc/ssl/certs\n\
                 smtp_tls_policy_maps = socketmap:unix:{}:tls\n",
                socket.display()
            ),
        )?;
        let configuration = directory.join("segl.toml");
        fs::write(
            &configuration,
            format!(
                "mode = \"enforce\"\n[sockets]\nmilter = \"unix:{}\"\nsocketmap = \"unix:{}\"\n\
                 [detect]\nrules = [{:?}]\n[destinations]\nbaseline = \"published\"\n[store]\ndirectory = {state:?}\n\
                 [postfix]\nconfig-directory = {postfix:?}\n[evidence]\nmail-log = \"\"\n\
                 [probe]\nhelo = \"bench.example\"\nnameservers = [\"127.0.0.1\"]\n{probe}\n",
                directory.join("milter.sock").display(),
                socket.display(),
                concat!(env!("CARGO_MANIFEST_DIR"), "/conf/rules"),
            ),
        )?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_segl"));
        Self::start(name, socket, command.arg("run").arg("-c").arg(configuration))
    }

    pub(crate) fn pid(&self) -> i32 {
        self.process.id().cast_signed()
    }

    /// Puts a load on it.
    pub(crate) fn measure(&self, load: &Load) -> Outcome<Round> {
        let before = processor_time(self.pid());
        let mut command = Command::new(env::current_exe()?);
        command.arg("load").arg(&self.path).args(load.words());
        let round = Round::of(command.stderr(Stdio::inherit())).map_err(|error| format!("{}: {error}", self.name))?;
        let used = processor_time(self.pid()) - before;
        Ok(Round { cost: used.as_secs_f64() * 1e6 / (round.rate * load.seconds as f64), ..round })
    }

    /// Asks about each destination once, so that it is in memory.
    pub(crate) fn warm(&self, world: World, count: usize) -> Outcome {
        self.measure(&Load { world, count, pick: Pick::Once, connections: 64, seconds: 0 })?;
        Ok(())
    }
}

/// Where the state of a Segl in this directory is.
pub(crate) fn state(directory: &Path) -> PathBuf {
    directory.join("state")
}

/// What the load saw in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) rate: f64,
    pub(crate) median: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    /// The server's processor time for each answer, in microseconds, where it was measured.
    pub(crate) cost: f64,
}

impl Round {
    /// Runs a load.
    pub(crate) fn of(command: &mut Command) -> Outcome<Self> {
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let figures: Vec<f64> = text.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
        let [rate, median, p99, p999] = figures[..] else { return Err("the load failed".into()) };
        Ok(Self { rate, median, p99, p999, cost: f64::NAN })
    }
}

/// Who takes a turn: a name, and what a turn does.
pub(crate) type Turn<'a> = (String, Box<dyn Fn() -> Outcome<Round> + 'a>);

/// Lets all take turns, the first round not counted, and prints what came of it.
pub(crate) fn take_turns(turns: &[Turn<'_>], rounds: u64) -> Outcome<Vec<Vec<Round>>> {
    let mut results = vec![Vec::new(); turns.len()];
    for round in 0..=rounds {
        for turn in 0..turns.len() {
            // Whoever goes first changes from round to round.
            let which = (turn + round as usize) % turns.len();
            let result = turns[which].1()?;
            if round > 0 {
                results[which].push(result);
            }
        }
    }
    println!("{}", crate::measure::load());
    println!(
        "\n{:<40} {:>10} {:>18} {:>9} {:>9} {:>9} {:>8}",
        "", "rate/s", "(lowest-highest)", "p50 us", "p99 us", "p99.9 us", "cpu us"
    );
    for ((name, _), rounds) in turns.iter().zip(&results) {
        let of = |figure: Figure| rounds.iter().map(figure).collect::<Vec<f64>>();
        let middle = |figure| median(&of(figure));
        let (low, high) = spread(&of(|round| round.rate));
        println!(
            "{name:<40} {:>10.0} {:>18} {:>9.1} {:>9.1} {:>9.1} {:>8}",
            middle(|round| round.rate),
            format!("({low:.0}-{high:.0})"),
            middle(|round| round.median),
            middle(|round| round.p99),
            middle(|round| round.p999),
            Some(middle(|round| round.cost))
                .filter(|cost| cost.is_finite())
                .map(|cost| format!("{cost:.2}"))
                .unwrap_or_default(),
        );
    }
    println!();
    Ok(results)
}

/// One of a round's figures.
pub(crate) type Figure = fn(&Round) -> f64;

pub(crate) const RATE: Figure = |round| round.rate;
pub(crate) const P99: Figure = |round| round.p99;

/// The ratio of two medians.
pub(crate) fn ratio(one: &[Round], other: &[Round], figure: Figure) -> f64 {
    let middle = |rounds: &[Round]| median(&rounds.iter().map(figure).collect::<Vec<f64>>());
    middle(one) / middle(other)
}
