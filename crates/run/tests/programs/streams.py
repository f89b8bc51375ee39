"""Stream sockets: names, masks, half-close, every way to send and receive."""
import os
import socket
import struct
import threading

from common import error, listener, mask, pair, readable, settle

fresh = socket.socket()
print("fresh", mask(fresh), error(fresh.getpeername), fresh.getsockname())
print(error(fresh.shutdown, 2), error(fresh.accept))

for family in (socket.AF_INET, socket.AF_INET6):
    l = listener(family)
    print("listening", mask(l), l.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    a = socket.socket(family)
    a.connect(l.getsockname())
    print("waiting", settle(l, "IN"))
    b, peer = l.accept()
    print(mask(l), peer == a.getsockname(), b.getpeername() == peer, a.getpeername() == b.getsockname())
    print("types", [a.getsockopt(socket.SOL_SOCKET, o) for o in (socket.SO_TYPE, socket.SO_DOMAIN, socket.SO_PROTOCOL)])
    print("idle", mask(a), mask(b))
    print("again", error(a.connect, l.getsockname()))
    a.close()
    b.close()
    l.close()

a, b = pair()
for send in (a.send, lambda d: os.write(a.fileno(), d), lambda d: a.sendmsg([d[:1], d[1:]]),
             lambda d: a.sendto(d, b.getsockname()), lambda d: a.send(d, socket.MSG_MORE),
             lambda d: os.writev(a.fileno(), [d])):
    print(send(b"words"), end=" ")
got = b""
while len(got) < 30:
    got += b.recv(100)
print(got)
a.sendall(b"0123456789" * 6)
readable(b, 60)
print(b.recv(5), os.read(b.fileno(), 5), b.recvfrom(5), b.recvmsg(5)[0], b.recvmsg_into([bytearray(5)])[0])
print(b.recv(5, socket.MSG_PEEK), b.recv(5), b.recv(20, socket.MSG_WAITALL))
print(b.recvmsg(5, 100)[:3], mask(b))

b.recv(100)
print("ten megabytes, both ways at once")
data = os.urandom(1 << 20) * 10


def pour(s):
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)


def drain(s):
    parts = []
    while part := s.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


threads = [threading.Thread(target=pour, args=(s,)) for s in (a, b)]
for t in threads:
    t.start()
results = {}
readers = [threading.Thread(target=lambda s=s: results.update({s is a: drain(s) == data})) for s in (a, b)]
for t in readers + threads:
    if t in readers:
        t.start()
for t in readers + threads:
    t.join()
both = "IN|OUT|HUP|RDHUP"
print(sorted(results.items()), settle(a, both), settle(b, both))

a, b = pair()
a.shutdown(socket.SHUT_WR)
print("half closed", mask(a), settle(b, "IN|OUT|RDHUP"), b.recv(10))
b.sendall(b"still")
print(a.recv(10), error(a.send, b"x", socket.MSG_NOSIGNAL))
b.close()
print(a.recv(10), settle(a, both))

a, b = pair()
a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print(a.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), b.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
print(error(a.setsockopt, socket.SOL_SOCKET, 9999, 1), error(a.getsockopt, socket.IPPROTO_TCP, 9999))
a.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 7))
print(struct.unpack("ii", a.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)))
