//! The first two messages of a TLS 1.2 handshake (RFC 5246 section 7.4.1), made and read by hand.
//!
//! rustls leaves out what OpenSSL still speaks: key exchange by static RSA or finite-field Diffie-Hellman, and ciphers
//! with CBC. What a server answers to a client that offers all of that tells whether Postfix could shake hands with it;
//! nothing after that answer is read, so that nothing is proven.

use serde::{Deserialize, Serialize};

/// The most that is read of a server's answer, in bytes.
pub(super) const ANSWER_BYTES_MAX: usize = 32 * 1024;

/// The longest record, in bytes (RFC 5246 section 6.2.3, with what encryption may add).
const RECORD_MAX: usize = 16_384 + 2048;

/// The longest ServerHello taken, in bytes.
const MESSAGE_MAX: usize = 16_384;

/// TLS 1.2 in a hello.
pub(super) const TLS12: u16 = 0x0303;

/// Content types of records and the type of the message that is waited for.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;

/// Levels and one description of alerts.
const WARNING: u8 = 1;
const CLOSE_NOTIFY: u8 = 0;

/// Stands in the list of ciphers for an empty renegotiation_info (RFC 5746 section 3.3).
const RENEGOTIATION: u16 = 0x00ff;

/// How the two sides come to a key that nobody else has.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyExchange {
    /// Encrypted to the certificate's key: whoever gets that key later can read all that was sent.
    Rsa,
    /// Diffie-Hellman over a finite field, of keys made for the occasion.
    Dhe,
    /// Diffie-Hellman over an elliptic curve, of keys made for the occasion.
    Ecdhe,
}

/// A cipher of TLS 1.2 or before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Cipher {
    number: u16,
    pub(super) exchange: KeyExchange,
    /// Whether rustls speaks it.
    pub(super) common: bool,
    /// OpenSSL's name.
    pub(super) name: &'static str,
}

const fn cipher(number: u16, exchange: KeyExchange, common: bool, name: &'static str) -> Cipher {
    Cipher { number, exchange, common, name }
}

use KeyExchange::{Dhe, Ecdhe, Rsa};

/// What OpenSSL offers with `HIGH`, save for the anonymous; its order, the best first.
const CIPHERS: [Cipher; 44] = [
    cipher(0xc02c, Ecdhe, true, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    cipher(0xc030, Ecdhe, true, "ECDHE-RSA-AES256-GCM-SHA384"),
    cipher(0xcca9, Ecdhe, true, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    cipher(0xcca8, Ecdhe, true, "ECDHE-RSA-CHACHA20-POLY1305"),
    cipher(0xc02b, Ecdhe, true, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    cipher(0xc02f, Ecdhe, true, "ECDHE-RSA-AES128-GCM-SHA256"),
    cipher(0xc024, Ecdhe, false, "ECDHE-ECDSA-AES256-SHA384"),
    cipher(0xc028, Ecdhe, false, "ECDHE-RSA-AES256-SHA384"),
    cipher(0xc023, Ecdhe, false, "ECDHE-ECDSA-AES128-SHA256"),
    cipher(0xc027, Ecdhe, false, "ECDHE-RSA-AES128-SHA256"),
    cipher(0xc00a, Ecdhe, false, "ECDHE-ECDSA-AES256-SHA"),
    cipher(0xc014, Ecdhe, false, "ECDHE-RSA-AES256-SHA"),
    cipher(0xc009, Ecdhe, false, "ECDHE-ECDSA-AES128-SHA"),
    cipher(0xc013, Ecdhe, false, "ECDHE-RSA-AES128-SHA"),
    cipher(0x009f, Dhe, false, "DHE-RSA-AES256-GCM-SHA384"),
    cipher(0xccaa, Dhe, false, "DHE-RSA-CHACHA20-POLY1305"),
    cipher(0xc09f, Dhe, false, "DHE-RSA-AES256-CCM"),
    cipher(0xc053, Dhe, false, "DHE-RSA-ARIA256-GCM-SHA384"),
    cipher(0x009e, Dhe, false, "DHE-RSA-AES128-GCM-SHA256"),
    cipher(0xc09e, Dhe, false, "DHE-RSA-AES128-CCM"),
    cipher(0xc052, Dhe, false, "DHE-RSA-ARIA128-GCM-SHA256"),
    cipher(0x006b, Dhe, false, "DHE-RSA-AES256-SHA256"),
    cipher(0x00c4, Dhe, false, "DHE-RSA-CAMELLIA256-SHA256"),
    cipher(0x0067, Dhe, false, "DHE-RSA-AES128-SHA256"),
    cipher(0x00be, Dhe, false, "DHE-RSA-CAMELLIA128-SHA256"),
    cipher(0x0039, Dhe, false, "DHE-RSA-AES256-SHA"),
    cipher(0x0088, Dhe, false, "DHE-RSA-CAMELLIA256-SHA"),
    cipher(0x0033, Dhe, false, "DHE-RSA-AES128-SHA"),
    cipher(0x0045, Dhe, false, "DHE-RSA-CAMELLIA128-SHA"),
    cipher(0x009d, Rsa, false, "AES256-GCM-SHA384"),
    cipher(0xc09d, Rsa, false, "AES256-CCM"),
    cipher(0xc051, Rsa, false, "ARIA256-GCM-SHA384"),
    cipher(0x009c, Rsa, false, "AES128-GCM-SHA256"),
    cipher(0xc09c, Rsa, false, "AES128-CCM"),
    cipher(0xc050, Rsa, false, "ARIA128-GCM-SHA256"),
    cipher(0x003d, Rsa, false, "AES256-SHA256"),
    cipher(0x00c0, Rsa, false, "CAMELLIA256-SHA256"),
    cipher(0x003c, Rsa, false, "AES128-SHA256"),
    cipher(0x00ba, Rsa, false, "CAMELLIA128-SHA256"),
    cipher(0x0035, Rsa, false, "AES256-SHA"),
    cipher(0x0084, Rsa, false, "CAMELLIA256-SHA"),
    cipher(0x002f, Rsa, false, "AES128-SHA"),
    cipher(0x0041, Rsa, false, "CAMELLIA128-SHA"),
    cipher(0xc0a1, Rsa, false, "AES256-CCM8"),
];

/// Curves: X25519, P-256, X448, P-521, P-384 (RFC 8422 section 5.1.1).
const GROUPS: [u16; 5] = [29, 23, 30, 25, 24];

/// ECDSA, RSA-PSS, RSA and DSA with the digests from SHA-512 to SHA-1 (RFC 5246 section 7.4.1.4.1, RFC 8446 section
/// 4.2.3).
const SIGNATURES: [u16; 19] = [
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601,
    0x0303, 0x0301, 0x0203, 0x0201, 0x0402,
];

/// What a server answers to a ClientHello.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// It goes on with this version and cipher.
    Hello {
        /// 0x0303 for TLS 1.2, less for what is older.
        version: u16,
        /// One of those that were offered.
        cipher: Cipher,
    },
    /// It ends the handshake with an alert of this number (RFC 5246 section 7.2).
    Alert(u8),
}

/// Why what a server sent is no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum HelloError {
    /// No TLS at all, or a record of a kind that does not come here.
    #[error("no TLS record that belongs here")]
    Record,
    /// No ServerHello, or none that answers what was offered.
    #[error("no ServerHello that answers what was offered")]
    Message,
}

/// A ClientHello in a record of its own. `name` is left out where it is no DNS name.
pub(super) fn client_hello(name: &str, random: [u8; 32]) -> Vec<u8> {
    let mut extensions = Vec::new();
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    if !name.is_empty() && name.len() <= 253 && !is_address {
        // server_name (RFC 6066 section 3): one name, of type host_name.
        let entry = [&[0][..], &with_length(name.as_bytes().to_vec())].concat();
        extension(&mut extensions, 0, with_length(entry));
    }
    // supported_groups and ec_point_formats (RFC 8422): all curves, uncompressed points.
    extension(&mut extensions, 10, with_length(numbers(GROUPS)));
    extension(&mut extensions, 11, vec![1, 0]);
    extension(&mut extensions, 13, with_length(numbers(SIGNATURES)));
    // extended_master_secret (RFC 7627).
    extension(&mut extensions, 23, Vec::new());

    let mut body = TLS12.to_be_bytes().to_vec();
    body.extend(random);
    body.push(0);
    body.extend(with_length(numbers(CIPHERS.iter().map(|cipher| cipher.number).chain([RENEGOTIATION]))));
    body.extend([1, 0]);
    body.extend(with_length(extensions));
    // ClientHello(1), its length in three bytes.
    let message = [&[1, 0][..], &with_length(body)].concat();
    [&[HANDSHAKE, 3, 1][..], &with_length(message)].concat()
}

/// Says that no more will come: close_notify.
pub(super) fn goodbye() -> [u8; 7] {
    [ALERT, 3, 3, 0, 2, WARNING, CLOSE_NOTIFY]
}

/// Reads a server's answer from the start of what has come in; `None` when more must come.
///
/// # Errors
/// When it is none.
pub(super) fn answer(input: &[u8]) -> Result<Option<Answer>, HelloError> {
    let mut rest = input;
    let mut message: Vec<u8> = Vec::new();
    loop {
        let Some((head, after)) = rest.split_first_chunk::<5>() else {
            // What cannot become a record need not be waited for.
            let possible = matches!(rest, [] | [ALERT | HANDSHAKE] | [ALERT | HANDSHAKE, 3, ..]);
            return if possible { Ok(None) } else { Err(HelloError::Record) };
        };
        let [kind, major, _, high, low] = *head;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if major != 3 || !(1..=RECORD_MAX).contains(&length) {
            return Err(HelloError::Record);
        }
        let content = after.get(..length);
        match (kind, content) {
            (ALERT, Some([WARNING, description])) if *description != CLOSE_NOTIFY => {}
            (ALERT, Some([_, description])) => return Ok(Some(Answer::Alert(*description))),
            (ALERT, None) if length == 2 => return Ok(None),
            (HANDSHAKE, _) => {
                message.extend(content.unwrap_or(after));
                if let Some(answer) = server_hello(&message)? {
                    return Ok(Some(answer));
                }
                if content.is_none() {
                    return Ok(None);
                }
            }
            _ => return Err(HelloError::Record),
        }
        rest = &after[length..];
    }
}

/// Reads a ServerHello from the start of what the records hold; `None` when more must come.
fn server_hello(message: &[u8]) -> Result<Option<Answer>, HelloError> {
    if message.first().is_some_and(|kind| *kind != SERVER_HELLO) {
        return Err(HelloError::Message);
    }
    let Some((head, rest)) = message.split_first_chunk::<4>() else { return Ok(None) };
    let length = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
    if length > MESSAGE_MAX {
        return Err(HelloError::Message);
    }
    let Some(body) = rest.get(..length) else { return Ok(None) };
    hello_body(body).map(Some).ok_or(HelloError::Message)
}

/// Version, random, session, cipher, compression and, perhaps, extensions.
fn hello_body(body: &[u8]) -> Option<Answer> {
    let (version, rest) = body.split_first_chunk::<2>()?;
    let version = u16::from_be_bytes(*version);
    let (_, rest) = rest.split_first_chunk::<32>()?;
    let (session, rest) = rest.split_first()?;
    let (_, rest) = rest.split_at_checked(usize::from(*session)).filter(|_| *session <= 32)?;
    let (number, rest) = rest.split_first_chunk::<2>()?;
    let number = u16::from_be_bytes(*number);
    let (compression, rest) = rest.split_first()?;
    let whole = match rest.split_first_chunk::<2>() {
        None => rest.is_empty(),
        Some((length, extensions)) => usize::from(u16::from_be_bytes(*length)) == extensions.len(),
    };
    let cipher = CIPHERS.iter().find(|cipher| cipher.number == number)?;
    let offered = (0x0300..=TLS12).contains(&version) && *compression == 0;
    (whole && offered).then_some(Answer::Hello { version, cipher: *cipher })
}

fn extension(extensions: &mut Vec<u8>, kind: u16, content: Vec<u8>) {
    extensions.extend(kind.to_be_bytes());
    extensions.extend(with_length(content));
}

/// Content after its length in two bytes. All that is made here is shorter than a thousand.
fn with_length(content: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], &content].concat()
}

fn numbers(numbers: impl IntoIterator<Item = u16>) -> Vec<u8> {
    numbers.into_iter().flat_map(u16::to_be_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(kind: u8, content: &[u8]) -> Vec<u8> {
        [&[kind, 3, 3][..], &with_length(content.to_vec())].concat()
    }

    fn hello(version: u16, number: u16, extensions: Option<&[u8]>) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.extend([4, 1, 2, 3, 4]);
        body.extend(number.to_be_bytes());
        body.push(0);
        body.extend(extensions.map(|content| with_length(content.to_vec())).unwrap_or_default());
        [&[SERVER_HELLO, 0][..], &with_length(body)].concat()
    }

    fn told(input: &[u8]) -> (u16, &'static str, KeyExchange) {
        match answer(input) {
            Ok(Some(Answer::Hello { version, cipher })) => (version, cipher.name, cipher.exchange),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_what_servers_answer() {
        for (version, number, name, exchange) in [
            (TLS12, 0x002f, "AES128-SHA", Rsa),
            (TLS12, 0x0033, "DHE-RSA-AES128-SHA", Dhe),
            (TLS12, 0xc013, "ECDHE-RSA-AES128-SHA", Ecdhe),
            (0x0301, 0x0035, "AES256-SHA", Rsa),
        ] {
            for extensions in [None, Some(&[][..]), Some(&[0xff, 1, 0, 1, 0][..])] {
                let message = hello(version, number, extensions);
                assert_eq!(told(&record(HANDSHAKE, &message)), (version, name, exchange));
                // In pieces of any size, after a warning, and with the next message behind it.
                for size in [1, 3, 40] {
                    let pieces: Vec<u8> = message.chunks(size).flat_map(|piece| record(HANDSHAKE, piece)).collect();
                    assert_eq!(told(&pieces), (version, name, exchange));
                }
                let warned = [record(ALERT, &[WARNING, 112]), record(HANDSHAKE, &message)].concat();
                assert_eq!(told(&warned), (version, name, exchange));
                let more = record(HANDSHAKE, &[&message[..], &[11, 0, 0, 0]].concat());
                assert_eq!(told(&more), (version, name, exchange));
                for end in 0..pieces_end(&message) {
                    assert_eq!(answer(&record(HANDSHAKE, &message)[..end]), Ok(None), "{end}");
                }
            }
        }
        assert_eq!(answer(&record(ALERT, &[2, 40])), Ok(Some(Answer::Alert(40))));
        assert_eq!(answer(&record(ALERT, &[1, 0])), Ok(Some(Answer::Alert(0))));
    }

    fn pieces_end(message: &[u8]) -> usize {
        message.len() + 5
    }

    #[test]
    fn refuses_what_is_no_answer() {
        let garbage = b"this is no TLS".to_vec();
        let http = b"H".to_vec();
        let empty = record(HANDSHAKE, &[]);
        let huge = record(HANDSHAKE, &[SERVER_HELLO, 0xff, 0xff, 0xff]);
        let certificate = record(HANDSHAKE, &[11, 0, 0, 0]);
        let application = record(23, &[0; 20]);
        let tls13 = record(HANDSHAKE, &hello(0x0304, 0x1301, None));
        let newer = record(HANDSHAKE, &hello(0x0304, 0x002f, None));
        let not_offered = record(HANDSHAKE, &hello(TLS12, 0x0004, None));
        let mut odd_length = hello(TLS12, 0x002f, Some(&[]));
        odd_length.push(0);
        odd_length[3] += 1;
        let odd_length = record(HANDSHAKE, &odd_length);
        for bad in [garbage, http, empty, huge, certificate, application, tls13, newer, not_offered, odd_length] {
            assert!(answer(&bad).is_err(), "{bad:02x?}");
        }
    }

    #[test]
    fn ciphers_stand_there_once() {
        let mut seen = std::collections::HashSet::new();
        assert!(CIPHERS.iter().all(|cipher| seen.insert(cipher.number)));
        assert!(CIPHERS.iter().all(|cipher| !cipher.common || cipher.exchange == Ecdhe));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(input in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = answer(&input);
        }

        #[test]
        fn changed_bytes_are_read_without_panic(
            at in any::<prop::sample::Index>(), byte: u8, end in any::<prop::sample::Index>()
        ) {
            let mut input = record(HANDSHAKE, &hello(TLS12, 0x002f, Some(&[0xff, 1, 0, 1, 0])));
            let at = at.index(input.len());
            input[at] = byte;
            let _ = answer(&input[..end.index(input.len())]);
        }

        #[test]
        fn what_is_sent_is_one_record(name in "[a-z0-9.-]{0,260}", random: [u8; 32]) {
            let sent = client_hello(&name, random);
            prop_assert_eq!(usize::from(u16::from_be_bytes([sent[3], sent[4]])), sent.len() - 5);
            prop_assert_eq!(usize::from(u16::from_be_bytes([sent[7], sent[8]])), sent.len() - 9);
            prop_assert_eq!(&sent[11..43], &random[..]);
        }
    }
}
