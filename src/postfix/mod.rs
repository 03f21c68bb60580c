//! Everything that speaks with Postfix.

pub mod content;
pub mod guard;
pub mod netstring;
pub mod route;
pub mod session;
pub mod socketmap;
