//! `segl doctor`: what it calls open lets mail pass, and what it says closes that.

use super::{CONFIDENTIAL, mail::ANNA, post::refused, scenario, up};
use crate::support::lab::{Lab, Options, SEGL_TOML};

scenario!(what_is_open_is_named_and_closed);

fn doctor(lab: &Lab, arguments: &[&str]) -> (Option<i32>, String) {
    let output = lab.segl(&[&["doctor"], arguments].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    println!("segl doctor {}\n{text}", arguments.join(" "));
    (output.status.code(), text)
}

fn what_is_open_is_named_and_closed(options: &Options<'_>) {
    let lab = up(&Options {
        main_cf: &[
            "smtpd_milter_maps=inline:{127.0.0.1=DISABLE}",
            "smtp_connection_cache_on_demand=yes",
            "forward_path=",
        ],
        ..*options
    });
    let segl = lab.start_segl(SEGL_TOML);
    let (code, text) = doctor(&lab, &[]);
    assert_eq!(code, Some(1));
    assert!(text.contains("remedy: postconf -e 'smtpd_milter_maps='"), "{text}");
    assert!(segl.stderr().contains("open: main.cf: smtpd_milter_maps: clients in this table"), "{}", segl.stderr());
    // It is open indeed: the milter is not asked of this client.
    let to = ["bo@cleartext.plain.test"];
    let raw = format!("From: <{ANNA}>\r\nSubject: Journal\r\n\r\n{CONFIDENTIAL}\r\n");
    let sent = lab.send_many("mta", ANNA, &to, raw.as_bytes(), 1, 1);
    assert_eq!(sent.code, Some(250), "{sent:?}");
    lab.expect("it leaked", || lab.received("cleartext").len() == 1);

    // Nothing is changed without a yes.
    let before = lab.text_of(&["postconf", "-n"]);
    let (code, text) = doctor(&lab, &["--fix"]);
    assert!(code == Some(1) && text.contains("nothing was changed"), "{text}");
    assert_eq!(lab.text_of(&["postconf", "-n"]), before);
    let (code, text) = doctor(&lab, &["--fix", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("now: smtpd_milter_maps = inline:{127.0.0.1=DISABLE}") && text.ends_with(" all safe\n"),
        "{text}"
    );
    lab.reload();
    refused(&lab, &to, CONFIDENTIAL, 550);
    assert_eq!(lab.received("cleartext").len(), 1);
    let (_, json) = doctor(&lab, &["--json"]);
    assert!(json.lines().all(|line| line.contains("\"state\":\"safe\"")), "{json}");
}
