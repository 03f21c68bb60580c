//! Where tagged and ordinary mail goes, and where it does not.

use super::{CONFIDENTIAL, scenario, up};
use crate::support::lab::{Message, Options, SEGL_TOML};

scenario!(tagged_mail_leaves_over_tls);

fn tagged_mail_leaves_over_tls(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(SEGL_TOML);
    let to = ["bo@tls13.plain.test"];
    let sent = lab.send(&Message { from: "anna@sender.test", to: &to, subject: "Journal", body: CONFIDENTIAL });
    assert_eq!(sent.code, Some(250), "{sent:?}");
    lab.expect("the message arrives", || lab.received("tls13").len() == 1);
    assert_eq!(lab.received("tls13")[0].tls.as_deref(), Some("TLSv1.3"));
    assert!(segl.stderr().contains("to=tls13.plain.test require=encrypt"), "{}", segl.stderr());
}
