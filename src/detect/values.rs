//! Different values of a rule, counted.

use std::{
    collections::HashSet,
    hash::{BuildHasherDefault, DefaultHasher, Hasher},
};

/// Letters and digits that are hashed together.
const AT_ONCE: usize = 64;

/// Values that are told apart, by their [`key`]s.
pub(super) type Values = HashSet<u64, BuildHasherDefault<Known>>;

/// The value's identity: letters and digits, whatever stands between them.
pub(super) fn key(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut letters = [0; AT_ONCE];
    for chunk in value.chunks(AT_ONCE) {
        let mut count = 0;
        for byte in chunk.iter().filter(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii()) {
            letters[count] = byte.to_ascii_lowercase();
            count += 1;
        }
        hasher.write(&letters[..count]);
    }
    hasher.finish()
}

/// Keys are hashes already.
#[derive(Default)]
pub(super) struct Known(u64);

impl Hasher for Known {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_makes_no_other_value() {
        for (one, other, same) in [
            ("140257-5678", "1402575678", true),
            ("Kræft", "kræft", true),
            ("kræft", "kraft", false),
            ("140257-5678", "140257-5679", false),
        ] {
            assert_eq!(key(one.as_bytes()) == key(other.as_bytes()), same, "{one} {other}");
            let values: Values = [one, other].into_iter().map(|value| key(value.as_bytes())).collect();
            assert_eq!(values.len() == 1, same, "{one} {other}");
        }
        assert_eq!(key(format!("{}-1", "1".repeat(63)).as_bytes()), key("1".repeat(64).as_bytes()));
    }
}
