//! Archives and single compressed files: what is in them is read as if it had been attached, and the names of members
//! are texts of their own.

mod compressed;
mod decompress;
mod member;
mod seven_zip;
mod streams;
mod tar;
mod zip;
mod zip_directory;

pub(super) use self::{
    seven_zip::{read as read_seven_zip, within_program as seven_zip_within},
    tar::{is_tar, read as read_tar},
    zip::{count_members, is_appended as has_zip_appended, read as read_zip, read_appended as read_appended_zip},
};
pub(super) use compressed::{Format as Compressed, read as read_compressed};
pub(super) use decompress::{expand, zlib};

#[cfg(test)]
mod tests {
    use crate::{
        documents::InProcess,
        message::{Attachment, Document, Limits, Reading},
    };
    use proptest::{prelude::*, sample::Index};
    use std::{
        fs,
        io::Write,
        time::{Duration, Instant},
    };

    fn read(bytes: &[u8], limits: &Limits) -> Document {
        let mut reading = Reading::new(limits, Instant::now() + Duration::from_secs(60), &InProcess);
        let file = Attachment { place: "x", name: None, media_type: None, charset: None, bytes };
        let _ = reading.attachment(&file);
        reading.finish()
    }

    /// Small archives of every kind, as programs make them.
    fn archives() -> Vec<Vec<u8>> {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/reading");
        let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        let endings = ["zip", "7z", "tar", "tgz", "gz", "bz2", "xz", "zst"];
        paths.retain(|path| path.extension().is_some_and(|ending| endings.iter().any(|known| ending == *known)));
        paths.sort();
        let all = paths.iter().map(|path| fs::read(path).unwrap());
        all.filter(|bytes| bytes.len() < 3000).collect()
    }

    /// An archive of one compressed member.
    fn zip_of(content: &str) -> Vec<u8> {
        let mut archive = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = ::zip::write::SimpleFileOptions::default().compression_method(::zip::CompressionMethod::Deflated);
        archive.start_file("a.txt", options).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
        archive.finish().unwrap().into_inner()
    }

    #[test]
    fn what_is_said_to_be_encrypted_and_is_not_is_read() {
        let mut bytes = zip_of("navn-7c1e, og noget mere");
        bytes[6] |= 1;
        let directory = memchr::memmem::find(&bytes, b"PK\x01\x02").unwrap();
        bytes[directory + 8] |= 1;
        let document = read(&bytes, &Limits::default());
        assert!(document.pieces.iter().any(|piece| piece.text.contains("navn-7c1e")));
        assert_eq!((document.unreadable.len(), document.protected.len()), (0, 0));
    }

    #[test]
    fn text_after_the_end_is_told() {
        for (after, told) in [(&b""[..], false), (b"\r\n", false), (b"\0\0\0", false), (b"CPR 610190-0005", true)] {
            let document = read(&[&zip_of("a"), after].concat(), &Limits::default());
            assert_eq!(!document.unreadable.is_empty(), told, "{after:?}");
        }
    }

    #[test]
    fn an_archive_within_itself_ends() {
        let mut inner = b"PK\x05\x06".to_vec();
        inner.resize(22, 0);
        for _ in 0..60 {
            inner = tar_of(&inner);
        }
        let document = read(&inner, &Limits::default());
        assert!(document.unreadable.iter().any(|part| part.reason == "limit: nested more than 50 deep"));
    }

    fn tar_of(content: &[u8]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, "x", content).unwrap();
        builder.into_inner().unwrap()
    }

    proptest! {
        #[test]
        fn damaged_archives_are_read_without_panic(
            which in any::<Index>(), changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 0..4),
            cut in any::<Option<Index>>(),
        ) {
            let archives = archives();
            let mut bytes = archives[which.index(archives.len())].clone();
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            bytes.truncate(cut.map_or(usize::MAX, |cut| cut.index(bytes.len())));
            let limits = Limits { expanded_bytes: 1 << 20, ..Limits::default() };
            for part in read(&bytes, &limits).unreadable {
                prop_assert!(!part.reason.contains("panicked"), "{}", part.reason);
            }
        }
    }
}
