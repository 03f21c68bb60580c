"""What recipient servers and policy hosts have in common: a behaviour that can be changed, certificates, records."""

import json
import selectors
import socket
import ssl
import threading
import time
import warnings
from pathlib import Path

from internet import CERTS

VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


class Host:
    """One server at one address. A subclass says what a connection to it is (`serve`)."""

    choices = {"cert": set(CERTS)}

    def __init__(self, name, address, port, pki, behaviour):
        self.name, self.address, self.port, self.pki = name, address, port, pki
        self.behaviour = behaviour
        self.lock = threading.Lock()
        self.connections = {}
        self.count = 0
        self.contexts = {}

    def serve(self, sock, peer):
        raise NotImplementedError

    def begin(self, sock):
        """Counts a connection: its number, and how many are open with it."""
        with self.lock:
            self.count += 1
            self.connections[self.count] = sock
            return self.count, len(self.connections)

    def end(self, number):
        with self.lock:
            self.connections.pop(number, None)

    def context(self):
        least, greatest = self.behaviour["tls"]
        key = (least, greatest, self.behaviour["cert"], self.behaviour["ciphers"])
        with self.lock:
            if key not in self.contexts:
                self.contexts[key] = self.make_context(*key)
            return self.contexts[key]

    def make_context(self, least, greatest, cert, ciphers):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = VERSIONS[least]
            context.maximum_version = VERSIONS[greatest]
        if ciphers:
            context.set_ciphers(ciphers)
        elif greatest in ("1.0", "1.1"):
            # These need SHA-1 in their handshake, which OpenSSL 3 allows at level 0 only.
            context.set_ciphers("ALL:@SECLEVEL=0")
        if ciphers.startswith("DHE"):
            context.load_dh_params(Path(__file__).with_name("ffdhe2048.pem"))  # of RFC 7919
        context.load_cert_chain(self.pki / f"{cert}.pem", self.pki / ("rsa.key" if cert == "rsa" else "server.key"))
        context.sni_callback = self.on_sni
        return context

    @staticmethod
    def on_sni(sock, name, _):
        sock.requested = name

    def change(self, settings):
        wrong = [
            key
            for key, value in settings.items()
            if key not in self.behaviour or (key in self.choices and value not in self.choices[key])
        ]
        if wrong:
            raise ValueError(f"cannot set {', '.join(wrong)}")
        with self.lock:
            self.behaviour.update(settings)

    def record(self, stream, **fields):
        line = json.dumps({"server": self.name, "time": time.time(), **fields}) + "\n"
        with self.lock:
            stream.write(line)
            stream.flush()


class Listeners:
    """The sockets that hosts listen on, opened and closed as their behaviours say."""

    def __init__(self, hosts):
        self.hosts = hosts
        self.selector = selectors.DefaultSelector()
        self.sockets = {}
        self.lock = threading.Lock()

    def update(self):
        with self.lock:
            for name, host in self.hosts.items():
                if host.behaviour["listen"] and name not in self.sockets:
                    family = socket.AF_INET6 if ":" in host.address else socket.AF_INET
                    sock = socket.create_server((host.address, host.port), family=family, backlog=1024)
                    sock.setblocking(False)
                    self.sockets[name] = sock
                    self.selector.register(sock, selectors.EVENT_READ, host)
                elif not host.behaviour["listen"] and name in self.sockets:
                    sock = self.sockets.pop(name)
                    self.selector.unregister(sock)
                    sock.close()

    def accept(self):
        while True:
            for key, _ in self.selector.select():
                try:
                    sock, peer = key.fileobj.accept()
                except OSError:
                    continue
                sock.setblocking(True)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=key.data.serve, args=(sock, peer[0]), daemon=True).start()
