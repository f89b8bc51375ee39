"""One of each call that a trace shows."""
import os
import socket

s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 4321))
s.listen(5)
c = socket.create_connection(("127.0.0.1", 4321))
d, a = s.accept()
c.send(b"hi\n")
d.recv(10)
d.sendmsg([b"a", b"bc" * 20])
c.recvmsg(100)
c.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
c.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
os.write(c.fileno(), b"by write")
os.read(d.fileno(), 100)
os.writev(d.fileno(), [b"by", b"writev"])
os.readv(c.fileno(), [bytearray(3), bytearray(30)])
c.shutdown(socket.SHUT_WR)
d.recv(5)
c.close()
d.close()
s.close()
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
u.bind(("::1", 4322))
u.sendto(b"q\0\xff7\"", ("::1", 4322))
u.recvfrom(10)
u.setblocking(False)
try:
    u.recv(1)
except BlockingIOError:
    pass
u.sendmsg([b"x"], [], 0, ("::1", 4323, 0, 0))
u.close()
try:
    socket.socket(socket.AF_INET, socket.SOCK_SEQPACKET)
except OSError:
    pass
