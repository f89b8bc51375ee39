//! Calls of scripts on several messages, pieces or descriptors at once.

use super::begun::subject;
use super::{Call, NONBLOCK, NOSIGNAL, POLL_ALL, Result, count, int};
use crate::kernel::{Many, Outgoing};
use crate::value::{number, show};

const SOL_SOCKET: i32 = sockeye::uapi::SOL_SOCKET;
const F_GETFL: i32 = 3;
const F_SETFL: i32 = 4;

fn lengths(text: &str) -> Vec<usize> {
    text.split(',').filter(|n| *n != "-").map(|n| number(n) as usize).collect()
}

impl Call<'_> {
    pub(super) fn on_many(&mut self, words: &[&str]) -> Result<String> {
        let k = self.kernel;
        match *words {
            ["sendmmsg", s, flags, to, sizes] => {
                let bytes: Vec<Vec<u8>> = lengths(sizes).iter().map(|n| vec![b'x'; *n]).collect();
                let (addr, _) = self.addr(to);
                let message = |bytes| Outgoing { name: addr.as_deref(), parts: vec![bytes], control: &[] };
                let messages: Vec<Outgoing<'_>> =
                    bytes.iter().map(|bytes| message(bytes.as_slice())).collect();
                let sent = k.sendmmsg(self.fd(s), &messages, int(flags) | NOSIGNAL)?;
                Ok(format!("{sent:?}"))
            }
            ["recvmmsg", s, rooms, control, flags, timeout] => {
                let rooms = lengths(rooms);
                let time = timeout.split_once('.').map(|(sec, nsec)| [number(sec), number(nsec)]);
                let ask = Many { rooms: &rooms, control: number(control) as usize, timeout: time };
                let got = k.recvmmsg(self.fd(s), &ask, int(flags))?;
                let shown: Vec<String> = got.iter().map(|got| self.show_received(got)).collect();
                Ok(format!("{}: {}", got.len(), shown.join(" / ")))
            }
            ["readv", s, parts] => {
                let got = k.readv(self.fd(s), &lengths(parts))?;
                Ok(format!("{} {}", got.len(), show(&got)))
            }
            ["writev", s, parts] => {
                let parts: Vec<Vec<u8>> = lengths(parts).iter().map(|n| vec![b'x'; *n]).collect();
                let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
                k.writev(self.fd(s), &parts).map(count)
            }
            ["dup2", to, s] => {
                let (from, to) = (self.fd(s), self.fd(to));
                k.dup2(from, to).map(|fd| if fd == to { "ok" } else { "elsewhere" }.to_owned())
            }
            [call @ ("pollall" | "ppoll"), names, events, ref timeout @ ..] => {
                let fds: Vec<(i32, i16)> =
                    names.split(',').map(|name| (self.fd(name), int(events) as i16 & POLL_ALL)).collect();
                let timeout = timeout.first().map_or(0, |timeout| int(timeout));
                let found = k.poll_all(&fds, timeout, call == "ppoll")?;
                Ok(found.iter().map(|events| format!("{events:#x}")).collect::<Vec<_>>().join(" "))
            }
            [call @ ("select" | "pselect"), r, w, x, ref timeout @ ..] => {
                let timeout = timeout.first().map_or(0, |timeout| int(timeout));
                self.select([r, w, x], timeout, call == "pselect")
            }
            _ => Ok(format!("what is {words:?}?")),
        }
    }

    fn select(&self, names: [&str; 3], timeout: i32, p: bool) -> Result<String> {
        let open = |names: &str| -> Vec<i32> {
            names.split(',').filter_map(|name| self.fds.get(name).copied()).collect()
        };
        let asked = names.map(|names| (names != "-").then(|| open(names)));
        let sets = [0, 1, 2].map(|i| asked[i].as_deref());
        let (n, found) = self.kernel.select(sets, timeout, p)?;
        let shown = [0, 1, 2].map(|i| {
            let mut names: Vec<&str> = names[i]
                .split(',')
                .filter(|name| self.fds.get(*name).is_some_and(|fd| found[i].contains(fd)))
                .collect();
            names.dedup();
            names.join(",")
        });
        Ok(format!("{n} {}", shown.join("|")))
    }

    /// Makes a call that waits, but not for long.
    pub(super) fn timed(&mut self, us: i64, words: &[&str]) -> Result<String> {
        const TIMEOUTS: [i32; 2] = [20, 21];
        let (k, fd) = (self.kernel, self.fd(subject(words)));
        let set = |us: i64| {
            let time = [(us / 1_000_000).to_ne_bytes(), (us % 1_000_000).to_ne_bytes()].concat();
            TIMEOUTS.iter().try_for_each(|name| k.setsockopt(fd, SOL_SOCKET, *name, &time))
        };
        // What has no timeouts would wait for ever.
        set(us)?;
        let flags = k.fcntl(fd, F_GETFL, 0)?;
        k.fcntl(fd, F_SETFL, flags & !i64::from(NONBLOCK))?;
        let result = self.make(words);
        // The descriptor may be another's by now.
        let _ = k.fcntl(fd, F_SETFL, flags);
        let _ = set(0);
        result
    }
}
