//! What needs no connection: the bits of options and headers.

use super::option::{Fit, counters, fit};
use super::*;

fn option(data: &[u8]) -> RxOption {
    RxOption::new(wire::tcp::options::AccEcn { order1: true, data })
}

/// RFC 9768 section 3.2.3.2.4: a counter that begins with 0 was zeroed on the way, but CE's does.
#[test]
fn zeroed_counters_are_found_out() {
    assert_eq!(option(&[]).seen(), Seen::Empty);
    assert_eq!(option(&[0, 0, 1]).seen(), Seen::Counter);
    assert_eq!(option(&[0, 0, 0]).seen(), Seen::Fail);
    assert_eq!(option(&[0, 0, 1, 0, 0, 0, 0, 0, 1]).seen(), Seen::Counter);
    assert_eq!(option(&[0, 0, 1, 0, 0, 0, 0, 0, 0]).seen(), Seen::Fail);
    assert_eq!(option(&[0; 200]).seen(), Seen::Fail);
}

/// With timestamps (12 bytes) and blocks of SACK (4 and 8 each) in 40 bytes.
#[test]
fn the_option_takes_the_room_there_is() {
    assert_eq!(fit(0, 40, 0, 0), Some(Fit { fields: 3, sacks: 0, len: 12 }));
    assert_eq!(fit(0, 28, 0, 0), Some(Fit { fields: 3, sacks: 0, len: 12 }));
    // Two blocks and timestamps leave 8 bytes, three leave none but the padding's two.
    assert_eq!(fit(0, 8, 2, 2), Some(Fit { fields: 2, sacks: 2, len: 8 }));
    assert_eq!(fit(0, 0, 2, 3), Some(Fit { fields: 0, sacks: 3, len: 0 }));
    assert_eq!(fit(0, 0, 0, 0), None);
    // Counters that must be told push the third block out.
    assert_eq!(fit(1, 0, 2, 3), Some(Fit { fields: 2, sacks: 2, len: 8 }));
    assert_eq!(fit(3, 0, 2, 4), Some(Fit { fields: 3, sacks: 2, len: 12 }));
    assert_eq!(fit(3, 8, 2, 2), None);
}

#[test]
fn counters_are_sent_in_the_order_of_kind_174() {
    // By the two bits: ECT(1), ECT(0), CE.
    assert_eq!(counters(&[0, 0, 0]), [0, 0, 1, 0, 0, 0, 0, 0, 1]);
    assert_eq!(counters(&[0xff_ffff, 0x1_0000, 7]), [0, 0, 0, 0, 0, 7, 1, 0, 1]);
    assert_eq!([ECT_1, CE, ECT_0, NOT_ECT].map(option::field_of), [1, 2, 3, 0]);
}

#[test]
fn ace_is_three_flags() {
    for value in 0..8 {
        assert_eq!(ace(ace_flags(value)), value);
    }
    assert_eq!(ace_flags(0b110), TcpFlags::AE.with(TcpFlags::CWR));
    assert_eq!(handshake::reflector(ECT_1), TcpFlags::CWR.with(TcpFlags::ECE));
}
