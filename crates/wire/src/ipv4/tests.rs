use super::options::{IPOPT_NOOP, IpOptions};
use super::*;
use etherparse::Ipv4Header;
use proptest::prelude::*;

fn sample() -> Vec<u8> {
    let repr = Ipv4Repr {
        protocol: 6,
        src: Ipv4Addr::new(10, 0, 0, 1),
        dst: Ipv4Addr::new(10, 0, 0, 2),
        options: &[148, 4, 0, 0],
        payload_len: 3,
        ..Ipv4Repr::default()
    };
    let mut buf = vec![0; 30];
    assert_eq!(repr.emit(&mut buf), 24);
    buf
}

#[test]
fn lengths_are_checked_in_linux_order() {
    let good = sample();
    let packet = Ipv4Packet::parse(&good).unwrap();
    assert_eq!((packet.options.len(), packet.payload.len()), (4, 3));
    let bad = |at: usize, value: u8, fix: bool, len: usize| {
        let mut bytes = good.clone();
        bytes[at] = value;
        if fix {
            fill_check(&mut bytes);
        }
        Ipv4Packet::parse(&bytes[..len]).unwrap_err()
    };
    assert_eq!(bad(0, 0x46, false, 19), Error::Truncated);
    assert_eq!(bad(0, 0x66, true, 30), Error::Version);
    assert_eq!(bad(0, 0x44, false, 30), Error::HeaderLength);
    assert_eq!(bad(0, 0x48, false, 30), Error::HeaderLength);
    assert_eq!(bad(8, 1, false, 30), Error::Checksum);
    assert_eq!(bad(3, 31, true, 30), Error::TotalLength);
    assert_eq!(bad(3, 23, true, 30), Error::TotalLength);
    assert_eq!(bad(1, 0, true, 26), Error::TotalLength);
    let quoted = Ipv4Packet::parse_quoted(&good[..26]).unwrap();
    assert_eq!(quoted.payload.len(), 2);
}

#[test]
fn what_cannot_be_sent_is_not_written() {
    let mut buf = [0; 100];
    for repr in [
        Ipv4Repr { payload_len: 65516, ..Ipv4Repr::default() },
        Ipv4Repr { options: &[1; 44], ..Ipv4Repr::default() },
        Ipv4Repr { options: &[1; 3], ..Ipv4Repr::default() },
    ] {
        assert_eq!(repr.emit(&mut buf), 0);
    }
    let fits = Ipv4Repr { options: &[1; 40], payload_len: 65475, ..Ipv4Repr::default() };
    assert_eq!(fits.emit(&mut buf), 60);
    assert_eq!(fits.emit(&mut buf[..59]), 0);
}

#[test]
fn changes_keep_the_checksum() {
    let mut bytes = sample();
    bytes[1] = 2;
    fill_check(&mut bytes);
    for _ in 0..70 {
        let (hdr, _) = Ipv4Hdr::view_mut(&mut bytes).unwrap();
        hdr.decrease_ttl();
        assert!(Ipv4Packet::parse(&bytes).is_ok());
    }
    let (hdr, _) = Ipv4Hdr::view_mut(&mut bytes).unwrap();
    assert_eq!(hdr.ttl(), 0);
    assert!(hdr.set_ce());
    assert_eq!(hdr.ecn(), 3);
    assert!(Ipv4Packet::parse(&bytes).is_ok());
    let (hdr, _) = Ipv4Hdr::view_mut(&mut bytes).unwrap();
    hdr.set_tos(0);
    assert!(!hdr.set_ce());
}

proptest! {
    #[test]
    fn any_bytes(mut bytes in prop::collection::vec(any::<u8>(), 0..80), fix: bool) {
        if fix {
            if let Some(first) = bytes.first_mut() {
                *first = 0x40 | *first & 0xf;
            }
            fill_check(&mut bytes);
        }
        if let Ok(packet) = Ipv4Packet::parse(&bytes) {
            let len = packet.hdr.header_len() + packet.payload.len();
            prop_assert_eq!(len, usize::from(packet.hdr.tot_len()));
            prop_assert!(len <= bytes.len());
        }
        let _ = Ipv4Packet::parse_quoted(&bytes);
        let mut end = 0;
        for option in IpOptions::new(&bytes) {
            match option {
                Ok(option) => {
                    prop_assert!(option.offset >= end && option.kind > IPOPT_NOOP);
                    end = option.offset + 2 + option.data.len();
                    prop_assert!(end <= bytes.len());
                }
                Err(offset) => prop_assert!(offset >= end && offset < bytes.len()),
            }
        }
    }

    #[test]
    fn etherparse_reads_what_we_write(
        tos: u8, id: u16, frag_off: u16, ttl: u8, protocol: u8, addrs: (u32, u32),
        words in prop::collection::vec(any::<[u8; 4]>(), 0..=10), payload_len in 0usize..2000,
    ) {
        let options = words.concat();
        let repr = Ipv4Repr {
            tos, id, frag_off: frag_off & 0x7fff, ttl, protocol,
            src: Ipv4Addr::from_bits(addrs.0), dst: Ipv4Addr::from_bits(addrs.1),
            options: &options, payload_len,
        };
        let mut buf = vec![0; repr.header_len() + payload_len];
        prop_assert_eq!(repr.emit(&mut buf), repr.header_len());
        let (h, rest) = Ipv4Header::from_slice(&buf).unwrap();
        prop_assert_eq!(rest.len(), payload_len);
        prop_assert_eq!(h.calc_header_checksum(), h.header_checksum);
        prop_assert_eq!((h.dscp.value() << 2 | h.ecn.value(), h.identification, h.time_to_live, h.protocol.0), (tos, id, ttl, protocol));
        prop_assert_eq!((h.source, h.destination), (repr.src.octets(), repr.dst.octets()));
        prop_assert_eq!(h.options.as_slice(), &options[..]);
        let packet = Ipv4Packet::parse(&buf).unwrap();
        prop_assert_eq!(h.fragment_offset.byte_offset() as usize, packet.hdr.fragment_offset());
        prop_assert_eq!((h.dont_fragment, h.more_fragments), (packet.hdr.dont_fragment(), packet.hdr.more_fragments()));
        prop_assert_eq!(h.is_fragmenting_payload(), packet.hdr.is_fragment());
        prop_assert_eq!(packet.payload.len(), payload_len);
    }
}
