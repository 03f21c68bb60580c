//! What is found of destinations, kept in the store.

use crate::{
    nexthop::Destination,
    probe::{Keep, Kept},
    store::findings::{Finding, Findings},
};
use futures_util::future::BoxFuture;

impl Keep for Findings {
    fn find<'a>(&'a self, kind: &'static str, destination: &'a Destination) -> BoxFuture<'a, Option<Kept>> {
        Box::pin(async move {
            let Finding { value, found, until, keep, again } = Findings::find(self, kind, destination.as_str()).await?;
            Some(Kept { value, found, until, keep, again })
        })
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
