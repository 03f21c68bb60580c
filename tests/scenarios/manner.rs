//! Mail servers of which it can be told what they can do only by contacting them as Postfix is told to.

use super::{
    CONFIDENTIAL,
    post::{accepted, arrived, verdict, with},
    scenario, up,
};
use crate::support::lab::{Lab, Options, SEGL_TOML, Segl};

/// Adds a transport, a copy of smtp, while Segl runs.
fn add_transport(lab: &Lab, segl: &Segl<'_>, chroot: bool, name: &str, overrides: &str) {
    let chroot = if chroot { "y" } else { "n" };
    lab.text_of(&["postconf", "-M", &format!("{name}/unix={name} unix - - {chroot} - - smtp {overrides}")]);
    lab.reload();
    lab.expect("Segl has read it", || segl.stderr().contains("Postfix's configuration was read"));
}

scenario!(tls_from_the_start_is_found_where_a_transport_begins_with_it);

fn tls_from_the_start_is_found_where_a_transport_begins_with_it(options: &Options<'_>) {
    let lab = up(&with(options, &["transport_maps=inline:{{a.test=wrap:[smtps.plain.test]:465}}"]));
    let segl = lab.start_segl(SEGL_TOML);
    let before = String::from_utf8_lossy(&lab.segl(&["probe", "[smtps.plain.test]:smtps"]).stdout).into_owned();
    assert!(before.contains(": unknown: port 465 speaks TLS from the start, and no transport has "), "{before}");
    add_transport(&lab, &segl, options.chroot, "wrap", "-o smtp_tls_wrappermode=yes");
    let queue_id = accepted(&lab, &["bo@a.test"], CONFIDENTIAL);
    let told = verdict(&segl, &queue_id);
    assert!(told.contains(" to=a.test require=encrypt tls=authenticated/pkix action=accept"), "{told}");
    assert_eq!(arrived(&lab, "smtps", 1)[0].tls.as_deref(), Some("TLSv1.3"));
    // The others are as before.
    let queue_id = accepted(&lab, &["bo@verified.plain.test"], CONFIDENTIAL);
    assert!(verdict(&segl, &queue_id).contains(" tls=authenticated/pkix action=accept"));
    arrived(&lab, "verified", 1);
}

scenario!(what_postfix_does_not_reach_is_not_contacted);

fn what_postfix_does_not_reach_is_not_contacted(options: &Options<'_>) {
    let lab = up(&with(options, &["inet_protocols=ipv4"]));
    let segl = lab.start_segl(SEGL_TOML);
    let queue_id = accepted(&lab, &["bo@six.plain.test"], CONFIDENTIAL);
    let told = verdict(&segl, &queue_id);
    assert!(told.contains(" to=six.plain.test require=encrypt tls=unknown action=accept "), "{told}");
    assert!(told.contains("Postfix does not use IPv6 (inet_protocols)"), "{told}");
    assert!(!lab.seen_in_the_clear("six", "EHLO"));
}

scenario!(transports_that_differ_are_not_vouched_for);

fn transports_that_differ_are_not_vouched_for(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(SEGL_TOML);
    add_transport(&lab, &segl, options.chroot, "other", "-o smtp_bind_address=192.0.2.250");
    let queue_id = accepted(&lab, &["bo@verified.plain.test"], CONFIDENTIAL);
    let told = verdict(&segl, &queue_id);
    assert!(told.contains(" tls=unknown action=accept "), "{told}");
    assert!(told.contains("transports smtp and other differ in smtp_bind_address: "), "{told}");
    // It is held to TLS all the same.
    assert_eq!(arrived(&lab, "verified", 1)[0].tls.as_deref(), Some("TLSv1.3"));
}
