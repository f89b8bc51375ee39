//! What `ss` is told of each protocol's sockets (`tcp_diag.c`, `udp_diag.c`, `raw_diag.c`).

use ip::InetSock;
use ip::sock::SockNames;
use kern::time::Jiffies;
use net::{Net, Sock, UserCx};
use netlink::diag::{DiagSock, register};
use tcp::hash::Found;
use tcp::sock::XmitTimer;
use tcp::{Tcp, TcpNet};
use uapi::{IPPROTO_RAW, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, Result, TcpState};
use udp::{Udp, UdpNet};

/// Makes all protocols known.
pub(crate) fn init(net: &Net) -> Result<()> {
    register(net, IPPROTO_TCP as u8, tcp)?;
    register(net, IPPROTO_UDP as u8, |cx, _| udp(cx, IPPROTO_UDP as u16))?;
    register(net, IPPROTO_UDPLITE as u8, |cx, _| udp(cx, IPPROTO_UDPLITE as u16))?;
    register(net, IPPROTO_RAW as u8, |cx, _| raw(cx))
}

fn named(sock: DiagSock, names: &SockNames, inet: &InetSock) -> DiagSock {
    DiagSock {
        local: (Some(names.rcv_saddr), names.num),
        remote: (Some(names.daddr), names.dport),
        tos: (inet.tos, inet.v6.tclass),
        v6only: inet.v6only,
        ..sock
    }
}

fn udp(cx: &UserCx<'_>, protocol: u16) -> Vec<DiagSock> {
    let mut all = Vec::new();
    UdpNet::of(cx.net).table(protocol).for_each(|_, sk: &std::sync::Arc<Sock<Udp>>| {
        let guard = sk.lock_sock(cx);
        all.push(named(DiagSock::of(cx, sk), &sk.shared.inet.names(), &guard.inet));
    });
    all
}

fn raw(cx: &UserCx<'_>) -> Vec<DiagSock> {
    let mut all = Vec::new();
    for family in [uapi::AF_INET, uapi::AF_INET6] {
        raw::RawNet::of(cx.net).table(family as u16).for_each(|_, sk| {
            let guard = sk.lock_sock(cx);
            all.push(named(DiagSock::of(cx, sk), &sk.shared.inet.names(), &guard.inet));
        });
    }
    all
}

fn tcp(cx: &UserCx<'_>, info: bool) -> Vec<DiagSock> {
    let hash = &cx.net.generic::<TcpNet>().hash;
    let mut all: Vec<DiagSock> = Vec::new();
    for sk in hash.listening.all() {
        all.push(whole(cx, &sk, info));
        cx.sock_put(sk);
    }
    hash.established.for_each(|key, found| {
        let ends = DiagSock {
            local: (Some(key.laddr), key.lport),
            remote: (Some(key.faddr), key.fport),
            family: if key.laddr.is_v4() { uapi::AF_INET } else { uapi::AF_INET6 } as u16,
            ..DiagSock::default()
        };
        all.push(match found {
            Found::Sock(sk) => whole(cx, sk, info),
            Found::Request(_) => DiagSock { state: TcpState::SynRecv as u8, timer: 1, ..ends },
            Found::TimeWait(tw) => DiagSock {
                family: tw.family,
                state: tw.substate() as u8,
                ifindex: tw.bound_dev,
                uid: tw.uid,
                mark: tw.mark,
                timer: 3,
                ..ends
            },
        });
    });
    all
}

fn whole(cx: &UserCx<'_>, sk: &Sock<Tcp>, info: bool) -> DiagSock {
    let mut guard = sk.lock_sock(cx);
    let st = guard.sk_mut();
    let mut sock = named(DiagSock::of(cx, sk), &sk.shared.inet.names(), &st.inet);
    if sk.state() == TcpState::Listen as u8 {
        sock.rqueue = sk.ack_backlog.load(std::sync::atomic::Ordering::Relaxed);
        sock.wqueue = sk.max_ack_backlog();
    } else {
        sock.rqueue = st.rcv_nxt.wrapping_sub(st.copied_seq);
        sock.wqueue = st.write_seq.wrapping_sub(st.snd_una);
    }
    let left = |deadline: Jiffies| deadline.saturating_sub(cx.jiffies()) as u32;
    (sock.timer, sock.expires) = match st.pending {
        XmitTimer::Retrans | XmitTimer::ReoTimeout | XmitTimer::LossProbe => {
            (1, left(st.retransmit_timer.deadline))
        }
        XmitTimer::Probe0 => (4, left(st.retransmit_timer.deadline)),
        XmitTimer::None if st.sk_timer.is_pending() => (2, left(st.sk_timer.deadline)),
        XmitTimer::None => (0, 0),
    };
    sock.retrans = st.retransmits;
    sock.congestion = Some(tcp::cong::name(&st));
    sock.cc_info =
        tcp::cong::info(&st).filter(|_| info).map(|shown| (shown.attr, shown.bytes[..shown.len].to_vec()));
    sock.info = info.then(|| Box::new(tcp::api::info::tcp_info(&st)));
    sock
}
