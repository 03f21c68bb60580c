//! What a sender is told whose message could not be sent encrypted, and that nobody gets it then.

use super::{
    CONFIDENTIAL,
    post::{assert_nothing_left, lines, policy, refused},
    scenario, up,
};
use crate::support::lab::{Lab, Message, Options, SEGL_TOML, Segl};

/// The queue ID in a refusal; Segl's log has one line of it, which this returns too.
fn reference(segl: &Segl<'_>, text: &str) -> (String, String) {
    let (_, after) = text.split_once("Ref").unwrap_or_else(|| panic!("no reference: {text}"));
    let id = after.trim_start_matches(['.', ' ']).split([',', '\n']).next().unwrap_or_default();
    let lines = lines(segl, id);
    let [line] = lines.as_slice() else { panic!("{id}: {lines:?}") };
    (id.to_owned(), line.clone())
}

scenario!(a_cleartext_destination_is_refused);

fn a_cleartext_destination_is_refused(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(SEGL_TOML);
    let (text, first) = refused(&lab, &["bo@cleartext.plain.test"], CONFIDENTIAL, 550);
    let (id, line) = reference(&segl, &text);
    assert_eq!(
        text,
        format!(
            "5.7.10 Not sent to anyone: the message holds confidential data (national id) and cleartext.plain.test \
             cannot receive encrypted mail. Ref {id}"
        )
    );
    let expected = format!(
        "{id}: confidential categories=national-id to=cleartext.plain.test require=encrypt tls=cleartext \
         action=reject reason=\"cleartext.plain.test: mx.cleartext.plain.test[192.0.2.107]: STARTTLS is not offered\" \
         scan="
    );
    assert!(line.starts_with(&expected), "{line}");
    let (_, second) = refused(&lab, &["bo@cleartext.plain.test"], CONFIDENTIAL, 550);
    println!("refused after {first:?}, again from memory after {second:?}, the client's start included");
    assert_eq!(policy(&lab, "cleartext.plain.test"), None);
    assert_nothing_left(&lab, &[("bo@cleartext.plain.test", "cleartext")]);
}

scenario!(each_way_of_not_encrypting_is_refused);

fn each_way_of_not_encrypting_is_refused(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(SEGL_TOML);
    for (domain, sentence, reason) in [
        ("tls11.plain.test", "cannot receive encrypted mail", "its TLS is older than 1.2"),
        ("nullmx.plain.test", "cannot receive mail", "null MX"),
    ] {
        let (text, took) = refused(&lab, &[&format!("bo@{domain}")], CONFIDENTIAL, 550);
        let (_, line) = reference(&segl, &text);
        println!("{domain}: refused after {took:?}, the client's start included");
        assert!(text.contains(&format!(" and {domain} {sentence}. Ref ")), "{text}");
        assert!(line.contains(&format!("reason=\"{domain}: ")) && line.contains(reason), "{line}");
    }
    assert_nothing_left(&lab, &[]);
}

scenario!(one_destination_that_cannot_refuses_all);

fn one_destination_that_cannot_refuses_all(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(SEGL_TOML);
    let to = [
        "bo@tls13.plain.test",
        "klerk@sender.test",
        "bo@cleartext.plain.test",
        "bo@half.plain.test",
        "bo@nullmx.plain.test",
        "other@cleartext.plain.test",
        "bo@tls11.plain.test",
    ];
    let (text, _) = refused(&lab, &to, CONFIDENTIAL, 550);
    let (_, line) = reference(&segl, &text);
    assert!(
        text.starts_with(
            "5.7.10 Not sent to anyone: the message holds confidential data (national id) and cleartext.plain.test and \
             tls11.plain.test cannot receive encrypted mail; nullmx.plain.test cannot receive mail. Ref "
        ),
        "{text}"
    );
    let head = " to=tls13.plain.test,cleartext.plain.test,half.plain.test,nullmx.plain.test,tls11.plain.test \
                require=encrypt tls=encrypted/TLSv1.3,cleartext,encrypted/TLSv1.3,undeliverable,";
    assert!(line.contains(head) && line.contains(" action=reject "), "{line}");
    for key in ["tls13.plain.test", "half.plain.test", "cleartext.plain.test"] {
        assert_eq!(policy(&lab, key), None, "{key}");
    }
    assert_nothing_left(&lab, &[("bo@tls13.plain.test", "tls13"), ("bo@cleartext.plain.test", "cleartext")]);
    assert_eq!(lab.mailbox("klerk"), "");
}

/// The lab's configuration with lines for the organisation.
fn organisation(lines: &str) -> String {
    SEGL_TOML.replace("[organisation]\n", &format!("[organisation]\n{lines}"))
}

/// The whole reply to a message with an account number, whose Danish words have letters beyond ASCII.
fn reply(lab: &Lab, from: &str) -> String {
    let to = ["bo@cleartext.plain.test"];
    let body = "IBAN: DK50 0040 0440 1162 43";
    let result = lab.send(&Message { from, to: &to, subject: "Konto", body });
    assert_eq!(result.code, Some(550), "{result:?}");
    result.text
}

scenario!(refusals_speak_the_organisations_language);

fn refusals_speak_the_organisations_language(options: &Options<'_>) {
    let lab = up(options);
    let contact = "https://mail.sender.test/hjælp";
    let mut segl = lab.start_segl(&organisation(&format!("language = \"da\"\ncontact = \"{contact}\"\n")));
    let sentence = |kind: &str, id: &str, contact: &str| {
        format!(
            "5.7.10 Ikke sendt til nogen: beskeden indeholder fortrolige oplysninger ({kind}), og cleartext.plain.test \
             kan ikke modtage krypteret mail. Ref. {id}, {contact}"
        )
    };
    let ascii = reply(&lab, "anna@sender.test");
    let id = reference(&segl, &ascii).0;
    assert_eq!(ascii, sentence("oekonomi", &id, "https://mail.sender.test/hjaelp"));
    // A sender's address that is not ASCII needs SMTPUTF8, and so the client says that it speaks it.
    let utf8 = reply(&lab, "bjørn@sender.test");
    let id = reference(&segl, &utf8).0;
    assert_eq!(utf8, sentence("økonomi", &id, contact));

    segl.configure(&organisation("name-the-kind = false\n"));
    segl.restart();
    let unnamed = reply(&lab, "anna@sender.test");
    let id = reference(&segl, &unnamed).0;
    let expected = "Not sent to anyone: the message holds confidential data and cleartext.plain.test cannot";
    assert_eq!(unnamed, format!("5.7.10 {expected} receive encrypted mail. Ref {id}"));
    assert_nothing_left(&lab, &[]);
}

scenario!(a_level_can_ask_for_more_and_put_off_instead);

fn a_level_can_ask_for_more_and_put_off_instead(options: &Options<'_>) {
    let lab = up(options);
    let rules = "[level.confidential]\nrequire = \"authenticated\"\nmin-tls = \"1.3\"\nif-unmet = \"defer\"\n";
    let segl = lab.start_segl(&format!("{SEGL_TOML}{rules}"));
    let to = ["bo@selfsigned.plain.test", "bo@tls12.plain.test", "bo@verified.plain.test"];
    let (text, _) = refused(&lab, &to, CONFIDENTIAL, 450);
    assert!(
        text.starts_with(
            "4.7.10 Not sent yet, try again later: the message holds confidential data (national id) and \
             tls12.plain.test cannot receive encrypted mail; selfsigned.plain.test cannot prove who receives the mail. \
             Ref "
        ),
        "{text}"
    );
    let (_, line) = reference(&segl, &text);
    assert!(line.contains(" require=authenticated ") && line.contains(" action=defer "), "{line}");
    assert_nothing_left(&lab, &[]);
}
