//! `TcpListener`, `TcpStream` and `UdpSocket` with the names and signatures of `std::net`, `UnixListener`,
//! `UnixStream` and `UnixDatagram` with those of `std::os::unix::net`: change the import and a program
//! runs on Sockeye.
//!
//! `std`'s functions name no network, so a thread says which namespace it means: [`enter`] sets it
//! for as long as its guard lives.
//!
//! ```
//! use sockeye::net::{TcpListener, TcpStream};
//! use std::io::{Read, Write};
//!
//! let net = sockeye::Net::new();
//! let _guard = sockeye::net::enter(&net);
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut client = TcpStream::connect(listener.local_addr()?)?;
//! let (mut server, _peer) = listener.accept()?;
//! client.write_all(b"ping")?;
//! let mut buf = [0; 4];
//! server.read_exact(&mut buf)?;
//! assert_eq!(&buf, b"ping");
//! # Ok::<(), std::io::Error>(())
//! ```

mod handle;
mod methods;
mod tcp;
mod udp;
mod unix;
mod unix_datagram;

pub use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6, ToSocketAddrs,
};
pub use tcp::{Incoming, TcpListener, TcpStream};
pub use udp::UdpSocket;
pub use unix::{IncomingUnix, UnixListener, UnixStream};
pub use unix_datagram::UnixDatagram;

use crate::Net;
use std::cell::RefCell;
use std::io;

thread_local! {
    /// The namespaces this thread entered, innermost last. It belongs to this face alone: the stack
    /// has no global.
    static ENTERED: RefCell<Vec<Net>> = const { RefCell::new(Vec::new()) };
}

/// Ends what [`enter`] began.
#[must_use = "the namespace is left when the guard is dropped"]
pub struct Entered(());

impl Drop for Entered {
    fn drop(&mut self) {
        let left = ENTERED.with(|entered| entered.borrow_mut().pop());
        drop(left);
    }
}

/// This thread means `net` until the guard is dropped.
pub fn enter(net: &Net) -> Entered {
    ENTERED.with(|entered| entered.borrow_mut().push(net.clone()));
    Entered(())
}

/// The namespace this thread entered.
fn current() -> io::Result<Net> {
    ENTERED
        .with(|entered| entered.borrow().last().cloned())
        .ok_or_else(|| io::Error::new(io::ErrorKind::NetworkDown, "no namespace: see sockeye::net::enter"))
}

/// Tries each address, and fails as the last one did.
fn each_addr<T>(addrs: impl ToSocketAddrs, mut f: impl FnMut(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    let mut last = None;
    for addr in addrs.to_socket_addrs()? {
        match f(addr) {
            Ok(value) => return Ok(value),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no address")))
}
