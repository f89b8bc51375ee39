//! Between TCP and IP: a segment comes in and finds who it is for (`tcp_v4_rcv`, `tcp_v6_rcv`), and
//! what is sent without a sock goes out. One road for both families.

mod err;
mod rcv;
mod reply;
mod secrets;

pub use err::tcp_err;
pub use rcv::{key_of, tcp_rcv};
pub use reply::{Isn, open_request, reply_route, request_ack, send_reset, send_synack};
pub use secrets::{Secrets, secrets};

use net::skb::SkBuff;
use wire::TcpHdr;
use wire::tcp::TcpOptions;

/// The options of a segment whose header was checked.
pub fn options(skb: &SkBuff) -> TcpOptions<'_> {
    let header = skb.transport();
    let len = TcpHdr::view(header).map_or(0, |(hdr, _)| hdr.header_len());
    TcpOptions::parse(header.get(TcpHdr::LEN..len).unwrap_or(&[]))
}
