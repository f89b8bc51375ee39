//! A namespace and a task to measure in: every operation is a system call on a descriptor.

use sockeye::{Net, SockAddrBuf, Task, sockaddr};
use std::net::{Ipv4Addr, SocketAddr};
use uapi::fcntl::O_NONBLOCK;
use uapi::socket::{AF_INET, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM};
use uapi::{Errno, Result};

/// 127.0.0.1 and a port.
pub(super) fn local(port: u16) -> SockAddrBuf {
    at(Ipv4Addr::LOCALHOST, port)
}

fn at(host: Ipv4Addr, port: u16) -> SockAddrBuf {
    sockaddr(SocketAddr::from((host, port)))
}

/// A fresh namespace, its loopback device with another MTU if asked for.
pub(super) fn namespace(mtu: usize) -> std::result::Result<Net, String> {
    let net = Net::new();
    if mtu != 0 {
        let lo = net.stack().dev.by_name("lo").ok_or("no lo")?;
        lo.set_mtu(net.stack(), u32::try_from(mtu).map_err(|_| "mtu too large")?);
    }
    Ok(net)
}

/// A bound datagram socket.
pub(super) fn udp(task: &Task, port: u16, nonblock: bool) -> Result<i32> {
    let fd = task.socket(AF_INET, SOCK_DGRAM | if nonblock { SOCK_NONBLOCK } else { 0 }, 0)?;
    task.bind(fd, local(port))?;
    Ok(fd)
}

/// A listener that does not block.
pub(super) fn listener(task: &Task, port: u16) -> Result<i32> {
    let fd = task.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)?;
    task.bind(fd, at(Ipv4Addr::UNSPECIFIED, port))?;
    task.listen(fd, 1024)?;
    Ok(fd)
}

/// A connection to `listener` on `port`: the connecting end and the accepted one.
pub(super) fn pair(task: &Task, listener: i32, port: u16, nonblock: bool) -> Result<(i32, i32)> {
    pair_at(task, listener, Ipv4Addr::LOCALHOST, port, nonblock)
}

/// The same by another of this host's addresses.
pub(super) fn pair_at(
    task: &Task,
    listener: i32,
    host: Ipv4Addr,
    port: u16,
    nonblock: bool,
) -> Result<(i32, i32)> {
    let flag = if nonblock { SOCK_NONBLOCK } else { 0 };
    let client = task.socket(AF_INET, SOCK_STREAM | flag, 0)?;
    match task.connect(client, at(host, port)) {
        Ok(()) | Err(Errno::EINPROGRESS) => {}
        Err(errno) => return Err(errno),
    }
    let server = task.accept4(listener, flag)?;
    debug_assert_eq!(O_NONBLOCK, SOCK_NONBLOCK as u32);
    Ok((client, server))
}

/// The address a datagram came from, as a port.
pub(super) fn port_of(addr: &[u8]) -> u16 {
    sockeye::socket_addr(addr).map_or(0, |addr| addr.port())
}
