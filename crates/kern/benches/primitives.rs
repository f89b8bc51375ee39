//! What each primitive costs in nanoseconds, uncontended: `cargo bench -p sockeye-kern`.

use sockeye_kern::context::{Cpu, CpuId, CpuIds, Process, Softirq};
use sockeye_kern::cred::Cred;
use sockeye_kern::park::{Parker, ThreadSleeper};
use sockeye_kern::rng::Rng;
use sockeye_kern::signals::Signals;
use sockeye_kern::slab::Cache;
use sockeye_kern::sync::{BhLock, ClaimQueue, OwnerLock, SpinLock};
use sockeye_kern::time::VirtualClock;
use sockeye_kern::timer::{TimerSlot, Wheel};
use sockeye_kern::wait::WaitQueue;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

/// The best of several runs: others share the machine.
fn bench(name: &str, mut work: impl FnMut()) {
    const TURNS: u32 = 200_000;
    let mut run = || {
        let start = Instant::now();
        (0..TURNS).for_each(|_| work());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(TURNS)
    };
    let best = (0..15).map(|_| run()).fold(f64::MAX, f64::min);
    println!("{name:46} {best:7.1} ns");
}

fn main() {
    let clock = Arc::new(VirtualClock::default());
    let sleeper = Arc::new(ThreadSleeper::new(clock.clone(), 1));
    let cpu = Cpu::new(&CpuIds::new(), clock, sleeper);
    let (cred, signals) = (Cred::nobody(), Signals::new());
    let process = Process::enter(&cpu, &cred, &signals);
    let softirq = Softirq::enter();

    let spin = SpinLock::new(0u64);
    bench("SpinLock lock, unlock", || *black_box(&spin).lock() += 1);

    let lock = OwnerLock::<u64, u64>::new(0);
    bench("OwnerLock lock, try_release", || {
        let mut owner = black_box(&lock).lock(&process);
        *owner += 1;
        let _ = owner.try_release();
    });
    bench("OwnerLock bh_lock, drop", || {
        if let BhLock::Free(mut guard) = black_box(&lock).bh_lock(&softirq) {
            *guard += 1;
        }
    });
    let mut owner = Some(lock.lock(&process));
    bench("OwnerLock add_backlog, drain, one item", || {
        if let BhLock::Owned(owned) = black_box(&lock).bh_lock(&softirq) {
            let _ = owned.add_backlog(1, 1, |stats| stats.bytes < 1000);
        }
        if let Some(Err(backlogged)) = owner.take().map(|owner| owner.try_release()) {
            let (mut back, items) = backlogged.into_parts();
            *back += items.sum::<u64>();
            owner = Some(back);
        }
    });
    drop(owner);

    let claims = ClaimQueue::new();
    bench("ClaimQueue claim, push_local, pop, release", || {
        if let Some(mut claim) = black_box(&claims).claim() {
            claim.push_local(1u64);
            black_box(claim.pop());
            claim.release();
        }
    });
    let mut claim = claims.claim().expect("nobody else is here");
    bench("Claim push_local, pop", || {
        black_box(&mut claim).push_local(1);
        black_box(claim.pop());
    });
    bench("ClaimQueue push while claimed, pop", || {
        black_box(claims.push(1));
        black_box(claim.pop());
    });
    claim.release();

    let queue = WaitQueue::new();
    bench("WaitQueue wake, nobody waits", || black_box(&queue).wake(1));
    let parker = Arc::new(Parker::default());
    bench("WaitQueue add, remove", || {
        let key = queue.add(parker.clone(), false);
        queue.remove(key);
    });
    queue.add(parker.clone(), false);
    bench("WaitQueue wake, one awake", || black_box(&queue).wake(1));
    bench("Parker prepare, unpark", || {
        parker.prepare();
        parker.unpark();
    });

    let (wheel, slots) = (Wheel::new(0), [TimerSlot::new(), TimerSlot::new()]);
    wheel.mod_timer(&slots[1], 200, || 1u64);
    bench("Wheel mod_timer, del_timer", || {
        wheel.mod_timer(black_box(&slots[0]), 200, || 1);
        wheel.del_timer(&slots[0]);
    });
    wheel.mod_timer(&slots[0], 200, || 1);
    bench("Wheel mod_timer, same expiry", || {
        black_box(wheel.mod_timer(black_box(&slots[0]), 200, || 1));
    });
    let mut at = 0;
    bench("Wheel mod_timer, another expiry", || {
        at += 1;
        wheel.mod_timer(black_box(&slots[0]), 200 + at % 64, || 1);
    });
    bench("Wheel next_expiry", || {
        black_box(wheel.next_expiry());
    });

    let cache = Cache::new("bench", 8);
    let cpu0 = CpuId::new(0);
    let _ = cache.put(cpu0, Box::new(1u64));
    bench("Cache get, put", || {
        if let Some(object) = black_box(&cache).get(cpu0) {
            let _ = cache.put(cpu0, object);
        }
    });
    bench("Cpu ext_or_init", || {
        black_box(black_box(&cpu).ext_or_init(|| 1u64));
    });
    let rng = Rng::new(1);
    bench("Rng u32", || {
        black_box(black_box(&rng).u32());
    });
}
