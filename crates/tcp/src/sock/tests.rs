//! How large the state is.

use super::*;

/// An idle pair, files and sockets included, must stay below 2.5 KB.
#[test]
fn stays_small() {
    println!(
        "{} {} {} {}",
        size_of::<TcpSock>(),
        size_of::<InetSock>(),
        size_of::<net::Sock<Tcp>>(),
        size_of::<LazyTimer>()
    );
    assert!(size_of::<TcpSock>() <= 1100);
}
