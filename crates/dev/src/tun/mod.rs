//! TUN: a device whose wire is a file (`drivers/net/tun.c`). What the stack sends is read from the file, what is written to
//! the file the stack receives.
//!
//! The file carries a socket that no `socket()` made (`SOCK_EXTERNALLY_ALLOCATED`), as in Linux: its sock holds the packets that
//! wait, and reads and writes are that socket's `recvmsg` and `sendmsg`.

mod device;
mod file;
mod ioctl;
mod transfer;

pub use file::open;
pub use ioctl::{IFF_TUN, TUNGETFEATURES, TUNGETIFF, TUNSETIFF};
pub use transfer::IFF_NO_PI;

use kern::slab::Cache;
use kern::sync::SpinLock;
use net::msg::{MsgHdr, RecvMsg};
use net::netns::{Pernet, Slot};
use net::skb::SkbQueue;
use net::sock::{Proto, SkMut, Timeo};
use net::{Cx, Net, NetDevice, Skb, Sock, UserCx};
use std::sync::Arc;
use uapi::Result;

/// The sock of a TUN file (`struct tun_file`).
pub struct Tun;

/// What such a sock is attached to, and the packets that wait to be read.
#[derive(Default)]
pub struct TunShared {
    link: SpinLock<Option<Link>>,
    queue: SpinLock<SkbQueue>,
}

/// The device that `TUNSETIFF` made.
#[derive(Clone)]
struct Link {
    dev: Arc<NetDevice>,
    /// `IFF_TUN`, `IFF_NO_PI` ….
    flags: u16,
}

impl TunShared {
    fn link(&self) -> Option<Link> {
        self.link.lock().clone()
    }
}

/// The part of TUN in a namespace.
struct TunNet {
    slab: Cache<Arc<Sock<Tun>>>,
}

impl Pernet for TunNet {
    const SLOT: Slot = Slot::Dev;
}

/// Makes TUN files possible in a namespace; `EEXIST` the second time.
pub fn init(net: &Net) -> Result<()> {
    net.set_generic(TunNet { slab: Cache::new("tun", 16) })
}

impl Proto for Tun {
    type State = ();
    type Shared = TunShared;

    const NAME: &'static str = "tun";

    fn slab(net: &Net) -> &Cache<Arc<Sock<Self>>> {
        &net.generic::<TunNet>().slab
    }

    /// Packets come by [`device::Driver`], never by demultiplexing.
    fn backlog_rcv(_sk: &mut SkMut<'_, Self>, cx: &Cx<'_>, skb: Skb) {
        cx.consume_skb(skb);
    }

    fn close(sk: &Sock<Self>, cx: &UserCx<'_>, _linger: Timeo) {
        device::detach(sk, cx);
    }

    fn sendmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
        transfer::sendmsg(sk, cx, msg)
    }

    fn recvmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
        transfer::recvmsg(sk, cx, msg)
    }

    fn poll(sk: &Sock<Self>, _cx: &UserCx<'_>) -> u32 {
        transfer::poll(sk)
    }
}
