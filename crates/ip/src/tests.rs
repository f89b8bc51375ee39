//! The whole room: packets down by a socket's settings and up to a protocol, through `lo` and through
//! a device that keeps what it is given.

use crate::output::{self, Datagram, Ipcm};
use crate::route;
use crate::sock::InetSock;
use crate::testnet::{World, a, packet, sent};
use crate::v4::options::IpOptions;
use net::dst::{DstKind, Flow};
use net::sock::SockCommon;
use net::{Cx, Skb, mib};
use std::sync::Arc;
use uapi::{Errno, InetAddr, Result};
use wire::{Ipv4Packet, Ipv6Packet};

const AF_INET: u16 = uapi::AF_INET as u16;
const AF_INET6: u16 = uapi::AF_INET6 as u16;

/// A UDP datagram without meaning, of `len` bytes with its header.
fn udp(cx: &Cx<'_>, len: usize) -> Skb {
    let mut skb = cx.alloc_skb();
    let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
    skb.append(cx, &bytes);
    skb.may_pull(8.min(len));
    skb
}

struct Sender {
    sk: SockCommon,
    inet: InetSock,
    ipc: Ipcm,
}

impl Sender {
    fn new(world: &World, family: u16) -> Self {
        let mut inet = InetSock::default();
        inet.init(&world.net, family);
        let sk = SockCommon::default();
        sk.set_protocol(17);
        Sender { sk, inet, ipc: Ipcm::default() }
    }

    fn route(&self, cx: &Cx<'_>, to: &str) -> Result<Arc<net::Dst>> {
        route::output(cx, &route::flow_of(&self.sk, &self.inet, a(to)))
    }

    /// As UDP's sendmsg: route, length, datagram.
    fn send(&mut self, world: &World, to: &str, len: usize) -> Result<()> {
        world.call(|cx| {
            let dst = self.route(cx, to)?;
            let daddr = if a(to).is_unspecified() { dst.src } else { a(to) };
            let d = Datagram { dst: &dst, saddr: dst.src, daddr, protocol: 17, ipc: &self.ipc };
            if len > output::room(&self.inet, &d).max {
                return Err(Errno::EMSGSIZE);
            }
            output::send_skb(cx, &self.sk, &mut self.inet, &d, udp(cx, len))
        })
    }
}

/// What Linux answers in a namespace with lo alone, as asked with `sendto`.
#[test]
fn errors_of_sending_are_linux_errors() {
    let world = World::new();
    let mut v4 = Sender::new(&world, AF_INET);
    for to in ["0.0.0.1", "240.0.0.1", "255.255.255.255", "8.8.8.8", "224.1.1.1"] {
        assert_eq!(v4.send(&world, to, 9), Err(Errno::ENETUNREACH), "{to}");
    }
    for to in ["127.0.0.1", "127.9.9.9", "0.0.0.0"] {
        assert_eq!(v4.send(&world, to, 9), Ok(()), "{to}");
    }
    let kind = |to| world.call(|cx| Sender::new(&world, AF_INET).route(cx, to).unwrap().kind);
    assert_eq!(kind("127.255.255.255"), DstKind::Broadcast);
    let mut v6 = Sender::new(&world, AF_INET6);
    for to in ["ff02::1", "ff05::1", "fe80::1", "2002::1"] {
        assert_eq!(v6.send(&world, to, 9), Err(Errno::ENETUNREACH), "{to}");
    }
    for to in ["::1", "::"] {
        assert_eq!(v6.send(&world, to, 9), Ok(()), "{to}");
    }
    v4.sk.set_bound_dev_if(world.lo.ifindex);
    assert_eq!(v4.send(&world, "8.8.8.8", 9), Ok(()), "on the link of lo");
    for (saddr, errno) in [("9.9.9.9", Errno::ENETUNREACH), ("224.0.0.1", Errno::EINVAL)] {
        let mut from = Sender::new(&world, AF_INET);
        from.inet.saddr = a(saddr);
        assert_eq!(from.send(&world, "127.0.0.1", 9), Err(errno), "{saddr}");
    }
    v4.sk.set_bound_dev_if(99);
    assert_eq!(v4.send(&world, "127.0.0.1", 9), Err(Errno::ENODEV));
}

// chapter: B7
#[test]
fn settings_are_seen_on_the_wire() {
    let world = World::new();
    let mut s = Sender::new(&world, AF_INET);
    s.inet.tos = 0x10;
    s.inet.uc_ttl = 7;
    s.send(&world, "127.0.0.5", 16).unwrap();
    let got = world.received();
    let p = Ipv4Packet::parse(&got[0]).unwrap();
    assert_eq!((p.hdr.tos(), p.hdr.ttl(), p.hdr.protocol()), (0x10, 7, 17));
    assert_eq!(
        (p.hdr.saddr().to_string(), p.hdr.daddr().to_string()),
        ("127.0.0.1".into(), "127.0.0.5".into())
    );
    assert!(p.hdr.dont_fragment(), "path MTU discovery is on");
    s.inet.pmtudisc = uapi::IP_PMTUDISC_DONT as u8;
    s.ipc.ttl = Some(3);
    s.ipc.tos = Some(0x20);
    s.inet.options = Some(Arc::new(IpOptions::from_user(&[7, 7, 4, 0, 0, 0, 0], false).unwrap()));
    s.send(&world, "127.0.0.5", 16).unwrap();
    let got = world.received();
    let p = Ipv4Packet::parse(&got[0]).unwrap();
    assert_eq!((p.hdr.tos(), p.hdr.ttl(), p.hdr.dont_fragment()), (0x20, 3, false));
    assert_eq!(p.options, [7, 7, 8, 127, 0, 0, 1, 0]);

    let mut s = Sender::new(&world, AF_INET6);
    s.inet.v6.tclass = 0x28;
    s.inet.v6.hop_limit = 9;
    s.ipc.flow_label = 0x12345;
    s.send(&world, "::1", 16).unwrap();
    let got = world.received();
    let p = Ipv6Packet::parse(&got[0]).unwrap();
    assert_eq!((p.hdr.traffic_class(), p.hdr.hop_limit(), p.hdr.flow_label()), (0x28, 9, 0x12345));
    s.ipc.flow_label = 0;
    s.send(&world, "::1", 16).unwrap();
    assert_ne!(Ipv6Packet::parse(&world.received()[0]).unwrap().hdr.flow_label(), 0);
}

#[test]
fn a_connected_socket_keeps_its_route_until_the_tables_change() {
    let world = World::new();
    let mut s = Sender::new(&world, AF_INET);
    world.call(|cx| {
        s.inet.daddr = a("127.0.0.1");
        let dst = route::connect(cx, &s.sk, &mut s.inet, a("127.0.0.1")).unwrap();
        assert_eq!((dst.kind, dst.mtu()), (DstKind::Local, 65535));
        assert_eq!((s.inet.saddr, s.inet.rcv_saddr), (a("127.0.0.1"), a("127.0.0.1")));
        for id in 0..3 {
            s.inet.id = 100 + id;
            output::queue_xmit(cx, &s.sk, &mut s.inet, udp(cx, 20)).unwrap();
            assert_eq!(s.inet.id, 101 + id);
            assert!(Arc::ptr_eq(s.inet.dst.as_ref().unwrap(), &dst));
        }
        world.net.rt_genid_bump();
        output::queue_xmit(cx, &s.sk, &mut s.inet, udp(cx, 20)).unwrap();
        assert!(!Arc::ptr_eq(s.inet.dst.as_ref().unwrap(), &dst));
    });
    let ids: Vec<u16> = world.received().iter().map(|p| Ipv4Packet::parse(p).unwrap().hdr.id()).collect();
    assert_eq!(ids, [100, 101, 102, 103]);
    world.call(|cx| {
        crate::addr::del(&world.net, &world.lo, a("127.0.0.1"), 8).unwrap();
        assert_eq!(output::queue_xmit(cx, &s.sk, &mut s.inet, udp(cx, 20)), Err(Errno::EHOSTUNREACH));
    });
    assert_eq!(world.net.mib.sum(mib::Ip::OutNoRoutes), 1);
}

/// A connection's packet that the path does not take is not cut: the connection is told.
#[test]
fn connections_learn_what_the_path_takes() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.0.0.1", 24), ("2001:db8::1", 64)]);
    for (to, family, error) in [("10.0.0.9", AF_INET, (3, 4)), ("2001:db8::9", AF_INET6, (2, 0))] {
        let mut s = Sender::new(&world, family);
        s.inet.daddr = a(to);
        world.call(|cx| {
            assert_eq!(output::queue_xmit(cx, &s.sk, &mut s.inet, udp(cx, 1400)), Ok(()));
            assert_eq!(sent(&dev).len(), 1);
            s.inet.saddr = s.inet.dst.as_ref().unwrap().src;
            assert_eq!(output::queue_xmit(cx, &s.sk, &mut s.inet, udp(cx, 1500)), Err(Errno::EMSGSIZE));
        });
        assert!(sent(&dev).is_empty());
        let errors = world.errors();
        assert_eq!(errors.len(), 1, "{to}");
        assert_eq!((errors[0].0, errors[0].1, errors[0].2), (error.0, error.1, 1500));
    }
}

#[test]
fn a_v6_socket_speaks_v4() {
    let world = World::new();
    let mut s = Sender::new(&world, AF_INET6);
    s.send(&world, "::ffff:127.0.0.1", 9).unwrap();
    assert_eq!(world.received()[0][0] >> 4, 4);
    world.call(|cx| assert_eq!(s.route(cx, "::1").unwrap().mtu(), 65536));
    // A source that is IPv4 does not do for an IPv6 destination.
    s.inet.saddr = a("127.0.0.1");
    assert_eq!(s.send(&world, "::1", 9), Err(Errno::EAFNOSUPPORT));
}

// chapter: B8
#[test]
fn long_datagrams_are_cut_and_put_together() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.0.0.1", 24), ("2001:db8::1", 64)]);
    let mut s = Sender::new(&world, AF_INET);
    s.inet.options =
        Some(Arc::new(IpOptions::from_user(&[148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0], false).unwrap()));
    s.send(&world, "10.0.0.9", 5000).unwrap();
    let frags = sent(&dev);
    assert_eq!(frags.iter().map(Vec::len).collect::<Vec<_>>(), [1496, 1496, 1496, 640]);
    let first = Ipv4Packet::parse(&frags[0]).unwrap();
    let later = Ipv4Packet::parse(&frags[1]).unwrap();
    assert_eq!(first.options[..4], later.options[..4], "the router alert is copied");
    assert_eq!(later.options[4..11], [1; 7], "the recorded route is not");
    assert!(frags.iter().all(|f| Ipv4Packet::parse(f).unwrap().hdr.id() == first.hdr.id()));
    assert_eq!(world.net.mib.sum(mib::Ip::FragCreates), 4);
    s.inet.pmtudisc = uapi::IP_PMTUDISC_DO as u8;
    assert_eq!(s.send(&world, "10.0.0.9", 5000), Err(Errno::EMSGSIZE));
    assert_eq!(s.send(&world, "10.0.0.9", 1464), Ok(()));

    // The same packets come back as from another host.
    let whole: Vec<u8> = frags.iter().flat_map(|f| Ipv4Packet::parse(f).unwrap().payload.to_vec()).collect();
    assert_eq!(whole, (0..5000).map(|i| i as u8).collect::<Vec<u8>>());

    let mut s = Sender::new(&world, AF_INET6);
    s.send(&world, "2001:db8::9", 3000).unwrap();
    let frags = sent(&dev);
    let frags = &frags[1..];
    assert_eq!(frags.iter().map(Vec::len).collect::<Vec<_>>(), [1496, 1496, 48 + 3000 - 2 * 1448]);
    assert!(frags.iter().all(|f| f[6] == 44));
    s.inet.v6.dontfrag = true;
    assert_eq!(s.send(&world, "2001:db8::9", 3000), Err(Errno::EMSGSIZE));
    assert_eq!(s.send(&world, "2001:db8::9", 1452), Ok(()));
}

#[test]
fn lo_takes_the_largest_datagrams() {
    let world = World::new();
    let mut s = Sender::new(&world, AF_INET);
    assert_eq!(s.send(&world, "127.0.0.1", 65515), Ok(()));
    assert_eq!(s.send(&world, "127.0.0.1", 65516), Err(Errno::EMSGSIZE));
    assert_eq!(world.received()[0].len(), 65535);
    let mut s = Sender::new(&world, AF_INET6);
    // Longer than lo's MTU: in two fragments.
    assert_eq!(s.send(&world, "::1", 65535), Ok(()));
    assert_eq!(world.net.mib.sum(mib::Ip6::FragCreates), 2);
    assert_eq!(world.received()[0].len(), 65575);
}

#[test]
fn what_comes_in_is_checked() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.0.0.1", 24)]);
    let good = packet("10.0.0.2", "10.0.0.1", 17, &[1; 16]);
    let count = |c: mib::Ip| world.net.mib.sum(c);
    world.receive(&dev, &good);
    assert_eq!(world.received().concat(), good);
    // Padding behind the packet is cut off.
    world.receive(&dev, &[&good[..], &[0; 10]].concat());
    assert_eq!(world.received().concat(), good);
    let broken = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        world.receive(&dev, &bytes);
        assert!(world.received().is_empty());
    };
    broken(&|b| b[8] = 1);
    assert_eq!(world.net.mib.sum(mib::IpExt::InCsumErrors), 1);
    broken(&|b| b[0] = 0x44);
    broken(&|b| b.truncate(19));
    assert_eq!(count(mib::Ip::InHdrErrors), 3);
    broken(&|b| b.truncate(30));
    assert_eq!(world.net.mib.sum(mib::IpExt::InTruncatedPkts), 1);
    world.receive(&dev, &packet("10.0.0.2", "10.9.9.9", 17, &[1; 16]));
    assert_eq!(count(mib::Ip::InAddrErrors), 1);
    // Martians: ourselves, loopback, groups as source.
    for saddr in ["10.0.0.1", "127.0.0.1", "224.0.0.1", "255.255.255.255"] {
        world.receive(&dev, &packet(saddr, "10.0.0.1", 17, &[1; 16]));
        assert!(world.received().is_empty(), "{saddr}");
    }
    world.receive(&dev, &packet("10.0.0.2", "127.0.0.1", 17, &[1; 16]));
    assert!(world.received().is_empty());
    world.receive(&dev, &packet("10.0.0.2", "10.0.0.255", 17, &[1; 16]));
    world.receive(&dev, &packet("0.0.0.0", "255.255.255.255", 17, &[1; 16]));
    assert_eq!(world.received().len(), 2);
    assert_eq!(world.net.mib.sum(mib::IpExt::InBcastPkts), 2);
}

#[test]
fn dontroute_is_for_links_only() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.0.0.1", 24)]);
    let fib = &crate::IpNet::of(&world.net).fib;
    let default = crate::fib::Route::new(a("0.0.0.0"), 0, dev.clone()).via(a("10.0.0.9"));
    fib.add(&world.net, default, crate::fib::Mode::Exclusive).unwrap();
    let mut s = Sender::new(&world, AF_INET);
    assert_eq!(s.send(&world, "9.9.9.9", 9), Ok(()));
    s.sk.set_flag(net::sock::SockFlag::LocalRoute, true);
    assert_eq!(s.send(&world, "9.9.9.9", 9), Err(Errno::ENETUNREACH));
    assert_eq!(s.send(&world, "10.0.0.7", 9), Ok(()));
    assert_eq!(s.send(&world, "127.0.0.1", 9), Ok(()));
    assert_eq!(sent(&dev).len(), 2);
}

/// `IP_HDRINCL`: a route to this host does not make a header right.
#[test]
fn headers_that_programs_write_are_checked() {
    let world = World::new();
    let send = |to: &str, bytes: &[u8]| {
        world.call(|cx| {
            let family = if a(to).is_v4() { AF_INET } else { AF_INET6 };
            let dst = Sender::new(&world, family).route(cx, to).unwrap();
            let mut skb = cx.alloc_skb();
            skb.append(cx, bytes);
            skb.may_pull(40.min(bytes.len()));
            output::local_out(cx, &dst, skb).unwrap();
        });
        world.received().len()
    };
    let good = packet("127.0.0.1", "127.0.0.1", 17, &[0; 30]);
    assert_eq!(send("127.0.0.1", &good), 1);
    let mut bad = good;
    bad[0] = 0x65;
    assert_eq!(send("127.0.0.1", &bad), 0);
    bad[0] = 0x44;
    assert_eq!(send("127.0.0.1", &bad), 0);
    assert_eq!(world.net.mib.sum(mib::Ip::InHdrErrors), 2);
    // Delivered by the route, whatever the header says.
    assert_eq!(send("127.0.0.1", &packet("9.9.9.9", "8.8.8.8", 17, &[0; 30])), 1);
    let good = packet("::1", "::1", 17, &[0; 30]);
    assert_eq!(send("::1", &good), 1);
    let mut bad = good;
    bad[5] = 200;
    assert_eq!(send("::1", &bad), 0);
    assert_eq!(world.net.mib.sum(mib::Ip6::InTruncatedPkts), 1);
    bad[5] = 8;
    assert_eq!(send("::1", &bad), 1);
    assert_eq!(send("::1", &packet("ff02::1", "::1", 17, &[0; 30])), 0);
}

#[test]
fn multicast_is_for_members() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.0.0.1", 24), ("fe80::1", 64)]);
    let packets = [packet("10.0.0.2", "224.1.1.1", 17, &[1; 16]), packet("fe80::2", "ff02::7", 17, &[1; 16])];
    for (packet, group) in packets.iter().zip(["224.1.1.1", "ff02::7"]) {
        world.receive(&dev, packet);
        assert!(world.received().is_empty());
        crate::mcast::dev_join(&world.net, &dev, a(group)).unwrap();
        world.receive(&dev, packet);
        assert_eq!(world.received().len(), 1);
        crate::mcast::dev_leave(&world.net, &dev, a(group));
        world.receive(&dev, packet);
        assert!(world.received().is_empty());
    }
}

// chapter: B9
#[test]
fn multicast_sent_comes_back_to_members() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.0.0.1", 24), ("fe80::1", 64)]);
    let mut s = Sender::new(&world, AF_INET);
    s.inet.mc_index = dev.ifindex;
    s.send(&world, "224.1.1.1", 9).unwrap();
    assert_eq!((world.received().len(), sent(&dev).len()), (0, 1));
    crate::mcast::dev_join(&world.net, &dev, a("224.1.1.1")).unwrap();
    s.send(&world, "224.1.1.1", 9).unwrap();
    let (up, down) = (world.received(), sent(&dev));
    assert_eq!((up.len(), down.len(), down[0][8]), (1, 1, 1), "time to live is 1");
    s.inet.mc_loop = false;
    s.send(&world, "224.1.1.1", 9).unwrap();
    assert_eq!((world.received().len(), sent(&dev).len()), (0, 1));
    s.inet.mc_loop = true;
    s.inet.mc_ttl = 0;
    s.send(&world, "224.1.1.1", 9).unwrap();
    assert_eq!((world.received().len(), sent(&dev).len()), (1, 0), "stays on this host");
    // By way of lo, which brings everything back by itself.
    s.inet.mc_ttl = 1;
    s.inet.mc_index = world.lo.ifindex;
    s.send(&world, "224.1.1.1", 9).unwrap();
    assert_eq!(world.received().len(), 0);
    crate::mcast::dev_join(&world.net, &world.lo, a("224.1.1.1")).unwrap();
    s.send(&world, "224.1.1.1", 9).unwrap();
    assert_eq!(world.received().len(), 1);
    let mut s = Sender::new(&world, AF_INET6);
    s.inet.v6.mcast_oif = dev.ifindex;
    crate::mcast::dev_join(&world.net, &dev, a("ff05::7")).unwrap();
    s.send(&world, "ff05::7", 9).unwrap();
    let (up, down) = (world.received(), sent(&dev));
    assert_eq!((up.len(), down.len(), down[0][7]), (1, 1, 1));
}

#[test]
fn broadcast_comes_back_too() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.0.0.1", 24)]);
    let mut s = Sender::new(&world, AF_INET);
    s.send(&world, "10.0.0.255", 9).unwrap();
    assert_eq!((world.received().len(), sent(&dev).len()), (1, 1));
}

#[test]
fn local_packets_are_counted_as_linux_counts_them() {
    let world = World::new();
    Sender::new(&world, AF_INET).send(&world, "127.0.0.1", 100).unwrap();
    let sum = |c: mib::Ip| world.net.mib.sum(c);
    assert_eq!([sum(mib::Ip::OutRequests), sum(mib::Ip::OutTransmits)], [1, 1]);
    assert_eq!([sum(mib::Ip::InReceives), sum(mib::Ip::InDelivers)], [1, 1]);
    let ext = |c: mib::IpExt| world.net.mib.sum(c);
    assert_eq!([ext(mib::IpExt::InOctets), ext(mib::IpExt::OutOctets)], [120, 120]);
    assert_eq!(ext(mib::IpExt::InNoECTPkts), 1);
    Sender::new(&world, AF_INET6).send(&world, "::1", 100).unwrap();
    let sum6 = |c: mib::Ip6| world.net.mib.sum(c);
    let counters =
        [mib::Ip6::OutRequests, mib::Ip6::OutTransmits, mib::Ip6::InReceives, mib::Ip6::InDelivers];
    assert_eq!(counters.map(sum6), [1, 1, 1, 1]);
    assert_eq!([sum6(mib::Ip6::InOctets), sum6(mib::Ip6::OutOctets)], [140, 140]);
}

#[test]
fn v6_headers_are_walked() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("2001:db8::1", 64)]);
    let send = |next: u8, chain: &[u8]| {
        let mut bytes = packet("2001:db8::2", "2001:db8::1", next, chain);
        bytes[6] = next;
        world.receive(&dev, &bytes);
        (world.received().len(), sent(&dev))
    };
    let udp = [0u8; 8];
    // Hop-by-hop, destination options, routing with no segments left, UDP.
    let chain =
        [&[60, 0, 1, 4, 0, 0, 0, 0][..], &[43, 0, 1, 4, 0, 0, 0, 0], &[17, 0, 0, 0, 0, 0, 0, 0], &udp]
            .concat();
    assert_eq!(send(0, &chain).0, 1);
    // Segments left: type unknown, pointed at.
    let (n, told) = send(43, &[&[17, 0, 0, 1, 0, 0, 0, 0][..], &udp].concat());
    assert_eq!((n, told[0][40], told[0][41], told[0][47]), (0, 4, 0, 42));
    // Options by their high bits: skip, discard, report.
    let option = |kind: u8| [&[17, 0, kind, 4, 0, 0, 0, 0][..], &udp].concat();
    assert_eq!(send(60, &option(0x1e)).0, 1);
    assert_eq!(send(60, &option(0x5e)), (0, vec![]));
    let (n, told) = send(60, &option(0x9e));
    assert_eq!((n, told[0][40], told[0][41], told[0][47]), (0, 4, 2, 42));
    // Hop-by-hop anywhere but first, and protocols nobody knows.
    let (n, told) = send(60, &[&[0, 0, 1, 4, 0, 0, 0, 0][..], &chain].concat());
    assert_eq!((n, told[0][40], told[0][41], told[0][47]), (0, 4, 1, 40));
    let (n, told) = send(200, &udp);
    assert_eq!((n, told[0][40], told[0][41], told[0][47]), (0, 4, 1, 6));
    // Nothing follows; cut off; padding that is not zero.
    assert_eq!(send(59, &udp), (0, vec![]));
    assert_eq!(send(60, &[17, 9, 1, 4, 0, 0, 0, 0]), (0, vec![]));
    assert_eq!(send(60, &[&[17, 0, 1, 4, 0, 1, 0, 0][..], &udp].concat()).0, 0);
}

#[test]
fn path_mtus_are_learned_and_forgotten() {
    let world = World::new();
    let _dev = world.device("d0", 1500, &[("10.0.0.1", 24)]);
    let daddr = a("10.0.0.9");
    let flow = Flow { daddr, saddr: InetAddr::UNSPECIFIED_V4, oif: 0, iif: 0, mark: 0, tos: 0 };
    let mtu = || world.call(|cx| route::output(cx, &flow).unwrap().mtu());
    assert_eq!(mtu(), 1500);
    world.call(|cx| route::pmtu::update(cx, daddr, 1500, 1400));
    assert_eq!(mtu(), 1400);
    world.call(|cx| route::pmtu::update(cx, daddr, 1400, 1450));
    assert_eq!(mtu(), 1400, "only ever down");
    world.call(|cx| route::pmtu::update(cx, daddr, 1400, 100));
    assert_eq!(mtu(), 552, "not below min_pmtu");
    world.call(|cx| assert!(route::output(cx, &flow).unwrap().metrics.mtu_locked));
    world.advance(599_000);
    assert_eq!(mtu(), 552);
    world.advance(1_001);
    assert_eq!(mtu(), 1500);
}

#[test]
fn v6_packets_for_others_are_refused() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("2001:db8::1", 64)]);
    world.receive(&dev, &packet("2001:db8::2", "2001:db9::9", 17, &[0; 8]));
    assert_eq!(sent(&dev)[0][40..42], [1, 0], "no route");
    world.receive(&dev, &packet("2001:db8::2", "2001:db8::9", 17, &[0; 8]));
    assert!(sent(&dev).is_empty(), "on the link, and no router");
    let sum = |c: mib::Ip6| world.net.mib.sum(c);
    assert_eq!([sum(mib::Ip6::InNoRoutes), sum(mib::Ip6::InAddrErrors)], [1, 1]);
}

mod hostile {
    use super::*;
    use proptest::prelude::*;
    use wire::ipv4::fill_check;

    /// Bytes that are likely to mean something.
    fn byte() -> impl Strategy<Value = u8> {
        prop_oneof![3 => Just(0u8), 2 => 0u8..16, 2 => any::<u8>(), 1 => prop::sample::select(vec![
            1u8, 4, 6, 7, 17, 43, 44, 58, 59, 60, 68, 131, 137, 148, 194, 128, 255,
        ])]
    }

    fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(byte(), 0..most)
    }

    proptest! {
        /// Whatever comes in, by whichever device, nothing breaks, and nothing stays for ever.
        #[test]
        fn no_packet_breaks_anything(
            packets in proptest::collection::vec((bytes(44), bytes(120), any::<bool>(), any::<bool>(), any::<bool>()), 1..12)
        ) {
            let world = World::new();
            let dev = world.device("d0", 1500, &[("10.0.0.1", 24), ("2001:db8::1", 64)]);
            for (header, payload, v6, by_lo, sane) in packets {
                let mut p = match v6 {
                    true => packet("2001:db8::2", "2001:db8::1", 0, &payload),
                    false => packet("10.0.0.2", "10.0.0.1", 0, &payload),
                };
                // The middle of the header is anybody's; the ends stay right when sane.
                let keep = if sane { 4 } else { 1 };
                for (i, value) in header.iter().enumerate().skip(keep) {
                    let address = if v6 { 8 } else { 12 };
                    if let Some(at) = p.get_mut(i) && !(sane && (i >= address || i == 4 && v6 || i == 5 && v6)) {
                        *at = *value;
                    }
                }
                if !v6 {
                    if sane && payload.len() > 8 && payload[0] & 1 == 1 {
                        p[0] = 0x47;
                    }
                    fill_check(&mut p);
                }
                world.receive(if by_lo { &world.lo } else { &dev }, &p);
            }
            world.advance(61_000);
            let frags = &crate::IpNet::of(&world.net).frags;
            for family in [crate::protocol::Family::V4, crate::protocol::Family::V6] {
                prop_assert_eq!((frags.inuse(family), frags.mem(family)), (0, 0));
            }
        }
    }
}
