//! What fits into buffers and what is charged for it, on both kernels.

use differential::memory::Memory;
use differential::sweep::assert_same;

#[test]
// chapter: A5
fn as_much_fits_as_into_linux() {
    assert_same(&Memory { whole: false });
}
