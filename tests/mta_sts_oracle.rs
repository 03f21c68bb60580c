//! MTA-STS records and policies against an independent implementation: the parsers of postfix-mta-sts-resolver, installed
//! by tests/oracles/install.
//!
//! Where the two differ, the difference is named and asserted.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

// These are no part of what the library offers.
#[allow(dead_code, missing_docs, reason = "only the reading of texts is compared")]
#[path = "../src/probe/mta_sts/pattern.rs"]
mod pattern;
#[allow(dead_code, missing_docs, reason = "only the reading of texts is compared")]
#[path = "../src/probe/mta_sts/policy.rs"]
mod policy;
#[allow(dead_code, missing_docs, reason = "only the reading of texts is compared")]
#[path = "../src/probe/mta_sts/record.rs"]
mod record;

use policy::Policy;
use serde_json::{Value, json};
use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    thread,
};

/// How many texts that follow the grammar are made of each kind.
const TEXTS: usize = 5_000;

/// What the oracle says of each text.
fn oracle(kind: &str, texts: &[String]) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles");
    let output = Command::new(folder.join("install")).stderr(Stdio::inherit()).output().expect("it runs");
    assert!(output.status.success(), "tests/oracles/install failed");
    let python = String::from_utf8(output.stdout).unwrap();
    let mut command = Command::new(python.trim());
    command.arg(folder.join("mta_sts_oracle.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the oracle starts");
    let mut input = child.stdin.take().unwrap();
    let lines: String = texts.iter().map(|text| json!([kind, text]).to_string() + "\n").collect();
    let writer = thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed");
    writer.join().unwrap().unwrap();
    let answers: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), texts.len());
    answers
}

/// What we say of a record, in the oracle's form.
fn our_record(text: &str) -> Value {
    record::announced([text.as_bytes()]).map_or(Value::Null, Value::from)
}

/// What we say of a policy, in the oracle's form.
fn our_policy(text: &str) -> Value {
    let Ok(policy) = Policy::parse(text.as_bytes()) else { return Value::Null };
    let mx: Vec<_> = policy.mx.iter().map(|pattern| pattern.to_string()).collect();
    json!([policy.mode.word(), policy.max_age().as_secs(), mx])
}

/// Why the two may say different things.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Difference {
    /// They do not.
    None,
    /// The oracle takes the last of a field that comes twice, RFC 8461 section 3.2 the first.
    LastCounts,
    /// The oracle does not hold texts to the grammar, by which this one is no record or policy.
    Lenient,
    /// The oracle refuses a `max_age` above the highest; we take it for the highest.
    Capped,
    /// Host names are written in lower case here, and once.
    Folded,
    /// We bound the number of patterns.
    Bounded,
    /// A name without a dot could be a word of Postfix's own.
    OneLabel,
}

fn compare(kind: &str, ours: impl Fn(&str) -> Value, cases: &[(String, Difference)]) {
    let texts: Vec<_> = cases.iter().map(|(text, _)| text.clone()).collect();
    for ((text, difference), theirs) in cases.iter().zip(oracle(kind, &texts)) {
        let ours = ours(text);
        match difference {
            Difference::None => assert_eq!(ours, theirs, "{text:?}"),
            Difference::Lenient | Difference::Bounded | Difference::OneLabel => {
                assert!(ours.is_null() && !theirs.is_null(), "{text:?}: {ours} {theirs}");
            }
            Difference::Capped => assert!(ours[1] == 31_557_600 && theirs.is_null(), "{text:?}: {ours} {theirs}"),
            Difference::LastCounts | Difference::Folded => {
                assert!(ours != theirs && !ours.is_null(), "{text:?}: {ours} {theirs}");
            }
        }
    }
}

#[test]
fn records_are_read_alike_but_for_named_differences() {
    use Difference::{LastCounts, Lenient, None};
    let long = format!("v=STSv1; id={}", "a".repeat(33));
    let cases = [
        ("v=STSv1; id=20160831085700Z;", None),
        ("v=STSv1;id=a", None),
        ("v=STSv1; \t id=20160831085700Z  \t; ", None),
        ("v=STSv1 ;\tid=a", None),
        ("v=STSv1; more=x:<y>; id=a; a.b-c_d=2", None),
        ("v=STSv1; ID=b; id=a", None),
        ("", None),
        ("v=spf1 -all", None),
        ("v=STSv1", None),
        ("v=STSv1;", None),
        ("v=STSv1; ext=1", None),
        ("v=STSv10; id=a", None),
        ("v=STSv2; id=a", None),
        ("V=STSv1; id=a", None),
        (" v=STSv1; id=a", None),
        ("v=STSv1; id =a", None),
        ("v=STSv1; id=a; id=b", LastCounts),
        ("v=STSv1; id=", Lenient),
        ("v=STSv1; id", Lenient),
        ("v=STSv1; id=a=b", Lenient),
        ("v=STSv1; id=test-123", Lenient),
        ("v=STSv1; id=a b", Lenient),
        ("v=STSv1; id=a;;", Lenient),
        ("v=STSv1;; id=a", Lenient),
        ("v=STSv1; id=a ", Lenient),
        ("v=STSv1; id=a;\r\n", Lenient),
        ("v=STSv1; id=a; more=", Lenient),
        ("v=STSv1; id=a; more=b c", Lenient),
        ("v=STSv1; id=a; 1%=a", Lenient),
        ("v=STSv1; id=a; m\u{f8}re=a", Lenient),
        (&long, Lenient),
    ];
    let cases: Vec<_> = cases.iter().map(|(text, difference)| ((*text).to_owned(), *difference)).collect();
    compare("record", our_record, &cases);
}

#[test]
fn policies_are_read_alike_but_for_named_differences() {
    use Difference::{Bounded, Capped, Folded, LastCounts, Lenient, None, OneLabel};
    let base = "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 604800\n";
    let with = |line: &str| format!("{base}{line}\n");
    let without = |field: &str| base.lines().filter(|line| !line.starts_with(field)).collect::<Vec<_>>().join("\n");
    let instead = |field: &str, line: &str| format!("{line}\n{}", without(field));
    let many = (0..policy::PATTERNS_MAX).map(|number| format!("mx: mx{number}.example\n")).collect::<String>();
    let cases = [
        (base.to_owned(), None),
        (base.replace('\n', "\r\n"), None),
        (base.replace(": ", ":"), None),
        (base.replace(": ", ": \t ").replace('\n', " \t\n"), None),
        (base.trim_end().to_owned(), None),
        (with(""), None),
        (with("mx: *.example.net"), None),
        (with("x-y.z_1: bl\u{e5}b\u{e6}r og mere"), None),
        (instead("mode", "mode: testing"), None),
        (instead("mode", "mode: none"), None),
        (without("mx").replace("enforce", "none"), None),
        (instead("max_age", "max_age: 0"), None),
        (instead("max_age", "max_age: 31557600"), None),
        (instead("max_age", "max_age: 0000000001"), None),
        (String::new(), None),
        (without("version"), None),
        (without("mode"), None),
        (without("max_age"), None),
        (without("mx"), None),
        (instead("version", "version: STSv2"), None),
        (instead("version", "Version: STSv1"), None),
        (instead("mode", "mode: Enforce"), None),
        (instead("max_age", "max_age: -1"), None),
        (instead("max_age", "max_age: x"), None),
        (instead("max_age", "max_age:"), None),
        (instead("version", " version: STSv1"), None),
        (instead("version", "version : STSv1"), None),
        (instead("version", "\u{feff}version: STSv1"), None),
        ("<!DOCTYPE html>\n<title>404</title>".to_owned(), None),
        (with("mode: none"), LastCounts),
        (with("max_age: 1"), LastCounts),
        (instead("max_age", "max_age: 31557601"), Capped),
        (instead("max_age", "max_age: 9999999999"), Capped),
        (with("mx: A.Example"), Folded),
        (with("mx: a.example"), Folded),
        (with(&many), Bounded),
        (with("mx: hostname"), OneLabel),
        (with("mx: *"), Lenient),
        (with("mx:"), Lenient),
        (with("mx: *.*.example"), Lenient),
        (with("mx: a.*.example"), Lenient),
        (with("mx: a.example."), Lenient),
        (with("mx: a_b.example"), Lenient),
        (with("mx: a.example b.example"), Lenient),
        (with("mx: a.example:b.example"), Lenient),
        (with("mx: m\u{f8}x.example"), Lenient),
        (with("mx: a.example match=b.example"), Lenient),
        (instead("max_age", "max_age: +5"), Lenient),
        (instead("max_age", "max_age: 1_000"), Lenient),
        (instead("max_age", "max_age: \u{0661}"), Lenient),
        (instead("max_age", "max_age: 00000000005"), Lenient),
        (with("x:"), Lenient),
        (with("no field"), Lenient),
        (with("_x: y"), Lenient),
        (with("x: a\tb"), Lenient),
        (base.replace('\n', "\r"), Lenient),
        (base.replace('\n', "\u{2028}"), Lenient),
    ];
    compare("policy", our_policy, &cases);
}

/// Texts that follow the grammar, the same on every run, in which nothing comes twice.
#[test]
fn whatever_follows_the_grammar_is_read_alike() {
    let mut random = Random(20_180_926);
    let (mut records, mut policies) = (Vec::new(), Vec::new());
    for _ in 0..TEXTS {
        let mut fields = vec![format!("id={}", random.word(32))];
        for number in 0..random.below(4) {
            fields.push(format!("{}.{number}={}", random.word(20), random.word(20)));
        }
        random.shuffle(&mut fields);
        fields.insert(0, "v=STSv1".to_owned());
        let delimiter = random.pick(&[";", "; ", " ; ", "\t;\t "]);
        let end = random.pick(&["", ";", "; "]);
        records.push((fields.join(delimiter) + end, Difference::None));

        let mode = random.pick(&["enforce", "testing", "none"]);
        let mut lines = vec![
            format!("version:{}STSv1", random.pick(&["", " ", "\t"])),
            format!("mode: {mode}{}", random.pick(&["", " ", "\t"])),
            format!("max_age: {}", random.below(31_557_601)),
        ];
        for number in 0..random.below(6) + usize::from(mode != "none") {
            let wildcard = random.pick(&["", "", "*."]);
            lines.push(format!("mx: {wildcard}{}{number}.{}.example", random.word(9), random.word(9)));
        }
        for number in 0..random.below(3) {
            lines.push(format!("x{number}: {} {}", random.word(9), random.word(9)));
        }
        // The order of mx is what is compared, so these stay together.
        lines.rotate_left(random.below(4));
        let end = random.pick(&["\n", "\r\n"]);
        policies.push((lines.join(end) + random.pick(&["", end]), Difference::None));
    }
    assert!(records.iter().all(|(text, _)| !our_record(text).is_null()));
    assert!(policies.iter().all(|(text, _)| !our_policy(text).is_null()));
    compare("record", our_record, &records);
    compare("policy", our_policy, &policies);
}

/// Numbers that are the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        // xorshift64.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }

    /// Letters and digits, at most `longest`.
    fn word(&mut self, longest: usize) -> String {
        (0..1 + self.below(longest)).map(|_| char::from(self.pick(b"abcdefghijklmnopqrstuvwxyz0123456789"))).collect()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}
