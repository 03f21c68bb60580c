//! Segl: confidential mail leaves encrypted, or not at all.
//!
//! The modules follow the way of a message; imports go one way, down this list:
//!
//! ```text
//! cli, daemon       the program: arguments, sockets, signals
//! postfix           everything that speaks with Postfix: milter, socketmap, postconf, queue, mail log
//! policy            what must be asked of a destination, and what Postfix is told: pure functions
//! detect            text -> findings -> verdict: pure functions
//! probe             destination -> what it can do
//! store             pins, durable before the milter answers
//! worker            attached files handed to processes of their own
//! documents         attached files -> pieces of text: what those processes do
//! message           a message -> pieces of text
//! config            segl.toml
//! clock, envelope, level, network, nexthop, printable, requirement, tls_policy    the words that all of these share
//! ```

pub mod clock;
pub mod config;
#[cfg(feature = "daemon")]
pub mod daemon;
pub mod detect;
#[cfg(feature = "documents")]
pub mod documents;
pub mod envelope;
pub mod level;
pub mod message;
pub mod network;
pub mod nexthop;
#[cfg(feature = "daemon")]
pub mod policy;
#[cfg(feature = "daemon")]
pub mod postfix;
pub mod printable;
#[cfg(feature = "daemon")]
pub mod probe;
pub mod requirement;
#[cfg(feature = "daemon")]
pub mod store;
pub mod tls_policy;
#[cfg(all(feature = "daemon", feature = "documents"))]
pub mod worker;
