//! Every script answers alike on both sides.

use differential::differences;

macro_rules! scripts {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            let report = differences(include_str!(concat!("../scripts/", stringify!($name), ".txt")));
            assert!(report.is_empty(), "answers differ:\n{report}");
        }
    )*};
}

scripts! { cmsg4 cmsg6 create errqueue ping raw tcp_connect udp_bind udp_more udp_receive udp_send udp_who }

/// Shows what both sides answer: `SCRIPT=file cargo test -p differential -- --ignored --nocapture`.
#[test]
#[ignore = "prints answers for people who write scripts (issue 3)"]
fn show() {
    let Ok(path) = std::env::var("SCRIPT") else { return };
    let script = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = script.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    let (linux, ours) = (differential::oracle::run(&lines), differential::ours::run(&lines));
    for ((line, linux), ours) in lines.iter().zip(linux).zip(ours) {
        println!("{} {line:45} {linux:40} {ours}", if linux == ours { ' ' } else { '!' });
    }
}
