"""Datagrams: every way to send and receive, boundaries, sizes."""
import os
import socket

from common import error, mask, settle

for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    r = socket.socket(family, socket.SOCK_DGRAM)
    print(mask(r))
    r.bind((host, 0))
    t = socket.socket(family, socket.SOCK_DGRAM)
    print(t.sendto(b"to", r.getsockname()), t.sendmsg([b"a", b"msg"], [], 0, r.getsockname()))
    print(r.recvfrom(100)[0], r.recvmsg(100)[0])
    t.connect(r.getsockname())
    print(t.send(b"one"), os.write(t.fileno(), b"two"), t.sendmsg([b"three"]), t.send(b""), t.send(b"five"))
    settle(r, "IN|OUT")
    print(mask(r), r.recv(100), os.read(r.fileno(), 2), r.recvfrom(100)[1] == t.getsockname(), r.recv(9), r.recv(9))
    print(mask(r), error(r.recv, 10, socket.MSG_DONTWAIT), error(r.recvfrom, 10, socket.MSG_DONTWAIT))
    t.send(b"long enough")
    print(r.recvfrom_into(bytearray(4), 4, socket.MSG_PEEK | socket.MSG_TRUNC)[0], r.recvmsg(4)[::2])
    t.send(bytes(65000))
    print(len(r.recv(70000)), error(t.send, bytes(66000)), error(t.sendto, bytes(66000), r.getsockname()))
    r.sendto(b"back", t.getsockname())
    print(t.recv(10), t.getpeername() == r.getsockname())
    others = []
    for i in range(4):
        o = socket.socket(family, socket.SOCK_DGRAM)
        o.connect(r.getsockname())
        o.send(b"a%d" % i)
        o.send(b"b%d" % i)
        others.append(o)
    for o in others:
        first, second = r.recvfrom(10), r.recvfrom(10)
        print(first[0], second[0], first[1] == second[1] == o.getsockname())
    for o in others:
        o.send(b"native")
    print([r.recv(10) for _ in others], mask(r))

a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
a.bind(("127.0.0.1", 0))
b.connect(a.getsockname())
for i in range(100):
    b.send(b"%d" % i)
print([int(a.recv(10)) for _ in range(100)] == list(range(100)))
a.setsockopt(socket.IPPROTO_IP, 8, 1)
b.send(b"info")
data, control, flags, name = a.recvmsg(10, 100)
print(data, [(c[0], c[1], len(c[2])) for c in control], flags)
