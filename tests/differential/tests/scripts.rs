//! Every script answers alike on both sides.

use differential::{Host, Ours, in_private_namespace, script};

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

// chapter: A13 A14
scripts! { cmsg4 cmsg6 errqueue ping raw tcp_connect udp_bind udp_more udp_receive udp_send udp_who }

/// Shows what both sides answer: `SCRIPT=file cargo test -p differential -- --ignored --nocapture`.
#[test]
#[ignore = "prints answers for people who write scripts (issue 3)"]
fn show() {
    let Ok(path) = std::env::var("SCRIPT") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let lines = script::lines(&text);
    let linux = in_private_namespace(|| script::run(&Host::new(), &lines)).unwrap();
    let ours = script::run(&Ours::new(), &lines);
    for ((line, linux), ours) in lines.iter().zip(linux).zip(ours) {
        println!("{} {line:45} {linux:40} {ours}", if linux == ours { ' ' } else { '!' });
    }
}
