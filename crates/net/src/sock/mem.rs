//! How Linux counts memory: what a buffer of so many bytes is charged (`truesize`).
//!
//! The numbers are those of a 6.18 kernel on x86-64 with its default configuration, because
//! programs see them: in `SO_RCVBUF`, in how many datagrams fit, in TCP's windows.

/// `sizeof(struct sk_buff)`, rounded to its slab.
pub const SKB_SIZE: u32 = 256;
/// `sizeof(struct skb_shared_info)`, rounded to a cache line.
pub const SHINFO_SIZE: u32 = 320;
/// `SKB_TRUESIZE(0)`: what an empty buffer is charged.
pub const SKB_OVERHEAD: u32 = SKB_SIZE + SHINFO_SIZE;
/// `TCP_SKB_MIN_TRUESIZE`.
pub const TCP_SKB_MIN_TRUESIZE: i32 = 2048 + SKB_SIZE as i32;
/// `SOCK_MIN_SNDBUF`, bytes.
pub const SOCK_MIN_SNDBUF: i32 = TCP_SKB_MIN_TRUESIZE * 2;
/// `SOCK_MIN_RCVBUF`, bytes.
pub const SOCK_MIN_RCVBUF: i32 = TCP_SKB_MIN_TRUESIZE;
/// Bytes of a page.
pub const PAGE_SIZE: u32 = 4096;

/// The kernel's slab sizes for buffers' linear parts, bytes: that of small ones
/// (`SKB_SMALL_HEAD_CACHE_SIZE`), and `kmalloc`'s above it.
const SLABS: [u32; 7] = [576, 1024, 2048, 4096, 8192, 16384, 32768];

/// What a buffer allocated for `linear` bytes, headroom included, is charged (`__alloc_skb`): the
/// shared info is behind the data, and both are rounded up to a slab.
pub const fn truesize_linear(linear: u32) -> u32 {
    let want = align(linear) + SHINFO_SIZE;
    let mut i = 0;
    while i < SLABS.len() {
        if want <= SLABS[i] {
            return SLABS[i] + SKB_SIZE;
        }
        i += 1;
    }
    want.div_ceil(PAGE_SIZE) * PAGE_SIZE + SKB_SIZE
}

const fn align(bytes: u32) -> u32 {
    bytes.div_ceil(64) * 64
}
