# SPDX-License-Identifier: Apache-2.0
"""webserver.py NAME TCP-PORTS UDP-PORTS: answers every HTTP request and every datagram, over IPv4
and IPv6, with "NAME CLIENT-ADDRESS". Ports are separated by commas; either list may be empty."""

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


def answer_connection(name, connection):
    with connection:
        connection.settimeout(5)
        try:
            request = b""
            while not request.endswith(b"\r\n\r\n") and len(request) < 65536:
                chunk = connection.recv(4096)
                if not chunk:
                    return
                request += chunk
            body = f"{name} {plain(connection.getpeername()[0])}\n".encode()
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s"
                               % (len(body), body))
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
    name, tcp, udp = sys.argv[1:]
    selector = selectors.DefaultSelector()
    for kind, ports in ((socket.SOCK_STREAM, tcp), (socket.SOCK_DGRAM, udp)):
        for port in filter(None, ports.split(",")):
            selector.register(listen(kind, int(port)), selectors.EVENT_READ, kind)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            if key.data == socket.SOCK_STREAM:
                answer_connection(name, key.fileobj.accept()[0])
            else:
                answer_datagram(name, key.fileobj)


main()
