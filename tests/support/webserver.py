# SPDX-License-Identifier: Apache-2.0
"""webserver.py NAME TCP-PORTS UDP-PORTS [MODE]: answers every HTTP request and every datagram, over IPv4
and IPv6, with "NAME CLIENT-ADDRESS". Ports are separated by commas; either list may be empty.
MODE is a file with the HTTP status to answer with, or "slow" for none at all; without it, 200."""

import selectors
import socket
import sys


def plain(address):
    return address.removeprefix("::ffff:")


def listen(kind, port):
    server = socket.socket(socket.AF_INET6, kind)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if kind == socket.SOCK_DGRAM:  # answer from the address that was asked
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    server.bind(("::", port))
    if kind == socket.SOCK_STREAM:
        server.listen(512)
    return server


def read_mode(path):
    if not path:
        return "200 OK"
    with open(path, encoding="ascii") as file:
        return file.read().strip()


SLOW = []  # kept open, never answered


def answer_connection(name, connection, path):
    mode = read_mode(path)
    if mode == "slow":
        SLOW.append(connection)
        return
    with connection:
        connection.settimeout(5)
        try:
            request = b""
            while not request.endswith(b"\r\n\r\n") and len(request) < 65536:
                chunk = connection.recv(4096)
                if not chunk:
                    return
                request += chunk
            if path:
                print(f"asked by {plain(connection.getpeername()[0])}", flush=True)
            body = f"{name} {plain(connection.getpeername()[0])}\n".encode()
            connection.sendall(b"HTTP/1.0 %s\r\nContent-Length: %d\r\n\r\n%s"
                               % (mode.encode(), len(body), body))
        except OSError:
            pass  # the client went away


def answer_datagram(name, server):
    _, ancillary, _, client = server.recvmsg(2048, 256)
    source = [item for item in ancillary if item[1] == socket.IPV6_PKTINFO]
    try:
        server.sendmsg([f"{name} {plain(client[0])}".encode()], source, 0, client)
    except OSError:
        pass  # the client went away


def main():
    name, tcp, udp, *path = sys.argv[1:]
    selector = selectors.DefaultSelector()
    for kind, ports in ((socket.SOCK_STREAM, tcp), (socket.SOCK_DGRAM, udp)):
        for port in filter(None, ports.split(",")):
            selector.register(listen(kind, int(port)), selectors.EVENT_READ, kind)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            if key.data == socket.SOCK_STREAM:
                answer_connection(name, key.fileobj.accept()[0], path[0] if path else None)
            else:
                answer_datagram(name, key.fileobj)


main()
