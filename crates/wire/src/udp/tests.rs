use super::*;
use etherparse::UdpHeader;
use proptest::prelude::*;

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(datagram) = UdpDatagram::parse(&bytes) {
            prop_assert_eq!(datagram.payload.len() + 8, usize::from(datagram.hdr.datagram_len()));
        }
    }

    #[test]
    fn etherparse_reads_what_we_write(ports: (u16, u16), data in prop::collection::vec(any::<u8>(), 0..40), src: u128, dst: u128) {
        let mut datagram = [&[0; 8][..], &data].concat();
        let repr = UdpRepr { source: ports.0, dest: ports.1, payload_len: data.len() as u16 };
        prop_assert_eq!(repr.emit(&mut datagram), 8);
        let (s4, d4) = (Ipv4Addr::from_bits(src as u32), Ipv4Addr::from_bits(dst as u32));
        prop_assert!(check_v4(&datagram, s4, d4));
        let pseudo = pseudo_v4(s4, d4, 17, datagram.len() as u32);
        fill_check(&mut datagram, pseudo);
        prop_assert!(check_v4(&datagram, s4, d4));
        let (h, _) = UdpHeader::from_slice(&datagram).unwrap();
        prop_assert_eq!((h.source_port, h.destination_port), ports);
        prop_assert_eq!(h.calc_checksum_ipv4_raw(s4.octets(), d4.octets(), &data).unwrap(), h.checksum);
        let (s6, d6) = (Ipv6Addr::from_bits(src), Ipv6Addr::from_bits(dst));
        let pseudo = pseudo_v6(s6, d6, 17, datagram.len() as u32);
        fill_check(&mut datagram, pseudo);
        prop_assert!(check_v6(&datagram, s6, d6));
        let (h, _) = UdpHeader::from_slice(&datagram).unwrap();
        prop_assert_eq!(h.calc_checksum_ipv6_raw(s6.octets(), d6.octets(), &data).unwrap(), h.checksum);
        datagram[7] ^= 1;
        prop_assert!(!check_v6(&datagram, s6, d6));
    }
}

#[test]
fn lengths() {
    let mut datagram = [0u8; 12];
    for (len, ok) in [(0, false), (7, false), (8, true), (12, true), (13, false)] {
        datagram[5] = len;
        assert_eq!(UdpDatagram::parse(&datagram).is_ok(), ok, "{len}");
    }
    assert_eq!(UdpDatagram::parse(&datagram[..7]).unwrap_err(), Error::Truncated);
}

#[test]
fn no_checksum() {
    let datagram = [0, 1, 0, 2, 0, 8, 0, 0];
    assert!(check_v4(&datagram, Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST));
    assert!(!check_v6(&datagram, Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST));
}
