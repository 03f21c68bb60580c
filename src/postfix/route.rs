//! Where a recipient's mail goes from here, as Postfix itself tells it.

use crate::{nexthop::Destination, store::BoxFuture};

/// What Postfix's macros say of one recipient at RCPT.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RecipientMacros {
    /// `{rcpt_addr}`, or the address of the command where the macro is absent.
    pub address: String,
    /// `{rcpt_mailer}`: the transport, an entry of master.cf. Absent for sendmail(1).
    pub mailer: Option<String>,
    /// `{rcpt_host}`: the next-hop, perhaps a list. Absent for sendmail(1).
    pub host: Option<String>,
}

/// How one recipient's mail travels on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Hop {
    /// It stays on this host.
    Stays,
    /// By smtp(8), which asks our TLS policy map for each of these.
    Smtp(Vec<Destination>),
    /// It leaves, or may leave, by a transport that never asks our map.
    Uncontrolled {
        /// Which, and what to do about it.
        reason: String,
    },
    /// Postfix's own tools could not say.
    Unresolved {
        /// Why not.
        reason: String,
    },
}

/// What the macros alone tell.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AtOnce {
    /// The hop.
    Known(Hop),
    /// Postfix's tools must be asked ([`Route::resolve`]).
    Ask,
}

/// The edge to what is known of the Postfix at hand.
pub trait Route: Send + Sync {
    /// What the macros tell, without any waiting.
    ///
    /// # Errors
    /// When nothing is known of this Postfix (postconf failed); temporary for the mail concerned.
    fn at_once(&self, macros: &RecipientMacros) -> Result<AtOnce, String>;

    /// Asks Postfix's own tools. A recipient may become several hops (virtual aliases).
    fn resolve<'a>(&'a self, sender: &'a str, recipient: &'a str) -> BoxFuture<'a, Vec<Hop>>;

    /// The next-hops that smtp(8) falls back to (`smtp_fallback_relay`), whatever the destination.
    ///
    /// # Errors
    /// As [`Route::at_once`].
    fn fallback_relays(&self) -> Result<Vec<Destination>, String>;
}
