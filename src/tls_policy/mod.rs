//! The vocabulary of Postfix's TLS policies (postconf(5) smtp_tls_policy_maps, TLS_README).

mod ciphers;
mod level;
mod line;
mod protocols;
mod version;

pub use self::{
    ciphers::CipherGrade, level::TlsLevel, line::PolicyLine, protocols::Protocols, version::PostfixVersion,
};
