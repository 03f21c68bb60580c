//! Where Postfix will send a recipient's mail, for recipients of which it does not say so itself: mail from
//! sendmail(1), which has no macros, and virtual alias domains, whose mailer is `error` until they are expanded.
//!
//! The way is that of cleanup(8) and trivial-rewrite(8): virtual aliases, then the class of the domain, then
//! relayhost and transport tables, each table asked through `postmap -q`. Whatever is not certain (a table that cannot
//! be read by us, an address that is not understood, a limit) makes the whole answer [`Resolution::Unknown`]; there
//! are no guesses. What local(8) does with aliases(5) and .forward files is not followed.

mod address;
mod tables;

pub use tables::{Postmap, Tables};

use super::postconf::{PostfixFacts, split_list};
use crate::nexthop::Destination;
use address::{Address, Rules};
use lru::LruCache;
use std::{
    collections::{BTreeSet, HashSet},
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tables::{Found, Key, Lookups, Parents, domain_keys};
use tokio::time::timeout;

/// The longest that one recipient may take.
const TIME_MAX: Duration = Duration::from_secs(15);

/// The most addresses that an alias may expand to (Postfix: virtual_alias_expansion_limit, 1000).
const EXPANSION_MAX: usize = 1000;

/// How often the results of aliases are looked up again (Postfix: virtual_alias_recursion_limit, 1000).
const NESTING_MAX: usize = 30;

/// How long an answer is remembered: tables change without main.cf changing.
const LIFETIME: Duration = Duration::from_secs(60);

/// How many answers are remembered.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// Parameters that cleanup(8) and trivial-rewrite(8) resolve by. A service of master.cf that overrides one is beyond
/// us: we read main.cf's.
const RESOLVING: [&str; 23] = [
    "append_at_myorigin",
    "append_dot_mydomain",
    "default_transport",
    "local_transport",
    "mydestination",
    "mydomain",
    "myhostname",
    "myorigin",
    "owner_request_special",
    "parent_domain_matches_subdomains",
    "propagate_unmatched_extensions",
    "recipient_delimiter",
    "relay_domains",
    "relay_transport",
    "relayhost",
    "sender_dependent_default_transport_maps",
    "sender_dependent_relayhost_maps",
    "transport_maps",
    "virtual_alias_domains",
    "virtual_alias_maps",
    "virtual_mailbox_domains",
    "virtual_mailbox_maps",
    "virtual_transport",
];

/// Why it is not known where mail goes.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
struct Unresolved(String);

/// Where a recipient's mail goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Resolution {
    /// There, and nowhere else; one hop for each different way, at least one.
    Known(Vec<Hop>),
    /// Not known, and why: it may go anywhere.
    Unknown(String),
}

/// One way that mail goes.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Hop {
    /// The transport: a service of master.cf. Where it leads, [`super::transport::of_nexthop`] says.
    pub transport: String,
    /// The next-hop as Postfix has it: a list, a socket, or for the `error` transport a text.
    pub nexthop: String,
    /// What smtp(8) or lmtp(8) will ask policies for; empty for every other daemon.
    pub nexthops: Vec<Destination>,
    /// The recipient's domain after aliases.
    pub domain: Destination,
}

/// How the recipient came to us.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Origin {
    /// From smtpd(8): before canonical mapping and masquerading.
    Smtpd,
    /// From sendmail(1): after these (the milter is called by cleanup(8)).
    Sendmail,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The recipient, as in the envelope.
    pub recipient: &'a str,
    /// The sender, as in the envelope; empty or `<>` for the null sender.
    pub sender: &'a str,
    /// How they came.
    pub origin: Origin,
}

/// Resolves recipients, and remembers the answers for a minute.
#[derive(Debug)]
pub struct Resolver<T = Postmap> {
    tables: T,
    remembered: Mutex<Remembered>,
}

#[derive(Debug)]
struct Remembered {
    /// The facts that the answers are for.
    facts: Option<Arc<PostfixFacts>>,
    answers: LruCache<(String, String, Origin), (Instant, Vec<Hop>)>,
}

impl Default for Resolver {
    fn default() -> Self {
        Self::new(Postmap::default())
    }
}

impl<T: Tables> Resolver<T> {
    /// Resolves by these tables.
    pub fn new(tables: T) -> Self {
        let remembered = Remembered { facts: None, answers: LruCache::new(REMEMBERED_MAX) };
        Self { tables, remembered: Mutex::new(remembered) }
    }

    /// Says where a recipient's mail goes. Runs nothing where main.cf has no tables.
    pub async fn resolve(&self, facts: Option<&Arc<PostfixFacts>>, question: Question<'_>) -> Resolution {
        let Some(facts) = facts else {
            return Resolution::Unknown("Postfix's configuration could not be read".to_owned());
        };
        let key = (question.recipient.to_owned(), question.sender.to_owned(), question.origin);
        if let Some(hops) = self.recall(facts, &key) {
            return Resolution::Known(hops);
        }
        match timeout(TIME_MAX, resolve(&self.tables, facts, question)).await {
            Ok(Ok(hops)) => {
                self.remember(facts, key, hops.clone());
                Resolution::Known(hops)
            }
            Ok(Err(Unresolved(reason))) => Resolution::Unknown(reason),
            Err(_) => Resolution::Unknown(format!("took longer than {} s", TIME_MAX.as_secs())),
        }
    }

    fn recall(&self, facts: &Arc<PostfixFacts>, key: &(String, String, Origin)) -> Option<Vec<Hop>> {
        let mut remembered = self.lock();
        if !remembered.facts.as_ref().is_some_and(|known| Arc::ptr_eq(known, facts)) {
            remembered.answers.clear();
            remembered.facts = Some(Arc::clone(facts));
            return None;
        }
        let (at, hops) = remembered.answers.get(key)?;
        (at.elapsed() < LIFETIME).then(|| hops.clone())
    }

    fn remember(&self, facts: &Arc<PostfixFacts>, key: (String, String, Origin), hops: Vec<Hop>) {
        let mut remembered = self.lock();
        if remembered.facts.as_ref().is_some_and(|known| Arc::ptr_eq(known, facts)) {
            remembered.answers.put(key, (Instant::now(), hops));
        }
    }

    /// A panic elsewhere leaves nothing half done in here: each change is one call.
    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn resolve(tables: &impl Tables, facts: &PostfixFacts, question: Question<'_>) -> Result<Vec<Hop>, Unresolved> {
    refuse_what_is_not_followed(facts, question.origin)?;
    let mut resolving = Resolving {
        facts,
        rules: rules(tables, facts).await?,
        lookups: Lookups::new(tables, &facts.config_directory),
        virtual_aliases: split_list(facts.required("virtual_alias_maps")),
        transports: split_list(facts.required("transport_maps")),
        sender_relayhosts: split_list(facts.required("sender_dependent_relayhost_maps")),
        sender_transports: split_list(facts.required("sender_dependent_default_transport_maps")),
    };
    let recipient = Address::parse(question.recipient, &resolving.rules)?;
    let sender = match question.sender {
        "" | "<>" => None,
        // Where no table is asked about it, a strange sender is none of our business.
        _ if resolving.sender_relayhosts.is_empty() && resolving.sender_transports.is_empty() => None,
        sender => Some(Address::parse(sender, &resolving.rules)?),
    };
    let recipients = resolving.expand(recipient).await?;
    resolving.load_transports(&recipients).await?;
    let mut hops = BTreeSet::new();
    for recipient in &recipients {
        hops.insert(resolving.route(recipient, sender.as_ref()).await?);
    }
    Ok(hops.into_iter().collect())
}

/// Settings under which the address that Postfix resolves is not the one that we have, or not in our way.
fn refuse_what_is_not_followed(facts: &PostfixFacts, origin: Origin) -> Result<(), Unresolved> {
    let is_set = |name: &str| !facts.required(name).is_empty();
    let refuse = |reason: String| Err(Unresolved(reason));
    if origin == Origin::Smtpd {
        let maps = ["canonical_maps", "recipient_canonical_maps"];
        if let Some(name) = maps.into_iter().find(|name| is_set(name)) {
            return refuse(format!("{name} may change the recipient first"));
        }
        let masquerades = split_list(facts.required("masquerade_classes")).contains(&"envelope_recipient");
        if is_set("masquerade_domains") && masquerades {
            return refuse("masquerade_domains may change the recipient first".to_owned());
        }
        let by_sender = ["sender_dependent_relayhost_maps", "sender_dependent_default_transport_maps"];
        let changes_sender = ["sender_canonical_maps", "masquerade_domains"];
        if by_sender.into_iter().any(is_set)
            && let Some(name) = changes_sender.into_iter().find(|name| is_set(name))
        {
            return refuse(format!("{name} may change the sender, by which next-hops are chosen"));
        }
    }
    for service in facts.services.iter().filter(|s| matches!(s.command.as_str(), "cleanup" | "trivial-rewrite")) {
        if let Some(name) = RESOLVING.into_iter().find(|name| service.overrides.contains_key(*name)) {
            return refuse(format!("master.cf: service {} overrides {name}", service.name));
        }
    }
    Ok(())
}

async fn rules(tables: &impl Tables, facts: &PostfixFacts) -> Result<Rules, Unresolved> {
    let yes = |name: &str| facts.required(name).eq_ignore_ascii_case("yes");
    let origin = match facts.required("myorigin") {
        // A file, of which the first line counts (Debian: /etc/mailname).
        path if path.starts_with('/') => {
            let text = tables.file(path).await.map_err(Unresolved)?;
            match text.lines().next().map(str::trim) {
                Some(origin) if !origin.is_empty() => origin.to_owned(),
                _ => return Err(Unresolved(format!("{path}: no domain in it"))),
            }
        }
        origin => origin.to_owned(),
    };
    Ok(Rules {
        append_at_myorigin: yes("append_at_myorigin"),
        append_dot_mydomain: yes("append_dot_mydomain"),
        origin,
        mydomain: facts.required("mydomain").to_owned(),
        delimiters: facts.required("recipient_delimiter").to_owned(),
        owner_request_special: yes("owner_request_special"),
        double_bounce_sender: facts.required("double_bounce_sender").to_owned(),
    })
}

/// The resolution of one recipient.
struct Resolving<'a, T> {
    facts: &'a PostfixFacts,
    rules: Rules,
    lookups: Lookups<'a, T>,
    virtual_aliases: Vec<&'a str>,
    transports: Vec<&'a str>,
    sender_relayhosts: Vec<&'a str>,
    sender_transports: Vec<&'a str>,
}

impl<T: Tables> Resolving<'_, T> {
    /// Expands virtual aliases to the end (`src/cleanup/cleanup_map1n.c`): an address that expands to itself among
    /// others stays.
    async fn expand(&mut self, recipient: Address) -> Result<Vec<Address>, Unresolved> {
        if self.virtual_aliases.is_empty() {
            return Ok(vec![recipient]);
        }
        let propagate = split_list(self.facts.required("propagate_unmatched_extensions")).contains(&"virtual");
        let tables = self.virtual_aliases.clone();
        let (mut finals, mut seen) = (Vec::new(), HashSet::from([recipient.folded()]));
        let mut round = vec![recipient];
        for _ in 0..NESTING_MAX {
            let mut keys = Vec::with_capacity(round.len());
            for address in &round {
                keys.push(self.address_keys(address, Form::External).await?);
            }
            self.lookups.load(&tables, &keys.concat()).await?;
            let mut next = Vec::new();
            for (address, keys) in round.into_iter().zip(keys) {
                let Some(found) = self.lookups.find(&tables, &keys).await? else {
                    finals.push(address);
                    continue;
                };
                for result in self.alias_results(&address, &found, propagate)? {
                    if result.folded() == address.folded() {
                        finals.push(result);
                    } else if seen.insert(result.folded()) {
                        next.push(result);
                    }
                }
            }
            if finals.len() + next.len() > EXPANSION_MAX {
                return Err(Unresolved(format!("aliases expand to more than {EXPANSION_MAX} addresses")));
            }
            if next.is_empty() {
                return match finals.is_empty() {
                    true => Err(Unresolved("aliases go in a circle".to_owned())),
                    false => Ok(finals),
                };
            }
            round = next;
        }
        Err(Unresolved(format!("aliases are nested more than {NESTING_MAX} deep")))
    }

    /// What an alias says (`src/global/mail_addr_map.c`): `@domain` keeps the local part, and the extension that no
    /// key matched goes on to each result.
    fn alias_results(&self, address: &Address, found: &Found, propagate: bool) -> Result<Vec<Address>, Unresolved> {
        let split = if found.bare { address.split_extension(&self.rules) } else { None };
        let value = match found.value.strip_prefix('@') {
            Some(domain) => {
                let local = split.as_ref().map_or(&address.local, |(bare, _)| &bare.local);
                format!("{}@{domain}", address::quote(local))
            }
            None => found.value.clone(),
        };
        let mut results = Address::parse_list(&value, &self.rules)?;
        if let Some((_, extension)) = split.filter(|_| propagate) {
            for result in &mut results {
                result.local.push_str(&extension);
            }
        }
        Ok(results)
    }

    /// Whether the domain is one of mydestination (`src/global/resolve_local.c`). Address literals of our own
    /// interfaces are not known to be that: they count as those of another host.
    async fn is_local(&mut self, address: &Address) -> Result<bool, Unresolved> {
        let list = self.facts.required("mydestination");
        self.lookups.list_has(list, None, &address.folded_domain()).await
    }

    /// The keys by which an address is looked up (`src/global/mail_addr_find.c`): whole, without extension, the
    /// local part alone where the domain is ours, `@domain`.
    async fn address_keys(&mut self, address: &Address, form: Form) -> Result<Vec<Key>, Unresolved> {
        let bare = address.split_extension(&self.rules).map(|(bare, _)| bare);
        let mut keys = whole_keys(address, bare.as_ref(), form);
        if address.is_literal() {
            return Err(Unresolved(format!("whether {} is our own address is not known", address.domain)));
        }
        if address.domain.eq_ignore_ascii_case(&self.rules.origin) || self.is_local(address).await? {
            let locals = std::iter::once((address, false)).chain(bare.iter().map(|bare| (bare, true)));
            for (address, bare) in locals {
                keys.extend(form.of(address::quote(&address.local), address.local.clone(), |text| Key {
                    text,
                    partial: true,
                    bare,
                }));
            }
        }
        keys.push(Key::partial(format!("@{}", address.domain)));
        Ok(keys)
    }

    /// Asks transport_maps for all recipients at once.
    async fn load_transports(&mut self, recipients: &[Address]) -> Result<(), Unresolved> {
        if self.transports.is_empty() {
            return Ok(());
        }
        let mut keys = Vec::new();
        for recipient in recipients {
            keys.extend(self.transport_keys(recipient).await?);
        }
        let tables = self.transports.clone();
        self.lookups.load(&tables, &keys).await
    }

    /// The keys of transport(5): the address, without extension, the domain, its parents, `*`.
    async fn transport_keys(&mut self, recipient: &Address) -> Result<Vec<Key>, Unresolved> {
        let bare = recipient.split_extension(&self.rules).map(|(bare, _)| bare);
        let mut keys = whole_keys(recipient, bare.as_ref(), Form::ExternalFirst);
        keys.extend(domain_keys(Key::partial(&recipient.domain), self.parents_of("transport_maps").await?));
        keys.push(Key::whole("*"));
        Ok(keys)
    }

    /// How parent domains stand in the tables of a parameter (`src/global/match_parent_style.c`).
    async fn parents_of(&mut self, parameter: &str) -> Result<Parents, Unresolved> {
        let list = self.facts.required("parent_domain_matches_subdomains");
        let plain = self.lookups.list_has(list, None, parameter).await?;
        Ok(if plain { Parents::Plain } else { Parents::Dotted })
    }

    /// Transport and next-hop of an address that is expanded (`src/trivial-rewrite/resolve.c`, resolve_addr).
    async fn route(&mut self, recipient: &Address, sender: Option<&Address>) -> Result<Hop, Unresolved> {
        let domain = recipient.folded_domain();
        let facts = self.facts;
        let may_be_local = recipient.is_literal() || self.is_local(recipient).await?;
        if may_be_local && recipient.routes() {
            return Err(Unresolved("an address at our own domain routes by its local part".to_owned()));
        }
        let relay_parents = self.parents_of("relay_domains").await?;
        let (transport, nexthop) = if may_be_local && !recipient.is_literal() {
            (facts.required("local_transport").to_owned(), recipient.domain.clone())
        } else if self.lookups.list_has(facts.required("virtual_alias_domains"), None, &domain).await? {
            // No alias matched, or we would not be here: it is bounced, and transport_maps are not asked.
            return self.hop("error".to_owned(), "5.1.1 User unknown in virtual alias table".to_owned(), recipient);
        } else if self.lookups.list_has(facts.required("virtual_mailbox_domains"), None, &domain).await? {
            (facts.required("virtual_transport").to_owned(), recipient.domain.clone())
        } else {
            let list = facts.required("relay_domains");
            let transport = match self.lookups.list_has(list, Some(relay_parents), &domain).await? {
                true => facts.required("relay_transport").to_owned(),
                false => self
                    .by_sender(Table::Transport, sender)
                    .await?
                    .unwrap_or_else(|| facts.required("default_transport").to_owned()),
            };
            let relayhost = match self.by_sender(Table::Relayhost, sender).await? {
                Some(relayhost) => relayhost,
                None => facts.required("relayhost").to_owned(),
            };
            (transport, if relayhost.is_empty() { recipient.domain.clone() } else { relayhost })
        };
        // `transport:nexthop` in main.cf overrides the next-hop.
        let (transport, nexthop) = match transport.split_once(':') {
            Some((transport, "")) => (transport.to_owned(), nexthop),
            Some((transport, nexthop)) => (transport.to_owned(), nexthop.to_owned()),
            None => (transport, nexthop),
        };
        if transport.is_empty() {
            return Err(Unresolved("a transport of main.cf has no name".to_owned()));
        }
        let (transport, nexthop) = self.by_transport_maps(recipient, transport, nexthop).await?;
        self.hop(transport, nexthop, recipient)
    }

    /// The sender's own relayhost or default transport; `None` where there is none, or where it is `DUNNO`.
    async fn by_sender(&mut self, table: Table, sender: Option<&Address>) -> Result<Option<String>, Unresolved> {
        let (tables, null_key) = match table {
            Table::Relayhost => (self.sender_relayhosts.clone(), "empty_address_relayhost_maps_lookup_key"),
            Table::Transport => (self.sender_transports.clone(), "empty_address_default_transport_maps_lookup_key"),
        };
        if tables.is_empty() {
            return Ok(None);
        }
        let keys = match sender {
            Some(sender) => self.address_keys(sender, Form::ExternalFirst).await?,
            None => {
                let key = self.facts.required(null_key);
                if key.contains('@') {
                    return Err(Unresolved(format!("{null_key} is an address")));
                }
                Form::ExternalFirst.of(address::quote(key), key.to_owned(), Key::whole)
            }
        };
        let found = self.lookups.find(&tables, &keys).await?;
        Ok(found.map(|found| found.value).filter(|value| !value.eq_ignore_ascii_case("DUNNO")))
    }

    /// What transport_maps make of it (`src/trivial-rewrite/transport.c`, update_entry).
    async fn by_transport_maps(
        &mut self,
        recipient: &Address,
        transport: String,
        nexthop: String,
    ) -> Result<(String, String), Unresolved> {
        if self.transports.is_empty() {
            return Ok((transport, nexthop));
        }
        let (keys, tables) = (self.transport_keys(recipient).await?, self.transports.clone());
        let Some(found) = self.lookups.find(&tables, &keys).await? else {
            return Ok((transport, nexthop));
        };
        let (own_transport, own_nexthop) = found.value.split_once(':').unwrap_or((&found.value, ""));
        Ok(match (own_transport, own_nexthop) {
            ("", "") => (transport, nexthop),
            ("", own_nexthop) => (transport, own_nexthop.to_owned()),
            (own @ ("error" | "retry"), "") => (own.to_owned(), "Address is undeliverable".to_owned()),
            (own, "") => (own.to_owned(), recipient.domain.clone()),
            (own, own_nexthop) => (own.to_owned(), own_nexthop.to_owned()),
        })
    }

    fn hop(&self, transport: String, nexthop: String, recipient: &Address) -> Result<Hop, Unresolved> {
        let wrong = |what: &str, error| Unresolved(format!("`{}`: {error}", what.escape_debug()));
        let daemon = self.facts.service(&transport, "unix").map(|service| service.command.as_str());
        let nexthops = match daemon {
            Some("smtp" | "lmtp") => Destination::split(&nexthop).map_err(|error| wrong(&nexthop, error))?,
            _ => Vec::new(),
        };
        let domain = Destination::new(&recipient.domain).map_err(|error| wrong(&recipient.domain, error))?;
        Ok(Hop { transport, nexthop, nexthops, domain })
    }
}

#[derive(Clone, Copy)]
enum Table {
    Relayhost,
    Transport,
}

/// In which form addresses are looked up.
#[derive(Clone, Copy)]
enum Form {
    /// Quoted where that is needed.
    External,
    /// Quoted, then not.
    ExternalFirst,
}

impl Form {
    fn of(self, external: String, internal: String, key: impl Fn(String) -> Key) -> Vec<Key> {
        match self {
            Self::ExternalFirst if external != internal => vec![key(external), key(internal)],
            _ => vec![key(external)],
        }
    }
}

/// The address, then the address without its extension.
fn whole_keys(address: &Address, bare: Option<&Address>, form: Form) -> Vec<Key> {
    let mut keys = form.of(address.external(), address.internal(), Key::whole);
    if let Some(bare) = bare {
        keys.extend(form.of(bare.external(), bare.internal(), |text| Key { text, partial: true, bare: true }));
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::{super::postconf::tests::facts, tables::tests::Fake, *};
    use std::sync::atomic::Ordering;

    /// `transport|nexthop|nexthops|domain` of each hop, or `unknown`.
    fn shown(resolution: &Resolution) -> String {
        let hop = |hop: &Hop| {
            let nexthops: Vec<_> = hop.nexthops.iter().map(Destination::as_str).collect();
            format!("{}:{} [{}] {}", hop.transport, hop.nexthop, nexthops.join(" "), hop.domain)
        };
        match resolution {
            Resolution::Known(hops) => hops.iter().map(hop).collect::<Vec<_>>().join("; "),
            Resolution::Unknown(_) => "unknown".to_owned(),
        }
    }

    fn ask<'a>(sender: &'a str, recipient: &'a str) -> Question<'a> {
        Question { recipient, sender, origin: Origin::Sendmail }
    }

    type Entries = Vec<(&'static str, Vec<(&'static str, &'static str)>)>;

    async fn resolver(main: &str, master: &str, tables: Entries) -> (Resolver<Fake>, Arc<PostfixFacts>) {
        let (facts, _directory) = facts(main, master).await;
        let fake = Fake { tables: tables.into_iter().collect(), ..Fake::default() };
        (Resolver::new(fake), Arc::new(facts))
    }

    #[tokio::test]
    async fn without_tables_nothing_is_run() {
        let (resolver, facts) =
            resolver("relay_domains = relay.example\nvirtual_mailbox_domains = box.example\n", "", vec![]).await;
        for (recipient, expected) in [
            ("a@Example.DK", "smtp:Example.DK [example.dk] example.dk"),
            ("<a@rødgrød.example>", "smtp:rødgrød.example [xn--rdgrd-vuad.example] xn--rdgrd-vuad.example"),
            ("a@local.example", "local:mx.example [] local.example"),
            ("a", "local:mx.example [] mx.example"),
            ("a@relay.example", "relay:relay.example [relay.example] relay.example"),
            ("a@sub.relay.example", "relay:sub.relay.example [sub.relay.example] sub.relay.example"),
            ("a@box.example", "virtual:box.example [] box.example"),
            ("a@[192.0.2.1]", "smtp:[192.0.2.1] [[192.0.2.1]] [192.0.2.1]"),
            ("a%b@example.dk", "smtp:example.dk [example.dk] example.dk"),
            ("a%example.dk@local.example", "unknown"),
            ("example.dk!a@local.example", "unknown"),
            ("\"a@example.dk\"@local.example", "unknown"),
            ("a%example.dk@[192.0.2.1]", "unknown"),
            ("", "unknown"),
            ("a@b c", "unknown"),
        ] {
            assert_eq!(
                shown(&resolver.resolve(Some(&facts), ask("s@x.example", recipient)).await),
                expected,
                "{recipient}"
            );
        }
        assert_eq!(resolver.tables.runs.load(Ordering::Relaxed), 0);
        assert_eq!(shown(&resolver.resolve(None, ask("", "a@example.dk")).await), "unknown");
    }

    #[tokio::test]
    async fn relayhosts_and_transports_of_main_cf_count() {
        for (main, recipient, expected) in [
            (
                "relayhost = [r1.example]:587, r2.example",
                "a@x.example",
                "smtp:[r1.example]:587, r2.example [[r1.example]:587 r2.example] x.example",
            ),
            ("relayhost = r.example", "a@local.example", "local:mx.example [] local.example"),
            (
                "default_transport = smtp:[d.example]\nrelayhost = r.example",
                "a@x.example",
                "smtp:[d.example] [[d.example]] x.example",
            ),
            ("default_transport = error:no mail today", "a@x.example", "error:no mail today [] x.example"),
            (
                "local_transport = lmtp:unix:private/box",
                "a@local.example",
                "lmtp:unix:private/box [unix:private/box] local.example",
            ),
            (
                "local_transport = smtp:[inner.example]",
                "a@local.example",
                "smtp:[inner.example] [[inner.example]] local.example",
            ),
            ("default_transport = ", "a@x.example", "unknown"),
            ("default_transport = :x", "a@x.example", "unknown"),
            ("relayhost = ,", "a@x.example", "unknown"),
        ] {
            let (resolver, facts) = resolver(&format!("{main}\n"), "", vec![]).await;
            assert_eq!(shown(&resolver.resolve(Some(&facts), ask("", recipient)).await), expected, "{main}");
        }
    }

    #[tokio::test]
    async fn virtual_aliases_are_expanded_to_the_end() {
        let tables = vec![
            (
                "hash:/v",
                vec![
                    ("valias.example", "anything"),
                    ("one@valias.example", "a@x.example"),
                    ("two@valias.example", "a@x.example, b@y.example, local"),
                    ("list@valias.example", "two@valias.example, c@z.example"),
                    ("self@valias.example", "self@valias.example, a@x.example"),
                    ("loop1@valias.example", "loop2@valias.example"),
                    ("loop2@valias.example", "loop1@valias.example"),
                    ("odd@valias.example", "a@x.example b@y.example"),
                    ("empty@valias.example", ""),
                    ("user@valias.example", "u@x.example"),
                    ("@moved.example", "@new.example"),
                    ("root", "admin@x.example"),
                    ("\"a b\"@valias.example", "q@x.example"),
                ],
            ),
            ("regexp:/r", vec![("pattern@other.example", "p@x.example"), ("@never.example", "wrong@x.example")]),
        ];
        let main = "virtual_alias_maps = hash:/v, regexp:/r\nvirtual_alias_domains = hash:/v\nrecipient_delimiter = +\n\
                    transport_maps = hash:/t\n";
        let tables = [tables, vec![("hash:/t", vec![("u+ext@x.example", "smtp:[ext.example]")])]].concat();
        let (resolver, facts) = resolver(main, "", tables).await;
        for (recipient, expected) in [
            ("one@VALIAS.example", "smtp:x.example [x.example] x.example"),
            (
                "list@valias.example",
                "local:mx.example [] mx.example; smtp:x.example [x.example] x.example; \
                smtp:y.example [y.example] y.example; smtp:z.example [z.example] z.example",
            ),
            (
                "self@valias.example",
                "error:5.1.1 User unknown in virtual alias table [] valias.example; smtp:x.example [x.example] x.example",
            ),
            ("none@valias.example", "error:5.1.1 User unknown in virtual alias table [] valias.example"),
            ("loop1@valias.example", "unknown"),
            ("odd@valias.example", "unknown"),
            ("empty@valias.example", "unknown"),
            ("user+ext@valias.example", "smtp:[ext.example] [[ext.example]] x.example"),
            ("user+other@valias.example", "smtp:x.example [x.example] x.example"),
            ("a@moved.example", "smtp:new.example [new.example] new.example"),
            ("root", "smtp:x.example [x.example] x.example"),
            ("root@local.example", "smtp:x.example [x.example] x.example"),
            ("root+x@local.example", "smtp:x.example [x.example] x.example"),
            ("root@other.example", "smtp:other.example [other.example] other.example"),
            ("\"a b\"@valias.example", "smtp:x.example [x.example] x.example"),
            ("pattern@other.example", "smtp:x.example [x.example] x.example"),
            ("a@never.example", "smtp:never.example [never.example] never.example"),
            ("a@[192.0.2.1]", "unknown"),
        ] {
            assert_eq!(shown(&resolver.resolve(Some(&facts), ask("", recipient)).await), expected, "{recipient}");
        }
    }

    #[tokio::test]
    async fn expansion_is_bounded() {
        let chain: Vec<(&'static str, &'static str)> = (0..=NESTING_MAX)
            .map(|n| (&*format!("n{n}@v.example").leak(), &*format!("n{}@v.example", n + 1).leak()))
            .collect();
        let wide: Vec<String> = (0..=EXPANSION_MAX).map(|n| format!("w{n}@x.example")).collect();
        let tables = vec![("hash:/v", [chain, vec![("wide@v.example", &*wide.join(",").leak())]].concat())];
        let (resolver, facts) = resolver("virtual_alias_maps = hash:/v\n", "", tables).await;
        for (recipient, expected) in [
            ("n0@v.example", "unknown"),
            ("wide@v.example", "unknown"),
            ("n5@v.example", "smtp:v.example [v.example] v.example"),
        ] {
            assert_eq!(shown(&resolver.resolve(Some(&facts), ask("", recipient)).await), expected, "{recipient}");
        }
    }

    #[tokio::test]
    async fn transport_maps_are_looked_up_in_order() {
        let entries = vec![
            ("a@x.example", "smtp:[address]"),
            ("b@x.example", "smtp:[bare]"),
            ("x.example", "smtp:[domain]"),
            ("parent.example", "relay:[parent]"),
            (".dotted.example", "relay:[dotted]"),
            ("noop.example", ":"),
            ("hop.example", ":[only-hop]"),
            ("only.example", "relay"),
            ("only2.example", "relay:"),
            ("bounce.example", "error"),
            ("wait.example", "retry:4.0.0 wait"),
            ("stay.example", "local:"),
            ("bad.example", "smtp: ,"),
            ("*", "smtp:[star]"),
        ];
        let main = "transport_maps = hash:/t\nrelayhost = [r.example]\nrecipient_delimiter = +\n";
        for (style, dotted, plain) in [
            ("", "relay:[dotted] [[dotted]]", "smtp:[star] [[star]]"),
            (
                "parent_domain_matches_subdomains = transport_maps\n",
                "smtp:[star] [[star]]",
                "relay:[parent] [[parent]]",
            ),
        ] {
            let (resolver, facts) = resolver(&format!("{main}{style}"), "", vec![("hash:/t", entries.clone())]).await;
            for (recipient, expected) in [
                ("a@x.example", "smtp:[address] [[address]] x.example"),
                ("b+ext@x.example", "smtp:[bare] [[bare]] x.example"),
                ("c@x.example", "smtp:[domain] [[domain]] x.example"),
                ("c@sub.dotted.example", &format!("{dotted} sub.dotted.example")),
                ("c@sub.parent.example", &format!("{plain} sub.parent.example")),
                ("c@noop.example", "smtp:[r.example] [[r.example]] noop.example"),
                ("c@hop.example", "smtp:[only-hop] [[only-hop]] hop.example"),
                ("c@only.example", "relay:only.example [only.example] only.example"),
                ("c@only2.example", "relay:only2.example [only2.example] only2.example"),
                ("c@bounce.example", "error:Address is undeliverable [] bounce.example"),
                ("c@wait.example", "retry:4.0.0 wait [] wait.example"),
                ("c@stay.example", "local:stay.example [] stay.example"),
                ("c@local.example", "smtp:[star] [[star]] local.example"),
                ("c@else.example", "smtp:[star] [[star]] else.example"),
                ("c@bad.example", "unknown"),
            ] {
                let resolution = resolver.resolve(Some(&facts), ask("", recipient)).await;
                assert_eq!(shown(&resolution), expected, "{style}{recipient}");
            }
        }
    }

    #[tokio::test]
    async fn senders_choose_relayhosts_and_transports() {
        let main = "sender_dependent_relayhost_maps = hash:/r\nsender_dependent_default_transport_maps = hash:/d\n\
                    relayhost = [r.example]\nrelay_domains = relay.example\n";
        let tables = vec![
            (
                "hash:/r",
                vec![
                    ("s@x.example", "[own.example]"),
                    ("@x.example", "[domain.example]"),
                    ("d@x.example", "DUNNO"),
                    ("<>", "[null.example]"),
                    ("e@x.example", ""),
                ],
            ),
            (
                "hash:/d",
                vec![("s@x.example", "relay:"), ("h@x.example", "relay:[hop.example]"), ("d@x.example", "dunno")],
            ),
        ];
        let (resolver, facts) = resolver(main, "", tables).await;
        for (sender, recipient, expected) in [
            ("s@x.example", "a@e.example", "relay:[own.example] [[own.example]] e.example"),
            ("t@x.example", "a@e.example", "smtp:[domain.example] [[domain.example]] e.example"),
            ("h@x.example", "a@e.example", "relay:[hop.example] [[hop.example]] e.example"),
            ("d@x.example", "a@e.example", "smtp:[r.example] [[r.example]] e.example"),
            ("", "a@e.example", "smtp:[null.example] [[null.example]] e.example"),
            ("<>", "a@e.example", "smtp:[null.example] [[null.example]] e.example"),
            ("u@other.example", "a@e.example", "smtp:[r.example] [[r.example]] e.example"),
            ("s@x.example", "a@relay.example", "relay:[own.example] [[own.example]] relay.example"),
            ("s@x.example", "a@local.example", "local:mx.example [] local.example"),
            ("e@x.example", "a@e.example", "unknown"),
            ("bad sender", "a@e.example", "unknown"),
        ] {
            assert_eq!(
                shown(&resolver.resolve(Some(&facts), ask(sender, recipient)).await),
                expected,
                "{sender} {recipient}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_not_followed_is_unknown() {
        for (main, master, by_smtpd, by_sendmail) in [
            ("canonical_maps = hash:/c\n", "", false, true),
            ("recipient_canonical_maps = hash:/c\n", "", false, true),
            ("sender_canonical_maps = hash:/c\n", "", true, true),
            ("masquerade_domains = x.example\n", "", true, true),
            ("masquerade_domains = x.example\nmasquerade_classes = envelope_recipient\n", "", false, true),
            ("sender_canonical_maps = hash:/c\nsender_dependent_relayhost_maps = hash:/r\n", "", false, true),
            ("", "rewrite2 unix - - n - - trivial-rewrite -o transport_maps=hash:/x\n", false, false),
            ("", "cleanup2 unix - - n - - cleanup -o virtual_alias_maps=\n", false, false),
            ("", "cleanup2 unix - - n - - cleanup -o syslog_name=x\n", true, true),
            ("transport_maps = hash:/missing\n", "", false, false),
            ("mydestination = hash:/missing\n", "", false, false),
            ("relay_domains = /missing/file\n", "", false, false),
        ] {
            let (resolver, facts) = resolver(main, master, vec![("hash:/r", vec![])]).await;
            for (origin, known) in [(Origin::Smtpd, by_smtpd), (Origin::Sendmail, by_sendmail)] {
                let question = Question { recipient: "a@e.example", sender: "s@x.example", origin };
                let resolution = resolver.resolve(Some(&facts), question).await;
                assert_eq!(
                    matches!(resolution, Resolution::Known(_)),
                    known,
                    "{main}{master}{origin:?} {resolution:?}"
                );
            }
        }
    }

    #[tokio::test]
    async fn answers_are_remembered_until_the_facts_change() {
        let (resolver, facts) = resolver("transport_maps = hash:/t\n", "", vec![("hash:/t", vec![])]).await;
        for _ in 0..3 {
            assert!(matches!(resolver.resolve(Some(&facts), ask("", "a@e.example")).await, Resolution::Known(_)));
        }
        assert_eq!(resolver.tables.runs.load(Ordering::Relaxed), 1);
        resolver.resolve(Some(&Arc::new((*facts).clone())), ask("", "a@e.example")).await;
        assert_eq!(resolver.tables.runs.load(Ordering::Relaxed), 2);
    }
}
