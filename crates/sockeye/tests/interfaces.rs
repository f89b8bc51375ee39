//! Interface requests of `netdevice(7)`: the answers are those of Linux 6.18 in a namespace with `lo` up.

use sockeye::{Net, Task};
use uapi::Errno;
use uapi::ioctl::*;
use uapi::socket::{AF_INET, AF_INET6, SOCK_DGRAM};

/// A request for a name; the 24 bytes after the name of the answer.
fn ask(task: &Task, fd: i32, name: &str, cmd: u32) -> Result<[u8; 24], Errno> {
    let mut req = [0x7f; 40];
    req[..16].fill(0);
    req[..name.len()].copy_from_slice(name.as_bytes());
    task.ioctl(fd, cmd, &mut req)?;
    assert_eq!(&req[..name.len()], name.as_bytes(), "the name stays");
    Ok(*req[16..].first_chunk().unwrap())
}

#[test]
fn the_loopback_device_answers_as_on_linux() {
    let task = Task::new(&Net::new());
    for family in [AF_INET, AF_INET6] {
        let fd = task.socket(family, SOCK_DGRAM, 0).unwrap();
        let starts = |name, cmd, with: &[u8]| {
            let answer = ask(&task, fd, name, cmd).unwrap();
            assert_eq!(&answer[..with.len()], with, "{cmd:#x} {name}");
            assert!(cmd != SIOCGIFFLAGS || answer[2] == 0x7f, "flags are two bytes");
        };
        for name in ["lo", "lo:1"] {
            starts(name, SIOCGIFFLAGS, &[0x49, 0]);
            starts(name, SIOCGIFINDEX, &[1, 0, 0, 0]);
            starts(name, SIOCGIFMTU, &[0, 0, 1, 0]);
            starts(name, SIOCGIFMETRIC, &[0, 0, 0, 0]);
            starts(name, SIOCGIFTXQLEN, &[0xe8, 3, 0, 0]);
            starts(name, SIOCGIFHWADDR, &[4, 3, 0, 0, 0, 0, 0, 0]);
            starts(name, SIOCGIFMAP, &[0; 24]);
        }
        assert_eq!(ask(&task, fd, "no0", SIOCGIFMTU), Err(Errno::ENODEV));
        assert_eq!(ask(&task, fd, "lo", SIOCGIFSLAVE), Err(Errno::EINVAL));
        assert_eq!(ask(&task, fd, "lo", SIOCGIFMEM), Err(Errno::ENOTTY));
        let mut by_index = [0; 40];
        by_index[16] = 1;
        task.ioctl(fd, SIOCGIFNAME, &mut by_index).unwrap();
        assert_eq!(&by_index[..3], b"lo\0");
        assert_eq!(task.ioctl(fd, SIOCGIFINDEX, &mut [0; 8]), Err(Errno::EFAULT));
    }
}

#[test]
fn addresses_are_ipv4_and_belong_to_labels() {
    let task = Task::new(&Net::new());
    let fd = task.socket(AF_INET, SOCK_DGRAM, 0).unwrap();
    let address = |cmd| ask(&task, fd, "lo", cmd).map(|answer| answer[..8].to_vec());
    assert_eq!(address(SIOCGIFADDR), Ok(vec![2, 0, 0, 0, 127, 0, 0, 1]));
    assert_eq!(address(SIOCGIFDSTADDR), Ok(vec![2, 0, 0, 0, 127, 0, 0, 1]));
    assert_eq!(address(SIOCGIFBRDADDR), Ok(vec![2, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(address(SIOCGIFNETMASK), Ok(vec![2, 0, 0, 0, 255, 0, 0, 0]));
    assert_eq!(ask(&task, fd, "lo:1", SIOCGIFADDR), Err(Errno::EADDRNOTAVAIL));
    assert_eq!(ask(&task, fd, "no0", SIOCGIFADDR), Err(Errno::ENODEV));
    let six = task.socket(AF_INET6, SOCK_DGRAM, 0).unwrap();
    assert_eq!(ask(&task, six, "lo", SIOCGIFADDR), Err(Errno::ENOTTY));
    // A list of what fits whole.
    for (room, used) in [(200, 40), (40, 40), (39, 0)] {
        let mut list = vec![0xff; room];
        assert_eq!(task.ioctl(six, SIOCGIFCONF, &mut list), Ok(used));
        assert!(used == 0 || list.starts_with(b"lo\0"));
    }
}
