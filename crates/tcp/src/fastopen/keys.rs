//! Cookies and the keys they are made with (`tcp_fastopen_cookie_gen`, `net.ipv4.tcp_fastopen_key`,
//! `TCP_FASTOPEN_KEY`).

use crate::TcpNet;
use crate::hash::Key;
use crate::sock::TcpSock;
use kern::hash::SipKey;
use kern::sync::SpinLock;
use net::Net;
use net::sysctl::SysctlNode;
use std::sync::Arc;
use uapi::{Errno, Result};

/// Bytes of a key (`TCP_FASTOPEN_KEY_LENGTH`).
pub const KEY_LEN: usize = 16;
/// Bytes of a cookie that we make (`TCP_FASTOPEN_COOKIE_SIZE`).
pub const COOKIE_LEN: usize = 8;

/// A cookie for a SYN-ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its bytes.
    pub bytes: [u8; COOKIE_LEN],
    /// It goes in the experimental option.
    pub exp: bool,
}

/// One key, or the one in use and the one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<[u8; KEY_LEN]>);

impl Keys {
    /// From 16 or 32 bytes.
    ///
    /// # Errors
    /// `EINVAL` for any other number.
    pub fn from_bytes(bytes: &[u8]) -> Result<Keys> {
        let (keys, rest) = bytes.as_chunks::<KEY_LEN>();
        if rest.is_empty() && matches!(keys.len(), 1 | 2) {
            Ok(Keys(keys.to_vec()))
        } else {
            Err(Errno::EINVAL)
        }
    }

    /// The bytes of all keys.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.concat()
    }

    fn cookie_of(key: &[u8; KEY_LEN], of: &Key) -> [u8; COOKIE_LEN] {
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        let key = SipKey([word(&key[..8]), word(&key[8..])]);
        // The peer's address, then ours, as they stand in the SYN's header.
        let hash = match (of.faddr.as_v4(), of.laddr.as_v4()) {
            (Some(peer), Some(own)) => key.hash([word(&[peer.octets(), own.octets()].concat())]),
            _ => {
                let (peer, own) = (of.faddr.as_v6().octets(), of.laddr.as_v6().octets());
                key.hash([word(&peer[..8]), word(&peer[8..]), word(&own[..8]), word(&own[8..])])
            }
        };
        hash.to_le_bytes()
    }

    /// The cookie for a peer.
    #[must_use]
    pub fn cookie(&self, of: &Key, exp: bool) -> Cookie {
        let bytes = self.0.first().map_or([0; COOKIE_LEN], |key| Keys::cookie_of(key, of));
        Cookie { bytes, exp }
    }

    /// Which key this cookie was made with, if one.
    #[must_use]
    pub fn check(&self, of: &Key, cookie: &[u8]) -> Option<usize> {
        self.0.iter().position(|key| Keys::cookie_of(key, of) == cookie)
    }
}

/// What a namespace keeps of Fast Open.
#[derive(Default)]
pub struct FastOpen {
    keys: SpinLock<Option<Arc<Keys>>>,
    /// When clients of the namespace do without.
    pub pauses: super::pause::Pauses,
}

impl FastOpen {
    /// Makes a key when there is none (`tcp_fastopen_init_key_once`).
    pub fn init_key_once(&self, net: &Net) {
        let mut key = [0; KEY_LEN];
        key[..8].copy_from_slice(&net.rng.u64().to_ne_bytes());
        key[8..].copy_from_slice(&net.rng.u64().to_ne_bytes());
        self.keys.lock().get_or_insert_with(|| Arc::new(Keys(vec![key])));
    }

    /// The keys of a listener: its own, or the namespace's.
    #[must_use]
    pub fn keys_for(&self, listener: &TcpSock) -> Arc<Keys> {
        let own = listener.fastopen_keys().cloned();
        own.or_else(|| self.keys.lock().clone()).unwrap_or_default()
    }
}

/// `tcp_fastopen_key`: one key or two, each as four groups of eight digits.
pub(crate) struct KeyFile;

impl SysctlNode for KeyFile {
    fn is_text(&self) -> bool {
        true
    }

    fn mode(&self) -> u32 {
        0o600
    }

    fn read(&self, net: &Net) -> String {
        let keys = net.generic::<TcpNet>().fastopen.keys.lock().clone();
        let keys = keys.map_or_else(|| vec![[0; KEY_LEN]], |keys| keys.0.clone());
        let show = |key: &[u8; KEY_LEN]| {
            let groups =
                key.as_chunks::<4>().0.iter().map(|group| format!("{:08x}", u32::from_le_bytes(*group)));
            groups.collect::<Vec<_>>().join("-")
        };
        keys.iter().map(show).collect::<Vec<_>>().join(",") + "\n"
    }

    fn write(&self, net: &Net, text: &str) -> Result<()> {
        let parse = |text: &str| -> Result<[u8; KEY_LEN]> {
            let groups: Vec<u32> = text
                .split('-')
                .map(|group| u32::from_str_radix(group, 16))
                .collect::<core::result::Result<_, _>>()
                .map_err(|_| Errno::EINVAL)?;
            let bytes: Vec<u8> = groups.iter().flat_map(|group| group.to_le_bytes()).collect();
            bytes.try_into().map_err(|_| Errno::EINVAL)
        };
        let keys = text.trim().split(',').map(parse).collect::<Result<Vec<_>>>()?;
        if keys.len() > 2 {
            return Err(Errno::EINVAL);
        }
        *net.generic::<TcpNet>().fastopen.keys.lock() = Some(Arc::new(Keys(keys)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    /// Cookies of the key a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4, as Linux makes them.
    #[test]
    fn a_cookie_of_linux() {
        let key: Vec<u8> = [0xa1, 0xb2, 0xc3, 0xd4].iter().flat_map(|b| [*b; 4]).collect();
        let keys = Keys::from_bytes(&key).unwrap();
        let of = Key {
            laddr: Ipv4Addr::new(192, 168, 0, 1).into(),
            faddr: Ipv4Addr::new(192, 0, 2, 1).into(),
            lport: 8080,
            fport: 1,
        };
        let cookie = keys.cookie(&of, false).bytes;
        assert_eq!(u64::from_be_bytes(cookie), 0x3021_b9d8_8901_7eeb);
        assert_eq!(keys.check(&of, &cookie), Some(0));
        assert_eq!(keys.check(&of, &[0; 8]), None);
        assert_eq!(Keys::from_bytes(&[0; 17]), Err(Errno::EINVAL));
    }
}
