//! A bad link in virtual time: hours pass in a moment, and each run with the same seed is the same.
//!
//!     cargo run -p sockeye --example virtual_time [SEED]

use sockeye::net::{TcpListener, TcpStream, enter};
use sockeye::sim::{WireConfig, World};
use std::error::Error;
use std::io::{Read, Write};
use std::net::Shutdown;

const BYTES: usize = 2_000_000;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let seed = std::env::args().nth(1).and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let first = transfer(seed)?;
    assert_eq!(first, transfer(seed)?, "the same seed gives the same packets");
    println!("again with seed {seed}: the same {} milliseconds, the same packets", first.0);
    Ok(())
}

/// Sends some megabytes over the link; gives the virtual milliseconds it took, and a hash of all packets.
fn transfer(seed: u64) -> Result<(u64, u64), Box<dyn Error>> {
    let world = World::new(seed);
    let (client, server) = (world.host(), world.host());
    let link = WireConfig::symmetric("delay 50ms 10ms loss 2% duplicate 1% rate 10mbit".parse()?, seed);
    let wire = world.wire((&client, "192.0.2.1/24"), (&server, "192.0.2.2/24"), &link)?;

    let receiver = world.spawn(move || -> std::io::Result<usize> {
        let _here = enter(&server);
        let (mut stream, _) = TcpListener::bind("192.0.2.2:80")?.accept()?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all)
    });
    // No time passes: it comes to where it waits for a connection.
    world.pause();

    let _here = enter(&client);
    let start = world.now();
    let mut stream = TcpStream::connect("192.0.2.2:80")?;
    stream.write_all(&vec![42; BYTES])?;
    stream.shutdown(Shutdown::Write)?;
    assert_eq!(receiver.join()?, BYTES);
    let ms = (world.now() - start) / 1_000_000;
    println!("{BYTES} bytes in {ms} virtual milliseconds: {:?}", wire.stats(sockeye::sim::End::A));
    Ok((ms, wire.trace_hash()))
}
