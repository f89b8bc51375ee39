"""Connections that fail, break or end."""
import errno
import select
import socket
import struct

from common import dead_port, error, eventually, listener, mask, pair, readable, settle

print("blocking", error(socket.socket().connect, dead_port()))
s = socket.socket()
dead = dead_port()
print("the same socket again", [error(s.connect, dead) for _ in range(3)])
l = listener()
print(error(s.connect, l.getsockname()), mask(s))

s = socket.socket()
s.setblocking(False)
print("non-blocking", errno.errorcode[s.connect_ex(dead_port())])
print(settle(s, "IN|OUT|ERR|HUP|RDHUP"), s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

s = socket.socket()
s.setblocking(False)
e = select.epoll()
e.register(s, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
e.poll(0)
print(errno.errorcode[s.connect_ex(l.getsockname())], e.poll(1) == [(s.fileno(), select.EPOLLOUT)])
print(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), s.getpeername() == l.getsockname())

print("wrong addresses")
s = socket.socket()
print(error(s.bind, ("192.0.2.1", 0)), error(s.bind, l.getsockname()))
s.bind(("127.0.0.1", 0))
print(error(s.bind, ("127.0.0.1", 0)))

a, b = pair()
b.sendall(b"last words")
readable(a, 10)
b.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
b.close()
print("reset", settle(a, "IN|OUT|ERR|HUP|RDHUP"), a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (0, errno.ECONNRESET))

a, b = pair()
b.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
b.close()
print("reset", settle(a, "IN|OUT|ERR|HUP|RDHUP"), error(a.recv, 10), error(a.recv, 10), error(a.send, b"x", socket.MSG_NOSIGNAL))

a, b = pair()
a.sendall(b"never read")
readable(b, 10)
b.close()
print("closed with data unread", settle(a, "IN|OUT|ERR|HUP|RDHUP"), error(a.recv, 10), error(a.recv, 10))

a, b = pair()
b.close()
print("closed", settle(a, "IN|OUT|RDHUP"), error(a.recv, 10), error(a.send, b"x", socket.MSG_NOSIGNAL))
# Whether the reset shows as ERR until it is told depends on who keeps the error (see docs/DIVERGENCES.md).
eventually(lambda: "|HUP|" in mask(a), True)
print(error(a.send, b"x", socket.MSG_NOSIGNAL), mask(a))
