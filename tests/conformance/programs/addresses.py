"""Names, addresses and interfaces: getaddrinfo, getifaddrs and what stands behind them."""
import ctypes
import os
import socket
import struct

from common import error


def names(*args, **kwargs):
    try:
        return sorted({(f.name, t.name, a[0]) for f, t, _, _, a in socket.getaddrinfo(*args, **kwargs)})
    except socket.gaierror as e:
        return socket.gaierror.__name__, e.errno


print("getaddrinfo")
stream = {"type": socket.SOCK_STREAM}
print(names("localhost", 80, **stream))
print(names("localhost", 80, family=socket.AF_INET, **stream))
print(names("localhost", 80, family=socket.AF_INET6, **stream))
print(names(None, 80, **stream))
print(names(None, 80, flags=socket.AI_PASSIVE, **stream))
print(names("127.0.0.1", 80, flags=socket.AI_ADDRCONFIG, **stream))
print(names("::1", 80, flags=socket.AI_ADDRCONFIG, **stream))
print(names("127.0.0.1", 80, family=socket.AF_INET6, flags=socket.AI_V4MAPPED, **stream))
print(names("::ffff:127.0.0.1", 80, **stream))
print(names("localhost", "http", **stream))
print(names("localhost", 80, flags=socket.AI_NUMERICHOST, **stream))
print([a[4][0] for a in socket.getaddrinfo("localhost", 80, **stream)], "in order of preference")
print(socket.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV))
print(socket.getnameinfo(("::1", 80), 0)[0])

print("interfaces")
print([row for row in socket.if_nameindex() if row[1] == "lo"])
print(socket.if_nametoindex("lo"), socket.if_indextoname(1), error(socket.if_nametoindex, "no0"))


class ifaddrs(ctypes.Structure):
    pass


ifaddrs._fields_ = [
    ("next", ctypes.POINTER(ifaddrs)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("addr", ctypes.c_void_p),
    ("netmask", ctypes.c_void_p),
    ("broadcast", ctypes.c_void_p),
    ("data", ctypes.c_void_p),
]


def text(address):
    if not address:
        return "-"
    family = struct.unpack("H", ctypes.string_at(address, 2))[0]
    if family == socket.AF_INET:
        return socket.inet_ntop(family, ctypes.string_at(address + 4, 4))
    if family == socket.AF_INET6:
        scope = struct.unpack("I", ctypes.string_at(address + 24, 4))[0]
        return socket.inet_ntop(family, ctypes.string_at(address + 8, 16)) + f" scope {scope}"
    if family == socket.AF_PACKET:
        _, _, index, hatype, _, length = struct.unpack("HHIHBB", ctypes.string_at(address, 12))
        return f"link {index} type {hatype} length {length}"
    return f"family {family}"


libc = ctypes.CDLL(None, use_errno=True)
first = ctypes.POINTER(ifaddrs)()
print("getifaddrs", libc.getifaddrs(ctypes.byref(first)))
row = first
while row:
    r = row.contents
    if r.name == b"lo":
        print("lo", hex(r.flags), text(r.addr), text(r.netmask))
    row = r.next

print("netlink by hand")
RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE = 18, 22, 26
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300


def attributes(data):
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("HH", data, at)
        if length < 4:
            return
        yield kind, data[at + 4 : at + length]
        at += (length + 3) & ~3


def dump(kind, family, header):
    """The messages of one dump, without their netlink headers."""
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    sock.bind((0, 0))
    body = struct.pack("B", family) + bytes(header - 1)
    request = struct.pack("IHHII", 16 + len(body), kind, NLM_F_REQUEST | NLM_F_DUMP, 7, 0)
    sock.sendto(request + body, (0, 0))
    while True:
        data, sender = sock.recvfrom(1 << 16)
        assert sender == (0, 0), sender
        at = 0
        while at < len(data):
            length, got, _, sequence, port = struct.unpack_from("IHHII", data, at)
            assert sequence == 7 and port == sock.getsockname()[0]
            if got == 3:
                return
            yield got, data[at + 16 : at + length]
            at += (length + 3) & ~3


for kind, message in dump(RTM_GETLINK, 0, 16):
    values = dict(attributes(message[16:]))
    if values[3] == b"lo\0":
        _, _, hatype, index, flags, _ = struct.unpack_from("BBHiII", message)
        mtu = struct.unpack("I", values[4])[0]
        print("link", kind, hatype, index, hex(flags), values[3], mtu, values[1].hex())
for family in (socket.AF_INET, socket.AF_INET6):
    for kind, message in dump(RTM_GETADDR, family, 8):
        got, prefix, _, scope, index = struct.unpack_from("BBBBi", message)
        values = dict(attributes(message[8:]))
        address = values.get(2, values[1])
        if index == 1:
            print("address", kind, got, prefix, scope, socket.inet_ntop(family, address))
routes = []
for kind, message in dump(RTM_GETROUTE, socket.AF_INET, 12):
    got, dst, _, _, table, protocol, scope, rtype, _ = struct.unpack_from("BBBBBBBBI", message)
    values = dict(attributes(message[12:]))
    where = socket.inet_ntop(socket.AF_INET, values[1]) if 1 in values else "default"
    if where.startswith("127."):
        routes.append((where, dst, table, protocol, scope, rtype))
for route in sorted(routes):
    print("route", *route)

print("a route to the loopback address, as resolvers ask for it")
for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    probe = socket.socket(family, socket.SOCK_DGRAM)
    probe.connect((host, 53))
    print(probe.getsockname()[0], probe.getpeername()[:2])
mapped = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
mapped.connect(("::ffff:127.0.0.1", 53))
print(mapped.getsockname()[0], mapped.getpeername()[0])
print(os.path.exists("/sys/class/net/lo"))
