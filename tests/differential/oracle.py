"""Runs a script of socket calls on the host's kernel; src/lib.rs says what scripts look like."""
import ctypes
import errno
import fcntl
import os
import socket
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
socks = {}


class iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.POINTER(iovec)), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int)]


class Failed(Exception):
    pass


def call(name, *args):
    ctypes.set_errno(0)
    r = getattr(libc, name)(*args)
    if r < 0:
        raise Failed(errno.errorcode[ctypes.get_errno()])
    return r


def lo_up():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ifr = bytearray(struct.pack("16sh14x", b"lo", 0))
    fcntl.ioctl(s, 0x8913, ifr)
    flags = struct.unpack_from("h", ifr, 16)[0] | 1
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", flags))
    s.close()


def fd(name):
    return socks.get(name, -1)


def sockname(f):
    buf, n = ctypes.create_string_buffer(128), ctypes.c_uint(128)
    if libc.getsockname(f, buf, ctypes.byref(n)) < 0:
        return b""
    return buf.raw[:n.value]


def port_of(f):
    name = sockname(f)
    return struct.unpack(">H", name[2:4])[0] if len(name) >= 4 else 0


def address(text):
    if text == "-":
        return None
    text, _, cut = text.partition("#")
    text, _, family = text.partition("!")
    parts = text.split("/")
    port = port_of(fd(parts[2][1:])) if parts[2].startswith("@") else int(parts[2])
    if parts[0] == "4":
        data = struct.pack("=H", 2) + struct.pack(">H", port) + socket.inet_aton(parts[1]) + bytes(8)
    else:
        scope = int(parts[3]) if len(parts) > 3 else 0
        data = struct.pack("=H", 10) + struct.pack(">HI", port, 0) + socket.inet_pton(10, parts[1]) + struct.pack("=I", scope)
    if cut:
        data = data[:int(cut)]
    if family and len(data) >= 2:
        data = struct.pack("=H", int(family)) + data[2:]
    return data


def show_address(data):
    if not data:
        return "-"
    family = struct.unpack("=H", data[:2])[0]

    def port(p):
        for name in sorted(socks):
            if p and port_of(socks[name]) == p:
                return "@" + name
        return str(p)

    if family == 2:
        return "4/%s/%s" % (socket.inet_ntoa(data[4:8]), port(struct.unpack(">H", data[2:4])[0]))
    if family == 10:
        p, flow = struct.unpack(">HI", data[2:8])
        return "6/%s/%s/%d/%d" % (data[8:24].hex(), port(p), struct.unpack("=I", data[24:28])[0], flow)
    return "0x" + data.hex()


def show(data):
    if len(data) > 64:
        return "*%d" % len(data)
    if data and all(33 <= b <= 126 for b in data):
        return data.decode()
    return "0x" + data.hex()


def data_of(text):
    return b"x" * int(text[1:]) if text.startswith("*") and text[1:].isdigit() else text.encode()


def send(s, data, flags, to, control):
    data, to = data_of(data), address(to)
    out = b""
    for message in control.split(","):
        if message != "-":
            level, kind, value = message.split(":")
            value = bytes.fromhex(value)
            out += struct.pack("=Nii".replace("N", "Q"), 16 + len(value), int(level), int(kind)) + value
            out += bytes(-len(out) % 8)
    buf = ctypes.create_string_buffer(data, max(len(data), 1))
    vec = iovec(ctypes.addressof(buf), len(data))
    name = ctypes.create_string_buffer(to, max(len(to), 1)) if to is not None else None
    ctl = ctypes.create_string_buffer(out, max(len(out), 1))
    msg = msghdr(ctypes.addressof(name) if name else None, len(to) if name else 0, ctypes.pointer(vec), 1,
                 ctypes.addressof(ctl) if out else None, len(out), 0)
    return str(call("sendmsg", fd(s), ctypes.byref(msg), int(flags, 0)))


def receive(s, room, control, flags):
    room = int(room)
    buf, name = ctypes.create_string_buffer(max(room, 1)), ctypes.create_string_buffer(128)
    ctl = ctypes.create_string_buffer(max(int(control or 0), 1))
    vec = iovec(ctypes.addressof(buf), room)
    msg = msghdr(ctypes.addressof(name), 128, ctypes.pointer(vec), 1, ctypes.addressof(ctl), int(control or 0), 0)
    n = call("recvmsg", fd(s), ctypes.byref(msg), int(flags, 0))
    answer = "%d %s %s" % (n, show_address(name.raw[:msg.namelen]), show(buf.raw[:min(n, room)]))
    if control is not None:
        at, out = 0, []
        while at + 16 <= msg.controllen:
            length, level, kind = struct.unpack_from("=Qii", ctl.raw, at)
            if length < 16:
                break
            out.append("%d:%d:%s" % (level, kind, ctl.raw[at + 16:min(at + length, msg.controllen)].hex()))
            at += (length + 7) & ~7
        answer += " %#x [%s]" % (msg.flags & 0xffffffff & ~0x40000000, ",".join(out))
    return answer


def run(words):
    op, args = words[0], words[1:]
    if op == "user":
        os.setgroups([])
        os.setgid(int(args[0]))
        os.setuid(int(args[0]))
        return "ok"
    if op == "socket":
        socks[args[0]] = call("socket", int(args[1], 0), int(args[2], 0) | 0o4000, int(args[3], 0))
        return "ok"
    if op == "close":
        f = socks.pop(args[0], -1)
        call("close", f)
        return "ok"
    if op in ("bind", "connect"):
        a = address(args[1]) or b""
        call(op, fd(args[0]), ctypes.create_string_buffer(a, max(len(a), 1)), len(a))
        return "ok"
    if op in ("listen", "shutdown"):
        call(op, fd(args[0]), int(args[1], 0))
        return "ok"
    if op == "accept":
        buf, n = ctypes.create_string_buffer(128), ctypes.c_uint(128)
        socks[args[0]] = call("accept4", fd(args[1]), buf, ctypes.byref(n), 0o4000)
        return show_address(buf.raw[:n.value])
    if op in ("getsockname", "getpeername"):
        buf, n = ctypes.create_string_buffer(128), ctypes.c_uint(128)
        call(op, fd(args[0]), buf, ctypes.byref(n))
        return show_address(buf.raw[:n.value])
    if op == "poll":
        p = ctypes.create_string_buffer(struct.pack("=ihh", fd(args[0]), 0x2007, 0), 8)
        call("poll", p, 1, 0)
        return "%#x" % struct.unpack("=ihh", p.raw)[2]
    if op == "ioctl":
        value = ctypes.c_int(0)
        call("ioctl", fd(args[0]), ctypes.c_ulong(int(args[1], 0)), ctypes.byref(value))
        return str(value.value)
    if op == "setsockopt":
        v = b"" if args[3] == "-" else bytes.fromhex(args[3])
        call("setsockopt", fd(args[0]), int(args[1], 0), int(args[2], 0), ctypes.create_string_buffer(v, max(len(v), 1)), len(v))
        return "ok"
    if op == "getsockopt":
        n = ctypes.c_uint(int(args[3]))
        buf = ctypes.create_string_buffer(max(int(args[3]), 1))
        call("getsockopt", fd(args[0]), int(args[1], 0), int(args[2], 0), buf, ctypes.byref(n))
        return "%d %s" % (n.value, buf.raw[:n.value].hex())
    if op == "sendto":
        return send(*args, "-")
    if op == "sendmsg":
        return send(*args)
    if op == "recvfrom":
        return receive(args[0], args[1], None, args[2])
    if op == "recvmsg":
        return receive(*args)
    return "what is %r?" % (words,)


lo_up()
answers = []
for line in sys.stdin.read().splitlines():
    try:
        answers.append(run(line.split()))
    except Failed as e:
        answers.append("EOPNOTSUPP" if e.args[0] == "ENOTSUP" else e.args[0])
print("\n".join(answers))
