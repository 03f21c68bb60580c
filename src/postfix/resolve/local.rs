//! What local(8) makes of a recipient: aliases(5), then whoever delivers in its place. What it does with .forward files
//! is not followed.

use super::{
    Hop,
    address::{self, Address},
    aliases::{Target, included, targets},
    follow::{Following, Item, Stage},
    lookups::{Key, Stop, unresolved},
    routing::Route,
};
use crate::postfix::postconf::{PostfixFacts, Service, split_list};

/// How deep included files may include files.
const INCLUDE_DEPTH_MAX: usize = 10;

/// Parameters of local(8) by which mail goes elsewhere than to the recipient's own mailbox.
pub(super) const DIVERTING: [&str; 6] = [
    "alias_maps",
    "fallback_transport",
    "fallback_transport_maps",
    "luser_relay",
    "mailbox_transport",
    "mailbox_transport_maps",
];

/// How a recipient came to local(8).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Arrival {
    /// The service of master.cf.
    pub(super) service: String,
    /// The request's next-hop, which a transport without one of its own takes over.
    pub(super) nexthop: String,
    /// The alias that named it: that one is not looked up again.
    pub(super) from: Option<String>,
    /// Whether mail to it, where it is no alias itself, is sent through cleanup(8) anew: an alias that has an owner or
    /// an included file.
    pub(super) anew: bool,
}

/// A local part as local(8) takes it apart (`src/local/recipient.c`, deliver_recipient).
struct Name {
    local: String,
    user: String,
    extension: Option<String>,
}

impl Following<'_> {
    /// One step of local(8) (`src/local/recipient.c`, deliver_switch): what it sends elsewhere is noted to be followed.
    pub(super) fn deliver(&mut self, item: &Item, arrival: &Arrival) -> Result<(), Stop> {
        let Some(service) = self.facts.service(&arrival.service, "unix") else {
            return unresolved(format!("transport {} is not in master.cf", arrival.service));
        };
        let name = self.name(&item.address);
        if name.user.is_empty() {
            return self.stays(item, arrival);
        }
        let tables = split_list(value(self.facts, service, "alias_maps"));
        let whole = (&name.local, None);
        let bare = name.extension.as_ref().map(|extension| (&name.user, Some(extension)));
        for (name, extension) in std::iter::once(whole).chain(bare) {
            if arrival.from.as_ref() == Some(name) {
                continue;
            }
            let mut keys = vec![Key::whole(address::quote(name))];
            if keys[0].text != *name {
                keys.push(Key::whole(name));
            }
            // Not asked for later on in a round of its own.
            self.lookups.foresee(&tables, &[Key::whole(owner_of(name))]);
            if let Some(found) = self.lookups.find(&tables, &keys)? {
                let extension = extension.filter(|_| self.propagates("alias"));
                return self.aliased(item, arrival, &tables, name, extension, &found.value);
            }
        }
        if arrival.anew {
            let next = item.to(item.address.clone(), Stage::Arriving { copied: false });
            return self.note(next.deeper());
        }
        self.mailbox(item, arrival, service, &name)
    }

    fn name(&self, address: &Address) -> Name {
        let lower = Address { local: address.local.to_lowercase(), domain: address.domain.clone() };
        match lower.split_extension(&self.rules) {
            // `src/local/recipient.c`: dropped, since it may name a file.
            Some((bare, extension)) if extension.contains('/') => {
                Name { local: bare.local.clone(), user: bare.local, extension: None }
            }
            Some((bare, extension)) => Name { local: lower.local, user: bare.local, extension: Some(extension) },
            None => Name { user: lower.local.clone(), local: lower.local, extension: None },
        }
    }

    /// `src/local/alias.c`, deliver_alias.
    fn aliased(
        &mut self,
        item: &Item,
        arrival: &Arrival,
        tables: &[&str],
        name: &str,
        extension: Option<&String>,
        value: &str,
    ) -> Result<(), Stop> {
        let mut item = item.clone();
        let mut arrival = Arrival { from: Some(name.to_owned()), ..arrival.clone() };
        if let Some(owner) = self.owner(tables, name)? {
            // Forwarded mail has it as its sender, so notices go there.
            self.note(Item::notice(owner.clone()))?;
            item.sender = Some(owner);
            arrival.anew = true;
        }
        self.send_to(&item, &arrival, value, extension, 0)
    }

    /// Who is told of failures of an alias.
    fn owner(&mut self, tables: &[&str], name: &str) -> Result<Option<Address>, Stop> {
        if !self.rules.owner_request_special {
            return Ok(None);
        }
        let owner = owner_of(name);
        let Some(found) = self.lookups.find(tables, &[Key::whole(&owner)])? else { return Ok(None) };
        let text = match self.facts.required("expand_owner_alias").eq_ignore_ascii_case("yes") {
            true => found.value,
            false => address::quote(&owner),
        };
        self.one_address(&text, "an owner- alias").map(Some)
    }

    fn send_to(
        &mut self,
        item: &Item,
        arrival: &Arrival,
        text: &str,
        extension: Option<&String>,
        depth: usize,
    ) -> Result<(), Stop> {
        if depth > INCLUDE_DEPTH_MAX {
            return unresolved(format!("included files more than {INCLUDE_DEPTH_MAX} deep"));
        }
        for target in targets(text, &self.rules)? {
            match target {
                Target::Address(mut address) => {
                    if let Some(extension) = extension {
                        address.local.push_str(extension);
                    }
                    self.note(item.to(address, Stage::Named(arrival.clone())).deeper())?;
                }
                Target::File => self.stays(item, arrival)?,
                Target::Command(program) => {
                    let hop = self.hop((arrival.service.clone(), arrival.nexthop.clone()), &item.address)?;
                    self.arrives(item, Hop { command: Some(program), ..hop });
                }
                Target::Include(path) if path.starts_with('/') => {
                    let text = self.lookups.file(&path)?;
                    let extension = extension.filter(|_| self.propagates("include"));
                    let arrival = Arrival { anew: true, ..arrival.clone() };
                    for line in included(&text) {
                        self.send_to(item, &arrival, line, extension, depth + 1)?;
                    }
                }
                // Refused by local(8).
                Target::Include(_) => self.stays(item, arrival)?,
            }
        }
        Ok(())
    }

    /// `src/local/mailbox.c`, deliver_mailbox, then `src/local/unknown.c`, deliver_unknown.
    fn mailbox(&mut self, item: &Item, arrival: &Arrival, service: &Service, name: &Name) -> Result<(), Stop> {
        let key = Key::whole(&name.user);
        for (maps, transport) in
            [("mailbox_transport_maps", "mailbox_transport"), ("fallback_transport_maps", "fallback_transport")]
        {
            if maps == "fallback_transport_maps" {
                let set = |name: &&str| !value(self.facts, service, name).is_empty();
                let unknown_users_go = ["fallback_transport_maps", "fallback_transport", "luser_relay"].iter().any(set);
                if !unknown_users_go || self.lookups.user_exists(&name.user)? {
                    return self.stays(item, arrival);
                }
            }
            let tables = split_list(value(self.facts, service, maps));
            let found = match tables.is_empty() {
                true => None,
                false => self.lookups.find(&tables, std::slice::from_ref(&key))?.map(|found| found.value),
            };
            let transport = found.unwrap_or_else(|| value(self.facts, service, transport).to_owned());
            if !transport.is_empty() {
                return self.passed_on(item, arrival, &transport);
            }
        }
        let relay = value(self.facts, service, "luser_relay").to_owned();
        if relay.is_empty() {
            return self.stays(item, arrival);
        }
        let Some(text) = expanded(&relay, &item.address, name) else {
            return unresolved(format!("luser_relay `{relay}` is not understood"));
        };
        let address = self.one_address(&text, "luser_relay")?;
        match address.folded() == item.address.folded() {
            true => self.stays(item, arrival),
            false => self.note(item.to(address, Stage::Named(arrival.clone())).deeper()),
        }
    }

    /// `src/global/deliver_pass.c`.
    fn passed_on(&mut self, item: &Item, arrival: &Arrival, transport: &str) -> Result<(), Stop> {
        let (name, nexthop) = transport.split_once(':').unwrap_or((transport, ""));
        if name.is_empty() || self.daemon(name) == Some("local") {
            return unresolved(format!("local(8) passes mail on to `{transport}`"));
        }
        let nexthop = if nexthop.is_empty() { &arrival.nexthop } else { nexthop };
        let hop = self.hop((name.to_owned(), nexthop.to_owned()), &item.address)?;
        self.arrives(item, hop);
        Ok(())
    }

    fn stays(&mut self, item: &Item, arrival: &Arrival) -> Result<(), Stop> {
        let route: Route = (arrival.service.clone(), arrival.nexthop.clone());
        let hop = self.hop(route, &item.address)?;
        self.arrives(item, hop);
        Ok(())
    }
}

fn owner_of(alias: &str) -> String {
    format!("owner-{alias}")
}

/// A parameter as a service sees it.
fn value<'a>(facts: &'a PostfixFacts, service: &'a Service, name: &str) -> &'a str {
    facts.parameter_of(Some(service), name).unwrap_or_default()
}

/// `$name` in luser_relay (`src/local/local_expand.c`); `None` for what is not of these, conditions among them.
fn expanded(text: &str, address: &Address, name: &Name) -> Option<String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        let (word, behind) = match after.chars().next()? {
            '{' => after[1..].split_once('}')?,
            '(' => after[1..].split_once(')')?,
            _ => {
                let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
                after.split_at(end)
            }
        };
        match word {
            "user" => result.push_str(&address::quote(&name.user)),
            "local" | "mailbox" => result.push_str(&address::quote(&name.local)),
            "domain" => result.push_str(&address.folded_domain()),
            "recipient" => result.push_str(&address.external()),
            "extension" => result.push_str(name.extension.as_deref().map_or("", |extension| &extension[1..])),
            _ => return None,
        }
        rest = behind;
    }
    result.push_str(rest);
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luser_relay_is_expanded() {
        let address = Address { local: "Bo+X".into(), domain: "Sender.test".into() };
        let name = Name { local: "bo+x".into(), user: "bo".into(), extension: Some("+x".into()) };
        for (text, expected) in [
            ("catch@x.example", Some("catch@x.example")),
            ("$user@x.example", Some("bo@x.example")),
            ("${local}@x.example", Some("bo+x@x.example")),
            ("$(user)+$extension@$domain", Some("bo+x@sender.test")),
            ("$recipient", Some("Bo+X@Sender.test")),
            ("$home", None),
            ("${extension?$extension}@x.example", None),
            ("${user", None),
            ("$", None),
            ("$$", None),
        ] {
            assert_eq!(expanded(text, &address, &name).as_deref(), expected, "{text}");
        }
    }
}
