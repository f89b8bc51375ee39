//! `NETLINK_ROUTE` (`net/core/rtnetlink.c`): one row a kind of request.

mod addr;
mod addr_change;
mod link;

mod route_change;
mod route_dump;
mod route_get;
mod rule;

use crate::message;
use crate::rcv::{Answer, Request};
use net::{Cx, NetDevice};
use std::sync::Arc;
use uapi::socket::{AF_INET, AF_INET6};
use uapi::*;

/// Messages of an answer.
pub(crate) type Messages = Result<Vec<Vec<u8>>>;

/// A kind of request.
struct Row {
    kind: u16,
    /// Families it is for; empty for all.
    families: &'static [i32],
    /// Serves one request.
    doit: Option<fn(&Request<'_, '_>) -> Messages>,
    /// Lists everything; `NLM_F_DUMP`.
    dump: Option<fn(&Request<'_, '_>) -> Messages>,
    /// For these families the end of a dump is a message of its own.
    split_done: fn(i32) -> bool,
}

impl Row {
    const fn get(
        kind: u16,
        doit: Option<fn(&Request<'_, '_>) -> Messages>,
        dump: fn(&Request<'_, '_>) -> Messages,
        split_done: fn(i32) -> bool,
    ) -> Self {
        Row { kind, families: &[], doit, dump: Some(dump), split_done }
    }

    const fn change(kind: u16, families: &'static [i32], doit: fn(&Request<'_, '_>) -> Messages) -> Self {
        Row { kind, families, doit: Some(doit), dump: None, split_done: |_| false }
    }
}

const INET: &[i32] = &[AF_INET, AF_INET6];

static ROWS: &[Row] = &[
    Row::get(RTM_GETLINK, Some(link::get), link::dump, |_| true),
    Row::change(RTM_NEWLINK, &[], link::new),
    Row::change(RTM_SETLINK, &[], link::set),
    Row::get(RTM_GETADDR, None, addr::dump, |family| family != AF_INET6),
    Row::change(RTM_NEWADDR, INET, addr_change::new),
    Row::change(RTM_DELADDR, INET, addr_change::del),
    Row::get(RTM_GETROUTE, Some(route_get::get), route_dump::dump, |_| true),
    Row::change(RTM_NEWROUTE, INET, route_change::new),
    Row::change(RTM_DELROUTE, INET, route_change::del),
    // There is no neighbour table: hosts on a wire are found by asking the wire.
    Row::get(RTM_GETNEIGH, None, |_| Ok(Vec::new()), |_| false),
    Row::get(RTM_GETRULE, None, rule::dump, |_| false),
];

/// Serves a request (`rtnetlink_rcv_msg`).
///
/// # Errors
/// `EOPNOTSUPP` for what is not there, `EPERM` for a change without `CAP_NET_ADMIN`, and what the
/// request's own rules say.
pub(crate) fn rtnetlink_rcv_msg(request: &Request<'_, '_>) -> Result<Answer> {
    let kind = request.hdr.kind;
    if kind > RTM_MAX {
        return Err(Errno::EOPNOTSUPP);
    }
    // Without even a family there is nothing to do, and nothing wrong.
    let Some(family) = request.body.first().map(|family| i32::from(*family)) else {
        return Ok(Answer::Messages(Vec::new()));
    };
    // Types come in fours: new, delete, get, set.
    let is_get = kind & 3 == 2;
    if !is_get && !request.cx.process.capable(CAP_NET_ADMIN) {
        return Err(Errno::EPERM);
    }
    let row = ROWS.iter().find(|row| row.kind == kind).ok_or(Errno::EOPNOTSUPP)?;
    if is_get && request.hdr.flags & NLM_F_DUMP != 0 {
        let dump = row.dump.ok_or(Errno::EOPNOTSUPP)?;
        return Ok(Answer::Dump { messages: dump(request), split_done: (row.split_done)(family) });
    }
    if !row.families.is_empty() && !row.families.contains(&family) {
        return Err(Errno::EOPNOTSUPP);
    }
    row.doit.ok_or(Errno::EOPNOTSUPP)?(request).map(Answer::Messages)
}

/// Which families a dump is of: one, or both when none is named.
fn families(request: &Request<'_, '_>) -> (bool, bool) {
    let family = request.body.first().map_or(0, |family| i32::from(*family));
    (family != AF_INET6, family != AF_INET)
}

/// `NLM_F_MULTI`, and with a filter `NLM_F_DUMP_FILTERED`.
fn dump_flags(filtered: bool) -> u16 {
    NLM_F_MULTI | if filtered { NLM_F_DUMP_FILTERED } else { 0 }
}

/// The device with this index; `ENODEV`.
fn device(cx: &Cx<'_>, ifindex: u32) -> Result<Arc<NetDevice>> {
    cx.net.dev.by_index(ifindex).ok_or(Errno::ENODEV)
}

/// An attribute's address; `EINVAL` for another family's length.
fn address(attr: Attr<'_>, v4: bool) -> Result<InetAddr> {
    if v4 {
        let octets: [u8; 4] = attr.data.get(..4).and_then(|b| b.try_into().ok()).ok_or(Errno::EINVAL)?;
        Ok(InetAddr::v4(octets.into()))
    } else {
        let octets: [u8; 16] = attr.data.get(..16).and_then(|b| b.try_into().ok()).ok_or(Errno::EINVAL)?;
        Ok(InetAddr::v6(octets.into()))
    }
}

/// Appends an attribute that is an address, as long as its family's.
fn put_addr(buf: &mut Vec<u8>, kind: u16, addr: InetAddr) {
    match addr.as_v4() {
        Some(v4) => put_attr(buf, kind, &v4.octets()),
        None => put_attr(buf, kind, &addr.as_v6().octets()),
    }
}

fn put_u32(buf: &mut Vec<u8>, kind: u16, value: u32) {
    put_attr(buf, kind, &value.to_ne_bytes());
}

/// Appends a text with its final zero.
fn put_str(buf: &mut Vec<u8>, kind: u16, text: &str) {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    put_attr(buf, kind, &bytes);
}

/// The text of an attribute, up to its zero.
fn text(attr: Attr<'_>) -> Result<&str> {
    let bytes = attr.data.split(|byte| *byte == 0).next().unwrap_or(&[]);
    std::str::from_utf8(bytes).map_err(|_| Errno::EINVAL)
}

/// Tells the group's members of a change (`rtnl_notify`).
fn notify(request: &Request<'_, '_>, group: u32, message: &[u8]) {
    message::broadcast(request.cx, NETLINK_ROUTE as u16, group, message, 0, 0);
}
