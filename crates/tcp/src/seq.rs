//! Sequence numbers: 32 bits, compared modulo 2^32 (RFC 9293 section 3.4; `before`, `after`,
//! `between`).

/// True when `a` comes before `b`.
#[inline]
#[must_use]
pub const fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// True when `a` comes after `b`.
#[inline]
#[must_use]
pub const fn after(a: u32, b: u32) -> bool {
    before(b, a)
}

/// True when `a` is `b` or comes before it.
#[inline]
#[must_use]
pub const fn before_eq(a: u32, b: u32) -> bool {
    !after(a, b)
}

/// True when `a` is `b` or comes after it.
#[inline]
#[must_use]
pub const fn after_eq(a: u32, b: u32) -> bool {
    !before(a, b)
}

/// True when `a` lies in `low..=high`.
#[inline]
#[must_use]
pub const fn between(a: u32, low: u32, high: u32) -> bool {
    high.wrapping_sub(low) >= a.wrapping_sub(low)
}

/// The later of two.
#[inline]
#[must_use]
pub const fn later(a: u32, b: u32) -> u32 {
    if after(a, b) { a } else { b }
}

/// The earlier of two.
#[inline]
#[must_use]
pub const fn earlier(a: u32, b: u32) -> u32 {
    if before(a, b) { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_space_wraps() {
        assert!(before(u32::MAX, 0) && after(0, u32::MAX));
        assert!(between(0, u32::MAX, 1) && !between(2, u32::MAX, 1));
        assert!(!before(7, 7) && before_eq(7, 7) && after_eq(7, 7));
        assert_eq!(later(u32::MAX, 3), 3);
        assert_eq!(earlier(u32::MAX, 3), u32::MAX);
    }

    proptest! {
        #[test]
        fn order_is_that_of_the_distance(base: u32, d in 1u32..0x7fff_ffff) {
            let next = base.wrapping_add(d);
            prop_assert!(before(base, next) && after(next, base) && !before(next, base));
            prop_assert!(between(base, base, next) && between(next, base, next));
            prop_assert!(!between(base.wrapping_sub(1), base, next));
        }
    }
}
