//! The files of `/proc/sys/net/ipv4` that rule local ports.

use super::{Ports, pack, unpack};
use net::Net;
use net::sysctl::{Bounds, IntRow, SysctlNode, parse_ranges, register_ints};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed};
use uapi::{Errno, Result};

static ROWS: &[IntRow] =
    &[IntRow::new("net/ipv4/ip_autobind_reuse", |net| &net.generic::<Ports>().autobind_reuse).range(0, 1)];

/// Attaches the state of local ports to a fresh namespace, and its files.
pub fn register(net: &Net) -> Result<()> {
    net.set_generic(Ports::new(net))?;
    register_ints(net, ROWS)?;
    net.sysctl.register("net/ipv4/ip_local_port_range", Arc::new(LocalPortRange))?;
    net.sysctl.register("net/ipv4/ip_local_reserved_ports", Arc::new(ReservedPorts))?;
    net.sysctl.register("net/ipv4/ip_unprivileged_port_start", Arc::new(UnprivilegedStart))
}

/// `ip_local_port_range`: two ports, in order and not below the unprivileged ones.
struct LocalPortRange;

impl SysctlNode for LocalPortRange {
    fn read(&self, net: &Net) -> String {
        let (low, high) = net.generic::<Ports>().range().into_inner();
        format!("{low}\t{high}\n")
    }

    fn write(&self, net: &Net, text: &str) -> Result<()> {
        self.write_bytes(net, text.as_bytes()).map(drop)
    }

    fn write_bytes(&self, net: &Net, bytes: &[u8]) -> Result<usize> {
        let ports = net.generic::<Ports>();
        let (low, high) = ports.range().into_inner();
        let new = [low, high].map(|port| AtomicI32::new(port.into()));
        let taken =
            Bounds { min: 1, max: 65535, unsigned: false }.write("ip_local_port_range", &new, bytes)?;
        let [low, high] = new.map(|port| port.into_inner() as u16);
        if high < low || ports.is_privileged(low) {
            return Err(Errno::EINVAL);
        }
        ports.range.store(pack(&(low..=high)), Relaxed);
        Ok(taken)
    }
}

/// `ip_unprivileged_port_start`: may not reach into the range ports are chosen from.
struct UnprivilegedStart;

impl SysctlNode for UnprivilegedStart {
    fn read(&self, net: &Net) -> String {
        format!("{}\n", net.generic::<Ports>().unprivileged_start[0].load(Relaxed))
    }

    fn write(&self, net: &Net, text: &str) -> Result<()> {
        self.write_bytes(net, text.as_bytes()).map(drop)
    }

    fn write_bytes(&self, net: &Net, bytes: &[u8]) -> Result<usize> {
        let ports = net.generic::<Ports>();
        let new = AtomicI32::new(0);
        let taken = Bounds { min: 0, max: 65535, unsigned: false }.write(
            "ip_unprivileged_port_start",
            [&new],
            bytes,
        )?;
        let start = new.into_inner();
        if i32::from(*unpack(ports.range.load(Relaxed)).start()) < start {
            return Err(Errno::EINVAL);
        }
        ports.unprivileged_start[0].store(start, Relaxed);
        Ok(taken)
    }
}

/// `ip_local_reserved_ports`: a list such as `8080,9000-9010` (`proc_do_large_bitmap`).
struct ReservedPorts;

impl SysctlNode for ReservedPorts {
    fn read(&self, net: &Net) -> String {
        let ports = net.generic::<Ports>();
        let mut text = String::new();
        let mut port = 0;
        while let Some(first) = (port..=u16::MAX).find(|&p| ports.is_reserved(p)) {
            let last = (first..=u16::MAX).take_while(|&p| ports.is_reserved(p)).last().unwrap_or(first);
            if !text.is_empty() {
                text.push(',');
            }
            text += &if first == last { first.to_string() } else { format!("{first}-{last}") };
            let Some(next) = last.checked_add(1) else { break };
            port = next;
        }
        text.push('\n');
        text
    }

    fn write(&self, net: &Net, text: &str) -> Result<()> {
        self.write_bytes(net, text.as_bytes()).map(drop)
    }

    fn write_bytes(&self, net: &Net, bytes: &[u8]) -> Result<usize> {
        let mut bits = vec![0u64; 1024];
        for (first, last) in parse_ranges(bytes, 65536)? {
            for port in first..=last {
                bits[port / 64] |= 1 << (port % 64);
            }
        }
        let ports = net.generic::<Ports>();
        if ports.reserved.get().is_some() || bits.iter().any(|&word| word != 0) {
            let reserved = ports.reserved.get_or_init(|| (0..1024).map(|_| AtomicU64::new(0)).collect());
            for (word, new) in reserved.iter().zip(bits) {
                word.store(new, Relaxed);
            }
        }
        Ok(bytes.len())
    }
}
