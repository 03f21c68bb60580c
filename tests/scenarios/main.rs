//! What Segl promises, kept by the built program under a real Postfix in the lab (tests/lab): each scenario with
//! Debian's chroot and without. `SEGL_LAB_SUITE=trixie` runs them on the Postfix of another release.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "../support/mod.rs"]
mod support;

mod aliases;
mod bombs;
mod capable;
mod delivery;
mod doctor;
mod documents;
mod faults;
mod fixed;
mod garbage;
mod holding;
mod levels;
mod mail;
mod manner;
mod outage;
mod parts;
mod post;
mod proven;
mod published;
mod recipients;
mod refusals;
mod reports;
mod resolver;
mod routes;
mod service;
mod unknown;
mod versions;
mod wire;
mod words;
mod world;

use support::lab::{Lab, Options};

/// A text that every shipped rule set finds. A replacement number such as hospitals give (61 for the 1st), so that
/// nobody's own number stands in the project.
const CONFIDENTIAL: &str = "Patientens CPR-nr. er 610190-0005.";

/// Makes two tests of one scenario, a function that takes the lab's options: Postfix chrooted as Debian 12 and 13 have
/// it, and not.
macro_rules! scenario {
    ($name:ident) => {
        mod $name {
            #[test]
            fn chrooted() {
                super::$name(&crate::options(true));
            }

            #[test]
            fn not_chrooted() {
                super::$name(&crate::options(false));
            }
        }
    };
}
use scenario;

/// A lab with the lines of README in main.cf.
fn options(chroot: bool) -> Options<'static> {
    Options { chroot, segl: true, ..Options::default() }
}

/// Brings the lab up.
fn up(options: &Options<'_>) -> Lab {
    Lab::up(options)
}
