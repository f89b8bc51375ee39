//! `linux/udp.h`: options of `SOL_UDP`.

use crate::table::abi;

abi! {
    /// Options of `SOL_UDP` (`udp(7)`).
    UDP_OPTIONS: i32 {
        UDP_CORK = 1, "Hold the datagram and append to it.";
        UDP_ENCAP = 100, "Encapsulation type.";
        UDP_NO_CHECK6_TX = 101, "Send IPv6 without a checksum.";
        UDP_NO_CHECK6_RX = 102, "Accept IPv6 without a checksum.";
        UDP_SEGMENT = 103, "GSO: size of the segments to cut.";
        UDP_GRO = 104, "GRO: receive merged datagrams with their size.";
    }
}

/// Largest count of segments in one `UDP_SEGMENT` send (`UDP_MAX_SEGMENTS`).
pub const UDP_MAX_SEGMENTS: usize = 128;

abi! {
    /// Values of `UDP_ENCAP`.
    UDP_ENCAPS: i32 {
        UDP_ENCAP_ESPINUDP_NON_IKE = 1, "Unused.";
        UDP_ENCAP_ESPINUDP = 2, "ESP in UDP (RFC 3948).";
        UDP_ENCAP_L2TPINUDP = 3, "L2TP (RFC 2661).";
        UDP_ENCAP_GTP0 = 4, "GTP version 0.";
        UDP_ENCAP_GTP1U = 5, "GTP version 1, user plane.";
        UDP_ENCAP_RXRPC = 6, "RxRPC.";
        TCP_ENCAP_ESPINTCP = 7, "ESP in TCP.";
        UDP_ENCAP_OVPNINUDP = 8, "OpenVPN.";
    }
}
