//! The paths by which mail could pass Segl's milter or its policy, and what closes each.
//!
//! Pure: what postconf told, what Segl's configuration says, and the text of tables -> a line for each path. Postfix's files
//! are named where a rule comes from.

mod delivery;
mod passing;
mod tables;

use super::postconf::{PostfixFacts, Service};
use crate::config::Config;
use std::fmt;

/// Reads the text of a lookup table as it is named in main.cf (`regexp:/etc/postfix/header_checks`).
pub trait ReadTable {
    /// Its text.
    ///
    /// # Errors
    /// When it cannot be read, and why.
    fn read(&self, table: &str) -> Result<String, String>;
}

/// One path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MailPath {
    /// Where in Postfix's configuration: `main.cf: milter_default_action`, `smtp/inet: smtpd_milters`.
    pub about: String,
    /// Whether it is closed.
    pub state: State,
}

/// Whether a path is closed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum State {
    /// No mail passes here.
    Safe,
    /// Mail can pass.
    Open {
        /// How.
        why: String,
        /// What closes it.
        remedy: Remedy,
    },
    /// It cannot be told.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// What closes a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Remedy {
    /// A parameter of main.cf.
    Main {
        /// Which.
        parameter: &'static str,
        /// What it is to be.
        value: String,
    },
    /// A parameter that a service of master.cf sets for itself.
    Master {
        /// `name/type`.
        service: String,
        /// Which.
        parameter: &'static str,
        /// What it is to be.
        value: String,
    },
    /// A service's own setting that is to go, so that main.cf's counts.
    Unset {
        /// `name/type`.
        service: String,
        /// Which.
        parameter: &'static str,
    },
    /// Something that only people can do.
    ByHand(String),
}

impl Remedy {
    /// The arguments of postconf(1) that do it; `None` where people must.
    pub fn arguments(&self) -> Option<[String; 2]> {
        let (flag, word) = match self {
            Self::Main { parameter, value } => ("-e", format!("{parameter}={value}")),
            Self::Master { service, parameter, value } => ("-P", format!("{service}/{parameter}={value}")),
            Self::Unset { service, parameter } => ("-PX", format!("{service}/{parameter}")),
            Self::ByHand(_) => return None,
        };
        Some([flag.to_owned(), word])
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.arguments()) {
            (Self::ByHand(what), _) => f.write_str(what),
            (_, Some([flag, word])) => write!(f, "postconf {flag} '{}'", word.replace('\'', "'\\''")),
            (_, None) => Ok(()),
        }
    }
}

/// Every path, in the order in which a message meets them.
pub fn paths(facts: &PostfixFacts, config: &Config, tables: &dyn ReadTable) -> Vec<MailPath> {
    let mut paths = passing::paths(facts, &config.sockets.milter);
    paths.extend(tables::paths(facts, tables));
    paths.extend(delivery::paths(facts));
    paths
}

/// Where a parameter stands that counts for a service: its own, or main.cf's.
struct Place<'a> {
    service: Option<&'a Service>,
    parameter: &'static str,
}

impl<'a> Place<'a> {
    fn of(service: &'a Service, parameter: &'static str) -> Self {
        let own = service.overrides.contains_key(parameter);
        Self { service: own.then_some(service), parameter }
    }

    fn main(parameter: &'static str) -> Self {
        Self { service: None, parameter }
    }

    fn about(&self) -> String {
        match self.service {
            Some(service) => format!("{}: {}", id(service), self.parameter),
            None => format!("main.cf: {}", self.parameter),
        }
    }

    /// Sets it there to what it must be.
    fn set(&self, value: impl Into<String>) -> Remedy {
        let value = value.into();
        match self.service {
            Some(service) => Remedy::Master { service: id(service), parameter: self.parameter, value },
            None => Remedy::Main { parameter: self.parameter, value },
        }
    }
}

/// A service as postconf -P names it.
fn id(service: &Service) -> String {
    format!("{}/{}", service.name, service.kind)
}

fn open(about: String, why: impl Into<String>, remedy: Remedy) -> MailPath {
    MailPath { about, state: State::Open { why: why.into(), remedy } }
}

fn safe(about: String) -> MailPath {
    MailPath { about, state: State::Safe }
}

fn unknown(about: String, why: impl Into<String>) -> MailPath {
    MailPath { about, state: State::Unknown { why: why.into() } }
}

fn is_yes(value: &str) -> bool {
    value.eq_ignore_ascii_case("yes")
}

#[cfg(test)]
mod tests;
