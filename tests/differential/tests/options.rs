//! Every number of every level that an option may have, on both kernels.

use differential::options::Options;
use differential::sweep::assert_same;

// chapter: A8 A9 B7
#[test]
fn every_option_of_fresh_sockets() {
    assert_same(&Options { whole: false });
}
