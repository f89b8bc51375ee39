//! `linux/if_ether.h`: ethertypes and frame lengths.

use crate::table::abi;

/// Bytes of a hardware address.
pub const ETH_ALEN: usize = 6;
/// Bytes of the header.
pub const ETH_HLEN: usize = 14;
/// Least bytes of a frame without its check sequence.
pub const ETH_ZLEN: usize = 60;
/// Most bytes of data.
pub const ETH_DATA_LEN: usize = 1500;
/// Most bytes of a frame without its check sequence.
pub const ETH_FRAME_LEN: usize = 1514;
/// Bytes of the check sequence.
pub const ETH_FCS_LEN: usize = 4;
/// Least MTU (RFC 791).
pub const ETH_MIN_MTU: u32 = 68;
/// Largest MTU.
pub const ETH_MAX_MTU: u32 = 0xFFFF;
/// Bytes of a VLAN tag.
pub const VLAN_HLEN: usize = 4;

abi! {
    /// Ethertypes and the kernel's pseudo-types (`ETH_P_*`), host order.
    ETH_PROTOCOLS: u16 {
        ETH_P_LOOP = 0x0060, "Loopback test.";
        ETH_P_PUP = 0x0200, "PUP.";
        ETH_P_TSN = 0x22F0, "Time-sensitive networking.";
        ETH_P_IP = 0x0800, "IPv4.";
        ETH_P_X25 = 0x0805, "X.25.";
        ETH_P_ARP = 0x0806, "ARP.";
        ETH_P_BATMAN = 0x4305, "B.A.T.M.A.N.";
        ETH_P_RARP = 0x8035, "Reverse ARP.";
        ETH_P_ATALK = 0x809B, "AppleTalk DDP.";
        ETH_P_AARP = 0x80F3, "AppleTalk ARP.";
        ETH_P_8021Q = 0x8100, "VLAN tag.";
        ETH_P_IPX = 0x8137, "IPX.";
        ETH_P_IPV6 = 0x86DD, "IPv6.";
        ETH_P_PAUSE = 0x8808, "Pause frames.";
        ETH_P_SLOW = 0x8809, "Slow protocols.";
        ETH_P_MPLS_UC = 0x8847, "MPLS unicast.";
        ETH_P_MPLS_MC = 0x8848, "MPLS multicast.";
        ETH_P_PPP_DISC = 0x8863, "PPPoE discovery.";
        ETH_P_PPP_SES = 0x8864, "PPPoE session.";
        ETH_P_PAE = 0x888E, "Port access (802.1X).";
        ETH_P_AOE = 0x88A2, "ATA over Ethernet.";
        ETH_P_8021AD = 0x88A8, "Service VLAN tag.";
        ETH_P_TIPC = 0x88CA, "TIPC.";
        ETH_P_LLDP = 0x88CC, "LLDP.";
        ETH_P_MACSEC = 0x88E5, "MACsec.";
        ETH_P_1588 = 0x88F7, "Precision time.";
        ETH_P_FCOE = 0x8906, "Fibre channel.";
        ETH_P_ERSPAN = 0x88BE, "ERSPAN.";
        ETH_P_TEB = 0x6558, "Transparent Ethernet bridging.";
        ETH_P_LOOPBACK = 0x9000, "Loopback.";
        ETH_P_802_3_MIN = 0x0600, "From here on it is a type, below it a length.";
        ETH_P_802_3 = 0x0001, "Pseudo: 802.3.";
        ETH_P_AX25 = 0x0002, "Pseudo: AX.25.";
        ETH_P_ALL = 0x0003, "Pseudo: every packet.";
        ETH_P_802_2 = 0x0004, "Pseudo: 802.2.";
        ETH_P_SNAP = 0x0005, "Pseudo: SNAP.";
        ETH_P_CAN = 0x000C, "Pseudo: CAN.";
    }
}
