//! One connection from Postfix, and the one message that is under way on it.

use super::{
    content::{Budget, Content},
    route::{AtOnce, Hop, Onward, RecipientMacros},
};
use crate::{
    envelope::{Direction, QueueId},
    nexthop::Destination,
};
use std::net::IpAddr;

/// What is known of the client for as long as its connection lasts.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// Its address; `None` where it has none.
    pub address: Option<IpAddr>,
}

/// One message as far as Postfix has handed it over.
#[derive(Debug)]
pub struct Message {
    /// The queue ID, from the first stage at which Postfix has one.
    pub queue_id: Option<QueueId>,
    /// The envelope sender, without angle brackets; empty for bounces.
    pub sender: String,
    /// Whether the client was authenticated (SASL).
    pub authenticated: bool,
    /// Whether the client may be answered in UTF-8 (RFC 6531).
    pub utf8: bool,
    /// The recipients.
    pub recipients: Vec<Recipient>,
    /// The ways of those who get a copy whoever the recipients are.
    pub copies: Vec<Onward>,
    /// The ways of those who get notices about it in place of the sender.
    pub notices: Vec<Onward>,
    /// Header and body.
    pub content: Content,
    /// How many `X-Segl` fields came with it.
    pub foreign_tags: usize,
    /// Whether every recipient is known to be internal, so that the body is not kept.
    pub internal: bool,
    /// Whether it has a header `TLS-Required` (RFC 8689), whatever it says.
    pub tls_not_required: bool,
    /// Set when something failed on the way; the message cannot be judged then.
    pub failed: Option<String>,
}

/// One recipient.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recipient {
    /// The address, without angle brackets.
    pub address: String,
    /// Its domain, folded; `None` where it has none that can be understood.
    pub domain: Option<Destination>,
    /// Where its mail goes, as far as Postfix told at once.
    pub hop: AtOnce,
    /// The transport and next-hop that Postfix told of; none for mail from sendmail(1).
    pub told: Option<(String, String)>,
    /// Where its mail goes in the end; empty until it has been followed.
    pub onward: Vec<Onward>,
}

impl Recipient {
    /// Takes a recipient as Postfix's macros tell it.
    pub fn new(macros: RecipientMacros, hop: AtOnce) -> Self {
        let domain = domain(&macros.address);
        Self { domain, hop, told: macros.mailer.zip(macros.host), address: macros.address, onward: Vec::new() }
    }

    /// Whether its mail is known to stay with us, whoever it is sent on to.
    pub fn is_internal(&self, internal: impl Fn(&str) -> bool) -> bool {
        !self.onward.is_empty() && self.onward.iter().all(|way| way.is_internal(&internal))
    }
}

impl Onward {
    /// Whether mail by it is known to stay with us: the transport stays on this host and the domain is ours.
    pub fn is_internal(&self, internal: impl Fn(&str) -> bool) -> bool {
        self.hop == Hop::Stays && self.domain.as_ref().is_some_and(|domain| internal(domain.as_str()))
    }
}

/// The domain of an address, folded as next-hops are.
pub fn domain(address: &str) -> Option<Destination> {
    let (_, domain) = address.rsplit_once('@')?;
    Destination::new(domain).ok()
}

/// Takes the angle brackets off an address as milters are given it.
pub fn bare(address: &str) -> &str {
    let address = address.trim();
    address.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(address)
}

impl Message {
    /// A message of which MAIL FROM has just been seen.
    pub fn new(sender: &str, budget: &Budget) -> Self {
        Self {
            queue_id: None,
            sender: bare(sender).to_owned(),
            authenticated: false,
            utf8: false,
            recipients: Vec::new(),
            copies: Vec::new(),
            notices: Vec::new(),
            content: budget.content(),
            foreign_tags: 0,
            internal: false,
            tls_not_required: false,
            failed: None,
        }
    }

    /// Whether it was submitted by our own people or came from outside. `own` tells our networks, `internal` our domains.
    ///
    /// What sendmail(1) sends in a stranger's name came from outside earlier and is sent on (sieve's redirect, a filter).
    /// Refused, it would come back to the stranger in a notice with its header, which nobody would hold to TLS.
    pub fn direction(
        &self,
        client: &Client,
        own: impl Fn(IpAddr) -> bool,
        internal: impl Fn(&str) -> bool,
    ) -> Direction {
        let sendmail = self.recipients.first().is_some_and(|recipient| recipient.told.is_none());
        let in_our_name = match domain(&self.sender) {
            Some(domain) => internal(domain.as_str()),
            // A local user; of the empty sender it is not known whose mail it is.
            None => !self.sender.is_empty() && !self.sender.contains('@'),
        };
        // Of a message from sendmail(1) cleanup(8) says that localhost was the client.
        let from_us = if sendmail { in_our_name } else { client.address.is_some_and(own) };
        match self.authenticated || from_us {
            true => Direction::Submitted,
            false => Direction::Inbound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipient(address: &str) -> Recipient {
        let [mailer, host] = ["x", "y"].map(|word| Some(word.to_owned()));
        Recipient::new(RecipientMacros { address: address.to_owned(), mailer, host }, AtOnce::Ask)
    }

    #[test]
    fn internal_only_when_every_way_stays_with_us() {
        let ours = |domain: &str| domain == "sender.test";
        let way = |address: &str, hop: Hop| Onward { domain: domain(address), hop };
        let stays = || way("anna@SENDER.test", Hop::Stays);
        let smtp = || Hop::Smtp(vec![Destination::new("sender.test").unwrap()]);
        for (onward, internal) in [
            (vec![], false),
            (vec![stays()], true),
            (vec![stays(), stays()], true),
            (vec![way("anna@other.test", Hop::Stays)], false),
            (vec![stays(), way("anna@other.test", Hop::Stays)], false),
            (vec![stays(), way("anna@sender.test", smtp())], false),
            (vec![way("anna@sender.test", Hop::Unresolved { reason: String::new() }), stays()], false),
            (vec![way("anna@sender.test", Hop::Uncontrolled { reason: String::new() })], false),
            (vec![way("anna", Hop::Stays)], false),
        ] {
            let followed = Recipient { onward: onward.clone(), ..recipient("anna@sender.test") };
            assert_eq!(followed.is_internal(ours), internal, "{onward:?}");
        }
    }

    #[test]
    fn domains_of_addresses() {
        for (address, expected) in [
            ("a@b.example", Some("b.example")),
            ("\"a@b\"@C.example", Some("c.example")),
            ("a@[192.0.2.1]", Some("[192.0.2.1]")),
            ("a@rødgrød.example", Some("xn--rdgrd-vuad.example")),
            ("a", None),
            ("a@", None),
        ] {
            assert_eq!(domain(address).as_ref().map(Destination::as_str), expected, "{address}");
        }
        assert_eq!((bare("<a@b>"), bare("a@b"), bare("<>")), ("a@b", "a@b", ""));
    }

    #[test]
    fn submitted_is_authenticated_or_from_our_networks_or_sendmail() {
        let budget = Budget::new(0, 0, 0, std::path::Path::new("/"));
        let client = Client { address: Some([192, 0, 2, 1].into()) };
        let direction = |message: &Message, own| message.direction(&client, |_| own, |domain| domain == "sender.test");
        let mut message = Message::new("<a@sender.test>", &budget);
        message.recipients.push(recipient("b@other.test"));
        assert_eq!(direction(&message, false), Direction::Inbound);
        assert_eq!(direction(&message, true), Direction::Submitted);
        message.authenticated = true;
        assert_eq!(direction(&message, false), Direction::Submitted);
        message.authenticated = false;
        message.recipients[0].told = None;
        for (sender, expected) in [
            ("a@sender.test", Direction::Submitted),
            ("root", Direction::Submitted),
            ("x@else.test", Direction::Inbound),
            ("x@", Direction::Inbound),
            ("", Direction::Inbound),
        ] {
            message.sender = sender.to_owned();
            assert_eq!(direction(&message, true), expected, "{sender}");
        }
    }
}
