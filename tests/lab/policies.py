"""The lab's MTA-STS policy hosts: every one of internet.py's POLICIES on port 443 of its own address, run by recipients.py.

It writes fetches/HOST.jsonl, one line per finished connection: server, time, connection, at_once, peer, sni, path, host
(the header), status (null: none was sent), error.

A handshake that asks for no name, or for another than the host's, gets the alert that says so.

What can be set: policy (the text), status, type (Content-Type), location (for a redirect), padding (bytes of further
lines), pace (seconds between the bytes of an answer that never ends; 0: all at once), chunked, cert, tls, ciphers,
listen, and delay (seconds before the answer).
"""

import contextlib
import http
import socket
import ssl
import time

from hosts import Host

PATH = "/.well-known/mta-sts.txt"
REQUEST_LIMIT = 16384
IDLE = 120  # seconds


class PolicyHost(Host):
    def __init__(self, name, table, state, pki):
        self.names = set(table.hosts)
        behaviour = {
            "policy": table.policy,
            "status": table.status,
            "type": table.type,
            "location": table.location,
            "padding": table.padding,
            "pace": table.pace,
            "chunked": table.chunked,
            "cert": table.cert,
            "tls": ["1.2", "1.3"],
            "ciphers": "",
            "listen": table.listen,
            "delay": 0,
        }
        super().__init__(name, table.address, 443, pki, behaviour)
        self.fetches = open(state / "fetches" / f"{name}.jsonl", "a", encoding="ascii")

    def on_sni(self, sock, name, _):
        sock.requested = name
        return None if name in self.names else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    def serve(self, sock, peer):
        number, at_once = self.begin(sock)
        seen = dict.fromkeys(("sni", "path", "host", "status", "error"))
        try:
            sock.settimeout(IDLE)
            sock = self.context().wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            self.connections[number] = sock
            try:
                sock.do_handshake()
            finally:
                seen["sni"] = getattr(sock, "requested", None)
            seen["path"], seen["host"] = request(sock)
            self.answer(sock, seen)
        except (OSError, ValueError) as error:
            seen["error"] = str(error)
        finally:
            self.end(number)
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
            self.record(self.fetches, connection=number, at_once=at_once, peer=peer, **seen)

    def answer(self, sock, seen):
        behaviour = dict(self.behaviour)
        time.sleep(behaviour["delay"])
        status = behaviour["status"] if seen["path"] == PATH else 404
        body = behaviour["policy"].encode() if status == 200 else b"not here\r\n"
        body += (b"x: " + b"." * 97 + b"\r\n") * (behaviour["padding"] // 102 if status == 200 else 0)
        head = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}", f"Content-Type: {behaviour['type']}"]
        if behaviour["location"]:
            head.append(f"Location: {behaviour['location']}")
        if behaviour["chunked"]:
            head.append("Transfer-Encoding: chunked")
            body = chunks(body)
        else:
            # One that never ends announces more than it has sent so far.
            head.append(f"Content-Length: {len(body) + (10000 if behaviour['pace'] else 0)}")
        head.append("Connection: close")
        seen["status"] = status
        sock.sendall("".join(f"{line}\r\n" for line in [*head, ""]).encode() + body)
        while behaviour["pace"]:
            time.sleep(behaviour["pace"])
            sock.sendall(b"\n")


def request(sock):
    """Path and Host of a GET request."""
    text = b""
    while b"\r\n\r\n" not in text:
        data = sock.recv(4096)
        if not data or len(text) > REQUEST_LIMIT:
            raise ValueError("no request")
        text += data
    first, *headers = text.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
    method, path, _ = first.split(" ")
    if method != "GET":
        raise ValueError(f"not a GET: {first}")
    fields = (header.partition(":") for header in headers)
    return path, next((value.strip() for name, _, value in fields if name.lower() == "host"), None)


def chunks(body):
    """The body in two chunks, so that one who reads a single one is found out."""
    half = len(body) // 2
    parts = [part for part in (body[:half], body[half:]) if part]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
