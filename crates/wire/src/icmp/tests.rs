use super::*;
use crate::icmpv6;
use core::net::Ipv6Addr;
use etherparse::{Icmpv4Header, Icmpv4Type, Icmpv6Header, Icmpv6Type, icmpv4, icmpv6 as ep6};
use proptest::prelude::*;

proptest! {
    #[test]
    fn any_bytes(mut bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = parse(&bytes);
        fill_check(&mut bytes);
        prop_assert_eq!(parse(&bytes).is_ok(), bytes.len() >= 8);
        let _ = icmpv6::parse(&bytes, Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
    }

    #[test]
    fn etherparse_reads_our_messages(id: u16, seq: u16, data in prop::collection::vec(any::<u8>(), 0..40), mtu in 68u16.., src: u128, dst: u128) {
        let mut message = [&[0; 8][..], &data].concat();
        emit_echo(&mut message, ICMP_ECHO, id, seq);
        let (h, rest) = Icmpv4Header::from_slice(&message).unwrap();
        prop_assert_eq!(rest, &data[..]);
        prop_assert_eq!(&h.icmp_type, &Icmpv4Type::EchoRequest(etherparse::IcmpEchoHeader { id, seq }));
        prop_assert_eq!(h.icmp_type.calc_checksum(&data), h.checksum);

        let [a, b] = mtu.to_be_bytes();
        emit(&mut message, ICMP_DEST_UNREACH, 4, [0, 0, a, b]);
        let (h, _) = Icmpv4Header::from_slice(&message).unwrap();
        let needed = icmpv4::DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: mtu };
        prop_assert_eq!(h.icmp_type, Icmpv4Type::DestinationUnreachable(needed));
        prop_assert_eq!(IcmpHdr::view(&message).unwrap().0.mtu(), mtu);

        let (src, dst) = (Ipv6Addr::from_bits(src), Ipv6Addr::from_bits(dst));
        icmpv6::emit(&mut message, 1, 4, [0; 4], src, dst);
        let (h, _) = Icmpv6Header::from_slice(&message).unwrap();
        prop_assert_eq!(&h.icmp_type, &Icmpv6Type::DestinationUnreachable(ep6::DestUnreachableCode::Port));
        prop_assert_eq!(h.icmp_type.calc_checksum(src.octets(), dst.octets(), &data).unwrap(), h.checksum);
        prop_assert!(icmpv6::check(&message, src, dst));
    }
}

#[test]
fn errors_and_information() {
    let errors: Vec<u8> = (0..=255).filter(|&k| is_error(k)).collect();
    assert_eq!(errors, [3, 4, 5, 11, 12]);
    assert!(icmpv6::is_error(1) && icmpv6::is_error(127) && !icmpv6::is_error(128));
}

#[test]
fn short_messages() {
    assert!(!emit_echo(&mut [0; 7], 8, 1, 1));
    assert_eq!(parse(&[0; 7]).unwrap_err(), Error::Truncated);
    assert_eq!(parse(&[8, 0, 0, 0, 0, 0, 0, 0]).unwrap_err(), Error::Checksum);
}
