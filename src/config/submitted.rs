//! `[submitted]`: which mail is ours to refuse.

use super::{
    reader::Section,
    value::{Parsed, text},
};
use crate::network::{Network, NetworkError};
use toml::de::DeValue;

/// Which mail counts as submitted besides authenticated mail and sendmail(1).
#[derive(Clone, Debug, PartialEq)]
pub struct Submitted {
    /// Networks whose clients are our own.
    pub networks: Vec<Network>,
}

impl Default for Submitted {
    fn default() -> Self {
        let networks = ["127.0.0.0/8", "::1/128"].iter().filter_map(|network| network.parse().ok());
        Self { networks: networks.collect() }
    }
}

impl Submitted {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self { networks: section.list("networks", Self::default().networks, network) }
    }
}

pub(super) fn network(value: &DeValue<'_>) -> Parsed<Network> {
    text(value)?.parse().map_err(|error: NetworkError| error.to_string())
}
