//! The data of an embedded object ([MS-OLEDS] sections 2.2.4 to 2.2.6) -> the file in it.

/// The class of a file that was embedded as such.
const PACKAGE: &[u8] = b"Package";

/// A file in an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct EmbeddedFile<'a> {
    /// Its name, in the code page of whoever embedded it.
    pub(super) name: Option<&'a [u8]>,
    pub(super) bytes: &'a [u8],
}

/// Finds the file; what has another form is handed on as it is.
pub(super) fn file(data: &[u8]) -> EmbeddedFile<'_> {
    native(data).unwrap_or(EmbeddedFile { name: None, bytes: data })
}

fn native(data: &[u8]) -> Option<EmbeddedFile<'_>> {
    // OLEVersion, FormatID.
    let mut rest = data.get(8..)?;
    let class = string(&mut rest)?;
    let (_topic, _item) = (string(&mut rest)?, string(&mut rest)?);
    let bytes = sized(&mut rest)?;
    if class.strip_suffix(b"\0") == Some(PACKAGE)
        && let Some(file) = packaged(bytes)
    {
        return Some(file);
    }
    (!bytes.is_empty()).then_some(EmbeddedFile { name: None, bytes })
}

/// What the Windows object packager writes: two bytes, label and path (ended by zeros), four bytes, the path of a
/// temporary copy, the file.
fn packaged(bytes: &[u8]) -> Option<EmbeddedFile<'_>> {
    let mut rest = bytes.get(2..)?;
    let label = terminated(&mut rest)?;
    terminated(&mut rest)?;
    rest = rest.get(4..)?;
    string(&mut rest)?;
    let bytes = sized(&mut rest)?;
    Some(EmbeddedFile { name: Some(label), bytes })
}

fn length(rest: &mut &[u8]) -> Option<usize> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    usize::try_from(u32::from_le_bytes(*length)).ok()
}

/// A string whose length stands before it.
fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = length(rest)?;
    let (string, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(string)
}

/// Bytes whose length stands before them; fewer where the file was cut.
fn sized<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = length(rest)?;
    Some(&rest[..length.min(rest.len())])
}

fn terminated<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = memchr::memchr(0, rest)?;
    let string = &rest[..end];
    *rest = &rest[end + 1..];
    Some(string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sized_bytes(bytes: &[u8]) -> Vec<u8> {
        let mut sized = u32::try_from(bytes.len()).unwrap().to_le_bytes().to_vec();
        sized.extend_from_slice(bytes);
        sized
    }

    fn object(class: &[u8], data: &[u8]) -> Vec<u8> {
        [&[1, 5, 0, 0, 2, 0, 0, 0][..], &sized_bytes(class), &sized_bytes(b""), &sized_bytes(b""), &sized_bytes(data)]
            .concat()
    }

    #[test]
    fn the_file_is_found() {
        let found = object(b"Word.Document.8\0", b"OLE file");
        assert_eq!(file(&found), EmbeddedFile { name: None, bytes: b"OLE file" });
        let package = [
            &b"\x02\0a.txt\0C:\\a.txt\0\0\0\x03\0"[..],
            &sized_bytes(b"C:\\temp\\a.txt\0"),
            &sized_bytes(b"text"),
            b"more",
        ]
        .concat();
        let found = object(b"Package\0", &package);
        assert_eq!(file(&found), EmbeddedFile { name: Some(b"a.txt"), bytes: b"text" });
        assert_eq!(file(b"short"), EmbeddedFile { name: None, bytes: b"short" });
    }

    proptest! {
        #[test]
        fn anything_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..100), small in any::<bool>()) {
            let bytes: Vec<u8> = if small { bytes.iter().map(|byte| byte % 4).collect() } else { bytes };
            file(&bytes);
            file(&object(b"Package\0", &bytes));
        }
    }
}
