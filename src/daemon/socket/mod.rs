//! The sockets on which Postfix reaches us: made by ourselves or passed by the service manager, UNIX-domain or TCP,
//! with a limit on connections, and no error of accept(2) that could end the daemon.

mod activation;
mod bind;
mod listener;

pub use self::{
    activation::Activation,
    bind::SocketError,
    listener::{Connection, Listener},
};
