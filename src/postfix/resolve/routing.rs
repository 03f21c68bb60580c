//! Transport and next-hop of an address (`src/trivial-rewrite/resolve.c`, `src/trivial-rewrite/transport.c`).

use super::{
    Hop, Unresolved,
    address::{self, Address},
    follow::Following,
    lookups::{Key, Parents, Stop, domain_keys, unresolved},
    rewriting::{Form, whole_keys},
};
use crate::{nexthop::Destination, postfix::postconf::split_list};

/// A transport and its next-hop.
pub(super) type Route = (String, String);

#[derive(Clone, Copy)]
enum Table {
    Relayhost,
    Transport,
}

impl Following<'_> {
    /// Whether the domain is one of mydestination (`src/global/resolve_local.c`). Address literals of our own
    /// interfaces are not known to be that: they count as those of another host.
    pub(super) fn is_local(&mut self, address: &Address) -> Result<bool, Stop> {
        self.lookups.list_has(self.facts.required("mydestination"), None, &address.folded_domain())
    }

    /// Transport and next-hop of an address that is expanded.
    pub(super) fn route(&mut self, recipient: &Address, sender: Option<&Address>) -> Result<Route, Stop> {
        let domain = recipient.folded_domain();
        let facts = self.facts;
        let may_be_local = recipient.is_literal() || self.is_local(recipient)?;
        if may_be_local && recipient.routes() {
            return unresolved("an address at our own domain routes by its local part");
        }
        let (transport, nexthop) = if may_be_local && !recipient.is_literal() {
            (facts.required("local_transport").to_owned(), recipient.domain.clone())
        } else if self.lookups.list_has(facts.required("virtual_alias_domains"), None, &domain)? {
            // No alias matched, or we would not be here: it is bounced, and transport_maps are not asked.
            return Ok(("error".to_owned(), "5.1.1 User unknown in virtual alias table".to_owned()));
        } else if self.lookups.list_has(facts.required("virtual_mailbox_domains"), None, &domain)? {
            (facts.required("virtual_transport").to_owned(), recipient.domain.clone())
        } else {
            let relay_parents = self.parents_of("relay_domains")?;
            let transport =
                match self.lookups.list_has(facts.required("relay_domains"), Some(relay_parents), &domain)? {
                    true => facts.required("relay_transport").to_owned(),
                    false => self
                        .by_sender(Table::Transport, sender)?
                        .unwrap_or_else(|| facts.required("default_transport").to_owned()),
                };
            let relayhost = match self.by_sender(Table::Relayhost, sender)? {
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
            return unresolved("a transport of main.cf has no name");
        }
        self.by_transport_maps(recipient, transport, nexthop)
    }

    /// The sender's own relayhost or default transport; `None` where there is none, or where it is `DUNNO`.
    fn by_sender(&mut self, table: Table, sender: Option<&Address>) -> Result<Option<String>, Stop> {
        let (maps, null_key) = match table {
            Table::Relayhost => ("sender_dependent_relayhost_maps", "empty_address_relayhost_maps_lookup_key"),
            Table::Transport => {
                ("sender_dependent_default_transport_maps", "empty_address_default_transport_maps_lookup_key")
            }
        };
        let tables = split_list(self.facts.required(maps));
        if tables.is_empty() {
            return Ok(None);
        }
        let keys = match sender {
            Some(sender) => self.address_keys(sender, Form::ExternalFirst)?,
            None => {
                let key = self.facts.required(null_key);
                if key.contains('@') {
                    return unresolved(format!("{null_key} is an address"));
                }
                Form::ExternalFirst.of(address::quote(key), key.to_owned(), Key::whole)
            }
        };
        let found = self.lookups.find(&tables, &keys)?;
        Ok(found.map(|found| found.value).filter(|value| !value.eq_ignore_ascii_case("DUNNO")))
    }

    /// What transport_maps make of it (`src/trivial-rewrite/transport.c`, update_entry).
    fn by_transport_maps(&mut self, recipient: &Address, transport: String, nexthop: String) -> Result<Route, Stop> {
        let tables = split_list(self.facts.required("transport_maps"));
        if tables.is_empty() {
            return Ok((transport, nexthop));
        }
        let keys = self.transport_keys(recipient)?;
        let Some(found) = self.lookups.find(&tables, &keys)? else { return Ok((transport, nexthop)) };
        let (own_transport, own_nexthop) = found.value.split_once(':').unwrap_or((&found.value, ""));
        Ok(match (own_transport, own_nexthop) {
            ("", "") => (transport, nexthop),
            ("", own_nexthop) => (transport, own_nexthop.to_owned()),
            (own @ ("error" | "retry"), "") => (own.to_owned(), "Address is undeliverable".to_owned()),
            (own, "") => (own.to_owned(), recipient.domain.clone()),
            (own, own_nexthop) => (own.to_owned(), own_nexthop.to_owned()),
        })
    }

    /// The keys of transport(5): the address, without extension, the domain, its parents, `*`.
    fn transport_keys(&mut self, recipient: &Address) -> Result<Vec<Key>, Stop> {
        let bare = recipient.split_extension(&self.rules).map(|(bare, _)| bare);
        let mut keys = whole_keys(recipient, bare.as_ref(), Form::ExternalFirst);
        keys.extend(domain_keys(Key::partial(&recipient.domain), self.parents_of("transport_maps")?));
        keys.push(Key::whole("*"));
        Ok(keys)
    }

    /// How parent domains stand in the tables of a parameter (`src/global/match_parent_style.c`).
    fn parents_of(&mut self, parameter: &str) -> Result<Parents, Stop> {
        let list = self.facts.required("parent_domain_matches_subdomains");
        Ok(if self.lookups.list_has(list, None, parameter)? { Parents::Plain } else { Parents::Dotted })
    }

    /// The command behind a transport of master.cf.
    pub(super) fn daemon(&self, transport: &str) -> Option<&str> {
        self.facts.service(transport, "unix").map(|service| service.command.as_str())
    }

    pub(super) fn hop(&self, (transport, nexthop): Route, recipient: &Address) -> Result<Hop, Stop> {
        let wrong = |what: &str, error| Unresolved(format!("`{}`: {error}", what.escape_debug()));
        let nexthops = match self.daemon(&transport) {
            Some("smtp" | "lmtp") => Destination::split(&nexthop).map_err(|error| wrong(&nexthop, error))?,
            _ => Vec::new(),
        };
        let domain = Destination::new(&recipient.domain).map_err(|error| wrong(&recipient.domain, error))?;
        Ok(Hop { transport, nexthop, nexthops, domain, command: None })
    }
}
