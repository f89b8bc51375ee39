//! `ioctl(2)` requests of sockets (`linux/sockios.h`, `asm-generic/ioctls.h`).

use crate::table::abi;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

abi! {
    /// Requests sockets answer.
    IOCTLS: u32 {
        FIONREAD = 0x541B, "Bytes to read (`SIOCINQ`, `TIOCINQ`).";
        TIOCOUTQ = 0x5411, "Bytes not yet sent (`SIOCOUTQ`).";
        FIONBIO = 0x5421, "Set `O_NONBLOCK`.";
        FIONCLEX = 0x5450, "Clear close-on-exec.";
        FIOCLEX = 0x5451, "Set close-on-exec.";
        FIOASYNC = 0x5452, "Set `O_ASYNC`.";
        FIOQSIZE = 0x5460, "Size of the file.";
        FIOSETOWN = 0x8901, "Owner of SIGIO.";
        SIOCSPGRP = 0x8902, "Owner of SIGIO.";
        FIOGETOWN = 0x8903, "Get it.";
        SIOCGPGRP = 0x8904, "Get it.";
        SIOCATMARK = 0x8905, "At the urgent mark?";
        SIOCGSTAMP_OLD = 0x8906, "Time of the last packet, microseconds.";
        SIOCGSTAMPNS_OLD = 0x8907, "Time of the last packet, nanoseconds.";
        SIOCADDRT = 0x890B, "Add a route.";
        SIOCDELRT = 0x890C, "Delete a route.";
        SIOCRTMSG = 0x890D, "Unused.";
        SIOCGIFNAME = 0x8910, "Name of an index.";
        SIOCSIFLINK = 0x8911, "Set the link.";
        SIOCGIFCONF = 0x8912, "List the interfaces.";
        SIOCGIFFLAGS = 0x8913, "Flags.";
        SIOCSIFFLAGS = 0x8914, "Set flags.";
        SIOCGIFADDR = 0x8915, "Address.";
        SIOCSIFADDR = 0x8916, "Set the address.";
        SIOCGIFDSTADDR = 0x8917, "Peer address.";
        SIOCSIFDSTADDR = 0x8918, "Set the peer address.";
        SIOCGIFBRDADDR = 0x8919, "Broadcast address.";
        SIOCSIFBRDADDR = 0x891A, "Set the broadcast address.";
        SIOCGIFNETMASK = 0x891B, "Mask.";
        SIOCSIFNETMASK = 0x891C, "Set the mask.";
        SIOCGIFMETRIC = 0x891D, "Metric.";
        SIOCSIFMETRIC = 0x891E, "Set the metric.";
        SIOCGIFMEM = 0x891F, "Memory address.";
        SIOCSIFMEM = 0x8920, "Set it.";
        SIOCGIFMTU = 0x8921, "MTU.";
        SIOCSIFMTU = 0x8922, "Set the MTU.";
        SIOCSIFNAME = 0x8923, "Rename.";
        SIOCSIFHWADDR = 0x8924, "Set the hardware address.";
        SIOCGIFENCAP = 0x8925, "Encapsulation.";
        SIOCSIFENCAP = 0x8926, "Set it.";
        SIOCGIFHWADDR = 0x8927, "Hardware address.";
        SIOCGIFSLAVE = 0x8929, "Slave.";
        SIOCSIFSLAVE = 0x8930, "Set the slave.";
        SIOCADDMULTI = 0x8931, "Add a link-layer group.";
        SIOCDELMULTI = 0x8932, "Delete it.";
        SIOCGIFINDEX = 0x8933, "Index of a name.";
        SIOCSIFPFLAGS = 0x8934, "Set extended flags.";
        SIOCGIFPFLAGS = 0x8935, "Extended flags.";
        SIOCDIFADDR = 0x8936, "Delete an address.";
        SIOCSIFHWBROADCAST = 0x8937, "Set the hardware broadcast address.";
        SIOCGIFCOUNT = 0x8938, "Count of devices.";
        SIOCGIFBR = 0x8940, "Bridge.";
        SIOCSIFBR = 0x8941, "Set the bridge.";
        SIOCGIFTXQLEN = 0x8942, "Length of the send queue.";
        SIOCSIFTXQLEN = 0x8943, "Set it.";
        SIOCETHTOOL = 0x8946, "Ethtool.";
        SIOCGMIIPHY = 0x8947, "PHY in use.";
        SIOCGMIIREG = 0x8948, "Read a PHY register.";
        SIOCSMIIREG = 0x8949, "Write one.";
        SIOCWANDEV = 0x894A, "WAN device.";
        SIOCOUTQNSD = 0x894B, "Bytes not yet sent at all.";
        SIOCGSKNS = 0x894C, "A descriptor of the socket's namespace.";
        SIOCDARP = 0x8953, "Delete an ARP entry.";
        SIOCGARP = 0x8954, "Get an ARP entry.";
        SIOCSARP = 0x8955, "Set an ARP entry.";
        SIOCDRARP = 0x8960, "Unused.";
        SIOCGRARP = 0x8961, "Unused.";
        SIOCSRARP = 0x8962, "Unused.";
        SIOCGIFMAP = 0x8970, "Device parameters.";
        SIOCSIFMAP = 0x8971, "Set them.";
        SIOCADDDLCI = 0x8980, "Unused.";
        SIOCDELDLCI = 0x8981, "Unused.";
        SIOCGIFVLAN = 0x8982, "VLAN.";
        SIOCSIFVLAN = 0x8983, "Set the VLAN.";
        SIOCBRADDBR = 0x89A0, "Create a bridge.";
        SIOCBRDELBR = 0x89A1, "Delete a bridge.";
        SIOCBRADDIF = 0x89A2, "Add to a bridge.";
        SIOCBRDELIF = 0x89A3, "Take from a bridge.";
        SIOCSHWTSTAMP = 0x89B0, "Set hardware timestamping.";
        SIOCGHWTSTAMP = 0x89B1, "Get it.";
        SIOCUNIXFILE = 0x89E0, "A descriptor of a unix socket's file.";
        SIOCGSTAMP_NEW = 0x8010_8906, "As `SIOCGSTAMP_OLD`, 64-bit.";
        SIOCGSTAMPNS_NEW = 0x8010_8907, "As `SIOCGSTAMPNS_OLD`, 64-bit.";
    }
}

/// The first request of the protocols' own (`SIOCPROTOPRIVATE`).
pub const SIOCPROTOPRIVATE: u32 = 0x89E0;
/// The first request of the devices' own (`SIOCDEVPRIVATE`).
pub const SIOCDEVPRIVATE: u32 = 0x89F0;
/// Another name of [`FIONREAD`].
pub const SIOCINQ: u32 = FIONREAD;
/// Another name of [`TIOCOUTQ`].
pub const SIOCOUTQ: u32 = TIOCOUTQ;

/// `struct arpreq`, 68 bytes: what `SIOCSARP` and its kin take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ArpReq {
    /// Address, a sockaddr.
    pub pa: [u8; 16],
    /// Hardware address, a sockaddr.
    pub ha: [u8; 16],
    /// `ATF_*`
    pub flags: i32,
    /// Mask, a sockaddr.
    pub netmask: [u8; 16],
    /// Device.
    pub dev: [u8; 16],
}

abi! {
    /// Flags of an `arpreq` (`ATF_*`).
    ATF_FLAGS: i32 {
        ATF_COM = 0x02, "Complete.";
        ATF_PERM = 0x04, "Permanent.";
        ATF_PUBL = 0x08, "Published: a proxy.";
        ATF_USETRAILERS = 0x10, "Unused.";
        ATF_NETMASK = 0x20, "The mask counts.";
        ATF_DONTPUB = 0x40, "Do not answer.";
    }
}

/// `struct rtentry`, 120 bytes: what `SIOCADDRT` and `SIOCDELRT` take of IPv4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct RtEntry {
    /// Padding.
    pub pad1: u64,
    /// Destination, a sockaddr.
    pub dst: [u8; 16],
    /// Gateway, a sockaddr.
    pub gateway: [u8; 16],
    /// Mask, a sockaddr.
    pub genmask: [u8; 16],
    /// `RTF_*`
    pub flags: u16,
    /// Padding.
    pub pad2: u16,
    /// Padding.
    pub pad2b: u32,
    /// Padding.
    pub pad3: u64,
    /// Unused.
    pub pad4: u64,
    /// Metric plus one.
    pub metric: i16,
    /// Padding.
    pub pad5: [u16; 3],
    /// Address of the device's name.
    pub dev: u64,
    /// MTU.
    pub mtu: u64,
    /// Window.
    pub window: u64,
    /// Round trip.
    pub irtt: u16,
    /// Padding.
    pub pad6: [u16; 3],
}

abi! {
    /// Flags of a route as `/proc/net/route` and `rtentry` have them (`RTF_*`).
    RTF_FLAGS: u32 {
        RTF_UP = 0x0001, "Usable.";
        RTF_GATEWAY = 0x0002, "Through a gateway.";
        RTF_HOST = 0x0004, "To one host.";
        RTF_REINSTATE = 0x0008, "Unused.";
        RTF_DYNAMIC = 0x0010, "Made by a redirect.";
        RTF_MODIFIED = 0x0020, "Changed by a redirect.";
        RTF_MTU = 0x0040, "The MTU counts.";
        RTF_WINDOW = 0x0080, "The window counts.";
        RTF_IRTT = 0x0100, "The round trip counts.";
        RTF_REJECT = 0x0200, "Reject.";
        RTF_DEFAULT = 0x0001_0000, "IPv6: default, learned.";
        RTF_ALLONLINK = 0x0002_0000, "IPv6: all destinations on the link.";
        RTF_ADDRCONF = 0x0004_0000, "IPv6: from an advertisement.";
        RTF_PREFIX_RT = 0x0008_0000, "IPv6: a prefix.";
        RTF_ANYCAST = 0x0010_0000, "IPv6: anycast.";
        RTF_NONEXTHOP = 0x0020_0000, "IPv6: no next hop.";
        RTF_EXPIRES = 0x0040_0000, "IPv6: expires.";
        RTF_ROUTEINFO = 0x0080_0000, "IPv6: route information.";
        RTF_CACHE = 0x0100_0000, "IPv6: a cached exception.";
        RTF_FLOW = 0x0200_0000, "IPv6: a flow.";
        RTF_POLICY = 0x0400_0000, "IPv6: policy.";
        RTF_PCPU = 0x4000_0000, "IPv6: a copy of one CPU.";
        RTF_LOCAL = 0x8000_0000, "IPv6: local.";
    }
}

/// `struct in6_ifreq`, 24 bytes: an address of an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct In6IfReq {
    /// Address.
    pub addr: [u8; 16],
    /// Bits of the prefix.
    pub prefixlen: u32,
    /// Interface.
    pub ifindex: i32,
}

/// `struct in6_rtmsg`, 80 bytes: what `SIOCADDRT` and `SIOCDELRT` take of IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct In6RtMsg {
    /// Destination.
    pub dst: [u8; 16],
    /// Source.
    pub src: [u8; 16],
    /// Gateway.
    pub gateway: [u8; 16],
    /// Kind.
    pub kind: u32,
    /// Bits of the destination.
    pub dst_len: u16,
    /// Bits of the source.
    pub src_len: u16,
    /// Metric.
    pub metric: u32,
    /// Padding.
    pub pad: u32,
    /// Information.
    pub info: u64,
    /// `RTF_*`
    pub flags: u32,
    /// Interface.
    pub ifindex: i32,
}
