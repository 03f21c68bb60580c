//! Office Open XML in encrypted form ([MS-OFFCRYPTO] 2.3.4). Excel tries a password of its own by itself, so that a
//! package which has that one is open to everyone, and is read.

use super::{
    DEFAULT_PASSWORD, PASSWORD,
    compound::{Compound, Id},
};
use crate::{
    documents::{
        little_endian::{bytes_at, size_at, u16_at, u32_at},
        xml::{Element, Node, walk},
    },
    message::{Attachment, Fault, Reading, base64},
};
use aes::{
    Aes128, Aes192, Aes256,
    cipher::{Array, BlockCipherDecrypt, KeyInit},
};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

/// Bytes of a block of AES.
const BLOCK: usize = 16;

/// Bytes of the package that have an initialization vector of their own (2.3.4.15).
const SEGMENT: usize = 4096;

/// How often a password may be hashed (2.3.4.10).
const MAX_SPINS: u32 = 10_000_000;

/// How often standard encryption hashes a password (2.3.4.7).
const STANDARD_SPINS: u32 = 50_000;

/// Rounds of hashing between two looks at the clock.
const STEP: u32 = 8192;

/// Bytes of the length that stands before the package.
const LENGTH: usize = 8;

/// The longest EncryptionInfo that is looked at, in bytes; programs write about two thousand.
const MAX_INFO: usize = 1024 * 1024;

/// What the package's key is hashed with for each purpose (2.3.4.13).
const VERIFIER_INPUT: [u8; 8] = [0xfe, 0xa7, 0xd2, 0x76, 0x3b, 0x4b, 0x9e, 0x79];
const VERIFIER_VALUE: [u8; 8] = [0xd7, 0xaa, 0x0f, 0x6d, 0x30, 0x61, 0x34, 0x4e];
const KEY_VALUE: [u8; 8] = [0x14, 0x6e, 0x0b, 0xe7, 0xab, 0xac, 0xd0, 0xd6];

/// Reads the package in a storage, if it has no other password than Excel's own.
pub(super) fn read(compound: &Compound<'_>, storage: Id, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let info = compound.stream_named(storage, "EncryptionInfo")?.unwrap_or_default();
    let package = compound.stream_named(storage, "EncryptedPackage")?.unwrap_or_default();
    let bytes = decrypt(&info, &package, place, reading)?;
    // A file of its own, since an encrypted package may hold another.
    Ok(reading.attachment(&Attachment { place, name: None, media_type: None, charset: None, bytes: &bytes })?)
}

/// Decrypts the stream `package` as `info` says.
///
/// # Errors
/// `Protected` where the password is another one; `Unreadable` where it cannot be tried.
fn decrypt(info: &[u8], package: &[u8], place: &str, reading: &mut Reading<'_>) -> Result<Vec<u8>, Fault> {
    let version = u16_at(info, 0).zip(u16_at(info, 2));
    let bytes = match version {
        Some((4, 4)) => Agile::of(info, place, reading)?.decrypt(package, place, reading)?,
        Some((2..=4, 2)) => standard(info, package, place, reading)?,
        _ => return Err(unknown("version")),
    };
    let length = size_at(package, 0).filter(|_| u32_at(package, 4) == Some(0)).unwrap_or(usize::MAX);
    let mut bytes = bytes;
    bytes.truncate(length);
    Ok(bytes)
}

fn protected() -> Fault {
    Fault::Protected(PASSWORD.to_owned())
}

fn unknown(what: &str) -> Fault {
    Fault::Unreadable(format!("it is encrypted, and its {what} is not known"))
}

/// The password and a salt, hashed again and again.
fn spin(hash: Hash, salt: &[u8], spins: u32, place: &str, reading: &mut Reading<'_>) -> Result<Vec<u8>, Fault> {
    let password: Vec<u8> = DEFAULT_PASSWORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut digest = hash.of(&[salt, &password]);
    for round in 0..spins {
        if round % STEP == 0 {
            reading.clock(place)?;
        }
        digest = hash.of(&[&round.to_le_bytes(), &digest]);
    }
    Ok(digest)
}

/// A hash function (2.3.4.10, ST_HashAlgorithm).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "MD5" => Self::Md5,
            "SHA1" | "SHA-1" => Self::Sha1,
            "SHA256" | "SHA-256" => Self::Sha256,
            "SHA384" | "SHA-384" => Self::Sha384,
            "SHA512" | "SHA-512" => Self::Sha512,
            _ => return None,
        })
    }

    /// The hash of parts, one after another.
    fn of(self, parts: &[&[u8]]) -> Vec<u8> {
        fn digest<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
            let mut digest = D::new();
            parts.iter().for_each(|part| digest.update(part));
            digest.finalize().to_vec()
        }
        match self {
            Self::Md5 => digest::<Md5>(parts),
            Self::Sha1 => digest::<Sha1>(parts),
            Self::Sha256 => digest::<Sha256>(parts),
            Self::Sha384 => digest::<Sha384>(parts),
            Self::Sha512 => digest::<Sha512>(parts),
        }
    }
}

/// Decryption with AES. Bytes after the last whole block are left out.
enum Cipher {
    Aes128(Box<Aes128>),
    Aes192(Box<Aes192>),
    Aes256(Box<Aes256>),
}

impl Cipher {
    /// `None` where no AES has keys of this length.
    fn new(key: &[u8]) -> Option<Self> {
        Some(match key.len() {
            16 => Self::Aes128(Box::new(Aes128::new_from_slice(key).ok()?)),
            24 => Self::Aes192(Box::new(Aes192::new_from_slice(key).ok()?)),
            32 => Self::Aes256(Box::new(Aes256::new_from_slice(key).ok()?)),
            _ => return None,
        })
    }

    fn block(&self, block: &[u8; BLOCK]) -> [u8; BLOCK] {
        let mut block = Array::from(*block);
        match self {
            Self::Aes128(cipher) => cipher.decrypt_block(&mut block),
            Self::Aes192(cipher) => cipher.decrypt_block(&mut block),
            Self::Aes256(cipher) => cipher.decrypt_block(&mut block),
        }
        block.into()
    }

    /// Every block by itself.
    fn codebook(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.as_chunks::<BLOCK>().0.iter().flat_map(|block| self.block(block)).collect()
    }

    /// Every block with the one before it.
    fn chained(&self, vector: &[u8], bytes: &[u8], decrypted: &mut Vec<u8>) {
        let mut before: [u8; BLOCK] = fitted(vector, BLOCK).try_into().unwrap_or_default();
        for block in bytes.as_chunks::<BLOCK>().0 {
            decrypted.extend(self.block(block).iter().zip(before).map(|(byte, before)| byte ^ before));
            before = *block;
        }
    }
}

/// A hash, cut or filled up to a length (2.3.4.11).
fn fitted(hash: &[u8], length: usize) -> Vec<u8> {
    hash.iter().copied().chain(std::iter::repeat(0x36)).take(length).collect()
}

/// How something is encrypted: the package itself, or its key with the password.
#[derive(Default)]
struct Way {
    salt: Vec<u8>,
    hash: Option<Hash>,
    hash_length: usize,
    key_length: usize,
    is_known: bool,
}

impl Way {
    fn of(element: &Element<'_>) -> Self {
        let attribute = |name: &str| element.attribute(name).unwrap_or_default();
        let number = |name: &str| attribute(name).parse::<usize>().unwrap_or(0);
        Self {
            salt: base64(attribute("saltValue").as_bytes()).0,
            hash: Hash::named(&attribute("hashAlgorithm")),
            hash_length: number("hashSize"),
            key_length: number("keyBits") / 8,
            is_known: attribute("cipherAlgorithm") == "AES"
                && attribute("cipherChaining") == "ChainingModeCBC"
                && number("blockSize") == BLOCK,
        }
    }

    fn hash(&self) -> Result<Hash, Fault> {
        self.hash.filter(|_| self.is_known).ok_or_else(|| unknown("way"))
    }
}

/// Agile encryption (2.3.4.10): an XML document says how.
#[derive(Default)]
struct Agile {
    package: Way,
    password: Way,
    spins: u32,
    verifier_input: Vec<u8>,
    verifier_value: Vec<u8>,
    key_value: Vec<u8>,
}

impl Agile {
    fn of(info: &[u8], place: &str, reading: &mut Reading<'_>) -> Result<Self, Fault> {
        let xml = info.get(8..).filter(|xml| xml.len() <= MAX_INFO).ok_or_else(|| unknown("way"))?;
        let mut agile = Self::default();
        walk(xml, place, reading, |node, _| {
            let Node::Open(element) = node else { return Ok(()) };
            match element.name() {
                "keyData" => agile.package = Way::of(element),
                "encryptedKey" if element.attribute("encryptedKeyValue").is_some() => {
                    let bytes = |name: &str| base64(element.attribute(name).unwrap_or_default().as_bytes()).0;
                    agile.password = Way::of(element);
                    agile.spins = element.attribute("spinCount").and_then(|count| count.parse().ok()).unwrap_or(0);
                    agile.verifier_input = bytes("encryptedVerifierHashInput");
                    agile.verifier_value = bytes("encryptedVerifierHashValue");
                    agile.key_value = bytes("encryptedKeyValue");
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(agile)
    }

    /// The package's key (2.3.4.13), which the password opens.
    fn key(&self, place: &str, reading: &mut Reading<'_>) -> Result<Vec<u8>, Fault> {
        let way = &self.password;
        if self.verifier_input.is_empty() {
            // Encrypted for those who hold a certificate.
            return Err(protected());
        }
        if self.spins > MAX_SPINS {
            return Err(unknown("way"));
        }
        let hash = way.hash()?;
        let digest = spin(hash, &way.salt, self.spins, place, reading)?;
        let open = |purpose: &[u8], encrypted: &[u8]| {
            let key = fitted(&hash.of(&[&digest, purpose]), way.key_length);
            let mut opened = Vec::with_capacity(encrypted.len());
            Cipher::new(&key).ok_or_else(|| unknown("key"))?.chained(&way.salt, encrypted, &mut opened);
            Ok::<_, Fault>(opened)
        };
        let mut input = open(&VERIFIER_INPUT, &self.verifier_input)?;
        input.truncate(way.salt.len());
        let value = open(&VERIFIER_VALUE, &self.verifier_value)?;
        let expected = hash.of(&[&input]);
        if way.hash_length != expected.len() || value.get(..expected.len()) != Some(&expected) {
            return Err(protected());
        }
        let mut key = open(&KEY_VALUE, &self.key_value)?;
        key.truncate(self.package.key_length);
        Ok(key)
    }

    fn decrypt(&self, package: &[u8], place: &str, reading: &mut Reading<'_>) -> Result<Vec<u8>, Fault> {
        let key = self.key(place, reading)?;
        let hash = self.package.hash()?;
        let cipher = Cipher::new(&key).ok_or_else(|| unknown("key"))?;
        let encrypted = package.get(LENGTH..).unwrap_or_default();
        let mut decrypted = Vec::with_capacity(encrypted.len());
        for (number, segment) in (0_u32..).zip(encrypted.chunks(SEGMENT)) {
            if number % STEP == 0 {
                reading.clock(place)?;
            }
            cipher.chained(&hash.of(&[&self.package.salt, &number.to_le_bytes()]), segment, &mut decrypted);
        }
        Ok(decrypted)
    }
}

/// Standard encryption (2.3.4.5 to 2.3.4.9): AES with keys of SHA-1.
fn standard(info: &[u8], package: &[u8], place: &str, reading: &mut Reading<'_>) -> Result<Vec<u8>, Fault> {
    const HEADER: usize = 12;
    const AES: std::ops::RangeInclusive<u32> = 0x660e..=0x6610;
    let broken = || Fault::broken("what says how it is encrypted is cut off");
    let header = size_at(info, 8).ok_or_else(broken)?;
    if !u32_at(info, HEADER + 8).is_some_and(|algorithm| AES.contains(&algorithm)) {
        return Err(unknown("way"));
    }
    let length = size_at(info, HEADER + 16).ok_or_else(broken)? / 8;
    let verifier = HEADER.checked_add(header).and_then(|at| info.get(at..)).ok_or_else(broken)?;
    let salt = bytes_at(verifier, 4, BLOCK).ok_or_else(broken)?;
    let input = bytes_at(verifier, 20, BLOCK).ok_or_else(broken)?;
    let value = bytes_at(verifier, 40, 2 * BLOCK).ok_or_else(broken)?;
    let digest = spin(Hash::Sha1, salt, STANDARD_SPINS, place, reading)?;
    let digest = Hash::Sha1.of(&[&digest, &0_u32.to_le_bytes()]);
    let mut key = Vec::new();
    for pad in [0x36, 0x5c] {
        let mut block = [pad; 64];
        block.iter_mut().zip(&digest).for_each(|(byte, digest)| *byte ^= digest);
        key.extend(Hash::Sha1.of(&[&block]));
    }
    key.truncate(length);
    let cipher = Cipher::new(&key).ok_or_else(|| unknown("key"))?;
    let expected = Hash::Sha1.of(&[&cipher.codebook(input)]);
    if cipher.codebook(value).get(..expected.len()) != Some(&expected) {
        return Err(protected());
    }
    Ok(cipher.codebook(package.get(LENGTH..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Limits, Unread};
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn opened(info: &[u8], package: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &Unread);
        decrypt(info, package, "file", &mut reading)
    }

    #[test]
    fn what_cannot_be_tried_is_told() {
        let agile = |attributes: &str| [b"\x04\0\x04\0\x40\0\0\0", attributes.as_bytes()].concat();
        let way = "saltValue='AAAA' blockSize='16' keyBits='128' hashSize='20' cipherAlgorithm='AES' \
                   cipherChaining='ChainingModeCBC' hashAlgorithm='SHA1' encryptedVerifierHashInput='AAAA' \
                   encryptedKeyValue='AAAA'";
        for (info, is_protected) in [
            (b"".to_vec(), false),
            (b"\x04\0\x03\0".to_vec(), false),
            (agile("<e/>"), true),
            (agile(&format!("<e><encryptedKey {way} spinCount='1'/></e>")), true),
            (agile(&format!("<e><encryptedKey {way} spinCount='4000000000'/></e>")), false),
            (agile(&format!("<e><encryptedKey {} spinCount='1'/></e>", way.replace("CBC", "CFB"))), false),
            (agile(&format!("<e><encryptedKey {} spinCount='1'/></e>", way.replace("128", "129000"))), false),
            (b"\x03\0\x02\0\x24\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\x01\x68\0\0".to_vec(), false),
        ] {
            let fault = opened(&info, b"").unwrap_err();
            assert_eq!(matches!(fault, Fault::Protected(_)), is_protected, "{fault:?}");
            assert!(is_protected || matches!(fault, Fault::Unreadable(_)), "{fault:?}");
        }
    }

    proptest! {
        #[test]
        fn any_information_can_be_read(
            version in prop::sample::select(&[[4, 4], [3, 2], [2, 2], [4, 3]][..]),
            rest in proptest::collection::vec(any::<u8>(), 0..200),
            length in 0_u32..40,
        ) {
            let mut info = [&[version[0], 0, version[1], 0, 0, 0, 0, 0], &length.to_le_bytes()[..], &rest].concat();
            opened(&info, &rest).ok();
            if info.len() >= 32 {
                info[20..24].copy_from_slice(&0x660e_u32.to_le_bytes());
                info[28..32].copy_from_slice(&128_u32.to_le_bytes());
            }
            opened(&info, &rest).ok();
        }
    }
}
