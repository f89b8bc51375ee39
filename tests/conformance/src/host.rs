//! What the host saw of a run: its loopback device and its socket counts.

use crate::Watched;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What the host's network namespace saw while a program ran under Sockeye.
#[derive(Debug, Default)]
pub struct HostReport {
    /// The highest count of each kind of INET socket (`TCP inuse`, `UDP6 inuse`, …).
    pub sockets: BTreeMap<String, u64>,
    /// Packets that passed each device meanwhile.
    pub packets: BTreeMap<String, u64>,
}

impl HostReport {
    /// Reads what a run left beside `report`: the namespace before it and after it.
    pub(crate) fn finish(&mut self, report: &Path) {
        let read = |when: &str| {
            let mut path = report.as_os_str().to_owned();
            path.push(when);
            fs::read_to_string(path).unwrap_or_default()
        };
        let (before, after) = (read(".before"), read(".after"));
        let start = devices(&before);
        for (name, packets) in devices(&after) {
            let base = start.get(&name).copied().unwrap_or_default();
            self.packets.insert(name, packets - base);
        }
        self.count(&after);
    }

    /// Whatever a run that stays off the host must not show.
    #[must_use]
    pub fn leaks(&self) -> Vec<String> {
        let count = |(what, n): (&String, &u64)| (*n > 0).then(|| format!("{what}: {n}"));
        let packets = self.packets.iter().filter_map(count);
        packets.map(|p| format!("packets on {p}")).chain(self.sockets.iter().filter_map(count)).collect()
    }

    fn count(&mut self, text: &str) {
        for (what, n) in sockets(text) {
            let most = self.sockets.entry(what).or_default();
            *most = n.max(*most);
        }
    }
}

impl Watched for HostReport {
    fn look(&mut self, pid: u32) {
        // Until it has moved into its namespace, a child shows the one we live in.
        let namespace = |of: &str| fs::read_link(format!("/proc/{of}/ns/net")).ok();
        if namespace(&pid.to_string()) == namespace("self") {
            return;
        }
        for file in ["sockstat", "sockstat6"] {
            // The child may end at any moment; its last counts come from the report.
            if let Ok(text) = fs::read_to_string(format!("/proc/{pid}/net/{file}")) {
                self.count(&text);
            }
        }
    }
}

/// `lo: bytes packets …`, both directions added up.
fn devices(text: &str) -> BTreeMap<String, u64> {
    let row = |line: &str| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers.split_whitespace().map_while(|w| w.parse().ok()).collect();
        (numbers.len() == 16).then(|| (name.trim().to_owned(), numbers[1] + numbers[9]))
    };
    text.lines().filter_map(row).collect()
}

/// The counts of `/proc/net/sockstat` that belong to one namespace: `inuse` and `tw`.
fn sockets(text: &str) -> Vec<(String, u64)> {
    let mut counts = Vec::new();
    for line in text.lines() {
        let Some((kind, rest)) = line.split_once(": ") else {
            continue;
        };
        let words: Vec<&str> = rest.split_whitespace().collect();
        for pair in words.chunks_exact(2) {
            if let ("inuse" | "tw", Ok(n)) = (pair[0], pair[1].parse()) {
                counts.push((format!("{kind} {}", pair[0]), n));
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read() {
        let text = "sockets: used 9\nTCP: inuse 2 orphan 0 tw 1 alloc 7 mem 0\nRAW6: inuse 3\n";
        let found = sockets(text);
        assert_eq!(found.len(), 3);
        assert_eq!(found[2], ("RAW6 inuse".to_owned(), 3));
        let dev = "  lo:   10  4 0 0 0 0 0 0   10  4 0 0 0 0 0 0\n";
        assert_eq!(devices(dev).get("lo"), Some(&8));
    }
}
