//! The text of lookup tables that are files.

use super::paths::ReadTable;
use std::{fs::File, io::Read, path::Path};

/// The longest table that is read, in bytes.
const TABLE_MAX: u64 = 4 * 1024 * 1024;

/// Types of which the table is a text file, or is made from one beside it (DATABASE_README).
const OF_TEXT: [&str; 9] = ["btree", "cdb", "cidr", "dbm", "hash", "lmdb", "pcre", "regexp", "texthash"];

/// Reads tables from where main.cf says that they are.
#[derive(Clone, Copy, Debug)]
pub struct TableFiles;

impl ReadTable for TableFiles {
    fn read(&self, table: &str) -> Result<String, String> {
        let (kind, name) = table.split_once(':').ok_or("no table type")?;
        if matches!(kind, "inline" | "static") {
            return Ok(name.to_owned());
        }
        if !OF_TEXT.contains(&kind) || !Path::new(name).is_absolute() {
            return Err("a table that is no text file is not looked into".to_owned());
        }
        let mut text = Vec::new();
        let file = File::open(name).map_err(|error| error.to_string())?;
        file.take(TABLE_MAX + 1).read_to_end(&mut text).map_err(|error| error.to_string())?;
        if text.len() as u64 > TABLE_MAX {
            return Err(format!("more than {TABLE_MAX} bytes are not looked into"));
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
