//! The list of a package's members (OpenDocument 1.3 part 2, section 4): which are encrypted.

use super::super::{
    package::Package,
    xml::{self, Node},
};
use crate::message::{Fault, Reading};

/// Encrypted members that are remembered; a document has a handful.
const MAX_ENCRYPTED: usize = 10_000;

/// Names of the members that are encrypted, sorted.
pub(super) fn encrypted(
    package: &mut Package<'_>,
    place: &str,
    reading: &mut Reading<'_>,
) -> Result<Vec<String>, Fault> {
    let mut encrypted = Vec::new();
    let Some(manifest) = package.member("META-INF/manifest.xml", reading)? else { return Ok(encrypted) };
    let mut entry = String::new();
    xml::walk(manifest, place, reading, |node, _| {
        let Node::Open(element) = node else { return Ok(()) };
        match element.name() {
            "file-entry" => entry = element.attribute("full-path").unwrap_or_default().into_owned(),
            "encryption-data" if encrypted.len() >= MAX_ENCRYPTED => {
                return Err(Fault::Limit(format!("limit: more than {MAX_ENCRYPTED} encrypted members")));
            }
            "encryption-data" => encrypted.push(entry.clone()),
            _ => {}
        }
        Ok(())
    })?;
    encrypted.sort_unstable();
    Ok(encrypted)
}
