//! The rows of `/proc/net/udp`, `udp6`, `udplite` and `udplite6` (`udp4_seq_show`,
//! `udp6_seq_show`).

use crate::{Udp, UdpNet};
use ip::sock::SockNames;
use net::{Net, Sock};
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;
use uapi::{AF_INET6, InetAddr};

/// What a row shows of a socket.
pub struct SockRow<'a> {
    /// The socket.
    pub sk: &'a Sock<Udp>,
    /// Its ends.
    pub names: SockNames,
}

/// The sockets of `family` that speak `protocol`, in order of their ports.
pub fn rows(net: &Net, protocol: u16, family: u16, mut each: impl FnMut(&SockRow<'_>)) {
    UdpNet::of(net).table(protocol).for_each(|_, sk| {
        if sk.family() == family {
            each(&SockRow { sk, names: sk.shared.inet.names() });
        }
    });
}

/// An address as `/proc/net` prints it: words of four bytes, each in the machine's order.
fn hex(addr: InetAddr, v6: bool) -> String {
    let octets = addr.octets();
    let words = octets.as_chunks::<4>().0;
    let words = if v6 { words } else { &words[3..] };
    words.iter().map(|word| format!("{:08X}", u32::from_ne_bytes(*word))).collect()
}

/// The whole text of one of the files.
pub fn text(net: &Net, protocol: u16, family: u16) -> String {
    let v6 = i32::from(family) == AF_INET6;
    let ends = if v6 {
        "  sl  local_address                         remote_address                        "
    } else {
        "   sl  local_address rem_address   "
    };
    let columns = "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops";
    let mut text = String::new();
    // IPv4's lines are filled up to 127 columns, for readers that seek.
    let mut line = |line: &str| {
        let _ = if v6 { writeln!(text, "{line}") } else { writeln!(text, "{line:<127}") };
    };
    line(&format!("{ends}{columns}"));
    rows(net, protocol, family, |row| {
        let SockRow { sk, names } = row;
        line(&format!(
            "{:5}: {}:{:04X} {}:{:04X} {:02X} {:08X}:{:08X} {:02X}:{:08X} {:08X} {:5} {:8} {} {} {:016x} {}",
            names.num,
            hex(names.rcv_saddr, v6),
            names.num,
            hex(names.daddr, v6),
            names.dport,
            sk.state(),
            sk.wmem_alloc.load(Relaxed),
            sk.rmem_alloc.load(Relaxed),
            0,
            0,
            0,
            sk.uid(),
            0,
            sk.ino(),
            2,
            0,
            sk.drops.load(Relaxed),
        ));
    });
    text
}
