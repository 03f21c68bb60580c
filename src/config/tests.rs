use super::*;
use crate::requirement::TlsVersion;
use proptest::prelude::*;
use std::time::Duration;

const SHIPPED: &str = include_str!("../../conf/segl.toml");

/// The faults of a text, one a line.
fn faults(text: &str) -> String {
    match Config::parse(text) {
        Ok(_) => String::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

#[test]
fn memory_is_asked_for_by_length_and_text() {
    const MIB: usize = 1 << 20;
    let detect = Config::default().detect;
    for (length, text, needed) in [(1, 32, 4), (64, 32, 256), (100, 32, 292), (500, 32, 1000), (100, 1, 200)] {
        assert_eq!(detect.memory_to_read(length * MIB, text * MIB), needed * MIB, "{length} {text}");
    }
    assert!(detect.memory_to_read(detect.max_message, Config::default().documents.text) <= detect.read_memory);
}

#[test]
fn an_empty_file_is_all_defaults() {
    assert_eq!(Config::parse("").unwrap(), Config::default());
    assert_eq!(Submitted::default().networks.len(), 2);
}

#[test]
fn reads_what_is_written() {
    let config = Config::parse(
        r#"
        mode = "enforce"
        [organisation]
        internal-domains = ["example.org", ".example.org"]
        language = "da"
        contact = "https://example.org/sikker-post"
        name-the-kind = false
        [sockets]
        milter = "/run/segl/milter.sock"
        socketmap = "inet:[::1]:8892"
        [level.sensitive]
        require = "authenticated"
        min-tls = "1.3"
        if-unmet = "defer"
        if-unknown = "defer"
        [submitted]
        networks = ["10.0.0.0/8"]
        [detect]
        max-message = 1000000
        spool-above = "512KiB"
        unreadable = "sensitive"
        limit = "sensitive"
        protected = "confidential"
        [documents]
        workers = 2
        worker-memory = "128MiB"
        image-reader = ["/usr/bin/tesseract", "stdin", "stdout"]
        [marks]
        subject-tags = ["hemmelig"]
        [marks.labels]
        2096F6A2-D2F7-48BE-B329-B73AAA526E5D = "sensitive"
        [probe]
        reply-budget = "250ms"
        helo = "Mail.Example.org"
        allow-private = ["10.1.0.0/16", "fd00::/8"]
        nameservers = ["127.0.0.1", "[::1]:5353", "2001:db8::53", "192.0.2.1:54"]
        trust-anchor = "/etc/segl/root.key"
        ca-file = ""
        [postfix]
        config-directory = "/etc/postfix-out"
        [postfix.transports]
        dovecot = "stays"
        [evidence]
        mail-log = ""
        [log]
        target = "syslog"
        header = false
        "#,
    )
    .unwrap();
    assert_eq!(config.mode, Mode::Enforce);
    assert!(config.organisation.internal_domains.contains("mail.example.org"));
    assert_eq!(config.organisation.language, Language::Da);
    assert!(!config.organisation.name_the_kind);
    assert_eq!(config.sockets.milter, SocketAddress::Unix("/run/segl/milter.sock".into()));
    assert_eq!(config.sockets.socketmap, SocketAddress::Inet("[::1]:8892".to_owned()));
    assert_eq!(config.level.confidential, LevelRules::default());
    let sensitive = LevelRules {
        require: Require::Authenticated,
        min_tls: TlsVersion::V1_3,
        if_unmet: IfUnmet::Defer,
        if_unknown: IfUnknown::Defer,
    };
    assert_eq!(config.level.sensitive, sensitive);
    assert_eq!(config.submitted.networks, ["10.0.0.0/8".parse().unwrap()]);
    assert_eq!((config.detect.max_message, config.detect.spool_above), (1_000_000, 512 * 1024));
    assert_eq!(config.detect.unreadable, CountsAs::Sensitive);
    assert_eq!(config.detect.limit, LimitCountsAs::Sensitive);
    assert_eq!(config.detect.protected, CountsAs::Confidential);
    assert_eq!((config.documents.workers, config.documents.worker_memory), (2, 128 << 20));
    assert_eq!(config.documents.image_reader, ["/usr/bin/tesseract", "stdin", "stdout"]);
    assert_eq!(config.marks.subject_tags, ["hemmelig"]);
    assert_eq!(config.marks.labels.get("2096f6a2-d2f7-48be-b329-b73aaa526e5d"), Some(&MarkLevel::Sensitive));
    assert_eq!(config.probe.reply_budget, Duration::from_millis(250));
    assert_eq!(config.probe.helo, "mail.example.org");
    let servers = ["127.0.0.1:53", "[::1]:5353", "[2001:db8::53]:53", "192.0.2.1:54"];
    assert_eq!(config.probe.nameservers, servers.map(|server| server.parse().unwrap()));
    assert_eq!(config.probe.trust_anchor.as_deref(), Some(Path::new("/etc/segl/root.key")));
    assert_eq!(config.probe.ca_file, None);
    assert_eq!(config.postfix.transports.get("dovecot"), Some(&TransportLeads::Stays));
    assert_eq!(config.evidence.mail_log, Path::new(""));
    assert_eq!((config.log.target, config.log.header), (LogTarget::Syslog, false));
}

#[test]
fn every_fault_names_line_and_key_and_what_to_do() {
    let long_path = format!("1: sockets = {{ milter = 'unix:/{}' }}", "a".repeat(107));
    let long_path = long_path.trim_start_matches("1: ");
    for (text, expected) in [
        // Texts that are no TOML.
        ("mode = \n", "1: not TOML: string values must be quoted, expected literal string"),
        ("mode = 'observe'\nmode = 'observe'", "2: not TOML: duplicate key, at `mode`"),
        ("\n[probe\n", "2: not TOML: unclosed table, expected `]`"),
        ("mode = enforce", "1: not TOML: string values must be quoted, expected literal string, at `enforce`"),
        // Names that are not known.
        ("mod = 'observe'", "1: mod: unknown key: did you mean mode?"),
        ("[prob]\nlifetime = '1h'", "1: prob: unknown section: did you mean [probe]?"),
        ("[probe]\n\nreply_budget = '1s'", "3: [probe] reply_budget: unknown key: did you mean reply-budget?"),
        ("[probe]\nreplybudget = '1s'", "2: [probe] replybudget: unknown key: did you mean reply-budget?"),
        ("reply-budget = '1s'", "1: reply-budget: unknown key: reply-budget belongs under [probe]"),
        ("[probe]\nmode = 'observe'", "2: [probe] mode: unknown key: mode stands above all sections"),
        ("[confidential]\nmin-tls = '1.2'", "1: confidential: unknown section: confidential belongs under [level]"),
        ("[level.secret]", "1: [level] secret: unknown section"),
        (
            "[level.confidential]\nmin_tls = '1.2'",
            "2: [level.confidential] min_tls: unknown key: did you mean min-tls?",
        ),
        ("something-else = 1", "1: something-else: unknown key"),
        ("\"a\\nb\" = 1", "1: `a\\nb`: unknown key"),
        // Values of another type.
        ("probe = 3", "1: probe: must be a section: write [probe], not a number"),
        ("[[probe]]", "1: probe: must be a section: write [probe], not a list"),
        ("mode = true", "1: mode: must be one of \"observe\", \"enforce\", not true or false"),
        ("[log]\nheader = 'yes'", "2: [log] header: must be true or false, without quotes, not text"),
        ("[probe]\nport = '25'", "2: [probe] port: must be a whole number without quotes, not text"),
        (
            "[probe]\nreply-budget = 4",
            "2: [probe] reply-budget: must be a whole number and ms, s, m, h or d in quotes, as in \"90s\", not a number",
        ),
        (
            "[submitted]\nnetworks = '10.0.0.0/8'",
            "2: [submitted] networks: must be a list, as in [\"…\", \"…\"], not text",
        ),
        ("[store]\ndirectory = 1979-05-27", "2: [store] directory: must be text in quotes, not a date"),
        (
            "[level.sensitive]\nmin-tls = 1.2",
            "2: [level.sensitive] min-tls: must be \"1.2\" or \"1.3\", in quotes, not a number with a point",
        ),
        (
            "[postfix]\ntransports = ['dovecot']",
            "2: [postfix] transports: must be a section: write [postfix.transports], not a list",
        ),
        // Words and ranges.
        ("mode = 'enforced'", "1: mode: must be one of \"observe\", \"enforce\", not `enforced`"),
        (
            "[organisation]\nlanguage = 'dk'",
            "2: [organisation] language: must be one of \"da\", \"en\", \"de\", \"fr\", \"nl\", \"sv\", \"no\", not `dk`",
        ),
        (
            "[level.confidential]\nmin-tls = '1.1'",
            "2: [level.confidential] min-tls: must be \"1.2\" or \"1.3\": TLS 1.0 and 1.1 are deprecated (RFC 8996)",
        ),
        (
            "[level.confidential]\nmin-tls = 'TLSv1.2'",
            "2: [level.confidential] min-tls: must be \"1.2\" or \"1.3\", not `TLSv1.2`",
        ),
        (
            "[probe]\nreply-budget = '26s'",
            "2: [probe] reply-budget: must be between 100ms and 25s, not `26s`: Postfix waits 30s for the answer to a command (milter_command_timeout)",
        ),
        (
            "[probe]\nreply-budget = '4 s'",
            "2: [probe] reply-budget: must be a whole number and ms, s, m, h or d in quotes, as in \"90s\", not `4 s`",
        ),
        ("[probe]\nlifetime = '0s'", "2: [probe] lifetime: must be between 1s and 30d, not `0s`"),
        ("[probe]\nstep-time = '2m'", "2: [probe] step-time: must not be longer than max-time (1m)"),
        ("[probe]\nmax-time = '10s'", "1: [probe] step-time: must not be longer than max-time (10s)"),
        ("[probe]\nconcurrency = 0", "2: [probe] concurrency: must be between 1 and 10000, not `0`"),
        ("[probe]\nport = 65536", "2: [probe] port: must be between 1 and 65535, not `65536`"),
        ("[probe]\nport = -1", "2: [probe] port: must be between 1 and 65535, not `-1`"),
        (
            "[probe]\ncache-size = 1_000_000_000",
            "2: [probe] cache-size: must be between 1 and 10000000, not `1000000000`",
        ),
        (
            "[detect]\nmax-time = '5m'",
            "2: [detect] max-time: must be between 100ms and 4m, not `5m`: Postfix waits 300s for the answer to a message (milter_content_timeout)",
        ),
        (
            "[detect]\nmax-message = '10MB'",
            "2: [detect] max-message: must be a number of bytes, or text as in \"100MiB\" (KiB, MiB, GiB), not `10MB`",
        ),
        ("[detect]\nmax-message = 10", "2: [detect] max-message: must be between 1KiB and 2GiB, not `10`"),
        (
            "[detect]\nmax-message = -1",
            "2: [detect] max-message: must be a number of bytes, or text as in \"100MiB\" (KiB, MiB, GiB), not `-1`",
        ),
        (
            "[detect]\nread-memory = '64MiB'",
            "2: [detect] read-memory: must not be less than max-message (100MiB): no message of that size could be read",
        ),
        (
            "[detect]\nspool-above = '1GiB'",
            "1: [detect] receive-memory: must not be less than spool-above (1GiB): no message of that size could be received",
        ),
        ("[detect]\nrules = []", "2: [detect] rules: must name a directory: without rules nothing is ever found"),
        (
            "[detect]\nlimit = 'ignore'",
            "2: [detect] limit: must be one of \"confidential\", \"sensitive\", not `ignore`",
        ),
        ("[documents]\nworkers = 0", "2: [documents] workers: must be between 1 and 256, not `0`"),
        (
            "[documents]\nworker-memory = '1MiB'",
            "2: [documents] worker-memory: must be between 64MiB and 1024GiB, not `1MiB`",
        ),
        (
            "[documents]\nimage-reader = ['tesseract', 'stdin', 'stdout']",
            "2: [documents] image-reader: must begin with the program's absolute path, as in [\"/usr/bin/tesseract\", \"stdin\", \"stdout\"]",
        ),
        (
            "[store]\npin-lifetime = '5s'",
            "2: [store] pin-lifetime: must be between 1m and 365d, not `5s`: a pin must outlive its message in the queue (maximal_queue_lifetime, 5d by default)",
        ),
        // Networks, domains, hosts, addresses.
        (
            "[submitted]\nnetworks = [\n  '10.0.0.0/8',\n  '10.0.0.1/8',\n]",
            "4: [submitted] networks: `10.0.0.1/8` has bits beyond its prefix: write \"10.0.0.0/8\" for the network, or the address alone",
        ),
        (
            "[probe]\nallow-private = ['10.0.0.0/33']",
            "2: [probe] allow-private: `10.0.0.0/33` is no network: the prefix length of this address is 0 to 32",
        ),
        (
            "[probe]\nallow-private = ['lan']",
            "2: [probe] allow-private: `lan` is no network: write an address and a prefix length, as in \"192.0.2.0/24\" or \"2001:db8::/32\"",
        ),
        (
            "[probe]\nnameservers = ['ns.example']",
            "2: [probe] nameservers: `ns.example`: write an address, or address:port, as in \"192.0.2.1\", \"192.0.2.1:53\", \"[2001:db8::1]:53\"",
        ),
        ("[probe]\nhelo = 'my host'", "2: [probe] helo: `my host`: write this host's name, as in \"mail.example.org\""),
        (
            "[organisation]\ninternal-domains = ['*.example.org']",
            "2: [organisation] internal-domains: `*.example.org` is no domain: write a leading dot for every subdomain, as in \".example.org\"",
        ),
        (
            "[organisation]\ninternal-domains = ['@example.org']",
            "2: [organisation] internal-domains: `@example.org` is no domain: write what stands after the @",
        ),
        (
            "[organisation]\ninternal-domains = ['[example.org]:25']",
            "2: [organisation] internal-domains: `[example.org]:25` is no domain: write the name alone, without brackets, port or scheme",
        ),
        (
            "[organisation]\ninternal-domains = ['']",
            "2: [organisation] internal-domains: `` is no domain: write a name as in \"example.org\"",
        ),
        (
            "[organisation]\ninternal-domains = ['a..b', 'a_b']",
            "2: [organisation] internal-domains: `a..b` is no domain: write a name of letters, digits and hyphens, as in \"example.org\"\n2: [organisation] internal-domains: `a_b` is no domain: write a name of letters, digits and hyphens, as in \"example.org\"",
        ),
        (
            "[organisation]\ninternal-domains = ['192.0.2.1']",
            "2: [organisation] internal-domains: `192.0.2.1` is no domain: an address is none",
        ),
        (
            "[organisation]\ncontact = \"a\\nb\"",
            "2: [organisation] contact: must be one line without control characters",
        ),
        // Sockets and paths.
        (
            "[sockets]\nmilter = 'segl/milter.sock'",
            "2: [sockets] milter: `segl/milter.sock`: write unix:/absolute/path or inet:host:port",
        ),
        (
            "[sockets]\nmilter = 'inet:8891'",
            "2: [sockets] milter: `inet:8891`: write inet:host:port, as in inet:127.0.0.1:8891 or inet:[::1]:8891",
        ),
        (
            "[sockets]\nmilter = 'inet:::1:8891'",
            "2: [sockets] milter: `inet:::1:8891`: write inet:host:port, as in inet:127.0.0.1:8891 or inet:[::1]:8891",
        ),
        (
            "[sockets]\nmilter = 'inet:localhost:0'",
            "2: [sockets] milter: `inet:localhost:0`: write inet:host:port, as in inet:127.0.0.1:8891 or inet:[::1]:8891",
        ),
        (
            "[sockets]\nmilter = 'unix:/a'\nsocketmap = '/a'",
            "3: [sockets] socketmap: must not be the same as milter: each speaks its own protocol",
        ),
        (long_path, "1: [sockets] milter: a socket's path cannot be longer than 107 bytes, and this has 108"),
        ("[store]\ndirectory = 'segl'", "2: [store] directory: must be an absolute path, not `segl`"),
        ("[store]\ndirectory = ''", "2: [store] directory: must be an absolute path, not ``"),
        ("[evidence]\nmail-log = 'mail.log'", "2: [evidence] mail-log: must be an absolute path, not `mail.log`"),
        ("[probe]\nca-file = \"/a\\u0000\"", "2: [probe] ca-file: a path cannot hold a null character"),
        // Marks and transports.
        (
            "[marks]\nsubject-tags = ['[hemmelig]']",
            "2: [marks] subject-tags: `[hemmelig]`: write the tag without brackets",
        ),
        ("[marks]\nsubject-tags = [' ']", "2: [marks] subject-tags: ` ` must be a word, without space at its ends"),
        (
            "[marks.labels]\nsecret = 'sensitive'",
            "2: [marks.labels] secret: is no label id: write the GUID, as in 00000000-0000-0000-0000-000000000000",
        ),
        (
            "[marks.labels]\n2096f6a2-d2f7-48be-b329-b73aaa526e5d = 'none'\n2096F6A2-d2f7-48be-b329-b73aaa526e5d = 'none'",
            "3: [marks.labels] 2096F6A2-d2f7-48be-b329-b73aaa526e5d: stands here twice, written differently",
        ),
        (
            "[postfix.transports]\ndovecot = 'local'",
            "2: [postfix.transports] dovecot: must be one of \"stays\", \"leaves\", not `local`",
        ),
        ("[postfix.transports]\n'a b' = 'stays'", "2: [postfix.transports] `a b`: `a b` must be one word"),
    ] {
        assert_eq!(faults(text), expected, "{text}");
    }
}

#[test]
fn tells_every_fault_at_once_in_the_order_of_the_lines() {
    let text =
        "mode = 'on'\n[probe]\nreply-budget = '30s'\nconcurency = 5\n[level.sensitive]\nmin-tls = '1.0'\n[sokets]\n";
    assert_eq!(
        faults(text),
        "1: mode: must be one of \"observe\", \"enforce\", not `on`\n\
         3: [probe] reply-budget: must be between 100ms and 25s, not `30s`: Postfix waits 30s for the answer to a command (milter_command_timeout)\n\
         4: [probe] concurency: unknown key: did you mean concurrency?\n\
         6: [level.sensitive] min-tls: must be \"1.2\" or \"1.3\": TLS 1.0 and 1.1 are deprecated (RFC 8996)\n\
         7: sokets: unknown section: did you mean [sockets]?"
    );
}

#[test]
fn says_how_many_more_faults_there_are() {
    let text: String = (0..150).map(|number| format!("unknown-{number} = 1\n")).collect();
    let faults = Config::parse(&text).unwrap_err();
    assert_eq!(faults.len(), 101);
    assert_eq!(faults.last().unwrap().message, "50 more faults follow");
}

#[test]
fn a_file_of_faults_alone_is_told_in_bounds() {
    let many_keys: String = (0..FILE_MAX / 16).map(|number| format!("unknown-{number} = 1\n")).collect();
    for text in
        [many_keys, "mode = \n".repeat(FILE_MAX / 8), "[".repeat(FILE_MAX), format!("a = {}", "[".repeat(FILE_MAX))]
    {
        let faults = Config::parse(&text).unwrap_err();
        assert!(faults.len() <= 101 && faults.iter().all(|fault| fault.to_string().len() < 1000));
    }
}

#[test]
fn load_says_what_is_wrong_with_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("segl.toml");
    let load = || Config::load(&path).unwrap_err().to_string().replace(path.to_str().unwrap(), "segl.toml");
    assert_eq!(load(), "segl.toml: No such file or directory (os error 2)");
    std::fs::write(&path, b"mode = 'observe'\n# r\xf8dgr\xf8d\n").unwrap();
    assert_eq!(load(), "segl.toml:2: not UTF-8: save the file in this encoding");
    std::fs::write(&path, vec![b'#'; FILE_MAX + 1]).unwrap();
    assert_eq!(load(), "segl.toml: larger than 1048576 bytes, too large for a configuration file");
    std::fs::write(&path, "mode = 'on'\nmdoe = 1").unwrap();
    assert_eq!(
        load(),
        "segl.toml:1: mode: must be one of \"observe\", \"enforce\", not `on`\n\
         segl.toml:2: mdoe: unknown key: did you mean mode?"
    );
    std::fs::write(&path, "\u{feff}mode = 'enforce'\r\n").unwrap();
    assert_eq!(Config::load(&path).unwrap().mode, Mode::Enforce);
}

#[test]
fn the_shipped_file_is_all_defaults_and_observes() {
    assert_eq!(Config::parse(SHIPPED).unwrap(), Config::default());
    assert_eq!(Config::default().mode, Mode::Observe);
}

/// In the shipped file `#key = value` is a default commented out, `# words` a comment.
#[test]
fn the_shipped_file_names_every_key_with_its_default() {
    let is_key = |line: &str| line.starts_with(|c: char| c.is_ascii_lowercase());
    let uncommented: Vec<_> =
        SHIPPED.lines().map(|line| line.strip_prefix('#').filter(|rest| is_key(rest)).unwrap_or(line)).collect();
    assert_eq!(Config::parse(&uncommented.join("\n")).unwrap(), Config::default());
    let mut section = String::new();
    let mut named = Vec::new();
    for line in uncommented.iter().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let (parent, key) = name.rsplit_once('.').unwrap_or(("", name));
            named.push((parent.to_owned(), key.to_owned()));
            section = name.to_owned();
        } else if let Some((key, _)) = line.split_once('=') {
            named.push((section.clone(), key.trim().to_owned()));
        }
    }
    // [level] has no key of its own: it stands in [level.confidential].
    let known = reader::known(Config::read).into_iter().filter(|known| known.key != "level");
    for known in known {
        assert!(named.contains(&(known.section.clone(), known.key.clone())), "not in conf/segl.toml: {known:?}");
    }
}

#[test]
fn the_manual_page_names_every_key() {
    let manual = include_str!("../../man/segl.toml.5");
    let mut sections = Vec::new();
    let mut named = Vec::new();
    for line in manual.lines() {
        if let Some(title) = line.strip_prefix(".Ss ") {
            let names = title.strip_prefix("Sections ").or_else(|| title.strip_prefix("Section ")).unwrap_or_default();
            sections = names.split(" and ").collect();
            // The section itself is a key of its parent.
            named.extend(sections.iter().map(|section| section.rsplit_once('.').unwrap_or(("", section))));
        } else if let Some(item) = line.strip_prefix(".It Cm ") {
            let key = item.split(' ').next().unwrap_or_default();
            named.extend(sections.iter().map(|section| (*section, key)));
        }
    }
    for known in reader::known(Config::read).into_iter().filter(|known| known.key != "level") {
        assert!(named.contains(&(&known.section, &known.key)), "not in man/segl.toml.5: {known:?}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = Config::parse(&text);
    }

    #[test]
    fn no_toml_makes_it_panic(
        section in "(\\[[a-z.]{1,12}\\]|\\[probe\\]|\\[marks.labels\\]|\\[detect\\]|\\[sockets\\]|\\[organisation\\]|)",
        key in "[a-z-]{1,12}|lifetime|milter|internal-domains|port|max-message|helo|nameservers",
        value in "'[^'\\pC]{0,20}'|\\[('[^'\\pC]{0,20}',?){0,3}\\]|-?[0-9]{1,30}|[0-9]{1,3}(ms|s|KiB)|0x[0-9a-f]{1,20}|\\{ a = 1 \\}",
    ) {
        let _ = Config::parse(&format!("{section}\n{key} = {value}\n"));
    }

    #[test]
    fn no_slip_in_the_shipped_file_makes_it_panic(at in 0..SHIPPED.len(), put in "\\PC{0,3}", removed in 0usize..40) {
        let end = (at + removed).min(SHIPPED.len());
        if SHIPPED.is_char_boundary(at) && SHIPPED.is_char_boundary(end) {
            let _ = Config::parse(&format!("{}{put}{}", &SHIPPED[..at], &SHIPPED[end..]));
        }
    }
}

/// Whether an example is sound, and says something: all of it is told apart from the defaults but the mode.
#[test]
fn the_examples_are_sound_and_observe() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/conf/examples");
    let mut names = Vec::new();
    for file in std::fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        let config = Config::load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config.mode, Mode::Observe, "{path:?}");
        assert_ne!(config, Config::default(), "{path:?}");
        assert!(!config.organisation.internal_domains.is_empty(), "{path:?}");
        let advice: Vec<_> = config.advice().into_iter().map(|advice| advice.about).collect();
        assert_eq!(advice, ["mode"], "{path:?}");
        names.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["municipality", "relay-gateway", "several-servers", "small-office"]);
}
