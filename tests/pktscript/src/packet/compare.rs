//! Whether a segment is the one that a script expects.

use super::{Segment, be32, build, options};
use crate::ast::{IpInfo, Opt, Tcp, Tos};

const FIN: u16 = 0x01;
const SYN: u16 = 0x02;
const RST: u16 = 0x04;
const PSH: u16 = 0x08;
const ACK: u16 = 0x10;
const URG: u16 = 0x20;
const ECE: u16 = 0x40;
const CWR: u16 = 0x80;
const AE: u16 = 0x100;

/// Puts one more piece behind a segment that is not as long as the script's packet yet.
///
/// # Errors
/// With what makes them no neighbours.
pub fn append(whole: &mut Segment, piece: &Segment, pieces: usize, expected: usize) -> Result<(), String> {
    let same = SYN | RST | ACK | URG | ECE | AE;
    if whole.flags & same != piece.flags & same {
        return Err("a piece with other flags".into());
    }
    if piece.seq != whole.seq.wrapping_add(whole.payload.len() as u32) {
        return Err("a piece that does not follow".into());
    }
    if (whole.ack, whole.window, whole.urg) != (piece.ack, piece.window, piece.urg) {
        return Err("a piece with another acknowledgement or window".into());
    }
    let size = whole.payload.len() / pieces.max(1);
    let total = whole.payload.len() + piece.payload.len();
    if total < expected && piece.payload.len() != size {
        return Err("a piece of another size".into());
    }
    // The headers are the last piece's, but for what only the first can say.
    let (seq, cwr) = (whole.seq, whole.flags & CWR);
    let mut payload = std::mem::take(&mut whole.payload);
    payload.extend(&piece.payload);
    *whole = Segment { seq, payload, ..piece.clone() };
    whole.flags = whole.flags & !CWR | cwr;
    Ok(())
}

fn field<T: PartialEq + std::fmt::Display + Copy>(name: &str, expected: T, actual: T) -> Result<(), String> {
    if expected == actual { Ok(()) } else { Err(format!("{name}: expected {expected}, got {actual}")) }
}

/// Compares a segment, in the script's terms, with what the script says. Time stamps are compared by
/// whoever knows the times.
///
/// # Errors
/// With the first field that differs.
pub fn tcp(expected: &Tcp, actual: &Segment) -> Result<(), String> {
    let (bits, ace) = build::flags(&expected.flags);
    let flag =
        |name: &str, bit: u16| field(name, u8::from(bits & bit != 0), u8::from(actual.flags & bit != 0));
    field("bytes of data", usize::from(expected.len), actual.payload.len())?;
    flag("FIN", FIN)?;
    flag("SYN", SYN)?;
    flag("RST", RST)?;
    flag("PSH", PSH)?;
    flag("ACK", ACK)?;
    flag("URG", URG)?;
    if ace {
        field("ACE", bits >> 6 & 7, actual.flags >> 6 & 7)?;
    } else {
        flag("ECE", ECE)?;
        flag("CWR", CWR)?;
        flag("AE", AE)?;
    }
    field("reserved bits", 0, actual.flags >> 9)?;
    field("sequence number", expected.seq, actual.seq)?;
    field("acknowledgement number", expected.ack, actual.ack)?;
    if let Some(window) = expected.window {
        field("window", window, actual.window)?;
    }
    field("urgent pointer", expected.urg, actual.urg)?;
    if let Some(list) = &expected.options {
        compare_options(list, &actual.options)?;
    }
    if actual.payload.iter().any(|byte| *byte != 0) {
        return Err("data that nobody wrote".into());
    }
    Ok(())
}

fn compare_options(list: &[Opt], actual: &[u8]) -> Result<(), String> {
    let wanted_bytes = build::options(list);
    let (wanted, found) = (options(&wanted_bytes), options(actual));
    let alike = wanted.len() == found.len()
        && wanted
            .iter()
            .zip(&found)
            .all(|(wanted, found)| wanted.0 == found.0 && (wanted.0 == 8 || wanted.1 == found.1));
    if !alike {
        return Err("other options".into());
    }
    field("bytes of options", wanted_bytes.len(), actual.len())
}

/// The time stamp in a list of options: value and echo.
pub fn timestamp(bytes: &[u8]) -> Option<(u32, u32)> {
    let found = options(bytes).into_iter().find(|(kind, data)| *kind == 8 && data.len() == 8)?;
    Some((be32(found.1, 0), be32(found.1, 4)))
}

/// Compares the IP header.
///
/// # Errors
/// With the first field that differs.
pub fn ip(expected: &IpInfo, actual: &Segment) -> Result<(), String> {
    let ecn = actual.tos & 3;
    match expected.tos {
        Tos::Any => {}
        Tos::Ecn(bits) => field("ECN bits", bits, ecn)?,
        Tos::Ect01 if ecn == 1 || ecn == 2 => {}
        Tos::Ect01 => return Err(format!("ECN bits: expected 1 or 2, got {ecn}")),
        Tos::Byte(byte) => field("type of service", byte, actual.tos)?,
    }
    if let Some(ttl) = expected.ttl {
        field("time to live", ttl, actual.ttl)?;
    }
    if actual.plain_ip { Ok(()) } else { Err("IP options".into()) }
}
