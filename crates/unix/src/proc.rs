//! `/proc/net/unix` (`unix_seq_show`).

use crate::sock::Unix;
use crate::state::UnixNet;
use net::Net;
use std::collections::BTreeMap;
use std::fmt::Write;
use uapi::TcpState;

/// `__SO_ACCEPTCON`
const ACCEPTCON: u32 = 1 << 16;

/// The whole text.
pub fn text(net: &Net) -> String {
    let mut out = String::from("Num       RefCount Protocol Flags    Type St Inode Path\n");
    let Some(unix) = net.try_generic::<UnixNet>() else { return out };
    let socks = unix.living();
    // Who is whose peer, which is what references are.
    let mut peers: BTreeMap<usize, u32> = BTreeMap::new();
    for sk in &socks {
        if let Some(peer) = &sk.shared.lock().peer {
            *peers.entry(Unix::key(peer)).or_default() += 1;
        }
    }
    for sk in socks {
        let inner = sk.shared.lock();
        if inner.dead {
            continue;
        }
        // One of the table's and one of the file's or the listener's.
        let references = 2 + peers.get(&Unix::key(&sk)).copied().unwrap_or(0);
        let flags = if Unix::is_in(&sk, TcpState::Listen) { ACCEPTCON } else { 0 };
        let connected = Unix::is_in(&sk, TcpState::Established);
        let state = match (sk.ino() != 0, connected) {
            (true, true) => 3,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 4,
        };
        let _ = write!(
            out,
            "{:016x}: {references:08X} {:08X} {flags:08X} {:04X} {state:02X} {:5}",
            0,
            0,
            sk.kind(),
            sk.ino()
        );
        if let Some(addr) = &inner.addr {
            let path = addr.path();
            // A file's ends with a zero, an abstract one begins with one; others are shown as '@' too.
            let shown = if path[0] == 0 { path } else { &path[..path.len() - 1] };
            out.push(' ');
            let text: Vec<u8> = shown.iter().map(|&b| if b == 0 { b'@' } else { b }).collect();
            out.push_str(&String::from_utf8_lossy(&text));
        }
        out.push('\n');
    }
    out
}
