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
    /// Lzip.
    Lzip,
    /// Zstandard.
    Zstd,
    /// A tar archive (POSIX ustar or GNU).
    Tar,
    /// RAR, whose licence keeps us from reading it.
    Rar,
    /// An archive, or the image of a disk, that is not opened: which, in words.
    Archive(&'static str),
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

/// Where the descriptors of an image of an optical disc begin, with a byte before the identifier (ECMA-119).
const DISC: usize = 32_768;

/// The length of what ends a disk image of Apple's.
const KOLY: usize = 512;

/// The longest first header of an ARJ archive.
const MAX_ARJ_HEADER: u16 = 2600;

/// Signatures at the beginning of a file.
const PREFIXES: &[(&[u8], Signature)] = &[
    (b"PK\x03\x04", Signature::Zip),
    (b"PK\x05\x06", Signature::Zip),
    // Of an archive in several files, the first one.
    (b"PK\x07\x08PK\x03\x04", Signature::Zip),
    (b"PK00PK\x03\x04", Signature::Zip),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Signature::Ole),
    (b"{\\rt", Signature::Rtf),
    (b"7z\xbc\xaf\x27\x1c", Signature::SevenZip),
    (b"\x1f\x8b\x08", Signature::Gzip),
    (b"BZh", Signature::Bzip2),
    (b"\xfd7zXZ\0", Signature::Xz),
    (b"LZIP\x01", Signature::Lzip),
    (b"\x28\xb5\x2f\xfd", Signature::Zstd),
    (b"MSCF\0\0\0\0", Signature::Archive("a cabinet archive (CAB)")),
    (b"MSWIM\0\0\0", Signature::Archive("an image of a disk (WIM)")),
    (b"xar!\0", Signature::Archive("an archive (XAR)")),
    (b"!<arch>\n", Signature::Archive("an archive (ar)")),
    (b"\xed\xab\xee\xdb", Signature::Archive("a package (RPM)")),
    (b"SIT!", Signature::Archive("an archive (StuffIt)")),
    (b"StuffIt (c)", Signature::Archive("an archive (StuffIt)")),
    (b"\x1f\x9d", Signature::Archive("a compressed file (compress)")),
    (b"\x04\x22\x4d\x18", Signature::Archive("a compressed file (LZ4)")),
    (b"ITSF\x03\0", Signature::Archive("compiled help (CHM)")),
    (b"conectix", Signature::Archive("an image of a disk (VHD)")),
    (b"vhdxfile", Signature::Archive("an image of a disk (VHDX)")),
    (b"!BDN", Signature::Archive("a mailbox (Outlook data file)")),
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
        // Frames of Zstandard and LZ4 without content may come first; LZ4 has no other use of them.
        if at(1, b"\x2a\x4d\x18") && bytes[0] & 0xf0 == 0x50 {
            return Some(Self::Zstd);
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
        if let Some(kind) = archive(bytes) {
            return Some(Self::Archive(kind));
        }
        if at(0, b"MZ") && is_portable_executable(bytes) {
            return Some(Self::Program("Windows"));
        }
        let head = &bytes[..bytes.len().min(PDF_WITHIN)];
        memchr::memmem::find(head, b"%PDF-").map(|_| Self::Pdf)
    }
}

/// Archives whose signature stands elsewhere, or is so short that more must fit.
fn archive(bytes: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    // The method: -lh0- to -lh7-, -lzs-, -pm2- and others; no text begins so, since a checksum stands before it.
    if let Some(&[length, sum, b'-', b'l' | b'p', b'h' | b'z' | b'm', method, b'-', ..]) = bytes.first_chunk::<22>()
        && (!length.is_ascii_graphic() || !sum.is_ascii_graphic())
        && method.is_ascii_alphanumeric()
    {
        return Some("an archive (LHA)");
    }
    if let Some(&[0x60, 0xea, low, high, first, ..]) = bytes.first_chunk::<11>() {
        let length = u16::from_le_bytes([low, high]);
        if (30..=MAX_ARJ_HEADER).contains(&length) && u16::from(first) < length {
            return Some("an archive (ARJ)");
        }
    }
    let digits =
        |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    if (at(0, b"070701") || at(0, b"070702")) && digits(6..110) || at(0, b"070707") && digits(6..76) {
        return Some("an archive (cpio)");
    }
    if at(7, b"**ACE**") {
        return Some("an archive (ACE)");
    }
    if at(DISC + 1, b"CD001") || at(DISC + 1, b"BEA01") {
        return Some("an image of a disc (ISO 9660)");
    }
    if bytes.len() > KOLY && at(bytes.len() - KOLY, b"koly\0\0\0\x04") {
        return Some("an image of a disk (DMG)");
    }
    None
}

/// Whether the header of a program for Windows stands where the older one says.
fn is_portable_executable(bytes: &[u8]) -> bool {
    let Some(offset) = bytes.get(0x3c..).and_then(|rest| rest.first_chunk()) else { return false };
    let offset = usize::try_from(u32::from_le_bytes(*offset)).unwrap_or(usize::MAX);
    bytes.get(offset..).is_some_and(|rest| rest.starts_with(b"PE\0\0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_first_bytes() {
        let disc = [vec![0; 32_769], b"CD001".to_vec()].concat();
        let dmg = [vec![1; 600], b"koly\0\0\0\x04".to_vec(), vec![0; 504]].concat();
        let mut program = b"MZ".to_vec();
        program.resize(0x3c, 0);
        program.extend(b"\x40\0\0\0PE\0\0");
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
            (&disc, Some(Signature::Archive("an image of a disc (ISO 9660)"))),
            (&dmg, Some(Signature::Archive("an image of a disk (DMG)"))),
            (&program, Some(Signature::Program("Windows"))),
            (b"MZ er en forkortelse, og dette er en lang tekst om den, ikke et program.", None),
            (b"\x21\x39-lh5-\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", None),
            (b"\x01\x39-lh5-\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", Some(Signature::Archive("an archive (LHA)"))),
            (b"`\xea\x29\0\x22\x0b\x01\x0b\x10\0\x02", Some(Signature::Archive("an archive (ARJ)"))),
            (b"070701-0005 er et nummer", None),
        ] {
            assert_eq!(Signature::of(bytes), signature, "{bytes:?}");
        }
    }
}
