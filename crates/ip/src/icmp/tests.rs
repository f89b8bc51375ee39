use super::*;
use crate::testnet::{World, a, packet, sent};
use wire::Icmpv6Hdr;

fn echo(kind: u8) -> Vec<u8> {
    let mut message = b"........abcdefgh".to_vec();
    wire::icmp::emit(&mut message, kind, 0, [1, 2, 3, 4]);
    message
}

#[test]
fn echo_is_answered() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.0.0.1", 24)]);
    world.receive(&dev, &packet("10.0.0.2", "10.0.0.1", 1, &echo(8)));
    let answers = sent(&dev);
    let p = Ipv4Packet::parse(&answers[0]).unwrap();
    assert_eq!((p.hdr.saddr(), p.hdr.daddr()), ([10, 0, 0, 1].into(), [10, 0, 0, 2].into()));
    assert_eq!(p.payload, echo(0));
    assert!(!p.hdr.dont_fragment());
    let sum = |c| world.net.mib.sum(c);
    let counters = [mib::Icmp::InMsgs, mib::Icmp::InEchos, mib::Icmp::OutMsgs, mib::Icmp::OutEchoReps];
    assert_eq!(counters.map(sum), [1, 1, 1, 1]);
    world.net.sysctl.write(&world.net, "net/ipv4/icmp_echo_ignore_all", "1").unwrap();
    world.receive(&dev, &packet("10.0.0.2", "10.0.0.1", 1, &echo(8)));
    world.net.sysctl.write(&world.net, "net/ipv4/icmp_echo_ignore_all", "0").unwrap();
    world.receive(&dev, &packet("10.0.0.2", "10.0.0.255", 1, &echo(8)));
    assert!(sent(&dev).is_empty(), "not to broadcasts");
    let mut bad = echo(8);
    bad[9] ^= 1;
    world.receive(&dev, &packet("10.0.0.2", "10.0.0.1", 1, &bad));
    assert!(sent(&dev).is_empty());
    assert_eq!(world.net.mib.sum(mib::Icmp::InCsumErrors), 1);
}

#[test]
fn a_long_echo_is_answered_in_fragments() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.0.0.1", 24)]);
    let mut message = vec![7; 4000];
    wire::icmp::emit(&mut message, 8, 0, [1, 2, 3, 4]);
    // As a device with a large receive offload hands it up.
    world.receive(&dev, &packet("10.0.0.2", "10.0.0.1", 1, &message));
    let frags = sent(&dev);
    assert_eq!(frags.len(), 3);
    let whole: Vec<u8> = frags.iter().flat_map(|f| Ipv4Packet::parse(f).unwrap().payload.to_vec()).collect();
    assert!(wire::icmp::check(&whole) && whole.len() == 4000);
}

#[test]
fn timestamps_are_answered() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.0.0.1", 24)]);
    let mut message = [0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0];
    wire::icmp::emit(&mut message, 13, 0, [5, 6, 7, 8]);
    world.receive(&dev, &packet("10.0.0.2", "10.0.0.1", 1, &message));
    let answer = &sent(&dev)[0][20..];
    assert_eq!(answer.len(), 20);
    assert!(wire::icmp::check(answer) && answer[0] == 14 && answer[4..12] == [5, 6, 7, 8, 1, 2, 3, 4]);
    assert_eq!(answer[12..16], 1000u32.to_be_bytes(), "the wall clock began at midnight, one second ago");
}

#[test]
fn unknown_protocols_are_unreachable() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.0.0.1", 24)]);
    let bad = packet("10.0.0.2", "10.0.0.1", 99, &[1; 900]);
    world.receive(&dev, &bad);
    let told = sent(&dev);
    let p = Ipv4Packet::parse(&told[0]).unwrap();
    assert_eq!(p.payload[..2], [3, 2]);
    assert_eq!((told[0].len(), p.hdr.tos()), (576, 0xc0));
    assert_eq!(p.payload[8..], bad[..548]);
    assert!(wire::icmp::check(p.payload));
    assert_eq!(world.net.mib.sum(mib::Ip::InUnknownProtos), 1);
}

#[test]
fn errors_are_limited_but_not_on_loopback() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.0.0.1", 24)]);
    let bad = packet("10.0.0.2", "10.0.0.1", 99, &[1; 8]);
    for _ in 0..20 {
        world.receive(&dev, &bad);
    }
    assert_eq!(sent(&dev).len(), 6, "a burst to one peer");
    assert_eq!(world.net.mib.sum(mib::Icmp::OutRateLimitHost), 14);
    world.advance(1000);
    world.receive(&dev, &bad);
    world.receive(&dev, &bad);
    assert_eq!(sent(&dev).len(), 1, "one a second after");
    for i in 0..200u8 {
        world.receive(&dev, &packet(&format!("10.0.0.{}", i.max(3)), "10.0.0.1", 99, &[1; 8]));
    }
    let n = sent(&dev).len();
    assert!((25..=100).contains(&n), "50 in all, on average: {n}");
    assert!(world.net.mib.sum(mib::Icmp::OutRateLimitGlobal) > 90);
    for _ in 0..300 {
        world.receive(&world.lo, &packet("127.0.0.1", "127.0.0.1", 99, &[1; 8]));
    }
    // Each error comes back as a packet about a protocol that nobody registered: counted, not answered.
    assert!(world.net.mib.sum(mib::Icmp::InDestUnreachs) >= 300);
}

#[test]
fn no_error_about_errors_fragments_and_groups() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.0.0.1", 24)]);
    let about = |bytes: &[u8]| {
        world.call(|cx| {
            let mut skb = cx.alloc_skb();
            skb.append(cx, bytes);
            skb.set_network_header();
            skb.iif = dev.ifindex;
            send(cx, &skb, ICMP_DEST_UNREACH, 3, 0);
        });
        sent(&dev).len()
    };
    assert_eq!(about(&packet("10.0.0.2", "10.0.0.1", 17, &[0; 8])), 1);
    assert_eq!(about(&packet("10.0.0.2", "10.0.0.255", 17, &[0; 8])), 0);
    assert_eq!(about(&packet("10.0.0.2", "224.0.0.1", 17, &[0; 8])), 0);
    assert_eq!(about(&packet("10.0.0.2", "10.0.0.1", 1, &echo(8))), 1);
    assert_eq!(about(&packet("10.0.0.2", "10.0.0.1", 1, &echo(3))), 0);
    let mut later = packet("10.0.0.2", "10.0.0.1", 17, &[0; 8]);
    later[7] = 1;
    assert_eq!(about(&later), 0);
}

#[test]
fn errors_reach_the_protocol() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.0.0.1", 24), ("2001:db8::1", 64)]);
    let ours = packet("10.0.0.1", "10.0.0.2", 17, &[0x12, 0x34, 0, 53, 0, 8, 0, 0]);
    let mut message = [&[0; 8][..], &ours].concat();
    wire::icmp::emit(&mut message, 3, 4, [0, 0, 5, 0]);
    world.receive(&dev, &packet("10.0.0.9", "10.0.0.1", 1, &message));
    assert_eq!(world.errors(), [(3, 4, 1280, 0x1234, 53)]);
    // Too little quoted to find a socket by.
    let mut message = [&[0; 8][..], &ours[..24]].concat();
    wire::icmp::emit(&mut message, 3, 3, [0; 4]);
    world.receive(&dev, &packet("10.0.0.9", "10.0.0.1", 1, &message));
    assert!(world.errors().is_empty());
    assert_eq!(world.net.mib.sum(mib::Icmp::InErrors), 1);

    let ours = packet("2001:db8::1", "2001:db8::2", 17, &[0x12, 0x34, 0, 53, 0, 8, 0, 0]);
    let mut message = [&[0; 8][..], &ours].concat();
    let (src, dst) = (a("2001:db8::9").as_v6(), a("2001:db8::1").as_v6());
    wire::icmpv6::emit(&mut message, 2, 0, 1400u32.to_be_bytes(), src, dst);
    world.receive(&dev, &packet("2001:db8::9", "2001:db8::1", 58, &message));
    assert_eq!(world.errors(), [(2, 0, 1400, 0x1234, 53)]);
}

#[test]
fn v6_echo_and_unreachable() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("2001:db8::1", 64)]);
    let (src, dst) = (a("2001:db8::2").as_v6(), a("2001:db8::1").as_v6());
    let mut message = b"........abcdefgh".to_vec();
    wire::icmpv6::emit(&mut message, 128, 0, [1, 2, 3, 4], src, dst);
    world.receive(&dev, &packet("2001:db8::2", "2001:db8::1", 58, &message));
    let answer = &sent(&dev)[0][40..];
    let (hdr, rest) = wire::icmpv6::parse(answer, dst, src).unwrap();
    assert_eq!((hdr.kind(), hdr.rest(), rest), (129, [1, 2, 3, 4], &b"abcdefgh"[..]));
    let sum = |c| world.net.mib.sum(c);
    let counters = [mib::Icmp6::InMsgs, mib::Icmp6::InEchos, mib::Icmp6::OutMsgs, mib::Icmp6::OutEchoReplies];
    assert_eq!(counters.map(sum), [1, 1, 1, 1]);
    // A large packet that nobody wants is quoted as far as 1280 bytes go.
    world.receive(&dev, &packet("2001:db8::2", "2001:db8::1", 99, &[1; 1400]));
    let told = sent(&dev);
    assert_eq!(told[0].len(), 1280);
    let (hdr, _) = wire::icmpv6::parse(&told[0][40..], dst, src).unwrap();
    assert_eq!((hdr.kind(), hdr.code(), hdr.mtu_or_pointer()), (4, 1, 6));
    assert_eq!(size_of::<Icmpv6Hdr>(), 8);
    // No error about an error.
    let mut error = [&[0; 8][..], &told[0][..48]].concat();
    wire::icmpv6::emit(&mut error, 200, 0, [0; 4], src, dst);
    world.receive(&dev, &packet("2001:db8::2", "2001:db8::1", 58, &error));
    assert!(sent(&dev).is_empty());
}

#[test]
fn options_that_are_wrong_are_pointed_at() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.0.0.1", 24)]);
    let mut bytes = vec![0; 28];
    let (src, dst) = ([10, 0, 0, 2].into(), [10, 0, 0, 1].into());
    let repr = wire::Ipv4Repr {
        protocol: 17,
        src,
        dst,
        payload_len: 8,
        options: &[1, 7, 9, 4],
        ..Default::default()
    };
    repr.emit(&mut bytes);
    bytes.extend_from_slice(&[0; 4]);
    world.receive(&dev, &bytes);
    assert!(world.received().is_empty());
    let told = sent(&dev);
    assert_eq!(told[0][20..25], [12, 0, told[0][22], told[0][23], 21]);
}
