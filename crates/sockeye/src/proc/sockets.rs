//! Sockets: `tcp`, `udp`, `raw`, `icmp` and their likes of IPv6 (`tcp4_seq_show`, `udp4_seq_show`, `raw_seq_show`,
//! `ping_v4_seq_show`).
//!
//! Addresses of the kernel's objects, which it hides from whom it does not trust, are zeros.

use super::{hex, padded};
use ip::sock::SockNames;
use kern::time::Jiffies;
use net::sock::SockCommon;
use net::{Sock, UserCx};
use std::sync::atomic::Ordering::Relaxed;
use tcp::hash::{Found, Key};
use tcp::init::INFINITE_SSTHRESH;
use tcp::mini::request::Request;
use tcp::mini::timewait::TimeWait;
use tcp::sock::XmitTimer;
use tcp::{Tcp, TcpNet};
use uapi::{AF_INET6, InetAddr, TcpState};
use udp::UdpNet;

const ENDS: &str = "sl  local_address rem_address   ";
const ENDS6: &str = "sl  local_address                         remote_address                        ";
const COLUMNS: &str = "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const DATAGRAM_COLUMNS: &str = " ref pointer drops";

/// A pointer that is not told (`%pK`).
const POINTER: &str = "0000000000000000";

/// Jiffies, here of a millisecond, as `USER_HZ` ticks of a hundredth of a second (`jiffies_to_clock_t`).
fn clock_t(jiffies: u64) -> u64 {
    jiffies / 10
}

/// What is left until then (`jiffies_delta_to_clock_t`).
fn left(cx: &UserCx<'_>, then: Jiffies) -> u64 {
    clock_t(then.saturating_sub(cx.jiffies()))
}

/// Both ends.
struct Ends {
    local: (InetAddr, u16),
    remote: (InetAddr, u16),
}

impl Ends {
    fn of(names: &SockNames) -> Ends {
        Ends { local: (names.rcv_saddr, names.num), remote: (names.daddr, names.dport) }
    }

    fn of_key(key: &Key) -> Ends {
        Ends { local: (key.laddr, key.lport), remote: (key.faddr, key.fport) }
    }

    fn show(&self, v6: bool) -> String {
        let end = |(addr, port): (InetAddr, u16)| format!("{}:{port:04X}", hex(addr, v6));
        format!("{} {}", end(self.local), end(self.remote))
    }
}

/// The rows of a file, with its line widths.
struct Rows {
    text: String,
    v6: bool,
    width: usize,
    number: usize,
}

impl Rows {
    fn new(family: i32, header: &str, width: usize) -> Rows {
        let v6 = family == AF_INET6;
        // IPv6's lines are not filled up.
        let mut rows = Rows { text: String::new(), v6, width: if v6 { 0 } else { width }, number: 0 };
        padded(&mut rows.text, header, rows.width);
        rows
    }

    fn tcp(&mut self, ends: &Ends, rest: &str) {
        let line = format!("{:4}: {} {rest}", self.number, ends.show(self.v6));
        padded(&mut self.text, &line, self.width);
        self.number += 1;
    }

    fn datagram(&mut self, bucket: u16, number_width: usize, sk: &SockCommon, ends: &Ends) {
        let line = format!(
            "{bucket:number_width$}: {} {:02X} {:08X}:{:08X} 00:00000000 00000000 {:5}        0 {} 2 {POINTER} {}",
            ends.show(self.v6),
            sk.state(),
            sk.wmem_alloc.load(Relaxed),
            sk.rmem_alloc.load(Relaxed),
            sk.uid(),
            sk.ino(),
            sk.drops.load(Relaxed),
        );
        padded(&mut self.text, &line, self.width);
    }
}

fn header(family: i32, indent: &str, columns: &str) -> String {
    let ends = if family == AF_INET6 { ENDS6 } else { ENDS };
    // The header of IPv6 never has the wider indent.
    let indent = if family == AF_INET6 { "  " } else { indent };
    format!("{indent}{ends}{COLUMNS}{columns}")
}

/// `tcp`, `tcp6`: listeners, then everybody else.
pub(super) fn tcp(cx: &UserCx<'_>, family: i32) -> String {
    let hash = &cx.net.generic::<TcpNet>().hash;
    let mut rows = Rows::new(family, &header(family, "  ", ""), 149);
    for sk in hash.listening.all() {
        if i32::from(sk.family()) == family {
            whole(cx, &mut rows, &sk);
        }
        cx.sock_put(sk);
    }
    hash.established.for_each(|key, found| match found {
        Found::Sock(sk) if i32::from(sk.family()) == family => whole(cx, &mut rows, sk),
        Found::Request(request) if i32::from(request.listener.family()) == family => {
            embryo(cx, &mut rows, key, request);
        }
        Found::TimeWait(tw) if i32::from(tw.family) == family => time_wait(cx, &mut rows, key, tw),
        _ => {}
    });
    rows.text
}

fn whole(cx: &UserCx<'_>, rows: &mut Rows, sk: &Sock<Tcp>) {
    let mut guard = sk.lock_sock(cx);
    let st = guard.sk_mut();
    let listens = sk.state() == TcpState::Listen as u8;
    let (timer, when) = match st.pending {
        XmitTimer::Retrans | XmitTimer::ReoTimeout | XmitTimer::LossProbe => {
            (1, left(cx, st.retransmit_timer.deadline))
        }
        XmitTimer::Probe0 => (4, left(cx, st.retransmit_timer.deadline)),
        XmitTimer::None if st.sk_timer.is_pending() => (2, left(cx, st.sk_timer.deadline)),
        XmitTimer::None => (0, 0),
    };
    let rx_queue =
        if listens { sk.ack_backlog.load(Relaxed) } else { st.rcv_nxt.wrapping_sub(st.copied_seq) };
    let ssthresh = match st.snd_ssthresh {
        _ if listens => 0,
        INFINITE_SSTHRESH.. => -1,
        segments => i64::from(segments),
    };
    let rest = format!(
        "{:02X} {:08X}:{rx_queue:08X} {timer:02X}:{when:08X} {:08X} {:5} {:8} {} {} {POINTER} {} {} {} {} {ssthresh}",
        sk.state(),
        if listens { 0 } else { st.write_seq.wrapping_sub(st.snd_una) },
        st.retransmits,
        sk.uid(),
        st.probes_out,
        sk.ino(),
        // A pending timer holds one more.
        1 + u8::from(timer != 0),
        clock_t(st.rto.into()),
        clock_t(st.ack_ato.into()),
        u32::from(st.ack_quick) << 1 | u32::from(st.ack_pingpong >= 3),
        st.snd_cwnd,
    );
    rows.tcp(&Ends::of(&sk.shared.inet.names()), &rest);
}

fn embryo(cx: &UserCx<'_>, rows: &mut Rows, key: &Key, request: &Request) {
    let timeouts = request.state.lock().num_timeout;
    let rest = format!(
        "03 00000000:00000000 01:{:08X} {timeouts:08X} {:5} {:8} 0 0 {POINTER}",
        left(cx, request.expires()),
        request.listener.uid(),
        0,
    );
    rows.tcp(&Ends::of_key(key), &rest);
}

fn time_wait(cx: &UserCx<'_>, rows: &mut Rows, key: &Key, tw: &TimeWait) {
    let rest = format!(
        "{:02X} 00000000:00000000 03:{:08X} 00000000 {:5} {:8} 0 3 {POINTER}",
        tw.substate() as u8,
        left(cx, tw.expires()),
        0,
        0,
    );
    rows.tcp(&Ends::of_key(key), &rest);
}

/// `udp`, `udp6`, `udplite`, `udplite6`; the first column is the port, where Linux has its hash.
pub(super) fn udp(cx: &UserCx<'_>, protocol: i32, family: i32) -> String {
    let mut rows = Rows::new(family, &header(family, "   ", DATAGRAM_COLUMNS), 127);
    UdpNet::of(cx.net).table(protocol as u16).for_each(|_, sk| {
        if i32::from(sk.family()) == family {
            let names = sk.shared.inet.names();
            rows.datagram(names.num, 5, sk, &Ends::of(&names));
        }
    });
    rows.text
}

/// `raw`, `raw6`: the protocol stands for the local port.
pub(super) fn raw(cx: &UserCx<'_>, family: i32) -> String {
    let mut rows = Rows::new(family, &header(family, "  ", DATAGRAM_COLUMNS), 0);
    let number_width = if rows.v6 { 5 } else { 4 };
    raw::RawNet::of(cx.net).table(family as u16).for_each(|_, sk| {
        let names = sk.shared.inet.names();
        let ends = Ends { remote: (names.daddr, 0), ..Ends::of(&names) };
        rows.datagram(names.num, number_width, sk, &ends);
    });
    rows.text
}

/// `icmp`.
pub(super) fn icmp(cx: &UserCx<'_>) -> String {
    ping(cx, uapi::AF_INET)
}

/// `icmp6`.
pub(super) fn icmp6(cx: &UserCx<'_>) -> String {
    ping(cx, AF_INET6)
}

fn ping(cx: &UserCx<'_>, family: i32) -> String {
    let mut rows = Rows::new(family, &header(family, "  ", DATAGRAM_COLUMNS), 127);
    cx.net.generic::<raw::PingNet>().for_each(|sk| {
        if i32::from(sk.family()) == family {
            let names = sk.shared.inet.names();
            rows.datagram(names.num, 5, sk, &Ends::of(&names));
        }
    });
    rows.text
}
