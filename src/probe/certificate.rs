//! The few fields of an X.509 certificate that DANE needs (RFC 5280 section 4.1), read without judging the rest.
//!
//! Whether a certificate verifies is WebPKI's business; this only takes it apart, so that a record can be matched
//! against the key of any certificate, of those too that WebPKI refuses (version 1, unknown critical extensions).

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

/// Tags of ASN.1 (X.690).
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// rsaEncryption (RFC 3279 section 2.3.1), as DER without tag and length.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// Parts of a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Certificate<'a> {
    /// The version, counted from 1.
    pub(super) version: u8,
    /// The issuer's name: what is within its SEQUENCE.
    pub(super) issuer: &'a [u8],
    /// The first moment of its validity.
    pub(super) not_before: Timestamp,
    /// The last moment of its validity.
    pub(super) not_after: Timestamp,
    /// The whole SubjectPublicKeyInfo, which selector 1 is about (RFC 6698 section 2.1.2).
    pub(super) key: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Takes a certificate apart; `None` where it is none.
    pub(super) fn parse(der: &'a [u8]) -> Option<Self> {
        let mut outer = Reader(der);
        let mut signed = Reader(outer.expect(SEQUENCE)?.content);
        if !outer.0.is_empty() {
            return None;
        }
        let mut fields = Reader(signed.expect(SEQUENCE)?.content);
        let mut field = fields.next()?;
        let mut version = 1;
        if field.tag == VERSION {
            version = match Reader(field.content).expect(INTEGER)?.content {
                [number @ 0..=2] => number + 1,
                _ => return None,
            };
            field = fields.next()?;
        }
        if field.tag != INTEGER {
            return None;
        }
        fields.expect(SEQUENCE)?;
        let issuer = fields.expect(SEQUENCE)?.content;
        let mut validity = Reader(fields.expect(SEQUENCE)?.content);
        let (not_before, not_after) = (time(&validity.next()?)?, time(&validity.next()?)?);
        fields.expect(SEQUENCE)?;
        let key = fields.expect(SEQUENCE)?.whole;
        Some(Self { version, issuer, not_before, not_after, key })
    }
}

/// What is within a SubjectPublicKeyInfo's SEQUENCE; `None` where it is none.
pub(super) fn key_content(key: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(key);
    let content = reader.expect(SEQUENCE)?.content;
    let mut fields = Reader(content);
    fields.expect(SEQUENCE)?;
    fields.expect(BIT_STRING)?;
    (reader.0.is_empty() && fields.0.is_empty()).then_some(content)
}

/// The length of an RSA key's modulus in bits, given what is within its SubjectPublicKeyInfo's SEQUENCE; `None` for
/// keys of other kinds.
pub(super) fn rsa_bits(content: &[u8]) -> Option<usize> {
    let mut fields = Reader(content);
    let mut algorithm = Reader(fields.expect(SEQUENCE)?.content);
    if algorithm.expect(OBJECT_IDENTIFIER)?.content != RSA {
        return None;
    }
    // The first byte tells how many bits are left over: none.
    let bits = fields.expect(BIT_STRING)?.content.strip_prefix(&[0])?;
    let modulus = Reader(Reader(bits).expect(SEQUENCE)?.content).expect(INTEGER)?.content;
    let first = modulus.iter().position(|byte| *byte != 0)?;
    let leading = modulus.get(first)?.leading_zeros() as usize;
    Some((modulus.len() - first) * 8 - leading)
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` (RFC 5280 section 4.1.2.5).
fn time(element: &Element<'_>) -> Option<Timestamp> {
    let digits = element.content.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |digits: &[u8]| digits.iter().fold(0, |number: i16, digit| number * 10 + i16::from(digit - b'0'));
    let (year, rest) = match (element.tag, digits.len()) {
        (UTC_TIME, 12) => match number(&digits[..2]) {
            year @ 50.. => (1900 + year, &digits[2..]),
            year => (2000 + year, &digits[2..]),
        },
        (GENERALIZED_TIME, 14) => (number(&digits[..4]), &digits[4..]),
        _ => return None,
    };
    let part = |n: usize| i8::try_from(number(&rest[2 * n..2 * n + 2])).ok();
    let date = Date::new(year, part(0)?, part(1)?).ok()?;
    let time = Time::new(part(2)?, part(3)?, part(4)?, 0).ok()?;
    TimeZone::UTC.to_timestamp(DateTime::from_parts(date, time)).ok()
}

/// One element of DER.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
}

/// Elements of DER, one after the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next element, of a length below 16 MiB and a tag of one byte.
    fn next(&mut self) -> Option<Element<'a>> {
        let input = self.0;
        let (tag, rest) = input.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x83 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        self.0 = after;
        Some(Element { tag: *tag, content, whole: &input[..input.len() - after.len()] })
    }

    fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, PublicKeyData};

    fn made() -> (Vec<u8>, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["mx.example".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(1999, 12, 31);
        params.not_after = rcgen::date_time_ymd(2050, 2, 1);
        (params.self_signed(&key).unwrap().der().to_vec(), key.subject_public_key_info())
    }

    #[test]
    fn finds_key_issuer_and_validity() {
        let (der, key) = made();
        let certificate = Certificate::parse(&der).unwrap();
        assert_eq!((certificate.version, certificate.key), (3, &key[..]));
        assert_eq!(certificate.not_before.to_string(), "1999-12-31T00:00:00Z");
        assert_eq!(certificate.not_after.to_string(), "2050-02-01T00:00:00Z");
        assert!(String::from_utf8_lossy(certificate.issuer).contains("rcgen self signed cert"));
        assert_eq!(key_content(&key), Some(&key[2..]));
        assert_eq!(rsa_bits(&key[2..]), None);
    }

    #[test]
    fn measures_rsa_keys() {
        for (modulus, bits) in [(vec![0x00, 0x80, 0, 0], 24), (vec![0x01, 0xff], 9), (vec![0], 0)] {
            let mut number = vec![INTEGER, modulus.len() as u8];
            number.extend(&modulus);
            let mut string = vec![0, SEQUENCE, number.len() as u8];
            string.extend(&number);
            let mut content = vec![SEQUENCE, 11, OBJECT_IDENTIFIER, 9];
            content.extend(RSA);
            content.extend([BIT_STRING, string.len() as u8]);
            content.extend(&string);
            assert_eq!(rsa_bits(&content).unwrap_or(0), bits, "{modulus:?}");
        }
    }

    #[test]
    fn takes_nothing_that_is_cut_short_or_goes_on() {
        let (der, key) = made();
        for end in 0..der.len() {
            assert_eq!(Certificate::parse(&der[..end]), None);
        }
        assert_eq!(Certificate::parse(&[&der[..], &[0]].concat()), None);
        assert_eq!(key_content(&key[..key.len() - 1]), None);
        assert_eq!(key_content(&[&key[..], &[0]].concat()), None);
    }

    proptest! {
        #[test]
        fn never_panics(mut change in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)) {
            let (mut der, mut key) = made();
            for (at, byte) in change.drain(..) {
                let (n, m) = (at.index(der.len()), at.index(key.len()));
                der[n] = byte;
                key[m] = byte;
            }
            if let Some(certificate) = Certificate::parse(&der) {
                prop_assert!(!certificate.key.is_empty());
            }
            let _ = (rsa_bits(&key[2..]), key_content(&key));
        }
    }
}
