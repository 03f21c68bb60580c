#!/usr/bin/python3
"""The lab's recipient servers: every server of internet.py on its own address, and the policy hosts (see policies.py), in
one process.

    recipients.py STATE PKI CONTROL

Under STATE it writes, per server,
    received/SERVER.jsonl   one line per message, written before its 250: server, time, connection, peer, helo, from,
                            to, parameters, tls (null in the clear), cipher, sni, data (one character per byte)
    sessions/SERVER.jsonl   one line per finished connection: began, at_once (how many were open when it began, itself
                            included), peer, helo, tls, cipher, sni, commands, messages, error
    clear/SERVER/N          every byte that connection N sent outside TLS, as it came

CONTROL is a UNIX socket; one JSON object in, one out:
    {"server": "switch", "set": {"starttls": "none"}}   takes effect for every later EHLO
    {"server": "switch", "drop": true}                  closes its open connections
    {"server": "switch"}                                shows its behaviour

What can be set: starttls (offer, none, refuse, close, garbage, inject, wrap), tls ([least, greatest]), ciphers, cert
(self, ca, wrong-name, chain, chain-wrong-name, expired, rsa), greeting ("220", "never", "flood", "stream", or a whole
reply), extensions (["REQUIRETLS"]: further lines of EHLO), wait (seconds before the greeting), listen, replies
({"RCPT": "450 4.2.1 busy"}; EHLO, MAIL, RCPT, DATA, END), and delay (seconds before each reply).
"""

import contextlib
import json
import socket
import sys
import threading
import time
from pathlib import Path

from hosts import Host, Listeners
from internet import POLICIES, SERVERS
from policies import PolicyHost

LINE_LIMIT = 65536
MESSAGE_LIMIT = 64 * 1024 * 1024
IDLE = 120  # seconds
FLOODS = {"flood": b"220-mail and more mail\r\n" * 512, "stream": b"220-" + b"mail" * 4096}


class Quit(Exception):
    """The client is done, or is made to be."""


class Server(Host):
    """One recipient server: its behaviour and its records."""

    choices = {**Host.choices, "starttls": {"offer", "none", "refuse", "close", "garbage", "inject", "wrap"}}

    def __init__(self, name, table, state, pki):
        self.host = table.hosts[0]
        behaviour = {
            "starttls": table.starttls,
            "tls": list(table.tls),
            "ciphers": table.ciphers,
            "cert": table.cert,
            "greeting": table.greeting,
            "wait": table.wait,
            "listen": table.listen,
            "replies": dict(table.replies),
            "delay": 0,
            "extensions": [],
        }
        super().__init__(name, table.address, table.port, pki, behaviour)
        self.received = open(state / "received" / f"{name}.jsonl", "a", encoding="ascii")
        self.sessions = open(state / "sessions" / f"{name}.jsonl", "a", encoding="ascii")
        self.clear = state / "clear" / name
        self.clear.mkdir(exist_ok=True)

    def serve(self, sock, peer):
        Connection(self, sock, peer).run()


class Connection:
    """One SMTP session."""

    def __init__(self, server, sock, peer):
        self.server, self.sock, self.peer, self.began = server, sock, peer, time.time()
        self.number, self.at_once = server.begin(sock)
        self.clear = open(server.clear / str(self.number), "ab", buffering=0)
        self.buffer = b""
        self.helo = self.tls = self.cipher = self.sni = self.error = None
        self.commands, self.messages = [], 0
        self.reset()

    def reset(self):
        self.sender, self.parameters, self.recipients = None, [], []

    def run(self):
        try:
            self.sock.settimeout(IDLE)
            self.talk()
        except Quit:
            pass
        except (OSError, ValueError) as error:
            self.error = str(error)
        finally:
            self.server.end(self.number)
            with contextlib.suppress(OSError):
                self.sock.close()
            self.clear.close()
            self.server.record(
                self.server.sessions,
                connection=self.number,
                began=self.began,
                at_once=self.at_once,
                peer=self.peer,
                helo=self.helo,
                tls=self.tls,
                cipher=self.cipher,
                sni=self.sni,
                commands=self.commands,
                messages=self.messages,
                error=self.error,
            )

    def fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise Quit
        if self.tls is None:
            self.clear.write(data)
        self.buffer += data

    def line(self):
        while b"\n" not in self.buffer:
            if len(self.buffer) > LINE_LIMIT:
                raise ValueError("line too long")
            self.fill()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r")

    def reply(self, *lines):
        if self.server.behaviour["delay"]:
            time.sleep(self.server.behaviour["delay"])
        code = lines[0][:3]
        texts = [lines[0][4:], *lines[1:]]
        out = [f"{code}{'-' if i + 1 < len(texts) else ' '}{text}\r\n" for i, text in enumerate(texts)]
        self.sock.sendall("".join(out).encode())

    def override(self, verb, default):
        self.reply(self.server.behaviour["replies"].get(verb, default))
        return verb not in self.server.behaviour["replies"]

    def talk(self):
        greeting = self.server.behaviour["greeting"]
        if self.server.behaviour["starttls"] == "wrap":
            self.handshake()
        time.sleep(self.server.behaviour["wait"])
        if greeting == "never":
            while True:
                self.fill()
        if greeting in FLOODS:
            while True:
                self.sock.sendall(FLOODS[greeting])
                time.sleep(0.001)  # the machine has other work
        if greeting != "220":
            self.reply(greeting)
            raise Quit
        self.reply(f"220 {self.server.host} ESMTP")
        while True:
            line = self.line().decode("utf-8", "surrogateescape")
            verb, _, rest = line.partition(" ")
            verb = verb.upper()
            self.commands.append(verb if verb.isalnum() else "?")
            handler = getattr(self, f"on_{verb.lower()}", None) if verb.isalpha() else None
            if handler is None:
                self.reply("502 5.5.2 no such command")
            else:
                handler(rest.strip())

    def on_ehlo(self, rest):
        self.helo = rest
        self.reset()
        if "EHLO" in self.server.behaviour["replies"]:
            return self.reply(self.server.behaviour["replies"]["EHLO"])
        lines = [f"250 {self.server.host}", "PIPELINING", f"SIZE {MESSAGE_LIMIT}", "8BITMIME", "SMTPUTF8"]
        lines.append("ENHANCEDSTATUSCODES")
        lines.extend(self.server.behaviour["extensions"])
        if self.tls is None and self.server.behaviour["starttls"] not in ("none", "wrap"):
            lines.append("STARTTLS")
        return self.reply(*lines)

    def on_helo(self, rest):
        self.helo = rest
        self.reset()
        self.reply(f"250 {self.server.host}")

    def on_starttls(self, _):
        how = self.server.behaviour["starttls"]
        if how in ("none", "wrap") or self.tls is not None:
            return self.reply("502 5.5.1 no such command")
        if how == "refuse":
            return self.reply("454 4.7.0 TLS not available for now")
        if how == "inject":
            # One write: a client that reads on in the clear takes the second line for an answer of the protected session.
            self.sock.sendall(b"220 2.0.0 go ahead\r\n250 2.0.0 injected\r\n")
        else:
            self.reply("220 2.0.0 go ahead")
        if how == "close":
            raise Quit
        if how == "garbage":
            self.sock.sendall(b"this is no handshake\r\n" * 8)
            while True:
                self.fill()
        return self.handshake()

    def handshake(self):
        self.buffer = b""  # what came before the handshake is not of the protected session (RFC 3207, section 4.2)
        self.sock = self.server.context().wrap_socket(self.sock, server_side=True)
        with self.server.lock:
            self.server.connections[self.number] = self.sock
        self.tls, self.cipher = self.sock.version(), self.sock.cipher()[0]
        self.sni = getattr(self.sock, "requested", None)
        self.helo = None
        self.reset()

    @staticmethod
    def path(rest, word):
        """The address and the parameters of `FROM:<address> PARAMETER…`."""
        if not rest.upper().startswith(word):
            return None
        rest = rest[len(word) :].strip()
        if not rest.startswith("<") or ">" not in rest:
            return None
        address, _, parameters = rest[1:].rpartition(">")
        return address, parameters.split()

    def on_mail(self, rest):
        parsed = self.path(rest, "FROM:")
        if parsed is None:
            return self.reply("501 5.5.4 MAIL FROM:<address>")
        if self.override("MAIL", "250 2.1.0 ok"):
            self.sender, self.parameters = parsed

    def on_rcpt(self, rest):
        parsed = self.path(rest, "TO:")
        if parsed is None or self.sender is None:
            return self.reply("503 5.5.1 MAIL first, then RCPT TO:<address>")
        if self.override("RCPT", "250 2.1.5 ok"):
            self.recipients.append(parsed[0])

    def on_data(self, _):
        if not self.recipients:
            return self.reply("554 5.5.1 no valid recipients")
        if not self.override("DATA", "354 go ahead"):
            return None
        scanned = 0
        while not self.buffer.startswith(b".\r\n") and (end := self.buffer.find(b"\r\n.\r\n", scanned)) < 0:
            if len(self.buffer) > MESSAGE_LIMIT:
                raise ValueError("message too long")
            scanned = max(0, len(self.buffer) - 4)
            self.fill()
        if self.buffer.startswith(b".\r\n"):
            data, self.buffer = b"", self.buffer[3:]
        else:
            data, self.buffer = self.buffer[: end + 2], self.buffer[end + 5 :]
        data = data.replace(b"\r\n.", b"\r\n")
        if data.startswith(b"."):
            data = data[1:]
        if "END" not in self.server.behaviour["replies"]:
            self.messages += 1
            self.server.record(
                self.server.received,
                connection=self.number,
                peer=self.peer,
                helo=self.helo,
                **{"from": self.sender},
                to=self.recipients,
                parameters=self.parameters,
                tls=self.tls,
                cipher=self.cipher,
                sni=self.sni,
                data=data.decode("latin-1"),
            )
        self.override("END", f"250 2.0.0 kept as {self.number}.{self.messages}")
        self.reset()
        return None

    def on_rset(self, _):
        self.reset()
        self.reply("250 2.0.0 ok")

    def on_noop(self, _):
        self.reply("250 2.0.0 ok")

    def on_vrfy(self, _):
        self.reply("252 2.5.0 try it")

    def on_quit(self, _):
        self.reply("221 2.0.0 bye")
        raise Quit


class Internet:
    """All servers and policy hosts."""

    def __init__(self, state, pki):
        for directory in ("received", "sessions", "clear", "fetches"):
            (state / directory).mkdir(exist_ok=True)
        self.hosts = {name: Server(name, table, state, pki) for name, table in SERVERS.items()}
        self.hosts |= {name: PolicyHost(name, table, state, pki) for name, table in POLICIES.items()}
        self.listeners = Listeners(self.hosts)

    def command(self, request):
        server = self.hosts[request["server"]]
        if "set" in request:
            server.change(request["set"])
            self.listeners.update()
        if request.get("drop"):
            with server.lock:
                for sock in server.connections.values():
                    with contextlib.suppress(OSError):
                        sock.shutdown(socket.SHUT_RDWR)
        return {"behaviour": server.behaviour, "connections": len(server.connections)}

    def control(self, path):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(16)
            while True:
                sock, _ = listener.accept()
                with sock, sock.makefile("rw") as stream:
                    try:
                        answer = self.command(json.loads(stream.readline()))
                    except (KeyError, TypeError, ValueError, OSError) as error:
                        answer = {"error": f"{type(error).__name__}: {error}"}
                    with contextlib.suppress(OSError):
                        stream.write(json.dumps(answer) + "\n")
                        stream.flush()


def main():
    state, pki, control = sys.argv[1:]
    threading.stack_size(512 * 1024)
    internet = Internet(Path(state), Path(pki))
    internet.listeners.update()
    threading.Thread(target=internet.control, args=(control,), daemon=True).start()
    internet.listeners.accept()


if __name__ == "__main__":
    main()
