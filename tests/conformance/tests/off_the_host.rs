//! What programs say to each other under Sockeye never touches the host's network stack.
//!
//! Every comparison already counts the packets of the host's devices; here a capture looks for
//! itself, beside a run on the host's own stack that shows the capture works.

use conformance::{Case, Scratch, Stack, User, can_isolate};

/// The packets that tcpdump saw on `lo` while a case ran there.
fn captured(stack: Stack) -> Option<(u64, Vec<String>)> {
    if !can_isolate() {
        eprintln!("skipped: a capture needs root and a network namespace of its own");
        return None;
    }
    let scratch = Scratch::new("capture", 0);
    let file = scratch.path().join("lo.pcap");
    let shown = Case::new("http-python.sh")
        .needs(&["python3", "curl", "tcpdump"])
        .captured_to(&file)
        .run(stack, User::Root);
    let pcap = std::fs::read(&file).expect("the capture");
    let host = shown.host.expect("a namespace's report");
    Some((packets(&pcap), host.leaks()))
}

/// Counts the records of a pcap file.
fn packets(pcap: &[u8]) -> u64 {
    let (header, mut rest) = pcap.split_at_checked(24).expect("a pcap header");
    assert_eq!(header[..4], 0xa1b2_c3d4_u32.to_ne_bytes(), "a pcap file");
    let mut count = 0;
    while let Some((record, after)) = rest.split_at_checked(16) {
        let length = u32::from_ne_bytes([record[8], record[9], record[10], record[11]]);
        rest = after.get(length as usize..).expect("a whole record");
        count += 1;
    }
    count
}

#[test]
fn a_capture_on_the_host_sees_the_host() {
    if let Some((packets, leaks)) = captured(Stack::Host) {
        assert!(packets > 100, "{packets} packets");
        assert!(!leaks.is_empty());
    }
}

#[test]
fn a_capture_on_the_host_does_not_see_sockeye() {
    if let Some((packets, leaks)) = captured(Stack::Sockeye) {
        assert_eq!(packets, 0);
        assert_eq!(leaks, Vec::<String>::new());
    }
}
