//! Everything that speaks with Postfix.

pub mod maillog;
pub mod queue;
pub mod release;
