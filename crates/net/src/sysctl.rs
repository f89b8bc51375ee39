//! `/proc/sys`: a table of rows that every room adds its own to.
//!
//! A row names a file, says how to print its value and how to take a new one. Values are atomics in
//! the state of the room that uses them, so reading one in the stack is a load.

use crate::netns::Net;
use kern::sync::SpinLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use uapi::{Errno, Result};

/// One file under `/proc/sys` (`struct ctl_table`).
pub trait SysctlNode: Send + Sync {
    /// Permission bits, as `0o644`.
    fn mode(&self) -> u32 {
        0o644
    }
    /// The file's text, newline included.
    fn read(&self, net: &Net) -> String;
    /// Takes a new value. `EINVAL` for what Linux does not accept, `EPERM` for a read-only file.
    fn write(&self, net: &Net, text: &str) -> Result<()>;
}

/// All files of a namespace, by path below `/proc/sys`, as `net/ipv4/tcp_sack`.
#[derive(Default)]
pub struct SysctlTable {
    nodes: SpinLock<BTreeMap<String, Arc<dyn SysctlNode>>>,
}

impl SysctlTable {
    /// Adds a file; `EEXIST` when there is one.
    pub fn register(&self, path: &str, node: Arc<dyn SysctlNode>) -> Result<()> {
        let mut nodes = self.nodes.lock();
        if nodes.contains_key(path) {
            return Err(Errno::EEXIST);
        }
        nodes.insert(path.to_owned(), node);
        Ok(())
    }

    /// The file at `path`; dots may stand for slashes, as sysctl(8) takes them. `ENOENT`.
    pub fn get(&self, path: &str) -> Result<Arc<dyn SysctlNode>> {
        let nodes = self.nodes.lock();
        if let Some(node) = nodes.get(path) {
            return Ok(node.clone());
        }
        nodes.get(&path.replace('.', "/")).cloned().ok_or(Errno::ENOENT)
    }

    /// All paths, sorted.
    pub fn paths(&self) -> Vec<String> {
        self.nodes.lock().keys().cloned().collect()
    }

    /// Reads a file.
    pub fn read(&self, net: &Net, path: &str) -> Result<String> {
        Ok(self.get(path)?.read(net))
    }

    /// Writes a file.
    pub fn write(&self, net: &Net, path: &str, text: &str) -> Result<()> {
        self.get(path)?.write(net, text)
    }
}

/// Whole numbers that share a file, each within bounds (`proc_dointvec_minmax`): one row of a
/// room's table.
pub struct IntRow {
    /// Path below `/proc/sys`.
    pub path: &'static str,
    /// The numbers.
    pub values: fn(&Net) -> &[AtomicI32],
    /// The least that is accepted.
    pub min: i32,
    /// The most that is accepted.
    pub max: i32,
    /// Permission bits.
    pub mode: u32,
    /// The numbers are `u32`s, of any size (`proc_douintvec`).
    pub unsigned: bool,
}

/// A number as `proc_dointvec` takes it: decimal, `0x…` or, after a 0, octal.
fn number(word: &str, unsigned: bool) -> Option<i32> {
    let (digits, negative) = word.strip_prefix('-').map_or((word, false), |digits| (digits, true));
    let (digits, radix) = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (&digits[1..], 8),
        None => (digits, 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i64::from_str_radix(digits, radix).ok()?;
    match unsigned {
        true if negative => None,
        true => u32::try_from(value).ok().map(|value| value as i32),
        false => i32::try_from(if negative { -value } else { value }).ok(),
    }
}

impl IntRow {
    /// A row for one or more numbers of any size, mode 0644.
    pub const fn new(path: &'static str, values: fn(&Net) -> &[AtomicI32]) -> Self {
        IntRow { path, values, min: i32::MIN, max: i32::MAX, mode: 0o644, unsigned: false }
    }

    /// The same with bounds.
    pub const fn range(self, min: i32, max: i32) -> Self {
        IntRow { min, max, ..self }
    }

    /// The same for `u32`s of any size.
    pub const fn unsigned(self) -> Self {
        IntRow { unsigned: true, ..self }
    }

    /// The same, read-only.
    pub const fn read_only(self) -> Self {
        IntRow { mode: 0o444, ..self }
    }
}

impl SysctlNode for &'static IntRow {
    fn mode(&self) -> u32 {
        self.mode
    }

    fn read(&self, net: &Net) -> String {
        let show = |value: i32| if self.unsigned { (value as u32).to_string() } else { value.to_string() };
        let values: Vec<String> = (self.values)(net).iter().map(|v| show(v.load(Relaxed))).collect();
        values.join("\t") + "\n"
    }

    fn write(&self, net: &Net, text: &str) -> Result<()> {
        if self.mode & 0o200 == 0 {
            return Err(Errno::EPERM);
        }
        let values = (self.values)(net);
        let mut words = text.split_ascii_whitespace();
        let mut any = false;
        for value in values {
            let Some(word) = words.next() else { break };
            let number = number(word, self.unsigned).ok_or(Errno::EINVAL)?;
            if !(self.min..=self.max).contains(&number) {
                return Err(Errno::EINVAL);
            }
            value.store(number, Relaxed);
            any = true;
        }
        // An empty write is accepted and changes nothing; a surplus number is an error.
        if words.next().is_some() && !any { Err(Errno::EINVAL) } else { Ok(()) }
    }
}

/// Adds a room's table of rows.
pub fn register_ints(net: &Net, rows: &'static [IntRow]) -> Result<()> {
    rows.iter().try_for_each(|row| net.sysctl.register(row.path, Arc::new(row)))
}
