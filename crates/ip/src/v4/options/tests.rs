use super::*;
use proptest::prelude::*;

const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

fn received(bytes: &[u8]) -> core::result::Result<IpOptions, usize> {
    let is_local = |addr: Ipv4Addr| addr == US;
    IpOptions::compile(bytes, Origin::Packet { spec_dst: US, ms: 0x0102_0304, is_local: &is_local })
}

#[test]
fn a_route_is_recorded() {
    // Record route with room for two, the first taken.
    let bytes = [7, 11, 8, 9, 9, 9, 9, 0, 0, 0, 0, 0];
    let o = received(&bytes).unwrap();
    assert_eq!(o.bytes(), [7, 11, 12, 9, 9, 9, 9, 10, 0, 0, 1, 0]);
    assert!(o.is_changed());
    // Full: nothing to record.
    assert!(!received(o.bytes()).unwrap().is_changed());
    // The answer goes on recording where there is room.
    let echo = received(&[7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap().echo(US, &|_| true).unwrap();
    let built = echo.build(Ipv4Addr::new(9, 9, 9, 9), US, 0);
    assert_eq!(built[..12], [7, 11, 12, 10, 0, 0, 1, 10, 0, 0, 1, 0]);
}

#[test]
fn what_is_wrong_is_pointed_at() {
    assert_eq!(received(&[7]).unwrap_err(), 0);
    assert_eq!(received(&[1, 7, 1, 0]).unwrap_err(), 1);
    assert_eq!(received(&[7, 5, 4, 0]).unwrap_err(), 0);
    assert_eq!(received(&[7, 2, 1, 1]).unwrap_err(), 1);
    assert_eq!(received(&[7, 3, 3, 0]).unwrap_err(), 2);
    assert_eq!(received(&[7, 4, 4, 0]).unwrap_err(), 2);
    assert_eq!(received(&[68, 3, 5, 0]).unwrap_err(), 1);
    assert_eq!(received(&[148, 3, 0, 0]).unwrap_err(), 1);
    // Overflow of a timestamp's counter.
    assert_eq!(received(&[68, 4, 5, 0xf0]).unwrap_err(), 3);
    assert_eq!(received(&[68, 4, 5, 0x10]).unwrap().bytes(), [68, 4, 5, 0x20]);
}

#[test]
fn timestamps() {
    assert_eq!(received(&[68, 8, 5, 0, 0, 0, 0, 0]).unwrap().bytes(), [68, 8, 9, 0, 1, 2, 3, 4]);
    let both = received(&[68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    assert_eq!(both.bytes(), [68, 12, 13, 1, 10, 0, 0, 1, 1, 2, 3, 4]);
    let other = [68, 12, 5, 3, 9, 9, 9, 9, 0, 0, 0, 0];
    assert_eq!(received(&other).unwrap().bytes(), other);
}

#[test]
fn the_user_gives_a_source_route() {
    let route = [131, 11, 4, 10, 0, 0, 7, 10, 0, 0, 8];
    let o = IpOptions::from_user(&route, false).unwrap();
    assert_eq!(o.first_hop(), Some(Ipv4Addr::new(10, 0, 0, 7)));
    assert_eq!(o.len(), 12);
    let built = o.build(Ipv4Addr::new(10, 0, 0, 9), US, 0);
    assert_eq!(built[..11], [131, 11, 4, 10, 0, 0, 8, 10, 0, 0, 9]);
    assert_eq!(o.undone()[..11], route);
    assert_eq!(IpOptions::from_user(&[131, 6, 4, 0, 0, 0], false), Err(Errno::EINVAL));
}

#[test]
fn the_user_may_not_make_things_up() {
    assert_eq!(IpOptions::from_user(&[130, 4, 0, 0], false), Err(Errno::EINVAL));
    assert!(IpOptions::from_user(&[130, 4, 0, 0], true).is_ok());
    assert!(IpOptions::from_user(&[1; 40], false).is_ok());
    assert_eq!(IpOptions::from_user(&[1; 41], false), Err(Errno::EINVAL));
    assert_eq!(IpOptions::from_user(&[0, 5, 6, 7], false).unwrap().bytes(), [0; 4]);
}

#[test]
fn the_way_back_is_the_way_backwards() {
    // 9.9.9.9 sent by way of .7 and .8 to us.
    let came = [131, 15, 16, 10, 0, 0, 7, 10, 0, 0, 8, 10, 0, 0, 1, 0];
    let echo = received(&came).unwrap().echo(Ipv4Addr::new(9, 9, 9, 9), &|_| false).unwrap();
    assert_eq!(echo.first_hop(), Some(Ipv4Addr::new(10, 0, 0, 1)));
    let built = echo.build(Ipv4Addr::new(9, 9, 9, 9), US, 0);
    assert_eq!(built[..15], [131, 15, 4, 10, 0, 0, 8, 10, 0, 0, 7, 9, 9, 9, 9]);
}

#[test]
fn later_fragments_lose_what_is_not_copied() {
    let mut bytes = [7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0, 0];
    strip_uncopied(&mut bytes);
    assert_eq!(bytes, [1, 1, 1, 1, 1, 1, 1, 148, 4, 0, 0, 0]);
}

proptest! {
    #[test]
    fn no_options_break_anything(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(7), Just(68), Just(131), 0u8..12], 0..=40), raw in any::<bool>()) {
        let len = bytes.len() / 4 * 4;
        if let Ok(o) = received(&bytes[..len]) {
            prop_assert_eq!(o.len(), len);
            let _ = o.undone();
            if let Some(echo) = o.echo(US, &|_| true) {
                prop_assert!(echo.len() <= 40);
                let _ = echo.build(US, US, 1);
                let _ = echo.undone();
            }
        }
        if let Ok(o) = IpOptions::from_user(&bytes, raw) {
            let _ = o.build(US, US, 1);
            let _ = o.undone();
        }
        let mut copy = bytes.clone();
        strip_uncopied(&mut copy);
        prop_assert_eq!(copy.len(), bytes.len());
    }
}
