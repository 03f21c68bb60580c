//! What makes the program a service: sockets, signals, the service manager, the log.

pub mod limit;
pub mod log;
pub mod lookup;
pub mod notify;
pub mod reader;
pub mod run;
pub mod service;
mod shelf;
pub mod signal;
pub mod socket;
