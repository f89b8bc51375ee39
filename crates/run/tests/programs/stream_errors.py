"""Connections that fail, break or end."""
import errno
import select
import socket
import struct

from common import dead_port, error, listener, mask, pair, settle

print("blocking", error(socket.socket().connect, dead_port()))
s = socket.socket()
dead = dead_port()
print("the same socket again", [error(s.connect, dead) for _ in range(3)])
l = listener()
print(error(s.connect, l.getsockname()), mask(s))

s = socket.socket()
s.setblocking(False)
print("non-blocking", errno.errorcode[s.connect_ex(dead_port())])
settle()
print(mask(s), s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

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
settle()
b.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
b.close()
settle()
print("reset", mask(a), a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (0, errno.ECONNRESET))

a, b = pair()
b.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
b.close()
settle()
print("reset", mask(a), error(a.recv, 10), error(a.recv, 10), error(a.send, b"x", socket.MSG_NOSIGNAL))

a, b = pair()
a.sendall(b"never read")
settle()
b.close()
settle()
print("closed with data unread", mask(a), error(a.recv, 10), error(a.recv, 10))

a, b = pair()
b.close()
settle()
print("closed", mask(a), error(a.recv, 10), error(a.send, b"x", socket.MSG_NOSIGNAL))
settle()
print(error(a.send, b"x", socket.MSG_NOSIGNAL), mask(a))
