//! `RefusedPort`: a loopback port at which nobody listens.
//!
//! Invariant: it stays so while this lives, since the port is bound: no other test can open it meanwhile.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    os::fd::OwnedFd,
};

use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

/// A port that refuses connections.
#[derive(Debug)]
pub struct RefusedPort {
    _socket: OwnedFd,
    address: SocketAddr,
}

impl RefusedPort {
    /// Takes a free port.
    ///
    /// # Panics
    /// Where no loopback port can be bound.
    #[must_use]
    #[allow(clippy::expect_used, reason = "a test without its port cannot go on")]
    pub fn take() -> RefusedPort {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let address = getsockname(&socket).expect("the bound address");
        RefusedPort {
            address: address.try_into().expect("an internet address"),
            _socket: socket,
        }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
