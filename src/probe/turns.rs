//! One connection to an address at a time, however many destinations have it for a mail server: a large provider is not
//! knocked at by every one of its customers' domains at once.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Who waits for which address. Holds no more addresses than there are who wait or have their turn, which the number of
/// flights bounds.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<IpAddr, Arc<Semaphore>>>>);

/// The right to be connected to an address, until it is dropped.
pub(super) struct Turn {
    // Given back before the place is, since fields are dropped in this order.
    _permit: Option<OwnedSemaphorePermit>,
    _place: Place,
}

/// A place in the line of an address, whether waiting or served.
struct Place {
    turns: Turns,
    address: IpAddr,
}

impl Turns {
    /// Waits, as long as it takes and in the order of asking, until nobody else is connected to the address.
    pub(super) async fn wait(&self, address: IpAddr) -> Turn {
        // One machine, in whichever form its address is written.
        let address = address.to_canonical();
        let line = Arc::clone(self.lock().entry(address).or_insert_with(|| Arc::new(Semaphore::new(1))));
        let place = Place { turns: self.clone(), address };
        // Fails only for a semaphore that is closed, which none here ever is.
        let permit = line.acquire_owned().await.ok();
        Turn { _permit: permit, _place: place }
    }

    /// No code that can panic runs under this lock.
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Arc<Semaphore>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lines = self.turns.lock();
        // Whoever waits or is served holds the line too, and it is joined under the lock only: a count of one means that
        // nobody is in it any more.
        if lines.get(&self.address).is_some_and(|line| Arc::strong_count(line) == 1) {
            lines.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, future::join_all};
    use proptest::prelude::*;
    use std::{
        collections::BTreeMap,
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        time::Duration,
    };
    use tokio::time::{Instant, sleep, timeout};

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn other(n: u8) -> IpAddr {
        [192, 0, 2, n].into()
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_is_had_by_one_at_a_time_and_others_meanwhile() {
        let turns = Turns::default();
        let began = Instant::now();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let visit = async |address| {
            let _turn = turns.wait(address).await;
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            sleep(Duration::from_secs(1)).await;
            now.fetch_sub(1, SeqCst);
        };
        join_all((0..5).map(|_| visit(ONE))).await;
        assert_eq!((most.load(SeqCst), began.elapsed().as_secs()), (1, 5));
        join_all((0..5).map(|n| visit(other(n)))).await;
        assert_eq!((most.load(SeqCst), began.elapsed().as_secs()), (5, 6));
        assert!(turns.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn one_machine_is_one_address() {
        let turns = Turns::default();
        let _turn = turns.wait(ONE).await;
        assert!(turns.wait("::ffff:192.0.2.1".parse().unwrap()).now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gives_up_waiting_leaves_the_line() {
        let turns = Turns::default();
        let first = turns.wait(ONE).await;
        assert!(timeout(Duration::from_secs(1), turns.wait(ONE)).await.is_err());
        assert_eq!(turns.lock().len(), 1);
        drop(first);
        assert!(turns.lock().is_empty());
        assert!(turns.wait(ONE).now_or_never().is_some());
        assert!(turns.lock().is_empty());
    }

    proptest! {
        #[test]
        fn whatever_the_order_of_coming_and_going(steps in prop::collection::vec((0u8..3, 0u8..3), 0..60)) {
            let turns = Turns::default();
            let mut waiting: BTreeMap<u8, Vec<_>> = BTreeMap::new();
            let mut served: BTreeMap<u8, Turn> = BTreeMap::new();
            for (n, action) in steps {
                match action {
                    0 => waiting.entry(n).or_default().push(Box::pin({
                        let turns = turns.clone();
                        async move { turns.wait(other(n)).await }
                    })),
                    1 => drop(waiting.get_mut(&n).and_then(Vec::pop)),
                    _ => drop(served.remove(&n)),
                }
                for (n, line) in &mut waiting {
                    let came = line.iter_mut().map(|wait| wait.now_or_never()).collect::<Vec<_>>();
                    let at = came.iter().position(Option::is_some);
                    for turn in came.into_iter().flatten() {
                        prop_assert!(served.insert(*n, turn).is_none());
                    }
                    drop(at.map(|at| line.remove(at)));
                }
                prop_assert!(turns.lock().len() <= 3);
            }
            drop((waiting, served));
            prop_assert!(turns.lock().is_empty());
        }
    }
}
