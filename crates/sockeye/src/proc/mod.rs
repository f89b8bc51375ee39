//! `/proc/net`: what the stack knows of itself, as text, byte for byte in Linux's formats (proc(5), proc_net(5)).
//!
//! A file is a row of [`FILES`] and a function from the namespace to its text, made anew at each read. Files under `/proc/sys`
//! are [`Net::sysctl`]'s.

mod counters;
mod devices;
mod file;
mod groups;
mod packet;
mod protocols;
mod routes;
mod sockets;
mod sockstat;

pub(crate) use file::open;

use crate::Net;
use net::UserCx;
use uapi::{AF_INET, AF_INET6, Errno, IPPROTO_UDP, IPPROTO_UDPLITE, InetAddr, Result};

/// Makes a file's text.
type Show = fn(&UserCx<'_>) -> String;

/// Every file, by its name in `/proc/net`.
const FILES: &[(&str, Show)] = &[
    ("anycast6", |_| String::new()),
    ("arp", devices::arp),
    ("dev", devices::dev),
    ("dev_mcast", |_| String::new()),
    ("icmp", sockets::icmp),
    ("icmp6", sockets::icmp6),
    ("if_inet6", devices::if_inet6),
    ("igmp", groups::igmp),
    ("igmp6", groups::igmp6),
    ("ip6_flowlabel", |_| {
        "Label S Owner  Users  Linger Expires  Dst                              Opt\n".to_owned()
    }),
    ("ipv6_route", routes::ipv6_route),
    ("mcfilter", groups::mcfilter),
    ("mcfilter6", groups::mcfilter6),
    ("netstat", counters::netstat),
    ("packet", packet::packet),
    ("protocols", protocols::protocols),
    ("raw", |cx| sockets::raw(cx, AF_INET)),
    ("raw6", |cx| sockets::raw(cx, AF_INET6)),
    ("route", routes::route),
    ("snmp", counters::snmp),
    ("snmp6", counters::snmp6),
    ("sockstat", sockstat::sockstat),
    ("sockstat6", sockstat::sockstat6),
    ("tcp", |cx| sockets::tcp(cx, AF_INET)),
    ("tcp6", |cx| sockets::tcp(cx, AF_INET6)),
    ("udp", |cx| sockets::udp(cx, IPPROTO_UDP, AF_INET)),
    ("udp6", |cx| sockets::udp(cx, IPPROTO_UDP, AF_INET6)),
    ("udplite", |cx| sockets::udp(cx, IPPROTO_UDPLITE, AF_INET)),
    ("udplite6", |cx| sockets::udp(cx, IPPROTO_UDPLITE, AF_INET6)),
    ("unix", |cx| unix::proc_text(cx.net)),
];

impl Net {
    /// The text of a file of `/proc/net`, by its name there: `tcp`, `snmp`.
    ///
    /// # Errors
    /// `ENOENT` for a file that is not there.
    ///
    /// ```
    /// use sockeye::uapi::socket::{AF_INET, SOCK_STREAM};
    /// use sockeye::{Net, Task};
    ///
    /// let net = Net::new();
    /// let task = Task::new(&net);
    /// let fd = task.socket(AF_INET, SOCK_STREAM, 0)?;
    /// task.bind(fd, sockeye::sockaddr("127.0.0.1:80".parse().unwrap()))?;
    /// task.listen(fd, 5)?;
    /// // 127.0.0.1:80, TCP_LISTEN.
    /// assert!(net.proc_net("tcp")?.contains(" 0100007F:0050 00000000:0000 0A "));
    /// # Ok::<(), sockeye::uapi::Errno>(())
    /// ```
    pub fn proc_net(&self, name: &str) -> Result<String> {
        let (_, show) = FILES.iter().find(|(known, _)| *known == name).ok_or(Errno::ENOENT)?;
        Ok(self.with_process(|p| show(&UserCx::enter(self.stack(), p))))
    }

    /// The files of `/proc/net` that are there.
    pub fn proc_net_files() -> impl Iterator<Item = &'static str> {
        FILES.iter().map(|(name, _)| *name)
    }
}

/// An address as these files have it: four words, or one, each in the machine's order.
fn hex(addr: InetAddr, v6: bool) -> String {
    let octets = addr.octets();
    let words = octets.as_chunks::<4>().0;
    let words = if v6 { words } else { &words[3..] };
    words.iter().map(|word| format!("{:08X}", u32::from_ne_bytes(*word))).collect()
}

/// An IPv6 address without colons (`%pi6`).
fn pi6(addr: InetAddr) -> String {
    addr.octets().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A line filled up with blanks (`seq_pad`), for readers that seek.
fn padded(text: &mut String, line: &str, width: usize) {
    text.push_str(line);
    text.extend(std::iter::repeat_n(' ', width.saturating_sub(line.len())));
    text.push('\n');
}
