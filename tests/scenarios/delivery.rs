//! Where tagged and ordinary mail goes, and what of it is changed on the way.

use super::{
    CONFIDENTIAL,
    post::{
        ENCRYPT, ORDINARY, accepted, arrived, expect_deferred, expect_released, fields, hold, json_lines, parts,
        policy, unhold, verdict,
    },
    scenario, up,
};
use crate::support::lab::{Lab, Options, Received, SEGL_TOML, Segl};
use serde_json::json;

scenario!(tagged_mail_leaves_over_tls);

fn tagged_mail_leaves_over_tls(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(SEGL_TOML);
    let destination = "tls13.plain.test";
    assert_eq!(policy(&lab, destination), None);

    hold(&lab, "tls13");
    let queue_id = accepted(&lab, &["bo@tls13.plain.test"], CONFIDENTIAL);
    assert_eq!(
        verdict(&segl, &queue_id),
        "confidential categories=national-id to=tls13.plain.test require=encrypt tls=encrypted/TLSv1.3 action=accept"
    );
    assert!(!segl.stderr().contains("bo@"), "{}", segl.stderr());

    expect_deferred(&lab, &queue_id, "busy");
    assert_eq!(policy(&lab, destination).as_deref(), Some(ENCRYPT));
    let pins = json_lines(&lab, &["pins", "--json"]);
    let [pin] = pins.as_slice() else { panic!("{pins:?}") };
    let told: Vec<_> = ["destination", "require", "min_tls", "queue_id", "level"].map(|key| &pin[key]).to_vec();
    assert_eq!(json!(told), json!([destination, "encrypt", "TLSv1.2", queue_id, "confidential"]));
    assert_eq!(pin["categories"], json!(["national-id"]));
    assert_policy_says_why(&lab, destination, &queue_id);

    unhold(&lab, "tls13");
    let received = &arrived(&lab, "tls13", 1)[0];
    assert_eq!(received.tls.as_deref(), Some("TLSv1.3"));
    assert!(!lab.seen_in_the_clear("tls13", "bo@"), "the envelope stood outside TLS");
    assert_tag_stands(received);

    expect_released(&lab, destination);
    assert_eq!(json_lines(&lab, &["pins", "--json"]), Vec::<serde_json::Value>::new());
    let told = &json_lines(&lab, &["policy", "--json", destination])[0];
    assert_eq!(
        (&told["answer"], &told["reason"]),
        (&json!("NOTFOUND"), &json!("no pin holds it, and nothing else does")),
        "{told}"
    );
}

/// `segl policy` names what Postfix is told, the level without Segl, and the message that is the reason.
fn assert_policy_says_why(lab: &Lab, destination: &str, queue_id: &str) {
    let told = json_lines(lab, &["policy", "--json", destination, "other.plain.test"]);
    let [pinned, other] = told.as_slice() else { panic!("{told:?}") };
    let keys = ["next_hop", "answer", "policy", "mode", "level_in_force"];
    let values: Vec<_> = keys.map(|key| &pinned[key]).to_vec();
    assert_eq!(json!(values), json!([destination, "OK", ENCRYPT, "enforce", "may"]));
    let because: Vec<_> = ["scope", "message", "requirement", "level"].map(|key| &pinned["pins"][0][key]).to_vec();
    assert_eq!(json!(because), json!([destination, queue_id, "encrypt", "confidential"]));
    assert_eq!((&other["answer"], &other["pins"]), (&json!("NOTFOUND"), &json!([])));

    let output = lab.segl(&["policy", destination]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with(&format!("{destination}: {ENCRYPT}\n")) && text.contains(queue_id), "{text}");
}

/// The tag stands once, right behind the Received field of the server that Segl works for: what stands above it was
/// added later.
fn assert_tag_stands(received: &Received) {
    let (header, body) = parts(&received.data);
    assert_eq!(body, format!("{CONFIDENTIAL}\n"));
    assert!(header[0].starts_with("Received: from client.sender.test"), "{header:?}");
    assert_eq!(header[1], "X-Segl: require=encrypt", "{header:?}");
    assert_eq!(fields(&received.data, "x-segl").len(), 1, "{header:?}");
}

scenario!(each_tls_server_gets_tagged_mail_by_its_own_tls);

fn each_tls_server_gets_tagged_mail_by_its_own_tls(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(SEGL_TOML);
    for (domain, server, tls, word) in [
        ("tls12.plain.test", "tls12", "TLSv1.2", "encrypted/TLSv1.2"),
        ("verified.plain.test", "verified", "TLSv1.3", "authenticated/pkix"),
        ("wrongname.plain.test", "wrongname", "TLSv1.3", "encrypted/TLSv1.3"),
        ("implicit.plain.test", "implicit", "TLSv1.3", "encrypted/TLSv1.3"),
        ("cname.plain.test", "cname", "TLSv1.3", "encrypted/TLSv1.3"),
        ("six.plain.test", "six", "TLSv1.3", "encrypted/TLSv1.3"),
        ("half.plain.test", "half-tls", "TLSv1.3", "encrypted/TLSv1.3"),
    ] {
        let queue_id = accepted(&lab, &[&format!("bo@{domain}")], CONFIDENTIAL);
        let told = verdict(&segl, &queue_id);
        assert!(told.contains(&format!(" to={domain} require=encrypt tls={word} action=accept")), "{told}");
        assert_eq!(arrived(&lab, server, 1)[0].tls.as_deref(), Some(tls), "{domain}");
    }
    assert_eq!(lab.received("half-cleartext").len(), 0);
    assert!(!lab.seen_in_the_clear("half-cleartext", "MAIL"));
}

/// A message with what a careless hand could change: folding, white space, long and dotted lines, raw 8-bit, and no
/// line end's worth of order in its header.
fn peculiar() -> Vec<u8> {
    let mut message = b"Subject: The\r\n\tmeeting  \r\n of =?utf-8?q?=C3=A6ra?= \r\nReceived: from elsewhere\r\n\
        \tby nowhere; Thu, 1 Jan 2026 11:00:00 +0000\r\nFrom: \"Anna, of S.\" <anna@sender.test>\r\n\
        to: <bo@cleartext.plain.test>\r\nDate: Thu, 1 Jan 2026 12:00:00 +0000\r\n\
        MESSAGE-ID:<one@client.sender.test>\r\nX-Empty:\r\nX-Seglet: no tag\r\nX-8bit: bl\xc3\xa5b\xe6r\r\n\
        Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\npreamble\r\n--b\r\n\r\n.\r\n..\r\n.dot\r\n\ttab \r\n"
        .to_vec();
    message.extend(b"\r\n\r\nbl\xe5b\xe6r\xf8d \xff\r\n");
    message.extend(b"long ".repeat(180));
    message.extend(b"\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    message.extend(b"AAECAwQFBgcICQoLDA0ODw==\r\n--b--\r\nepilogue\r\n\r\n");
    message
}

/// The message as it arrives at the cleartext server, without the Received field of our own server.
fn passed(lab: &Lab, message: &[u8]) -> Received {
    let result = lab.send_raw("anna@sender.test", &["bo@cleartext.plain.test"], message);
    assert_eq!(result.code, Some(250), "{result:?}");
    let mut received = arrived(lab, "cleartext", 1).remove(0);
    let own = received.data.windows(2).enumerate().find(|(at, two)| {
        two == b"\r\n" && received.data.get(at + 2).is_some_and(|next| !matches!(next, b' ' | b'\t'))
    });
    let Some((end, _)) = own else { panic!("no header: {received:?}") };
    let rest = received.data.split_off(end + 2);
    assert!(received.data.starts_with(b"Received: from client.sender.test"), "{received:?}");
    received.data = rest;
    received
}

scenario!(ordinary_mail_passes_as_if_segl_were_not_there);

fn ordinary_mail_passes_as_if_segl_were_not_there(options: &Options<'_>) {
    let message = peculiar();
    let without = {
        let lab = up(&Options { segl: false, main_cf: &["smtp_tls_security_level=may"], ..*options });
        passed(&lab, &message)
    };
    let lab = up(options);
    let segl = lab.start_segl(SEGL_TOML);
    let with = passed(&lab, &message);
    assert_eq!(String::from_utf8_lossy(&with.data), String::from_utf8_lossy(&without.data));
    assert_eq!(with.data, without.data);
    assert_eq!((with.from, with.to, with.helo, with.tls), (without.from, without.to, without.helo, without.tls));
    // All that is said of it: that one of its parts, bytes of no kind, was not read.
    let log = segl.stderr();
    let said: Vec<&str> = log.lines().filter(|line| line.contains("action=")).collect();
    let [line] = said.as_slice() else { panic!("{log}") };
    assert!(line.contains(": none to=cleartext.plain.test action=accept unreadable=1 scan="), "{line}");
}

/// A message with five foreign tags, some of them folded and in another case.
fn forged(body: &str) -> Vec<u8> {
    format!(
        "X-Segl: require=none\r\nFrom: <anna@sender.test>\r\nX-SEGL: one\r\nx-segl:\r\n two\r\nX-Segls: kept\r\n\
         Subject: Journal\r\nX-segl: require=encrypt\r\nDate: Thu, 1 Jan 2026 12:00:00 +0000\r\nx-SEGL: last\r\n\
         \r\n{body}\r\nX-Segl: in the body\r\n"
    )
    .into_bytes()
}

fn assert_only(data: &[u8], tags: &[&str]) {
    assert_eq!(fields(data, "x-segl"), tags, "{}", String::from_utf8_lossy(data));
    assert_eq!(fields(data, "x-segls"), ["X-Segls: kept"]);
    assert!(parts(data).1.ends_with("X-Segl: in the body\n"), "{}", String::from_utf8_lossy(data));
}

scenario!(foreign_tags_are_taken_away);

fn foreign_tags_are_taken_away(options: &Options<'_>) {
    let lab = up(options);
    let _segl = lab.start_segl(SEGL_TOML);
    let send = |to: &str, body: &str| {
        let result = lab.send_raw("anna@sender.test", &[to], &forged(body));
        assert_eq!(result.code, Some(250), "{to}: {result:?}");
    };
    send("bo@cleartext.plain.test", ORDINARY);
    assert_only(&arrived(&lab, "cleartext", 1)[0].data, &[]);
    send("bo@tls12.plain.test", CONFIDENTIAL);
    assert_only(&arrived(&lab, "tls12", 1)[0].data, &["X-Segl: require=encrypt"]);

    send("bo@sender.test", ORDINARY);
    lab.expect("bo has mail", || lab.mailbox("bo").contains("in the body\n\n"));
    // mbox: a line `From …` before, an empty line after.
    let mailbox = lab.mailbox("bo");
    let message = mailbox.split_once('\n').map_or("", |(_, message)| message).trim_end().to_owned() + "\n";
    assert_only(message.as_bytes(), &[]);

    let output = lab.sendmail("anna@sender.test", &["bo@tls13.plain.test"], &forged(CONFIDENTIAL));
    assert!(output.status.success(), "{output:?}");
    assert_only(&arrived(&lab, "tls13", 1)[0].data, &["X-Segl: require=encrypt"]);
}

scenario!(the_tag_can_say_more_or_be_left_out);

fn the_tag_can_say_more_or_be_left_out(options: &Options<'_>) {
    let lab = up(options);
    let mut segl = lab.start_segl(&format!("{SEGL_TOML}[log]\nheader-categories = true\naddresses = true\n"));
    let queue_id = accepted(&lab, &["bo@tls13.plain.test"], CONFIDENTIAL);
    let tag = "X-Segl: require=encrypt; level=confidential; categories=national-id";
    assert_eq!(fields(&arrived(&lab, "tls13", 1)[0].data, "x-segl"), [tag]);
    assert!(verdict(&segl, &queue_id).contains(" to=bo@tls13.plain.test "), "{}", segl.stderr());

    segl.configure(&format!("{SEGL_TOML}[log]\nheader = false\n"));
    segl.restart();
    accepted(&lab, &["bo@tls12.plain.test"], CONFIDENTIAL);
    let received = &arrived(&lab, "tls12", 1)[0];
    assert_eq!(fields(&received.data, "x-segl"), Vec::<String>::new());
    assert_eq!(received.tls.as_deref(), Some("TLSv1.2"));
}

scenario!(observing_changes_nothing_but_the_log_and_the_header);

fn observing_changes_nothing_but_the_log_and_the_header(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(&SEGL_TOML.replace("\"enforce\"", "\"observe\""));
    hold(&lab, "cleartext");
    let queue_id = accepted(&lab, &["bo@cleartext.plain.test"], CONFIDENTIAL);
    assert_eq!(
        verdict(&segl, &queue_id),
        "confidential categories=national-id to=cleartext.plain.test require=encrypt tls=cleartext action=accept \
         mode=observe would=reject reason=\"cleartext.plain.test: mx.cleartext.plain.test[192.0.2.107]: STARTTLS is not offered\""
    );
    expect_deferred(&lab, &queue_id, "busy");
    assert_eq!(policy(&lab, "cleartext.plain.test"), None);
    unhold(&lab, "cleartext");
    let received = &arrived(&lab, "cleartext", 1)[0];
    assert_eq!(received.tls, None);
    assert_tag_stands(received);

    assert_tagged_without_a_hold(&lab, &segl);
}

/// Where TLS is there, mail takes it as it does without Segl, and no policy is given.
fn assert_tagged_without_a_hold(lab: &Lab, segl: &Segl<'_>) {
    hold(lab, "tls13");
    let queue_id = accepted(lab, &["bo@tls13.plain.test"], CONFIDENTIAL);
    let told = verdict(segl, &queue_id);
    assert!(told.ends_with(" action=accept mode=observe would=accept"), "{told}");
    expect_deferred(lab, &queue_id, "busy");
    assert_eq!(policy(lab, "tls13.plain.test"), None);
    unhold(lab, "tls13");
    assert_tag_stands(&arrived(lab, "tls13", 1)[0]);
}
