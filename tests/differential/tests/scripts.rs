//! Every script answers alike on both sides.

use differential::script;

macro_rules! scripts {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            let text = include_str!(concat!("../scripts/", stringify!($name), ".txt"));
            match script::differences(text) {
                Some(report) => assert!(report.is_empty(), "answers differ:\n{report}"),
                None => eprintln!("not compared"),
            }
        }
    )*};
}

// chapter: A10 A13 A14
scripts! {
    cmsg4
    cmsg6
    errqueue
    packet
    ping
    raw
    reuseport
    tcp_connect
    tcp_fastopen tcp_repair
    tcp_options4
    tx_times
    udp_bind
    udp_more
    udp_receive
    udp_send
    udp_who
    unix
}
