//! Out: from what the user wrote to segments on their way (`net/ipv4/tcp_output.c`).

pub mod ack;
pub mod append;
pub mod fin_rst;
pub mod mss;
pub mod mtu_probe;
pub mod options;
pub mod pace;
pub mod probe;
pub mod queue;
pub mod retransmit;
pub mod segment;
pub mod split;
pub mod syn;
pub mod window;
pub mod write_xmit;

pub use ack::{send_ack, send_delayed_ack};
pub use append::{append, forced_push, is_writeable, mark_push, push, stream_memory_free, write_queue_purge};
pub use fin_rst::{send_active_reset, send_fin};
pub use mss::{ext_hdr_len, send_mss, update_ext_hdr_len};
pub use probe::write_wakeup;
pub use syn::connect;
pub use write_xmit::{push_one, push_pending_frames};

use crate::sock::Sk;
use net::Cx;

/// The clock of timestamps, ms, without a connection's offset (`tcp_clock_ms`).
#[must_use]
pub fn clock_ms(cx: &Cx<'_>) -> u32 {
    cx.now().ms() as u32
}

/// Takes the time of the event at hand (`tcp_mstamp_refresh`). Time does not run backwards for a
/// connection, although contexts cache it.
#[inline]
pub fn mstamp_refresh(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    sk.mstamp = sk.mstamp.max(cx.now().ns() / 1000);
}
