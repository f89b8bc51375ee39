//! Credentials of a calling thread, from `/proc/TID/status`.

use crate::stack::Cred;

/// The credentials of a thread; `None` if it is gone.
pub(crate) fn of(tid: i32) -> Option<Cred> {
    std::fs::read_to_string(format!("/proc/{tid}/status")).ok().map(|s| parse(&s))
}

fn parse(status: &str) -> Cred {
    let mut cred = Cred { euid: u32::MAX, egid: u32::MAX, ..Cred::default() };
    // The second number of Uid and Gid is the effective one (proc_pid_status(5)).
    let effective = |v: &str| v.split_ascii_whitespace().nth(1).and_then(|n| n.parse().ok());
    for line in status.lines() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        match key {
            "Uid" => cred.euid = effective(value).unwrap_or(u32::MAX),
            "Gid" => cred.egid = effective(value).unwrap_or(u32::MAX),
            "Groups" => {
                cred.groups = value.split_ascii_whitespace().filter_map(|n| n.parse().ok()).collect();
            }
            "CapEff" => cred.caps = u64::from_str_radix(value.trim(), 16).unwrap_or(0),
            _ => {}
        }
    }
    cred
}

/// Whether a process stands below this one; orphans come to us (`launch::become_subreaper`).
pub(crate) fn is_descendant(pid: i32) -> bool {
    let us = std::process::id().cast_signed();
    let parent = |pid: i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse::<i32>().ok()
    };
    std::iter::successors(parent(pid), |pid| if *pid > 1 { parent(*pid) } else { None }).any(|pid| pid == us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_file() {
        let text = "Name:\tx\nUid:\t1000\t1001\t1002\t1003\nGid:\t5\t6\t7\t8\nGroups:\t4 24 \nCapEff:\t0000000000003400\n";
        let cred = parse(text);
        assert_eq!(cred, Cred { euid: 1001, egid: 6, caps: 0x3400, groups: vec![4, 24] });
    }

    #[test]
    fn our_own() {
        let me = std::process::id().cast_signed();
        assert_ne!(of(me).unwrap().euid, u32::MAX);
        assert!(of(i32::MAX).is_none());
    }
}
