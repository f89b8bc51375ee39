"""The last close counts, whoever holds the descriptor."""
import array
import os
import socket
import time

from common import error, eventually, listener, pair

print("a port is free again")
l = listener()
address = l.getsockname()
copy = os.dup(l.fileno())
l.close()
again = socket.socket()
print(error(again.bind, address))
os.close(copy)
print(eventually(lambda: error(again.bind, address), None))
again.listen(1)

print("a child holds it")
pid = os.fork()
if pid == 0:
    time.sleep(0.3)
    os._exit(0)
again.close()
third = socket.socket()
print(error(third.bind, address))
os.waitpid(pid, 0)
print(eventually(lambda: error(third.bind, address), None))

print("a killed child that accepts")
pid = os.fork()
if pid == 0:
    third.listen(1)
    third.accept()
    os._exit(0)
third.close()
time.sleep(0.2)
os.kill(pid, 9)
os.waitpid(pid, 0)
fourth = socket.socket()
print(eventually(lambda: error(fourth.bind, address), None))

print("in flight")
a, b = pair()
x, y = socket.socketpair()
x.sendmsg([b"fd"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [b.fileno()]))])
b.close()
a.sendall(b"through")
data, control, _, _ = y.recvmsg(10, 100)
fds = array.array("i")
fds.frombytes(control[0][2])
b = socket.socket(fileno=fds[0])
print(b.recv(20), b.getpeername() == a.getsockname())
b.sendall(b"bye")
b.close()
print(a.recv(10), a.recv(10))

print("everything written before the close arrives")
a, b = pair()
data = os.urandom(1 << 20)
if os.fork() == 0:
    b.close()
    a.sendall(data)
    os._exit(0)
a.close()
got = b""
while part := b.recv(1 << 16):
    got += part
print(got == data)
