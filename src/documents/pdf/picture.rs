//! Pictures: they are not read here. Those that are a file of their own are handed on as one, so that whoever can read
//! pictures may; the others are listed.

use super::{
    Document,
    content::Picture,
    filter::{self, Filter},
};
use crate::message::{Attachment, Fault, Reading, within};

/// Pictures of one document that are handed on, or listed one by one.
const MAX_LISTED: usize = 100;

/// Hands on or lists those that were drawn.
pub(super) fn read(pictures: &[Picture<'_>], document: &Document<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    for picture in pictures.iter().take(MAX_LISTED) {
        reading.clock(document.place)?;
        let page = within(document.place, format_args!("page {}", picture.page));
        let filters = picture.stream.as_ref().map(|stream| Filter::all(stream.dict()));
        let media_type = match filters.as_ref().and_then(|filters| filters.last()) {
            Some(Filter::Dct) => "image/jpeg",
            Some(Filter::Jpx) => "image/jp2",
            _ => {
                reading.unreadable(&page, "a picture is not read");
                continue;
            }
        };
        let Some(stream) = &picture.stream else { continue };
        let place = within(&page, "picture");
        match filter::file(stream, reading) {
            Ok(decoded) => {
                let bytes = &decoded.bytes;
                let media_type = Some(media_type);
                reading.attachment(&Attachment { place: &place, name: None, media_type, charset: None, bytes })?;
            }
            Err(fault) => reading.fault(&place, fault)?,
        }
    }
    let more = pictures.len().saturating_sub(MAX_LISTED);
    if more > 0 {
        reading.unreadable(document.place, format!("{more} more pictures are not read"));
    }
    Ok(())
}
