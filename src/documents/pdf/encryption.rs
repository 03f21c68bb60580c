//! Whether the text of a document is encrypted (ISO 32000-2, 7.6). Crypt filters may leave streams and strings as they
//! are and encrypt attached files only: then everyone can read the text, and so does this.

use hayro_syntax::{LoadPdfError, Pdf, object::Dict, object::ObjectIdentifier};
use memchr::memmem;

/// The entry of a trailer.
const KEY: &[u8] = b"/Encrypt";

/// The same without its meaning.
const WITHOUT: &[u8] = b"/Xncrypt";

/// Trailers that name one.
const MAX_ENTRIES: usize = 64;

/// The longest encryption dictionary that is looked at, in bytes.
const MAX_DICTIONARY: usize = 64 * 1024;

/// Opens a document that could not be decrypted, if that is not needed for its text.
pub(super) fn without_filters(bytes: &[u8], error: &LoadPdfError) -> Option<Pdf> {
    if !matches!(error, LoadPdfError::Decryption(_)) {
        return None;
    }
    let mut plain = bytes.to_vec();
    let is_name = |at: &usize| bytes.get(at + KEY.len()).is_none_or(|next| !next.is_ascii_alphanumeric());
    let entries: Vec<usize> = memmem::find_iter(bytes, KEY).filter(is_name).collect();
    if entries.len() > MAX_ENTRIES {
        return None;
    }
    for at in &entries {
        plain.get_mut(*at..at + KEY.len())?.copy_from_slice(WITHOUT);
    }
    let pdf = Pdf::new(plain).ok()?;
    let values = entries.iter().map(|at| bytes.get(at + KEY.len()..).unwrap_or_default().trim_ascii_start());
    let mut dictionaries = values.filter_map(|value| dictionary(value, &pdf)).peekable();
    dictionaries.peek()?;
    dictionaries.all(|dictionary| leaves_text(&dictionary)).then_some(pdf)
}

/// The dictionary of an entry: right there, or elsewhere.
fn dictionary(value: &[u8], pdf: &Pdf) -> Option<Vec<u8>> {
    if value.starts_with(b"<<") {
        return Some(value[..value.len().min(MAX_DICTIONARY)].to_vec());
    }
    let head = std::str::from_utf8(value.get(..value.len().min(32))?.split(|byte| *byte >= 0x80).next()?).ok()?;
    let mut words = head.split_ascii_whitespace();
    let (obj_number, gen_number) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let dict: Dict<'_> = pdf.xref().get(ObjectIdentifier { obj_number, gen_number })?;
    let data = dict.data();
    Some(data[..data.len().min(MAX_DICTIONARY)].to_vec())
}

/// Whether the crypt filters of streams and strings are none (7.6.6). Older encryption has none of these filters.
fn leaves_text(dictionary: &[u8]) -> bool {
    let named = |key: &str| name_after(dictionary, key);
    let is_none = |key: &str| match named(key) {
        None | Some(b"Identity") => true,
        Some(filter) => {
            let key = [b"/", filter].concat();
            let mut definitions = memmem::find_iter(dictionary, &key).filter_map(|at| {
                let definition = dictionary.get(at + key.len()..)?.trim_ascii_start().strip_prefix(b"<<")?;
                definition.get(..memmem::find(definition, b">>")?)
            });
            definitions.next().is_some_and(|definition| matches!(name_after(definition, "/CFM"), None | Some(b"None")))
        }
    };
    memmem::find(dictionary, b"/CF").is_some() && is_none("/StmF") && is_none("/StrF")
}

/// The name that is the value of a key.
fn name_after<'d>(dictionary: &'d [u8], key: &str) -> Option<&'d [u8]> {
    let after = dictionary.get(memmem::find(dictionary, key.as_bytes())? + key.len()..)?;
    let name = after.trim_ascii_start().strip_prefix(b"/")?;
    let end = name.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(name.len());
    name.get(..end)
}
