//! Everything that speaks with Postfix.

pub mod content;
pub mod route;
pub mod session;
