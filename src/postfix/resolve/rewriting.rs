//! What cleanup(8) makes of an address: canonical maps, masquerading, virtual aliases, and the copies that it adds
//! (`src/cleanup/cleanup_addr.c`).

use super::{
    address::{self, Address},
    follow::Following,
    lookups::{Found, Key, Stop, unresolved},
};
use crate::postfix::postconf::{PostfixFacts, split_list};

/// How often a canonical map is asked about its own result (`src/cleanup/cleanup_map11.c`, MAX_RECURSION).
const CANONICAL_MAX: usize = 10;

/// Whose address is rewritten.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    Sender,
    Recipient,
}

impl Role {
    /// The word for it in canonical_classes and its like.
    fn class(self) -> &'static str {
        match self {
            Self::Sender => "envelope_sender",
            Self::Recipient => "envelope_recipient",
        }
    }

    /// The canonical maps, each with its classes, in Postfix's order.
    fn canonical(self) -> [(&'static str, &'static str); 2] {
        let own = match self {
            Self::Sender => ("sender_canonical_maps", "sender_canonical_classes"),
            Self::Recipient => ("recipient_canonical_maps", "recipient_canonical_classes"),
        };
        [own, ("canonical_maps", "canonical_classes")]
    }

    fn is_in(self, facts: &PostfixFacts, classes: &str) -> bool {
        split_list(facts.required(classes)).contains(&self.class())
    }
}

/// In which form addresses are looked up.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// Quoted where that is needed.
    External,
    /// Quoted, then not.
    ExternalFirst,
}

impl Form {
    pub(super) fn of(self, external: String, internal: String, key: impl Fn(String) -> Key) -> Vec<Key> {
        match self {
            Self::ExternalFirst if external != internal => vec![key(external), key(internal)],
            _ => vec![key(external)],
        }
    }
}

/// The address, then the address without its extension.
pub(super) fn whole_keys(address: &Address, bare: Option<&Address>, form: Form) -> Vec<Key> {
    let mut keys = form.of(address.external(), address.internal(), Key::whole);
    if let Some(bare) = bare {
        keys.extend(form.of(bare.external(), bare.internal(), |text| Key { text, partial: true, bare: true }));
    }
    keys
}

impl Following<'_> {
    /// Canonical maps, then masquerading.
    pub(super) fn canonical(&mut self, mut address: Address, role: Role) -> Result<Address, Stop> {
        let propagate = self.propagates("canonical");
        for (maps, classes) in role.canonical() {
            let tables = split_list(self.facts.required(maps));
            if !tables.is_empty() && role.is_in(self.facts, classes) {
                address = self.by_canonical(address, maps, &tables, propagate)?;
            }
        }
        match role.is_in(self.facts, "masquerade_classes") {
            true => self.masqueraded(address),
            false => Ok(address),
        }
    }

    /// One map until it has no more to say (`src/cleanup/cleanup_map11.c`).
    fn by_canonical(
        &mut self,
        mut address: Address,
        maps: &str,
        tables: &[&str],
        propagate: bool,
    ) -> Result<Address, Stop> {
        for _ in 0..CANONICAL_MAX {
            let keys = self.address_keys(&address, Form::External)?;
            let Some(found) = self.lookups.find(tables, &keys)? else { return Ok(address) };
            let results = self.map_results(&address, &found, propagate)?;
            let Some(result) = results.into_iter().next() else { return unresolved(format!("{maps}: no address")) };
            if result.folded() == address.folded() {
                return Ok(result);
            }
            address = result;
        }
        unresolved(format!("{maps} has entries nested more than {CANONICAL_MAX} deep"))
    }

    /// `src/cleanup/cleanup_masquerade.c`.
    fn masqueraded(&mut self, mut address: Address) -> Result<Address, Stop> {
        let domains = split_list(self.facts.required("masquerade_domains"));
        if domains.is_empty() {
            return Ok(address);
        }
        let exceptions = self.facts.required("masquerade_exceptions");
        if !exceptions.is_empty()
            && self.lookups.list_has(exceptions, None, &address::quote(&address.local).to_lowercase())?
        {
            return Ok(address);
        }
        let domain = address.folded_domain();
        for written in domains {
            let parent = written.trim_start_matches('!');
            let strips = (written.len() - parent.len()).is_multiple_of(2);
            let parent = parent.to_lowercase();
            if parent == domain {
                break;
            }
            if !parent.is_empty() && domain.strip_suffix(&parent).is_some_and(|child| child.ends_with('.')) {
                if strips {
                    address.domain = parent;
                }
                break;
            }
        }
        Ok(address)
    }

    /// What virtual_alias_maps say of an address, once; `None` where they have nothing to say.
    pub(super) fn virtual_aliases(&mut self, address: &Address) -> Result<Option<Vec<Address>>, Stop> {
        let tables = split_list(self.facts.required("virtual_alias_maps"));
        if tables.is_empty() {
            return Ok(None);
        }
        let propagate = self.propagates("virtual");
        let keys = self.address_keys(address, Form::External)?;
        let Some(found) = self.lookups.find(&tables, &keys)? else { return Ok(None) };
        Ok(Some(self.map_results(address, &found, propagate)?))
    }

    /// Who gets a copy of mail to or from this address.
    pub(super) fn copy(&mut self, address: &Address, role: Role) -> Result<Option<Address>, Stop> {
        let name = match role {
            Role::Sender => "sender_bcc_maps",
            Role::Recipient => "recipient_bcc_maps",
        };
        let tables = split_list(self.facts.required(name));
        if tables.is_empty() {
            return Ok(None);
        }
        let keys = self.address_keys(address, Form::ExternalFirst)?;
        let Some(found) = self.lookups.find(&tables, &keys)? else { return Ok(None) };
        Ok(Some(self.one_address(&found.value, name)?))
    }

    /// What is to be one address, of a table or of main.cf.
    pub(super) fn one_address(&self, text: &str, name: &str) -> Result<Address, Stop> {
        match Address::parse_list(text, &self.rules)?.as_slice() {
            [one] => Ok(one.clone()),
            _ => unresolved(format!("{name} names more than one address")),
        }
    }

    /// What an entry says (`src/global/mail_addr_map.c`): `@domain` keeps the local part, and the extension that no key
    /// matched goes on to each result.
    fn map_results(&self, address: &Address, found: &Found, propagate: bool) -> Result<Vec<Address>, Stop> {
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

    /// Whether an extension that no key matched goes on through maps of this kind.
    pub(super) fn propagates(&self, kind: &str) -> bool {
        split_list(self.facts.required("propagate_unmatched_extensions")).contains(&kind)
    }

    /// The keys by which an address is looked up (`src/global/mail_addr_find.c`): whole, without extension, the
    /// local part alone where the domain is ours, `@domain`.
    pub(super) fn address_keys(&mut self, address: &Address, form: Form) -> Result<Vec<Key>, Stop> {
        let bare = address.split_extension(&self.rules).map(|(bare, _)| bare);
        let mut keys = whole_keys(address, bare.as_ref(), form);
        if address.is_literal() {
            return unresolved(format!("whether {} is our own address is not known", address.domain));
        }
        if address.domain.eq_ignore_ascii_case(&self.rules.origin) || self.is_local(address)? {
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
}
