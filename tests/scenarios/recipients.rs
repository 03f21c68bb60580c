//! Who gets a message, and by which way it came: internal and external recipients, mail from outside, sendmail(1),
//! virtual aliases.

use super::{
    CONFIDENTIAL,
    post::{
        ENCRYPT, ORDINARY, accepted, arrived, assert_nothing_left, expect_deferred, expect_released, fields, hold,
        policy, refused, send, unhold, verdict, with,
    },
    scenario, up,
};
use crate::support::lab::{Lab, Options, SEGL_TOML};
use std::{
    fs,
    io::{Read, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    sync::{Arc, Mutex, PoisonError},
    thread::spawn,
};

scenario!(internal_and_external_recipients_share_a_message);

fn internal_and_external_recipients_share_a_message(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(SEGL_TOML);
    let queue_id = accepted(&lab, &["bo@sender.test", "bo@tls13.plain.test"], CONFIDENTIAL);
    assert!(verdict(&segl, &queue_id).contains(" to=tls13.plain.test "), "{}", segl.stderr());
    assert_eq!(arrived(&lab, "tls13", 1)[0].tls.as_deref(), Some("TLSv1.3"));
    lab.expect("bo has mail", || lab.mailbox("bo").contains(CONFIDENTIAL));
    assert!(lab.mailbox("bo").contains("\nX-Segl: require=encrypt\n"), "{}", lab.mailbox("bo"));

    let (text, _) = refused(&lab, &["klerk@sender.test", "bo@cleartext.plain.test"], CONFIDENTIAL, 550);
    assert!(text.contains(" and cleartext.plain.test cannot"), "{text}");
    assert_eq!(lab.received_by_all().len(), 1);
    accepted(&lab, &["klerk@sender.test"], ORDINARY);
    lab.expect("klerk has mail", || lab.mailbox("klerk").contains(ORDINARY));
    assert!(!lab.mailbox("klerk").contains(CONFIDENTIAL));
}

/// What Postfix has sent to the milter, a connection each.
type Heard = Arc<Mutex<Vec<Vec<u8>>>>;

/// Stands between Postfix and the milter's socket, at `segl/tap.sock`, and keeps what Postfix sends.
fn tap(lab: &Lab) -> Heard {
    let (own, milter) = (lab.file("/var/spool/postfix/segl/tap.sock"), lab.file("/var/spool/postfix/segl/milter.sock"));
    let listener = UnixListener::bind(&own).unwrap_or_else(|error| panic!("{}: {error}", own.display()));
    fs::set_permissions(&own, fs::Permissions::from_mode(0o666)).unwrap_or_else(|error| panic!("chmod: {error}"));
    let heard = Heard::default();
    let kept = Arc::clone(&heard);
    spawn(move || {
        // Until the lab is gone; whatever fails then fails for that reason.
        while let Ok((postfix, _)) = listener.accept() {
            if let Ok(daemon) = UnixStream::connect(&milter) {
                relay(postfix, daemon, &kept);
            }
        }
    });
    heard
}

fn relay(postfix: UnixStream, daemon: UnixStream, heard: &Heard) {
    let (Ok(mut from_postfix), Ok(mut to_daemon)) = (postfix.try_clone(), daemon.try_clone()) else { return };
    let (mut from_daemon, mut to_postfix, heard) = (daemon, postfix, Arc::clone(heard));
    let number = {
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push(Vec::new());
        heard.len() - 1
    };
    spawn(move || {
        let mut buffer = vec![0; 65536];
        while let Ok(length @ 1..) = from_postfix.read(&mut buffer) {
            heard.lock().unwrap_or_else(PoisonError::into_inner)[number].extend(&buffer[..length]);
            if to_daemon.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to_daemon.shutdown(std::net::Shutdown::Write);
    });
    spawn(move || {
        let _ = std::io::copy(&mut from_daemon, &mut to_postfix);
        let _ = to_postfix.shutdown(std::net::Shutdown::Both);
    });
}

/// How many packets of the milter protocol with that command a connection had, and their bytes: a length of four bytes,
/// the command, its data.
fn packets(mut heard: &[u8], command: u8) -> (usize, usize) {
    let (mut count, mut bytes) = (0, 0);
    while let Some((length, rest)) = heard.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        assert!(length >= 1 && rest.len() >= length, "half a packet");
        if rest[0] == command {
            count += 1;
            bytes += length - 1;
        }
        heard = &rest[length..];
    }
    (count, bytes)
}

scenario!(internal_mail_is_not_read);

fn internal_mail_is_not_read(options: &Options<'_>) {
    let lab = up(&with(options, &["smtpd_milters=unix:segl/tap.sock"]));
    let segl = lab.start_segl(SEGL_TOML);
    let heard = tap(&lab);
    let body = format!("{CONFIDENTIAL}\r\n").repeat(30_000);

    accepted(&lab, &["bo@sender.test", "klerk@mail.sender.test"], &body);
    lab.expect("both have it", || ["bo", "klerk"].iter().all(|user| lab.mailbox(user).len() > body.len() * 9 / 10));
    for user in ["bo", "klerk"] {
        let mailbox = lab.mailbox(user);
        assert!(mailbox.contains(CONFIDENTIAL) && !mailbox.contains("X-Segl"), "{user}: {}", &mailbox[..1000]);
    }
    assert!(segl.stderr().lines().all(|line| !line.contains("action=")), "{}", segl.stderr());

    accepted(&lab, &["bo@sender.test", "bo@tls13.plain.test"], &body);
    assert_eq!(fields(&arrived(&lab, "tls13", 1)[0].data, "x-segl").len(), 1);

    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let [internal, external] = heard.as_slice() else { panic!("{} connections to the milter", heard.len()) };
    let (internal, external) = (packets(internal, b'B'), packets(external, b'B'));
    println!("body of {} bytes: internal {internal:?}, external {external:?} (packets, bytes)", body.len());
    // The protocol has no way to refuse a body before its first piece.
    assert!(internal.0 == 1 && internal.1 <= 65535, "{internal:?}");
    assert!(external.1 >= body.len(), "{external:?}");
}

scenario!(what_is_not_known_to_be_internal_is_external);

fn what_is_not_known_to_be_internal_is_external(options: &Options<'_>) {
    // A local domain that is not named as one of ours, and one of ours that goes elsewhere.
    let lab = up(&with(
        options,
        &[
            "mydestination=$myhostname, sender.test, localhost, guests.test",
            "transport_maps=inline:{{mail.sender.test=smtp:[cleartext.plain.test]:26}}",
        ],
    ));
    let segl = lab.start_segl(SEGL_TOML);
    let queue_id = accepted(&lab, &["bo@guests.test"], CONFIDENTIAL);
    assert!(verdict(&segl, &queue_id).contains(" to=guests.test require=encrypt tls=none/stays-here action=accept"));
    let result = send(&lab, &["bo@mail.sender.test"], CONFIDENTIAL);
    let told = segl.stderr();
    let line = told.lines().last().unwrap_or_default();
    assert!(line.contains(" to=mail.sender.test "), "{result:?}: {line}");
    assert_eq!(lab.received_by_all().len(), 0);
}

/// Sends a text as a stranger: its queue ID.
fn from_outside(lab: &Lab, to: &str, body: &str) -> String {
    let raw = format!("From: <x@else.test>\r\nTo: <{to}>\r\nSubject: Journal\r\n\r\n{body}\r\n");
    let result = lab.send_many("recipients", "x@else.test", &[to], raw.as_bytes(), 1, 1);
    assert_eq!(result.code, Some(250), "{to}: {result:?}");
    result.queue_id.unwrap_or_else(|| panic!("no queue ID: {}", result.text))
}

scenario!(mail_from_outside_is_never_refused_and_never_leaks);

fn mail_from_outside_is_never_refused_and_never_leaks(options: &Options<'_>) {
    let lab = up(&with(
        options,
        &[
            "relay_domains=cleartext.plain.test, switch.plain.test",
            "virtual_alias_domains=alias.test",
            "virtual_alias_maps=inline:{{bo@alias.test=bo@cleartext.plain.test}}",
        ],
    ));
    let segl = lab.start_segl(SEGL_TOML);
    let queue_id = from_outside(&lab, "bo@cleartext.plain.test", CONFIDENTIAL);
    assert_eq!(
        verdict(&segl, &queue_id),
        "confidential categories=national-id to=cleartext.plain.test require=encrypt tls=cleartext direction=inbound \
         action=accept reason=\"cleartext.plain.test: mx.cleartext.plain.test[192.0.2.107]: STARTTLS is not offered\""
    );
    expect_deferred(&lab, &queue_id, "TLS is required, but was not offered");
    assert_eq!(policy(&lab, "cleartext.plain.test").as_deref(), Some(ENCRYPT));
    let aliased = from_outside(&lab, "bo@alias.test", CONFIDENTIAL);
    assert!(verdict(&segl, &aliased).contains(" to=cleartext.plain.test "), "{}", segl.stderr());
    expect_deferred(&lab, &aliased, "TLS is required, but was not offered");

    from_outside(&lab, "bo@switch.plain.test", CONFIDENTIAL);
    assert_eq!(arrived(&lab, "switch", 1)[0].tls.as_deref(), Some("TLSv1.3"));
    // What a filter sends on in the stranger's name, to come back to nobody.
    let sent = lab.sendmail("x@else.test", &["bo@cleartext.plain.test"], &letter(CONFIDENTIAL));
    assert!(sent.status.success(), "{sent:?}");
    lab.expect("it is held too", || segl.stderr().matches(" to=cleartext.plain.test ").count() == 3);
    assert!(!segl.stderr().contains("action=reject"), "{}", segl.stderr());
    assert!(!lab.seen_in_the_clear("cleartext", "MAIL FROM"));

    lab.set_starttls("cleartext", true);
    lab.flush();
    for received in arrived(&lab, "cleartext", 3) {
        assert_eq!(received.tls.as_deref(), Some("TLSv1.3"));
    }
    expect_released(&lab, "cleartext.plain.test");
}

/// A message for sendmail(1).
fn letter(body: &str) -> Vec<u8> {
    format!("From: <anna@sender.test>\nSubject: Journal\n\n{body}\n").into_bytes()
}

scenario!(mail_by_sendmail_is_judged_too);

fn mail_by_sendmail_is_judged_too(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(SEGL_TOML);
    let send = |to: &[&str]| {
        let output = lab.sendmail("anna@sender.test", to, &letter(CONFIDENTIAL));
        assert!(output.status.success(), "{to:?}: {output:?}");
    };
    send(&["bo@tls13.plain.test", "bo@sender.test"]);
    let received = &arrived(&lab, "tls13", 1)[0];
    assert_eq!(received.tls.as_deref(), Some("TLSv1.3"));
    assert_eq!(fields(&received.data, "x-segl"), ["X-Segl: require=encrypt"]);
    assert!(segl.stderr().contains(
        "confidential categories=national-id to=tls13.plain.test require=encrypt tls=encrypted/TLSv1.3 action=accept"
    ));

    // There is no client to be refused: the sender gets a notice.
    send(&["bo@tls12.plain.test", "bo@cleartext.plain.test", "klerk@sender.test"]);
    lab.expect("anna is told", || lab.mailbox("anna").contains("cannot receive encrypted mail"));
    let notice = lab.mailbox("anna");
    for words in ["5.7.10", "<bo@tls12.plain.test>", "<bo@cleartext.plain.test>", "<klerk@sender.test>"] {
        assert!(notice.contains(words), "{words}: {notice}");
    }
    assert!(segl.stderr().contains(" to=tls12.plain.test,cleartext.plain.test "), "{}", segl.stderr());

    send(&["klerk@sender.test"]);
    lab.expect("klerk has mail", || lab.mailbox("klerk").contains(CONFIDENTIAL));
    let mailbox = lab.mailbox("klerk");
    assert_eq!(mailbox.matches(CONFIDENTIAL).count(), 1, "{mailbox}");
    assert!(!mailbox.contains("X-Segl"), "{mailbox}");
    expect_released(&lab, "tls13.plain.test");
    assert_eq!(policy(&lab, "sender.test"), None);
    assert_eq!(lab.received_by_all().len(), 1);
    assert!(!lab.seen_in_the_clear("cleartext", "MAIL FROM"));
}

scenario!(virtual_alias_domains_are_followed);

fn virtual_alias_domains_are_followed(options: &Options<'_>) {
    let lab = up(options);
    let table = "clear@alias.test bo@cleartext.plain.test\nsealed@alias.test bo@TLS13.plain.test\n\
        inside@alias.test bo@sender.test\nmany@alias.test sealed@alias.test, inside@alias.test, bo@tls12.plain.test\n\
        mixed@alias.test many@alias.test, clear@alias.test\n";
    fs::write(lab.file("/etc/postfix/virtual"), table).unwrap_or_else(|error| panic!("virtual: {error}"));
    lab.postconf(&["virtual_alias_domains=alias.test", "virtual_alias_maps=texthash:/etc/postfix/virtual"]);
    let segl = lab.start_segl(SEGL_TOML);

    for alias in ["clear@alias.test", "mixed@alias.test"] {
        let (text, _) = refused(&lab, &[alias], CONFIDENTIAL, 550);
        assert!(text.contains(" and cleartext.plain.test cannot receive encrypted mail."), "{text}");
    }
    assert_nothing_left(&lab, &[]);

    for server in ["tls13", "tls12"] {
        hold(&lab, server);
    }
    let queue_id = accepted(&lab, &["many@alias.test"], CONFIDENTIAL);
    let told = verdict(&segl, &queue_id);
    for domain in ["tls12.plain.test", "tls13.plain.test"] {
        assert!(told.contains(domain), "{told}");
        assert_eq!(policy(&lab, domain).as_deref(), Some(ENCRYPT), "{domain}");
    }
    assert!(!told.contains("sender.test"), "{told}");
    lab.expect("bo has mail", || lab.mailbox("bo").contains(CONFIDENTIAL));
    for server in ["tls13", "tls12"] {
        unhold(&lab, server);
        assert!(arrived(&lab, server, 1)[0].tls.is_some());
    }

    // Of mail that stays with us nothing is said.
    let inside = accepted(&lab, &["inside@alias.test"], CONFIDENTIAL);
    lab.expect("bo has more mail", || lab.mailbox("bo").matches(CONFIDENTIAL).count() == 2);
    assert!(!segl.stderr().contains(&inside), "{}", segl.stderr());
}
