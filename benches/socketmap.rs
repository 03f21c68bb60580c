//! How fast TLS policy lookups are answered: beside servers that answer a constant, and beside postfix-mta-sts-resolver.
//!
//! Servers, each a process of its own:
//! - *segl*: the built program, `segl run` in mode enforce, with its pins and findings in SQLite on disk, reading a Postfix
//!   configuration made for this; all that is asked for is in its memory;
//! - *constant*: the same accept loop and protocol code (`postfix::socketmap`), which answers a constant;
//! - *bare*: a loop over tokio's socket that looks for the comma and writes a constant, and does nothing else;
//! - *postfix-mta-sts-resolver*: its daemon as it is installed, with every policy in its internal cache, where none grows
//!   stale. That a domain has no policy it does not remember, and asks DNS each time: a server on the loopback that says of
//!   every name that there is none. It is asked for policies alone, and as mail goes.
//! - *over uvloop*: the same with that package, which it takes where it is installed.
//!
//! The resolver is one thread. Where there are two processors two of it would answer twice as often, so that what an answer
//! costs the processor is compared too.
//!
//! All servers are up all the time, and are asked in turns.
//!
//! `ROUNDS` and `TURN_SECONDS` (of each server in each round) can be set in the environment.

mod lookups;
mod measure;

use lookups::{
    CONNECTIONS, CONSTANT, Kind, Load, P99, Pick, RATE, Server, Turn, World, destination, mx_patterns, prepare,
    put_load, ratio, state, take_turns,
};
use measure::{Goal, Outcome, judge, print_machine, setting};
use segl::{
    config::SocketAddress,
    daemon::{
        run::block_on,
        socket::{Activation, Listener},
    },
    postfix::socketmap::{self, Answer, Lookup, Map, Reply},
};
use std::{
    env,
    fmt::Write,
    fs,
    future::pending,
    net::UdpSocket,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const DESTINATIONS: usize = 10_000;

// As the program has it, so that nothing but the work differs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve-constant", path] => block_on(serve_constant(path.into()))?,
        ["serve-bare", path] => block_on(serve_bare(path.into()))?,
        ["serve-dns", path] => serve_dns(Path::new(path)),
        ["load", ref words @ ..] => put_load(words),
        _ => compare(),
    }
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

/// Says of every name that there is none, at once; leaves its port in a file, and takes connections at the path beside.
fn serve_dns(path: &Path) -> Outcome {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    fs::write(path.with_extension("port"), socket.local_addr()?.port().to_string())?;
    let _listener = UnixListener::bind(path)?;
    let mut message = [0; 512];
    loop {
        let (length, client) = socket.recv_from(&mut message)?;
        // The header (RFC 1035 section 4.1.1), then the question and, as the resolver asks, nothing else that counts.
        let answer = &mut message[..length];
        if let Some(flags) = answer.get_mut(2..4) {
            flags.copy_from_slice(&[0x81, 0x83]);
            socket.send_to(answer, client)?;
        }
    }
}

/// The daemon of postfix-mta-sts-resolver, with every policy of the mixed world in its cache.
fn start_resolver(name: &'static str, directory: &Path, file: &str, port: &str, arguments: &[&str]) -> Outcome<Server> {
    let oracles = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles");
    let output = Command::new(oracles.join("install")).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err("tests/oracles/install failed".into());
    }
    let python = String::from_utf8(output.stdout)?;
    let (socket, configuration, policies) =
        (directory.join(file), directory.join(file).with_extension("yml"), directory.join("resolver.jsonl"));
    fs::write(&configuration, format!("path: {}\ncache_grace: 1000000000\n", socket.display()))?;
    let mut lines = String::new();
    for number in (0..DESTINATIONS).filter(|number| World::Mixed.kind(*number) == Kind::MtaSts) {
        let policy = serde_json::json!({
            "version": "STSv1", "mode": "enforce", "mx": mx_patterns(number), "max_age": 2_592_000
        });
        writeln!(lines, "{}", serde_json::json!([destination(number), "20260101000000Z", policy]))?;
    }
    fs::write(&policies, lines)?;
    let mut command = Command::new(python.trim());
    command.arg(oracles.join("mta_sts_daemon.py")).arg(&configuration).args(["--policies"]).arg(&policies);
    command.args(["--dns", port]).args(arguments);
    Server::start(name, socket, &mut command)
}

fn compare() -> Outcome {
    let (rounds, seconds) = (setting("ROUNDS", 7), setting("TURN_SECONDS", 3));
    print_machine();
    println!(
        "{CONNECTIONS} connections of another process, {DESTINATIONS} destinations: of ten, one pinned, two with an MTA-STS \
         policy,\none with DANE, six that publish nothing; {rounds} rounds of {seconds} s each, the first not counted"
    );
    // On a disk, as the daemon demands.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let directory = directory.path();
    let constant = |name, subcommand, file: &str| {
        let path = directory.join(file);
        let mut command = Command::new(env::current_exe()?);
        command.arg(subcommand).arg(&path);
        Server::start(name, path, &mut command)
    };
    fs::create_dir(state(directory))?;
    prepare(&state(directory), World::Mixed, DESTINATIONS)?;
    let segl = Server::segl("segl", directory, "")?;
    segl.warm(World::Mixed, DESTINATIONS)?;
    let constant_server = constant("constant", "serve-constant", "constant.sock")?;
    let bare = constant("bare", "serve-bare", "bare.sock")?;
    let dns = constant("dns", "serve-dns", "dns.sock")?;
    let port = fs::read_to_string(dns.path.with_extension("port"))?;
    let name = "postfix-mta-sts-resolver";
    let resolver = start_resolver(name, directory, "resolver.sock", &port, &["--disable-uvloop"])?;
    let over_uvloop = start_resolver(name, directory, "uvloop.sock", &port, &[])?;
    let turn = |name: &str, server, world| -> Turn<'_> {
        let server: &Server = server;
        let load = Load { world, count: DESTINATIONS, pick: Pick::Evenly, connections: CONNECTIONS, seconds };
        (name.to_owned(), Box::new(move || server.measure(&load)))
    };
    let turns = [
        turn("segl", &segl, World::Mixed),
        turn("constant", &constant_server, World::Constant),
        turn("bare", &bare, World::Constant),
        turn("resolver", &resolver, World::Published),
        turn("resolver, over uvloop", &over_uvloop, World::Published),
        turn("segl, policies alone", &segl, World::MtaStsOfMixed),
        turn("resolver, policies alone", &resolver, World::MtaStsOfMixed),
        turn("resolver, over uvloop, policies alone", &over_uvloop, World::MtaStsOfMixed),
    ];
    let results = take_turns(&turns, rounds)?;
    for other in [1, 2] {
        let name = &turns[other].0;
        judge(&format!("rate, segl / {name}"), ratio(&results[0], &results[other], RATE), &Goal::AtLeast(0.8));
        judge(&format!("p99, segl / {name}"), ratio(&results[0], &results[other], P99), &Goal::AtMost(1.5));
    }
    for (ours, theirs) in [(0, 3), (0, 4), (5, 6), (5, 7)] {
        let name = &turns[theirs].0;
        judge(&format!("rate, segl / {name}"), ratio(&results[ours], &results[theirs], RATE), &Goal::AtLeast(10.0));
        let cost = ratio(&results[theirs], &results[ours], |round| round.cost);
        println!("{:<64} {cost:>8.2}", format!("processor time of an answer, {name} / segl"));
    }
    let bare = ratio(&results[2], &results[7], RATE);
    println!("{:<64} {bare:>8.2}", format!("rate, bare / {}", turns[7].0));
    Ok(())
}
