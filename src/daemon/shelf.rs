//! What is found of destinations, kept in the store; a command reads what the daemon keeps, and keeps nothing itself.

use crate::{
    nexthop::Destination,
    probe::{Keep, Kept},
    store::{
        StoreError,
        findings::{Finding, Findings, Reader},
    },
};
use futures_util::future::BoxFuture;

impl Keep for Findings {
    fn find<'a>(
        &'a self,
        kind: &'static str,
        destination: &'a Destination,
    ) -> BoxFuture<'a, Result<Option<Kept>, String>> {
        Box::pin(async move { told(Findings::find(self, kind, destination.as_str()).await) })
    }

    fn due(&self, kind: &'static str, most: usize) -> BoxFuture<'_, Vec<Destination>> {
        Box::pin(async move {
            let due = Findings::due(self, kind, most).await;
            due.iter().filter_map(|destination| Destination::new(destination).ok()).collect()
        })
    }

    fn keep(&self, kind: &'static str, destination: &Destination, kept: Kept) {
        let Kept { value, found, until, keep, again } = kept;
        Findings::keep(self, kind, destination.as_str(), Finding { value, found, until, keep, again });
    }
}

impl Keep for Reader {
    fn find<'a>(
        &'a self,
        kind: &'static str,
        destination: &'a Destination,
    ) -> BoxFuture<'a, Result<Option<Kept>, String>> {
        Box::pin(async move { told(Reader::find(self, kind, destination.as_str())) })
    }

    fn due(&self, _: &'static str, _: usize) -> BoxFuture<'_, Vec<Destination>> {
        Box::pin(async { Vec::new() })
    }

    fn keep(&self, _: &'static str, _: &Destination, _: Kept) {}
}

fn told(found: Result<Option<Finding>, StoreError>) -> Result<Option<Kept>, String> {
    let kept = |Finding { value, found, until, keep, again }| Kept { value, found, until, keep, again };
    found.map(|found| found.map(kept)).map_err(|error| error.to_string())
}
