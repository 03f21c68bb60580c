//! The order in which Postfix changes an address, from smtpd(8) to whoever delivers: cleanup(8) with its canonical maps,
//! copies and virtual aliases, trivial-rewrite(8), local(8) and what it sends through cleanup(8) anew. No step waits:
//! see [`super::lookups`].

use super::{
    Answer, Hop, Origin, Question, Unresolved, Who,
    address::{Address, Rules},
    local::Arrival,
    lookups::{Lookups, Stop, unresolved},
    rewriting::Role,
};
use crate::postfix::postconf::{PostfixFacts, split_list};
use std::collections::{BTreeSet, HashSet, VecDeque};

/// The most addresses that virtual aliases may expand to (Postfix: virtual_alias_expansion_limit, 1000).
pub(super) const EXPANSION_MAX: usize = 1000;

/// How often the results of maps are looked up again (Postfix: virtual_alias_recursion_limit 1000, aliases 100).
pub(super) const NESTING_MAX: usize = 30;

/// The most steps for one recipient: an address at one stage is one.
pub(super) const STEPS_MAX: usize = 50_000;

/// The most steps for one message in one round, since each is done anew in every round.
pub(super) const STEPS_PER_ROUND_MAX: usize = 200_000;

/// Where an address stands on its way.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Stage {
    /// Before canonical maps.
    Arriving {
        /// Whether cleanup(8) adds copies to mail for it (CLEANUP_FLAG_BCC_OK in `src/global/cleanup_user.h`).
        copied: bool,
    },
    /// Before virtual aliases.
    Canonical {
        /// As above.
        copied: bool,
    },
    /// Among the results of virtual aliases, which are looked up again.
    Virtual,
    /// To be routed.
    Expanded,
    /// To be routed, by a service that does not map addresses, if this is one (`receive_override_options`).
    Unmapped,
    /// Named by an alias of local(8).
    Named(Arrival),
    /// With local(8).
    Delivered(Arrival),
}

/// An address on its way.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) address: Address,
    pub(super) sender: Option<Address>,
    stage: Stage,
    /// How many maps it went through.
    depth: usize,
    /// Whether notices go to it and not the message.
    notice: bool,
    /// Whether this is still the recipient that Postfix told us the way of.
    told: bool,
}

impl Item {
    /// Somebody who gets notices, which have no sender.
    pub(super) fn notice(address: Address) -> Self {
        let stage = Stage::Arriving { copied: false };
        Self { address, sender: None, stage, depth: 0, notice: true, told: false }
    }

    /// Another address in its place, or the same one a stage on.
    pub(super) fn to(&self, address: Address, stage: Stage) -> Self {
        let told = self.told && address.folded() == self.address.folded() && !matches!(stage, Stage::Named(_));
        Self { address, stage, told, ..self.clone() }
    }

    pub(super) fn deeper(mut self) -> Self {
        self.depth += 1;
        self
    }
}

/// One recipient being followed.
pub(super) struct Following<'a> {
    pub(super) facts: &'a PostfixFacts,
    pub(super) lookups: &'a mut Lookups,
    pub(super) rules: Rules,
    told: Option<(&'a str, &'a str)>,
    todo: VecDeque<Item>,
    seen: HashSet<(Stage, String, Option<String>, bool)>,
    expanded: usize,
    hops: BTreeSet<Hop>,
    notices: BTreeSet<Hop>,
}

/// Follows one recipient as far as what is known goes.
pub(super) fn follow(
    facts: &PostfixFacts,
    lookups: &mut Lookups,
    question: &Question<'_>,
    steps: &mut usize,
) -> Result<Answer, Stop> {
    let rules = rules(lookups, facts)?;
    let mut following = Following {
        facts,
        lookups,
        rules,
        told: question.told,
        todo: VecDeque::new(),
        seen: HashSet::new(),
        expanded: 0,
        hops: BTreeSet::new(),
        notices: BTreeSet::new(),
    };
    following.begin(question)?;
    let started = !following.todo.is_empty();
    let (mut done, mut wanted) = (0, false);
    while let Some(item) = following.todo.pop_front() {
        done += 1;
        *steps += 1;
        if done > STEPS_MAX || *steps > STEPS_PER_ROUND_MAX {
            return unresolved("aliases expand to more addresses than are followed");
        }
        // What waits for an answer does not keep the rest from asking.
        match following.step(&item) {
            Err(Stop::Wanted) => wanted = true,
            settled => settled?,
        }
    }
    let Following { hops, notices, .. } = following;
    match (wanted, started && hops.is_empty()) {
        (true, _) => Err(Stop::Wanted),
        (false, true) => unresolved("aliases go in a circle"),
        (false, false) => Ok(Answer { hops: hops.into_iter().collect(), notices: notices.into_iter().collect() }),
    }
}

fn rules(lookups: &mut Lookups, facts: &PostfixFacts) -> Result<Rules, Stop> {
    let yes = |name: &str| facts.required(name).eq_ignore_ascii_case("yes");
    let origin = match facts.required("myorigin") {
        // A file, of which the first line counts (Debian: /etc/mailname).
        path if path.starts_with('/') => {
            let text = lookups.file(path)?;
            match text.lines().next().map(str::trim) {
                Some(origin) if !origin.is_empty() => origin.to_owned(),
                _ => return unresolved(format!("{path}: no domain in it")),
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

impl Following<'_> {
    fn begin(&mut self, question: &Question<'_>) -> Result<(), Stop> {
        let sender = self.sender(question)?;
        let item = |address: Address, stage: Stage, told: bool| Item {
            address,
            sender: sender.clone(),
            stage,
            depth: 0,
            notice: false,
            told,
        };
        match question.who {
            Who::Recipient(recipient) => {
                let address = Address::parse(recipient, &self.rules)?;
                let copied = question.origin != Origin::Notice;
                let stage = match question.origin {
                    Origin::Smtpd | Origin::Notice => Stage::Arriving { copied },
                    Origin::Sendmail => Stage::Canonical { copied },
                };
                if question.origin != Origin::Notice && self.facts.may_skip_mapping() {
                    self.note(item(address.clone(), Stage::Unmapped, self.told.is_some()))?;
                }
                self.note(item(address, stage, self.told.is_some()))
            }
            Who::SenderCopy => {
                let Some(sender) = &sender else { return Ok(()) };
                match self.copy(&sender.clone(), Role::Sender)? {
                    Some(copy) => self.note(item(copy, Stage::Arriving { copied: false }, false)),
                    None => Ok(()),
                }
            }
            Who::AlwaysCopy => {
                let copy = self.one_address(self.facts.required("always_bcc"), "always_bcc")?;
                self.note(item(copy, Stage::Arriving { copied: false }, false))
            }
        }
    }

    /// The sender as cleanup(8) leaves it; none where nothing is looked up by it, since a strange sender is none of our
    /// business then.
    fn sender(&mut self, question: &Question<'_>) -> Result<Option<Address>, Stop> {
        let by_sender = BY_SENDER.into_iter().any(|name| !self.facts.required(name).is_empty());
        match question.sender {
            "" | "<>" => Ok(None),
            _ if !by_sender => Ok(None),
            sender => {
                let sender = Address::parse(sender, &self.rules)?;
                match question.origin {
                    Origin::Smtpd => self.canonical(sender, Role::Sender).map(Some),
                    Origin::Sendmail | Origin::Notice => Ok(Some(sender)),
                }
            }
        }
    }

    /// Notes an address to be followed, unless it was already.
    pub(super) fn note(&mut self, item: Item) -> Result<(), Stop> {
        if item.depth > NESTING_MAX {
            return unresolved(format!("aliases are nested more than {NESTING_MAX} deep"));
        }
        let sender = item.sender.as_ref().map(Address::folded);
        if self.seen.insert((item.stage.clone(), item.address.folded(), sender, item.notice)) {
            self.todo.push_back(item);
        }
        Ok(())
    }

    /// Somebody's mail goes this way.
    pub(super) fn arrives(&mut self, item: &Item, hop: Hop) {
        match item.notice {
            true => self.notices.insert(hop),
            false => self.hops.insert(hop),
        };
    }

    fn step(&mut self, item: &Item) -> Result<(), Stop> {
        match &item.stage {
            Stage::Arriving { copied } => {
                let address = self.canonical(item.address.clone(), Role::Recipient)?;
                self.note(item.to(address, Stage::Canonical { copied: *copied }))
            }
            Stage::Canonical { copied } => {
                self.note(item.to(item.address.clone(), Stage::Virtual))?;
                match copied.then(|| self.copy(&item.address, Role::Recipient)).transpose()?.flatten() {
                    Some(copy) => self.note(item.to(copy, Stage::Arriving { copied: false }).deeper()),
                    None => Ok(()),
                }
            }
            Stage::Virtual => self.by_virtual_aliases(item),
            Stage::Expanded | Stage::Unmapped => {
                let route = match self.told.filter(|_| item.told) {
                    Some((transport, nexthop)) => (transport.to_owned(), nexthop.to_owned()),
                    None => self.route(&item.address, item.sender.as_ref())?,
                };
                match self.daemon(&route.0) {
                    Some("local") => {
                        let (service, nexthop) = route;
                        let arrival = Arrival { service, nexthop, from: None, anew: false };
                        self.note(item.to(item.address.clone(), Stage::Delivered(arrival)))
                    }
                    // What is only an alias is bounced where aliases are not looked up.
                    Some("error") if item.stage == Stage::Unmapped => Ok(()),
                    _ => {
                        let hop = self.hop(route, &item.address)?;
                        self.arrives(item, hop);
                        Ok(())
                    }
                }
            }
            // `src/local/resolve.c`: what goes by another transport is sent through cleanup(8) anew.
            Stage::Named(arrival) => {
                let (transport, _) = self.route(&item.address, item.sender.as_ref())?;
                let stage = match transport == arrival.service {
                    true => Stage::Delivered(arrival.clone()),
                    false => Stage::Arriving { copied: false },
                };
                self.note(item.to(item.address.clone(), stage))
            }
            Stage::Delivered(arrival) => self.deliver(item, arrival),
        }
    }

    /// Expands virtual aliases to the end (`src/cleanup/cleanup_map1n.c`): an address that expands to itself among others
    /// stays.
    fn by_virtual_aliases(&mut self, item: &Item) -> Result<(), Stop> {
        let Some(results) = self.virtual_aliases(&item.address)? else {
            return self.note(item.to(item.address.clone(), Stage::Expanded));
        };
        self.expanded += results.len();
        if self.expanded > EXPANSION_MAX {
            return unresolved(format!("virtual aliases expand to more than {EXPANSION_MAX} addresses"));
        }
        for result in results {
            let stage = match result.folded() == item.address.folded() {
                true => Stage::Expanded,
                false => Stage::Virtual,
            };
            self.note(item.to(result, stage).deeper())?;
        }
        Ok(())
    }
}

/// Tables that are asked about the sender.
const BY_SENDER: [&str; 3] =
    ["sender_bcc_maps", "sender_dependent_default_transport_maps", "sender_dependent_relayhost_maps"];

/// Maps of cleanup(8) that change who a recipient's mail goes to.
const MAPPING: [&str; 4] = ["canonical_maps", "recipient_bcc_maps", "recipient_canonical_maps", "virtual_alias_maps"];

/// Whether anything of main.cf or master.cf may change a recipient that goes by this transport, as smtpd(8) has it.
pub(super) fn changes(facts: &PostfixFacts, transport: &str) -> bool {
    let masquerades = !facts.required("masquerade_domains").is_empty()
        && split_list(facts.required("masquerade_classes")).contains(&"envelope_recipient");
    let is_set = |name: &&str| !facts.required(name).is_empty();
    let service = facts.service(transport, "unix").filter(|service| service.command == "local");
    let diverts = |name: &&str| facts.parameter_of(service, name).is_some_and(|value| !value.is_empty());
    masquerades
        || MAPPING.iter().any(is_set)
        || service.is_some() && super::local::DIVERTING.iter().any(diverts)
        || refuse_overrides(facts).is_err()
}

/// Settings of master.cf under which Postfix does not resolve as main.cf says.
pub(super) fn refuse_overrides(facts: &PostfixFacts) -> Result<(), Unresolved> {
    for service in facts.services.iter().filter(|s| matches!(s.command.as_str(), "cleanup" | "trivial-rewrite")) {
        if let Some(name) = super::RESOLVING.into_iter().find(|name| service.overrides.contains_key(*name)) {
            return Err(Unresolved(format!("master.cf: service {} overrides {name}", service.name)));
        }
    }
    Ok(())
}
