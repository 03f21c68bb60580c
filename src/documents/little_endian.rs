//! Numbers and strings in the byte order of Intel's processors, as Microsoft's binary formats have them. Whatever
//! stands past the end is `None`.

use encoding_rs::UTF_16LE;

/// `length` bytes from an offset on.
pub(super) fn bytes_at(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

/// An array of bytes at an offset.
fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes_at(bytes, at, N)?.try_into().ok()
}

/// An unsigned number of two bytes.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_le_bytes)
}

/// An unsigned number of four bytes.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

/// An unsigned number of four bytes that counts or points.
pub(super) fn size_at(bytes: &[u8], at: usize) -> Option<usize> {
    u32_at(bytes, at).and_then(|number| usize::try_from(number).ok())
}

/// UTF-16; what is none becomes U+FFFD.
pub(super) fn utf_16(bytes: &[u8]) -> String {
    UTF_16LE.decode_without_bom_handling(bytes).0.into_owned()
}

/// What comes one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Begins.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The offset of what comes next.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// What has not been taken yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Whether everything was taken.
    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The next bytes, if there are that many.
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = bytes_at(self.bytes, self.at, length)?;
        self.at += length;
        Some(taken)
    }

    /// The next bytes, or as many as there are.
    pub(super) fn take_up_to(&mut self, length: usize) -> &'a [u8] {
        let rest = self.rest();
        let taken = &rest[..length.min(rest.len())];
        self.at += taken.len();
        taken
    }

    /// A byte.
    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1).and_then(|byte| byte.first().copied())
    }

    /// An unsigned number of two bytes.
    pub(super) fn u16(&mut self) -> Option<u16> {
        u16_at(self.take(2)?, 0)
    }

    /// An unsigned number of four bytes.
    pub(super) fn u32(&mut self) -> Option<u32> {
        u32_at(self.take(4)?, 0)
    }

    /// An unsigned number of eight bytes.
    pub(super) fn u64(&mut self) -> Option<u64> {
        array_at(self.take(8)?, 0).map(u64::from_le_bytes)
    }

    /// A floating-point number of eight bytes.
    pub(super) fn f64(&mut self) -> Option<f64> {
        self.u64().map(f64::from_bits)
    }

    /// An unsigned number of four bytes that counts or points.
    pub(super) fn size(&mut self) -> Option<usize> {
        self.u32().and_then(|number| usize::try_from(number).ok())
    }

    /// What stands before the next zero byte, which is passed.
    pub(super) fn until_zero(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let end = memchr::memchr(0, rest).unwrap_or(rest.len());
        self.at += (end + 1).min(rest.len());
        &rest[..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_past_the_end() {
        let mut cursor = Cursor::new(b"\x01\x02\x00\x03\x00\x00\x00ab\0c");
        assert_eq!((cursor.u8(), cursor.u16(), cursor.size()), (Some(1), Some(2), Some(3)));
        assert_eq!(cursor.u64(), None);
        assert_eq!((cursor.until_zero(), cursor.until_zero(), cursor.until_zero()), (&b"ab"[..], &b"c"[..], &b""[..]));
        assert!(cursor.is_at_end());
        assert_eq!(u32_at(b"\x01\x02\x03", 0), None);
        assert_eq!(bytes_at(b"abc", usize::MAX, 2), None);
        assert_eq!(utf_16(b"h\0e\0j\0!"), "hej\u{fffd}");
    }
}
