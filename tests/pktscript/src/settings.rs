//! What a run is told before it begins: addresses, tolerances, names.

use crate::ast::Script;
use std::net::IpAddr;

/// Over which IP the script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv4 under IPv6 sockets.
    Mapped,
    /// IPv6.
    V6,
}

impl IpVersion {
    /// All, in the order of runs.
    pub const ALL: [IpVersion; 3] = [IpVersion::V4, IpVersion::V6, IpVersion::Mapped];

    /// As `--ip_version` says it.
    pub fn name(self) -> &'static str {
        match self {
            IpVersion::V4 => "ipv4",
            IpVersion::Mapped => "ipv4-mapped-ipv6",
            IpVersion::V6 => "ipv6",
        }
    }

    fn from_name(name: &str) -> Option<IpVersion> {
        IpVersion::ALL.into_iter().find(|version| version.name() == name)
    }
}

/// What a run is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The IP.
    pub ip: IpVersion,
    /// The stack's address.
    pub local: IpAddr,
    /// Its prefix length.
    pub prefix: u8,
    /// The peer's address.
    pub remote: IpAddr,
    /// MTU of the device.
    pub mtu: u32,
    /// Size of the segments that larger packets to the stack stand for.
    pub mss: u16,
    /// The port that `bind()` takes.
    pub bind_port: u16,
    /// The port that `connect()` goes to.
    pub connect_port: u16,
    /// Microseconds an event may be off.
    pub tolerance_usecs: i64,
    /// Percent of the time since the last event that it may be off.
    pub tolerance_percent: f64,
    /// Microseconds of a tick of TCP time stamps; 0 when their values are not looked at.
    pub ts_tick_usecs: i64,
    /// Echoed time stamps that were never sent are computed.
    pub ts_ecr_scaled: bool,
    /// Each packet from the stack is one of the script's.
    pub strict_segments: bool,
    /// What nobody expected until the end fails the script too. The original does not look.
    pub strict_end: bool,
    /// Names and their values.
    pub defines: Vec<(String, String)>,
}

/// Names that scripts use and that depend on the IP.
fn names(ip: IpVersion) -> Vec<(String, String)> {
    let v6 = ip == IpVersion::V6;
    let (cookie, zero) =
        if v6 { ("c1d1e9742a47a9bc", "82af1a8f9a205c34") } else { ("3021b9d889017eeb", "b7c12350a90dc8f5") };
    let (level, kind) =
        if ip == IpVersion::V4 { ("SOL_IP", "IP_RECVERR") } else { ("SOL_IPV6", "IPV6_RECVERR") };
    let mut all = vec![
        ("TFO_COOKIE", cookie),
        ("TFO_COOKIE_ZERO", zero),
        ("CMSG_LEVEL_IP", level),
        ("CMSG_TYPE_RECVERR", kind),
    ];
    if !v6 {
        all.push(("CODE", "host_unreachable"));
    }
    all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl Settings {
    /// What the suites' own runners say for this IP.
    pub fn new(ip: IpVersion) -> Settings {
        let addr = |text: &str| text.parse().unwrap_or(IpAddr::from([0; 4]));
        let v6 = ip == IpVersion::V6;
        Settings {
            ip,
            local: addr(if v6 { "fd3d:0a0b:17d6::1" } else { "192.168.0.1" }),
            prefix: if v6 { 48 } else { 16 },
            remote: addr(if v6 { "fd3d:fa7b:d17d::1" } else { "192.0.2.1" }),
            mtu: if v6 { 1520 } else { 1500 },
            mss: 0,
            bind_port: 8080,
            connect_port: 8080,
            tolerance_usecs: 4000,
            tolerance_percent: 12.5,
            ts_tick_usecs: 0,
            ts_ecr_scaled: false,
            strict_segments: false,
            strict_end: false,
            defines: names(ip),
        }
    }

    /// The IP versions that a script is for: what it says itself, or its name, or all.
    pub fn versions(script: &Script, name: &str) -> Vec<IpVersion> {
        let said = script.options.iter().filter(|(name, _)| name == "ip_version");
        let said: Vec<_> = said.filter_map(|(_, v)| IpVersion::from_name(v.as_deref()?)).collect();
        if !said.is_empty() {
            return said;
        }
        match name.strip_suffix(".pkt").unwrap_or(name) {
            name if name.ends_with("v6") || name.ends_with("ipv6") => vec![IpVersion::V6],
            name if name.ends_with("v4") => vec![IpVersion::V4, IpVersion::Mapped],
            _ => IpVersion::ALL.to_vec(),
        }
    }

    /// Takes over the options at the head of a script; addresses only if they are of the run's IP.
    ///
    /// # Errors
    /// With the option that is not known.
    pub fn apply(&mut self, script: &Script) -> Result<(), String> {
        for (name, value) in &script.options {
            let value = value.as_deref().unwrap_or("");
            let bad = || format!("--{name}={value}");
            match name.as_str() {
                "ip_version" | "gateway_ip" | "netmask_ip" | "define" => {}
                "local_ip" | "remote_ip" => {
                    let addr: IpAddr = value.split('/').next().unwrap_or("").parse().map_err(|_| bad())?;
                    if addr.is_ipv4() == self.local.is_ipv4() {
                        *(if name == "local_ip" { &mut self.local } else { &mut self.remote }) = addr;
                    }
                }
                // Buffers are never used twice here, and the language knows no other effect.
                "send_omit_free" => {}
                "mss" => self.mss = value.parse().map_err(|_| bad())?,
                "mtu" => self.mtu = value.parse().map_err(|_| bad())?,
                "bind_port" => self.bind_port = value.parse().map_err(|_| bad())?,
                "connect_port" => self.connect_port = value.parse().map_err(|_| bad())?,
                "tolerance_usecs" => self.tolerance_usecs = value.parse().map_err(|_| bad())?,
                "tolerance_percent" => self.tolerance_percent = value.parse().map_err(|_| bad())?,
                "tcp_ts_tick_usecs" => self.ts_tick_usecs = value.parse().map_err(|_| bad())?,
                "tcp_ts_ecr_scaled" => self.ts_ecr_scaled = true,
                "strict_segments" => self.strict_segments = true,
                _ => return Err(bad()),
            }
        }
        Ok(())
    }

    /// The length of the IP header.
    pub fn ip_header(&self) -> usize {
        if self.remote.is_ipv4() { 20 } else { 40 }
    }
}
