//! One compressed file: gzip (RFC 1952), bzip2, XZ, lzip, Zstandard (RFC 8878).

use super::{
    decompress::{bzip2, expand, lzip, xz, zstd},
    member::{self, Names},
    streams::Streams,
};
use crate::message::{Attachment, Fault, Reading, decode_text};
use flate2::bufread::GzDecoder;
use std::io;

/// The bytes of a name or a comment that are read.
const MAX_NAME: usize = 64 * 1024;

/// Members of one gzip file; programs that write several do so for every 64 KiB at least.
const MAX_MEMBERS: usize = 20_000;

/// How it is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::documents) enum Format {
    Gzip,
    Bzip2,
    Xz,
    Lzip,
    Zstd,
}

/// Names by which files of these formats are called, and what becomes of them.
const ENDINGS: [(&str, &str); 16] = [
    (".tgz", ".tar"),
    (".taz", ".tar"),
    (".tbz", ".tar"),
    (".tbz2", ".tar"),
    (".txz", ".tar"),
    (".tlz", ".tar"),
    (".tzst", ".tar"),
    (".svgz", ".svg"),
    (".emz", ".emf"),
    (".wmz", ".wmf"),
    (".gz", ""),
    (".bz2", ""),
    (".xz", ""),
    (".lz", ""),
    (".zst", ""),
    (".z", ""),
];

/// Reads it.
pub(in crate::documents) fn read(
    format: Format,
    file: &Attachment<'_>,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let bytes = file.bytes;
    let (content, fault, name) = match format {
        Format::Gzip => gzip(file, reading),
        Format::Bzip2 => without_name(expand(bzip2(bytes), bytes.len(), reading)),
        Format::Xz => without_name(expand(xz(bytes), bytes.len(), reading)),
        Format::Lzip => without_name(expand(lzip(bytes), bytes.len(), reading)),
        Format::Zstd => without_name(expand(zstd(bytes), bytes.len(), reading)),
    };
    let name = name.or_else(|| file.name.and_then(inner_name)).unwrap_or_else(|| "content".to_owned());
    if !content.is_empty() {
        member::read(file.place, &name, &content, reading)?;
    }
    fault.map_or(Ok(()), Err)
}

type Content = (Vec<u8>, Option<Fault>, Option<String>);

fn without_name((content, fault): (Vec<u8>, Option<Fault>)) -> Content {
    (content, fault, None)
}

/// The members of a gzip file are one content, one after another (RFC 1952 section 2.2); each may have a name.
fn gzip<'a>(file: &Attachment<'a>, reading: &mut Reading<'_>) -> Content {
    let mut names = Names::new(reading);
    let mut first = None;
    let mut count = 0;
    let begin = |rest: &'a [u8]| {
        // Tapes are filled up with zeros.
        if rest.iter().all(|byte| *byte == 0) || count > MAX_MEMBERS {
            return Ok(None);
        }
        if count > 0 && !rest.starts_with(b"\x1f\x8b") {
            return Err(io::Error::other("something follows its end"));
        }
        count += 1;
        let decoder = Box::new(GzDecoder::new(rest));
        if let Some(header) = decoder.header() {
            for text in [header.filename(), header.comment()].into_iter().flatten() {
                names.add(&name(text));
            }
            let own = header.filename().map(name).filter(|name| !name.is_empty());
            first = first.take().or(own);
        }
        Ok(Some(decoder))
    };
    let members = Streams::new(file.bytes, begin, |decoder| decoder.into_inner());
    let (content, fault) = expand(members, file.bytes.len(), reading);
    let fault = match count > MAX_MEMBERS {
        true => Some(Fault::Limit(format!("limit: more than {MAX_MEMBERS} members"))),
        false => fault,
    };
    reading.piece(names.piece(file.place));
    (content, fault, first)
}

/// Latin-1 by the specification, and whatever the system uses in fact.
fn name(bytes: &[u8]) -> String {
    decode_text(&bytes[..bytes.len().min(MAX_NAME)], Some("utf-8"), MAX_NAME).into_owned()
}

/// `x.tar.gz` -> `x.tar`.
fn inner_name(outer: &str) -> Option<String> {
    let lower = outer.to_ascii_lowercase();
    let (ending, instead) = ENDINGS.iter().find(|(ending, _)| lower.ends_with(ending))?;
    let stem = &outer[..outer.len() - ending.len()];
    (!stem.is_empty()).then(|| format!("{stem}{instead}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_loses_what_says_how_it_is_compressed() {
        for (outer, inner) in [
            ("x.tar.gz", Some("x.tar")),
            ("X.TGZ", Some("X.tar")),
            ("løn.csv.BZ2", Some("løn.csv")),
            (".gz", None),
            ("x.txt", None),
            ("", None),
        ] {
            assert_eq!(inner_name(outer).as_deref(), inner, "{outer}");
        }
    }
}
