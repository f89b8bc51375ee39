//! Packets.

use super::{Parsed, Parser};
use crate::ast::{Body, Echoed, Icmp, IpInfo, Opt, Packet, Tcp, Tos};
use crate::lex::Token;

const FLAGS: &str = "FSRP.UEWA01234567";

impl Parser {
    /// What follows the direction.
    pub(super) fn packet(&mut self, inbound: bool) -> Parsed<Packet> {
        if ["ipv4", "ipv6", "gre", "GREv0", "mpls", "psp"].iter().any(|word| self.is_word(word)) {
            return self.fail("encapsulated packets are not spoken here");
        }
        let ip = self.ip_info()?;
        let ports = match (self.peek(), self.peek_at(1)) {
            (Some(Token::Int(..)), Some(Token::Punct('>'))) => {
                let source = self.int("a port")?;
                self.expect('>')?;
                Some((source, self.int("a port")?))
            }
            _ => None,
        };
        let body = if self.accept_word("udp") {
            let ports = self.udp_ports()?;
            self.expect('(')?;
            let len = self.int("a length")?;
            self.expect(')')?;
            return Ok(Packet { ip, ports, body: Body::Udp(len) });
        } else if self.accept_word("icmp") {
            Body::Icmp(self.icmp()?)
        } else {
            Body::Tcp(self.tcp(inbound)?)
        };
        Ok(Packet { ip, ports, body })
    }

    fn udp_ports(&mut self) -> Parsed<Option<(u16, u16)>> {
        if !matches!(self.peek(), Some(Token::Int(..))) {
            return Ok(None);
        }
        let source = self.int("a port")?;
        self.expect('>')?;
        Ok(Some((source, self.int("a port")?)))
    }

    fn ip_info(&mut self) -> Parsed<IpInfo> {
        let mut info = IpInfo::default();
        let close = if self.accept('(') {
            ')'
        } else if self.accept('[') {
            ']'
        } else {
            return Ok(info);
        };
        loop {
            let word = self.word()?;
            match word.as_str() {
                "noecn" => info.tos = Tos::Ecn(0),
                "ect1" => info.tos = Tos::Ecn(1),
                "ect0" => info.tos = Tos::Ecn(2),
                "ce" => info.tos = Tos::Ecn(3),
                "ect01" => info.tos = Tos::Ect01,
                "tos" => info.tos = Tos::Byte(self.int("a type of service")?),
                "flowlabel" => info.flow_label = self.int("a flow label")?,
                "ttl" => info.ttl = Some(self.int("a time to live")?),
                _ => return self.fail("expected something of an IP header"),
            }
            if self.accept(close) {
                return Ok(info);
            }
            self.expect(',')?;
        }
    }

    fn tcp_flags(&mut self) -> Parsed<String> {
        let mut flags = String::new();
        if self.accept('-') {
            return Ok(flags);
        }
        if let Some(Token::Word(word)) = self.peek() {
            flags.push_str(word);
            self.at += 1;
        }
        if let Some(Token::Float(ack_and_ace)) = self.peek() {
            flags.push_str(ack_and_ace);
            self.at += 1;
        } else if self.accept('.') {
            flags.push('.');
        }
        if flags.is_empty() || flags.chars().any(|c| !FLAGS.contains(c)) {
            self.at -= 1;
            return self.fail("expected TCP flags");
        }
        Ok(flags)
    }

    fn range(&mut self) -> Parsed<(u32, u16)> {
        let seq: u32 = self.int("a sequence number")?;
        self.expect(':')?;
        let end: u32 = self.int("a sequence number")?;
        self.expect('(')?;
        let len: u16 = self.int("a length")?;
        self.expect(')')?;
        if seq.wrapping_add(u32::from(len)) != end {
            return self.fail("sequence numbers and length that do not agree");
        }
        Ok((seq, len))
    }

    fn tcp(&mut self, inbound: bool) -> Parsed<Tcp> {
        let flags = self.tcp_flags()?;
        let (seq, len) = self.range()?;
        let ack = if self.accept_word("ack") { self.int("a sequence number")? } else { 0 };
        let window = if self.accept_word("win") { Some(self.int("a window")?) } else { None };
        if inbound && window.is_none() {
            return self.fail("a packet to the stack must have a window");
        }
        let urg = if self.accept_word("urg") { self.int("an urgent pointer")? } else { 0 };
        let options = if !self.accept('<') {
            Some(Vec::new())
        } else if self.peek() == Some(&Token::Ellipsis) {
            self.at += 1;
            self.expect('>')?;
            if inbound {
                return self.fail("a packet to the stack must say its options");
            }
            None
        } else {
            Some(self.tcp_options()?)
        };
        Ok(Tcp { flags, seq, len, ack, window, urg, options })
    }

    fn tcp_options(&mut self) -> Parsed<Vec<Opt>> {
        let mut options = Vec::new();
        loop {
            let word = self.word()?;
            options.push(match word.as_str() {
                "nop" => Opt::Nop,
                "eol" => Opt::Eol,
                "mss" => Opt::Mss(self.int("an MSS")?),
                "wscale" => Opt::Wscale(self.int("a window scale")?),
                "sackOK" => Opt::SackOk,
                "sack" => self.sack()?,
                "md5" => Opt::Md5(self.hex()?),
                "TS" => {
                    self.keyword("val")?;
                    let value = self.int("a time stamp")?;
                    self.keyword("ecr")?;
                    Opt::Ts(value, self.int("a time stamp")?)
                }
                "FO" => Opt::FastOpen(self.hex()?, false),
                "FOEXP" => Opt::FastOpen(self.hex()?, true),
                "ECN" => self.accecn()?,
                _ => {
                    self.at -= 1;
                    return self.fail("expected a TCP option");
                }
            });
            if self.accept('>') {
                return Ok(options);
            }
            self.expect(',')?;
        }
    }

    fn keyword(&mut self, word: &str) -> Parsed<()> {
        if self.accept_word(word) { Ok(()) } else { self.fail(&format!("expected {word}")) }
    }

    fn sack(&mut self) -> Parsed<Opt> {
        let mut blocks = Vec::new();
        while matches!(self.peek(), Some(Token::Int(..))) {
            let left = self.int("a sequence number")?;
            self.expect(':')?;
            blocks.push((left, self.int("a sequence number")?));
        }
        if blocks.is_empty() { self.fail("expected a SACK block") } else { Ok(Opt::Sack(blocks)) }
    }

    /// Hexadecimal digits, or nothing.
    fn hex(&mut self) -> Parsed<Vec<u8>> {
        let text = match self.peek() {
            Some(Token::Word(text) | Token::Int(_, text)) => text.clone(),
            _ => return Ok(Vec::new()),
        };
        let digit = |pair: &[u8]| {
            let text = std::str::from_utf8(pair).ok()?;
            if pair.len() == 2 { u8::from_str_radix(text, 16).ok() } else { None }
        };
        let Some(bytes) = text.as_bytes().chunks(2).map(digit).collect() else {
            return self.fail("expected pairs of hexadecimal digits");
        };
        self.at += 1;
        Ok(bytes)
    }

    fn accecn(&mut self) -> Parsed<Opt> {
        let e0_first = self.is_word("e0b");
        let order = if e0_first { ["e0b", "ceb", "e1b"] } else { ["e1b", "ceb", "e0b"] };
        let mut counters = Vec::new();
        for name in order {
            if !self.accept_word(name) {
                break;
            }
            let count: u32 = self.int("a counter")?;
            if count >= 1 << 24 {
                return self.fail("a counter of 24 bits is too large");
            }
            counters.push(count);
        }
        if counters.is_empty() {
            self.fail("expected a counter")
        } else {
            Ok(Opt::AccEcn(e0_first, counters))
        }
    }

    fn icmp(&mut self) -> Parsed<Icmp> {
        let mut icmp = Icmp { kind: self.word()?, ..Icmp::default() };
        if matches!(self.peek(), Some(Token::Word(word)) if word != "mtu" && word != "id") {
            icmp.code = Some(self.word()?);
        }
        if self.accept_word("mtu") {
            icmp.mtu = Some(self.int("an MTU")?);
        }
        if self.accept_word("id") {
            icmp.id = Some(self.int("an identifier")?);
        }
        if self.accept('[') {
            icmp.echoed = if self.accept_word("udp") {
                self.expect('(')?;
                let len = self.int("a length")?;
                self.expect(')')?;
                Echoed::Udp(len)
            } else if self.accept_word("raw") {
                self.expect('(')?;
                let len = self.int("a length")?;
                self.expect(')')?;
                Echoed::Raw(len)
            } else {
                Echoed::Tcp(self.range()?.0)
            };
            self.expect(']')?;
        }
        Ok(icmp)
    }
}
