//! Tracepoints: what happens inside, room by room, for whoever watches.
//!
//! Off, a tracepoint costs a load and a branch and its event is never built.

use crate::dev::NetDevice;
use crate::drop::DropReason;
use crate::netns::Net;
use crate::skb::SkBuff;
use kern::gate::Gate;
use kern::sync::SpinLock;
use std::sync::Arc;

/// One thing that happened.
#[derive(Clone, Copy)]
#[allow(missing_docs, reason = "the fields are named for what they hold")]
pub enum Event<'a> {
    /// `__sock_create` found the family's create function.
    FamilyFound { family: u16, name: &'a str },
    /// No family of that number, also after `request_module`.
    FamilyMissing { family: u16 },
    /// `sock_alloc`: the socket's inode.
    SockAlloc { ino: u64, recycled: bool },
    /// The protocol switch matched a row.
    ProtoSwitch { kind: u16, protocol: u16, asked: u16, prot: &'a str, ops: &'a str },
    /// `sk_alloc` from the protocol's slab.
    SkAlloc { slab: &'a str, recycled: bool, cookie: u64 },
    /// `sock_map_fd`: a descriptor of the task names the socket's file.
    FileMapped { ino: u64, fd: i32 },
    /// The socket's state changed (`SS_*`).
    SocketState { ino: u64, from: u8, to: u8 },
    /// The sock's state changed (`TCP_*`), as the tracepoint `inet_sock_set_state` tells.
    SockState { prot: &'a str, cookie: u64, from: u8, to: u8 },
    /// A call reached the protocol: `tcp_sendmsg` and its kin.
    Proto { prot: &'a str, call: &'a str, cookie: u64 },
    /// A route was looked up.
    Route { daddr: uapi::InetAddr, saddr: uapi::InetAddr, dev: &'a str },
    /// A packet leaves by a device.
    Tx { dev: &'a NetDevice, skb: &'a SkBuff },
    /// A packet comes in; its data is at the network header.
    Rx { skb: &'a SkBuff },
    /// A packet goes to the backlog of a socket that a process owns.
    Backlog { cookie: u64, len: usize },
    /// Data or news are there for a reader (`sk_data_ready`, `sk_state_change`, …).
    Wake { cookie: u64, callback: &'a str },
    /// A timer fired.
    Timer { prot: &'a str, cookie: u64, which: &'a str },
    /// A packet was dropped.
    Drop { reason: DropReason, len: usize },
    /// A task goes to sleep on a socket.
    Sleep { cookie: u64 },
    /// A sock was freed to its slab (`sk_free`).
    SkFree { slab: &'a str, cookie: u64 },
}

/// Somebody who watches.
pub trait Tracer: Send + Sync {
    /// Something happened in `net`. Called with locks held: it must not call into the stack.
    fn event(&self, net: &Net, event: &Event<'_>);
}

/// Where a namespace keeps its tracer.
#[derive(Default)]
pub struct TracerSlot {
    gate: Gate,
    tracer: SpinLock<Option<Arc<dyn Tracer>>>,
}

impl TracerSlot {
    /// True while somebody watches.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.gate.is_on()
    }

    /// Sets or removes the tracer.
    pub fn set(&self, tracer: Option<Arc<dyn Tracer>>) {
        self.gate.set(tracer.is_some());
        *self.tracer.lock() = tracer;
    }

    /// Tells whoever watches.
    #[cold]
    pub fn report(&self, net: &Net, event: &Event<'_>) {
        let tracer = self.tracer.lock().clone();
        if let Some(tracer) = tracer {
            tracer.event(net, event);
        }
    }
}
