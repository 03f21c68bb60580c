//! Compressed streams that stand one after another in a file, and are one content.

use std::io::{self, Read};

/// What they expand to.
pub(in crate::documents) struct Streams<'a, D, B> {
    rest: Option<&'a [u8]>,
    current: Option<D>,
    begin: B,
    end: fn(D) -> &'a [u8],
}

impl<'a, D: Read, B: FnMut(&'a [u8]) -> io::Result<Option<D>>> Streams<'a, D, B> {
    /// `begin` decompresses the stream that begins here, or gives `None` where none does; `end` tells what stands after
    /// one that was read to its end.
    pub(in crate::documents) fn new(bytes: &'a [u8], begin: B, end: fn(D) -> &'a [u8]) -> Self {
        Self { rest: Some(bytes), current: None, begin, end }
    }
}

impl<'a, D: Read, B: FnMut(&'a [u8]) -> io::Result<Option<D>>> Read for Streams<'a, D, B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(decoder) = &mut self.current {
                let count = decoder.read(buffer)?;
                if count > 0 || buffer.is_empty() {
                    return Ok(count);
                }
                self.rest = self.current.take().map(self.end);
            }
            let Some(rest) = self.rest.take() else { return Ok(0) };
            self.current = (self.begin)(rest)?;
        }
    }
}
