//! `NETLINK_SOCK_DIAG` (`sock_diag(7)`, `inet_diag.c`): what `ss` asks.
//!
//! Which sockets there are only their protocols know: each has itself listed by a function that the
//! assembler of the namespace registers ([`register`]), since netlink stands beside the protocols.

use crate::rcv::{Answer, Request};
use crate::state::NetlinkNet;
use net::UserCx;
use net::sock::SockCommon;
use std::sync::atomic::Ordering::Relaxed;
use uapi::socket::{AF_INET, AF_INET6};
use uapi::*;
use zerocopy::IntoBytes;

/// A socket as it is told.
#[derive(Clone, Debug, Default)]
pub struct DiagSock {
    /// `AF_*`
    pub family: u16,
    /// The state, numbered as TCP's.
    pub state: u8,
    /// Local address and port.
    pub local: (Option<InetAddr>, u16),
    /// Remote address and port.
    pub remote: (Option<InetAddr>, u16),
    /// The interface it is bound to.
    pub ifindex: u32,
    /// `SO_COOKIE`; 0 for what has none.
    pub cookie: u64,
    /// Timer: 0 none, 1 retransmission, 2 keepalive, 3 TIME_WAIT, 4 probe.
    pub timer: u8,
    /// Retransmissions.
    pub retrans: u8,
    /// Milliseconds until the timer.
    pub expires: u32,
    /// Receive queue: bytes, or connections to accept.
    pub rqueue: u32,
    /// Send queue: bytes, or the backlog.
    pub wqueue: u32,
    /// User.
    pub uid: u32,
    /// Inode, 0 for an orphan.
    pub inode: u64,
    /// Which sides are shut.
    pub shutdown: u8,
    /// Mark.
    pub mark: u32,
    /// Priority.
    pub priority: u32,
    /// Type of service and traffic class.
    pub tos: (u8, u8),
    /// IPv6 only.
    pub v6only: bool,
    /// `SK_MEMINFO_*`; `None` for what is no whole socket.
    pub memory: Option<[u32; SK_MEMINFO_VARS]>,
    /// `struct tcp_info`.
    pub info: Option<Box<TcpInfo>>,
    /// Congestion control.
    pub congestion: Option<&'static str>,
    /// Its own state: the attribute and the value (`union tcp_cc_info`).
    pub cc_info: Option<(u16, Vec<u8>)>,
}

impl DiagSock {
    /// What every sock has: all but addresses, queues and what is the protocol's own.
    pub fn of(cx: &UserCx<'_>, sk: &SockCommon) -> DiagSock {
        let (rmem, wmem) = (sk.rmem_alloc.load(Relaxed) as u32, sk.wmem_alloc.load(Relaxed) as u32);
        let (omem, drops) = (sk.omem_alloc.load(Relaxed) as u32, sk.drops.load(Relaxed));
        DiagSock {
            family: sk.family(),
            state: sk.state(),
            ifindex: sk.bound_dev_if(),
            cookie: sk.cookie(cx.net),
            rqueue: rmem,
            wqueue: wmem,
            uid: sk.uid(),
            inode: sk.ino(),
            shutdown: sk.shutdown(),
            mark: sk.mark(),
            priority: sk.priority(),
            memory: Some([rmem, sk.rcvbuf() as u32, wmem, sk.sndbuf() as u32, 0, 0, omem, 0, drops]),
            ..DiagSock::default()
        }
    }
}

/// Lists a protocol's sockets, both families. `info` says that `struct tcp_info` is wanted.
pub type DiagDump = fn(cx: &UserCx<'_>, info: bool) -> Vec<DiagSock>;

/// Makes a protocol known to `ss` (`inet_diag_register`); `EEXIST` when it is.
pub fn register(net: &net::Net, protocol: u8, dump: DiagDump) -> Result<()> {
    let mut table = NetlinkNet::of(net).diag.lock();
    if table.iter().any(|(known, _)| *known == protocol) {
        return Err(Errno::EEXIST);
    }
    table.push((protocol, dump));
    Ok(())
}

/// Serves a question (`sock_diag_rcv_msg`).
pub(crate) fn sock_diag_rcv_msg(request: &Request<'_, '_>) -> Result<Answer> {
    if request.hdr.kind != SOCK_DIAG_BY_FAMILY {
        // The question of before Linux 3.3, and the order to destroy a socket, are not known.
        return Err(if request.hdr.kind == SOCK_DESTROY { Errno::EOPNOTSUPP } else { Errno::EINVAL });
    }
    let &[family, _, ..] = request.body else { return Err(Errno::EINVAL) };
    if i32::from(family) >= AF_MAX {
        return Err(Errno::EINVAL);
    }
    if !matches!(i32::from(family), AF_INET | AF_INET6) {
        return Err(Errno::ENOENT);
    }
    let (question, _) = request.parse::<InetDiagReqV2>()?;
    if request.hdr.flags & NLM_F_DUMP != 0 {
        let messages = list(request, &question, NLM_F_MULTI);
        return Ok(Answer::Dump { messages, split_done: true });
    }
    one(request, &question).map(Answer::Messages)
}

fn socks(request: &Request<'_, '_>, question: &InetDiagReqV2) -> Result<Vec<DiagSock>> {
    let table = NetlinkNet::of(request.cx.net).diag.lock().clone();
    let found = table.iter().find(|(protocol, _)| *protocol == question.protocol);
    let (_, dump) = found.ok_or(Errno::ENOENT)?;
    let mut socks = dump(request.cx, wants(question, INET_DIAG_INFO));
    socks.retain(|sk| sk.family == u16::from(question.family));
    Ok(socks)
}

/// All in the states asked for, with the ports asked for.
fn list(request: &Request<'_, '_>, question: &InetDiagReqV2, flags: u16) -> Result<Vec<Vec<u8>>> {
    let port = |port: [u8; 2], own: u16| port == [0; 2] || u16::from_be_bytes(port) == own;
    let fits = |sk: &DiagSock| {
        question.states.checked_shr(u32::from(sk.state)).is_some_and(|bits| bits & 1 != 0)
            && port(question.id.sport, sk.local.1)
            && port(question.id.dport, sk.remote.1)
            && (question.id.ifindex == 0 || question.id.ifindex == sk.ifindex)
    };
    let socks = socks(request, question)?;
    Ok(socks.iter().filter(|sk| fits(sk)).map(|sk| message(request, question, sk, flags)).collect())
}

/// The socket with these ends (`inet_diag_find_one_icsk`); `ENOENT`, and `ESTALE` for another cookie.
fn one(request: &Request<'_, '_>, question: &InetDiagReqV2) -> Result<Vec<Vec<u8>>> {
    let wanted = &question.id;
    let found = socks(request, question)?
        .into_iter()
        .find(|sk| {
            let id = id(sk);
            id.sport == wanted.sport
                && id.dport == wanted.dport
                && id.src == wanted.src
                && id.dst == wanted.dst
        })
        .ok_or(Errno::ENOENT)?;
    let any = [u32::MAX; 2];
    if wanted.cookie != any && wanted.cookie != id(&found).cookie {
        return Err(Errno::ESTALE);
    }
    Ok(vec![message(request, question, &found, 0)])
}

fn wants(question: &InetDiagReqV2, attr: u16) -> bool {
    question.ext & 1 << (attr - 1) != 0
}

fn octets(addr: Option<InetAddr>, v6: bool) -> [u8; 16] {
    let mut out = [0; 16];
    match (addr, v6) {
        (Some(addr), true) => out = addr.as_v6().octets(),
        (Some(addr), false) => out[..4].copy_from_slice(&addr.as_v4().map_or([0; 4], |v4| v4.octets())),
        (None, _) => {}
    }
    // An IPv6 socket that is bound to nothing is bound to `::`, not to a mapped address.
    if addr.is_some_and(|addr| addr.is_unspecified()) { [0; 16] } else { out }
}

fn id(sk: &DiagSock) -> InetDiagSockId {
    let v6 = i32::from(sk.family) == AF_INET6;
    InetDiagSockId {
        sport: sk.local.1.to_be_bytes(),
        dport: sk.remote.1.to_be_bytes(),
        src: octets(sk.local.0, v6),
        dst: octets(sk.remote.0, v6),
        ifindex: sk.ifindex,
        cookie: [sk.cookie as u32, (sk.cookie >> 32) as u32],
    }
}

/// One socket as a message (`inet_sk_diag_fill`).
fn message(request: &Request<'_, '_>, question: &InetDiagReqV2, sk: &DiagSock, flags: u16) -> Vec<u8> {
    let head = InetDiagMsg {
        family: sk.family as u8,
        state: sk.state,
        timer: sk.timer,
        retrans: sk.retrans,
        id: id(sk),
        expires: sk.expires,
        rqueue: sk.rqueue,
        wqueue: sk.wqueue,
        uid: sk.uid,
        inode: sk.inode as u32,
    };
    request.message(SOCK_DIAG_BY_FAMILY, flags, |buf| {
        buf.extend_from_slice(head.as_bytes());
        let Some(memory) = &sk.memory else { return };
        put_attr(buf, INET_DIAG_SHUTDOWN, &[sk.shutdown]);
        if wants(question, INET_DIAG_TOS) {
            put_attr(buf, INET_DIAG_TOS, &[sk.tos.0]);
        }
        if i32::from(sk.family) == AF_INET6 {
            if wants(question, INET_DIAG_TCLASS) {
                put_attr(buf, INET_DIAG_TCLASS, &[sk.tos.1]);
            }
            if matches!(sk.state, 7 | 10) {
                put_attr(buf, INET_DIAG_SKV6ONLY, &[u8::from(sk.v6only)]);
            }
        }
        if request.cx.process.capable(CAP_NET_ADMIN) {
            put_attr(buf, INET_DIAG_MARK, &sk.mark.to_ne_bytes());
        }
        // The class has no bit of its own in the question; it goes with the traffic class.
        if wants(question, INET_DIAG_TCLASS) {
            put_attr(buf, INET_DIAG_CLASS_ID, &sk.priority.to_ne_bytes());
        }
        if wants(question, INET_DIAG_MEMINFO) {
            let [rmem, _, wmem, ..] = *memory;
            put_attr(
                buf,
                INET_DIAG_MEMINFO,
                InetDiagMeminfo { rmem, wmem: 0, fmem: 0, tmem: wmem }.as_bytes(),
            );
        }
        if wants(question, INET_DIAG_SKMEMINFO) {
            put_attr(buf, INET_DIAG_SKMEMINFO, memory.as_bytes());
        }
        if let Some(info) = sk.info.as_deref().filter(|_| wants(question, INET_DIAG_INFO)) {
            put_attr(buf, INET_DIAG_INFO, info.as_bytes());
        }
        if let Some(name) = sk.congestion.filter(|_| wants(question, INET_DIAG_CONG)) {
            let mut text = name.as_bytes().to_vec();
            text.push(0);
            put_attr(buf, INET_DIAG_CONG, &text);
        }
        // Who asks for one of them gets whichever there is.
        if let Some((attr, info)) = sk.cc_info.as_ref().filter(|_| wants(question, INET_DIAG_VEGASINFO)) {
            put_attr(buf, *attr, info);
        }
    })
}
