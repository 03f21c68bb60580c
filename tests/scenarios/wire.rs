//! Clients of Postfix and of Segl that go one step at a time, so that a test can stand still, or break off, between two.

use crate::support::lab::{Lab, PATIENCE, SmtpResult};
use std::{
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
};

/// Where Segl's sockets are inside the lab.
pub(crate) const MILTER: &str = "/var/spool/postfix/segl/milter.sock";
pub(crate) const SOCKETMAP: &str = "/var/spool/postfix/segl/socketmap.sock";

/// An SMTP client on the mail server itself.
pub(crate) struct Smtp {
    stage: String,
    stream: BufReader<TcpStream>,
}

impl Smtp {
    /// Connects to Postfix and says EHLO.
    pub(crate) fn connect(lab: &Lab) -> Self {
        let stream = lab.in_network("mta", || TcpStream::connect(("127.0.0.1", 25)));
        let stream = stream.unwrap_or_else(|error| panic!("SMTP: {error}"));
        stream.set_read_timeout(Some(PATIENCE)).unwrap_or_else(|error| panic!("SMTP: {error}"));
        let mut smtp = Self { stage: "connect".to_owned(), stream: BufReader::new(stream) };
        let greeting = smtp.reply();
        assert_eq!(greeting.code, Some(220), "{greeting:?}");
        smtp.expect("EHLO client.sender.test", 250);
        smtp
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(line),
        }
    }

    /// The next reply; without a code where the connection broke.
    pub(crate) fn reply(&mut self) -> SmtpResult {
        let mut text = String::new();
        let stage = self.stage.clone();
        loop {
            match self.line() {
                Err(error) => return SmtpResult { stage, code: None, text: error.to_string(), queue_id: None },
                Ok(line) => {
                    text.push_str(line.get(4..).unwrap_or_default().trim_end());
                    if line.as_bytes().get(3) != Some(&b'-') {
                        let code = line.get(..3).and_then(|code| code.parse().ok());
                        let queue_id = text.split_once("queued as ").map(|(_, id)| id.trim().to_owned());
                        return SmtpResult { stage, code, text, queue_id };
                    }
                    text.push('\n');
                }
            }
        }
    }

    /// Sends what is not answered, or not now.
    pub(crate) fn say(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap_or_else(|error| panic!("SMTP: {error}"));
    }

    /// Sends a command: the reply.
    pub(crate) fn command(&mut self, command: &str) -> SmtpResult {
        self.stage = command.split([' ', ':']).next().unwrap_or_default().to_owned();
        self.say(&format!("{command}\r\n"));
        self.reply()
    }

    fn expect(&mut self, command: &str, code: u16) {
        let reply = self.command(command);
        assert_eq!(reply.code, Some(code), "{command}: {reply:?}");
    }

    /// Sends a message but for the dot at its end.
    pub(crate) fn begin(&mut self, to: &str, subject: &str, body: &str) {
        self.expect("MAIL FROM:<anna@sender.test>", 250);
        self.expect(&format!("RCPT TO:<{to}>"), 250);
        self.expect("DATA", 354);
        self.say(&format!("From: <anna@sender.test>\r\nTo: <{to}>\r\nSubject: {subject}\r\n\r\n{body}\r\n"));
    }

    /// Ends the message, without waiting for what comes of it.
    pub(crate) fn dot(&mut self) {
        self.stage = "end-of-message".to_owned();
        self.say(".\r\n");
    }

    /// Sends a whole message.
    pub(crate) fn send(&mut self, to: &str, subject: &str, body: &str) -> SmtpResult {
        self.begin(to, subject, body);
        self.dot();
        self.reply()
    }
}

/// A milter client: what Postfix is to Segl, or what is not Postfix at all.
pub(crate) struct MilterClient(pub(crate) UnixStream);

/// One packet of the milter protocol.
pub(crate) fn packet(command: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len() + 1).unwrap_or_else(|error| panic!("packet: {error}"));
    [&length.to_be_bytes()[..], &[command], data].concat()
}

/// The offer with which Postfix begins: version 6, every action, options.
pub(crate) fn offer() -> Vec<u8> {
    // Not the options by which a step has no reply: this client waits for each.
    packet(b'O', &[6_u32, 0x1ff, 0x10_0f7f].map(u32::to_be_bytes).concat())
}

impl MilterClient {
    pub(crate) fn connect(lab: &Lab) -> Self {
        let stream = UnixStream::connect(lab.file(MILTER)).unwrap_or_else(|error| panic!("milter: {error}"));
        stream.set_read_timeout(Some(PATIENCE)).unwrap_or_else(|error| panic!("milter: {error}"));
        Self(stream)
    }

    /// Connects and negotiates.
    pub(crate) fn negotiated(lab: &Lab) -> Self {
        let mut client = Self::connect(lab);
        client.write(&offer());
        assert_eq!(client.reply().0, b'O');
        client
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap_or_else(|error| panic!("milter: {error}"));
    }

    /// The next reply: its letter and its data.
    pub(crate) fn reply(&mut self) -> (u8, Vec<u8>) {
        let mut read = || -> io::Result<Vec<u8>> {
            let mut length = [0; 4];
            self.0.read_exact(&mut length)?;
            let mut reply = vec![0; u32::from_be_bytes(length) as usize];
            self.0.read_exact(&mut reply)?;
            Ok(reply)
        };
        let reply = read().unwrap_or_else(|error| panic!("milter: no reply: {error}"));
        (reply[0], reply[1..].to_vec())
    }

    /// Sends a command that is to be answered with "continue".
    pub(crate) fn go_on(&mut self, command: u8, data: &[u8]) {
        self.write(&packet(command, data));
        let reply = self.reply();
        assert_eq!(reply.0, b'c', "{}: {}", char::from(command), reply.1.escape_ascii());
    }

    /// Brings a message as far as its first piece of body, which is to follow.
    pub(crate) fn begin(&mut self, queue_id: &str, to: &str) {
        self.go_on(b'C', b"client.sender.test\x004\x00\x19127.0.0.1\0");
        self.go_on(b'M', b"<anna@sender.test>\0");
        let domain = to.rsplit('@').next().unwrap_or_default();
        let macros = format!("Ri\0{queue_id}\0{{rcpt_addr}}\0{to}\0{{rcpt_host}}\0{domain}\0{{rcpt_mailer}}\0smtp\0");
        self.write(&packet(b'D', macros.as_bytes()));
        self.go_on(b'R', format!("<{to}>\0").as_bytes());
        self.write(&packet(b'D', format!("Ti\0{queue_id}\0").as_bytes()));
        self.go_on(b'T', b"");
        self.go_on(b'L', b"Subject\0Journal\0");
        self.go_on(b'N', b"");
    }
}

/// A socketmap client.
pub(crate) struct Socketmap(pub(crate) UnixStream);

impl Socketmap {
    pub(crate) fn connect(lab: &Lab) -> Self {
        let stream = UnixStream::connect(lab.file(SOCKETMAP)).unwrap_or_else(|error| panic!("socketmap: {error}"));
        stream.set_read_timeout(Some(PATIENCE)).unwrap_or_else(|error| panic!("socketmap: {error}"));
        Self(stream)
    }

    /// Asks for a next-hop.
    pub(crate) fn ask(&mut self, key: &str) -> String {
        ask(&mut self.0, key)
    }
}

/// Asks for a next-hop on a connection to the socketmap.
pub(crate) fn ask(stream: &mut (impl Read + Write), key: &str) -> String {
    let request = format!("tls {key}");
    let mut exchange = || -> io::Result<String> {
        stream.write_all(format!("{}:{request},", request.len()).as_bytes())?;
        let (mut length, mut byte) = (String::new(), [0]);
        loop {
            stream.read_exact(&mut byte)?;
            match byte[0] {
                b':' => break,
                digit => length.push(digit.into()),
            }
        }
        let mut reply = vec![0; length.parse::<usize>().map_err(io::Error::other)? + 1];
        stream.read_exact(&mut reply)?;
        assert_eq!(reply.pop(), Some(b','));
        String::from_utf8(reply).map_err(io::Error::other)
    };
    exchange().unwrap_or_else(|error| panic!("socketmap: {key}: {error}"))
}

/// Reads until the other side closes: what it said before.
pub(crate) fn until_closed(stream: &mut UnixStream) -> Vec<u8> {
    let mut heard = Vec::new();
    match stream.read_to_end(&mut heard) {
        // What was sent and not read any more makes the kernel say "reset" instead of "end".
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("the connection stays open: {error}"),
        _ => heard,
    }
}
