"""Urgent data: the byte, the mark, the poll, in line or not."""
import array
import fcntl
import socket

from common import error, mask, pair, readable, settle

SIOCATMARK = 0x8905


def mark(s):
    word = array.array("i", [0])
    fcntl.ioctl(s, SIOCATMARK, word)
    return word[0]


a, b = pair()
print(error(b.recv, 1, socket.MSG_OOB), mark(b), mask(b))
a.send(b"abc")
a.send(b"d", socket.MSG_OOB)
a.send(b"ef")
print(settle(b, "IN|PRI|OUT"), mark(b), b.recv(10), mark(b), b.recv(1, socket.MSG_OOB), mask(b))
print(b.recv(10), mark(b), error(b.recv, 1, socket.MSG_OOB))
a.sendmsg([b"xy", b"z"], [], socket.MSG_OOB)
settle(b, "IN|PRI|OUT")
print(b.recvmsg(1, 0, socket.MSG_OOB)[0], b.recv(10))

a, b = pair()
b.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
a.send(b"abc")
a.send(b"d", socket.MSG_OOB)
a.send(b"ef")
settle(b, "IN|PRI|OUT")
readable(b, 3)
print(b.recv(10), mark(b), error(b.recv, 1, socket.MSG_OOB), b.recv(10))
