//! In: a segment arrives (`net/ipv4/tcp_input.c`).

pub mod ack;
pub mod challenge;
pub mod clean;
pub mod data;
pub mod delack;
pub mod established;
mod fast_ack;
pub mod ofo;
pub mod options;
pub mod prune;
pub mod rack;
pub mod rate;
pub mod recovery;
pub mod rtt;
pub mod sack;
pub mod state_process;
pub mod synsent;
pub mod undo;
pub mod urg;
pub mod validate;
pub mod window;

pub use window::{cleanup_rbuf, fast_path_check, rcv_space_adjust};

use crate::sock::Sk;
use crate::{state, timer};
use net::mib;
use net::sock::SHUTDOWN_MASK;
use net::{Cx, Skb};
use uapi::Errno;
use uapi::tcp::TcpState;
use wire::{TcpFlags, TcpHdr};

/// A segment's header, read once.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpRx {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub dest: u16,
    /// First sequence number.
    pub seq: u32,
    /// One past the last, SYN and FIN counted.
    pub end_seq: u32,
    /// The acknowledgement.
    pub ack_seq: u32,
    /// The header's third word, for prediction (`tcp_flag_word`).
    pub flag_word: u32,
    /// Flags.
    pub flags: TcpFlags,
    /// Bytes of header and options.
    pub header_len: u32,
    /// Bytes of payload.
    pub len: u32,
    /// The window, not scaled.
    pub window: u16,
    /// The urgent pointer.
    pub urg_ptr: u16,
    /// The two bits of ECN in the IP header.
    pub ecn: u8,
}

impl TcpRx {
    /// Reads the header at `skb.data`, which is whole and linear: whoever took the packet in saw to
    /// that. (Of one that is not, nothing is known, and no state takes it.)
    #[inline(always)]
    #[must_use]
    pub fn parse(skb: &Skb) -> TcpRx {
        let Some((hdr, _)) = TcpHdr::view(skb.linear()) else { return TcpRx::default() };
        let header_len = hdr.header_len();
        if header_len < TcpHdr::LEN || header_len > skb.linear_len() {
            return TcpRx::default();
        }
        let flags = hdr.flags();
        let len = (skb.len() - header_len) as u32;
        let seq = hdr.seq();
        TcpRx {
            source: hdr.source(),
            dest: hdr.dest(),
            seq,
            end_seq: seq
                .wrapping_add(len)
                .wrapping_add(u32::from(flags.syn()))
                .wrapping_add(u32::from(flags.fin())),
            ack_seq: hdr.ack_seq(),
            flag_word: hdr.flag_word(),
            flags,
            header_len: header_len as u32,
            len,
            window: hdr.window(),
            urg_ptr: hdr.urg_ptr(),
            ecn: ip::packet::ecn(skb),
        }
    }

    /// The bytes of its options, while the header is in front.
    #[inline]
    #[must_use]
    pub fn options<'s>(&self, skb: &'s Skb) -> &'s [u8] {
        options::bytes(skb, self)
    }

    /// It takes no sequence number.
    #[inline]
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.seq == self.end_seq
    }
}

/// A segment for a sock whose lock is held (`tcp_v4_do_rcv`). `skb.data` is at the TCP header.
#[inline]
pub fn do_rcv(sk: &mut Sk<'_>, cx: &Cx<'_>, skb: Skb) {
    let rx = TcpRx::parse(&skb);
    let segs = u32::from(skb.gso_segs.max(1));
    sk.segs_in = sk.segs_in.wrapping_add(segs);
    if rx.len > 0 {
        sk.data_segs_in = sk.data_segs_in.wrapping_add(segs);
    }
    if sk.tx_acks {
        sk.rare_mut().ack_ttl = ip::packet::ttl(&skb);
    }
    match state::state(sk) {
        TcpState::Established => established::rcv_established(sk, cx, rx, skb),
        TcpState::Listen => crate::mini::listen::rcv(sk.sk, cx, skb),
        _ => state_process::rcv(sk, cx, rx, skb),
    }
}

/// The ACK that completes a passive open, or what came with it (`tcp_child_process`).
pub fn child_process(sk: &mut Sk<'_>, cx: &Cx<'_>, skb: Skb) {
    do_rcv(sk, cx, skb);
}

/// The connection is over (`tcp_done`): off the tables and timers; an orphan is destroyed.
pub fn tcp_done(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if state::state(sk).is_in(TcpState::SynSent.bit() | TcpState::SynRecv.bit()) {
        cx.inc(mib::Tcp::AttemptFails);
    }
    if state::state(sk) != TcpState::Close {
        state::set_state(sk, cx, TcpState::Close);
    }
    crate::fastopen::remove(sk, cx, false);
    timer::clear_xmit_timers(sk, cx);
    sk.sk.set_shutdown(SHUTDOWN_MASK);
    if sk.sk.is_dead() {
        crate::api::close::destroy_sock(sk, cx);
    } else {
        sk.sk.state_change(cx);
    }
}

/// The connection ends with an error (`tcp_done_with_error`).
pub fn done_with_error(sk: &mut Sk<'_>, cx: &Cx<'_>, err: Errno) {
    sk.sk.set_err(err);
    crate::output::write_queue_purge(sk, cx);
    let dead = sk.sk.is_dead();
    tcp_done(sk, cx);
    if !dead {
        sk.sk.error_report(cx);
    }
}

/// A valid RST came (`tcp_reset`).
pub fn tcp_reset(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let err = match state::state(sk) {
        TcpState::SynSent => Errno::ECONNREFUSED,
        TcpState::CloseWait => Errno::EPIPE,
        TcpState::Close => return,
        _ => Errno::ECONNRESET,
    };
    crate::fastopen::remove(sk, cx, true);
    done_with_error(sk, cx, err);
}
