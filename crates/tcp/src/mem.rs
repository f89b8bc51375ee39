//! Memory of a connection's queues: charged to the sock and, by the page, to all of TCP (`tcp_mem`).

use crate::TcpCx;
use crate::sock::Sk;
use net::sock::{MemKind, Wanted};
use net::{Cx, DropReason, Skb};
use std::sync::atomic::Ordering::Relaxed;

fn wanted<'a>(kind: MemKind, least: i32, socks: &'a dyn Fn() -> u64) -> Wanted<'a> {
    Wanted { kind, least, socks }
}

/// Makes sure that a received buffer can be charged (`sk_rmem_schedule`).
#[inline]
pub fn rmem_schedule(sk: &Sk<'_>, cx: &Cx<'_>, truesize: u32) -> bool {
    let tcp = cx.tcp();
    let socks = || tcp.slab().stats().active;
    let wanted = wanted(MemKind::Recv, tcp.sysctl.rmem(0), &socks);
    sk.sk.mem_schedule(cx, &tcp.memory, truesize as i32, &wanted)
}

/// Makes sure that bytes to send can be charged (`sk_wmem_schedule`).
#[inline]
pub fn wmem_schedule(sk: &Sk<'_>, cx: &Cx<'_>, truesize: u32) -> bool {
    let tcp = cx.tcp();
    let socks = || tcp.slab().stats().active;
    let wanted = wanted(MemKind::Send, tcp.sysctl.wmem(0), &socks);
    sk.sk.mem_schedule(cx, &tcp.memory, truesize as i32, &wanted)
}

/// How many of `bytes` may be written now: if there is no memory, at least as many as make progress
/// (`tcp_wmem_schedule`).
#[inline]
pub fn wmem_schedule_bytes(sk: &Sk<'_>, cx: &Cx<'_>, bytes: u32) -> u32 {
    if wmem_schedule(sk, cx, bytes) {
        return bytes;
    }
    let left = cx.tcp().sysctl.wmem(0) - sk.sk.wmem_queued.load(Relaxed);
    if left > 0 {
        force(sk, cx, bytes.min(left as u32));
    }
    bytes.min(sk.sk.forward_alloc().max(0) as u32)
}

/// For what must go on whether there is memory or not (`sk_forced_mem_schedule`).
pub fn force(sk: &Sk<'_>, cx: &Cx<'_>, truesize: u32) {
    sk.sk.mem_schedule_forced(cx, &cx.tcp().memory, truesize as i32);
}

/// Charges a received buffer; only the owner of the lock changes the sums.
#[inline]
pub fn charge(sk: &Sk<'_>, truesize: u32) {
    sk.sk.rmem_alloc.store(sk.sk.rmem_alloc.load(Relaxed) + truesize as i32, Relaxed);
    sk.sk.mem_charge(truesize as i32);
}

/// Takes a charge back (`sock_rfree`).
#[inline]
pub fn uncharge(sk: &Sk<'_>, cx: &Cx<'_>, truesize: u32) {
    sk.sk.rmem_alloc.store(sk.sk.rmem_alloc.load(Relaxed) - truesize as i32, Relaxed);
    sk.sk.mem_uncharge(cx, &cx.tcp().memory, truesize as i32);
}

/// Charges bytes of the send queue (`sk_wmem_queued_add`, `sk_mem_charge`).
#[inline]
pub fn wmem_charge(sk: &Sk<'_>, truesize: u32) {
    sk.sk.wmem_queued.store(sk.sk.wmem_queued.load(Relaxed) + truesize as i32, Relaxed);
    sk.sk.mem_charge(truesize as i32);
}

/// Takes such a charge back (`tcp_wmem_free_skb`).
#[inline]
pub fn wmem_uncharge(sk: &Sk<'_>, cx: &Cx<'_>, truesize: u32) {
    sk.sk.wmem_queued.store(sk.sk.wmem_queued.load(Relaxed) - truesize as i32, Relaxed);
    sk.sk.mem_uncharge(cx, &cx.tcp().memory, truesize as i32);
}

/// Bytes in the send queue (`sk_wmem_queued`).
#[inline]
#[must_use]
pub fn wmem_queued(sk: &Sk<'_>) -> i32 {
    sk.sk.wmem_queued.load(Relaxed)
}

/// All socks are to restrain themselves (`tcp_under_memory_pressure`).
#[inline]
#[must_use]
pub fn under_pressure(cx: &Cx<'_>) -> bool {
    cx.tcp().memory.under_pressure()
}

/// Drops a segment of this sock, and counts it (`tcp_drop_reason`).
pub fn drop_skb(sk: &Sk<'_>, cx: &Cx<'_>, skb: Skb, reason: DropReason) {
    sk.sk.drops.fetch_add(u32::from(skb.gso_segs.max(1)), Relaxed);
    cx.drop_skb(skb, reason);
}
