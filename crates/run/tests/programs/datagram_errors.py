"""ICMP errors and other refusals of datagram sockets."""
import socket

from common import dead_port, error, mask, settle

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
s.connect(dead_port(socket.SOCK_DGRAM))


def send():
    s.send(b"x")
    return settle(s, "OUT|ERR")


print(send(), error(s.recvfrom, 10), mask(s))
send()
print(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
send()
print(error(s.sendmsg, [b"y"], [], 0), mask(s))
send()
print("native", error(s.recv, 10) in ("ECONNREFUSED", "ECONNRESET"), mask(s))
send()
print("native", error(s.send, b"x") in ("ECONNREFUSED", "ECONNRESET"))
s.settimeout(0.1)
print(error(s.recvfrom, 10))
s.settimeout(None)
s.send(b"x")
print("waiting", error(s.recvfrom, 10))
s.connect(("0.0.0.0", 0)) if False else None
r = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
r.bind(("127.0.0.1", 0))
s.connect(r.getsockname())
print(s.send(b"works again"), r.recv(20))
print(error(s.listen, 1), error(s.accept), error(s.shutdown, 0), error(r.shutdown, 0))
print(error(socket.socket, socket.AF_INET, socket.SOCK_DGRAM, 6), error(socket.socket, socket.AF_INET, 77, 0))
