use super::model::running_max;
use super::*;
use proptest::prelude::*;

#[test]
fn gains_are_those_of_the_paper() {
    // 2/ln(2) = 2.885, and its inverse.
    assert!((f64::from(HIGH_GAIN) / 256.0 - 2.0 / std::f64::consts::LN_2).abs() < 0.005);
    assert!((f64::from(DRAIN_GAIN) / 256.0 - std::f64::consts::LN_2 / 2.0).abs() < 0.005);
    // A cycle sends no more than the rate in all.
    assert_eq!(PACING_GAINS.iter().sum::<u32>(), 8 * BBR_UNIT);
}

proptest! {
    #[test]
    fn the_maximum_is_one_of_the_window(steps in prop::collection::vec((0u32..4, 1u32..1000), 1..200)) {
        let (mut best, mut now, mut seen) = ([[0; 2]; 3], 100u32, Vec::new());
        for (step, value) in steps {
            now += step;
            running_max(&mut best, BW_RTTS, now, value);
            seen.push((now, value));
            prop_assert!(seen.contains(&(best[0][0], best[0][1])) && now - best[0][0] <= BW_RTTS);
            prop_assert!(best[0][1] >= value && best[0][1] >= best[1][1] && best[1][1] >= best[2][1]);
        }
    }
}
