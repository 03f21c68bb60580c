//! `[documents]`: how attached files are read.

use super::{
    reader::Section,
    value::{Parsed, boolean, bytes, duration, line, number},
};
use std::time::Duration;
use toml::de::DeValue;

/// Bounds of `workers`.
const WORKERS_MAX: usize = 256;
/// Bounds of `worker-memory` and `image-memory`, in bytes.
const MEMORY_MIN: u64 = 64 << 20;
const MEMORY_MAX: u64 = 1 << 40;
/// Bounds of the limits.
const NESTING_MAX: usize = 1000;
const PARTS_MAX: usize = 1_000_000;
const RATIO_MAX: usize = 100_000;
const BYTES_MIN: u64 = 64 << 10;
const BYTES_MAX: u64 = 1 << 40;
/// What is said between the program and a worker has a length of four bytes.
const TEXT_MAX: u64 = 1 << 30;
const HEADER_MAX: u64 = 128 << 20;
const IMAGE_SIZE_MAX: u64 = 1 << 30;
/// Bounds of `image-time`.
const IMAGE_TIME_MIN: Duration = Duration::from_millis(100);
const IMAGE_TIME_MAX: Duration = Duration::from_secs(240);
/// Longest argument of `image-reader`, in bytes.
const ARGUMENT_MAX: usize = 4096;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// How attached files are read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Documents {
    /// Whether they are read at all.
    pub read: bool,
    /// Worker processes at once, and so messages at once whose attachments are read.
    pub workers: usize,
    /// Memory that each may take, in bytes, besides what the program itself does.
    pub worker_memory: usize,
    /// Multiparts, messages, documents and archives within one another.
    pub nesting: usize,
    /// Parts of a message in all, members of archives and files in documents among them.
    pub parts: usize,
    /// Bytes of header fields in all.
    pub header: usize,
    /// Bytes of text in all.
    pub text: usize,
    /// Bytes in all that compressed content may expand to.
    pub expanded: usize,
    /// How many times its own length compressed content may expand to.
    pub ratio: usize,
    /// The program that reads pictures, and its arguments; empty: there is none.
    pub image_reader: Vec<String>,
    /// How long it may take for one picture.
    pub image_time: Duration,
    /// The largest picture that it is given, in bytes.
    pub image_size: usize,
    /// Memory that it may take, in bytes.
    pub image_memory: usize,
}

impl Default for Documents {
    fn default() -> Self {
        Self {
            read: true,
            workers: 4,
            worker_memory: 256 * MIB,
            nesting: 50,
            parts: 1000,
            header: MIB,
            text: 32 * MIB,
            expanded: 512 * MIB,
            ratio: 200,
            image_reader: Vec::new(),
            image_time: Duration::from_secs(20),
            image_size: 16 * MIB,
            image_memory: 512 * MIB,
        }
    }
}

impl Documents {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let default = Self::default();
        let memory = |key, default| section.value(key, default, |value| bytes(value, MEMORY_MIN..=MEMORY_MAX));
        let size = |key, default, most| section.value(key, default, |value| bytes(value, BYTES_MIN..=most));
        let documents = Self {
            read: section.value("read", default.read, boolean),
            workers: section.value("workers", default.workers, |value| number(value, 1..=WORKERS_MAX)),
            worker_memory: memory("worker-memory", default.worker_memory),
            nesting: section.value("nesting", default.nesting, |value| number(value, 1..=NESTING_MAX)),
            parts: section.value("parts", default.parts, |value| number(value, 1..=PARTS_MAX)),
            header: size("header", default.header, HEADER_MAX),
            text: size("text", default.text, TEXT_MAX),
            expanded: size("expanded", default.expanded, BYTES_MAX),
            ratio: section.value("ratio", default.ratio, |value| number(value, 1..=RATIO_MAX)),
            image_reader: section.list("image-reader", default.image_reader, argument),
            image_time: section
                .value("image-time", default.image_time, |value| duration(value, IMAGE_TIME_MIN..=IMAGE_TIME_MAX, "")),
            image_size: size("image-size", default.image_size, IMAGE_SIZE_MAX),
            image_memory: memory("image-memory", default.image_memory),
        };
        if documents.image_reader.first().is_some_and(|program| !program.starts_with('/')) {
            section.fault(
                "image-reader",
                "must begin with the program's absolute path, as in [\"/usr/bin/tesseract\", \"stdin\", \"stdout\"]"
                    .to_owned(),
            );
        }
        documents
    }
}

fn argument(value: &DeValue<'_>) -> Parsed<String> {
    line(value, ARGUMENT_MAX)
}
