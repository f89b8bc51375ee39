//! Local ports: who uses one, and who else may (`bhash`, `inet_connection_sock.c`).

use crate::mini::timewait::TimeWait;
use crate::sock::Sk;
use crate::{Tcp, TcpCx};
use hashbrown::HashTable;
use ip::ports::{self, BindOrder, Local};
use kern::sync::SpinLock;
use net::sock::SockFlag;
use net::{Cx, Sock};
use std::sync::Arc;
use uapi::tcp::TcpState;
use uapi::{Errno, Result};

const SHARDS: usize = 64;
/// No place in a bucket.
pub const NO_SLOT: u32 = u32::MAX;

/// The ports in use.
pub struct Bind {
    secret: u64,
    shards: [SpinLock<Shard>; SHARDS],
}

#[derive(Default)]
pub(super) struct Shard {
    ports: HashTable<Bucket>,
    /// Emptied buckets: their memory is used again.
    spare: Vec<Bucket>,
}

/// The users of one port (`struct inet_bind_bucket`).
#[derive(Default)]
pub(super) struct Bucket {
    port: u16,
    /// Stable places, so that one of 50,000 children of a listener leaves without a search.
    slots: Vec<Option<Owner>>,
    free: Vec<u32>,
    /// Made by `connect()`, not by `bind()`: such ports are shared by connections to different
    /// places (`fastreuse == -1`).
    by_connect: bool,
}

/// A user of a port.
struct Owner {
    who: Who,
    local: Local,
}

enum Who {
    Sock(Arc<Sock<Tcp>>),
    TimeWait(Arc<TimeWait>),
}

impl Bucket {
    fn live(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    fn owners(&self) -> impl Iterator<Item = &Owner> {
        self.slots.iter().flatten()
    }

    fn add(&mut self, owner: Owner) -> u32 {
        match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(owner);
                slot
            }
            None => {
                self.slots.push(Some(owner));
                (self.slots.len() - 1) as u32
            }
        }
    }
}

/// Ports of a shard differ in their high bits; the table uses the lowest and the highest of a hash.
#[inline]
fn hash(port: u16) -> u64 {
    u64::from(port).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
}

impl Shard {
    pub(super) fn bucket(&self, port: u16) -> Option<&Bucket> {
        self.ports.find(hash(port), |bucket| bucket.port == port)
    }

    fn add(&mut self, port: u16, by_connect: bool, owner: Owner) -> u32 {
        let spare = &mut self.spare;
        let place = self.ports.entry(hash(port), |bucket| bucket.port == port, |bucket| hash(bucket.port));
        let mut bucket = place.or_insert_with(|| {
            let mut bucket = spare.pop().unwrap_or_default();
            (bucket.port, bucket.by_connect) = (port, by_connect);
            // Most have one user.
            bucket.slots.reserve_exact(1);
            bucket
        });
        bucket.get_mut().add(owner)
    }

    /// Empties a place; the owner is returned so that it is dropped outside of the lock.
    fn remove(&mut self, port: u16, slot: u32) -> Option<Owner> {
        let mut place = self.ports.find_entry(hash(port), |bucket| bucket.port == port).ok()?;
        let bucket = place.get_mut();
        let owner = bucket.slots.get_mut(slot as usize)?.take()?;
        if bucket.live() > 1 {
            bucket.free.push(slot);
            return Some(owner);
        }
        let (mut bucket, _) = place.remove();
        bucket.slots.clear();
        bucket.free.clear();
        if self.spare.len() < 256 && bucket.slots.capacity() < 64 {
            self.spare.push(bucket);
        }
        Some(owner)
    }
}

impl Bucket {
    pub(super) fn is_by_connect(&self) -> bool {
        self.by_connect
    }

    /// True when `slot` is the only user.
    fn only(&self, slot: u32) -> bool {
        self.live() == 1 && self.slots.get(slot as usize).is_some_and(Option::is_some)
    }
}

/// The local end of a locked sock.
pub fn local_of(sk: &Sk<'_>) -> Local {
    Local { addr: sk.inet.rcv_saddr, v6: sk.inet.is_inet6(), v6only: sk.inet.v6only }
}

/// What of a user decides conflicts.
struct Traits {
    reuse: bool,
    reuseport: bool,
    bound_dev: u32,
    uid: u32,
    state: u8,
}

impl Owner {
    fn traits(&self) -> Traits {
        match &self.who {
            Who::Sock(sk) => Traits {
                reuse: sk.flag(SockFlag::Reuse),
                reuseport: sk.flag(SockFlag::Reuseport),
                bound_dev: sk.bound_dev_if(),
                uid: sk.uid(),
                state: sk.state(),
            },
            Who::TimeWait(tw) => Traits {
                reuse: tw.reuse,
                reuseport: tw.reuseport,
                bound_dev: tw.bound_dev,
                uid: tw.uid,
                state: TcpState::TimeWait as u8,
            },
        }
    }

    fn is_sock(&self, sk: &Sock<Tcp>) -> bool {
        matches!(&self.who, Who::Sock(own) if std::ptr::eq(&raw const **own, sk))
    }
}

/// How strict a check is: `bind()` to a given port lets `SO_REUSEADDR` and `SO_REUSEPORT` share; a
/// search for a free one does not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    Given,
    Search,
}

/// `inet_csk_bind_conflict`: whether `sk` may not share the port with its users.
fn conflict(sk: &Sk<'_>, bucket: &Bucket, how: Strictness) -> bool {
    let local = local_of(sk);
    let common = sk.sk;
    // Who brings a group with a program of its own joins no other.
    let joins = common.flag(SockFlag::Reuseport) && common.reuseport().is_none();
    let (reuse, reuseport) = (common.flag(SockFlag::Reuse), joins);
    let (bound_dev, uid) = (common.bound_dev_if(), common.uid());
    bucket.owners().filter(|o| !o.is_sock(common)).any(|other| {
        let o = other.traits();
        let devices_meet = bound_dev == 0 || o.bound_dev == 0 || bound_dev == o.bound_dev;
        if !devices_meet || !local.overlaps(other.local, true) {
            return false;
        }
        let time_wait = o.state == TcpState::TimeWait as u8;
        let both_port = reuseport && o.reuseport && (time_wait || uid == o.uid);
        if reuse && o.reuse && o.state != TcpState::Listen as u8 {
            return how == Strictness::Search;
        }
        !(how == Strictness::Given && both_port)
    })
}

impl Bind {
    pub(super) fn new(secret: u64) -> Self {
        Bind { secret, shards: std::array::from_fn(|_| SpinLock::default()) }
    }

    pub(super) fn shard(&self, port: u16) -> &SpinLock<Shard> {
        &self.shards[usize::from(port) % SHARDS]
    }

    pub(super) fn secret(&self) -> u64 {
        self.secret
    }

    fn take(&self, sk: &mut Sk<'_>, shard: &mut Shard, port: u16, by_connect: bool) {
        let owner = Owner { who: Who::Sock(sk.sk.hold()), local: local_of(sk) };
        let slot = shard.add(port, by_connect, owner);
        sk.sk.shared.set_bind_slot(slot);
        sk.inet.num = port;
    }

    /// Takes a port for `bind()` or `listen()`; any free one for 0 (`inet_csk_get_port`). A sock that
    /// has the port already is only checked again, as `listen()` needs it.
    ///
    /// # Errors
    /// `EADDRINUSE`.
    pub fn get_port(&self, sk: &mut Sk<'_>, cx: &Cx<'_>, port: u16) -> Result<()> {
        if port == 0 {
            return self.find_port(sk, cx);
        }
        let mut shard = self.shard(port).lock();
        if let Some(bucket) = shard.bucket(port)
            && !sk.sk.flag(SockFlag::ReuseForce)
            && conflict(sk, bucket, Strictness::Given)
        {
            return Err(Errno::EADDRINUSE);
        }
        if sk.sk.shared.bind_slot() == NO_SLOT {
            self.take(sk, &mut shard, port, false);
        }
        Ok(())
    }

    fn find_port(&self, sk: &mut Sk<'_>, cx: &Cx<'_>) -> Result<()> {
        let ports = ports::of(cx);
        let (range, _) = ports.sk_range(sk.inet.local_port_range);
        let reuse = sk.sk.flag(SockFlag::Reuse);
        for port in BindOrder::new(&range, reuse, &cx.net.rng) {
            if ports.is_reserved(port) {
                continue;
            }
            let mut shard = self.shard(port).lock();
            if shard.bucket(port).is_none_or(|bucket| !conflict(sk, bucket, Strictness::Search)) {
                self.take(sk, &mut shard, port, false);
                return Ok(());
            }
        }
        Err(Errno::EADDRINUSE)
    }

    /// Takes `port` for `connect()` if no `bind()` has it and `free` agrees, which is asked under the
    /// port's lock so that two connects cannot both be told yes.
    pub(super) fn take_for_connect(
        &self,
        sk: &mut Sk<'_>,
        port: u16,
        free: impl FnOnce(&mut Sk<'_>) -> bool,
    ) -> bool {
        let mut shard = self.shard(port).lock();
        if shard.bucket(port).is_some_and(|bucket| !bucket.is_by_connect()) {
            return false;
        }
        sk.inet.num = port;
        if !free(sk) {
            sk.inet.num = 0;
            return false;
        }
        self.take(sk, &mut shard, port, true);
        true
    }

    /// True when the sock is the only user of its port.
    pub fn is_only_user(&self, sk: &Sk<'_>) -> bool {
        let shard = self.shard(sk.inet.num).lock();
        shard.bucket(sk.inet.num).is_some_and(|bucket| bucket.only(sk.sk.shared.bind_slot()))
    }

    /// A child shares its listener's port (`__inet_inherit_port`).
    pub fn inherit(&self, child: &mut Sk<'_>) {
        let port = child.inet.num;
        let mut shard = self.shard(port).lock();
        self.take(child, &mut shard, port, false);
    }

    /// What is left of a connection takes its place among the port's users; returns the place.
    pub fn hand_over(&self, sk: &mut Sk<'_>, tw: &Arc<TimeWait>) -> u32 {
        let owner = Owner { who: Who::TimeWait(tw.clone()), local: local_of(sk) };
        let mut shard = self.shard(sk.inet.num).lock();
        shard.add(sk.inet.num, false, owner)
    }

    /// Gives the port back (`inet_put_port`).
    pub fn release(&self, sk: &mut Sk<'_>, _cx: &Cx<'_>) {
        let slot = sk.sk.shared.bind_slot();
        if slot == NO_SLOT {
            return;
        }
        sk.sk.shared.set_bind_slot(NO_SLOT);
        let removed = self.shard(sk.inet.num).lock().remove(sk.inet.num, slot);
        // Whoever asks for the name still hears of it.
        (sk.inet.sport, sk.inet.num) = (sk.inet.num, 0);
        // Not the last reference: the caller has one.
        drop(removed);
    }

    /// A minisock leaves (`inet_twsk_bind_unhash`).
    pub fn release_slot(&self, port: u16, slot: u32) {
        let removed = self.shard(port).lock().remove(port, slot);
        drop(removed);
    }

    pub(super) fn clear(&self) {
        for shard in &self.shards {
            let all = std::mem::take(&mut *shard.lock());
            drop(all);
        }
    }
}

/// `inet_csk_get_port` for [`net::Proto::get_port`].
pub fn get_port(sk: &mut Sk<'_>, cx: &Cx<'_>, port: u16) -> Result<()> {
    cx.tcp().hash.bind.get_port(sk, cx, port)
}
