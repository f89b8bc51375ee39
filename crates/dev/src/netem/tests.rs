use super::*;

fn parse(text: &str) -> Netem {
    text.parse().expect(text)
}

#[test]
fn the_words_of_tc() {
    let netem =
        parse("delay 50ms 10ms loss 1% duplicate 0.5% corrupt 0.1% reorder 25% gap 5 rate 10mbit limit 100");
    let expected = Netem {
        delay: 50_000_000,
        jitter: 10_000_000,
        loss: Chance::percent(1.0),
        duplicate: Chance::percent(0.5),
        corrupt: Chance::percent(0.1),
        reorder: Chance::percent(25.0),
        gap: 5,
        rate: 10_000_000,
        limit: 100,
    };
    assert_eq!(netem, expected);
    assert_eq!(parse(""), Netem::default());
    assert_eq!(parse("delay 100").delay, 100_000);
    assert_eq!(parse("delay 1.5s 0ms 0%").delay, 1_500_000_000);
    assert_eq!(parse("rate 1mbps").rate, 8_000_000);
    assert_eq!(parse("loss random 2").loss, Chance::percent(2.0));
    for wrong in ["delay", "delay 5x", "loss 101%", "loss 1% 25%", "reorder 5%", "speed 3", "gap 0"] {
        assert!(wrong.parse::<Netem>().is_err(), "{wrong}");
    }
}

#[test]
fn chances_come_out() {
    let mut lane = Lane::new(parse("delay 50ms loss 2% reorder 5% duplicate 1% limit 1000000"), 1);
    for _ in 0..100_000 {
        lane.admit(Time::ZERO, 100);
    }
    let LinkStats { lost, duplicated, reordered, .. } = lane.stats;
    assert!((1_900..2_100).contains(&lost), "{lost}");
    assert!((900..1_100).contains(&duplicated), "{duplicated}");
    assert!((4_800..5_200).contains(&reordered), "{reordered}");
}

#[test]
fn a_rate_spaces_packets() {
    // 1250 bytes take 1 ms at 10 Mbit/s.
    let mut lane = Lane::new(parse("delay 10ms rate 10mbit limit 2"), 1);
    let due = |fate: Fate| fate.due[0].map(Time::us);
    assert_eq!(due(lane.admit(Time::ZERO, 1250)), Some(11_000));
    assert_eq!(due(lane.admit(Time::ZERO, 1250)), Some(12_000));
    assert_eq!(due(lane.admit(Time::ZERO, 1250)), None);
    assert_eq!(lane.stats.over_limit, 1);
    lane.queued = 0;
    assert_eq!(due(lane.admit(Time::from_ms(20), 1250)), Some(31_000));
}

#[test]
fn the_seed_decides() {
    let fates = |seed| {
        let mut lane = Lane::new(parse("delay 5ms 4ms loss 10% duplicate 10% corrupt 10% reorder 10%"), seed);
        (0..200).map(|i| lane.admit(Time::from_us(i), 60)).collect::<Vec<_>>()
    };
    assert_eq!(fates(3), fates(3));
    assert_ne!(fates(3), fates(4));
}
