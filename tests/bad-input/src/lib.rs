//! The same system calls on the host's kernel and on Sockeye.
//!
//! A program is a list of calls in words, as `bind 0 0200003000000000 16`; sockets are named by the
//! order in which they were opened. [`Host`] runs it in a process of its own in a private network
//! namespace, [`Ours`] on a task; both answer with one word a call, in which what chance decides
//! (ephemeral ports) is blotted out.

#![forbid(unsafe_code)]

mod host;
mod ours;

pub use host::Host;
pub use ours::Ours;

/// Runs a program on both and tells the first call whose answers differ.
pub fn compare(host: &mut Host, program: &[String]) -> Result<(), String> {
    let theirs = host.run(program);
    let ours = Ours::run(program);
    let mut differences = Vec::new();
    for (i, call) in program.iter().enumerate() {
        let (linux, sockeye) = (theirs.get(i), ours.get(i));
        if linux != sockeye {
            let show = |answer: Option<&String>| answer.cloned().unwrap_or_default();
            differences.push(format!(
                "#{i} {call}\n    Linux   {}\n    Sockeye {}",
                show(linux),
                show(sockeye)
            ));
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(format!("{}\n  in: {}", differences.join("\n  "), program.join("; ")))
}

/// Bytes as words carry them; nothing is `-`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(word: &str) -> Vec<u8> {
    if word == "-" {
        return Vec::new();
    }
    (0..word.len() / 2).map(|i| u8::from_str_radix(&word[2 * i..2 * i + 2], 16).unwrap_or(0)).collect()
}
