//! Recipients followed through tables that a test wrote.

use super::{
    super::postconf::tests::facts,
    follow::{EXPANSION_MAX, NESTING_MAX},
    tables::tests::Fake,
    *,
};
use std::sync::atomic::Ordering;

/// `transport:nexthop [nexthops] domain` of each hop, those of notices after ` !`; or `unknown`.
fn shown(resolution: &Resolution) -> String {
    let hop = |hop: &Hop| {
        let nexthops: Vec<_> = hop.nexthops.iter().map(Destination::as_str).collect();
        let command = hop.command.as_ref().map(|command| format!("|{command} ")).unwrap_or_default();
        format!("{command}{}:{} [{}] {}", hop.transport, hop.nexthop, nexthops.join(" "), hop.domain)
    };
    let all = |hops: &[Hop]| hops.iter().map(hop).collect::<Vec<_>>().join("; ");
    match resolution {
        Resolution::Known(answer) if answer.notices.is_empty() => all(&answer.hops),
        Resolution::Known(answer) => format!("{} ! {}", all(&answer.hops), all(&answer.notices)),
        Resolution::Unknown(_) => "unknown".to_owned(),
    }
}

fn ask<'a>(sender: &'a str, recipient: &'a str) -> Question<'a> {
    Question::of(recipient, sender, Origin::Sendmail)
}

type Entries = Vec<(&'static str, Vec<(&'static str, &'static str)>)>;

async fn resolver(main: &str, master: &str, tables: Entries) -> (Resolver<Fake>, Arc<PostfixFacts>) {
    // The default names tables of this host.
    let sets_aliases = main.lines().any(|line| line.starts_with("alias_maps"));
    let aliases = if sets_aliases { "" } else { "alias_maps =\n" };
    let (facts, _directory) = facts(&format!("{aliases}{main}"), master).await;
    let fake = Fake { tables: tables.into_iter().collect(), ..Fake::default() };
    (Resolver::new(fake), Arc::new(facts))
}

#[tokio::test]
async fn without_tables_nothing_is_run() {
    let (resolver, facts) =
        resolver("relay_domains = relay.example\nvirtual_mailbox_domains = box.example\n", "", vec![]).await;
    for (recipient, expected) in [
        ("a@Example.DK", "smtp:Example.DK [example.dk] example.dk"),
        ("<a@rødgrød.example>", "smtp:rødgrød.example [xn--rdgrd-vuad.example] xn--rdgrd-vuad.example"),
        ("a@local.example", "local:mx.example [] local.example"),
        ("a", "local:mx.example [] mx.example"),
        ("a@relay.example", "relay:relay.example [relay.example] relay.example"),
        ("a@sub.relay.example", "relay:sub.relay.example [sub.relay.example] sub.relay.example"),
        ("a@box.example", "virtual:box.example [] box.example"),
        ("a@[192.0.2.1]", "smtp:[192.0.2.1] [[192.0.2.1]] [192.0.2.1]"),
        ("a%b@example.dk", "smtp:example.dk [example.dk] example.dk"),
        ("a%example.dk@local.example", "unknown"),
        ("example.dk!a@local.example", "unknown"),
        ("\"a@example.dk\"@local.example", "unknown"),
        ("a%example.dk@[192.0.2.1]", "unknown"),
        ("", "unknown"),
        ("a@b c", "unknown"),
    ] {
        assert_eq!(
            shown(&resolver.resolve(Some(&facts), ask("s@x.example", recipient)).await),
            expected,
            "{recipient}"
        );
    }
    assert_eq!(resolver.tables.runs.load(Ordering::Relaxed), 0);
    assert_eq!(shown(&resolver.resolve(None, ask("", "a@example.dk")).await), "unknown");
}

#[tokio::test]
async fn relayhosts_and_transports_of_main_cf_count() {
    for (main, recipient, expected) in [
        (
            "relayhost = [r1.example]:587, r2.example",
            "a@x.example",
            "smtp:[r1.example]:587, r2.example [[r1.example]:587 r2.example] x.example",
        ),
        ("relayhost = r.example", "a@local.example", "local:mx.example [] local.example"),
        (
            "default_transport = smtp:[d.example]\nrelayhost = r.example",
            "a@x.example",
            "smtp:[d.example] [[d.example]] x.example",
        ),
        ("default_transport = error:no mail today", "a@x.example", "error:no mail today [] x.example"),
        (
            "local_transport = lmtp:unix:private/box",
            "a@local.example",
            "lmtp:unix:private/box [unix:private/box] local.example",
        ),
        (
            "local_transport = smtp:[inner.example]",
            "a@local.example",
            "smtp:[inner.example] [[inner.example]] local.example",
        ),
        ("default_transport = ", "a@x.example", "unknown"),
        ("default_transport = :x", "a@x.example", "unknown"),
        ("relayhost = ,", "a@x.example", "unknown"),
    ] {
        let (resolver, facts) = resolver(&format!("{main}\n"), "", vec![]).await;
        assert_eq!(shown(&resolver.resolve(Some(&facts), ask("", recipient)).await), expected, "{main}");
    }
}

#[tokio::test]
async fn virtual_aliases_are_expanded_to_the_end() {
    let tables = vec![
        (
            "hash:/v",
            vec![
                ("valias.example", "anything"),
                ("one@valias.example", "a@x.example"),
                ("two@valias.example", "a@x.example, b@y.example, local"),
                ("list@valias.example", "two@valias.example, c@z.example"),
                ("self@valias.example", "self@valias.example, a@x.example"),
                ("loop1@valias.example", "loop2@valias.example"),
                ("loop2@valias.example", "loop1@valias.example"),
                ("odd@valias.example", "a@x.example b@y.example"),
                ("empty@valias.example", ""),
                ("user@valias.example", "u@x.example"),
                ("@moved.example", "@new.example"),
                ("root", "admin@x.example"),
                ("\"a b\"@valias.example", "q@x.example"),
            ],
        ),
        ("regexp:/r", vec![("pattern@other.example", "p@x.example"), ("@never.example", "wrong@x.example")]),
    ];
    let main = "virtual_alias_maps = hash:/v, regexp:/r\nvirtual_alias_domains = hash:/v\nrecipient_delimiter = +\n\
                transport_maps = hash:/t\n";
    let tables = [tables, vec![("hash:/t", vec![("u+ext@x.example", "smtp:[ext.example]")])]].concat();
    let (resolver, facts) = resolver(main, "", tables).await;
    for (recipient, expected) in [
        ("one@VALIAS.example", "smtp:x.example [x.example] x.example"),
        (
            "list@valias.example",
            "local:mx.example [] mx.example; smtp:x.example [x.example] x.example; \
            smtp:y.example [y.example] y.example; smtp:z.example [z.example] z.example",
        ),
        (
            "self@valias.example",
            "error:5.1.1 User unknown in virtual alias table [] valias.example; smtp:x.example [x.example] x.example",
        ),
        ("none@valias.example", "error:5.1.1 User unknown in virtual alias table [] valias.example"),
        ("loop1@valias.example", "unknown"),
        ("odd@valias.example", "unknown"),
        ("empty@valias.example", "unknown"),
        ("user+ext@valias.example", "smtp:[ext.example] [[ext.example]] x.example"),
        ("user+other@valias.example", "smtp:x.example [x.example] x.example"),
        ("a@moved.example", "smtp:new.example [new.example] new.example"),
        ("root", "smtp:x.example [x.example] x.example"),
        ("root@local.example", "smtp:x.example [x.example] x.example"),
        ("root+x@local.example", "smtp:x.example [x.example] x.example"),
        ("root@other.example", "smtp:other.example [other.example] other.example"),
        ("\"a b\"@valias.example", "smtp:x.example [x.example] x.example"),
        ("pattern@other.example", "smtp:x.example [x.example] x.example"),
        ("a@never.example", "smtp:never.example [never.example] never.example"),
        ("a@[192.0.2.1]", "unknown"),
    ] {
        assert_eq!(shown(&resolver.resolve(Some(&facts), ask("", recipient)).await), expected, "{recipient}");
    }
}

#[tokio::test]
async fn expansion_is_bounded() {
    let chain: Vec<(&'static str, &'static str)> = (0..=NESTING_MAX)
        .map(|n| (&*format!("n{n}@v.example").leak(), &*format!("n{}@v.example", n + 1).leak()))
        .collect();
    let wide: Vec<String> = (0..=EXPANSION_MAX).map(|n| format!("w{n}@x.example")).collect();
    let tables = vec![("hash:/v", [chain, vec![("wide@v.example", &*wide.join(",").leak())]].concat())];
    let (resolver, facts) = resolver("virtual_alias_maps = hash:/v\n", "", tables).await;
    for (recipient, expected) in [
        ("n0@v.example", "unknown"),
        ("wide@v.example", "unknown"),
        ("n5@v.example", "smtp:v.example [v.example] v.example"),
    ] {
        assert_eq!(shown(&resolver.resolve(Some(&facts), ask("", recipient)).await), expected, "{recipient}");
    }
}

#[tokio::test]
async fn transport_maps_are_looked_up_in_order() {
    let entries = vec![
        ("a@x.example", "smtp:[address]"),
        ("b@x.example", "smtp:[bare]"),
        ("x.example", "smtp:[domain]"),
        ("parent.example", "relay:[parent]"),
        (".dotted.example", "relay:[dotted]"),
        ("noop.example", ":"),
        ("hop.example", ":[only-hop]"),
        ("only.example", "relay"),
        ("only2.example", "relay:"),
        ("bounce.example", "error"),
        ("wait.example", "retry:4.0.0 wait"),
        ("stay.example", "local:"),
        ("bad.example", "smtp: ,"),
        ("*", "smtp:[star]"),
    ];
    let main = "transport_maps = hash:/t\nrelayhost = [r.example]\nrecipient_delimiter = +\n";
    for (style, dotted, plain) in [
        ("", "relay:[dotted] [[dotted]]", "smtp:[star] [[star]]"),
        ("parent_domain_matches_subdomains = transport_maps\n", "smtp:[star] [[star]]", "relay:[parent] [[parent]]"),
    ] {
        let (resolver, facts) = resolver(&format!("{main}{style}"), "", vec![("hash:/t", entries.clone())]).await;
        for (recipient, expected) in [
            ("a@x.example", "smtp:[address] [[address]] x.example"),
            ("b+ext@x.example", "smtp:[bare] [[bare]] x.example"),
            ("c@x.example", "smtp:[domain] [[domain]] x.example"),
            ("c@sub.dotted.example", &format!("{dotted} sub.dotted.example")),
            ("c@sub.parent.example", &format!("{plain} sub.parent.example")),
            ("c@noop.example", "smtp:[r.example] [[r.example]] noop.example"),
            ("c@hop.example", "smtp:[only-hop] [[only-hop]] hop.example"),
            ("c@only.example", "relay:only.example [only.example] only.example"),
            ("c@only2.example", "relay:only2.example [only2.example] only2.example"),
            ("c@bounce.example", "error:Address is undeliverable [] bounce.example"),
            ("c@wait.example", "retry:4.0.0 wait [] wait.example"),
            ("c@stay.example", "local:stay.example [] stay.example"),
            ("c@local.example", "smtp:[star] [[star]] local.example"),
            ("c@else.example", "smtp:[star] [[star]] else.example"),
            ("c@bad.example", "unknown"),
        ] {
            let resolution = resolver.resolve(Some(&facts), ask("", recipient)).await;
            assert_eq!(shown(&resolution), expected, "{style}{recipient}");
        }
    }
}

#[tokio::test]
async fn senders_choose_relayhosts_and_transports() {
    let main = "sender_dependent_relayhost_maps = hash:/r\nsender_dependent_default_transport_maps = hash:/d\n\
                relayhost = [r.example]\nrelay_domains = relay.example\n";
    let tables = vec![
        (
            "hash:/r",
            vec![
                ("s@x.example", "[own.example]"),
                ("@x.example", "[domain.example]"),
                ("d@x.example", "DUNNO"),
                ("<>", "[null.example]"),
                ("e@x.example", ""),
            ],
        ),
        ("hash:/d", vec![("s@x.example", "relay:"), ("h@x.example", "relay:[hop.example]"), ("d@x.example", "dunno")]),
    ];
    let (resolver, facts) = resolver(main, "", tables).await;
    for (sender, recipient, expected) in [
        ("s@x.example", "a@e.example", "relay:[own.example] [[own.example]] e.example"),
        ("t@x.example", "a@e.example", "smtp:[domain.example] [[domain.example]] e.example"),
        ("h@x.example", "a@e.example", "relay:[hop.example] [[hop.example]] e.example"),
        ("d@x.example", "a@e.example", "smtp:[r.example] [[r.example]] e.example"),
        ("", "a@e.example", "smtp:[null.example] [[null.example]] e.example"),
        ("<>", "a@e.example", "smtp:[null.example] [[null.example]] e.example"),
        ("u@other.example", "a@e.example", "smtp:[r.example] [[r.example]] e.example"),
        ("s@x.example", "a@relay.example", "relay:[own.example] [[own.example]] relay.example"),
        ("s@x.example", "a@local.example", "local:mx.example [] local.example"),
        ("e@x.example", "a@e.example", "unknown"),
        ("bad sender", "a@e.example", "unknown"),
    ] {
        assert_eq!(
            shown(&resolver.resolve(Some(&facts), ask(sender, recipient)).await),
            expected,
            "{sender} {recipient}"
        );
    }
}

#[tokio::test]
async fn what_is_not_followed_is_unknown() {
    for (main, master, known) in [
        ("sender_canonical_maps = hash:/missing\n", "", true),
        ("sender_canonical_maps = hash:/missing\nsender_dependent_relayhost_maps = hash:/r\n", "", false),
        ("sender_bcc_maps = hash:/missing\n", "", true),
        ("canonical_maps = hash:/missing\n", "", false),
        ("recipient_bcc_maps = hash:/missing\n", "", false),
        ("alias_maps = hash:/missing\n", "", true),
        ("", "rewrite2 unix - - n - - trivial-rewrite -o transport_maps=hash:/x\n", false),
        ("", "cleanup2 unix - - n - - cleanup -o virtual_alias_maps=\n", false),
        ("", "cleanup2 unix - - n - - cleanup -o syslog_name=x\n", true),
        ("transport_maps = hash:/missing\n", "", false),
        ("mydestination = hash:/missing\n", "", false),
        ("relay_domains = /missing/file\n", "", false),
    ] {
        let (resolver, facts) = resolver(main, master, vec![("hash:/r", vec![])]).await;
        let resolution =
            resolver.resolve(Some(&facts), Question::of("a@e.example", "s@x.example", Origin::Smtpd)).await;
        assert_eq!(matches!(resolution, Resolution::Known(_)), known, "{main}{master} {resolution:?}");
    }
}

#[tokio::test]
async fn answers_are_remembered_until_the_facts_change() {
    let (resolver, facts) = resolver("transport_maps = hash:/t\n", "", vec![("hash:/t", vec![])]).await;
    for _ in 0..3 {
        assert!(matches!(resolver.resolve(Some(&facts), ask("", "a@e.example")).await, Resolution::Known(_)));
    }
    assert_eq!(resolver.tables.runs.load(Ordering::Relaxed), 1);
    resolver.resolve(Some(&Arc::new((*facts).clone())), ask("", "a@e.example")).await;
    assert_eq!(resolver.tables.runs.load(Ordering::Relaxed), 2);
}

type Table = (&'static str, Vec<(&'static str, &'static str)>);

/// Asks about each recipient as smtpd(8) and sendmail(1) bring it: the same is expected of both, or the first and the
/// second.
async fn expect(main: &str, master: &str, fake: Fake, rows: &[(&str, &str, &str)]) {
    let sets_aliases = main.lines().any(|line| line.starts_with("alias_maps"));
    let aliases = if sets_aliases { "" } else { "alias_maps =\n" };
    let (facts, _directory) = facts(&format!("{aliases}{main}"), master).await;
    let (facts, resolver) = (Arc::new(facts), Resolver::new(fake));
    for (recipient, by_smtpd, by_sendmail) in rows {
        for (origin, expected) in [(Origin::Smtpd, by_smtpd), (Origin::Sendmail, by_sendmail)] {
            let resolution = resolver.resolve(Some(&facts), Question::of(recipient, "s@sender.example", origin)).await;
            let expected = if *expected == "same" { by_smtpd } else { expected };
            assert_eq!(shown(&resolution), *expected, "{main}{origin:?} {recipient} {resolution:?}");
        }
    }
}

fn tables(tables: Vec<Table>) -> Fake {
    Fake { tables: tables.into_iter().collect(), ..Fake::default() }
}

const LOCAL: &str = "local:mx.example [] mx.example";
const LOCAL2: &str = "local:mx.example [] local.example";

#[tokio::test]
async fn recipients_are_rewritten_as_by_cleanup() {
    let maps = || {
        tables(vec![
            (
                "hash:/r",
                vec![
                    ("a@x.example", "b@x.example"),
                    ("b@x.example", "c@y.example"),
                    ("@moved.example", "@new.example"),
                ],
            ),
            (
                "hash:/c",
                vec![
                    ("c@y.example", "d@z.example"),
                    ("loop@x.example", "pool@x.example"),
                    ("pool@x.example", "loop@x.example"),
                    ("self@x.example", "self@x.example"),
                    ("two@x.example", "e@two.example, f@x.example"),
                    ("user@x.example", "u@ext.example"),
                ],
            ),
            ("hash:/v", vec![("d@z.example", "v@v.example"), ("b@x.example", "never@never.example")]),
        ])
    };
    let smtp = |domain: &str| format!("smtp:{domain} [{domain}] {domain}");
    let main = "recipient_canonical_maps = hash:/r\ncanonical_maps = hash:/c\nvirtual_alias_maps = hash:/v\nrecipient_delimiter = +\n";
    expect(
        main,
        "",
        maps(),
        &[
            // recipient_canonical_maps to the end, canonical_maps, virtual aliases; by sendmail(1) these alone.
            ("a@x.example", &smtp("v.example"), &smtp("x.example")),
            ("b@x.example", &smtp("v.example"), &smtp("never.example")),
            ("q@moved.example", &smtp("new.example"), &smtp("moved.example")),
            ("d@z.example", &smtp("v.example"), "same"),
            ("loop@x.example", "unknown", &smtp("x.example")),
            ("self@x.example", &smtp("x.example"), "same"),
            ("two@x.example", &smtp("two.example"), &smtp("x.example")),
            ("user+more@x.example", &smtp("ext.example"), &smtp("x.example")),
        ],
    )
    .await;
    let headers = "recipient_canonical_classes = header_recipient\ncanonical_classes = envelope_sender\n";
    expect(&format!("{main}{headers}"), "", maps(), &[("a@x.example", &smtp("x.example"), "same")]).await;

    let main = "masquerade_domains = !keep.m.example m.example\nmasquerade_classes = envelope_recipient\nmasquerade_exceptions = root\n";
    expect(
        main,
        "",
        tables(vec![]),
        &[
            ("a@Host.M.example", &smtp("m.example"), "smtp:Host.M.example [host.m.example] host.m.example"),
            ("a@sub.keep.m.example", &smtp("sub.keep.m.example"), "same"),
            ("a@keep.m.example", &smtp("keep.m.example"), "same"),
            ("a@m.example", &smtp("m.example"), "same"),
            ("a@xm.example", &smtp("xm.example"), "same"),
            ("Root@host.m.example", &smtp("host.m.example"), "same"),
        ],
    )
    .await;
    expect("masquerade_domains = m.example\n", "", tables(vec![]), &[("a@h.m.example", &smtp("h.m.example"), "same")])
        .await;
}

#[tokio::test]
async fn copies_go_where_maps_send_them() {
    let main = "recipient_bcc_maps = hash:/b\nsender_bcc_maps = hash:/s\nalways_bcc = archive\nvirtual_alias_maps = hash:/v\n\
        sender_canonical_maps = hash:/sc\n";
    let maps = vec![
        (
            "hash:/b",
            vec![
                ("a@x.example", "copy@bcc.example"),
                ("two@x.example", "c@x.example, d@x.example"),
                ("@local.example", "b@x.example"),
            ],
        ),
        ("hash:/s", vec![("boss@x.example", "spy@s.example"), ("@canonical.example", "other@s2.example")]),
        ("hash:/v", vec![("copy@bcc.example", "v@v.example"), ("archive@mx.example", "box@archive.example")]),
        ("hash:/sc", vec![("c@x.example", "c@canonical.example")]),
    ];
    let (resolver, facts) = resolver(main, "", maps).await;
    for (recipient, expected) in [
        // A copy is not copied again.
        ("a@x.example", "smtp:v.example [v.example] v.example; smtp:x.example [x.example] x.example"),
        ("b@x.example", "smtp:x.example [x.example] x.example"),
        ("q@local.example", "local:mx.example [] local.example; smtp:x.example [x.example] x.example"),
        ("two@x.example", "unknown"),
    ] {
        let question = Question::of(recipient, "c@x.example", Origin::Smtpd);
        assert_eq!(shown(&resolver.resolve(Some(&facts), question).await), expected, "{recipient}");
    }
    let notice = resolver.resolve(Some(&facts), Question::of("a@x.example", "", Origin::Notice)).await;
    assert_eq!(shown(&notice), "smtp:x.example [x.example] x.example");
    for (who, sender, origin, expected) in [
        (Who::AlwaysCopy, "", Origin::Smtpd, "smtp:archive.example [archive.example] archive.example"),
        (Who::SenderCopy, "boss@x.example", Origin::Smtpd, "smtp:s.example [s.example] s.example"),
        (Who::SenderCopy, "a@x.example", Origin::Smtpd, ""),
        (Who::SenderCopy, "", Origin::Smtpd, ""),
        (Who::SenderCopy, "<>", Origin::Sendmail, ""),
        (Who::SenderCopy, "c@x.example", Origin::Smtpd, "smtp:s2.example [s2.example] s2.example"),
        (Who::SenderCopy, "c@x.example", Origin::Sendmail, ""),
    ] {
        let question = Question { who, sender, origin, told: None };
        assert_eq!(shown(&resolver.resolve(Some(&facts), question).await), expected, "{who:?} {sender} {origin:?}");
    }
}

#[tokio::test]
async fn aliases_are_followed_as_by_local() {
    let fake = || Fake {
        tables: [
            (
                "hash:/a",
                vec![
                    ("out", "bo@x.example"),
                    ("both", "bo, out"),
                    ("bo", "bo@y.example"),
                    ("self", "self, copy@x.example"),
                    ("loop1", "loop2"),
                    ("loop2", "loop1"),
                    ("loop3", "loop1, c@x.example"),
                    ("prog", "\"|/usr/bin/prog -a b\", eva"),
                    ("file", "/var/mail/archive"),
                    ("list", ":include:/etc/list"),
                    ("lists", "eva, :include:/etc/nested"),
                    ("relative", ":include:list"),
                    ("unreadable", ":include:/etc/secret"),
                    ("round", ":include:/etc/round"),
                    ("owned", "eva, bo@x.example"),
                    ("owner-owned", "chief@owner.example"),
                    ("virtual", "mapped, mapped@local.example"),
                    ("owned2", "mapped"),
                    ("owner-owned2", "owned2-chief"),
                    ("a b", "q@x.example"),
                    ("strange", "bo eva"),
                    ("empty", " , "),
                    ("user", "u@x.example"),
                ],
            ),
            ("hash:/v", vec![("mapped@mx.example", "m@mapped.example"), ("mapped", "m@mapped.example")]),
        ]
        .into(),
        files: [
            ("/etc/list", "# people\neva, bo@x.example\n\nmapped\n"),
            ("/etc/nested", ":include:/etc/list\nc@z.example\n"),
            ("/etc/round", ":include:/etc/round\n"),
        ]
        .into(),
        ..Fake::default()
    };
    let smtp = |domain: &str| format!("smtp:{domain} [{domain}] {domain}");
    let all = |parts: &[&str]| parts.join("; ");
    let (x, y, z, mapped) = (smtp("x.example"), smtp("y.example"), smtp("z.example"), smtp("mapped.example"));
    let main = "alias_maps = hash:/a\nvirtual_alias_maps = hash:/v\nvirtual_alias_domains =\nrecipient_delimiter = +\n";
    let program = format!("|/usr/bin/prog {LOCAL}");
    expect(
        main,
        "",
        fake(),
        &[
            ("eva", LOCAL, "same"),
            ("OUT@local.example", &x, "same"),
            ("both@mx.example", &all(&[&x, &y]), "same"),
            ("self", &all(&[LOCAL, &x]), "same"),
            ("loop1", "unknown", "same"),
            ("loop3", &x, "same"),
            ("prog", &all(&[LOCAL, &program]), "same"),
            ("file@local.example", LOCAL2, "same"),
            ("list", &all(&[LOCAL, &mapped, &x]), "same"),
            ("lists", &all(&[LOCAL, &mapped, &x, &z]), "same"),
            ("relative", LOCAL, "same"),
            ("unreadable", "unknown", "same"),
            ("round", "unknown", "same"),
            ("owned", &format!("{LOCAL}; {x} ! {}", smtp("owner.example")), "same"),
            // Without an owner, what an alias names goes into its mailbox and not through cleanup(8) anew.
            ("virtual", &all(&[LOCAL2, LOCAL]), "same"),
            ("owned2", &format!("{mapped} ! {LOCAL}"), "same"),
            ("\"a b\"@local.example", &x, "same"),
            ("strange", "unknown", "same"),
            ("empty", "unknown", "same"),
            ("user+x", &x, "same"),
            ("user+a/b", &x, "same"),
            ("out@x.example", &x, "same"),
        ],
    )
    .await;
    let propagating = "propagate_unmatched_extensions = alias\ntransport_maps = hash:/t\n";
    let fake_with = |table: Table| {
        let mut fake = fake();
        fake.tables.insert(table.0, table.1);
        fake
    };
    let transport = ("hash:/t", vec![("u+ext@x.example", "smtp:[ext.example]")]);
    let extended = [("user+ext", "smtp:[ext.example] [[ext.example]] x.example", "same"), ("user", x.as_str(), "same")];
    expect(&format!("{main}{propagating}"), "", fake_with(transport), &extended).await;
    let special = format!("{main}owner_request_special = no\n");
    expect(&special, "", fake(), &[("owned", &all(&[LOCAL, &x]), "same")]).await;
    let expanding = format!("{main}expand_owner_alias = yes\n");
    expect(&expanding, "", fake(), &[("owned", &format!("{LOCAL}; {x} ! {}", smtp("owner.example")), "same")]).await;
    let by_sender = format!("{main}sender_dependent_relayhost_maps = hash:/sr\n");
    let relays =
        ("hash:/sr", vec![("owner-owned@mx.example", "[lists.example]"), ("s@sender.example", "[own.example]")]);
    expect(
        &by_sender,
        "",
        fake_with(relays),
        &[
            ("out", "smtp:[own.example] [[own.example]] x.example", "same"),
            (
                "owned",
                &format!("{LOCAL}; smtp:[lists.example] [[lists.example]] x.example ! {}", smtp("owner.example")),
                "same",
            ),
        ],
    )
    .await;
    let service = "other unix - n n - - local -o alias_maps=\n";
    expect(
        &format!("{main}local_transport = other\n"),
        service,
        fake(),
        &[("out", "other:mx.example [] mx.example", "same")],
    )
    .await;
}

#[tokio::test]
async fn local_may_pass_mail_on() {
    let fake = || Fake {
        tables: [
            ("hash:/m", vec![("eva", "lmtp:unix:private/box"), ("net", "smtp:[box.example]"), ("plain", "lmtp")]),
            ("hash:/f", vec![("gone", "smtp:[gone.example]")]),
        ]
        .into(),
        users: vec!["eva", "bo"],
        ..Fake::default()
    };
    for (main, recipient, expected) in [
        ("mailbox_transport_maps = hash:/m", "eva+x", "lmtp:unix:private/box [unix:private/box] mx.example"),
        ("mailbox_transport_maps = hash:/m", "net", "smtp:[box.example] [[box.example]] mx.example"),
        ("mailbox_transport_maps = hash:/m", "plain", "lmtp:mx.example [mx.example] mx.example"),
        ("mailbox_transport_maps = hash:/m", "bo", LOCAL),
        ("mailbox_transport_maps = hash:/missing", "bo", "unknown"),
        ("mailbox_transport = smtp:[box.example]", "bo", "smtp:[box.example] [[box.example]] mx.example"),
        ("mailbox_transport = virtual", "bo", "virtual:mx.example [] mx.example"),
        ("mailbox_transport = local", "bo", "unknown"),
        ("mailbox_transport = :x", "bo", "unknown"),
        ("fallback_transport = smtp:[other.example]", "bo", LOCAL),
        ("fallback_transport = smtp:[other.example]", "nobody", "smtp:[other.example] [[other.example]] mx.example"),
        ("fallback_transport_maps = hash:/f", "gone", "smtp:[gone.example] [[gone.example]] mx.example"),
        ("fallback_transport_maps = hash:/f", "nobody", LOCAL),
        ("fallback_transport_maps = hash:/f", "bo", LOCAL),
        ("luser_relay = catch@x.example", "bo", LOCAL),
        ("luser_relay = catch@x.example", "nobody", "smtp:x.example [x.example] x.example"),
        ("luser_relay = $user@x.example", "nobody", "smtp:x.example [x.example] x.example"),
        ("luser_relay = eva", "nobody", LOCAL),
        ("luser_relay = $local", "nobody", LOCAL),
        ("luser_relay = $home@x.example", "nobody", "unknown"),
        // Who is nobody himself gets nothing.
        ("luser_relay = other", "nobody", LOCAL),
    ] {
        let main = format!("{main}\nrecipient_delimiter = +\n");
        expect(
            &main,
            "",
            fake(),
            &[(recipient, expected, "same"), ("a@x.example", "smtp:x.example [x.example] x.example", "same")],
        )
        .await;
    }
}

#[tokio::test]
async fn the_word_of_smtpd_counts_for_who_does_not_change() {
    let maps = vec![(
        "hash:/v",
        vec![("moved@x.example", "moved@y.example"), ("self@x.example", "self@x.example, b@y.example")],
    )];
    // A table that we may not ask.
    let main = "virtual_alias_maps = hash:/v\ntransport_maps = hash:/private\n";
    let (resolver, facts) = resolver(main, "", maps).await;
    for (recipient, told, expected) in [
        ("a@x.example", Some(("relay", "[told.example]")), "relay:[told.example] [[told.example]] x.example"),
        ("A@X.example", Some(("local", "mx.example")), "local:mx.example [] x.example"),
        ("a@x.example", None, "unknown"),
        ("moved@x.example", Some(("relay", "[told.example]")), "unknown"),
        ("self@x.example", Some(("relay", "[told.example]")), "unknown"),
    ] {
        let question = Question { told, ..Question::of(recipient, "", Origin::Smtpd) };
        assert_eq!(shown(&resolver.resolve(Some(&facts), question).await), expected, "{recipient} {told:?}");
    }
}

#[tokio::test]
async fn services_that_do_not_map_addresses_are_counted_with() {
    let maps = || tables(vec![("hash:/v", vec![("a@x.example", "b@y.example"), ("a@alias.example", "b@y.example")])]);
    let main = "virtual_alias_maps = hash:/v\nvirtual_alias_domains = alias.example\n";
    let (x, y) = ("smtp:x.example [x.example] x.example", "smtp:y.example [y.example] y.example");
    let both = format!("{x}; {y}");
    expect(main, "", maps(), &[("a@x.example", y, "same")]).await;
    let second = "10025 inet n - n - - smtpd -o receive_override_options=no_milters,no_address_mappings\n";
    for (main, master) in [(main, second), (&*format!("{main}receive_override_options = no_address_mappings\n"), "")] {
        expect(main, master, maps(), &[("a@x.example", &both, "same"), ("a@alias.example", y, "same")]).await;
    }
}

#[tokio::test]
async fn nothing_is_asked_where_nothing_changes_a_recipient() {
    for (main, master, smtp, local) in [
        ("alias_maps =", "", false, false),
        ("alias_maps = hash:/a", "", false, true),
        ("alias_maps =\nmailbox_transport = virtual", "", false, true),
        ("alias_maps =\nmailbox_transport_maps = hash:/m", "", false, true),
        ("alias_maps =\nfallback_transport = virtual", "", false, true),
        ("alias_maps =\nfallback_transport_maps = hash:/f", "", false, true),
        ("alias_maps =\nluser_relay = a@b", "", false, true),
        ("alias_maps =\nvirtual_alias_maps = hash:/v", "", true, true),
        ("alias_maps =\ncanonical_maps = hash:/v", "", true, true),
        ("alias_maps =\nrecipient_canonical_maps = hash:/v", "", true, true),
        ("alias_maps =\nrecipient_bcc_maps = hash:/v", "", true, true),
        ("alias_maps =\nsender_canonical_maps = hash:/v", "", false, false),
        ("alias_maps =\nmasquerade_domains = x.example", "", false, false),
        ("alias_maps =\nmasquerade_domains = x.example\nmasquerade_classes = envelope_recipient", "", true, true),
        ("alias_maps =", "c unix n - n - 0 cleanup -o virtual_alias_maps=hash:/v\n", true, true),
        ("alias_maps = hash:/a", "own unix - n n - - local -o alias_maps=\n", false, true),
    ] {
        let (facts, _directory) = facts(&format!("{main}\n"), master).await;
        assert_eq!((changes(&facts, "smtp"), changes(&facts, "local")), (smtp, local), "{main} {master}");
        assert!(!changes(&facts, "own") || smtp, "{main} {master}");
    }
}

#[tokio::test]
async fn a_thousand_recipients_cost_as_many_runs_as_one() {
    let entries: Vec<(&'static str, &'static str)> = (0..1000)
        .map(|n| (&*format!("r{n}@v.example").leak(), &*format!("r{n}@d{}.example, eva", n % 300).leak()))
        .collect();
    let maps = vec![
        ("hash:/v", entries),
        ("hash:/t", vec![("d7.example", "smtp:[seven.example]")]),
        ("hash:/a", vec![("eva", "e@e.example")]),
    ];
    let main = "virtual_alias_maps = hash:/v\ntransport_maps = hash:/t\nalias_maps = hash:/a\n";
    let recipients: Vec<String> = (0..1000).map(|n| format!("r{n}@v.example")).collect();
    let mut runs = Vec::new();
    for recipients in [&recipients[..1], &recipients[..]] {
        let (resolver, facts) = resolver(main, "", maps.clone()).await;
        let questions: Vec<_> =
            recipients.iter().map(|recipient| Question::of(recipient, "s@sender.example", Origin::Sendmail)).collect();
        let started = Instant::now();
        let resolutions = resolver.resolve_all(Some(&facts), &questions).await;
        println!("{} recipients: {:?}", recipients.len(), started.elapsed());
        for (number, resolution) in resolutions.iter().enumerate() {
            let domain = format!("d{}.example", number % 300);
            let next = if domain == "d7.example" { "[seven.example]" } else { &domain };
            let expected =
                ["smtp:e.example [e.example] e.example".to_owned(), format!("smtp:{next} [{next}] {domain}")];
            let shown = shown(resolution);
            assert!(expected.iter().all(|hop| shown.split("; ").any(|part| part == hop)), "{number}: {shown}");
        }
        runs.push(resolver.tables.runs.load(Ordering::Relaxed));
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0] < 10, "{runs:?}");
}

#[test]
fn every_address_that_virtual_aliases_reach_is_found() {
    use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (facts, _directory) = runtime.block_on(facts("virtual_alias_maps = hash:/v\nalias_maps =\n", ""));
    let facts = Arc::new(facts);
    // Each of eight names is an alias of some of these names and of addresses elsewhere, or none.
    let graphs = vec(vec(0_usize..16, 0..4), 8);
    TestRunner::default()
        .run(&graphs, |graph| {
            let name = |n: usize| format!("n{n}@d{n}.example");
            let entries: Vec<(&'static str, &'static str)> = graph
                .iter()
                .enumerate()
                .filter(|(_, results)| !results.is_empty())
                .map(|(n, results)| {
                    let value: Vec<String> = results.iter().map(|n| name(*n)).collect();
                    (&*name(n).leak(), &*value.join(", ").leak())
                })
                .collect();
            let (mut todo, mut seen, mut ends) = (vec![0], BTreeSet::from([0]), BTreeSet::new());
            while let Some(n) = todo.pop() {
                match graph.get(n).filter(|results| !results.is_empty()) {
                    None => drop(ends.insert(format!("d{n}.example"))),
                    Some(results) => {
                        if results.contains(&n) {
                            ends.insert(format!("d{n}.example"));
                        }
                        todo.extend(results.iter().filter(|result| seen.insert(**result)));
                    }
                }
            }
            let resolver = Resolver::new(tables(vec![("hash:/v", entries)]));
            let first = name(0);
            let resolution = runtime.block_on(resolver.resolve(Some(&facts), ask("", &first)));
            let found = match &resolution {
                Resolution::Known(answer) => answer.hops.iter().map(|hop| hop.domain.to_string()).collect(),
                Resolution::Unknown(_) => BTreeSet::new(),
            };
            prop_assert_eq!(found, ends, "{:?}", resolution);
            Ok(())
        })
        .unwrap();
}
