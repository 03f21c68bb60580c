//! What a file is, told by its first bytes, whatever it is called.

/// A kind of file that announces itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signature {
    /// PDF (ISO 32000): `%PDF-` within the first 1024 bytes, as readers accept it.
    Pdf,
    /// A zip archive: Office Open XML, OpenDocument, or just files.
    Zip,
    /// OLE compound file: .doc, .xls, .ppt, .msg, encrypted Office.
    Ole,
    /// Rich text.
    Rtf,
    /// 7-Zip.
    SevenZip,
    /// Gzip.
    Gzip,
    /// Bzip2.
    Bzip2,
    /// XZ.
    Xz,
    /// Zstandard.
    Zstd,
    /// A tar archive (POSIX ustar or GNU).
    Tar,
    /// RAR, whose licence keeps us from reading it.
    Rar,
    /// TNEF (winmail.dat).
    Tnef,
    /// A picture: which, in words.
    Image(&'static str),
    /// Sound or film: which, in words.
    Media(&'static str),
    /// A program: which, in words.
    Program(&'static str),
}

/// How far into a file a PDF may begin.
const PDF_WITHIN: usize = 1024;

/// Signatures at the beginning of a file.
const PREFIXES: &[(&[u8], Signature)] = &[
    (b"PK\x03\x04", Signature::Zip),
    (b"PK\x05\x06", Signature::Zip),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Signature::Ole),
    (b"{\\rt", Signature::Rtf),
    (b"7z\xbc\xaf\x27\x1c", Signature::SevenZip),
    (b"\x1f\x8b\x08", Signature::Gzip),
    (b"BZh", Signature::Bzip2),
    (b"\xfd7zXZ\0", Signature::Xz),
    (b"\x28\xb5\x2f\xfd", Signature::Zstd),
    (b"Rar!\x1a\x07", Signature::Rar),
    (b"\x78\x9f\x3e\x22", Signature::Tnef),
    (b"\x89PNG\r\n\x1a\n", Signature::Image("PNG")),
    (b"\xff\xd8\xff", Signature::Image("JPEG")),
    (b"GIF87a", Signature::Image("GIF")),
    (b"GIF89a", Signature::Image("GIF")),
    (b"II*\0", Signature::Image("TIFF")),
    (b"MM\0*", Signature::Image("TIFF")),
    (b"ID3", Signature::Media("MP3")),
    (b"OggS", Signature::Media("Ogg")),
    (b"fLaC", Signature::Media("FLAC")),
    (b"\x1aE\xdf\xa3", Signature::Media("Matroska")),
    (b"\x7fELF", Signature::Program("ELF")),
];

impl Signature {
    /// Tells it. `None`: text, or a kind that does not announce itself.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if let Some((_, signature)) = PREFIXES.iter().find(|(prefix, _)| bytes.starts_with(prefix)) {
            return Some(*signature);
        }
        let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
        if at(257, b"ustar") {
            return Some(Self::Tar);
        }
        if at(0, b"RIFF") && at(8, b"WEBP") {
            return Some(Self::Image("WebP"));
        }
        if at(0, b"RIFF") && (at(8, b"WAVE") || at(8, b"AVI ")) {
            return Some(Self::Media("RIFF"));
        }
        if at(4, b"ftyp") {
            let heif = [&b"heic"[..], b"heix", b"mif1", b"msf1", b"avif"].iter().any(|brand| at(8, brand));
            return Some(if heif { Self::Image("HEIF") } else { Self::Media("MPEG-4") });
        }
        let head = &bytes[..bytes.len().min(PDF_WITHIN)];
        memchr::memmem::find(head, b"%PDF-").map(|_| Self::Pdf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_first_bytes() {
        let tar = [vec![b'a'; 257], b"ustar\x0000".to_vec()].concat();
        for (bytes, signature) in [
            (&b""[..], None),
            (b"Hej, du", None),
            (b"%PDF-1.7\n", Some(Signature::Pdf)),
            (b"\n\njunk %PDF-1.4", Some(Signature::Pdf)),
            (b"PK\x03\x04\x14", Some(Signature::Zip)),
            (b"PK og andre", None),
            (b"{\\rtf1\\ansi", Some(Signature::Rtf)),
            (b"\0\0\0\x18ftypheic", Some(Signature::Image("HEIF"))),
            (b"\0\0\0\x18ftypisom", Some(Signature::Media("MPEG-4"))),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(Signature::Image("WebP"))),
            (&tar, Some(Signature::Tar)),
        ] {
            assert_eq!(Signature::of(bytes), signature, "{bytes:?}");
        }
    }
}
