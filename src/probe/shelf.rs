//! Findings on a shelf that outlives the program: written as JSON, with the time at which they were found.

use super::flights::{Finding, Shelf};
use crate::{clock::unix_time, nexthop::Destination};
use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use std::{marker::PhantomData, sync::Arc, time::Duration};

/// How long a finding is kept that is believed no longer: to compare with, and for people to look at.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// The same of what is looked at even where nobody asks: longer than any MTA-STS policy lasts (RFC 8461 section 3.2).
const KEPT_UP: Duration = Duration::from_secs(400 * 24 * 3600);

/// Where findings are kept as text. Losing them weakens nothing.
pub trait Keep: Send + Sync {
    /// What was kept last of this kind; or why that cannot be read.
    fn find<'a>(
        &'a self,
        kind: &'static str,
        destination: &'a Destination,
    ) -> BoxFuture<'a, Result<Option<Kept>, String>>;
    /// The destinations of this kind that are to be looked at again by now although nobody asks, at most so many.
    fn due(&self, kind: &'static str, most: usize) -> BoxFuture<'_, Vec<Destination>>;
    /// Keeps something, in its own time.
    fn keep(&self, kind: &'static str, destination: &Destination, kept: Kept);
}

/// A finding as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kept {
    /// JSON.
    pub value: String,
    /// When it was found, Unix time in seconds.
    pub found: i64,
    /// Until when it is believed.
    pub until: i64,
    /// Until when it is of use.
    pub keep: i64,
    /// When it is to be looked at again although nobody asks for it.
    pub again: Option<i64>,
}

/// The shelf for one kind of finding.
pub(super) struct On<T> {
    kind: &'static str,
    keep: Arc<dyn Keep>,
    finding: PhantomData<fn() -> T>,
}

impl<T> On<T> {
    pub(super) fn new(kind: &'static str, keep: Arc<dyn Keep>) -> Self {
        Self { kind, keep, finding: PhantomData }
    }
}

impl<T: Finding + Serialize + DeserializeOwned> Shelf<T> for On<T> {
    fn find<'a>(&'a self, destination: &'a Destination) -> BoxFuture<'a, Result<Option<(T, Duration)>, String>> {
        Box::pin(async move {
            let Some(kept) = self.keep.find(self.kind, destination).await? else { return Ok(None) };
            // What an older version wrote is not always to be read.
            let Ok(finding) = serde_json::from_str::<T>(&kept.value) else { return Ok(None) };
            let believed = believed(&kept, unix_time()).min(finding.lifetime());
            Ok(Some((finding, believed)))
        })
    }

    fn keep(&self, destination: &Destination, finding: &Arc<T>) {
        let Ok(value) = serde_json::to_string(&**finding) else { return };
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        let found = unix_time();
        let until = found.saturating_add(seconds(finding.lifetime()));
        let keep = until.saturating_add(seconds(if finding.upkeep().is_some() { KEPT_UP } else { KEPT }));
        let again = finding.upkeep().map(|after| found.saturating_add(seconds(after)));
        self.keep.keep(self.kind, destination, Kept { value, found, until, keep, again });
    }
}

/// For how long something may be believed from now on. Where the clock was set back since it was found, nothing is.
fn believed(kept: &Kept, now: i64) -> Duration {
    if now < kept.found {
        return Duration::ZERO;
    }
    Duration::from_secs(u64::try_from(kept.until.saturating_sub(now)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_believed_for_what_is_left_and_never_longer() {
        let kept = Kept { value: String::new(), found: 100, until: 160, keep: 0, again: None };
        for (now, seconds) in [(100, 60), (159, 1), (160, 0), (161, 0), (99, 0), (i64::MIN, 0), (i64::MAX, 0)] {
            assert_eq!(believed(&kept, now).as_secs(), seconds, "{now}");
        }
    }
}
