//! `ioctl(2)` requests of sockets (`linux/sockios.h`, `asm-generic/ioctls.h`).

use crate::table::abi;

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
