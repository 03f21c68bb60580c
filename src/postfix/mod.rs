//! Everything that speaks with Postfix.

pub mod postconf;
pub mod resolve;
mod tool;
pub mod transport;
