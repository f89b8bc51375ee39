//! Two hosts on one wire, each with a task.

use crate::{Net, SEC, Task, Wire, WireConfig, World, sockaddr};
use sockeye::uapi::socket::{AF_INET, SOCK_NONBLOCK, SOCK_STREAM};
use sockeye::uapi::{Errno, Result};
use std::net::SocketAddr;
use std::sync::Arc;

/// Two hosts: `a` is 10.0.0.1 and fd00::1, `b` is 10.0.0.2 and fd00::2.
pub struct Pair {
    // In the order they are to be dropped.
    /// A task on `a`.
    pub client: Task,
    /// A task on `b`.
    pub server: Task,
    /// From `a` to `b`.
    pub wire: Arc<Wire>,
    /// The first host.
    pub a: Net,
    /// The second.
    pub b: Net,
    /// Both.
    pub world: World,
}

/// A TCP connection between the two, by descriptors; both ends are non-blocking.
#[derive(Clone, Copy, Debug)]
pub struct Conn {
    /// Of [`Pair::client`].
    pub client: i32,
    /// Of [`Pair::server`].
    pub server: i32,
    /// Of [`Pair::server`].
    pub listener: i32,
}

/// `b`'s address.
pub const SERVER: &str = "10.0.0.2";

impl Pair {
    /// Two hosts; what is random at them comes from `seed`, on the wire from the configuration's.
    ///
    /// # Panics
    /// When it cannot be set up.
    pub fn new(seed: u64, config: &WireConfig) -> Pair {
        let world = World::new(seed);
        let (a, b) = (world.host(), world.host());
        let wire = world.wire((&a, "10.0.0.1/24"), (&b, "10.0.0.2/24"), config).expect("a wire");
        a.add_addr("eth0", "fd00::1/64").expect("an address");
        b.add_addr("eth0", "fd00::2/64").expect("an address");
        Pair { client: Task::new(&a), server: Task::new(&b), wire, a, b, world }
    }

    /// The same, with a link as tc-netem(8) would say it, one seed for all.
    ///
    /// # Panics
    /// When the words are not understood.
    pub fn netem(seed: u64, words: &str) -> Pair {
        let netem = words.parse().unwrap_or_else(|error| panic!("{error}"));
        Pair::new(seed, &WireConfig::symmetric(netem, seed))
    }

    /// A non-blocking listener of `b` on this port.
    ///
    /// # Errors
    /// As the calls'.
    pub fn listen(&self, port: u16) -> Result<i32> {
        let fd = self.server.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)?;
        self.server.bind(fd, sockaddr(SocketAddr::new(SERVER.parse().map_err(|_| Errno::EINVAL)?, port)))?;
        self.server.listen(fd, 16)?;
        Ok(fd)
    }

    /// A connection through the wire, made by calls that do not block.
    ///
    /// # Errors
    /// As the calls'; `ETIMEDOUT` after ten virtual minutes.
    pub fn connect(&self, port: u16) -> Result<Conn> {
        let listener = self.listen(port)?;
        let client = self.client.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)?;
        let to = sockaddr(SocketAddr::new(SERVER.parse().map_err(|_| Errno::EINVAL)?, port));
        match self.client.connect(client, to) {
            Err(Errno::EINPROGRESS) => {}
            other => other?,
        }
        let mut accepted = Err(Errno::ETIMEDOUT);
        self.world.run_until(600 * SEC, || {
            accepted = self.server.accept4(listener, SOCK_NONBLOCK);
            accepted != Err(Errno::EAGAIN)
        });
        Ok(Conn { client, server: accepted?, listener })
    }

    /// Closes both ends and the listener.
    ///
    /// # Errors
    /// As the calls'.
    pub fn close(&self, conn: Conn) -> Result<()> {
        self.client.close(conn.client)?;
        self.server.close(conn.server)?;
        self.server.close(conn.listener)
    }
}
