"""Sockets across fork and exec."""
import os
import select
import socket
import subprocess
import sys

from common import error, listener, pair, pattern, read_all

WORKERS, REQUESTS = 4, 40

print("workers that accept from one listener")
server = listener()
children = []
for _ in range(WORKERS):
    child = os.fork()
    if child == 0:
        while True:
            accepted, _ = server.accept()
            question = read_all(accepted)
            accepted.sendall(question.upper())
            accepted.close()
            if question == b"end":
                os._exit(0)
    children.append(child)
answers = []
for i in range(REQUESTS + WORKERS):
    with socket.create_connection(server.getsockname()) as client:
        client.sendall(b"question %d" % i if i < REQUESTS else b"end")
        client.shutdown(socket.SHUT_WR)
        answers.append(read_all(client))
for child in children:
    print("status", os.waitpid(child, 0)[1])
print(answers[0], answers[REQUESTS - 1], answers.count(b"END"))

print("a connection outlives the process that made it")
client, peer = pair()
if os.fork() == 0:
    peer.close()
    client.sendall(b"from the child")
    os._exit(0)
client.close()
print(read_all(peer))
os.wait()

print("the end of a stream comes with the last copy")
client, peer = pair()
reader, writer = os.pipe()
if os.fork() == 0:
    os.close(writer)
    os.read(reader, 1)
    os._exit(0)
client.close()
poll = select.poll()
poll.register(peer, select.POLLIN | select.POLLRDHUP)
print("before", poll.poll(100))
os.write(writer, b"x")
events = poll.poll(5000)
print("after", [bool(e & select.POLLRDHUP) for _, e in events], peer.recv(10))
os.wait()

print("parent and child read one stream")
client, peer = pair()
reader, writer = os.pipe()
peer.sendall(b"first")
print(client.recv(5))
if os.fork() == 0:
    os.write(writer, client.recv(6))
    os._exit(0)
peer.sendall(b"second")
os.wait()
print(os.read(reader, 100))
peer.sendall(b"third")
print(client.recv(100))

print("shutdown in a child acts on the parent's socket, close does not")
client, peer = pair()
if os.fork() == 0:
    client.close()
    os._exit(0)
os.wait()
print(client.send(b"open"), peer.recv(10))
if os.fork() == 0:
    client.shutdown(socket.SHUT_WR)
    os._exit(0)
os.wait()
print(peer.recv(10), error(client.send, b"x", socket.MSG_NOSIGNAL))

print("a server started with its listener, by exec")
PROGRAM = """
import socket, sys
server = socket.socket(fileno=int(sys.argv[1]))
print(server.family.name, server.type.name, server.getsockname()[0], flush=True)
accepted, _ = server.accept()
accepted.sendall(accepted.recv(100)[::-1])
"""
server = listener(socket.AF_INET6)
started = subprocess.Popen(
    [sys.executable, "-c", PROGRAM, str(server.fileno())],
    pass_fds=[server.fileno()], stdout=subprocess.PIPE,
)
with socket.create_connection(server.getsockname()[:2]) as client:
    client.sendall(b"drawer")
    print(read_all(client))
print(started.communicate()[0].decode().strip(), started.returncode)

print("an inetd-like server: the connection is standard input and output")
server = listener()
client = socket.create_connection(server.getsockname())
accepted, _ = server.accept()
started = subprocess.Popen(["tr", "a-z", "A-Z"], stdin=accepted, stdout=accepted)
accepted.close()
client.sendall(b"quiet")
client.shutdown(socket.SHUT_WR)
print(read_all(client), started.wait())

print("close-on-exec")
client, peer = pair()
print(os.get_inheritable(client.fileno()))
subprocess.Popen(["sleep", "0.3"], close_fds=False)
client.close()
print(peer.recv(1))

print("a child that is killed resets nothing")
client, peer = pair()
child = os.fork()
if child == 0:
    peer.close()
    client.sendall(pattern(100000))
    os.kill(os.getpid(), 9)
client.close()
print(read_all(peer) == pattern(100000))
os.wait()

print("datagrams from many children")
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
for i in range(8):
    if os.fork() == 0:
        own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        own.sendto(b"child %d" % i, server.getsockname())
        os._exit(0)
print(sorted(server.recv(100) for _ in range(8)))
