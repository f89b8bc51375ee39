"""Packet sockets: a capture of one's own traffic, frames by hand, what is refused."""
import fcntl
import socket
import struct

from common import error

ALL, IP, MINE = 3, 0x0800, 0x88B5
LO = b"\0" * 12


def opened(kind, ethertype):
    return socket.socket(socket.AF_PACKET, kind, socket.htons(ethertype))


try:
    opened(socket.SOCK_RAW, ALL).close()
except PermissionError:
    print("not permitted")
    raise SystemExit(0)

for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
    print(error(opened, kind, ALL))


def packets(sock, count):
    """So many packets, without what chance chose: IP identifications and the checksums that cover them."""
    for _ in range(count):
        data, name = sock.recvfrom(2000)
        at = 14 if sock.type == socket.SOCK_RAW else 0
        if name[1] == IP:
            data = data[: at + 4] + b"id" + data[at + 6 : at + 10] + b"cs" + data[at + 12 :]
        yield data, name


print("# a datagram, as each sees it")
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("127.0.0.1", 5000))
watchers = [opened(kind, what) for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM) for what in (ALL, IP, MINE)]
u.sendto(b"hello", ("127.0.0.1", 5000))
print(u.recvfrom(100))
for watcher, count in zip(watchers, [2, 1, 0] * 2):
    print(watcher.type, list(packets(watcher, count)))

print("# names")
s = opened(socket.SOCK_RAW, 0)
print(s.getsockname())
s.bind(("lo", MINE))
print(s.getsockname(), error(s.getpeername))
print(error(s.connect, ("lo", MINE)), error(s.listen, 1))

print("# frames by hand")
frame = LO + struct.pack("!H", MINE) + b"by hand"
print(s.sendto(frame, ("lo", MINE)))
print(list(packets(s, 1)))
for watcher, count in zip(watchers, [2, 0, 1] * 2):
    print(watcher.type, list(packets(watcher, count)))
d = opened(socket.SOCK_DGRAM, 0)
print(d.sendto(b"to an address", ("lo", MINE, 0, 1, b"\1\2\3\4\5\6")))
print(list(packets(s, 1)))
print(error(d.sendto, b"x" * 70000, ("lo", MINE)), error(s.sendto, b"short", ("lo", MINE)))

print("# a ping, by hand: IPv4 of this host by a loopback device is not believed")
echo = struct.pack("!BBHHH", 8, 0, 0xF7FE, 0, 1)
head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 1, 0, 64, 1, 0x7CDE, b"\x7f\0\0\1", b"\x7f\0\0\1")
print(s.sendto(LO + b"\x08\0" + head + echo, ("lo", IP)))
print([(len(data), name) for data, name in packets(watchers[0], 4)])

print("# counted")
print(struct.unpack("II", watchers[0].getsockopt(263, 6, 8)), struct.unpack("II", watchers[0].getsockopt(263, 6, 8)))
watchers[0].setsockopt(263, 8, 1)
s.sendto(frame, ("lo", MINE))
print(watchers[0].recvmsg(10, 100))
print(struct.unpack("i", fcntl.ioctl(watchers[0], 0x541B, b"\0" * 4)))

print("# listed")
with open("/proc/net/packet") as f:
    lines = f.read().splitlines()
print(lines[0])
# Inodes, pointers, and what waits, are not compared.
print(sorted(" ".join(line.split()[1:6] + line.split()[7:8]) for line in lines[1:]))
