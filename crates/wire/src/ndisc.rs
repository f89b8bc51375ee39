//! Neighbour discovery (RFC 4861): what stands in the ICMPv6 message.

use crate::error::{Error, Result};
use crate::ethernet::MacAddr;
use crate::icmpv6::{self, Icmpv6Hdr};
use crate::view::{be16, be32};
use core::net::Ipv6Addr;
use uapi::{NDISC_NEIGHBOUR_ADVERTISEMENT, NDISC_NEIGHBOUR_SOLICITATION, NDISC_ROUTER_SOLICITATION};

/// Option: the sender's hardware address (`ND_OPT_SOURCE_LL_ADDR`).
pub const ND_OPT_SOURCE_LL_ADDR: u8 = 1;
/// Option: the target's hardware address (`ND_OPT_TARGET_LL_ADDR`).
pub const ND_OPT_TARGET_LL_ADDR: u8 = 2;
/// Option: a prefix (`ND_OPT_PREFIX_INFO`).
pub const ND_OPT_PREFIX_INFO: u8 = 3;
/// Option: the packet redirected (`ND_OPT_REDIRECT_HDR`).
pub const ND_OPT_REDIRECT_HDR: u8 = 4;
/// Option: the MTU of the link (`ND_OPT_MTU`).
pub const ND_OPT_MTU: u8 = 5;
/// Option: a nonce against one's own loops (`ND_OPT_NONCE`, RFC 7527).
pub const ND_OPT_NONCE: u8 = 14;
/// Option: a route (`ND_OPT_ROUTE_INFO`, RFC 4191).
pub const ND_OPT_ROUTE_INFO: u8 = 24;
/// Option: name servers (`ND_OPT_RDNSS`, RFC 8106).
pub const ND_OPT_RDNSS: u8 = 25;
/// Option: search domains (`ND_OPT_DNSSL`, RFC 8106).
pub const ND_OPT_DNSSL: u8 = 31;

/// Flag of an advertisement: the sender is a router.
pub const NA_ROUTER: u8 = 0x80;
/// Flag of an advertisement: it answers a solicitation.
pub const NA_SOLICITED: u8 = 0x40;
/// Flag of an advertisement: it replaces what is known.
pub const NA_OVERRIDE: u8 = 0x20;

/// The hop limit of every such message: another one came from beyond the link.
pub const ND_HOPLIMIT: u8 = 255;

/// The group in which the owner of an address hears solicitations (`addrconf_addr_solict_mult`).
#[must_use]
pub const fn solicited_node(addr: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(0xff02_0000_0000_0000_0000_0001_ff00_0000 | addr.to_bits() & 0xff_ffff)
}

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NdOption<'a> {
    /// `ND_OPT_*`
    pub kind: u8,
    /// Its bytes after type and length.
    pub data: &'a [u8],
}

/// The options of a message, one by one. `Err` if one has length 0 or is cut off, and then the walk is over: the whole message is to
/// be dropped (RFC 4861 section 4.6).
#[derive(Clone, Debug)]
pub struct NdOptions<'a>(&'a [u8]);

impl<'a> NdOptions<'a> {
    /// Over the bytes after the message's fixed part.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The hardware address in the first option of a kind.
    #[must_use]
    pub fn lladdr(self, kind: u8) -> Option<MacAddr> {
        self.map_while(Result::ok)
            .find(|o| o.kind == kind)
            .and_then(|o| o.data.first_chunk().map(|&mac| MacAddr(mac)))
    }

    /// Whether all of them are well formed.
    #[must_use]
    pub fn are_valid(mut self) -> bool {
        self.all(|option| option.is_ok())
    }
}

impl<'a> Iterator for NdOptions<'a> {
    type Item = Result<NdOption<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&kind, rest) = self.0.split_first()?;
        let size = rest.first().map_or(0, |&len| usize::from(len) * 8);
        let option = self.0.get(2..size).map(|data| NdOption { kind, data }).ok_or(Error::Option);
        self.0 = match option {
            Ok(_) => self.0.get(size..).unwrap_or(&[]),
            Err(_) => &[],
        };
        Some(option)
    }
}

fn fixed(message: &[u8], len: usize) -> Result<(&Icmpv6Hdr, &[u8])> {
    let (hdr, _) = Icmpv6Hdr::view(message).ok_or(Error::Truncated)?;
    let options = message.get(len..).ok_or(Error::Truncated)?;
    Ok((hdr, options))
}

fn address(message: &[u8], at: usize) -> Result<Ipv6Addr> {
    message.get(at..).and_then(<[u8]>::first_chunk).map(|&a| Ipv6Addr::from_octets(a)).ok_or(Error::Truncated)
}

/// A neighbour solicitation or advertisement (`struct nd_msg`).
#[derive(Clone, Debug)]
pub struct Neighbour<'a> {
    /// The address asked for, or told about.
    pub target: Ipv6Addr,
    /// `NA_*`; 0 in a solicitation.
    pub flags: u8,
    /// Options.
    pub options: NdOptions<'a>,
}

impl<'a> Neighbour<'a> {
    /// Bytes without options.
    pub const LEN: usize = 24;

    /// Read a whole message.
    ///
    /// # Errors
    /// `Truncated` below 24 bytes; `Option` if an option is malformed.
    pub fn parse(message: &'a [u8]) -> Result<Self> {
        let (hdr, options) = fixed(message, Self::LEN)?;
        let options = checked(options)?;
        let flags = match hdr.kind() {
            NDISC_NEIGHBOUR_ADVERTISEMENT => hdr.rest()[0] & 0xe0,
            _ => 0,
        };
        Ok(Self { target: address(message, 8)?, flags, options })
    }
}

fn checked(options: &[u8]) -> Result<NdOptions<'_>> {
    let options = NdOptions::new(options);
    if options.clone().are_valid() { Ok(options) } else { Err(Error::Option) }
}

/// A router advertisement (`struct ra_msg`).
#[derive(Clone, Debug)]
pub struct RouterAdvert<'a> {
    /// Hop limit to use; 0 says nothing.
    pub hop_limit: u8,
    /// Managed, other, home agent, preference: as they stand.
    pub flags: u8,
    /// Seconds the sender is a default router.
    pub lifetime: u16,
    /// Milliseconds a neighbour is reachable; 0 says nothing.
    pub reachable: u32,
    /// Milliseconds between solicitations; 0 says nothing.
    pub retrans: u32,
    /// Options.
    pub options: NdOptions<'a>,
}

impl<'a> RouterAdvert<'a> {
    /// Bytes without options.
    pub const LEN: usize = 16;

    /// Read a whole message.
    ///
    /// # Errors
    /// `Truncated` below 16 bytes; `Option` if an option is malformed.
    pub fn parse(message: &'a [u8]) -> Result<Self> {
        let (hdr, options) = fixed(message, Self::LEN)?;
        let [hop_limit, flags, l0, l1] = hdr.rest();
        Ok(Self {
            hop_limit,
            flags,
            lifetime: u16::from_be_bytes([l0, l1]),
            reachable: be32(message, 8).ok_or(Error::Truncated)?,
            retrans: be32(message, 12).ok_or(Error::Truncated)?,
            options: checked(options)?,
        })
    }
}

/// A redirect (`struct rd_msg`).
#[derive(Clone, Debug)]
pub struct Redirect<'a> {
    /// The better first hop, or the destination itself if it is a neighbour.
    pub target: Ipv6Addr,
    /// The destination.
    pub dest: Ipv6Addr,
    /// Options.
    pub options: NdOptions<'a>,
}

impl<'a> Redirect<'a> {
    /// Bytes without options.
    pub const LEN: usize = 40;

    /// Read a whole message.
    ///
    /// # Errors
    /// `Truncated` below 40 bytes; `Option` if an option is malformed.
    pub fn parse(message: &'a [u8]) -> Result<Self> {
        let (_, options) = fixed(message, Self::LEN)?;
        Ok(Self { target: address(message, 8)?, dest: address(message, 24)?, options: checked(options)? })
    }
}

/// A prefix option (`struct prefix_info`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixInfo {
    /// Bits of the prefix.
    pub len: u8,
    /// The prefix is on the link.
    pub on_link: bool,
    /// Addresses may be made from it.
    pub autonomous: bool,
    /// Valid lifetime, seconds; all ones is for ever.
    pub valid: u32,
    /// Preferred lifetime, seconds; all ones is for ever.
    pub preferred: u32,
    /// The prefix.
    pub prefix: Ipv6Addr,
}

impl PrefixInfo {
    /// Read the data of an `ND_OPT_PREFIX_INFO`; `None` if it is too short.
    #[must_use]
    pub fn read(data: &[u8]) -> Option<Self> {
        let &[len, flags, ..] = data else {
            return None;
        };
        Some(Self {
            len,
            on_link: flags & 0x80 != 0,
            autonomous: flags & 0x40 != 0,
            valid: be32(data, 2)?,
            preferred: be32(data, 6)?,
            prefix: address(data, 14).ok()?,
        })
    }
}

/// The MTU in the data of an `ND_OPT_MTU`.
#[must_use]
pub fn read_mtu(data: &[u8]) -> Option<u32> {
    be16(data, 0)?;
    be32(data, 2)
}

fn put_lladdr(message: &mut [u8], at: usize, kind: u8, mac: Option<MacAddr>) {
    if let (Some(mac), Some(slot)) = (mac, message.get_mut(at..at + 8)) {
        slot[..2].copy_from_slice(&[kind, 1]);
        slot[2..].copy_from_slice(&mac.0);
    }
}

/// Write a neighbour solicitation, with the sender's hardware address if given, and its checksum. Gives the length, or 0 if `buf` is
/// too short.
pub fn emit_solicitation(
    buf: &mut [u8],
    target: Ipv6Addr,
    mac: Option<MacAddr>,
    src: Ipv6Addr,
    dst: Ipv6Addr,
) -> usize {
    let kind = NDISC_NEIGHBOUR_SOLICITATION;
    emit_neighbour(buf, (kind, 0), target, (ND_OPT_SOURCE_LL_ADDR, mac), src, dst)
}

/// Write a neighbour advertisement, with the target's hardware address if given, and its checksum. Gives the length, or 0 if `buf` is
/// too short.
pub fn emit_advertisement(
    buf: &mut [u8],
    flags: u8,
    target: Ipv6Addr,
    mac: Option<MacAddr>,
    src: Ipv6Addr,
    dst: Ipv6Addr,
) -> usize {
    let kind = NDISC_NEIGHBOUR_ADVERTISEMENT;
    emit_neighbour(buf, (kind, flags), target, (ND_OPT_TARGET_LL_ADDR, mac), src, dst)
}

fn emit_neighbour(
    buf: &mut [u8],
    (kind, flags): (u8, u8),
    target: Ipv6Addr,
    (option, mac): (u8, Option<MacAddr>),
    src: Ipv6Addr,
    dst: Ipv6Addr,
) -> usize {
    let len = Neighbour::LEN + mac.map_or(0, |_| 8);
    let Some(message) = buf.get_mut(..len) else {
        return 0;
    };
    message[8..Neighbour::LEN].copy_from_slice(&target.octets());
    put_lladdr(message, Neighbour::LEN, option, mac);
    icmpv6::emit(message, kind, 0, [flags, 0, 0, 0], src, dst);
    len
}

/// Write a router solicitation, with the sender's hardware address if given, and its checksum. Gives the length, or 0 if `buf` is too
/// short.
pub fn emit_router_solicitation(buf: &mut [u8], mac: Option<MacAddr>, src: Ipv6Addr, dst: Ipv6Addr) -> usize {
    let len = 8 + mac.map_or(0, |_| 8);
    let Some(message) = buf.get_mut(..len) else {
        return 0;
    };
    put_lladdr(message, 8, ND_OPT_SOURCE_LL_ADDR, mac);
    icmpv6::emit(message, NDISC_ROUTER_SOLICITATION, 0, [0; 4], src, dst);
    len
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn neighbours() {
        let target: Ipv6Addr = "fe80::aabb:ccdd".parse().unwrap();
        let (src, dst) = ("fe80::1".parse().unwrap(), solicited_node(target));
        assert_eq!(dst.to_string(), "ff02::1:ffbb:ccdd");
        let mut buf = [0; 40];
        let len = emit_solicitation(&mut buf, target, Some(MacAddr([2; 6])), src, dst);
        assert_eq!(len, 32);
        assert!(icmpv6::check(&buf[..len], src, dst));
        let ns = Neighbour::parse(&buf[..len]).unwrap();
        assert_eq!((ns.target, ns.flags), (target, 0));
        assert_eq!(ns.options.lladdr(ND_OPT_SOURCE_LL_ADDR), Some(MacAddr([2; 6])));
        let len = emit_advertisement(&mut buf, NA_SOLICITED | NA_OVERRIDE, target, None, src, dst);
        let na = Neighbour::parse(&buf[..len]).unwrap();
        assert_eq!((len, na.flags), (24, NA_SOLICITED | NA_OVERRIDE));
        assert_eq!(na.options.lladdr(ND_OPT_TARGET_LL_ADDR), None);
        assert_eq!(emit_router_solicitation(&mut buf, None, src, dst), 8);
        assert_eq!(emit_router_solicitation(&mut buf[..15], Some(MacAddr([2; 6])), src, dst), 0);
    }

    #[test]
    fn a_bad_option_spoils_the_message() {
        let mut ns = [0u8; 40];
        ns[0] = 135;
        ns[24] = 1;
        assert_eq!(Neighbour::parse(&ns).unwrap_err(), Error::Option);
        ns[25] = 3;
        assert_eq!(Neighbour::parse(&ns).unwrap_err(), Error::Option);
        ns[25] = 2;
        assert!(Neighbour::parse(&ns).is_ok());
        assert_eq!(Neighbour::parse(&ns[..23]).unwrap_err(), Error::Truncated);
    }

    #[test]
    fn router_advertisements() {
        let mut ra = vec![134, 0, 0, 0, 64, 0xc0, 7, 8, 0, 0, 1, 0, 0, 0, 2, 0];
        ra.extend([5, 1, 0, 0, 0, 0, 5, 220]);
        ra.extend([3, 4, 64, 0xc0, 0, 0, 14, 16, 0, 0, 7, 8, 0, 0, 0, 0]);
        ra.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let ra = RouterAdvert::parse(&ra).unwrap();
        assert_eq!((ra.hop_limit, ra.lifetime, ra.reachable, ra.retrans), (64, 1800, 256, 512));
        let options: Vec<_> = ra.options.map(Result::unwrap).collect();
        assert_eq!(read_mtu(options[0].data), Some(1500));
        let prefix = PrefixInfo::read(options[1].data).unwrap();
        assert_eq!((prefix.len, prefix.valid, prefix.preferred), (64, 3600, 1800));
        assert_eq!(prefix.prefix.to_string(), "2001:db8::");
        assert!(prefix.on_link && prefix.autonomous);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Neighbour::parse(&bytes);
            let _ = RouterAdvert::parse(&bytes);
            let _ = Redirect::parse(&bytes);
            let _ = PrefixInfo::read(&bytes);
            let _ = read_mtu(&bytes);
            prop_assert!(NdOptions::new(&bytes).count() <= 13);
        }
    }
}
