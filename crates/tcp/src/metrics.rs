//! What connections leave for those after them: round-trip time, window and Fast Open's cookie of each
//! pair of addresses (`net/ipv4/tcp_metrics.c`; RFC 9040).

use crate::TcpCx;
use crate::fastopen::client::Cookie;
use crate::init::INFINITE_SSTHRESH;
use crate::sock::{CaState, Sk};
use crate::timer::TIMEOUT_FALLBACK;
use hashbrown::HashMap;
use kern::sync::SpinLock;
use net::dst::Metrics;
use net::{Cx, Dst};
use std::sync::Arc;
use uapi::InetAddr;

/// What is kept of a destination is renewed from its route after so long, ms
/// (`TCP_METRICS_TIMEOUT`).
const TIMEOUT_MS: u64 = 60 * 60 * 1000;
/// A chain of more entries gives its oldest up (`TCP_METRICS_RECLAIM_DEPTH`).
const RECLAIM_DEPTH: usize = 5;
/// Chains (`tcp_metrics_hash_log` of a machine with memory).
const CHAINS: u64 = 1 << 14;
/// Locks, each over its part of the chains.
const SHARDS: usize = 16;

/// What is known of one pair of addresses (`struct tcp_metrics_block`).
#[derive(Clone, Debug)]
pub struct Block {
    /// This host's address (`tcpm_saddr`).
    pub saddr: InetAddr,
    /// The peer's (`tcpm_daddr`).
    pub daddr: InetAddr,
    /// When it was learned or used last, ms of the stack's clock (`tcpm_stamp`).
    pub stamp: u64,
    /// Eight times the round-trip time, µs; 0 for unknown (`TCP_METRIC_RTT`).
    pub rtt: u32,
    /// Four times its deviation, µs (`TCP_METRIC_RTTVAR`).
    pub rttvar: u32,
    /// Slow-start threshold, segments (`TCP_METRIC_SSTHRESH`).
    pub ssthresh: u32,
    /// Congestion window, segments (`TCP_METRIC_CWND`).
    pub cwnd: u32,
    /// Reordering, segments (`TCP_METRIC_REORDERING`).
    pub reordering: u32,
    /// Of Fast Open (`tcpm_fastopen`).
    pub fastopen: Fastopen,
}

/// What a client's SYNs to a server taught (`struct tcp_fastopen_metrics`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Fastopen {
    /// The server's MSS; 0 for unknown.
    pub mss: u16,
    /// SYNs with data that were lost in a row.
    pub syn_loss: u16,
    /// When the last of them was, ms.
    pub last_syn_loss: u64,
    /// 1: ask by the experimental option next; 2: that was in vain too.
    pub try_exp: u8,
    /// The cookie, empty for none.
    pub cookie: Cookie,
}

impl Block {
    fn new(saddr: InetAddr, daddr: InetAddr, route: &Metrics, now: u64) -> Block {
        let mut block = Block {
            saddr,
            daddr,
            stamp: now,
            rtt: 0,
            rttvar: 0,
            ssthresh: 0,
            cwnd: 0,
            reordering: 0,
            fastopen: Fastopen::default(),
        };
        block.renew(route, now);
        block
    }

    /// Begins again with what the route says (`tcpm_suck_dst`). Routes count milliseconds.
    fn renew(&mut self, route: &Metrics, now: u64) {
        self.stamp = now;
        self.rtt = route.rtt.saturating_mul(1000);
        self.rttvar = route.rttvar.saturating_mul(1000);
        self.ssthresh = route.ssthresh;
        self.cwnd = route.cwnd;
        self.reordering = route.reordering;
    }
}

/// A namespace's metrics: bounded, like the kernel's table, by the length of its chains.
pub struct Table {
    secret: u64,
    shards: [SpinLock<HashMap<u32, Vec<Block>>>; SHARDS],
}

impl Table {
    pub(crate) fn new(secret: u64) -> Self {
        Table { secret, shards: std::array::from_fn(|_| SpinLock::default()) }
    }

    fn chain_of(&self, daddr: InetAddr) -> u32 {
        let (hi, lo) = daddr.words();
        let mix = (hi ^ lo.rotate_left(29) ^ self.secret).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((mix >> 32) % CHAINS) as u32
    }

    fn with_chain<R>(&self, daddr: InetAddr, f: impl FnOnce(&mut HashMap<u32, Vec<Block>>, u32) -> R) -> R {
        let chain = self.chain_of(daddr);
        f(&mut self.shards[chain as usize % SHARDS].lock(), chain)
    }

    /// Works on what is known of a pair; `None` when there is nothing and `create` is not set
    /// (`tcp_get_metrics`).
    pub fn with<R>(
        &self,
        (saddr, daddr): (InetAddr, InetAddr),
        route: &Metrics,
        now: u64,
        create: bool,
        f: impl FnOnce(&mut Block) -> R,
    ) -> Option<R> {
        self.with_chain(daddr, |chains, key| {
            let same = |block: &Block| block.saddr == saddr && block.daddr == daddr;
            let found = chains.get_mut(&key).and_then(|chain| chain.iter_mut().find(|block| same(block)));
            if let Some(block) = found {
                if now > block.stamp + TIMEOUT_MS {
                    block.renew(route, now);
                }
                return Some(f(block));
            }
            if !create {
                return None;
            }
            let chain = chains.entry(key).or_default();
            let fresh = Block::new(saddr, daddr, route, now);
            let at = if chain.len() > RECLAIM_DEPTH {
                let oldest = (0..chain.len()).min_by_key(|&i| chain[i].stamp).unwrap_or(0);
                chain[oldest] = fresh;
                oldest
            } else {
                chain.push(fresh);
                chain.len() - 1
            };
            Some(f(&mut chain[at]))
        })
    }

    /// Everything that is known (`ip tcp_metrics show`).
    #[must_use]
    pub fn list(&self) -> Vec<Block> {
        let all = |shard: &SpinLock<HashMap<u32, Vec<Block>>>| -> Vec<Block> {
            shard.lock().values().flatten().cloned().collect()
        };
        self.shards.iter().flat_map(all).collect()
    }

    /// Forgets what is known of a destination, or everything (`ip tcp_metrics flush`). How many pairs
    /// that were.
    pub fn flush(&self, daddr: Option<InetAddr>) -> usize {
        let mut gone = 0;
        for shard in &self.shards {
            let mut chains = shard.lock();
            chains.retain(|_, chain| {
                let before = chain.len();
                chain.retain(|block| daddr.is_some_and(|daddr| block.daddr != daddr));
                gone += before - chain.len();
                !chain.is_empty()
            });
        }
        gone
    }
}

/// Works on what is known of a sock's peer.
pub fn with<R>(sk: &Sk<'_>, cx: &Cx<'_>, create: bool, f: impl FnOnce(&mut Block) -> R) -> Option<R> {
    let dst = sk.inet.dst.as_ref()?;
    cx.tcp().metrics.with((sk.inet.saddr, sk.inet.daddr), &dst.metrics, cx.now().ms(), create, f)
}

/// A connection ended well: what it learned is kept (`tcp_update_metrics`).
pub fn update(sk: &Sk<'_>, cx: &Cx<'_>) {
    let sysctl = &cx.tcp().sysctl;
    if sysctl.no_metrics_save() != 0 {
        return;
    }
    if sk.backoff != 0 || sk.srtt_us == 0 {
        // It has no idea of the RTT: nor have we.
        with(sk, cx, false, |block| block.rtt = 0);
        return;
    }
    let save_ssthresh = sysctl.no_ssthresh_metrics_save() == 0;
    let usual_reordering = sysctl.reordering() as u32;
    let now = cx.now().ms();
    with(sk, cx, true, |block| {
        let less = i64::from(block.rtt) - i64::from(sk.srtt_us);
        // A larger RTT is taken at once, a smaller one by and by: rather too long than too short.
        block.rtt = if less <= 0 { sk.srtt_us } else { block.rtt - (less >> 3) as u32 };
        let deviation = ((less.unsigned_abs() >> 1) as u32).max(sk.mdev_us);
        if deviation >= block.rttvar {
            block.rttvar = deviation;
        } else {
            block.rttvar -= (block.rttvar - deviation) >> 2;
        }
        if sk.snd_ssthresh >= INFINITE_SSTHRESH {
            // It never left slow start: the window is a lower bound.
            if save_ssthresh && block.ssthresh != 0 && sk.snd_cwnd >> 1 > block.ssthresh {
                block.ssthresh = sk.snd_cwnd >> 1;
            }
            block.cwnd = block.cwnd.max(sk.snd_cwnd);
        } else if !sk.in_slow_start() && sk.ca_state == CaState::Open {
            if save_ssthresh {
                block.ssthresh = (sk.snd_cwnd >> 1).max(sk.snd_ssthresh);
            }
            block.cwnd = mean(block.cwnd, sk.snd_cwnd);
        } else {
            // The window says nothing now.
            block.cwnd = mean(block.cwnd, sk.snd_ssthresh);
            if save_ssthresh && block.ssthresh != 0 && sk.snd_ssthresh > block.ssthresh {
                block.ssthresh = sk.snd_ssthresh;
            }
            if block.reordering < sk.reordering && sk.reordering != usual_reordering {
                block.reordering = sk.reordering;
            }
        }
        block.stamp = now;
    });
}

fn mean(a: u32, b: u32) -> u32 {
    ((u64::from(a) + u64::from(b)) >> 1) as u32
}

/// A connection begins to transfer: it takes what is known (`tcp_init_metrics`).
pub fn init(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    sk.snd_ssthresh = INFINITE_SSTHRESH;
    let known = with(sk, cx, false, |block| (block.ssthresh, block.reordering, block.rtt));
    let (ssthresh, reordering, rtt) = known.unwrap_or_default();
    if ssthresh != 0 && cx.tcp().sysctl.no_ssthresh_metrics_save() == 0 {
        sk.snd_ssthresh = ssthresh.min(sk.snd_cwnd_clamp);
    }
    if reordering != 0 {
        sk.reordering = reordering;
    }
    if rtt > sk.srtt_us {
        // The RTT of small SYNs is too good for the first timeout of data.
        let ms = rtt / 8000;
        sk.rto = ms + (2 * ms).max(sk.rto_min);
    } else if sk.srtt_us == 0 {
        // RFC 6298 section 5.7: no sample, so be careful.
        sk.rttvar_us = TIMEOUT_FALLBACK * 1000;
        (sk.mdev_us, sk.mdev_max_us) = (sk.rttvar_us, sk.rttvar_us);
        sk.rto = TIMEOUT_FALLBACK;
    }
}

/// True for a peer that a connection ended well with (`tcp_peer_is_proven`).
#[must_use]
pub fn peer_is_proven(cx: &Cx<'_>, saddr: InetAddr, daddr: InetAddr, dst: &Arc<Dst>) -> bool {
    let proven =
        cx.tcp().metrics.with((saddr, daddr), &dst.metrics, cx.now().ms(), false, |block| block.rtt != 0);
    proven.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn addr(n: u32) -> InetAddr {
        Ipv4Addr::from_bits(0x0a00_0000 + n).into()
    }

    #[test]
    fn what_is_old_is_renewed_from_the_route() {
        let (table, route) = (Table::new(1), Metrics { rtt: 5, cwnd: 7, ..Metrics::default() });
        let pair = (addr(1), addr(2));
        assert!(table.with(pair, &route, 0, false, |_| ()).is_none());
        table.with(pair, &route, 0, true, |block| (block.cwnd, block.fastopen.mss) = (90, 1400));
        let cwnd = |now| table.with(pair, &route, now, false, |block| (block.cwnd, block.rtt)).unwrap();
        assert_eq!(cwnd(TIMEOUT_MS), (90, 5000));
        assert_eq!(cwnd(TIMEOUT_MS + 1), (7, 5000));
        assert_eq!(table.list()[0].fastopen.mss, 1400);
    }

    #[test]
    fn the_table_does_not_grow_without_end() {
        let (table, route) = (Table::new(1), Metrics::default());
        for n in 0..1000 {
            // All in one chain: the peer is the same.
            table.with((addr(n), addr(0)), &route, u64::from(n), true, |_| ());
        }
        let left: Vec<u64> = table.list().iter().map(|block| block.stamp).collect();
        assert_eq!(left.len(), RECLAIM_DEPTH + 1);
        assert!(left.iter().all(|stamp| *stamp >= 994));
        assert_eq!(table.flush(Some(addr(1))), 0);
        assert_eq!(table.flush(Some(addr(0))), RECLAIM_DEPTH + 1);
        assert!(table.list().is_empty());
    }
}
