//! What is told in words, without a number: with every rule that is shipped.

use super::{
    post::{ENCRYPT, accepted, arrived, expect_deferred, hold, policy, refused, unhold, verdict},
    scenario, up,
};
use crate::support::lab::{Options, with_every_rule};
use std::fs;

/// Facts about a person's health, in a mail between colleagues.
const ILLNESS: &str = "Kære Bo, Mette Holm i lønkontoret er sygemeldt resten af måneden. Hun er indlagt på psykiatrisk \
                       afdeling og har fået diagnosen depression, så vi finder en vikar. Hilsen Anna";

/// The same words about nobody.
const COURSE: &str = "Kære alle, kurset om depression og sygefravær på arbejdspladsen begynder på mandag i kantinen. \
                      Tilmelding på intranettet senest fredag. Med venlig hilsen Kursusafdelingen";

/// Resident memory with every rule, in KiB: a program that is not optimised takes a fifth more than one that is.
const MEMORY: u64 = 128 * 1024;

scenario!(what_is_told_in_words_is_found_and_held);

fn what_is_told_in_words_is_found_and_held(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(&with_every_rule());

    let (reply, _) = refused(&lab, &["bo@cleartext.plain.test"], ILLNESS, 550);
    assert!(reply.contains("(health)"), "{reply}");

    hold(&lab, "tls13");
    let queue_id = accepted(&lab, &["bo@tls13.plain.test"], ILLNESS);
    let said = verdict(&segl, &queue_id);
    assert!(said.starts_with("sensitive categories="), "{said}");
    assert!(said.contains("health"), "{said}");
    expect_deferred(&lab, &queue_id, "busy");
    assert_eq!(policy(&lab, "tls13.plain.test").as_deref(), Some(ENCRYPT));
    unhold(&lab, "tls13");
    assert_eq!(arrived(&lab, "tls13", 1)[0].tls.as_deref(), Some("TLSv1.3"));

    accepted(&lab, &["bo@cleartext.plain.test"], COURSE);
    assert_eq!(arrived(&lab, "cleartext", 1)[0].tls, None);

    let status = fs::read_to_string(format!("/proc/{}/status", segl.pid())).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let resident: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    println!("resident with every rule: {resident} KiB");
    assert!(resident < MEMORY, "{resident} KiB");
}
