use super::options::*;
use super::*;
use etherparse::{TcpHeader, TcpOptionElement};
use proptest::prelude::*;

/// `tcp_parse_options` as a byte loop, for what does not depend on the connection.
fn byte_loop(mut p: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut found = Vec::new();
    while !p.is_empty() {
        match p[0] {
            0 => break,
            1 => p = &p[1..],
            kind => {
                if p.len() < 2 || p[1] < 2 || usize::from(p[1]) > p.len() {
                    break;
                }
                let (option, rest) = p.split_at(usize::from(p[1]));
                found.push((kind, option[2..].to_vec()));
                p = rest;
            }
        }
    }
    found
}

fn some_options() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![0u8, 1, 1, 1, 2, 3, 4, 5, 8, 19, 29, 34, 172, 174, 254]);
    let piece = (known, 0u8..20, prop::collection::vec(any::<u8>(), 0..18));
    prop::collection::vec(piece, 0..6).prop_map(|pieces| {
        let mut bytes = Vec::new();
        for (kind, len, data) in pieces {
            bytes.push(kind);
            if kind > 1 {
                bytes.push(if len < 16 { data.len() as u8 + 2 } else { len });
                bytes.extend(data);
            }
        }
        bytes.truncate(40);
        bytes
    })
}

fn block() -> impl Strategy<Value = SackBlock> {
    any::<(u32, u32)>().prop_map(|(start, end)| SackBlock { start, end })
}

prop_compose! {
    /// What fits a header together: Linux never sends more.
    fn sendable()(
        accecn in prop::option::of((any::<bool>(), 0usize..=3)),
        mss in prop::option::of(1u16..),
        wscale in prop::option::of(0u8..=14),
        sack_perm: bool,
        ts in prop::option::of(any::<(u32, u32)>()),
        sack in prop::collection::vec(block(), 0..5),
    ) -> TcpOptions<'static> {
        TcpOptions {
            mss,
            wscale,
            sack_perm,
            timestamp: ts.map(|(val, ecr)| TcpTimestamp { val, ecr }),
            sack: sack.into_iter().collect(),
            accecn: accecn.map(|(order1, fields)| AccEcn { order1, data: &COUNTERS[..3 * fields] }),
            ..TcpOptions::default()
        }
    }
}

/// Counters whose bytes look like padding, an end, options.
const COUNTERS: [u8; 9] = [0, 0, 1, 1, 8, 10, 0, 5, 1];

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = TcpOptions::parse(&bytes);
        let _ = aligned_timestamp(&bytes);
        if let Ok(segment) = TcpSegment::parse(&bytes) {
            let _ = (segment.seq_len(), TcpRepr::from_segment(&segment));
            prop_assert_eq!(TcpHdr::LEN + segment.options.len() + segment.payload.len(), bytes.len());
        }
    }

    #[test]
    fn options_are_walked_as_linux_walks_them(bytes in some_options()) {
        let ours: Vec<_> = RawOptions::new(&bytes).map(|o| (o.kind, o.data.to_vec())).collect();
        prop_assert_eq!(&ours, &byte_loop(&bytes));
        let parsed = TcpOptions::parse(&bytes);
        let last = |kind, len| ours.iter().rev().find(|o| o.0 == kind && o.1.len() == len);
        prop_assert_eq!(parsed.sack_perm, last(4, 0).is_some());
        prop_assert_eq!(parsed.wscale, last(3, 1).map(|o| o.1[0].min(14)));
        prop_assert_eq!(parsed.timestamp.is_some(), last(8, 8).is_some());
        prop_assert_eq!(parsed.md5.map(|m| m.to_vec()), last(19, 16).map(|o| o.1.clone()));
        // what was read can be written and read again
        let mut buf = [0; 40];
        let len = parsed.emit(&mut buf);
        if len > 0 {
            let again = TcpOptions::parse(&buf[..len]);
            prop_assert_eq!(TcpOptions { fastopen: None, ..again }, TcpOptions { fastopen: None, ..parsed });
        }
    }

    #[test]
    fn options_round_trip(options in sendable()) {
        let mut buf = [0; 60];
        let len = options.emit(&mut buf);
        if options.emit_len() > MAX_TCP_OPTION_SPACE {
            prop_assert_eq!(len, 0);
        } else {
            prop_assert_eq!(len, options.emit_len());
            prop_assert_eq!(len % 4, 0);
            prop_assert_eq!(TcpOptions::parse(&buf[..len]), options);
            prop_assert_eq!(options.emit(&mut buf[..len.saturating_sub(1)]), 0);
        }
    }

    #[test]
    fn fast_open_round_trips(cookie in prop::collection::vec(any::<u8>(), 0..20), exp: bool) {
        let options = TcpOptions { fastopen: Some(FastOpen { cookie: Some(&cookie), exp }), ..TcpOptions::default() };
        let mut buf = [0; 40];
        let len = options.emit(&mut buf);
        let read = TcpOptions::parse(&buf[..len]).fastopen;
        match cookie.len() {
            n if n % 2 == 1 => prop_assert_eq!(read, None),
            0 | 4..=16 => prop_assert_eq!(read, options.fastopen),
            _ => prop_assert_eq!(read, Some(FastOpen { cookie: None, exp })),
        }
    }

    #[test]
    fn etherparse_reads_what_we_write(
        ports: (u16, u16), seq: (u32, u32), flags in 0u16..0x200, window: u16, urg_ptr: u16,
        options in sendable(), addrs: (u32, u32), data in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        // The other reader does not know this one.
        let options = TcpOptions { accecn: None, ..options };
        prop_assume!(options.emit_len() <= MAX_TCP_OPTION_SPACE);
        let repr = TcpRepr {
            source: ports.0, dest: ports.1, seq: seq.0, ack_seq: seq.1,
            flags: TcpFlags(flags), window, urg_ptr, options,
        };
        let mut segment = vec![0; repr.header_len()];
        prop_assert_eq!(repr.emit(&mut segment), segment.len());
        segment.extend(&data);
        let (src, dst) = (Ipv4Addr::from_bits(addrs.0), Ipv4Addr::from_bits(addrs.1));
        let pseudo = pseudo_v4(src, dst, 6, segment.len() as u32);
        fill_check(&mut segment, pseudo);
        prop_assert!(check_v4(&segment, src, dst));

        let (h, rest) = TcpHeader::from_slice(&segment).unwrap();
        prop_assert_eq!(rest, &data[..]);
        prop_assert_eq!((h.source_port, h.destination_port), ports);
        prop_assert_eq!((h.sequence_number, h.acknowledgment_number), seq);
        prop_assert_eq!((h.window_size, h.urgent_pointer), (window, urg_ptr));
        let bits = [h.fin, h.syn, h.rst, h.psh, h.ack, h.urg, h.ece, h.cwr, h.ns];
        let theirs = bits.iter().enumerate().fold(0, |all, (i, &bit)| all | u16::from(bit) << i);
        prop_assert_eq!(theirs, flags);
        prop_assert_eq!(h.calc_checksum_ipv4_raw(src.octets(), dst.octets(), &data).unwrap(), h.checksum);
        for element in h.options_iterator() {
            match element.unwrap() {
                TcpOptionElement::Noop => {}
                TcpOptionElement::MaximumSegmentSize(mss) => prop_assert_eq!(Some(mss), options.mss),
                TcpOptionElement::WindowScale(scale) => prop_assert_eq!(Some(scale), options.wscale),
                TcpOptionElement::SelectiveAcknowledgementPermitted => prop_assert!(options.sack_perm),
                TcpOptionElement::Timestamp(val, ecr) => {
                    prop_assert_eq!(Some(TcpTimestamp { val, ecr }), options.timestamp);
                }
                TcpOptionElement::SelectiveAcknowledgement(first, more) => {
                    let all: Vec<_> = Some(first).into_iter().chain(more.into_iter().flatten()).collect();
                    let ours: Vec<_> = options.sack.as_slice().iter().map(|b| (b.start, b.end)).collect();
                    prop_assert_eq!(all, ours);
                }
            }
        }
        let back = TcpSegment::parse(&segment).unwrap();
        prop_assert_eq!(TcpRepr::from_segment(&back).options, options);
        prop_assert_eq!(back.payload, &data[..]);
    }

    #[test]
    fn v6_checksums(mut segment in prop::collection::vec(any::<u8>(), 20..80), src: u128, dst: u128) {
        let (src, dst) = (Ipv6Addr::from_bits(src), Ipv6Addr::from_bits(dst));
        let pseudo = pseudo_v6(src, dst, 6, segment.len() as u32);
        fill_check(&mut segment, pseudo);
        prop_assert!(check_v6(&segment, src, dst));
        segment[3] ^= 1;
        prop_assert!(!check_v6(&segment, src, dst));
    }
}

#[test]
fn lengths() {
    let mut segment = [0u8; 24];
    for (doff, ok) in [(0, false), (4, false), (5, true), (6, true), (7, false), (15, false)] {
        segment[12] = doff << 4;
        let parsed = TcpSegment::parse(&segment);
        assert_eq!(parsed.is_ok(), ok, "{doff}");
        assert!(ok || parsed.unwrap_err() == Error::HeaderLength);
    }
    assert_eq!(TcpSegment::parse(&segment[..19]).unwrap_err(), Error::Truncated);
}

#[test]
fn lenient_as_linux() {
    // a timestamp of a wrong length is skipped, what follows counts
    let odd = TcpOptions::parse(&[8, 9, 0, 0, 0, 0, 0, 0, 0, 2, 4, 5, 180]);
    assert_eq!((odd.timestamp, odd.mss), (None, Some(1460)));
    // an MSS of zero is none; the last of several counts
    assert_eq!(TcpOptions::parse(&[2, 4, 1, 0, 2, 4, 0, 0]).mss, Some(256));
    assert_eq!(TcpOptions::parse(&[2, 4, 1, 0, 2, 4, 2, 0]).mss, Some(512));
    // a window scale above 14 counts as 14
    assert_eq!(TcpOptions::parse(&[3, 3, 200]).wscale, Some(14));
    // options end at EOL, at a length below 2, and at one beyond the header
    for stop in [&[0u8][..], &[9, 1], &[9, 0], &[9, 200], &[9]] {
        let bytes = [stop, &[4, 2]].concat();
        let bytes = if stop == [9] { &bytes[..1] } else { &bytes };
        assert!(!TcpOptions::parse(bytes).sack_perm, "{stop:?}");
    }
    // five SACK blocks fit the length rule but not a header; only four are kept
    let five = [&[5u8, 42][..], &[1; 40]].concat();
    assert_eq!(TcpOptions::parse(&five).sack.as_slice().len(), 4);
    assert_eq!(TcpOptions::parse(&[5, 9, 0, 0, 0, 0, 0, 0, 0]).sack, SackBlocks::NONE);
}

#[test]
fn aligned_timestamps() {
    let ts = TcpTimestamp { val: 0x0102_0304, ecr: 9 };
    let options = TcpOptions { timestamp: Some(ts), ..TcpOptions::default() };
    let mut buf = [0; 12];
    assert_eq!(options.emit(&mut buf), 12);
    assert_eq!(aligned_timestamp(&buf), Some(ts));
    assert_eq!(aligned_timestamp(&buf[..11]), None);
    buf[0] = 4;
    assert_eq!(aligned_timestamp(&buf), None);
}

#[test]
fn accurate_ecn() {
    let data = [0, 0, 1, 0, 1, 0, 1, 0, 0];
    let accecn = AccEcn { order1: true, data: &data };
    let options = TcpOptions { accecn: Some(accecn), ..TcpOptions::default() };
    let mut buf = [0; 12];
    assert_eq!(options.emit(&mut buf), 12);
    assert_eq!(buf[..2], [174, 11]);
    let back = TcpOptions::parse(&buf).accecn.unwrap();
    assert_eq!(back.counters().collect::<Vec<_>>(), [1, 256, 65536]);
}

/// The option of few counters stands where others have padding, as Linux writes it.
#[test]
fn accurate_ecn_takes_the_place_of_padding() {
    let sack: SackBlocks = [SackBlock { start: 1, end: 2 }].into_iter().collect();
    let write = |fields: usize, wscale, sack| {
        let accecn = Some(AccEcn { order1: true, data: &COUNTERS[..3 * fields] });
        let options = TcpOptions { accecn, wscale, sack, ..TcpOptions::default() };
        let mut buf = [0; 40];
        let len = options.emit(&mut buf);
        assert_eq!(len, options.emit_len());
        buf[..len].to_vec()
    };
    let blocks = [0, 0, 0, 1, 0, 0, 0, 2];
    assert_eq!(write(0, None, sack), [&[174, 2, 5, 10][..], &blocks].concat());
    assert_eq!(write(1, None, sack), [&[174, 5, 0, 0, 1, 1, 5, 10][..], &blocks].concat());
    assert_eq!(write(1, Some(7), SackBlocks::NONE), [174, 5, 0, 0, 1, 3, 3, 7]);
    assert_eq!(write(0, Some(7), SackBlocks::NONE), [1, 3, 3, 7, 174, 2, 1, 1]);
    assert_eq!(write(0, None, SackBlocks::NONE), [174, 2, 1, 1]);
}

#[test]
fn flags() {
    let mut hdr = TcpHdr::default();
    hdr.set_len_flags(20, TcpFlags::SYN | TcpFlags::AE);
    assert_eq!((hdr.header_len(), hdr.reserved()), (20, 0));
    hdr.set_flags(TcpFlags::FIN | TcpFlags::ACK);
    hdr.set_window(0x1234);
    assert_eq!(hdr.flag_word(), 0x5011_1234);
    assert_eq!(hdr.flags().to_string(), "F.");
    assert_eq!(TcpFlags::NONE.to_string(), "none");
    assert_eq!((!TcpFlags::NONE).without(TcpFlags::AE).0, 0xff);
    assert_eq!(hdr.bytes()[12..14], [0x50, 0x11]);
}
