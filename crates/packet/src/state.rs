//! What the room keeps with a namespace, and how it joins one.

use crate::family::PacketFamily;
use crate::input::PacketTap;
use crate::sock::Packet;
use kern::slab::Cache;
use kern::sync::SpinLock;
use net::dev::Tap;
use net::netns::{Pernet, Slot};
use net::{Cx, Net, Sock};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::Result;

/// AF_PACKET's part of a namespace (`struct netns_packet`).
pub struct PacketNet {
    /// Every socket, oldest first (`sklist`).
    all: SpinLock<Vec<Arc<Sock<Packet>>>>,
    /// Those that receive (`ptype_all`, `ptype_base`). Its lock is taken before the taps' own.
    hooks: SpinLock<Vec<Arc<Sock<Packet>>>>,
    tap: Arc<dyn Tap>,
    pub(crate) slab: Cache<Arc<Sock<Packet>>>,
}

impl Pernet for PacketNet {
    const SLOT: Slot = Slot::Packet;
}

/// Gives a namespace AF_PACKET; `EEXIST` the second time.
pub fn init(net: &Net) -> Result<()> {
    net.set_generic(PacketNet {
        all: SpinLock::default(),
        hooks: SpinLock::default(),
        tap: Arc::new(PacketTap),
        slab: Cache::new("PACKET", 256),
    })?;
    net.families.register(PacketFamily)
}

fn take(list: &mut Vec<Arc<Sock<Packet>>>, sk: &Sock<Packet>) -> Option<Arc<Sock<Packet>>> {
    let at = list.iter().position(|other| std::ptr::eq(&**other, sk))?;
    Some(list.remove(at))
}

impl PacketNet {
    /// AF_PACKET's part of `net`.
    pub fn of(net: &Net) -> &PacketNet {
        net.generic()
    }

    /// Every socket, for who lists them.
    pub fn for_each(&self, cx: &Cx<'_>, mut each: impl FnMut(&Sock<Packet>)) {
        let all = self.all.lock().clone();
        for sk in all {
            each(&sk);
            cx.sock_put(sk);
        }
    }

    pub(crate) fn add(&self, sk: &Sock<Packet>) {
        self.all.lock().push(sk.hold());
    }

    pub(crate) fn remove(&self, cx: &Cx<'_>, sk: &Sock<Packet>) {
        let held = take(&mut self.all.lock(), sk);
        if let Some(held) = held {
            cx.sock_put(held);
        }
    }

    /// From now on the socket receives (`register_prot_hook`).
    pub(crate) fn hook(&self, cx: &Cx<'_>, sk: &Sock<Packet>) {
        let mut hooks = self.hooks.lock();
        if sk.shared.running.swap(true, Relaxed) {
            return;
        }
        hooks.push(sk.hold());
        if hooks.len() == 1 {
            cx.net.add_tap(self.tap.clone());
        }
    }

    /// It receives no more (`unregister_prot_hook`).
    pub(crate) fn unhook(&self, cx: &Cx<'_>, sk: &Sock<Packet>) {
        let mut hooks = self.hooks.lock();
        sk.shared.running.store(false, Relaxed);
        let held = take(&mut hooks, sk);
        if held.is_some() && hooks.is_empty() {
            cx.net.remove_tap(&self.tap);
        }
        drop(hooks);
        if let Some(held) = held {
            cx.sock_put(held);
        }
    }

    /// The sockets that `wants` says a packet is for.
    pub(crate) fn receivers(&self, wants: impl Fn(&Sock<Packet>) -> bool) -> Vec<Arc<Sock<Packet>>> {
        self.hooks.lock().iter().filter(|sk| wants(sk)).cloned().collect()
    }
}
