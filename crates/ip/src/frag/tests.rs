use super::*;
use crate::testnet::{World, a, sent};
use net::mib;
use proptest::prelude::*;
use wire::ipv4::{IP_MF, fill_check};
use wire::ipv6::ext::FragHdr;
use wire::{Ipv4Hdr, Ipv6Hdr, Ipv6Repr};

const US: &str = "10.0.0.1";
const PEER: &str = "10.0.0.2";

fn fragment4(id: u16, start: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = crate::testnet::packet(PEER, US, 17, payload);
    let (hdr, _) = Ipv4Hdr::view_mut(&mut bytes).unwrap();
    hdr.set_id(id);
    hdr.set_frag_off((start / 8) as u16 | if more { IP_MF } else { 0 });
    fill_check(&mut bytes);
    bytes
}

fn fragment6(id: u32, start: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 40];
    let repr = Ipv6Repr {
        next_header: 44,
        src: a("2001:db8::2").as_v6(),
        dst: a("2001:db8::1").as_v6(),
        payload_len: payload.len() + 8,
        ..Ipv6Repr::default()
    };
    repr.emit(&mut bytes);
    bytes.extend_from_slice(FragHdr::new(17, start as u16, more, id).bytes());
    bytes.extend_from_slice(payload);
    bytes
}

fn world() -> (World, Arc<net::NetDevice>) {
    let world = World::new();
    let dev = world.device("d0", 1500, &[(US, 24), ("2001:db8::1", 64)]);
    (world, dev)
}

fn data(len: usize) -> Vec<u8> {
    (0..len).map(|i| i as u8).collect()
}

// chapter: B8
#[test]
fn out_of_order_with_repetitions() {
    let (world, dev) = world();
    let data = data(40);
    for (start, end) in [(32, 40), (8, 16), (8, 16), (0, 8), (16, 32)] {
        assert!(world.received().is_empty());
        world.receive(&dev, &fragment4(5, start, end != 40, &data[start..end]));
    }
    let whole = world.received();
    assert_eq!(whole.len(), 1);
    assert_eq!(whole[0][20..], data);
    let (hdr, _) = Ipv4Hdr::view(&whole[0]).unwrap();
    assert_eq!((hdr.tot_len(), hdr.frag_off()), (60, 0));
    assert!(wire::Ipv4Packet::parse(&whole[0]).is_ok());
    assert_eq!(world.net.mib.sum(mib::Ip::ReasmReqds), 5);
    assert_eq!(world.net.mib.sum(mib::Ip::ReasmOKs), 1);
    let frags = &IpNet::of(&world.net).frags;
    assert_eq!((frags.mem(Family::V4), frags.inuse(Family::V4)), (0, 0));
}

#[test]
fn v6_too_and_the_fragment_header_is_gone() {
    let (world, dev) = world();
    let data = data(24);
    world.receive(&dev, &fragment6(5, 16, false, &data[16..]));
    world.receive(&dev, &fragment6(5, 0, true, &data[..16]));
    let whole = world.received();
    assert_eq!(whole[0][40..], data);
    let (hdr, _) = Ipv6Hdr::view(&whole[0]).unwrap();
    assert_eq!((hdr.next_header(), hdr.payload_len()), (17, 24));
    assert_eq!(world.net.mib.sum(mib::Ip6::ReasmOKs), 1);
    // One that is all there is (RFC 6946).
    world.receive(&dev, &fragment6(6, 0, false, &data));
    assert_eq!(world.received()[0][48..], data);
}

#[test]
fn overlaps_throw_the_packet_away() {
    let (world, dev) = world();
    let data = data(40);
    world.receive(&dev, &fragment4(5, 0, true, &data[..16]));
    world.receive(&dev, &fragment4(5, 8, true, &data[8..32]));
    assert_eq!(world.net.mib.sum(mib::IpExt::ReasmOverlaps), 1);
    assert_eq!(world.net.mib.sum(mib::Ip::ReasmFails), 1);
    world.receive(&dev, &fragment4(5, 16, false, &data[16..]));
    assert!(world.received().is_empty());
    // An end beyond the end.
    world.receive(&dev, &fragment4(6, 32, false, &data[32..]));
    world.receive(&dev, &fragment4(6, 40, true, &data[..8]));
    assert_eq!(world.net.mib.sum(mib::Ip::ReasmFails), 2);
}

#[test]
fn time_is_up_and_the_sender_is_told() {
    let (world, dev) = world();
    let data = data(40);
    world.receive(&dev, &fragment4(5, 0, true, &data[..16]));
    world.receive(&dev, &fragment4(6, 16, true, &data[16..32]));
    world.receive(&dev, &fragment6(7, 0, true, &data[..16]));
    world.advance(29_999);
    assert!(sent(&dev).is_empty());
    world.advance(1);
    let told = sent(&dev);
    // Only the one whose first fragment came, and IPv6 waits a minute.
    assert_eq!(told.len(), 1);
    assert_eq!(told[0][20..22], [11, 1]);
    assert_eq!(told[0][28..48], fragment4(5, 0, true, &data[..16])[..20]);
    assert_eq!(world.net.mib.sum(mib::Ip::ReasmTimeout), 2);
    world.advance(30_000);
    let told = sent(&dev);
    assert_eq!(told[0][40..42], [3, 1]);
    let frags = &IpNet::of(&world.net).frags;
    assert_eq!((frags.mem(Family::V4), frags.mem(Family::V6), frags.inuse(Family::V6)), (0, 0, 0));
}

#[test]
fn memory_has_a_limit() {
    let (world, dev) = world();
    for file in ["low", "high"] {
        world.net.sysctl.write(&world.net, &format!("net/ipv4/ipfrag_{file}_thresh"), "5000").unwrap();
    }
    for id in 0..100 {
        world.receive(&dev, &fragment4(id, 8, true, &data(64)));
    }
    let frags = &IpNet::of(&world.net).frags;
    assert!(frags.mem(Family::V4) <= 6000, "{}", frags.mem(Family::V4));
    assert_eq!(world.net.mib.sum(mib::Ip::ReasmFails) + frags.inuse(Family::V4) as u64, 100);
}

#[test]
fn identifications_that_come_round_again_do_not_meet() {
    let (world, dev) = world();
    let data = data(40);
    world.receive(&dev, &fragment4(5, 0, true, &data[..16]));
    for id in 100..164 {
        world.receive(&dev, &fragment4(id, 8, true, &data[..16]));
    }
    // The 65th fragment since: what was there is of an older packet.
    world.receive(&dev, &fragment4(5, 16, false, &data[16..]));
    assert!(world.received().is_empty());
    assert_eq!(world.net.mib.sum(mib::Ip::ReasmFails), 1);
    world.receive(&dev, &fragment4(5, 0, true, &data[..16]));
    assert_eq!(world.received().len(), 1);
}

#[test]
fn what_v6_forbids_is_reported() {
    let (world, dev) = world();
    world.receive(&dev, &fragment6(5, 0, true, &data(12)));
    let told = sent(&dev);
    assert_eq!(told[0][40..48], [4, 0, told[0][42], told[0][43], 0, 0, 0, 4], "the length field");
    world.receive(&dev, &fragment6(5, 65528, false, &data(16)));
    assert_eq!(sent(&dev)[0][47], 42, "the offset");
    // The first fragment without the whole UDP header.
    world.receive(&dev, &fragment6(5, 0, true, &[]));
    assert!(world.received().is_empty());
}

#[test]
fn ecn_bits_must_agree() {
    let ecn = |marks: &[u8]| {
        let world = World::new();
        let mut queue = Queue::new(0);
        world.call(|cx| {
            for (i, mark) in marks.iter().enumerate() {
                let mut skb = cx.alloc_skb();
                skb.append(cx, &[0; 8]);
                let start = i * 8;
                queue.insert(cx, Piece { skb, start, end: start + 8, more: true, ecn: *mark, df: false });
            }
        });
        queue.ecn()
    };
    assert_eq!(ecn(&[0, 0]), Some(false));
    assert_eq!(ecn(&[2, 1]), Some(false));
    assert_eq!(ecn(&[3, 3]), Some(false));
    assert_eq!(ecn(&[2, 3]), Some(true));
    assert_eq!(ecn(&[0, 3]), None);
    assert_eq!(ecn(&[0, 2]), None);
}

/// A fragment in units of eight bytes; the model keeps who covers each unit.
#[derive(Clone, Debug)]
struct Frag {
    start: usize,
    len: usize,
    more: bool,
}

fn frag() -> impl Strategy<Value = Frag> {
    (0usize..8, 1usize..5, prop::bool::weighted(0.8)).prop_map(|(start, len, more)| Frag { start, len, more })
}

/// The same by brute force: which units are covered by which range.
#[derive(Default)]
struct Model {
    ranges: Vec<(usize, usize)>,
    end: usize,
    last: bool,
}

impl Model {
    fn insert(&mut self, f: &Frag) -> Inserted {
        let end = f.start + f.len;
        if f.more && end > self.end && self.last
            || !f.more && (end < self.end || self.last && end != self.end)
        {
            return Inserted::Invalid;
        }
        self.end = self.end.max(end);
        self.last |= !f.more;
        let hit: Vec<_> = self.ranges.iter().filter(|(s, e)| *s < end && f.start < *e).collect();
        match hit.as_slice() {
            [] => {}
            // One fragment that was there holds all of it.
            [(s, e)] if *s <= f.start && end <= *e => return Inserted::Duplicate,
            _ => return Inserted::Overlap,
        }
        self.ranges.push((f.start, end));
        let covered: usize = self.ranges.iter().map(|(s, e)| e - s).sum();
        if self.last && covered == self.end { Inserted::Complete } else { Inserted::Added }
    }
}

proptest! {
    #[test]
    fn a_queue_is_a_set_of_ranges(frags in proptest::collection::vec(frag(), 1..24)) {
        let world = World::new();
        let bytes = data(128);
        world.call(|cx| {
            let mut queue = Queue::new(0);
            let mut model = Model::default();
            for f in &frags {
                let (start, end) = (f.start * 8, (f.start + f.len) * 8);
                let mut skb = cx.alloc_skb();
                skb.append(cx, &bytes[start..end]);
                let got = queue.insert(cx, Piece { skb, start, end, more: f.more, ecn: 0, df: false });
                prop_assert_eq!(got, model.insert(f), "{:?}", f);
                match got {
                    Inserted::Complete => {
                        prop_assert_eq!(queue.len(), model.end * 8);
                        let whole = queue.join(cx).unwrap();
                        prop_assert_eq!(whole.to_vec(), &bytes[..model.end * 8]);
                        return Ok(());
                    }
                    Inserted::Overlap | Inserted::Invalid => return Ok(()),
                    Inserted::Added | Inserted::Duplicate => {}
                }
            }
            Ok(())
        })?;
    }
}
