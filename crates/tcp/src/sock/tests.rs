//! How large the state is.

use super::*;

/// Most of what an idle connection weighs. The first segment of each queue has its place in it, so that
/// one that was used weighs no more.
#[test]
fn stays_small() {
    let (tcp, sock) = (size_of::<TcpSock>(), size_of::<net::Sock<Tcp>>());
    assert!(tcp <= 1016 && sock <= 1408, "{tcp} {sock}");
}
