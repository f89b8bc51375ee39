//! Two sockets find each other: `unix_stream_connect`, `unix_dgram_connect`, `unix_socketpair`.

use crate::addr::{self, Name};
use crate::bind::{autobind_if_passcred, find_other};
use crate::sock::{Inner, Unix};
use crate::{datagram, release};
use net::sock::{RCV_SHUTDOWN, SockFlag, Timeo};
use net::socket::{PeerCred, SocketState};
use net::{Sock, Socket, UserCx};
use std::sync::Arc;
use uapi::poll::{EPOLLOUT, EPOLLWRBAND, EPOLLWRNORM};
use uapi::socket::AF_UNSPEC;
use uapi::{Errno, Result, TcpState};

/// Who calls, as a peer will see him (`init_peercred`).
pub(crate) fn caller(cx: &UserCx<'_>) -> PeerCred {
    let cred = cx.process.cred;
    PeerCred { pid: cred.pid, uid: cred.euid, gid: cred.egid, groups: cred.groups.clone() }
}

/// What of a listener's options its connections have (`sk_scm_recv_flags`).
const INHERITED: [SockFlag; 4] =
    [SockFlag::PassCred, SockFlag::PassSec, SockFlag::PassPidfd, SockFlag::PassRights];

/// What came of one try.
enum Tried {
    Connected,
    /// The listener's queue is full.
    Full,
    /// It closed meanwhile.
    Gone,
}

/// Connects to a listener: the new end waits in its queue.
pub(crate) fn stream(
    sock: &Socket,
    sk: &Sock<Unix>,
    cx: &UserCx<'_>,
    addr: &[u8],
    nonblock: bool,
) -> Result<()> {
    let name = addr::parse(addr)?;
    autobind_if_passcred(sk, cx)?;
    let mut timeo = Timeo::new(cx, nonblock, sk.sndtimeo());
    loop {
        let tried = find_other(cx, name, sk.kind()).and_then(|other| {
            let tried = attempt(sk, cx, &other, &mut timeo);
            cx.sock_put(other);
            tried
        });
        match tried {
            Ok(Tried::Connected) => {
                sock.set_state(cx, SocketState::Connected);
                return Ok(());
            }
            Ok(_) => {}
            Err(errno) => {
                // The end of the new end that comes to nothing is a socket's end too.
                release::collect(cx);
                return Err(errno);
            }
        }
    }
}

fn attempt(sk: &Sock<Unix>, cx: &UserCx<'_>, other: &Arc<Sock<Unix>>, timeo: &mut Timeo) -> Result<Tried> {
    let tried = if Unix::is_same(sk, other) {
        let inner = other.shared.lock();
        // It may be found listening, and then it cannot connect.
        may_take(&inner, other)
            .and_then(|tried| if let Tried::Connected = tried { Err(Errno::EINVAL) } else { Ok(tried) })
    } else {
        let child = Unix::create(cx, sk.kind());
        let tried = join(sk, cx, other, &child);
        if !matches!(tried, Ok(Tried::Connected)) {
            cx.sock_put(child);
        }
        tried
    };
    match tried {
        Ok(Tried::Connected) => other.data_ready(cx),
        Ok(Tried::Full) => match *timeo {
            Timeo::Never => return Err(Errno::EAGAIN),
            _ => wait_for_peer(cx, sk, other, timeo)?,
        },
        _ => {}
    }
    tried
}

/// Waits until there may be room in another's queue (`unix_wait_for_peer`). When the time is over,
/// the caller has one more look.
pub(crate) fn wait_for_peer(
    cx: &UserCx<'_>,
    sk: &Sock<Unix>,
    other: &Sock<Unix>,
    timeo: &mut Timeo,
) -> Result<()> {
    let room = || {
        let dead = other.shared.lock().dead;
        (dead || other.shutdown() & RCV_SHUTDOWN != 0 || !Unix::is_full(other)).then_some(())
    };
    match net::sock::wait_on(cx, sk, (&other.shared.peer_wait, true, EPOLLOUT), *timeo, room) {
        Err(Errno::EAGAIN) => {
            *timeo = Timeo::Never;
            Ok(())
        }
        result => result,
    }
}

fn may_take(inner: &Inner, other: &Sock<Unix>) -> Result<Tried> {
    if inner.dead {
        return Ok(Tried::Gone);
    }
    if !Unix::is_in(other, TcpState::Listen) || other.shutdown() & RCV_SHUTDOWN != 0 {
        return Err(Errno::ECONNREFUSED);
    }
    Ok(if Unix::is_full(other) { Tried::Full } else { Tried::Connected })
}

fn join(sk: &Sock<Unix>, cx: &UserCx<'_>, other: &Arc<Sock<Unix>>, child: &Arc<Sock<Unix>>) -> Result<Tried> {
    let (mut mine, mut theirs) = Unix::lock_two(sk, other);
    match may_take(&theirs, other)? {
        Tried::Connected => {}
        no => return Ok(no),
    }
    if !Unix::is_in(sk, TcpState::Close) {
        let connected = Unix::is_in(sk, TcpState::Established);
        return Err(if connected { Errno::EISCONN } else { Errno::EINVAL });
    }
    {
        // Nobody knows the child yet.
        let mut inner = child.shared.lock();
        inner.peer = Some(sk.hold());
        inner.cred = Some(caller(cx));
        inner.addr.clone_from(&theirs.addr);
        inner.listener = Unix::key(other);
    }
    for flag in INHERITED {
        child.set_flag(flag, other.flag(flag));
    }
    Unix::set_state(child, cx, TcpState::Established);
    mine.cred.clone_from(&theirs.cred);
    mine.peer = Some(child.clone());
    Unix::set_state(sk, cx, TcpState::Established);
    theirs.pending.push_back(child.clone());
    theirs.publish(&other.shared);
    Ok(Tried::Connected)
}

/// Says where datagrams go, and from whom alone they come; `AF_UNSPEC` ends it.
pub(crate) fn datagram(sk: &Sock<Unix>, cx: &UserCx<'_>, addr: &[u8]) -> Result<()> {
    let family = addr::family(addr).ok_or(Errno::EINVAL)?;
    let old = if family == AF_UNSPEC {
        sk.shared.lock().peer.take()
    } else {
        let name = addr::parse(addr)?;
        autobind_if_passcred(sk, cx)?;
        datagram_to(sk, cx, name)?
    };
    let Some(old) = old else { return Ok(()) };
    let other = sk.shared.lock().peer.clone();
    if other.is_none() {
        Unix::set_state(sk, cx, TcpState::Close);
    }
    datagram::stop_waiting(sk, cx);
    sk.wq.wake(EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
    let same = other.as_ref().is_some_and(|other| Unix::is_same(other, &old));
    if !same {
        datagram::disconnected(sk, cx, &old);
        if old.shared.lock().peer.is_none() {
            Unix::set_state(&old, cx, TcpState::Close);
        }
    }
    if let Some(other) = other {
        cx.sock_put(other);
    }
    cx.sock_put(old);
    Ok(())
}

/// Sets the peer; the old one, if there was one, is returned.
fn datagram_to(sk: &Sock<Unix>, cx: &UserCx<'_>, name: Name<'_>) -> Result<Option<Arc<Sock<Unix>>>> {
    loop {
        let other = find_other(cx, name, sk.kind())?;
        if Unix::is_same(sk, &other) {
            let mut inner = sk.shared.lock();
            if inner.peer.as_ref().is_some_and(|peer| !Unix::is_same(peer, sk)) {
                drop(inner);
                cx.sock_put(other);
                return Err(Errno::EPERM);
            }
            Unix::set_state(sk, cx, TcpState::Established);
            return Ok(inner.peer.replace(other));
        }
        let (mut mine, theirs) = Unix::lock_two(sk, &other);
        let gone = theirs.dead;
        let taken = theirs.peer.as_ref().is_some_and(|peer| !Unix::is_same(peer, sk));
        drop(theirs);
        if !gone && !taken {
            Unix::set_state(sk, cx, TcpState::Established);
            Unix::set_state(&other, cx, TcpState::Established);
            return Ok(mine.peer.replace(other.clone()));
        }
        drop(mine);
        cx.sock_put(other);
        if !gone {
            return Err(Errno::EPERM);
        }
    }
}

/// Two fresh sockets, back to back.
pub(crate) fn pair(a: &Socket, b: &Socket, cx: &UserCx<'_>) -> Result<()> {
    let (ska, skb) = (a.sock::<Unix>()?, b.sock::<Unix>()?);
    for (socket, sk, peer) in [(a, ska, skb), (b, skb, ska)] {
        let mut inner = sk.shared.lock();
        inner.peer = Some(peer.hold());
        inner.cred = Some(caller(cx));
        drop(inner);
        Unix::set_state(sk, cx, TcpState::Established);
        socket.set_state(cx, SocketState::Connected);
    }
    Ok(())
}
