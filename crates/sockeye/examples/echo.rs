//! An echo server and its client, over TCP and UDP, with the names and signatures of `std::net`.
//!
//!     cargo run -p sockeye --example echo

use sockeye::Net;
use sockeye::net::{TcpListener, TcpStream, UdpSocket, enter};
use std::io::{self, Read, Write};
use std::thread;

pub(crate) fn main() -> io::Result<()> {
    let net = Net::new();
    let _here = enter(&net);

    let listener = TcpListener::bind("[::1]:7")?;
    let server = thread::spawn(move || -> io::Result<u64> {
        let (mut stream, peer) = listener.accept()?;
        println!("server: a connection from {peer}");
        let mut echo = stream.try_clone()?;
        io::copy(&mut stream, &mut echo)
    });
    let mut client = TcpStream::connect("[::1]:7")?;
    client.write_all(b"the sockeye swims upstream")?;
    client.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    println!("client: \"{answer}\" came back");
    assert_eq!(answer, "the sockeye swims upstream");
    let echoed = server.join().map_err(|_| io::Error::other("the server panicked"))??;
    println!("server: {echoed} bytes");

    let server = UdpSocket::bind("127.0.0.1:7")?;
    let client = UdpSocket::bind("127.0.0.1:0")?;
    client.connect("127.0.0.1:7")?;
    client.send(b"ping")?;
    let mut buf = [0; 64];
    let (n, from) = server.recv_from(&mut buf)?;
    server.send_to(&buf[..n], from)?;
    let n = client.recv(&mut buf)?;
    println!("client: {n} bytes of UDP came back");
    assert_eq!(&buf[..n], b"ping");
    Ok(())
}
