//! `packet`: sockets of AF_PACKET (`packet_seq_show`).

use net::UserCx;
use packet::PacketNet;
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

/// `packet`.
pub(super) fn packet(cx: &UserCx<'_>) -> String {
    let mut text = "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n".to_owned();
    PacketNet::of(cx.net).for_each(cx, |sk| {
        let running = sk.shared.running.load(Relaxed);
        // The file's reference, the list's, and one of who receives.
        let references = 2 + i32::from(running);
        let (num, ifindex) = (sk.shared.num.load(Relaxed), sk.shared.ifindex.load(Relaxed));
        let rmem = sk.rmem_alloc.load(Relaxed);
        let _ = writeln!(
            text,
            "{:016x} {references:<6} {:<4} {num:04x}   {ifindex:<5} {} {rmem:<6} {:<6} {:<6}",
            0,
            sk.kind(),
            i32::from(running),
            sk.uid(),
            sk.ino(),
        );
    });
    text
}
