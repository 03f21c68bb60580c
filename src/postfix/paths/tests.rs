use super::*;
use crate::postfix::postconf::tests::{facts, postconf};

/// Postfix as README has it set up, and nothing open.
const CLOSED: &str = "smtpd_milters = unix:segl/milter.sock\nnon_smtpd_milters = unix:segl/milter.sock\n\
                      smtp_tls_policy_maps = socketmap:unix:segl/socketmap.sock:tls\n\
                      smtp_connection_cache_on_demand = no\ndelay_warning_time = 20m\nforward_path =\n\
                      queue_directory = /var/spool/postfix\n";

const SERVICES: &str = "smtp inet n - y - - smtpd\npickup unix n - y 60 1 pickup\n";

/// Tables by name.
struct Texts(&'static [(&'static str, &'static str)]);

impl ReadTable for Texts {
    fn read(&self, table: &str) -> Result<String, String> {
        let found = self.0.iter().find(|(name, _)| *name == table);
        found.map(|(_, text)| (*text).to_owned()).ok_or("No such file or directory".to_owned())
    }
}

const TABLES: Texts = Texts(&[
    ("regexp:/etc/plain", "/^Received:/ IGNORE\n"),
    ("regexp:/etc/filter", "# none\n/x/ FILTER smtp:[a.test]\n"),
]);

fn not_safe(paths: Vec<MailPath>) -> Vec<String> {
    let told = |MailPath { about, state }| match state {
        State::Safe => None,
        State::Open { remedy, .. } => Some(format!("{about} -> {remedy}")),
        State::Unknown { why } => Some(format!("{about} ? {why}")),
    };
    paths.into_iter().filter_map(told).collect()
}

async fn told(main: &str, services: &str) -> Vec<String> {
    let (facts, _directory) = facts(&format!("{CLOSED}{main}"), &format!("{SERVICES}{services}")).await;
    not_safe(paths(&facts, &Config::default(), &TABLES))
}

#[tokio::test]
async fn what_readme_says_is_closed() {
    assert_eq!(told("", "").await, Vec::<String>::new());
    // However the socket is written.
    for socket in ["unix:/var/spool/postfix/segl/milter.sock", "local:segl/milter.sock", "unix:/segl/milter.sock"] {
        assert_eq!(told(&format!("smtpd_milters = inet:127.0.0.1:8891, {socket}\n"), "").await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn every_path_is_named_with_its_remedy() {
    for (main, services, expected) in [
        ("smtpd_milters =\n", "", "smtp/inet: smtpd_milters -> postconf -e 'smtpd_milters=unix:segl/milter.sock'"),
        (
            "",
            "submission inet n - y - - smtpd\n -o smtpd_milters=inet:127.0.0.1:1\n",
            "submission/inet: smtpd_milters -> postconf -P \
             'submission/inet/smtpd_milters=inet:127.0.0.1:1, unix:segl/milter.sock'",
        ),
        (
            "non_smtpd_milters =\n",
            "",
            "cleanup/unix: non_smtpd_milters -> postconf -e 'non_smtpd_milters=unix:segl/milter.sock'",
        ),
        (
            "smtpd_milters = { unix:segl/milter.sock, default_action = accept }\n",
            "",
            "smtp/inet: smtpd_milters -> write default_action=tempfail for Segl in smtpd_milters",
        ),
        (
            "milter_default_action = accept\nnon_smtpd_milters = {unix:segl/milter.sock, default_action=tempfail}\n",
            "",
            "smtp/inet: smtpd_milters -> postconf -e 'milter_default_action=tempfail'",
        ),
        (
            "",
            "10025 inet n - y - - smtpd\n -o receive_override_options=no_milters,no_address_mappings\n",
            "10025/inet: receive_override_options -> postconf -P '10025/inet/receive_override_options=no_address_mappings'",
        ),
        (
            "smtpd_milter_maps = inline:{127.0.0.1=DISABLE}\n",
            "",
            "main.cf: smtpd_milter_maps -> postconf -e 'smtpd_milter_maps='",
        ),
        (
            "header_checks = regexp:/etc/plain, regexp:/etc/filter\n",
            "",
            "main.cf: header_checks -> take FILTER out of regexp:/etc/filter, or do it before the queue",
        ),
        (
            "smtpd_sender_restrictions = check_sender_access regexp:/etc/filter\n",
            "",
            "main.cf: smtpd_sender_restrictions -> take FILTER out of regexp:/etc/filter, or do it before the queue",
        ),
        ("body_checks = regexp:/etc/gone\n", "", "main.cf: body_checks ? regexp:/etc/gone: No such file or directory"),
        (
            "smtp_tls_policy_maps =\n",
            "",
            "smtp/unix: smtp_tls_policy_maps -> postconf -e 'smtp_tls_policy_maps=socketmap:unix:segl/socketmap.sock:tls'",
        ),
        (
            "smtp_tls_policy_maps = hash:/a, socketmap:unix:segl/socketmap.sock:tls, hash:/b\n",
            "",
            "smtp/unix: smtp_tls_policy_maps -> postconf -e \
             'smtp_tls_policy_maps=socketmap:unix:segl/socketmap.sock:tls, hash:/a, hash:/b'",
        ),
        ("forward_path = $home/.forward\n", "", "main.cf: forward_path -> postconf -e 'forward_path='"),
        ("delay_warning_time = 0h\n", "", "main.cf: delay_warning_time -> postconf -e 'delay_warning_time=20m'"),
        ("delay_warning_time = 1h\n", "", "main.cf: delay_warning_time -> postconf -e 'delay_warning_time=20m'"),
        ("soft_bounce = yes\n", "", "main.cf: soft_bounce -> postconf -e 'soft_bounce=no'"),
    ] {
        let told = told(main, services).await;
        assert!(told.iter().any(|line| line == expected), "{main}{services}: {told:#?}\nnot there: {expected}");
    }
    let filtered = told("content_filter = smtp:[127.0.0.1]:10024\n", "").await;
    assert!(filtered[0].starts_with("main.cf: content_filter -> filter before the queue"), "{filtered:?}");
    let proxied = told("", "proxied inet n - y - - smtpd\n -o smtpd_proxy_filter=127.0.0.1:10024\n").await;
    assert!(proxied[0].starts_with("proxied/inet: smtpd_proxy_filter -> make the filter"), "{proxied:?}");
}

#[tokio::test]
async fn what_a_remedy_says_closes_the_path() {
    let main = "smtpd_milters =\nnon_smtpd_milters = unix:other\nsmtpd_milter_maps = inline:{127.0.0.1=DISABLE}\n\
                smtp_tls_policy_maps = hash:/a\nforward_path = $home/.forward\ndelay_warning_time = 4h\nsoft_bounce = yes\n\
                milter_default_action = accept\nsmtp_connection_cache_on_demand = yes\n";
    let services = "10025 inet n - y - - smtpd\n -o receive_override_options=no_milters\n -o smtpd_milters=\n";
    let (mut facts, directory) = facts(&format!("{CLOSED}{main}"), &format!("{SERVICES}{services}")).await;
    // A remedy may bring to light what stood behind it.
    for _ in 0..3 {
        for path in paths(&facts, &Config::default(), &TABLES) {
            let State::Open { remedy, .. } = path.state else { continue };
            let arguments = remedy.arguments().unwrap_or_else(|| panic!("{}: {remedy}", path.about));
            let mut command = std::process::Command::new("/usr/sbin/postconf");
            let output = command.arg("-c").arg(directory.path()).args(arguments).output().unwrap();
            assert!(output.status.success(), "{remedy}: {output:?}");
        }
        facts = postconf(directory.path()).read().await.unwrap();
    }
    assert_eq!(not_safe(paths(&facts, &Config::default(), &TABLES)), Vec::<String>::new());
}

#[tokio::test]
async fn another_hosts_milter_on_the_same_port_is_not_ours() {
    let socket = "[sockets]\nmilter = \"inet:127.0.0.1:8891\"\n";
    for (milter, expected) in [("inet:localhost:8891", 0), ("inet:192.0.2.9:8891", 1), ("inet:localhost:8892", 1)] {
        let main = format!("{CLOSED}smtpd_milters = {milter}\nnon_smtpd_milters = inet:127.0.0.1:8891\n");
        let (facts, _directory) = facts(&main, SERVICES).await;
        let told = not_safe(paths(&facts, &Config::parse(socket).unwrap(), &TABLES));
        assert_eq!(told.len(), expected, "{milter}: {told:?}");
    }
}
