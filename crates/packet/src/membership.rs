//! What sockets ask of devices: to be promiscuous, to hear all groups (`packet_mc_add`, `packet_mc_drop`).
//!
//! The devices here hear everything at any time, so a membership is noted and counted, and changes nothing.

use crate::sock::Packet;
use net::{NetDevice, Sock, UserCx};
use uapi::netif::{PACKET_MR_ALLMULTI, PACKET_MR_MULTICAST, PACKET_MR_PROMISC, PACKET_MR_UNICAST};
use uapi::{Errno, Result};

/// `sizeof(struct packet_mreq)`.
const MREQ: usize = 16;
/// Where its address begins.
const ADDRESS: usize = 8;
/// The longest address (`MAX_ADDR_LEN`).
const MAX_ADDR_LEN: usize = 32;

/// One (`struct packet_mclist`), and how often it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    ifindex: u32,
    kind: u16,
    address: Vec<u8>,
    count: u32,
}

/// Reads a `struct packet_mreq`; `EINVAL` when it is cut short.
fn parse(value: &[u8]) -> Result<Membership> {
    if value.len() < MREQ {
        return Err(Errno::EINVAL);
    }
    let half = |at: usize| u16::from_ne_bytes([value[at], value[at + 1]]);
    let ifindex = u32::from_ne_bytes([value[0], value[1], value[2], value[3]]);
    let known = &value[..value.len().min(ADDRESS + MAX_ADDR_LEN)];
    let address = known.get(ADDRESS..ADDRESS + usize::from(half(6))).ok_or(Errno::EINVAL)?;
    Ok(Membership { ifindex, kind: half(4), address: address.to_vec(), count: 1 })
}

/// An address of its own must be the device's kind (`packet_dev_mc`).
fn check(wanted: &Membership, dev: &NetDevice) -> Result<()> {
    let fits = match wanted.kind {
        PACKET_MR_MULTICAST | PACKET_MR_UNICAST => wanted.address.len() == dev.address.len(),
        PACKET_MR_PROMISC | PACKET_MR_ALLMULTI => true,
        // Unknown kinds are noted, too.
        _ => true,
    };
    if fits { Ok(()) } else { Err(Errno::EINVAL) }
}

fn same<'m>(list: &'m mut [Membership], wanted: &Membership) -> Option<(usize, &'m mut Membership)> {
    let key = |m: &Membership| (m.ifindex, m.kind, m.address.clone());
    list.iter_mut().enumerate().find(|(_, known)| key(known) == key(wanted))
}

/// `PACKET_ADD_MEMBERSHIP`: `EINVAL`, `ENODEV`.
pub(crate) fn add(sk: &Sock<Packet>, cx: &UserCx<'_>, value: &[u8]) -> Result<()> {
    let wanted = parse(value)?;
    let dev = cx.net.dev.by_index(wanted.ifindex).ok_or(Errno::ENODEV)?;
    if wanted.address.len() > dev.address.len() {
        return Err(Errno::EINVAL);
    }
    let mut st = sk.lock_sock(cx);
    match same(&mut st.memberships, &wanted) {
        Some((_, known)) => known.count += 1,
        None => {
            check(&wanted, &dev)?;
            st.memberships.push(wanted);
        }
    }
    Ok(())
}

/// `PACKET_DROP_MEMBERSHIP`: what was not there is not missed; `EINVAL`.
pub(crate) fn drop_one(sk: &Sock<Packet>, cx: &UserCx<'_>, value: &[u8]) -> Result<()> {
    let wanted = parse(value)?;
    let mut st = sk.lock_sock(cx);
    if let Some((at, known)) = same(&mut st.memberships, &wanted) {
        known.count -= 1;
        if known.count == 0 {
            st.memberships.remove(at);
        }
    }
    Ok(())
}
