//! Everything that speaks with Postfix.

pub mod content;
pub mod guard;
pub mod judge;
pub mod maillog;
pub mod manner;
pub mod milter;
pub mod netstring;
pub mod paths;
pub mod postconf;
pub mod queue;
pub mod release;
pub mod resolve;
pub mod route;
pub mod session;
pub mod socketmap;
pub mod table_files;
mod tool;
pub mod transport;
pub mod unprotected;
pub mod verdict_line;
