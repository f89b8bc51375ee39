//! `linux/netlink.h`, `linux/genetlink.h`: message headers, attributes, protocols and options of `netlink(7)`.

use crate::table::abi;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

abi! {
    /// Protocols of `AF_NETLINK`.
    NETLINK_PROTOCOLS: i32 {
        NETLINK_ROUTE = 0, "Links, addresses, routes, neighbours (`rtnetlink(7)`).";
        NETLINK_UNUSED = 1, "Unused.";
        NETLINK_USERSOCK = 2, "Between programs.";
        NETLINK_FIREWALL = 3, "Unused.";
        NETLINK_SOCK_DIAG = 4, "Sockets (`sock_diag(7)`).";
        NETLINK_NFLOG = 5, "Netfilter log.";
        NETLINK_XFRM = 6, "IPsec.";
        NETLINK_SELINUX = 7, "SELinux events.";
        NETLINK_ISCSI = 8, "iSCSI.";
        NETLINK_AUDIT = 9, "Auditing.";
        NETLINK_FIB_LOOKUP = 10, "Route lookup.";
        NETLINK_CONNECTOR = 11, "Kernel connector.";
        NETLINK_NETFILTER = 12, "Netfilter.";
        NETLINK_IP6_FW = 13, "Unused.";
        NETLINK_DNRTMSG = 14, "Unused.";
        NETLINK_KOBJECT_UEVENT = 15, "Device events.";
        NETLINK_GENERIC = 16, "Generic netlink.";
        NETLINK_SCSITRANSPORT = 18, "SCSI.";
        NETLINK_ECRYPTFS = 19, "eCryptfs.";
        NETLINK_RDMA = 20, "RDMA.";
        NETLINK_CRYPTO = 21, "Crypto.";
        NETLINK_SMC = 22, "SMC.";
    }
}

/// Another name of [`NETLINK_SOCK_DIAG`].
pub const NETLINK_INET_DIAG: i32 = NETLINK_SOCK_DIAG;
/// One past the last protocol (`MAX_LINKS`).
pub const MAX_LINKS: i32 = 32;

abi! {
    /// Types below those of a protocol.
    NLMSG_TYPES: u16 {
        NLMSG_NOOP = 1, "Nothing.";
        NLMSG_ERROR = 2, "An error, or an acknowledgement.";
        NLMSG_DONE = 3, "The end of a dump.";
        NLMSG_OVERRUN = 4, "Data lost.";
    }
}

/// The first type of a protocol's own (`NLMSG_MIN_TYPE`).
pub const NLMSG_MIN_TYPE: u16 = 16;

abi! {
    /// Flags of a message that fit any request.
    NLM_FLAGS: u16 {
        NLM_F_REQUEST = 0x01, "A request.";
        NLM_F_MULTI = 0x02, "More follow, up to `NLMSG_DONE`.";
        NLM_F_ACK = 0x04, "Acknowledge.";
        NLM_F_ECHO = 0x08, "Echo the result.";
        NLM_F_DUMP_INTR = 0x10, "The dump changed under way.";
        NLM_F_DUMP_FILTERED = 0x20, "The dump was filtered.";
    }
}

abi! {
    u16 {
        NLM_F_ROOT = 0x100, "Get: the whole table.";
        NLM_F_MATCH = 0x200, "Get: all that match.";
        NLM_F_ATOMIC = 0x400, "Get: at one moment.";
        NLM_F_DUMP = 0x300, "Get: a dump (`NLM_F_ROOT` and `NLM_F_MATCH`).";
        NLM_F_REPLACE = 0x100, "New: replace what is there.";
        NLM_F_EXCL = 0x200, "New: fail if it is there.";
        NLM_F_CREATE = 0x400, "New: create if it is not.";
        NLM_F_APPEND = 0x800, "New: at the end of the list.";
        NLM_F_NONREC = 0x100, "Delete: not recursively.";
        NLM_F_BULK = 0x200, "Delete: several.";
        NLM_F_CAPPED = 0x100, "Acknowledgement: the request is cut.";
        NLM_F_ACK_TLVS = 0x200, "Acknowledgement: attributes follow.";
    }
}

abi! {
    /// Options of `SOL_NETLINK`.
    NETLINK_OPTIONS: i32 {
        NETLINK_ADD_MEMBERSHIP = 1, "Join a group.";
        NETLINK_DROP_MEMBERSHIP = 2, "Leave a group.";
        NETLINK_PKTINFO = 3, "Receive the group.";
        NETLINK_BROADCAST_ERROR = 4, "Report failed broadcasts.";
        NETLINK_NO_ENOBUFS = 5, "Do not report lost messages.";
        NETLINK_RX_RING = 6, "Unused.";
        NETLINK_TX_RING = 7, "Unused.";
        NETLINK_LISTEN_ALL_NSID = 8, "Hear all namespaces.";
        NETLINK_LIST_MEMBERSHIPS = 9, "Get: the groups.";
        NETLINK_CAP_ACK = 10, "Acknowledge without the request's body.";
        NETLINK_EXT_ACK = 11, "Acknowledge with attributes.";
        NETLINK_GET_STRICT_CHK = 12, "Check dump requests strictly.";
    }
}

abi! {
    /// Attributes of an extended acknowledgement.
    NLMSGERR_ATTRS: u16 {
        NLMSGERR_ATTR_MSG = 1, "A text.";
        NLMSGERR_ATTR_OFFS = 2, "Offset of the attribute at fault.";
        NLMSGERR_ATTR_COOKIE = 3, "A cookie.";
        NLMSGERR_ATTR_POLICY = 4, "The policy broken.";
        NLMSGERR_ATTR_MISS_TYPE = 5, "The attribute missing.";
        NLMSGERR_ATTR_MISS_NEST = 6, "Where it is missing.";
    }
}

/// `struct nlmsghdr`, 16 bytes; messages are aligned to four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct NlMsgHdr {
    /// Bytes of the message, header included.
    pub len: u32,
    /// Type.
    pub kind: u16,
    /// `NLM_F_*`
    pub flags: u16,
    /// Sequence number.
    pub seq: u32,
    /// Sender's port.
    pub pid: u32,
}

/// `struct nlmsgerr`, without what follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct NlMsgErr {
    /// Error number, negated; 0 acknowledges.
    pub error: i32,
    /// The header it is about.
    pub msg: NlMsgHdr,
}

/// `struct nlattr` (and `struct rtattr`), 4 bytes; attributes are aligned to four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct NlAttr {
    /// Bytes, header included, padding not.
    pub len: u16,
    /// Type, with [`NLA_F_NESTED`] and [`NLA_F_NET_BYTEORDER`].
    pub kind: u16,
}

/// `struct nl_pktinfo`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct NlPktinfo {
    /// The group the message went to.
    pub group: u32,
}

/// Bytes of a message header (`NLMSG_HDRLEN`).
pub const NLMSG_HDRLEN: usize = 16;
/// Bytes of an attribute header (`NLA_HDRLEN`).
pub const NLA_HDRLEN: usize = 4;
/// Type bit: attributes inside.
pub const NLA_F_NESTED: u16 = 0x8000;
/// Type bit: network order inside.
pub const NLA_F_NET_BYTEORDER: u16 = 0x4000;
/// The bits that are the type.
pub const NLA_TYPE_MASK: u16 = 0x3fff;

/// `NLMSG_ALIGN`, `NLA_ALIGN`: up to a multiple of four.
#[inline]
#[must_use]
pub const fn nlmsg_align(len: usize) -> usize {
    len.saturating_add(3) & !3
}

/// One attribute, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attr<'a> {
    /// Type without its two flag bits.
    pub kind: u16,
    /// Whether [`NLA_F_NESTED`] was set.
    pub nested: bool,
    /// Its data.
    pub data: &'a [u8],
}

impl<'a> Attr<'a> {
    /// The attributes inside.
    #[must_use]
    pub const fn attrs(&self) -> Attrs<'a> {
        Attrs(self.data)
    }

    /// The data as a number of four bytes, if it has them.
    #[must_use]
    pub fn u32(&self) -> Option<u32> {
        Some(u32::from_ne_bytes(*self.data.first_chunk()?))
    }
}

/// Attributes one by one; ends at the first that breaks its length (`nla_for_each_attr`).
///
/// ```
/// use sockeye_uapi::netlink::{Attrs, put_attr};
///
/// let mut buf = Vec::new();
/// put_attr(&mut buf, 3, b"lo\0");
/// put_attr(&mut buf, 4, &65536u32.to_ne_bytes());
/// let attrs: Vec<_> = Attrs::new(&buf).map(|a| (a.kind, a.data.len())).collect();
/// assert_eq!(attrs, [(3, 3), (4, 4)]);
/// ```
#[derive(Clone, Debug)]
pub struct Attrs<'a>(&'a [u8]);

impl<'a> Attrs<'a> {
    /// Over the bytes after a message's family header.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What is left: not empty after the walk if the attributes are malformed.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Iterator for Attrs<'a> {
    type Item = Attr<'a>;

    fn next(&mut self) -> Option<Attr<'a>> {
        let (hdr, _) = NlAttr::read_from_prefix(self.0).ok()?;
        let len = usize::from(hdr.len);
        let data = self.0.get(NLA_HDRLEN..len)?;
        self.0 = self.0.get(nlmsg_align(len)..).unwrap_or(&[]);
        Some(Attr { kind: hdr.kind & NLA_TYPE_MASK, nested: hdr.kind & NLA_F_NESTED != 0, data })
    }
}

/// Messages one by one: header and payload; ends at the first that breaks its length (`nlmsg_ok`).
#[derive(Clone, Debug)]
pub struct NlMsgs<'a>(&'a [u8]);

impl<'a> NlMsgs<'a> {
    /// Over what one send or receive carried.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl<'a> Iterator for NlMsgs<'a> {
    type Item = (NlMsgHdr, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (hdr, _) = NlMsgHdr::read_from_prefix(self.0).ok()?;
        let len = usize::try_from(hdr.len).ok()?;
        let payload = self.0.get(NLMSG_HDRLEN..len)?;
        self.0 = self.0.get(nlmsg_align(len)..).unwrap_or(&[]);
        Some((hdr, payload))
    }
}

/// Append an attribute and its padding (`nla_put`). Data beyond 65531 bytes is cut.
pub fn put_attr(buf: &mut Vec<u8>, kind: u16, data: &[u8]) {
    let data = &data[..data.len().min(usize::from(u16::MAX) - NLA_HDRLEN)];
    let len = (NLA_HDRLEN + data.len()) as u16;
    buf.extend_from_slice(NlAttr { len, kind }.as_bytes());
    buf.extend_from_slice(data);
    buf.resize(nlmsg_align(buf.len()), 0);
}

/// Append a nested attribute: `fill` appends what is inside (`nla_nest_start`, `nla_nest_end`).
pub fn put_nested(buf: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = buf.len();
    put_attr(buf, kind | NLA_F_NESTED, &[]);
    fill(buf);
    let len = (buf.len() - start) as u16;
    if let Some(slot) = buf.get_mut(start..start + 2) {
        slot.copy_from_slice(&len.to_ne_bytes());
    }
}

/// Append a message: `fill` appends its payload, and the length is set after (`nlmsg_put`, `nlmsg_end`).
pub fn put_msg(buf: &mut Vec<u8>, hdr: NlMsgHdr, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = buf.len();
    buf.extend_from_slice(hdr.as_bytes());
    fill(buf);
    let len = (buf.len() - start) as u32;
    if let Some(slot) = buf.get_mut(start..start + 4) {
        slot.copy_from_slice(&len.to_ne_bytes());
    }
    buf.resize(start + nlmsg_align(len as usize), 0);
}

/// `struct genlmsghdr`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct GenlMsgHdr {
    /// Command.
    pub cmd: u8,
    /// Version.
    pub version: u8,
    /// Zero.
    pub reserved: u16,
}

abi! {
    /// Commands of the generic netlink controller.
    CTRL_CMDS: u8 {
        CTRL_CMD_NEWFAMILY = 1, "A family.";
        CTRL_CMD_DELFAMILY = 2, "A family went.";
        CTRL_CMD_GETFAMILY = 3, "Ask for a family.";
        CTRL_CMD_NEWOPS = 4, "Operations.";
        CTRL_CMD_DELOPS = 5, "Operations went.";
        CTRL_CMD_GETOPS = 6, "Ask for operations.";
        CTRL_CMD_NEWMCAST_GRP = 7, "A group.";
        CTRL_CMD_DELMCAST_GRP = 8, "A group went.";
        CTRL_CMD_GETMCAST_GRP = 9, "Unused.";
        CTRL_CMD_GETPOLICY = 10, "Ask for a policy.";
    }
}

abi! {
    u16 {
        GENL_ID_CTRL = 16, "Type of the controller (`GENL_ID_CTRL`).";
        CTRL_ATTR_FAMILY_ID = 1, "Number of the family.";
        CTRL_ATTR_FAMILY_NAME = 2, "Name of the family.";
        CTRL_ATTR_VERSION = 3, "Version.";
        CTRL_ATTR_HDRSIZE = 4, "Bytes of its header.";
        CTRL_ATTR_MAXATTR = 5, "Largest attribute.";
        CTRL_ATTR_OPS = 6, "Operations.";
        CTRL_ATTR_MCAST_GROUPS = 7, "Groups.";
        CTRL_ATTR_POLICY = 8, "Policy.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_nest() {
        let mut buf = Vec::new();
        let hdr = NlMsgHdr { kind: 16, flags: NLM_F_MULTI, seq: 5, ..NlMsgHdr::default() };
        for n in 0..2u8 {
            put_msg(&mut buf, hdr, |b| {
                put_attr(b, 1, &[n; 3]);
                put_nested(b, 2, |b| put_attr(b, 7, &9u32.to_ne_bytes()));
            });
        }
        let all: Vec<_> = NlMsgs::new(&buf).collect();
        assert_eq!(all.len(), 2);
        let attrs: Vec<_> = Attrs::new(all[1].1).collect();
        assert_eq!(attrs[0].data, [1; 3]);
        assert!(attrs[1].nested);
        assert_eq!(attrs[1].attrs().next().unwrap().u32(), Some(9));
        assert_eq!(NLM_FLAGS.flags(u64::from(all[0].0.flags)).to_string(), "NLM_F_MULTI");
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            prop_assert!(NlMsgs::new(&bytes).count() <= 8);
            prop_assert!(Attrs::new(&bytes).count() <= 30);
        }
    }
}
