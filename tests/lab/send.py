#!/usr/bin/python3
"""An SMTP client that shows every reply, and with --json the last one as an object."""

import argparse
import json
import re
import socket
import sys
import threading
import time


class Refused(Exception):
    """The server answered with another code than the step needs: code, text."""


class Session:
    """One SMTP connection."""

    def __init__(self, server, show):
        self.show, self.buffer, self.code, self.text = show, b"", None, ""
        self.stage = "connect"
        self.sock = socket.create_connection((server, 25), timeout=320)
        self.expect("2")

    def expect(self, *first):
        lines = []
        while True:
            while b"\n" not in self.buffer:
                data = self.sock.recv(65536)
                if not data:
                    raise ConnectionError("connection closed by the server")
                self.buffer += data
            line, self.buffer = self.buffer.split(b"\n", 1)
            line = line.rstrip(b"\r").decode("utf-8", "replace")
            self.say("<", line)
            lines.append(line[4:])
            if line[3:4] != "-":
                break
        self.code, self.text = int(line[:3]), "\n".join(lines)
        if line[:1] not in first:
            raise Refused(self.code, self.text)

    def say(self, mark, text):
        if self.show:
            print(mark, text)

    def command(self, line, *first):
        self.stage = line.split(" ")[0].split(":")[0]
        self.say(">", line)
        self.sock.sendall(line.encode() + b"\r\n")
        self.expect(*first)

    def deliver(self, sender, recipients, data, smtputf8):
        parameters = " SMTPUTF8 BODY=8BITMIME" if smtputf8 else " BODY=8BITMIME"
        self.command(f"MAIL FROM:<{sender}>{parameters}", "2")
        for recipient in recipients:
            self.command(f"RCPT TO:<{recipient}>", "2")
        self.command("DATA", "3")
        self.stage = "end-of-message"
        data = re.sub(rb"\r?\n", b"\r\n", data)
        data = re.sub(rb"(?m)^\.", b"..", data)
        self.sock.sendall(data + (b"" if data.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        self.expect("2")

    def quit(self):
        self.sock.sendall(b"QUIT\r\n")
        self.sock.close()


def compose(arguments):
    """The message, header and all; headers are raw UTF-8 where the text is."""
    if arguments.file:
        return sys.stdin.buffer.read() if arguments.file == "-" else open(arguments.file, "rb").read()
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
    subject = arguments.subject
    if not subject.isascii():
        from email.header import Header

        subject = Header(subject, "utf-8").encode()
    return (
        f"From: <{arguments.sender}>\r\nTo: {', '.join(f'<{to}>' for to in arguments.to)}\r\nDate: {date}\r\n"
        f"Message-ID: <{time.time_ns()}@client.sender.test>\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{arguments.body}\r\n"
    ).encode()


def send(arguments, data, show, count):
    """Sends `count` messages over one connection; the result of the last, or of the first that is refused."""
    addresses = [arguments.sender, *arguments.to]
    session = None
    result = {"stage": "connect", "code": None, "text": "", "queue_id": None}
    try:
        session = Session(arguments.server, show)
        session.command(f"EHLO {arguments.helo}", "2")
        for _ in range(count):
            session.deliver(arguments.sender, arguments.to, data, not all(map(str.isascii, addresses)))
        result["stage"] = session.stage
    except Refused as refused:
        code, text = refused.args
        return result | {"stage": session.stage if session else "connect", "code": code, "text": text}
    except OSError as error:
        return result | {"stage": session.stage if session else "connect", "text": str(error)}
    result |= {"code": session.code, "text": session.text}
    if found := re.search(r"queued as (\S+)", session.text):
        result["queue_id"] = found[1]
    session.quit()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="sender", default="anna@sender.test", metavar="ADDRESS")
    parser.add_argument("--to", action="append", metavar="ADDRESS", help="repeat for more (default: bo@sender.test)")
    parser.add_argument("--subject", default="A message")
    parser.add_argument("--body", default="Hello.")
    parser.add_argument("--file", help="a whole message instead of subject and body; - is standard input")
    parser.add_argument("--helo", default="client.sender.test")
    parser.add_argument("--server", default="127.0.0.1", help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, default=1, help="messages per connection")
    parser.add_argument("--sessions", type=int, default=1, help="connections at once")
    parser.add_argument("--json", action="store_true", help="one line: stage, code (null: none came), text, queue_id")
    arguments = parser.parse_args()
    arguments.to = arguments.to or ["bo@sender.test"]
    data = compose(arguments)
    show = not arguments.json and arguments.sessions == 1

    results = []
    threads = [
        threading.Thread(target=lambda: results.append(send(arguments, data, show, arguments.count)))
        for _ in range(arguments.sessions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    worst = max(results, key=lambda result: result["code"] or 999)
    if arguments.json:
        print(json.dumps(worst))
    elif not show or worst["code"] is None:
        print(worst["code"], worst["text"])
    sys.exit(0 if worst["code"] and worst["code"] < 400 else 1)


if __name__ == "__main__":
    main()
