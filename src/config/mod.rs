//! `segl.toml`: what the administrator decides. Names are kebab-case; a key that is not known is an error.

mod duration;
pub mod rules;

use crate::requirement::TlsVersion;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// The whole configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Whether Segl acts or only says what it would do.
    #[serde(default)]
    pub mode: Mode,
    /// Who we are.
    #[serde(default)]
    pub organisation: Organisation,
    /// Where Postfix reaches us.
    #[serde(default)]
    pub sockets: Sockets,
    /// What each level asks.
    #[serde(default)]
    pub level: Levels,
    /// Which mail is ours to refuse.
    #[serde(default)]
    pub submitted: Submitted,
    /// How messages are read and judged.
    #[serde(default)]
    pub detect: Detect,
    /// How the sender marks a message.
    #[serde(default)]
    pub marks: Marks,
    /// How destinations are probed.
    #[serde(default)]
    pub probe: Probe,
    /// Where state lives.
    #[serde(default)]
    pub store: Store,
    /// Which Postfix this is.
    #[serde(default)]
    pub postfix: Postfix,
    /// Where Postfix's log is read.
    #[serde(default)]
    pub evidence: Evidence,
    /// What is written to the log and the message.
    #[serde(default)]
    pub log: Log,
}

/// Whether Segl acts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Tag, log and record; refuse nothing, require nothing.
    #[default]
    Observe,
    /// Refuse, pin and require.
    Enforce,
}

/// The organisation whose mail server this is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Organisation {
    /// Domains whose mail stays with us. A leading dot means every subdomain.
    pub internal_domains: Vec<String>,
    /// The language of refusals.
    pub language: Language,
    /// What a refused sender is told to turn to: a URL, a phone number, a mailbox. Empty: nothing.
    pub contact: String,
    /// Whether a refusal names the kind of data that was found.
    pub name_the_kind: Option<bool>,
}

/// The seven languages.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// Danish.
    Da,
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// French.
    Fr,
    /// Dutch.
    Nl,
    /// Swedish.
    Sv,
    /// Norwegian.
    No,
}

/// Sockets. `unix:/path` (or a bare path) and `inet:host:port`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sockets {
    /// The milter.
    pub milter: SocketAddress,
    /// The TLS policy map.
    pub socketmap: SocketAddress,
}

/// One socket address.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub enum SocketAddress {
    /// A UNIX-domain socket.
    Unix(PathBuf),
    /// TCP, `host:port`.
    Inet(String),
}

/// What each level asks.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[derive(Default)]
pub struct Levels {
    /// For confidential messages.
    pub confidential: LevelRules,
    /// For sensitive messages.
    pub sensitive: LevelRules,
}

/// What one level asks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LevelRules {
    /// The channel.
    pub require: Require,
    /// The least TLS version; never below 1.2.
    pub min_tls: TlsVersion,
    /// When a destination cannot.
    pub if_unmet: IfUnmet,
    /// When it is not known whether a destination can.
    pub if_unknown: IfUnknown,
}

/// The channel asked for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Require {
    /// Forced TLS.
    Encrypt,
    /// Forced TLS with a proven server.
    Authenticated,
}

/// What becomes of a message that a destination cannot receive encrypted.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum IfUnmet {
    /// Refused for good (550 5.7.10).
    Reject,
    /// Refused for now (450 4.7.10).
    Defer,
}

/// What becomes of a message of whose destination it is not known whether it can.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum IfUnknown {
    /// Accepted and pinned: it leaves encrypted or waits.
    Accept,
    /// Refused for now (450 4.7.10).
    Defer,
}

/// Which mail counts as submitted besides authenticated mail and sendmail(1).
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Submitted {
    /// Networks in CIDR form whose clients are our own.
    pub networks: Vec<String>,
}

/// How messages are read and judged.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Detect {
    /// Directories of rule files, read in this order; a later rule of the same id replaces an earlier one.
    pub rules: Vec<PathBuf>,
    /// The largest message read, in bytes; a larger one is unreadable as a whole.
    pub max_message: usize,
    /// Memory for all messages while they are received, in bytes.
    pub receive_memory: usize,
    /// Memory for all messages while they are read, in bytes.
    pub read_memory: usize,
    /// From this size on a message waits in an unlinked file instead of memory, in bytes.
    pub spool_above: usize,
    /// The longest that one message may take to read.
    #[serde(with = "duration")]
    pub max_time: Duration,
    /// What a message counts as of which some part could not be read.
    pub unreadable: Unreadable,
}

/// What unreadable content counts as.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Unreadable {
    /// Nothing: it is listed and logged.
    Ignore,
    /// Confidential.
    Confidential,
    /// Sensitive.
    Sensitive,
}

/// How the sender marks a message.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Marks {
    /// Subject tags beyond those of the shipped rules, without brackets: `hemmelig`.
    pub subject_tags: Vec<String>,
    /// MSIP label ids (GUID) and the level that each asks.
    pub labels: BTreeMap<String, MarkLevel>,
}

/// The level that a mark asks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum MarkLevel {
    /// Not confidential: the label says so.
    None,
    /// Confidential.
    Confidential,
    /// Sensitive.
    Sensitive,
}

/// How destinations are probed.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Probe {
    /// How long the milter waits for probes before it answers "unknown".
    #[serde(with = "duration")]
    pub reply_budget: Duration,
    /// How long one probe may take in all; past the reply budget it goes on for the cache.
    #[serde(with = "duration")]
    pub max_time: Duration,
    /// How long each step (connect, greeting, each reply, handshake) may take.
    #[serde(with = "duration")]
    pub step_time: Duration,
    /// Probes under way at once.
    pub concurrency: usize,
    /// MX hosts looked at per destination.
    pub max_hosts: usize,
    /// Addresses looked at per MX host.
    pub max_addresses: usize,
    /// How long a result is believed that found TLS.
    #[serde(with = "duration")]
    pub lifetime: Duration,
    /// How long a result is believed that found none (cleartext, undeliverable).
    #[serde(with = "duration")]
    pub negative_lifetime: Duration,
    /// How long "unknown" is believed.
    #[serde(with = "duration")]
    pub failure_lifetime: Duration,
    /// Destinations remembered.
    pub cache_size: usize,
    /// The name given in EHLO; empty: Postfix's `smtp_helo_name`, else `myhostname`.
    pub helo: String,
    /// The port of destinations that name none; for a lab.
    pub port: u16,
    /// Networks in CIDR form that a probe may contact although they are not of the public internet.
    pub allow_private: Vec<String>,
    /// DNS servers (`addr` or `addr:port`); empty: those of /etc/resolv.conf.
    pub nameservers: Vec<String>,
    /// A file of DNSSEC trust anchors instead of the built-in root key; for a lab or a private root.
    pub trust_anchor: Option<PathBuf>,
    /// A PEM file of root certificates instead of the system's; for a lab or a private root.
    pub ca_file: Option<PathBuf>,
}

/// Where state lives.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Store {
    /// The directory of the databases and the spool; not a memory file system.
    pub directory: PathBuf,
    /// How long a pin lives where neither the mail log nor the queue can be read; must be longer than Postfix's
    /// `maximal_queue_lifetime`.
    #[serde(with = "duration")]
    pub pin_lifetime: Duration,
}

/// Which Postfix this is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Postfix {
    /// Postfix's configuration directory; none: the one that postconf takes by itself.
    pub config_directory: Option<PathBuf>,
    /// Transports of master.cf of which only you can say where they lead (pipe, your own daemons).
    pub transports: BTreeMap<String, TransportLeads>,
}

/// Where a transport leads.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum TransportLeads {
    /// Mail stays on this host.
    Stays,
    /// Mail leaves it.
    Leaves,
}

/// Where Postfix's log is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Evidence {
    /// The mail log; empty: it is not read.
    pub mail_log: PathBuf,
}

/// What is written to the log and the message.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Log {
    /// Where to.
    pub target: LogTarget,
    /// Whether tagged mail gets the header `X-Segl`.
    pub header: bool,
    /// Whether that header names level and categories too; recipients see it.
    pub header_categories: bool,
    /// Whether whole addresses stand in the log instead of domains alone.
    pub addresses: bool,
}

/// Where the log goes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum LogTarget {
    /// Standard error, with priorities where it is the journal's.
    #[default]
    Stderr,
    /// syslog(3), facility mail.
    Syslog,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            milter: SocketAddress::Unix("/var/spool/postfix/segl/milter.sock".into()),
            socketmap: SocketAddress::Unix("/var/spool/postfix/segl/socketmap.sock".into()),
        }
    }
}

impl TryFrom<String> for SocketAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if let Some(address) = text.strip_prefix("inet:") {
            return match address.rsplit_once(':') {
                Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                    Ok(Self::Inet(address.to_owned()))
                }
                _ => Err(format!("`{text}`: write inet:host:port")),
            };
        }
        let path = PathBuf::from(text.strip_prefix("unix:").unwrap_or(&text));
        if path.is_absolute() {
            Ok(Self::Unix(path))
        } else {
            Err(format!("`{text}`: write unix:/absolute/path or inet:host:port"))
        }
    }
}

impl Default for LevelRules {
    fn default() -> Self {
        Self {
            require: Require::Encrypt,
            min_tls: TlsVersion::V1_2,
            if_unmet: IfUnmet::Reject,
            if_unknown: IfUnknown::Accept,
        }
    }
}

impl Default for Submitted {
    fn default() -> Self {
        Self { networks: vec!["127.0.0.0/8".to_owned(), "::1/128".to_owned()] }
    }
}

const MIB: usize = 1024 * 1024;

impl Default for Detect {
    fn default() -> Self {
        Self {
            rules: vec!["/usr/share/segl/rules".into(), "/etc/segl/rules.d".into()],
            max_message: 100 * MIB,
            receive_memory: 128 * MIB,
            read_memory: 160 * MIB,
            spool_above: MIB,
            max_time: Duration::from_secs(30),
            unreadable: Unreadable::Ignore,
        }
    }
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            reply_budget: Duration::from_secs(4),
            max_time: Duration::from_secs(60),
            step_time: Duration::from_secs(20),
            concurrency: 64,
            max_hosts: 10,
            max_addresses: 4,
            lifetime: Duration::from_secs(12 * 3600),
            negative_lifetime: Duration::from_secs(600),
            failure_lifetime: Duration::from_secs(60),
            cache_size: 100_000,
            helo: String::new(),
            port: 25,
            allow_private: Vec::new(),
            nameservers: Vec::new(),
            trust_anchor: None,
            ca_file: None,
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self { directory: "/var/lib/segl".into(), pin_lifetime: Duration::from_secs(14 * 24 * 3600) }
    }
}

impl Default for Evidence {
    fn default() -> Self {
        Self { mail_log: "/var/log/mail.log".into() }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { target: LogTarget::Stderr, header: true, header_categories: false, addresses: false }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// The file is wrong; each fault names file, line and key.
    #[error("{}", .0.join("\n"))]
    Wrong(Vec<String>),
}

impl Config {
    /// Reads and validates a configuration file.
    ///
    /// # Errors
    /// With every fault in it.
    pub fn load(path: &std::path::Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Unreadable { path: path.display().to_string(), reason: error.to_string() })?;
        toml::from_str(&text).map_err(|error| ConfigError::Wrong(vec![error.to_string()]))
    }
}
