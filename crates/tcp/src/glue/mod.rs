//! Between TCP and IP: a segment comes in and finds who it is for (`tcp_v4_rcv`, `tcp_v6_rcv`), and
//! what is sent without a sock goes out. One road for both families.

mod err;
mod rcv;
mod reply;
mod secrets;

pub use err::tcp_err;
pub use rcv::{key_of, tcp_rcv};
pub use reply::{open_request, reply_route, request_ack, send_reset, send_synack};
pub use secrets::{Secrets, secrets};
