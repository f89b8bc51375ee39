//! Packets of a script: sent to the stack, or awaited from it.

use super::{Due, Run, Stop};
use crate::ast::{Body, Echoed, Packet, Tcp};
use crate::flow::{Flow, Stage};
use crate::packet::{IPPROTO_TCP, IPPROTO_UDP, Segment, Sent, Tuple, build, compare, show};

/// How long a packet is waited for beyond its time, microseconds.
const PATIENCE: i64 = 2_000_000;
/// The same for one that may come at any time.
const ANY_TIME: i64 = 600_000_000;

const SYN: u16 = 0x02;
const ACK: u16 = 0x10;

impl Run {
    fn flow(&mut self, line: usize) -> Result<&mut Flow, Stop> {
        match self.current {
            Some(current) => Ok(&mut self.flows[current]),
            None => Err(Stop::unsupported(line, "a packet without a socket")),
        }
    }

    /// A packet to the stack.
    pub(super) fn inbound(&mut self, packet: &Packet, line: usize) -> Result<(), Stop> {
        let bad = |what: String| Stop::unsupported(line, what);
        let tcp = match &packet.body {
            Body::Tcp(tcp) => Some(tcp),
            _ => None,
        };
        let listening = self.current.is_none_or(|current| self.flows[current].stage == Stage::Listening);
        if let (Some(tcp), true) = (tcp, listening) {
            self.passive(tcp);
        }
        let scaled = self.settings.ts_ecr_scaled;
        let gso = self.settings.mss;
        let flow = self.flow(line)?;
        let tuple = with_ports(flow.inbound(), packet.ports);
        let (bytes, payload) = match &packet.body {
            Body::Tcp(tcp) => {
                let acked = tcp.flags.contains('.');
                if flow.stage == Stage::SynAckSent && acked {
                    flow.stage = Stage::Accepted;
                } else if flow.stage == Stage::SynSent && acked && tcp.flags.contains('S') {
                    flow.stage = Stage::SynAcked;
                    flow.remote_isn = tcp.seq;
                }
                let (live, options) = flow.to_live(tcp, scaled).map_err(bad)?;
                (build::tcp(&packet.ip, &tuple, &live, &options).map_err(bad)?, usize::from(tcp.len))
            }
            Body::Udp(len) => (build::udp(&packet.ip, &tuple, *len).map_err(bad)?, 0),
            Body::Icmp(icmp) => {
                let echoed = match icmp.echoed {
                    Echoed::Tcp(seq) => Echoed::Tcp(flow.live_seq(seq)),
                    other => other,
                };
                let about = flow.outbound();
                (build::icmp(&packet.ip, &tuple, &about, icmp, echoed).map_err(bad)?, 0)
            }
        };
        let gso = if tcp.is_some() { gso } else { 0 };
        self.tun.inject(&self.net, &bytes, payload, gso);
        self.world.pause();
        Ok(())
    }

    /// The peer opens a connection: packets belong to it from now on.
    fn passive(&mut self, tcp: &Tcp) {
        let mut flow = Flow::new(self.settings.local, self.settings.remote);
        flow.stage = Stage::SynReceived;
        flow.local.1 = self.settings.bind_port;
        flow.remote.1 = self.next_port;
        flow.remote_isn = tcp.seq;
        self.next_port += 1;
        self.flows.push(flow);
        self.current = Some(self.flows.len() - 1);
    }

    /// A packet from the stack, which may come in pieces.
    pub(super) fn outbound(&mut self, packet: &Packet, due: &Due) -> Result<(), Stop> {
        let line = due.line;
        let Body::Tcp(tcp) = &packet.body else { return self.outbound_other(packet, due) };
        let (bits, _) = build::flags(&tcp.flags);
        let flow = self.flow(line)?;
        if flow.stage == Stage::Connecting && bits & (SYN | ACK) == SYN {
            flow.stage = Stage::SynSent;
            flow.script_isn = tcp.seq;
        }
        let expected = usize::from(tcp.len);
        let mut whole: Option<Segment> = None;
        let mut pieces = 0;
        loop {
            let sent = self.next_sent(packet, due)?;
            if !sent.is_tcp() {
                return Err(Stop::fail(line, show::expected(packet), show::raw(&sent)));
            }
            let mut seen = sent.segment();
            let flow = self.flow(line)?;
            if flow.stage == Stage::SynReceived && bits & (SYN | ACK) == SYN | ACK {
                flow.stage = Stage::SynAckSent;
                flow.script_isn = tcp.seq;
                flow.live_isn = seen.seq;
            }
            flow.to_script(&mut seen);
            match &mut whole {
                None => whole = Some(seen),
                Some(whole) => compare::append(whole, &seen, pieces, expected).map_err(|what| {
                    let got = format!("{} and {}: {what}", show::segment(whole), show::segment(&seen));
                    Stop::fail(line, show::expected(packet), got)
                })?,
            }
            pieces += 1;
            let have = whole.as_ref().map_or(0, |whole| whole.payload.len());
            if have >= expected || self.settings.strict_segments {
                break;
            }
        }
        let Some(mut whole) = whole else { return Ok(()) };
        self.compare(packet, tcp, &mut whole, due)
    }

    fn compare(&mut self, packet: &Packet, tcp: &Tcp, seen: &mut Segment, due: &Due) -> Result<(), Stop> {
        let flow = self.flow(due.line)?;
        let ticks = flow.note_timestamp(tcp, seen);
        let outcome = compare::tcp(tcp, seen)
            .and_then(|()| compare::ip(&packet.ip, seen))
            .and_then(|()| flow.check_label(packet.ip.flow_label, seen.flow_label));
        outcome.map_err(|what| {
            Stop::fail(due.line, show::expected(packet), format!("{} ({what})", show::segment(seen)))
        })?;
        let tick = self.settings.ts_tick_usecs;
        let tolerance = self
            .settings
            .tolerance_usecs
            .max((due.from as f64 * self.settings.tolerance_percent / 100.0) as i64);
        if let Some(ticks) = ticks
            && i64::from(ticks) * tick > tolerance
        {
            let got = format!("{} (time stamp off by {ticks})", show::segment(seen));
            return Err(Stop::fail(due.line, show::expected(packet), got));
        }
        self.check_time(due, seen.usecs, &show::expected(packet))
    }

    /// A packet of another protocol than TCP.
    fn outbound_other(&mut self, packet: &Packet, due: &Due) -> Result<(), Stop> {
        let sent = self.next_sent(packet, due)?;
        let transport = sent.transport();
        let right = match &packet.body {
            Body::Udp(len) => sent.protocol() == IPPROTO_UDP && transport.len() == usize::from(*len) + 8,
            Body::Icmp(icmp) => match build::type_and_code(sent.is_v4(), icmp) {
                Ok((kind, code)) => transport[..2] == [kind, code],
                Err(what) => return Err(Stop::unsupported(due.line, what)),
            },
            Body::Tcp(_) => false,
        };
        if !right {
            return Err(Stop::fail(due.line, show::expected(packet), show::raw(&sent)));
        }
        self.check_time(due, sent.usecs, &show::expected(packet))
    }

    /// The next packet of the script's connection.
    fn next_sent(&mut self, packet: &Packet, due: &Due) -> Result<Sent, Stop> {
        let patience = if due.any { ANY_TIME } else { PATIENCE };
        let deadline = due.from.max(due.to).max(self.usecs()) + patience;
        let mut first = true;
        loop {
            while let Some(sent) = self.take_sent(due.line)? {
                if self.is_ours(&sent, packet, due.line)? {
                    return Ok(sent);
                }
            }
            let left = deadline - self.usecs();
            if left <= 0 || due.any && self.net.next_timer().is_none() && self.blocked.is_none() && !first {
                return Err(Stop::fail(due.line, show::expected(packet), "nothing"));
            }
            first = false;
            let tun = &self.tun;
            self.world.run_until(left as u64 * 1000, || !tun.is_empty());
        }
    }

    /// The oldest packet that waits.
    fn take_sent(&mut self, line: usize) -> Result<Option<Sent>, Stop> {
        let Some((ns, bytes)) = self.tun.take() else { return Ok(None) };
        let usecs = self.usecs_of_clock(ns);
        let Some(sent) = Sent::parse(usecs, bytes) else {
            return Err(Stop::fail(line, "a whole packet", "one that is none"));
        };
        match sent.bad_checksum() {
            Some(what) => Err(Stop::fail(line, format!("a right {what}"), show::raw(&sent))),
            None => Ok(Some(sent)),
        }
    }

    /// True if a packet belongs to the script's connection; those of connections before it are let
    /// go, any other is not expected.
    fn is_ours(&mut self, sent: &Sent, packet: &Packet, line: usize) -> Result<bool, Stop> {
        let tuple = sent.tuple();
        if !matches!(sent.protocol(), IPPROTO_TCP | IPPROTO_UDP) {
            return Ok(matches!(packet.body, Body::Icmp(_)));
        }
        let Some(current) = self.current else { return Ok(false) };
        let flow = &mut self.flows[current];
        if tuple == flow.outbound() {
            return Ok(true);
        }
        // Ours is known once its first packet is seen.
        let opens =
            sent.is_tcp() && sent.segment().flags & (SYN | ACK) == SYN && flow.stage == Stage::SynSent;
        if tuple.dest == flow.remote && (opens || !sent.is_tcp()) {
            flow.local = tuple.source;
            flow.live_isn = if sent.is_tcp() { sent.segment().seq } else { 0 };
            return Ok(true);
        }
        if packet.ports.is_some_and(|(source, dest)| (tuple.source.1, tuple.dest.1) == (source, dest)) {
            return Ok(true);
        }
        if self.flows.iter().any(|flow| flow.outbound() == tuple) {
            return Ok(false);
        }
        Err(Stop::fail(line, show::expected(packet), format!("{} of no connection", show::raw(sent))))
    }

    /// The script is over: what its connection sent before the last event, somebody should have
    /// expected.
    pub(super) fn nothing_left(&mut self, line: usize, last: i64) -> Result<(), Stop> {
        if !self.settings.strict_end {
            return Ok(());
        }
        while let Some(sent) = self.take_sent(line)? {
            let ours = self.current.is_some_and(|current| self.flows[current].outbound() == sent.tuple());
            if ours && sent.is_tcp() && sent.usecs < last {
                let mut seen = sent.segment();
                self.flow(line)?.to_script(&mut seen);
                let at = sent.usecs as f64 / 1e6;
                return Err(Stop::fail(
                    line,
                    "no more packets",
                    format!("{} at {at:.6}", show::segment(&seen)),
                ));
            }
        }
        Ok(())
    }
}

/// Addresses of the connection with the ports that a packet names.
fn with_ports(mut tuple: Tuple, ports: Option<(u16, u16)>) -> Tuple {
    if let Some((source, dest)) = ports {
        if source != 0 {
            tuple.source.1 = source;
        }
        if dest != 0 {
            tuple.dest.1 = dest;
        }
    }
    tuple
}
