//! Differential tests against a real Postfix: an instance of its own under a scratch directory, with no listener but
//! UNIX-domain sockets, started from Postfix's master(8). Needs root, since master(8) does.

// A failure to set up is a failure of the test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use segl::{
    config,
    nexthop::Destination,
    policy::{
        in_force::InForce,
        postfix_policy::{self, Answer, Held, answer},
        promise::{Extent, Promise},
    },
    postfix::{
        postconf::{Postconf, PostfixFacts},
        resolve::{Origin, Question, Resolution, Resolver, Who},
        transport,
    },
    requirement::{Requirement, TlsVersion},
    tls_policy::{CipherGrade, PostfixVersion, Protocols, TlsLevel},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tempfile::TempDir;

/// How long anything is waited for before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

const MAIN: &str = "compatibility_level = 3.6\nmyhostname = mx.example\nmydestination = $myhostname, local.example\n\
    myorigin = $myhostname\nmynetworks = 127.0.0.0/8\ninet_interfaces = loopback-only\ninet_protocols = ipv4\n\
    alias_maps =\nlocal_recipient_maps =\nlocal_transport = local:$myhostname\nrecipient_delimiter = +\n\
    smtp_tls_loglevel = 1\nbiff = no\n";

const MASTER: &str = "pickup unix n - n 1 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 5 1 qmgr\n\
    rewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\n\
    trace unix - - n - 0 bounce\nproxymap unix - - n - - proxymap\nsmtp unix - - n - - smtp\n\
    relay unix - - n - - smtp\nerror unix - - n - - error\nretry unix - - n - - error\n\
    discard unix - - n - - discard\nlocal unix - n n - - local\nvirtual unix - n n - - virtual\n\
    lmtp unix - - n - - lmtp\nscache unix - - n - 1 scache\ntlsmgr unix - - n 1000? 1 tlsmgr\n\
    postlog unix-dgram n - n - 1 postlogd\n";

/// A running Postfix, stopped and removed when dropped.
struct Instance {
    directory: TempDir,
    master: Child,
}

impl Instance {
    /// Starts one. `@` in `main` and in the tables stands for the scratch directory.
    fn start(main: &str, tables: &[(&str, &str)]) -> Self {
        assert_eq!(run("/usr/bin/id", &["-u"]).trim(), "0", "these tests need root, as Postfix's master(8) does");
        let directory = tempfile::tempdir().expect("a scratch directory");
        let root = directory.path();
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).expect("chmod");
        let here = root.to_str().expect("UTF-8");
        for name in ["etc", "queue", "data", "queue/pid", "log"] {
            fs::create_dir(root.join(name)).expect("mkdir");
        }
        for name in ["private", "public", "maildrop", "incoming", "active", "deferred", "defer", "bounce", "corrupt"] {
            fs::create_dir(root.join("queue").join(name)).expect("mkdir");
        }
        for name in ["hold", "trace", "flush", "saved"] {
            fs::create_dir(root.join("queue").join(name)).expect("mkdir");
        }
        for name in fs::read_dir(root.join("queue")).expect("queue").map(|entry| entry.expect("entry").path()) {
            if !name.ends_with("pid") {
                run("/bin/chown", &["postfix", name.to_str().expect("UTF-8")]);
            }
        }
        run("/bin/chown", &["postfix", &format!("{here}/data")]);
        let own = format!(
            "{MAIN}queue_directory = {here}/queue\ndata_directory = {here}/data\n\
             maillog_file = {here}/log/mail.log\nmaillog_file_prefixes = {here}/log\n"
        );
        let old = |name: &str, text: &str| {
            let path = root.join("etc").join(name);
            fs::write(&path, text.replace('@', "\u{1}").replace("\u{1}\u{1}", "@").replace('\u{1}', here))
                .expect("write");
            // Postfix waits for files that were changed just now.
            let file = fs::File::options().write(true).open(&path).expect("open");
            file.set_modified(SystemTime::now() - Duration::from_secs(3600)).expect("touch");
        };
        old("main.cf", &format!("{own}{main}"));
        old("master.cf", MASTER);
        for (name, text) in tables {
            old(name, text);
        }
        let master = Command::new("/usr/lib/postfix/sbin/master")
            .args(["-d", "-c", &format!("{here}/etc")])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("master");
        let instance = Self { directory, master };
        instance.wait_for("the rewrite socket", || instance.path("queue/private/rewrite").exists().then_some(()));
        instance
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn wait_for<T>(&self, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
        let start = std::time::Instant::now();
        loop {
            if let Some(found) = found() {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "no {what}; the log: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log/mail.log")).unwrap_or_default()
    }

    async fn facts(&self) -> Arc<PostfixFacts> {
        let postfix = config::Postfix { config_directory: Some(self.path("etc")), ..Default::default() };
        Arc::new(Postconf::new(&postfix).read().await.expect("facts"))
    }

    /// What trivial-rewrite(8) says: transport and next-hop (`src/global/resolve_clnt.c`, attributes as in
    /// `src/util/attr_print0.c`).
    fn trivial_rewrite(&self, sender: &str, address: &str) -> (String, String) {
        let socket = UnixStream::connect(self.path("queue/private/rewrite")).expect("connect");
        socket.set_read_timeout(Some(PATIENCE)).expect("timeout");
        let mut reader = BufReader::new(socket.try_clone().expect("clone"));
        (&socket)
            .write_all(format!("request\0resolve\0sender\0{sender}\0address\0{address}\0\0").as_bytes())
            .expect("write");
        loop {
            let mut attributes = BTreeMap::new();
            loop {
                let mut string = || {
                    let mut bytes = Vec::new();
                    reader.read_until(0, &mut bytes).expect("read");
                    assert_eq!(bytes.pop(), Some(0), "trivial-rewrite hung up; the log: {}", self.log());
                    String::from_utf8(bytes).expect("UTF-8")
                };
                let name = string();
                if name.is_empty() {
                    break;
                }
                let value = string();
                attributes.insert(name, value);
            }
            // First comes a greeting that names the protocol.
            if let (Some(transport), Some(nexthop)) = (attributes.remove("transport"), attributes.remove("nexthop")) {
                return (transport, nexthop);
            }
        }
    }

    /// Hands a message to sendmail(1).
    fn send(&self, sender: &str, recipients: &[&str]) {
        let mut sendmail = Command::new("/usr/sbin/sendmail")
            .args(["-C", self.path("etc").to_str().expect("UTF-8"), "-i", "-f", sender, "--"])
            .args(recipients)
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sendmail");
        sendmail.stdin.take().expect("stdin").write_all(b"Subject: test\n\ntest\n").expect("write");
        assert!(sendmail.wait().expect("wait").success(), "sendmail; the log: {}", self.log());
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SIGTERM, so that master(8) ends its children too.
        let _ = Command::new("/bin/kill").arg(self.master.id().to_string()).status();
        let _ = self.master.wait();
    }
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("run");
    assert!(output.status.success(), "{program} {arguments:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

const ADDRESSES: [&str; 36] = [
    "a@x.example",
    "A+ext@X.Example",
    "b+ext@x.example",
    "c@sub.x.example",
    "c@deep.sub.x.example",
    "d@parent.example",
    "d@sub.parent.example",
    "d@dotted.example",
    "d@sub.dotted.example",
    "e@noop.example",
    "e@hop.example",
    "e@only.example",
    "e@bounce.example",
    "e@wait.example",
    "e@unlisted.example",
    "f@local.example",
    "f+y@LOCAL.example",
    "f@mx.example",
    "f",
    "g@valias.example",
    "h@vbox.example",
    "h@sub.vbox.example",
    "i@relay.example",
    "i@sub.relay.example",
    "i@not.relay.example",
    "j@[192.0.2.7]",
    "j@[127.0.0.1]",
    "k%other.example@x.example",
    "k%other.example@local.example",
    "other.example!k@x.example",
    "other.example!k@local.example",
    "\"l m\"@x.example",
    "\"l@other.example\"@local.example",
    "n@host",
    "o@rødgrød.example",
    "p@listed.example.",
];

/// Compares our answers with trivial-rewrite's for every address; returns how many of ours were known.
async fn compare(main: &str, tables: &[(&str, &str)]) -> usize {
    let instance = Instance::start(main, tables);
    let (facts, resolver) = (instance.facts().await, Resolver::default());
    let mut known = 0;
    for sender in ["s@sender.example", "t+x@sender.example", "u@other.example", ""] {
        for address in ADDRESSES {
            let internal = if address.starts_with('"') { address.replace('"', "") } else { address.to_owned() };
            // cleanup(8) completes addresses before they are resolved.
            let internal = if internal == "f" { "f@mx.example".to_owned() } else { internal };
            let (transport, nexthop) = instance.trivial_rewrite(sender, &internal);
            let question = Question::of(address, sender, Origin::Sendmail);
            let hops = match resolver.resolve(Some(&facts), question).await {
                Resolution::Known(answer) => answer.hops,
                Resolution::Unknown(reason) => {
                    let may_be = address.contains(['%', '!', '"', '[']);
                    assert!(may_be, "{main}: {sender} -> {address}: unknown ({reason}), is {transport}:{nexthop}");
                    continue;
                }
            };
            let [hop] = hops.as_slice() else { panic!("{address}: {hops:?}") };
            known += 1;
            if address == "j@[127.0.0.1]" && transport == "local" {
                // That this is our own address is not known to us: it counts as another host's.
                let leads = transport::of_nexthop(Some(&facts), &BTreeMap::new(), &hop.transport, &hop.nexthop);
                assert_ne!(leads, transport::Leads::Stays);
                continue;
            }
            let ours = (hop.transport.as_str(), hop.nexthop.as_str());
            assert_eq!(ours, (transport.as_str(), nexthop.as_str()), "{main}: {sender} -> {address}");
            if transport == "smtp" || transport == "relay" {
                assert_eq!(hop.nexthops, Destination::split(&nexthop).expect("next-hops"), "{address}");
            }
        }
    }
    known
}

#[tokio::test]
async fn routes_are_those_of_trivial_rewrite() {
    let transport = "a@@x.example smtp:[address]:26\nb@@x.example smtp:[bare]\nx.example relay:[domain], [second]:27\n\
        parent.example smtp:[parent]\n.dotted.example smtp:[dotted]\nnoop.example :\nhop.example :[only-hop]\n\
        only.example relay\nbounce.example error\nwait.example retry:4.0.0 wait\n\"l m\"@@x.example smtp:[quoted]\n";
    let with_star = format!("{transport}* smtp:[star]\n");
    let regexp = "/^a@@x\\.example$/ smtp:[regexp]\n/^x\\.example$/ smtp:[never]\n/^.*@@unlisted\\.example$/ :[re]\n";
    let classes = "virtual_alias_domains = texthash:@/etc/valias\nvirtual_mailbox_domains = vbox.example, !no.example\n\
        relay_domains = !not.relay.example, relay.example, @/etc/relays\nvirtual_transport = lmtp:unix:private/box\n";
    let senders =
        "@@sender.example [by-domain.example]\ns@@sender.example [by-sender.example]:587\n<> [null.example]\n";
    let files = [
        ("transport", transport),
        ("star", &with_star),
        ("re", regexp),
        ("valias", "valias.example x\n"),
        ("relays", "# comment\nlisted.example, unlisted.example\n"),
        ("senders", senders),
        ("defaults", "s@@sender.example relay:\nt@@sender.example smtp:[t.example]\nu@@other.example DUNNO\n"),
    ];
    let parents = "parent_domain_matches_subdomains = transport_maps\n";
    for main in [
        String::new(),
        "relayhost = [relay.example]:587, second.example\n".to_owned(),
        "default_transport = relay:[default.example]\nrelay_transport = smtp:[rt.example]\n".to_owned() + classes,
        classes.to_owned(),
        classes.to_owned() + "transport_maps = texthash:@/etc/transport\n",
        classes.to_owned() + parents + "transport_maps = texthash:@/etc/star\nrelayhost = r.example\n",
        "transport_maps = regexp:@/etc/re, texthash:@/etc/transport\n".to_owned(),
        "transport_maps = inline:{ {x.example = smtp:[inline]}, {sub.x.example = relay:} }, static:smtp:[rest]\n"
            .to_owned(),
        classes.to_owned()
            + "sender_dependent_relayhost_maps = texthash:@/etc/senders\nrelayhost = [r.example]\n\
            sender_dependent_default_transport_maps = texthash:@/etc/defaults\n",
    ] {
        let known = compare(&main, &files).await;
        assert!(known >= 4 * (ADDRESSES.len() - 9), "{main}: only {known} answers were known");
    }
}

#[tokio::test]
async fn aliases_expand_as_in_cleanup() {
    let aliases = "valias.example x\none@@valias.example a@@x.example\nlist@@valias.example one@@valias.example, b@@y.example, \
        Somebody <c@@z.example>, \"d e\"@@q.example, plain\nuser@@valias.example u@@x.example\n@@moved.example @@new.example\n\
        root admin@@x.example\nself@@local.example self@@local.example, copy@@copy.example\n\"a b\"@@valias.example ab@@ab.example\n";
    // local_transport stands in main.cf twice, which makes every tool warn.
    let main = "virtual_alias_maps = texthash:@/etc/virtual, regexp:@/etc/re\nvirtual_alias_domains = texthash:@/etc/virtual\n\
        default_transport = discard:x\nlocal_transport = discard:x\n";
    let re = "/^pattern-(.*)@@other\\.example$/ $1@@pattern.example\n/^@@never\\.example$/ wrong@@wrong.example\n";
    let instance = Instance::start(main, &[("virtual", aliases), ("re", re)]);
    let (facts, resolver) = (instance.facts().await, Resolver::default());
    let recipients = [
        "one@valias.example",
        "list@valias.example",
        "LIST+ext@valias.example",
        "user+ext@valias.example",
        "a@moved.example",
        "root",
        "root+x@local.example",
        "root@other.example",
        "self@local.example",
        "\"a b\"@valias.example",
        "pattern-x@other.example",
        "a@never.example",
        "nobody@valias.example",
        "f@x.example",
    ];
    for (number, recipient) in recipients.into_iter().enumerate() {
        let sender = format!("s{number}@sender.example");
        instance.send(&sender, &[recipient]);
        // `QID: from=<…>` names the message, `QID: removed` says that it is through.
        let (log, id) = instance.wait_for("removed", || {
            let log = instance.log();
            let from = log.lines().find(|line| line.contains(&format!("from=<{sender}>")) && line.contains("qmgr"))?;
            let id = from.split(": ").nth(1)?.to_owned();
            log.contains(&format!("{id}: removed")).then_some((log, id))
        });
        let domains: BTreeSet<String> = log
            .lines()
            .filter(|line| line.contains(&format!("{id}: to=<")))
            .filter_map(|line| line.split("to=<").nth(1)?.split('>').next()?.rsplit_once('@'))
            .map(|(_, domain)| domain.to_owned())
            .collect();
        let question = Question::of(recipient, &sender, Origin::Sendmail);
        let Resolution::Known(answer) = resolver.resolve(Some(&facts), question).await else { panic!("{recipient}") };
        let ours: BTreeSet<String> = answer.hops.iter().map(|hop| hop.domain.to_string()).collect();
        assert!(!domains.is_empty(), "{recipient}: {log}");
        assert_eq!(ours, domains, "{recipient}");
    }
}

/// The recipients' domains of every delivery that came of a message, what local(8) sent on included.
fn delivered_domains(log: &str, id: &str) -> Option<BTreeSet<String>> {
    let (mut domains, mut todo, mut seen) = (BTreeSet::new(), vec![id.to_owned()], BTreeSet::new());
    while let Some(id) = todo.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        log.contains(&format!("{id}: removed")).then_some(())?;
        for line in log.lines().filter(|line| line.contains(&format!("{id}: to=<"))) {
            match line.split("(forwarded as ").nth(1) {
                Some(new) => todo.push(new.trim_end_matches(')').to_owned()),
                None => {
                    let to = line.split("to=<").nth(1)?.split('>').next()?;
                    domains.insert(to.rsplit_once('@')?.1.to_lowercase());
                }
            }
        }
    }
    Some(domains)
}

/// Sends to each recipient, and compares where it went with what we say of it and of the copies.
async fn compare_deliveries(main: &str, tables: &[(&str, &str)], recipients: &[&str]) {
    let instance = Instance::start(main, tables);
    let (facts, resolver) = (instance.facts().await, Resolver::default());
    for (number, recipient) in recipients.iter().enumerate() {
        let sender = format!("s{number}@sender.example");
        instance.send(&sender, &[recipient]);
        let delivered = instance.wait_for(&format!("delivery to {recipient}"), || {
            let log = instance.log();
            // Where it came in, since canonical maps may change the sender.
            let from =
                log.lines().find(|line| line.contains(&format!("from=<{sender}>")) && line.contains("pickup"))?;
            delivered_domains(&log, from.split(": ").nth(1)?)
        });
        let question = Question::of(recipient, &sender, Origin::Smtpd);
        let copies = [(Who::SenderCopy, "sender_bcc_maps"), (Who::AlwaysCopy, "always_bcc")];
        let is_set = |name: &str| facts.parameter(name).is_some_and(|value| !value.is_empty());
        let copies = copies.into_iter().filter(|(_, name)| is_set(name));
        let questions: Vec<_> =
            std::iter::once(question).chain(copies.map(|(who, _)| Question { who, ..question })).collect();
        let mut ours = BTreeSet::new();
        for resolution in resolver.resolve_all(Some(&facts), &questions).await {
            let Resolution::Known(answer) = resolution else { panic!("{main}: {recipient}: {resolution:?}") };
            ours.extend(answer.hops.iter().map(|hop| hop.domain.to_string()));
        }
        assert!(!delivered.is_empty(), "{recipient}: {}", instance.log());
        assert_eq!(ours, delivered, "{main}: {recipient}; the log: {}", instance.log());
    }
}

#[tokio::test]
async fn aliases_are_followed_as_in_local() {
    let aliases = "one a@@x.example\nboth eva, one\nself self, copy@@copy.example\nnested both, list\n\
        list :include:@/etc/members\nowned virtual, b@@y.example\nowner-owned chief@@owner.example\n\
        named virtual\nuser u@@x.example\nroot admin\nadmin admin@@admin.example\nslash \\eva, d@@d.example\n";
    let tables = [
        ("aliases", aliases),
        ("virtual", "virtual@@mx.example v@@virtual.example\nlocal-list@@local.example nested, e@@e.example\n"),
        ("members", "# members\nvirtual\nc@@z.example, Eva <eva@@local.example>\n"),
    ];
    let basic = "alias_maps = texthash:@/etc/aliases\nvirtual_alias_maps = texthash:@/etc/virtual\n\
        default_transport = discard:x\nlocal_transport = local:mx.example\n";
    let recipients = [
        "one",
        "ONE@local.example",
        "both",
        "self",
        "nested@local.example",
        "list",
        "owned",
        "named",
        "user+ext",
        "root@local.example",
        "slash",
        "local-list@local.example",
        "eva",
        "eva+x@local.example",
        "a@other.example",
    ];
    for settings in [
        "mailbox_transport = discard:mailbox\n",
        "mailbox_transport_maps = inline:{ {eva = discard:} }\nfallback_transport = discard:unknown\n",
        "fallback_transport_maps = static:discard:unknown\npropagate_unmatched_extensions = alias, include\n",
        "luser_relay = catch+$user@@luser.example\nowner_request_special = no\n",
    ] {
        compare_deliveries(&format!("{basic}{settings}"), &tables, &recipients).await;
    }
}

#[tokio::test]
async fn recipients_are_rewritten_and_copied_as_in_cleanup() {
    let tables = [
        ("recipients", "a@@x.example b@@x.example\nb@@x.example c@@y.example\n@@moved.example @@new.example\n"),
        (
            "common",
            "c@@y.example d@@z.example\nuser@@x.example u@@ext.example\ncopy@@bcc.example archive@@bcc.example\n",
        ),
        (
            "virtual",
            "d@@z.example v@@v.example\nb@@x.example never@@never.example\narchive@@bcc.example w@@archive.example\n",
        ),
        (
            "copies",
            "v@@v.example never@@copied.example\nd@@z.example copy@@bcc.example\n@@copied.example e@@e.example\n",
        ),
        ("senders", "s1@@sender.example f@@f.example\n@@masked.example g@@g.example\n"),
    ];
    let basic = "default_transport = discard:x\nlocal_transport = discard:x\nrecipient_bcc_maps = texthash:@/etc/copies\n\
        sender_bcc_maps = texthash:@/etc/senders\ncanonical_maps = texthash:@/etc/common\n\
        recipient_canonical_maps = texthash:@/etc/recipients\nvirtual_alias_maps = texthash:@/etc/virtual\n";
    let recipients = [
        "a@x.example",
        "b@x.example",
        "q@moved.example",
        "d@z.example",
        "user+more@x.example",
        "x@copied.example",
        "h@sub.m.example",
        "root@sub.m.example",
        "k@sub.keep.m.example",
        "copy@bcc.example",
    ];
    for settings in [
        "",
        "always_bcc = copy@@bcc.example\n",
        "masquerade_domains = !keep.m.example, m.example\nmasquerade_classes = envelope_recipient, envelope_sender\n\
         masquerade_exceptions = root\n",
        "recipient_canonical_classes = header_recipient\ncanonical_classes = envelope_recipient\n",
        "sender_canonical_maps = inline:{ {s2@@sender.example = x@@masked.example} }\n",
    ] {
        compare_deliveries(&format!("{basic}{settings}"), &tables, &recipients).await;
    }
}

/// What a server does.
#[derive(Clone, Copy, Debug)]
struct Server {
    versions: &'static [&'static rustls::SupportedProtocolVersion],
    /// The name in its certificate.
    name: &'static str,
}

const BOTH: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12, &rustls::version::TLS13];
const ONLY_1_2: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];

/// Serves SMTP with STARTTLS on a loopback port, a thread for each connection, as long as the process lives.
fn serve(server: Server, authority: &rcgen::CertifiedIssuer<'_, rcgen::KeyPair>) -> u16 {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut parameters = rcgen::CertificateParams::new(vec![server.name.to_owned()]).expect("parameters");
    parameters.distinguished_name.push(rcgen::DnType::CommonName, server.name);
    let certificate = parameters.signed_by(&key, authority).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(server.versions)
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a configuration");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || talk(socket, config));
        }
    });
    port
}

fn talk(mut socket: TcpStream, config: Arc<rustls::ServerConfig>) -> Option<()> {
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
    session(&mut socket, "250-h.example\r\n250 STARTTLS\r\n", true)?;
    let tls = rustls::ServerConnection::new(config).ok()?;
    session(&mut rustls::StreamOwned::new(tls, socket), "250 h.example\r\n", false)
}

/// One side of STARTTLS; `None` when the client has gone.
fn session(stream: &mut (impl Read + Write), ehlo: &str, greet: bool) -> Option<()> {
    let (mut line, mut byte, mut in_data) = (String::new(), [0u8], false);
    if greet {
        stream.write_all(b"220 h.example ESMTP\r\n").ok()?;
    }
    loop {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        line.push(char::from(byte[0]));
        if !line.ends_with('\n') {
            continue;
        }
        let command = line.trim().to_ascii_uppercase();
        line.clear();
        let reply = match command.split(' ').next()? {
            "." if in_data => {
                in_data = false;
                "250 ok\r\n"
            }
            _ if in_data => continue,
            "EHLO" => ehlo,
            "STARTTLS" => {
                stream.write_all(b"220 go\r\n").ok()?;
                return Some(());
            }
            "DATA" => {
                in_data = true;
                "354 go\r\n"
            }
            _ => "250 ok\r\n",
        };
        stream.write_all(reply.as_bytes()).ok()?;
    }
}

/// Every shape of answer goes to a real smtp(8), which must take it and act on it.
#[tokio::test]
async fn policies_are_understood_by_smtp() {
    let mut parameters = rcgen::CertificateParams::new(Vec::<String>::new()).expect("parameters");
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "authority");
    let key = rcgen::KeyPair::generate().expect("a key");
    let authority = rcgen::CertifiedIssuer::self_signed(parameters, key).expect("a CA");
    let both = Server { versions: BOTH, name: "localhost" };
    let stranger = Server { versions: BOTH, name: "stranger.example" };
    let only_1_2 = Server { versions: ONLY_1_2, name: "localhost" };
    let version =
        PostfixVersion::parse(run("/usr/sbin/postconf", &["-d", "-h", "mail_version"]).trim()).expect("version");
    let old = PostfixVersion::new(3, 5, 0);
    let told = |level, protocols: &str, ciphers, version, requirement, promise: &Promise| {
        let protocols = Protocols::parse(protocols).expect("protocols");
        let in_force = InForce { level, protocols, ciphers, dane_usable: true, has_authorities: true };
        let (in_force, held) = (Ok(in_force), Held::Not);
        let question = postfix_policy::Question {
            requirement: Some(requirement),
            fixed: None,
            promise,
            held,
            in_force: &in_force,
            version,
        };
        match answer(&question) {
            Answer::Policy(policy) => policy,
            other => panic!("{other:?}"),
        }
    };
    let (v1_2, v1_3) = (TlsVersion::V1_2, TlsVersion::V1_3);
    let (encrypt, encrypt_1_3) = (Requirement::Encrypt(v1_2), Requirement::Encrypt(v1_3));
    let authenticated = Requirement::Authenticated(v1_2);
    let (medium, high) = (CipherGrade::Medium, CipherGrade::High);
    let mut cases: Vec<(String, Server, &str)> = Vec::new();
    for version in [version, old] {
        for (protocols, ciphers, requirement, server, expected) in [
            ("", medium, encrypt, both, "TLSv1.3"),
            (">=TLSv1", high, encrypt, both, "TLSv1.3"),
            ("!SSLv2, !SSLv3, !TLSv1", medium, encrypt, only_1_2, "TLSv1.2"),
            ("<=TLSv1.2", medium, encrypt, both, "TLSv1.2"),
            ("TLSv1.2", medium, encrypt, both, "TLSv1.2"),
            ("!TLSv1.2", medium, encrypt, both, "TLSv1.3"),
            (">=0304", medium, encrypt, both, "TLSv1.3"),
            (">=TLSv1:<=0305", medium, encrypt, only_1_2, "TLSv1.2"),
            ("", medium, encrypt_1_3, both, "TLSv1.3"),
            ("", medium, encrypt_1_3, only_1_2, "Cannot start TLS: handshake failure"),
        ] {
            cases.push((
                told(TlsLevel::May, protocols, ciphers, version, requirement, &Promise::Nothing),
                server,
                expected,
            ));
        }
        let mut at = |level, requirement, promise: &Promise, server, expected| {
            cases.push((told(level, "", medium, version, requirement, promise), server, expected));
        };
        at(TlsLevel::None, authenticated, &Promise::Nothing, both, "Verified TLS connection");
        at(TlsLevel::None, authenticated, &Promise::Nothing, stranger, "Server certificate not verified");
        at(TlsLevel::Verify, encrypt, &Promise::Nothing, both, "Verified TLS connection");
        at(TlsLevel::Verify, encrypt, &Promise::Nothing, stranger, "Server certificate not verified");
        at(TlsLevel::Secure, encrypt, &Promise::Nothing, both, "Verified TLS connection");
        at(TlsLevel::Secure, encrypt, &Promise::Nothing, stranger, "Server certificate not verified");
        at(TlsLevel::Fingerprint, encrypt, &Promise::Nothing, both, "Server certificate not verified");
        let of = |names: &str| Promise::MtaSts { names: names.to_owned() };
        at(TlsLevel::May, encrypt, &of("localhost:.example.org"), both, "Verified TLS connection");
        at(TlsLevel::May, encrypt, &of("mx.example.org"), both, "Server certificate not verified");
        // No TLSA record can be found for a host that is looked up in /etc/hosts.
        at(TlsLevel::DaneOnly, encrypt, &Promise::Dane(Extent::EveryHost), both, "4.7.5");
    }
    // Such as these must be noticed, or this test would be worth nothing.
    let problem = "client TLS configuration problem";
    for policy in ["encrypt match=hostname", "halfdane", "encrypt ciphers=", "encrypt protocols", "encrypt no=such"] {
        cases.push((policy.to_owned(), both, problem));
    }
    for policy in ["encrypt protocols=>=TLSv9", "encrypt protocols=!TLSv9", "encrypt ciphers=mediocre"] {
        cases.push((policy.to_owned(), both, "Cannot start TLS"));
    }
    let ports: Vec<u16> = cases.iter().map(|(_, server, _)| serve(*server, &authority)).collect();
    let policies: String =
        ports.iter().zip(&cases).map(|(port, (policy, ..))| format!("[localhost]:{port} {policy}\n")).collect();
    let transports: String =
        ports.iter().enumerate().map(|(n, port)| format!("d{n}.example smtp:[localhost]:{port}\n")).collect();
    // No level in main.cf at all: the policy table alone must be enough.
    let main = "smtp_tls_policy_maps = texthash:@/etc/policy\ntransport_maps = texthash:@/etc/transport\n\
        smtp_tls_CAfile = @/etc/ca.pem\nsmtp_tls_fingerprint_cert_match = 00:11\nsmtp_tls_fingerprint_digest = sha256\n\
        smtp_tls_security_level =\nsmtp_host_lookup = native, dns\nsmtp_dns_support_level = dnssec\n\
        smtp_tls_session_cache_database =\n";
    let files = [("policy", policies.as_str()), ("transport", &transports), ("ca.pem", &authority.pem())];
    let instance = Instance::start(main, &files);
    for number in 0..cases.len() {
        instance.send("s@sender.example", &[&format!("r@d{number}.example")]);
    }
    for (number, (policy, server, expected)) in cases.iter().enumerate() {
        let delivery = instance.wait_for(&format!("delivery of {policy}"), || {
            let log = instance.log();
            log.lines().find(|line| line.contains(&format!("to=<r@d{number}.example>"))).map(str::to_owned)
        });
        let log = instance.log();
        let host = format!("]:{}: ", ports[number]);
        let connection = log.lines().find(|line| line.contains("TLS connection established") && line.contains(&host));
        let both_lines = format!("{}\n{delivery}", connection.unwrap_or_default());
        assert!(both_lines.contains(expected), "{policy} at {server:?}: {both_lines}\n{log}");
        assert_eq!(delivery.contains(problem), *expected == problem, "{policy}: {delivery}\n{log}");
        assert_eq!(
            delivery.contains("status=sent"),
            expected.contains("TLSv") || expected.contains("Verified"),
            "{delivery}"
        );
    }
}
