"""Threads that share sockets."""
import hashlib
import socket
import threading
import time

from common import error, listener, pair, pattern, read_all

print("a thread for each connection")
server = listener(backlog=64)
THREADS, ROUNDS = 16, 50


def serve():
    for _ in range(THREADS):
        accepted, _ = server.accept()
        threading.Thread(target=echo, args=(accepted,)).start()


def echo(sock):
    while data := sock.recv(65536):
        sock.sendall(data)
    sock.close()


def ask(index, results):
    with socket.create_connection(server.getsockname()) as sock:
        for i in range(ROUNDS):
            question = b"%d of %d;" % (i, index)
            sock.sendall(question)
            answer = b""
            while len(answer) < len(question):
                answer += sock.recv(100)
            if answer != question:
                results[index] = answer
                return
        results[index] = "right"


threading.Thread(target=serve).start()
results = [None] * THREADS
askers = [threading.Thread(target=ask, args=(i, results)) for i in range(THREADS)]
for t in askers:
    t.start()
for t in askers:
    t.join()
print(results.count("right"))

print("both directions at once")
data = pattern(8 << 20)
client, peer = pair()
sums = {}


def pump(name, sock):
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def drain(name, sock):
    sums[name] = hashlib.sha256(read_all(sock)).hexdigest()


pumps = [
    threading.Thread(target=act, args=(name, sock))
    for act in (pump, drain)
    for name, sock in (("client", client), ("peer", peer))
]
for t in pumps:
    t.start()
for t in pumps:
    t.join()
print(sums["client"] == sums["peer"] == hashlib.sha256(data).hexdigest())

print("several threads accept from one listener")
server = listener(backlog=64)
taken = []


def accept_some():
    while True:
        accepted, _ = server.accept()
        word = read_all(accepted)
        accepted.close()
        if word == b"end":
            return
        taken.append(int(word))


acceptors = [threading.Thread(target=accept_some) for _ in range(4)]
for t in acceptors:
    t.start()
for word in [b"%d" % i for i in range(60)] + [b"end"] * 4:
    with socket.create_connection(server.getsockname()) as sock:
        sock.sendall(word)
for t in acceptors:
    t.join()
print(sorted(taken) == list(range(60)))


def drain_n(sock, n):
    while n:
        n -= len(sock.recv(min(n, 1 << 20)))


def while_blocked(name, call, *args, then):
    """Starts a call in a thread, acts 100 ms into it, and shows how it ended."""
    result = []
    blocked = threading.Thread(target=lambda: result.append(error(call, *args)), daemon=True)
    blocked.start()
    time.sleep(0.1)
    then()
    blocked.join(5)
    print(name, result if result else "still blocked", flush=True)


print("what one thread does while another waits")
client, peer = pair()
while_blocked("recv, then data", client.recv, 10, then=lambda: peer.send(b"data"))
while_blocked("recv, then own shutdown", client.recv, 10, then=lambda: client.shutdown(socket.SHUT_RD))
client, peer = pair()
while_blocked("recv, then the peer closes", client.recv, 10, then=peer.close)
client, peer = pair()
peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
while_blocked("recv, then the peer resets", client.recv, 10, then=peer.close)
server = listener()
while_blocked("accept, then shutdown", server.accept, then=lambda: server.shutdown(socket.SHUT_RDWR))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while_blocked(
    "recv datagram", udp.recv, 10, then=lambda: other.sendto(b"late", udp.getsockname())
)
client, peer = pair()
big = bytes(32 << 20)
while_blocked("sendall, then the peer reads", client.sendall, big, then=lambda: drain_n(peer, len(big)))

print("many short connections from many threads")
server = listener(backlog=128)
total = 8 * 40


def short():
    for _ in range(40):
        with socket.create_connection(server.getsockname()) as sock:
            sock.sendall(b"x")
            sock.shutdown(socket.SHUT_WR)
            read_all(sock)


many = [threading.Thread(target=short) for _ in range(8)]
for t in many:
    t.start()
for _ in range(total):
    accepted, _ = server.accept()
    accepted.sendall(read_all(accepted))
    accepted.close()
for t in many:
    t.join()
print(total)
