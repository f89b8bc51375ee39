//! Classic BPF socket filters, on both kernels.

use differential::filters::Filters;
use differential::sweep::assert_same;

#[test]
fn random_programs_see_packets() {
    assert_same(&Filters { count: 300 });
}
