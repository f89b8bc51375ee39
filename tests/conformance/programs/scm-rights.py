"""Sockets that travel as SCM_RIGHTS."""
import array
import os
import select
import socket

from common import error, listener, pair, pattern, read_all


def send(channel, *socks):
    socket.send_fds(channel, [b"x"], [s.fileno() for s in socks])


def receive(channel, count=1):
    _, fds, flags, _ = socket.recv_fds(channel, 1, count)
    return [socket.socket(fileno=fd) for fd in fds]


left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)

print("a connection to another process")
client, peer = pair()
if os.fork() == 0:
    client.close()
    peer.close()
    (got,) = receive(right)
    print(got.family.name, got.type.name, got.getpeername()[0], flush=True)
    got.sendall(got.recv(100)[::-1])
    got.shutdown(socket.SHUT_WR)
    os._exit(0)
send(left, peer)
peer.close()
client.sendall(b"stressed")
print(read_all(client))
os.wait()

print("a listener and its queue")
server = listener()
early = socket.create_connection(server.getsockname())
early.sendall(b"early")
if os.fork() == 0:
    server.close()
    early.close()
    (got,) = receive(right)
    for _ in range(2):
        accepted, _ = got.accept()
        accepted.sendall(accepted.recv(100).upper())
        accepted.close()
    os._exit(0)
address = server.getsockname()
send(left, server)
server.close()
late = socket.create_connection(address)
late.sendall(b"late")
print(read_all(early), read_all(late))
os.wait()

print("alive while in flight")
client, peer = pair()
send(left, peer)
peer.close()
client.sendall(b"into the air")
poll = select.poll()
poll.register(client, select.POLLRDHUP)
print("hung up", bool(poll.poll(100)))
(landed,) = receive(right)
print(landed.recv(100))
landed.close()
print("then", client.recv(1))

print("dropped in flight")
a, b = socket.socketpair()
client, peer = pair()
send(a, peer)
peer.close()
a.close()
b.close()
client.settimeout(5)
print(client.recv(1))

print("several at once, of several kinds")
client, peer = pair(socket.AF_INET6)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
send(left, peer, udp)
stream, datagram = receive(right, 2)
print(stream.family.name, stream.type.name, datagram.family.name, datagram.type.name)
print(datagram.getsockname() == udp.getsockname(), stream.fileno() != peer.fileno())
client.sendall(pattern(1000))
print(stream.recv(2000) == pattern(1000))
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
other.sendto(b"datagram", udp.getsockname())
print(datagram.recvfrom(100)[0])

print("both copies are one socket")
stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
print(peer.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
stream.setblocking(False)
print(error(peer.recv, 1, 0) if not os.get_blocking(peer.fileno()) else "blocking")

print("a socket that is not connected yet")
fresh = socket.socket()
send(left, fresh)
(landed,) = receive(right)
server = listener()
landed.connect(server.getsockname())
print(fresh.getpeername() == server.getsockname())

print("not over TCP")
client, peer = pair()
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fresh.fileno()]))]
print(error(client.sendmsg, [b"x"], rights))
