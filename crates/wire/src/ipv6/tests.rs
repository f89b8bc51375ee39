use super::ext::*;
use super::*;
use etherparse::{Ipv6Extensions, Ipv6Header};
use proptest::prelude::*;

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..120), next in prop::sample::select(vec![0u8, 6, 43, 44, 51, 59, 60])) {
        let _ = Ipv6Packet::parse(&bytes);
        let _ = Ipv6Packet::parse_quoted(&bytes);
        let mut end = 0;
        for header in ExtHeaders::new(next, &bytes).flatten() {
            prop_assert_eq!(header.offset, end);
            end += header.bytes.len();
            for option in Ipv6Options::new(header.bytes).flatten() {
                prop_assert!(option.offset + 2 + option.data.len() <= header.bytes.len());
            }
        }
        prop_assert!(end <= bytes.len());
        if let Ok(skipped) = skip(next, &bytes) {
            prop_assert_eq!(skipped.offset, end);
        }
    }

    #[test]
    fn etherparse_reads_what_we_write(traffic_class: u8, flow_label in 0u32..0x10_0000, next_header: u8, hop_limit: u8, src: u128, dst: u128, payload_len in 0usize..100) {
        let repr = Ipv6Repr {
            traffic_class, flow_label, next_header, hop_limit,
            src: Ipv6Addr::from_bits(src), dst: Ipv6Addr::from_bits(dst), payload_len,
        };
        let mut buf = vec![0; 40 + payload_len];
        prop_assert_eq!(repr.emit(&mut buf), 40);
        let (h, rest) = Ipv6Header::from_slice(&buf).unwrap();
        prop_assert_eq!((h.traffic_class, h.flow_label.value(), h.next_header.0, h.hop_limit), (traffic_class, flow_label, next_header, hop_limit));
        prop_assert_eq!((h.source, h.destination), (repr.src.octets(), repr.dst.octets()));
        prop_assert_eq!(usize::from(h.payload_length), rest.len());
        let packet = Ipv6Packet::parse(&buf).unwrap();
        prop_assert_eq!(packet.hdr.traffic_class(), traffic_class);
        prop_assert_eq!(packet.hdr.flowinfo(), u32::from(traffic_class) << 20 | flow_label);
        prop_assert_eq!(packet.payload.len(), payload_len);
    }

    /// Chains in the order RFC 8200 recommends, which is the one etherparse takes.
    #[test]
    fn chains(hop: bool, dest: bool, routing: bool, frag: bool, sizes in any::<[u8; 3]>(), upper in prop::sample::select(vec![6u8, 17, 58])) {
        let kinds: Vec<u8> = [(hop, 0), (dest, 60), (routing, 43), (frag, 44)].iter().filter(|k| k.0).map(|k| k.1).collect();
        let mut chain = Vec::new();
        for (i, &kind) in kinds.iter().enumerate() {
            let next = kinds.get(i + 1).copied().unwrap_or(upper);
            let len = if kind == 44 { 0 } else { sizes[i.min(2)] % 3 };
            let mut header = vec![0; 8 + usize::from(len) * 8];
            header[0] = next;
            header[1] = len;
            chain.extend(header);
        }
        let first = kinds.first().copied().unwrap_or(upper);
        let ours = skip(first, &chain).unwrap();
        prop_assert_eq!((ours.next, ours.offset), (upper, chain.len()));
        prop_assert_eq!(ours.frag_off, frag.then_some(0));
        let (_, next, rest) = Ipv6Extensions::from_slice(etherparse::IpNumber(first), &chain).unwrap();
        prop_assert_eq!((next.0, rest.len()), (upper, 0));
        if !chain.is_empty() {
            prop_assert_eq!(skip(first, &chain[..chain.len() - 1]), Err(Error::Truncated));
        }
    }
}

#[test]
fn lengths() {
    let mut buf = [0u8; 50];
    Ipv6Repr { next_header: 17, payload_len: 10, ..Ipv6Repr::default() }.emit(&mut buf);
    assert_eq!(Ipv6Packet::parse(&buf[..49]).unwrap_err(), Error::TotalLength);
    assert_eq!(Ipv6Packet::parse(&buf[..39]).unwrap_err(), Error::Truncated);
    assert_eq!(Ipv6Packet::parse_quoted(&buf[..45]).unwrap().payload.len(), 5);
    buf[5] = 4;
    assert_eq!(Ipv6Packet::parse(&buf).unwrap().payload.len(), 4);
    buf[5] = 0;
    assert_eq!(Ipv6Packet::parse(&buf).unwrap().payload.len(), 0);
    buf[6] = 0;
    assert_eq!(Ipv6Packet::parse(&buf).unwrap().payload.len(), 10);
    buf[0] = 0x40;
    assert_eq!(Ipv6Packet::parse(&buf).unwrap_err(), Error::Version);
}

#[test]
fn later_fragments_end_the_walk() {
    let mut payload = FragHdr::new(60, 1400, true, 7).bytes().to_vec();
    payload.extend([0xff; 8]);
    let got = skip(44, &payload).unwrap();
    assert_eq!((got.next, got.offset, got.frag_off), (60, 8, Some(1401)));
    let (frag, _) = FragHdr::view(&payload).unwrap();
    assert_eq!((frag.offset(), frag.more(), frag.identification()), (1400, true, 7));
}

#[test]
fn options() {
    let header = [6, 1, 0, 1, 2, 0, 0, 0xc2, 4, 0, 1, 0, 0, 0, 0x45, 9];
    let all: Vec<_> = Ipv6Options::new(&header).collect();
    let kinds: Vec<_> = all[..2].iter().map(|o| o.unwrap().kind).collect();
    assert_eq!(kinds, [IPV6_TLV_PADN, IPV6_TLV_JUMBO]);
    assert_eq!(all[1].unwrap().offset, 7);
    assert_eq!(all[1].unwrap().unknown_action(), UnknownAction::ReportUnicast);
    assert_eq!(all[2..], [Err(14)]);
}

#[test]
fn marks() {
    let mut hdr = Ipv6Hdr::default();
    hdr.set_flow_label(0xfffff);
    assert!(!hdr.set_ce());
    hdr.set_traffic_class(0xa1);
    assert!(hdr.set_ce());
    assert_eq!((hdr.traffic_class(), hdr.flow_label(), hdr.version()), (0xa3, 0xfffff, 0));
}
