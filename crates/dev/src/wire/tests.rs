use super::*;
use kern::park::ThreadSleeper;
use kern::time::{Clock, VirtualClock};
use net::BhCx;
use net::dev::DevStat;
use net::netns::{Config as NetConfig, Pernet, Slot};

/// What arrived: when, and the bytes.
#[derive(Default)]
struct Inbox(SpinLock<Vec<(Time, Vec<u8>)>>);

impl Pernet for Inbox {
    const SLOT: Slot = Slot::Embedder;
}

fn receive(cx: &BhCx<'_, '_>, skb: Skb) {
    let now = cx.now();
    cx.net.generic::<Inbox>().0.lock().push((now, skb.to_vec()));
    cx.consume_skb(skb);
}

struct World {
    clock: Arc<VirtualClock>,
    a: Arc<Net>,
    b: Arc<Net>,
    wire: Wire,
}

impl World {
    fn new(config: &Config) -> World {
        let clock = Arc::new(VirtualClock::default());
        let net = |id| {
            let sleeper = Arc::new(ThreadSleeper::new(clock.clone(), 1));
            let net = Net::new(NetConfig { id, clock: clock.clone(), seed: id, sleeper, on_timer: None });
            net.set_generic(Inbox::default()).unwrap();
            net.add_packet_type(ETH_P_IP, receive).unwrap();
            net
        };
        let (a, b) = (net(1), net(2));
        let wire = Wire::connect((&a, "w0"), (&b, "w0"), config).unwrap();
        World { clock, a, b, wire }
    }

    fn send(&self, net: &Arc<Net>, from: End, bytes: &[u8]) {
        net.softirq(&net.new_cpu(), |cx| {
            let mut skb = cx.alloc_skb();
            skb.append(cx, bytes);
            cx.dev_queue_xmit(self.wire.device(from), skb).unwrap();
        });
    }

    fn run(&self) {
        while let Some(due) = self.wire.next_due() {
            self.clock.advance_to(due);
            self.wire.deliver_due(self.clock.now());
        }
    }

    fn inbox(net: &Net) -> Vec<(Time, Vec<u8>)> {
        std::mem::take(&mut net.generic::<Inbox>().0.lock())
    }
}

fn packet(n: u8, len: usize) -> Vec<u8> {
    let mut bytes = vec![n; len];
    bytes[0] = 0x45;
    bytes
}

#[test]
fn a_packet_arrives_after_its_delay() {
    let world = World::new(&Config { a_to_b: "delay 50ms".parse().unwrap(), ..Config::default() });
    // All headers are linear, however they are cut.
    for len in [1, 20, HEADERS, HEADERS + 1, 1500] {
        world.send(&world.a, End::A, &packet(7, len));
        assert_eq!(World::inbox(&world.b), []);
        let due = world.clock.now() + 50_000_000;
        assert_eq!(world.wire.next_due(), Some(due));
        world.run();
        assert_eq!(World::inbox(&world.b), [(due, packet(7, len))]);
    }
    world.send(&world.b, End::B, &packet(8, 60));
    world.run();
    assert_eq!(World::inbox(&world.a), [(world.clock.now(), packet(8, 60))]);
    assert_eq!(world.wire.stats(End::A).delivered, 5);
    assert_eq!(world.wire.device(End::B).stats.sum(DevStat::RxPackets), 5);
    assert_eq!(world.wire.device(End::A).stats.sum(DevStat::TxPackets), 5);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let run = |seed| {
        let netem = "delay 5ms 4ms loss 5% duplicate 5% corrupt 5% reorder 5%".parse().unwrap();
        let world = World::new(&Config::symmetric(netem, seed));
        for i in 0..200u8 {
            world.send(&world.a, End::A, &packet(i, 100));
            world.clock.advance(100_000);
        }
        world.run();
        (world.wire.trace_hash(), World::inbox(&world.b))
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).0, run(2).0);
}

#[test]
fn a_filter_decides_first() {
    let world = World::new(&Config::default());
    world.wire.set_filter(Some(Box::new(|p: &Passing<'_>| match p.bytes[1] {
        1 => Verdict::Drop,
        2 => Verdict::Delay(1_000_000),
        _ => Verdict::Pass,
    })));
    for n in 1..4 {
        world.send(&world.a, End::A, &packet(n, 2));
    }
    world.run();
    assert_eq!(World::inbox(&world.b), [(Time::ZERO, packet(3, 2)), (Time::from_ms(1), packet(2, 2))]);
    assert_eq!(world.wire.stats(End::A).lost, 1);
}

#[test]
fn what_is_sent_in_answer_waits() {
    let world = World::new(&Config::default());
    world.wire.inject(End::B, Time::ZERO, packet(1, 20));
    world.wire.inject(End::B, Time::ZERO, packet(2, 20));
    assert_eq!(world.wire.in_flight(), 2);
    assert_eq!(world.wire.deliver_due(Time::ZERO), 2);
    assert_eq!(world.wire.deliver_due(Time::ZERO), 0);
}

#[test]
fn a_cut_wire_drops() {
    let World { a, b, wire, .. } = World::new(&Config::default());
    let dev = wire.device(End::A).clone();
    drop(wire);
    a.softirq(&a.new_cpu(), |cx| {
        let skb = cx.alloc_skb();
        cx.dev_queue_xmit(&dev, skb).unwrap();
    });
    assert_eq!(a.drops(net::DropReason::DevReady), 1);
    assert_eq!(World::inbox(&b), []);
}
