//! What Postfix's configuration says, as Postfix itself reads it: postconf(1) is asked, main.cf is never parsed here.
//!
//! Facts are read once at the start and again when main.cf or master.cf change. What could not be read is not known:
//! no default stands in for it.

use super::tool;
pub use super::tool::ToolError;
pub use crate::tls_policy::PostfixVersion;
use crate::{
    config,
    nexthop::{Destination, DestinationError},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle, time::sleep};

const POSTCONF: &str = "/usr/sbin/postconf";

/// How often main.cf and master.cf are looked at for changes.
const CHECK_INTERVAL: Duration = Duration::from_secs(3);

/// How often facts are read anew when the files change under the reading.
const READ_ATTEMPTS: usize = 3;

/// The most services of master.cf and overrides in them that are taken.
const SERVICES_MAX: usize = 10_000;

/// Parameters that every Postfix supported has. One that is missing in postconf's answer is an error.
const PARAMETERS: [&str; 99] = [
    "alias_maps",
    "always_bcc",
    "append_at_myorigin",
    "append_dot_mydomain",
    "body_checks",
    "canonical_classes",
    "canonical_maps",
    "config_directory",
    "content_filter",
    "default_transport",
    "delay_warning_time",
    "disable_dns_lookups",
    "double_bounce_sender",
    "empty_address_default_transport_maps_lookup_key",
    "empty_address_relayhost_maps_lookup_key",
    "expand_owner_alias",
    "fallback_transport",
    "fallback_transport_maps",
    "forward_path",
    "header_checks",
    "ignore_mx_lookup_error",
    "inet_interfaces",
    "inet_protocols",
    "local_transport",
    "luser_relay",
    "mail_version",
    "mailbox_transport",
    "mailbox_transport_maps",
    "masquerade_classes",
    "masquerade_domains",
    "masquerade_exceptions",
    "maximal_queue_lifetime",
    "milter_default_action",
    "milter_header_checks",
    "mime_header_checks",
    "mydestination",
    "mydomain",
    "myhostname",
    "myorigin",
    "nested_header_checks",
    "non_smtpd_milters",
    "owner_request_special",
    "parent_domain_matches_subdomains",
    "propagate_unmatched_extensions",
    "queue_directory",
    "receive_override_options",
    "recipient_bcc_maps",
    "recipient_canonical_classes",
    "recipient_canonical_maps",
    "recipient_delimiter",
    "relay_domains",
    "relay_transport",
    "relayhost",
    "sender_bcc_maps",
    "sender_canonical_classes",
    "sender_canonical_maps",
    "sender_dependent_default_transport_maps",
    "sender_dependent_relayhost_maps",
    "smtp_address_preference",
    "smtp_bind_address",
    "smtp_bind_address6",
    "smtp_connection_cache_destinations",
    "smtp_connection_cache_on_demand",
    "smtp_discard_ehlo_keywords",
    "smtp_dns_resolver_options",
    "smtp_dns_support_level",
    "smtp_fallback_relay",
    "smtp_helo_name",
    "smtp_host_lookup",
    "smtp_tls_CAfile",
    "smtp_tls_CApath",
    "smtp_tls_ciphers",
    "smtp_tls_mandatory_ciphers",
    "smtp_tls_mandatory_protocols",
    "smtp_tls_policy_maps",
    "smtp_tls_protocols",
    "smtp_tls_secure_cert_match",
    "smtp_tls_security_level",
    "smtp_tls_verify_cert_match",
    "smtp_tls_wrappermode",
    "smtpd_client_restrictions",
    "smtpd_data_restrictions",
    "smtpd_end_of_data_restrictions",
    "smtpd_helo_restrictions",
    "smtpd_milter_maps",
    "smtpd_milters",
    "smtpd_proxy_filter",
    "smtpd_recipient_restrictions",
    "smtpd_relay_restrictions",
    "smtpd_restriction_classes",
    "smtpd_sender_restrictions",
    "soft_bounce",
    "tls_append_default_CA",
    "transport_maps",
    "virtual_alias_domains",
    "virtual_alias_expansion_limit",
    "virtual_alias_maps",
    "virtual_mailbox_domains",
    "virtual_transport",
];

/// Parameters that some versions have and others have not yet, or no longer.
const OPTIONAL_PARAMETERS: [&str; 6] = [
    // Obsolete since 2.3.
    "smtp_enforce_tls",
    "smtp_tls_enforce_peername",
    "smtp_use_tls",
    // Since 3.7.
    "smtp_bind_address_enforce",
    // Since 3.10.
    "tls_required_enable",
    // Since 3.11.
    "smtp_requiretls_policy",
];

/// Parameters that decide the TLS level, and that a service of master.cf may override.
pub(super) const TLS_PARAMETERS: [&str; 13] = [
    "disable_dns_lookups",
    "ignore_mx_lookup_error",
    "smtp_dns_resolver_options",
    "smtp_dns_support_level",
    "smtp_enforce_tls",
    "smtp_host_lookup",
    "smtp_tls_enforce_peername",
    "smtp_tls_mandatory_ciphers",
    "smtp_tls_mandatory_protocols",
    "smtp_tls_policy_maps",
    "smtp_tls_protocols",
    "smtp_tls_security_level",
    "smtp_use_tls",
];

/// Parameters that decide how a destination is contacted, and that a service of master.cf may override; but for the name
/// in EHLO, which decides nothing else.
pub(super) const MANNER_PARAMETERS: [&str; 11] = [
    "disable_dns_lookups",
    "inet_interfaces",
    "inet_protocols",
    "smtp_address_preference",
    "smtp_bind_address",
    "smtp_bind_address6",
    "smtp_bind_address_enforce",
    "smtp_discard_ehlo_keywords",
    "smtp_dns_support_level",
    "smtp_host_lookup",
    "smtp_tls_wrappermode",
];

/// Why facts could not be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PostconfError {
    /// postconf did not run to its end.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// postconf refused.
    #[error("postconf {arguments}: {reason}")]
    Refused {
        /// What it was asked.
        arguments: String,
        /// What it said.
        reason: String,
    },
    /// postconf's answer is not to be understood.
    #[error("postconf {arguments}: {reason}")]
    NotUnderstood {
        /// What it was asked.
        arguments: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The files were changed while they were read, again and again.
    #[error("main.cf or master.cf changed each time that they were read")]
    Changing,
}

/// A service of master.cf.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Service {
    /// Its name: what `transport_maps` and `{rcpt_mailer}` call a transport.
    pub name: String,
    /// `unix`, `inet`, `fifo`, `pass`, `unix-dgram`.
    pub kind: String,
    /// The daemon: `smtp`, `lmtp`, `pipe` …
    pub command: String,
    /// Parameters of main.cf that it overrides (`-o`), expanded.
    pub overrides: BTreeMap<String, String>,
}

/// Postfix's configuration at one time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PostfixFacts {
    /// `mail_version`.
    pub version: PostfixVersion,
    /// `maximal_queue_lifetime`.
    pub maximal_queue_lifetime: Duration,
    /// Where main.cf and master.cf are.
    pub config_directory: PathBuf,
    /// Where the queue is; sockets of main.cf are relative to it.
    pub queue_directory: PathBuf,
    /// Every service of master.cf.
    pub services: Vec<Service>,
    parameters: BTreeMap<String, String>,
    /// The values of [`TLS_PARAMETERS`] and [`MANNER_PARAMETERS`] as written, `$name` not expanded.
    unexpanded: BTreeMap<String, String>,
}

impl PostfixFacts {
    /// The value of a parameter of main.cf, expanded; `None` where this version of Postfix has no such parameter.
    ///
    /// Knows the parameters that are asked for, no others.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// A parameter that every version has; [`parse`] has seen to it that it is there.
    pub(super) fn required(&self, name: &str) -> &str {
        debug_assert!(PARAMETERS.contains(&name), "{name} is not asked for");
        self.parameter(name).unwrap_or_default()
    }

    /// A parameter as a service sees it.
    pub(super) fn parameter_of<'a>(&'a self, service: Option<&'a Service>, name: &str) -> Option<&'a str> {
        service.and_then(|service| service.overrides.get(name).map(String::as_str)).or_else(|| self.parameter(name))
    }

    /// Why some of these parameters of main.cf ([`TLS_PARAMETERS`], [`MANNER_PARAMETERS`]) may mean something else to this
    /// service than what postconf expands them to; `None` when none does.
    pub(super) fn not_expandable(&self, service: &Service, parameters: &[&str]) -> Option<String> {
        let depends_on = |value: &str, name: &str| {
            value.match_indices(name).any(|(at, _)| {
                let before = value[..at].trim_end_matches(['{', '(']);
                let after = value[at + name.len()..].chars().next();
                before.ends_with('$') && !after.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
            })
        };
        let own = ["service_name", "process_name", "process_id"];
        let decided = |name: &str| !parameters.contains(&name) || service.overrides.contains_key(name);
        for (parameter, value) in self.unexpanded.iter().filter(|(name, _)| !decided(name)) {
            let name = own.into_iter().chain(service.overrides.keys().map(String::as_str));
            if let Some(name) = name.into_iter().find(|name| depends_on(value, name)) {
                return Some(format!("main.cf: {parameter} depends on ${name}, which service {} sets", service.name));
            }
        }
        None
    }

    /// The host's own name.
    pub fn myhostname(&self) -> &str {
        self.required("myhostname")
    }

    /// The name that smtp(8) gives in EHLO.
    pub fn helo_name(&self) -> &str {
        match self.required("smtp_helo_name") {
            "" => self.myhostname(),
            name => name,
        }
    }

    /// `smtp_fallback_relay`, of main.cf and of each service that overrides it: next-hops of their own, to be pinned
    /// with those of the message.
    ///
    /// # Errors
    /// When one is no next-hop.
    pub fn fallback_relays(&self) -> Result<BTreeSet<Destination>, DestinationError> {
        let overridden = self.services.iter().filter_map(|service| service.overrides.get("smtp_fallback_relay"));
        let lists = std::iter::once(self.required("smtp_fallback_relay")).chain(overridden.map(String::as_str));
        let mut relays = BTreeSet::new();
        for list in lists.filter(|list| !split_list(list).is_empty()) {
            relays.extend(Destination::split(list)?);
        }
        Ok(relays)
    }

    /// The service of this name and kind.
    pub fn service(&self, name: &str, kind: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name && service.kind == kind)
    }

    /// Whether some service may take mail without mapping its addresses (`receive_override_options`).
    pub(super) fn may_skip_mapping(&self) -> bool {
        const NAME: &str = "receive_override_options";
        let overridden = self.services.iter().filter_map(|service| service.overrides.get(NAME));
        let mut values = std::iter::once(self.required(NAME)).chain(overridden.map(String::as_str));
        values.any(|value| split_list(value).contains(&"no_address_mappings"))
    }

    /// Whether `TLS-Required: no` in a message's header lifts the policy (RFC 8689; Postfix 3.10 and later).
    pub fn honours_tls_required_no(&self) -> bool {
        self.parameter("tls_required_enable").is_some_and(|value| !value.eq_ignore_ascii_case("no"))
    }
}

/// Splits a list of main.cf: commas and white space separate, but not inside braces (`inline:{ a=b, c=d }`), as
/// mystrtokq does with CHARS_COMMA_SP and CHARS_BRACE.
pub(super) fn split_list(list: &str) -> Vec<&str> {
    let (mut elements, mut depth, mut start) = (Vec::new(), 0usize, None);
    for (at, c) in list.char_indices() {
        match c {
            ',' | ' ' | '\t' | '\r' | '\n' if depth == 0 => {
                if let Some(start) = start.take() {
                    elements.push(&list[start..at]);
                }
                continue;
            }
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        start.get_or_insert(at);
    }
    elements.extend(start.map(|start| &list[start..]));
    elements
}

/// Reads a time of main.cf: a number and a unit, `s`, `m`, `h`, `d` or `w` (postconf(5)).
pub(super) fn parse_time(text: &str, default_unit: char) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => default_unit,
        unit if unit.len() == 1 => unit.chars().next()?,
        _ => return None,
    };
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    let number = if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse::<u64>().ok()? } else { return None };
    number.checked_mul(factor).map(Duration::from_secs)
}

/// Reads `name = value` lines.
fn parse_parameters(output: &str) -> Result<BTreeMap<String, String>, String> {
    let mut parameters = BTreeMap::new();
    for line in output.lines() {
        let (name, value) = line.split_once('=').ok_or_else(|| format!("`{line}` is no `name = value`"))?;
        parameters.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    Ok(parameters)
}

/// Reads `postconf -M`: eight columns, the last one the command with its arguments (master(5)).
fn parse_services(output: &str) -> Result<Vec<Service>, String> {
    let mut services = Vec::new();
    for line in output.lines() {
        let columns: Vec<&str> = line.split_ascii_whitespace().take(8).collect();
        let [name, kind, _, _, _, _, _, command] = columns[..] else {
            return Err(format!("`{line}` has fewer than 8 columns"));
        };
        services.push(Service {
            name: name.to_owned(),
            kind: kind.to_owned(),
            command: command.to_owned(),
            overrides: BTreeMap::new(),
        });
        if services.len() > SERVICES_MAX {
            return Err(format!("more than {SERVICES_MAX} services"));
        }
    }
    Ok(services)
}

/// Reads `postconf -P`, `service/kind/parameter = value`, into the services.
fn parse_overrides(output: &str, services: &mut [Service]) -> Result<(), String> {
    for line in output.lines() {
        let wrong = || format!("`{line}` is no `service/type/parameter = value` of a known service");
        let (left, value) = line.split_once('=').ok_or_else(wrong)?;
        let mut parts = left.trim().rsplitn(3, '/');
        let (Some(parameter), Some(kind), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let service = services.iter_mut().find(|service| service.name == name && service.kind == kind);
        service.ok_or_else(wrong)?.overrides.insert(parameter.to_owned(), value.trim().to_owned());
    }
    Ok(())
}

/// What the calls of postconf printed.
struct Printed {
    /// `postconf -x NAME…`
    expanded: String,
    /// `postconf NAME…` for what services may override
    unexpanded: String,
    /// `postconf -M`
    services: String,
    /// `postconf -P -x`
    overrides: String,
}

fn parse(printed: &Printed) -> Result<PostfixFacts, PostconfError> {
    let wrong = |arguments: &str| {
        let arguments = arguments.to_owned();
        move |reason: String| PostconfError::NotUnderstood { arguments, reason }
    };
    let parameters = parse_parameters(&printed.expanded).map_err(wrong("-x"))?;
    if let Some(missing) = PARAMETERS.into_iter().find(|name| !parameters.contains_key(*name)) {
        return Err(wrong("-x")(format!("{missing} is missing in the answer")));
    }
    let unexpanded = parse_parameters(&printed.unexpanded).map_err(wrong("(parameters of services)"))?;
    let mut services = parse_services(&printed.services).map_err(wrong("-M"))?;
    parse_overrides(&printed.overrides, &mut services).map_err(wrong("-P"))?;
    let value = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
    let is_wrong = |name: &str| wrong("-x")(format!("{name} = {} is not understood", value(name)));
    let directory = |name: &str| {
        let path = PathBuf::from(value(name));
        if path.is_absolute() { Ok(path) } else { Err(is_wrong(name)) }
    };
    Ok(PostfixFacts {
        version: PostfixVersion::parse(value("mail_version")).ok_or_else(|| is_wrong("mail_version"))?,
        maximal_queue_lifetime: parse_time(value("maximal_queue_lifetime"), 'd')
            .ok_or_else(|| is_wrong("maximal_queue_lifetime"))?,
        config_directory: directory("config_directory")?,
        queue_directory: directory("queue_directory")?,
        services,
        unexpanded,
        parameters,
    })
}

/// Asks postconf(1).
#[derive(Clone, Debug)]
pub struct Postconf {
    program: PathBuf,
    config_directory: Option<PathBuf>,
}

impl Postconf {
    /// Asks about the Postfix that the configuration names.
    pub fn new(postfix: &config::Postfix) -> Self {
        Self { program: POSTCONF.into(), config_directory: postfix.config_directory.clone() }
    }

    /// Reads all facts. Takes four short runs of postconf.
    ///
    /// # Errors
    /// When postconf fails or its answer is not understood; and when the files go on changing meanwhile.
    pub async fn read(&self) -> Result<PostfixFacts, PostconfError> {
        Ok(self.read_stamped().await?.0)
    }

    /// Reads all facts, with the stamps of the files they were read from.
    async fn read_stamped(&self) -> Result<(PostfixFacts, Stamps), PostconfError> {
        let mut before = match &self.config_directory {
            Some(directory) => Some(Stamps::of(directory).await),
            None => None,
        };
        for _ in 0..READ_ATTEMPTS {
            let facts = self.read_once().await?;
            let after = Stamps::of(&facts.config_directory).await;
            if before.replace(after.clone()) == Some(after.clone()) {
                return Ok((facts, after));
            }
        }
        Err(PostconfError::Changing)
    }

    async fn read_once(&self) -> Result<PostfixFacts, PostconfError> {
        let names = PARAMETERS.into_iter().chain(OPTIONAL_PARAMETERS);
        let printed = Printed {
            expanded: self.ask(std::iter::once("-x").chain(names)).await?,
            unexpanded: self.ask(TLS_PARAMETERS.into_iter().chain(MANNER_PARAMETERS)).await?,
            services: self.ask(["-M"]).await?,
            overrides: self.ask(["-P", "-x"]).await?,
        };
        parse(&printed)
    }

    async fn ask(&self, arguments: impl IntoIterator<Item = &'static str>) -> Result<String, PostconfError> {
        let arguments: Vec<&str> = arguments.into_iter().collect();
        let directory = self.config_directory.as_deref().map(|directory| [Path::new("-c"), directory]);
        let all = directory.into_iter().flatten().chain(arguments.iter().map(Path::new));
        let output = tool::run(&self.program, all, b"").await?;
        if output.status.success() {
            // Warnings are usual here: this version does not know every parameter, main.cf has unused ones.
            tracing::debug!(arguments = %arguments.join(" "), stderr = %output.stderr, "postconf");
            return Ok(output.stdout);
        }
        let reason = if output.stderr.is_empty() { output.status.to_string() } else { output.stderr };
        Err(PostconfError::Refused { arguments: arguments[..1].join(" "), reason })
    }
}

/// By what a changed file is told: each of main.cf and master.cf, or `None` where it cannot be looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Stamps([Option<Stamp>; 2]);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamps {
    async fn of(directory: &Path) -> Self {
        let stamp = async |name: &str| {
            let metadata = tokio::fs::metadata(directory.join(name)).await.ok()?;
            Some(Stamp {
                device: metadata.dev(),
                inode: metadata.ino(),
                size: metadata.size(),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
                changed: (metadata.ctime(), metadata.ctime_nsec()),
            })
        };
        Self([stamp("main.cf").await, stamp("master.cf").await])
    }
}

/// Facts that follow main.cf and master.cf as they change.
#[derive(Debug)]
pub struct PostfixWatch {
    facts: watch::Receiver<Option<Arc<PostfixFacts>>>,
    follower: JoinHandle<()>,
}

impl PostfixWatch {
    /// Reads the facts and goes on following them in the background, until this is dropped.
    ///
    /// Where the first reading fails, that is logged and tried again every few seconds; until then nothing is known.
    pub async fn start(postconf: Postconf) -> Self {
        Self::start_every(postconf, CHECK_INTERVAL).await
    }

    async fn start_every(postconf: Postconf, interval: Duration) -> Self {
        let mut complaint = String::new();
        let mut stamps = None;
        let first = match postconf.read_stamped().await {
            Ok((facts, at)) => {
                stamps = Some(at);
                Some(Arc::new(facts))
            }
            Err(error) => {
                complaint = error.to_string();
                tracing::error!(
                    "{error}: until Postfix's configuration can be read, nothing is known of where mail goes"
                );
                None
            }
        };
        let (sender, facts) = watch::channel(first);
        let follower = tokio::spawn(follow(postconf, interval, sender, stamps, complaint));
        Self { facts, follower }
    }

    /// The facts as last read; `None` where they never could be: then nothing is known.
    pub fn facts(&self) -> Option<Arc<PostfixFacts>> {
        self.facts.borrow().clone()
    }

    /// The same, for whoever waits for the next change.
    pub fn changes(&self) -> watch::Receiver<Option<Arc<PostfixFacts>>> {
        self.facts.clone()
    }
}

impl Drop for PostfixWatch {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

/// Reads again what changed. A failure keeps the old facts, is logged once, and is tried again.
async fn follow(
    postconf: Postconf,
    interval: Duration,
    sender: watch::Sender<Option<Arc<PostfixFacts>>>,
    mut stamps: Option<Stamps>,
    mut complaint: String,
) {
    loop {
        sleep(interval).await;
        let known = sender.borrow().clone();
        if let (Some(known), Some(stamps)) = (&known, &stamps)
            && Stamps::of(&known.config_directory).await == *stamps
        {
            continue;
        }
        match postconf.read_stamped().await {
            Ok((facts, at)) => {
                complaint.clear();
                stamps = Some(at);
                if known.as_deref() != Some(&facts) {
                    tracing::info!(version = %facts.version, "Postfix's configuration was read");
                    sender.send_replace(Some(Arc::new(facts)));
                }
            }
            Err(error) if error.to_string() != complaint => {
                complaint = error.to_string();
                tracing::error!("{error}: what was read before goes on to count");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::fs;

    /// A configuration directory for tests, with Debian's services.
    pub(in crate::postfix) fn scratch(main: &str, master: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let basic = "compatibility_level = 3.6\nmyhostname = mx.example\nmydestination = $myhostname, local.example\n\
                     mynetworks = 127.0.0.0/8\nmyorigin = $myhostname\n";
        let services = "smtp unix - - n - - smtp\nrelay unix - - n - - smtp\n -o syslog_name=postfix/$service_name\n\
                        rewrite unix - - n - - trivial-rewrite\ncleanup unix n - n - 0 cleanup\n\
                        error unix - - n - - error\nretry unix - - n - - error\ndiscard unix - - n - - discard\n\
                        local unix - n n - - local\nvirtual unix - n n - - virtual\nlmtp unix - - n - - lmtp\n";
        write(&directory.path().join("main.cf"), &format!("{basic}{main}"));
        write(&directory.path().join("master.cf"), &format!("{services}{master}"));
        directory
    }

    /// Writes a file that seems old: Postfix waits up to two seconds for a file that was changed just now.
    fn write(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        let hour_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
        fs::File::options().write(true).open(path).unwrap().set_modified(hour_ago).unwrap();
    }

    pub(in crate::postfix) fn postconf(directory: &Path) -> Postconf {
        Postconf::new(&config::Postfix { config_directory: Some(directory.to_owned()), ..Default::default() })
    }

    pub(in crate::postfix) async fn facts(main: &str, master: &str) -> (PostfixFacts, tempfile::TempDir) {
        let directory = scratch(main, master);
        (postconf(directory.path()).read().await.unwrap(), directory)
    }

    #[test]
    fn reads_times() {
        for (text, seconds) in [
            ("5d", Some(432_000)),
            ("5", Some(432_000)),
            ("0", Some(0)),
            ("90s", Some(90)),
            ("2W", Some(1_209_600)),
            ("", None),
            ("d", None),
            ("5x", None),
            ("5dd", None),
            ("-1d", None),
            ("1.5h", None),
            ("99999999999999999999d", None),
            ("18446744073709551615d", None),
        ] {
            assert_eq!(parse_time(text, 'd'), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn splits_lists_outside_braces() {
        let list = "hash:/a,inline:{ {a@b = c, d}, e=f } ,\tx {y z}";
        assert_eq!(split_list(list), ["hash:/a", "inline:{ {a@b = c, d}, e=f }", "x", "{y z}"]);
        assert!(split_list(" , ").is_empty());
        assert_eq!(split_list("}a b"), ["}a", "b"]);
    }

    #[test]
    fn what_postconf_does_not_say_is_an_error() {
        for wrong in ["smtp unix - - n - -", "x"] {
            assert!(parse_services(wrong).is_err(), "{wrong}");
        }
        let mut services = parse_services("127.0.0.1:25  inet n - y - - smtpd -o a=b").unwrap();
        for wrong in ["smtp/inet/a = b", "a = b", "127.0.0.1:25/inet/a"] {
            assert!(parse_overrides(wrong, &mut services).is_err(), "{wrong}");
        }
        assert_eq!(parse_overrides("127.0.0.1:25/inet/a = b = c\n127.0.0.1:25/inet/d =\n", &mut services), Ok(()));
        let overrides: Vec<_> = services[0].overrides.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(overrides, [("a", "b = c"), ("d", "")]);
        let printed = |expanded: &str| Printed {
            expanded: expanded.to_owned(),
            unexpanded: String::new(),
            services: String::new(),
            overrides: String::new(),
        };
        let error = parse(&printed("mail_version = 3.7.11\n")).unwrap_err().to_string();
        assert!(error.contains("alias_maps is missing"), "{error}");
        let all = |version: &str, lifetime: &str| {
            let value = |name: &str| match name {
                "mail_version" => version.to_owned(),
                "maximal_queue_lifetime" => lifetime.to_owned(),
                "config_directory" | "queue_directory" => "/x".to_owned(),
                _ => String::new(),
            };
            PARAMETERS.map(|name| format!("{name} = {}\n", value(name))).concat()
        };
        assert!(parse(&printed(&all("3.11-20250101", "5d"))).is_ok());
        assert!(parse(&printed(&all("new", "5d"))).unwrap_err().to_string().contains("mail_version = new"));
        assert!(parse(&printed(&all("3.7", "soon"))).unwrap_err().to_string().contains("maximal_queue_lifetime"));
    }

    #[tokio::test]
    async fn real_postconf_is_understood() {
        let (facts, directory) = facts(
            "smtp_helo_name = $myhostname\nmy_level = secure\nsmtp_tls_security_level = may\n\
             maximal_queue_lifetime = 2w\nsmtp_fallback_relay = $nothing [Fallback.Example]:25, other.example\n\
             virtual_alias_maps = inline:{ {a@b = c@d}, {e@f = g@h} },\n  hash:/x\nunused_thing = 1\n",
            "strict unix - - n - - smtp -o smtp_tls_security_level=$my_level -o { smtp_tls_mandatory_protocols = \
             >=TLSv1.2, <=TLSv1.3 }\n -o smtp_fallback_relay=[third.example]\n\
             127.0.0.1:10025 inet n - n - - smtpd -o content_filter=\nfilter unix - n n - - pipe flags=Rq user=x\n",
        )
        .await;
        assert!(facts.version.at_least(3, 5, 0));
        assert_eq!(facts.config_directory, directory.path());
        assert_eq!((facts.myhostname(), facts.helo_name()), ("mx.example", "mx.example"));
        assert_eq!(facts.maximal_queue_lifetime, Duration::from_secs(14 * 86_400));
        assert_eq!(facts.parameter("no_such_parameter"), None);
        assert_eq!(split_list(facts.required("virtual_alias_maps")).len(), 2);
        assert_eq!(facts.honours_tls_required_no(), facts.version.at_least(3, 10, 0));
        let strict = facts.service("strict", "unix").unwrap();
        assert_eq!(strict.command, "smtp");
        assert_eq!(strict.overrides["smtp_tls_security_level"], "secure");
        assert_eq!(strict.overrides["smtp_tls_mandatory_protocols"], ">=TLSv1.2, <=TLSv1.3");
        assert_eq!(facts.service("filter", "unix").unwrap().command, "pipe");
        assert_eq!(facts.service("127.0.0.1:10025", "inet").unwrap().overrides["content_filter"], "");
        let relays: Vec<_> = facts.fallback_relays().unwrap().iter().map(|relay| relay.to_string()).collect();
        assert_eq!(relays, ["[fallback.example]:25", "[third.example]", "other.example"]);
    }

    #[tokio::test]
    async fn a_parameter_that_depends_on_the_service_is_told() {
        let (facts, _directory) = facts(
            "my_level = may\nsmtp_tls_security_level = ${my_level}\n\
             smtp_tls_mandatory_ciphers = ${{$service_name} == {x} ? {high} : {medium}}\n",
            "a unix - - n - - smtp -o my_level=secure\nb unix - - n - - smtp -o my_level=secure \
             -o smtp_tls_security_level=secure -o smtp_tls_mandatory_ciphers=high\n",
        )
        .await;
        let why = |name: &str| facts.not_expandable(facts.service(name, "unix").unwrap(), &TLS_PARAMETERS);
        assert!(why("smtp").unwrap().contains("smtp_tls_mandatory_ciphers depends on $service_name"));
        assert!(why("a").is_some());
        assert_eq!(why("b"), None);
    }

    #[tokio::test]
    async fn a_postconf_that_fails_gives_no_facts() {
        let directory = scratch("", "");
        fs::remove_file(directory.path().join("main.cf")).unwrap();
        let error = postconf(directory.path()).read().await.unwrap_err();
        assert!(matches!(&error, PostconfError::Refused { .. }) && error.to_string().contains("main.cf"), "{error}");
        let watch = PostfixWatch::start(postconf(directory.path())).await;
        assert_eq!(watch.facts(), None);
    }

    #[tokio::test]
    async fn facts_follow_the_files_and_outlive_a_bad_edit() {
        let directory = scratch("", "");
        let main = directory.path().join("main.cf");
        let text = fs::read_to_string(&main).unwrap();
        let watch = PostfixWatch::start_every(postconf(directory.path()), Duration::from_millis(20)).await;
        let level = || watch.facts().unwrap().required("smtp_tls_security_level").to_owned();
        let becomes = async |expected: &str| {
            for _ in 0..500 {
                if level() == expected {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
            panic!("level stays {}", level());
        };
        assert_eq!(level(), "");
        write(&main, &format!("{text}smtp_tls_security_level = may\n"));
        becomes("may").await;
        write(&main, &format!("{text}smtp_tls_security_level = dane\nno equals sign here\n"));
        sleep(Duration::from_millis(300)).await;
        assert_eq!(level(), "may");
        // As editors do: a new file in the old one's place.
        write(&directory.path().join("new"), &format!("{text}smtp_tls_security_level = encrypt\n"));
        fs::rename(directory.path().join("new"), &main).unwrap();
        becomes("encrypt").await;
    }
}
