//! The time, as it is written down.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix time in seconds; 0 where the clock stands before 1970.
pub fn unix_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
