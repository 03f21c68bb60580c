//! Encrypted workbook streams ([MS-XLS] 2.2.10, [MS-OFFCRYPTO] 2.3). Excel itself encrypts a workbook whose structure
//! is protected, with a password that it tries by itself: such a workbook is open to everyone, and is read.

use super::super::DEFAULT_PASSWORD;
use crate::documents::little_endian::{bytes_at, size_at, u16_at, u32_at};
use crate::message::Fault;
use md5::{Digest, Md5};
use sha1::Sha1;

/// Bytes of the stream that have a key of their own.
const BLOCK: usize = 1024;

/// Records that stay as they are ([MS-XLS] 2.2.10).
const PLAIN: &[u16] = &[0x0809, 0x002f, 0x00e1, 0x0138, 0x0194, 0x0195, 0x0196];

/// BoundSheet8, whose position stays as it is.
const SHEET: u16 = 0x0085;

/// Decrypts a stream whose FilePass record this is, if it has no other password than Excel's own.
pub(super) fn decrypt(file_pass: &[u8], stream: &[u8]) -> Result<Vec<u8>, Fault> {
    let protected = || Fault::Protected(super::PASSWORD.to_owned());
    match (u16_at(file_pass, 0), u16_at(file_pass, 2)) {
        (Some(0), _) if u16_at(file_pass, 4) == Some(obfuscation_verifier(DEFAULT_PASSWORD)) => {
            Err(Fault::Unreadable("obfuscated with a password that every Excel knows; is not read".to_owned()))
        }
        (Some(1), Some(1)) => Key::old(file_pass.get(6..).unwrap_or_default()).ok_or_else(protected),
        (Some(1), Some(_)) => Key::with_provider(file_pass.get(6..).unwrap_or_default()).ok_or_else(protected),
        _ => Err(protected()),
    }
    .map(|key| key.decrypt(stream))
}

/// What the keys of the blocks are made of.
enum Key {
    Md5([u8; 5]),
    /// With the bytes of the key that count.
    Sha1([u8; 20], usize),
}

impl Key {
    /// Salt, verifier and its hash ([MS-OFFCRYPTO] 2.3.6). `None`: the password is another one.
    fn old(info: &[u8]) -> Option<Self> {
        let password: Vec<u8> = DEFAULT_PASSWORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let (salt, verifier, hash) = (bytes_at(info, 0, 16)?, bytes_at(info, 16, 16)?, bytes_at(info, 32, 16)?);
        let mut salted = Md5::new();
        let password = Md5::digest(&password);
        for _ in 0..16 {
            salted.update(password.get(..5)?);
            salted.update(salt);
        }
        let key = Self::Md5(salted.finalize().get(..5)?.try_into().ok()?);
        let opened = key.open(&[verifier, hash].concat());
        (Md5::digest(opened.get(..16)?).as_slice() == opened.get(16..)?).then_some(key)
    }

    /// The same with a cryptographic provider, of which only RC4 with SHA-1 is known here ([MS-OFFCRYPTO] 2.3.5).
    fn with_provider(info: &[u8]) -> Option<Self> {
        const RC4: u32 = 0x6801;
        let header = size_at(info, 4)?;
        if u32_at(info, 16)? != RC4 {
            return None;
        }
        let bits = size_at(info, 24)?;
        let bytes = if bits == 0 { 5 } else { (bits / 8).min(16) };
        let rest = info.get(8_usize.checked_add(header)?..)?;
        let (salt, verifier, hash) = (bytes_at(rest, 4, 16)?, bytes_at(rest, 20, 16)?, bytes_at(rest, 40, 20)?);
        let mut salted = Sha1::new();
        salted.update(salt);
        DEFAULT_PASSWORD.encode_utf16().for_each(|unit| salted.update(unit.to_le_bytes()));
        let key = Self::Sha1(salted.finalize().as_slice().try_into().ok()?, bytes);
        let opened = key.open(&[verifier, hash].concat());
        (Sha1::digest(opened.get(..16)?).as_slice() == opened.get(16..)?).then_some(key)
    }

    /// Decrypts what stands at the beginning of the first block.
    fn open(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.iter().zip(self.keystream(0)).map(|(byte, key)| byte ^ key).collect()
    }

    fn keystream(&self, block: u32) -> Rc4 {
        match self {
            Self::Md5(key) => Rc4::new(&Md5::new().chain_update(key).chain_update(block.to_le_bytes()).finalize()),
            Self::Sha1(key, bytes) => {
                let hash = Sha1::new().chain_update(key).chain_update(block.to_le_bytes()).finalize();
                // Forty bits are filled up with zeros.
                let mut key = [0; 16];
                let length = if *bytes == 5 { 16 } else { *bytes };
                key.iter_mut().zip(hash.iter().take(*bytes)).for_each(|(to, from)| *to = *from);
                Rc4::new(key.get(..length).unwrap_or_default())
            }
        }
    }

    /// Decrypts the content of records; their headers were never encrypted.
    fn decrypt(&self, stream: &[u8]) -> Vec<u8> {
        let mut decrypted = stream.to_vec();
        let mut keys: Vec<u8> = Vec::with_capacity(BLOCK);
        let mut block = None;
        let mut at = 0;
        while let (Some(kind), Some(length)) = (u16_at(stream, at), u16_at(stream, at + 2)) {
            let start = at + 4;
            let end = (start + usize::from(length)).min(stream.len());
            let from = match kind {
                _ if PLAIN.contains(&kind) => end,
                SHEET => (start + 4).min(end),
                _ => start,
            };
            for (place, byte) in decrypted.iter_mut().enumerate().take(end).skip(from) {
                let number = place / BLOCK;
                if block != Some(number) {
                    block = Some(number);
                    keys.clear();
                    keys.extend(self.keystream(u32::try_from(number).unwrap_or(u32::MAX)).take(BLOCK));
                }
                *byte ^= keys.get(place % BLOCK).copied().unwrap_or_default();
            }
            at = end;
        }
        decrypted
    }
}

/// How a password is told from others where the content is merely obfuscated ([MS-OFFCRYPTO] 2.3.7.1).
fn obfuscation_verifier(password: &str) -> u16 {
    let bytes = std::iter::once(password.len() as u8).chain(password.bytes());
    let folded = bytes.collect::<Vec<u8>>().into_iter().rev().fold(0_u16, |verifier, byte| {
        let rotated = (verifier >> 14 & 1) | (verifier << 1 & 0x7fff);
        rotated ^ u16::from(byte)
    });
    folded ^ 0xce4b
}

/// The keystream of RC4.
struct Rc4 {
    state: [u8; 256],
    i: u8,
    j: u8,
}

impl Rc4 {
    fn new(key: &[u8]) -> Self {
        let mut state: [u8; 256] = std::array::from_fn(|index| index as u8);
        let mut j = 0_u8;
        for (i, key) in (0..256).zip(key.iter().cycle()) {
            j = j.wrapping_add(state[i]).wrapping_add(*key);
            state.swap(i, usize::from(j));
        }
        Self { state, i: 0, j: 0 }
    }
}

impl Iterator for Rc4 {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        self.i = self.i.wrapping_add(1);
        let (i, first) = (usize::from(self.i), self.state[usize::from(self.i)]);
        self.j = self.j.wrapping_add(first);
        let second = self.state[usize::from(self.j)];
        self.state.swap(i, usize::from(self.j));
        Some(self.state[usize::from(first.wrapping_add(second))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keystream_is_that_of_rc4() {
        // RFC 6229, 40-bit key, offset 0.
        let stream: Vec<u8> = Rc4::new(&[1, 2, 3, 4, 5]).take(8).collect();
        assert_eq!(stream, [0xb2, 0x39, 0x63, 0x05, 0xf0, 0x3d, 0xc0, 0x27]);
    }

    #[test]
    fn a_broken_record_is_taken_as_protected() {
        for length in 0..100 {
            let record = vec![1; length];
            assert!(matches!(decrypt(&record, b""), Err(Fault::Protected(_))));
        }
    }
}
