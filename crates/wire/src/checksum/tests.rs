use super::*;
use proptest::prelude::*;

/// RFC 1071 as written: 16 bits at a time.
fn naive(bytes: &[u8]) -> u16 {
    let mut sum = 0u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&b| u32::from(b));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

proptest! {
    #[test]
    fn agrees_with_the_naive_sum(bytes in prop::collection::vec(any::<u8>(), 0..4000), skip in 0usize..9) {
        let bytes = &bytes[skip.min(bytes.len())..];
        prop_assert_eq!(checksum(bytes), naive(bytes));
    }

    #[test]
    fn copy_sums_and_copies(bytes in prop::collection::vec(any::<u8>(), 0..700), room in 0usize..700) {
        let mut dst = vec![0; room];
        let sum = Wsum::copy(&mut dst, &bytes);
        let n = room.min(bytes.len());
        prop_assert_eq!(&dst[..n], &bytes[..n]);
        prop_assert_eq!(sum.fold(), naive(&bytes[..n]));
    }

    #[test]
    fn parts_make_the_whole(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0usize..300) {
        let cut = cut.min(bytes.len());
        let (a, b) = bytes.split_at(cut);
        let whole = Wsum::of(a).add_block(Wsum::of(b), cut);
        prop_assert_eq!(whole.fold(), naive(&bytes));
        prop_assert_eq!(whole.sub_block(Wsum::of(b), cut), Wsum::of(a));
        if cut % 2 == 0 {
            prop_assert_eq!(Wsum::of(a).add_bytes(b).fold(), naive(&bytes));
        }
    }

    #[test]
    fn updates_agree_with_a_new_sum(mut bytes in prop::collection::vec(any::<u8>(), 20..60), at in 0usize..8, new: u32) {
        // all-zero data is the one case where the two forms of zero differ; a header never is
        bytes[0] = 0x45;
        let at = at * 2 + 2;
        let check = naive(&bytes);
        let old16 = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let mut b16 = bytes.clone();
        b16[at..at + 2].copy_from_slice(&(new as u16).to_be_bytes());
        prop_assert_eq!(update16(check, old16, new as u16), naive(&b16));
        if at + 4 <= bytes.len() {
            let old = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
            bytes[at..at + 4].copy_from_slice(&new.to_be_bytes());
            prop_assert_eq!(update32(check, old, new), naive(&bytes));
        }
    }

    #[test]
    fn pseudo_headers(src: u128, dst: u128, proto: u8, len in 0u32..0x2_0000) {
        let (s4, d4) = (Ipv4Addr::from_bits(src as u32), Ipv4Addr::from_bits(dst as u32));
        let mut h = [s4.octets(), d4.octets()].concat();
        h.extend((u32::from(proto)).to_be_bytes());
        h.extend(len.to_be_bytes());
        prop_assert_eq!(pseudo_v4(s4, d4, proto, len).fold(), naive(&h));
        let (s6, d6) = (Ipv6Addr::from_bits(src), Ipv6Addr::from_bits(dst));
        let mut h = [s6.octets(), d6.octets()].concat();
        h.extend(len.to_be_bytes());
        h.extend((u32::from(proto)).to_be_bytes());
        prop_assert_eq!(pseudo_v6(s6, d6, proto, len).fold(), naive(&h));
    }

    #[test]
    fn fields(a: u16, b: u32) {
        let mut bytes = a.to_be_bytes().to_vec();
        bytes.extend(b.to_be_bytes());
        prop_assert_eq!(Wsum::ZERO.add_u16(a).add_u32(b).fold(), naive(&bytes));
    }
}

#[test]
fn zero_forms() {
    assert_eq!(checksum(&[]), 0xffff);
    assert_eq!(Wsum::of(&[0xff, 0xff]).fold(), 0);
    assert_eq!(Wsum::of(&[0xff, 0xff]).fold_udp(), 0xffff);
    assert!(Wsum::of(&[0xff, 0xff]).is_valid());
    assert_eq!(Wsum::of(&[0xff, 0xff]), Wsum::ZERO);
    assert_ne!(Wsum::of(&[0xff, 0xfe]), Wsum::ZERO);
    assert_eq!(Wsum::of(&[1, 2]).fold_partial(), 0x0102);
}
