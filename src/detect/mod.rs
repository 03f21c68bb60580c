//! Pieces of text -> findings -> verdict. Pure: no file, no network, no clock but the one that is passed in.
//!
//! | step | file |
//! |---|---|
//! | rule files -> rules | `rule_file`, `rule` |
//! | texts and rules -> findings | `engine` |
//! | numbers whose arithmetic is known | `identifier`, on `digits` |
//! | numbers whose signs stand apart | `spread` |
//! | word lists, whatever the letters' case | `lists`, `words`, `fold`; once for each text, `searched` |
//! | in which language a message is | `language` |
//! | evidence around a candidate | `nearby` |
//! | whether a text reads like one about a person | `letter`, `model` |
//! | what the sender marked | `marks` |

mod block;
mod digits;
mod engine;
mod fold;
mod identifier;
mod language;
mod letter;
mod lists;
mod marks;
mod memo;
pub mod model;
mod nearby;
mod repeated;
mod rule;
mod rule_file;
mod scoring;
mod searched;
mod spread;
mod tokens;
mod trie;
mod values;
mod words;

use crate::{
    config::{CountsAs, Detect, LimitCountsAs, Marks},
    level::{Category, Level},
    message::{Document, Field, Piece, Protected, Unreadable, normalise},
};
use jiff::civil::Date;
use rule::{Evidence, List, Matcher, Pack, Rule};
use std::{
    collections::BTreeSet,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

/// What was found in one message, and what follows from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// The highest level of any finding.
    pub level: Level,
    /// The categories found, in [`Category::ALL`]'s order.
    pub categories: BTreeSet<Category>,
    /// What was found, one per rule and place, surest first.
    pub findings: Vec<Finding>,
    /// Parts that were not read (from the document), so that nothing is vouched for that was not seen.
    pub unreadable: Vec<Unreadable>,
    /// Parts that are encrypted from end to end (from the document).
    pub protected: Vec<Protected>,
}

/// One rule that found something at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule's id: `dk.cpr`.
    pub rule: Arc<str>,
    /// Its category.
    pub category: Category,
    /// The level that it gives the message.
    pub level: Level,
    /// Where the surest value stands, as exactly as is known ([`Piece::place_of`]), or a header field.
    pub part: String,
    /// How many different values; 1000 means at least so many.
    pub count: usize,
    /// How sure, 0.0 to 1.0.
    pub confidence: f32,
    /// The first of the surest values with all but its beginning hidden: `01••••-••••`.
    pub masked: String,
    /// Why the confidence is what it is, in plain words.
    pub why: String,
}

impl Verdict {
    /// Raises the level where something could not be read, or is encrypted from end to end, and the administrator
    /// wants that to count. What was left because of a bound always counts: whoever writes a message can reach every
    /// bound.
    pub fn count_unread(&mut self, config: &Detect) {
        let level = |counts| match counts {
            CountsAs::Ignore => Level::None,
            CountsAs::Confidential => Level::Confidential,
            CountsAs::Sensitive => Level::Sensitive,
        };
        let limit = match config.limit {
            LimitCountsAs::Confidential => Level::Confidential,
            LimitCountsAs::Sensitive => Level::Sensitive,
        };
        for (is_there, level) in [
            (!self.unreadable.is_empty(), level(config.unreadable)),
            (self.unreadable.iter().any(Unreadable::is_limit), limit),
            (!self.protected.is_empty(), level(config.protected)),
        ] {
            if is_there {
                self.level = self.level.max(level);
            }
        }
    }
}

/// What is wrong with a rule or its file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleFault {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The rule's id, where there is one.
    pub rule: Option<String>,
    /// What is wrong and what to do.
    pub reason: String,
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if let Some(rule) = &self.rule {
            write!(f, "rule {rule}: ")?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for RuleFault {}

/// Rules, ready for use by any number of threads.
pub struct RuleSet {
    engine: engine::Engine,
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

impl RuleSet {
    /// Reads rule files (name and text) in order; a later rule of the same id replaces an earlier one.
    ///
    /// # Errors
    /// With every fault of every file; also if no rule is left, since nothing would ever be found.
    pub fn parse(files: &[(String, String)]) -> Result<Self, Vec<RuleFault>> {
        let fault = |reason: String| {
            let file = files.first().map_or_else(|| "rules".to_owned(), |(name, _)| name.clone());
            vec![RuleFault { file, line: 1, rule: None, reason }]
        };
        let pack = rule_file::parse(files)?;
        if pack.rules.is_empty() {
            return Err(fault(
                "there is no rule in any file, so nothing would be found: check detect.rules".to_owned(),
            ));
        }
        let engine = engine::Engine::build(pack);
        Ok(Self { engine })
    }

    /// The rules' ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.engine.rules.iter().map(|rule| &*rule.id)
    }

    /// Judges a document as of `today`; past `deadline` the rest is listed as unreadable (`limit: time`).
    ///
    /// Time and memory are linear in the document's text, whatever is in it.
    pub fn inspect(&self, document: &Document, today: Date, marks: &Marks, deadline: Instant) -> Verdict {
        let (mut findings, late) = self.engine.inspect(document, today, deadline);
        findings.extend(marks::inspect(self.engine.rules.iter(), document, marks));
        let level = findings.iter().map(|finding| finding.level).max().unwrap_or_default();
        let categories = findings.iter().map(|finding| finding.category).collect();
        findings.sort_by(|left, right| right.confidence.total_cmp(&left.confidence));
        findings.truncate(engine::MAX_FINDINGS);
        let unreadable = document.unreadable.iter().cloned().chain(late).collect();
        Verdict { level, categories, findings, unreadable, protected: document.protected.clone() }
    }

    /// Runs every rule's examples, each rule by itself.
    pub fn self_test(&self) -> Vec<RuleFault> {
        self.engine.rules.iter().flat_map(|rule| self_test(rule, &self.engine.lists)).collect()
    }
}

/// How long the examples of one rule may take.
const EXAMPLE_TIME: Duration = Duration::from_secs(10);

fn self_test(rule: &Rule, lists: &[List]) -> Vec<RuleFault> {
    let fault = |reason: String| RuleFault {
        file: rule.origin.file.clone(),
        line: rule.origin.line,
        rule: Some(rule.id.to_string()),
        reason,
    };
    // Examples show what the rule says by itself: the model, which learns anew now and then, has no part in them.
    let mut by_itself = rule.clone();
    by_itself.context.retain(|context| !matches!(context.evidence, Evidence::Letter));
    let engine = engine::Engine::build(Pack { rules: vec![by_itself], lists: lists.to_vec() });
    let alone = RuleSet { engine };
    let finds = |example: &String| {
        let document = example_document(rule, example);
        let deadline = Instant::now() + EXAMPLE_TIME;
        !alone.inspect(&document, rule.examples.today, &Marks::default(), deadline).findings.is_empty()
    };
    let missed = rule.examples.found.iter().filter(|example| !finds(example));
    let wrong = rule.examples.not_found.iter().filter(|example| finds(example));
    missed
        .map(|example| fault(format!("examples.found: “{example}” is not found: change the rule or the example")))
        .chain(wrong.map(|example| {
            fault(format!("examples.not-found: “{example}” is found: raise the threshold, or lower a base or weight"))
        }))
        .collect()
}

/// An example as the message that it stands for.
fn example_document(rule: &Rule, example: &str) -> Document {
    let field = match &rule.matcher {
        Matcher::SubjectTag(_) => "Subject",
        Matcher::Header { field, .. } => field,
        Matcher::Label(_) => "msip_labels",
        _ => {
            let text = normalise(example.to_owned());
            return Document { pieces: vec![Piece::new("text", text)], ..Document::default() };
        }
    };
    let value = normalise(example.to_owned());
    Document { fields: vec![Field { name: field.to_owned(), value }], ..Document::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MarkLevel;
    use jiff::civil::date;
    use proptest::prelude::*;
    use std::{fs, path::Path, sync::LazyLock};

    const CLOCK: Date = date(2057, 12, 31);

    #[test]
    fn what_a_bound_left_unread_is_never_nothing() {
        let verdict = |reason: &str, unreadable, limit| {
            let part = Unreadable { place: "message".to_owned(), reason: reason.to_owned() };
            let mut verdict = Verdict { unreadable: vec![part], ..Verdict::default() };
            verdict.count_unread(&Detect { unreadable, limit, ..Detect::default() });
            verdict.level
        };
        let (time, kind) = ("limit: time", "sound or film (MP3) is not read");
        let (none, confidential, sensitive) = (Level::None, Level::Confidential, Level::Sensitive);
        for (reason, counts, limit, level) in [
            (time, CountsAs::Ignore, LimitCountsAs::Confidential, confidential),
            (time, CountsAs::Ignore, LimitCountsAs::Sensitive, sensitive),
            (time, CountsAs::Sensitive, LimitCountsAs::Confidential, sensitive),
            (kind, CountsAs::Ignore, LimitCountsAs::Sensitive, none),
            (kind, CountsAs::Confidential, LimitCountsAs::Confidential, confidential),
        ] {
            assert_eq!(verdict(reason, counts, limit), level, "{reason} {counts:?} {limit:?}");
        }
    }

    #[test]
    fn what_is_protected_counts_as_the_administrator_wants() {
        for (protected, level) in [
            (CountsAs::Ignore, Level::None),
            (CountsAs::Confidential, Level::Confidential),
            (CountsAs::Sensitive, Level::Sensitive),
        ] {
            let part = Protected { place: "attachment \"a.pdf\"".to_owned(), how: "PDF with a password".to_owned() };
            let mut verdict = Verdict { protected: vec![part], ..Verdict::default() };
            verdict.count_unread(&Detect { unreadable: CountsAs::Sensitive, protected, ..Detect::default() });
            assert_eq!(verdict.level, level);
        }
    }

    fn rules(text: &str) -> RuleSet {
        RuleSet::parse(&[("test.toml".to_owned(), text.to_owned())]).unwrap()
    }

    /// Every rule file of the repository.
    static SHIPPED: LazyLock<RuleSet> = LazyLock::new(|| {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/conf/rules");
        let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|ext| ext == "toml")).collect();
        paths.sort();
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let files: Vec<_> = paths.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect();
        RuleSet::parse(&files).unwrap()
    });

    #[test]
    fn what_stands_near_a_password_is_not_named() {
        let mut found = 0;
        for text in ["adgangskoden er mormor", "Hej Anna, din adgangskode er Charlotte", "password: Helena"] {
            let verdict = inspect(&SHIPPED, text);
            let credentials = verdict.findings.iter().filter(|finding| finding.category == Category::Credentials);
            found += credentials.clone().count();
            for secret in ["mormor", "Charlotte", "Helena", "charlotte", "helena"] {
                assert!(
                    credentials.clone().all(|finding| !finding.why.contains(secret)),
                    "{text}: {:?}",
                    verdict.findings
                );
            }
        }
        assert!(found > 0);
    }

    fn deadline() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn document(text: &str) -> Document {
        Document { pieces: vec![Piece::new("text", text)], ..Document::default() }
    }

    fn inspect(rules: &RuleSet, text: &str) -> Verdict {
        rules.inspect(&document(text), CLOCK, &Marks::default(), deadline())
    }

    fn rule(matcher: &str) -> String {
        format!(
            "[[rule]]\nid = \"t\"\ncategory = \"health\"\ndescription = \"d\"\nsource = \"s\"\n{matcher}\nexamples = {{ found = [\"x\"] }}\n"
        )
    }

    #[test]
    fn the_shipped_rules_pass_their_examples() {
        assert_eq!(SHIPPED.self_test(), []);
    }

    #[test]
    fn digits_apart_are_one_number() {
        for text in ["CPR: 1 4 0 2 5 7 - 5 6 7 8", "CPR\n1\t4\t0\t2\t5\t7\t5\t6\t7\t8\n", "CPR 14\t02\t57\t5678"] {
            assert_eq!(inspect(&SHIPPED, text).level, Level::Confidential, "{text}");
        }
        assert_eq!(inspect(&SHIPPED, "1 4 0 2 5 7 5 6 7 8").level, Level::None);
    }

    #[test]
    fn letters_and_digits_apart_are_one_number() {
        let spread =
            |number: &str, between: &str| number.chars().map(|sign| format!("{sign}{between}")).collect::<String>();
        for between in [" ", "\t", "\n", " | ", "\r\n"] {
            for (number, rule) in [
                ("National Insurance number\nAB123456C", "gb.nino"),
                ("Pay into\nGB29NWBK60161331926819", "iban"),
                ("IBAN\nDK5000400440116243", "iban"),
            ] {
                let (label, number) = number.split_once('\n').unwrap();
                let verdict = inspect(&SHIPPED, &format!("{label}\n{}", spread(number, between)));
                assert!(verdict.findings.iter().any(|finding| &*finding.rule == rule), "{number} {between:?}");
            }
        }
        for text in [
            "GB 2 9 N W B K 6 0 1 6 1 3 3 1 9 2 6 8 1 8",
            "Team A 1 3 2 B 2 2 4 C 3 1 2 D 0 4 4",
            "A B C D E\n1 2 3 4 5\n6 7 8 9 0",
            "Row\tA\tB\n1\t2\t3\n4\t5\t6\nC",
        ] {
            assert_eq!(inspect(&SHIPPED, text).findings, [], "{text}");
        }
    }

    #[test]
    fn a_wrong_example_is_told() {
        let faults = rules(&rule("terms = [{ words = [\"abc\"], base = 0.6 }]")).self_test();
        assert_eq!(
            faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["test.toml:1: rule t: examples.found: “x” is not found: change the rule or the example"]
        );
    }

    #[test]
    fn no_rules_at_all_is_a_fault() {
        assert_eq!(RuleSet::parse(&[]).unwrap_err().len(), 1);
        assert_eq!(RuleSet::parse(&[("a.toml".to_owned(), String::new())]).unwrap_err()[0].file, "a.toml");
    }

    #[test]
    fn a_finding_says_what_where_and_why() {
        let verdict = inspect(&SHIPPED, "CPR: 140257-5678 og igen 1402575678, samt 140257-5679.");
        assert_eq!(verdict.level, Level::Confidential);
        assert_eq!(verdict.categories, BTreeSet::from([Category::NationalId]));
        let finding = verdict.findings.iter().find(|finding| &*finding.rule == "dk.cpr").unwrap();
        assert_eq!((finding.part.as_str(), finding.count), ("text", 2));
        assert_eq!(finding.masked, "14••••-••••");
        assert!((finding.confidence - 0.9).abs() < 1e-6);
        assert_eq!(finding.why, "written form hyphen 0.60, near “*cpr” +0.30");
    }

    #[test]
    fn context_counts_within_its_distance_and_once() {
        let rules = rules(&rule(
            "terms = [{ words = [\"candidate\"], base = 0.3 }]\ncontext = [{ words = [\"near\", \"close\"], weight = 0.2, distance = 10 }, { words = [\"not\"], weight = -0.1, distance = 10, side = \"before\" }]",
        ));
        for (text, found) in [
            ("candidate", false),
            ("near candidate", true),
            ("near          candidate", true),
            ("near           candidate", false),
            ("candidate          near", true),
            ("candidate           near", false),
            ("near close candidate", true),
            ("near not candidate", false),
            ("near candidate not", true),
            ("nearcandidate", false),
        ] {
            assert_eq!(!inspect(&rules, text).findings.is_empty(), found, "{text}");
        }
    }

    #[test]
    fn context_without_a_distance_counts_anywhere() {
        let rules = rules(&rule(
            "terms = [{ words = [\"candidate\"], base = 0.3 }]\ncontext = [{ words = [\"anywhere\"], weight = 0.2 }]",
        ));
        let mut document = document(&format!("candidate{}", " x".repeat(20_000)));
        assert_eq!(rules.inspect(&document, CLOCK, &Marks::default(), deadline()).findings, []);
        document.pieces.push(Piece::new("subject", "Anywhere"));
        assert_eq!(rules.inspect(&document, CLOCK, &Marks::default(), deadline()).findings.len(), 1);
    }

    #[test]
    fn a_minimum_counts_different_values_in_the_whole_message() {
        let rules = rules(&format!(
            "{}min-count = 2\n",
            rule("").replace("examples", "terms = [{ words = [\"one\", \"two\"], base = 0.6 }]\nexamples",)
        ));
        assert_eq!(inspect(&rules, "one One ONE").findings, []);
        assert_eq!(inspect(&rules, "one two").findings[0].count, 2);
    }

    #[test]
    fn patterns_stand_alone_unless_inside() {
        let own = |inside: bool| {
            rules(&rule(&format!("pattern = {{ regex = \"sag[0-9]{{2,4}}\", base = 0.6, inside = {inside} }}")))
        };
        for (text, alone, inside) in
            [("SAG12", true, true), ("xsag12", false, true), ("sag12345", false, true), ("sag1", false, false)]
        {
            assert_eq!(!inspect(&own(false), text).findings.is_empty(), alone, "{text}");
            assert_eq!(!inspect(&own(true), text).findings.is_empty(), inside, "{text}");
        }
        let long = format!("{}sag1234 {}", "x ".repeat(32_765), "y ".repeat(10_000));
        let verdict = inspect(&own(false), &long);
        assert_eq!((verdict.findings.len(), verdict.findings[0].count), (1, 1));
        assert_eq!(verdict.findings[0].masked, "sa•••••");
    }

    #[test]
    fn a_pattern_may_end_within_a_letter() {
        let own = rules(&rule("pattern = { regex = \"kode [^ ]{1,4}\", base = 0.6, inside = true }"));
        for text in ["kode 1ééééé", "kode ééééé", "kode 12éééé", "kode €€€"] {
            assert_eq!(inspect(&own, text).findings.len(), 1, "{text}");
        }
    }

    #[test]
    fn digits_apart_are_found_across_blocks() {
        for shift in 0..40 {
            let text = format!("{}CPR 1 4 0 2 5 7 5 6 7 8 {}", "x ".repeat(32 * 1024 - shift / 2), "y ".repeat(100));
            assert_eq!(inspect(&SHIPPED, &text[shift % 2..]).level, Level::Confidential, "{shift}");
        }
    }

    #[test]
    fn words_in_addresses_say_nothing() {
        let rules = rules(&rule("terms = [{ words = [\"syg*\"], base = 0.6 }]"));
        for (text, count) in [
            ("syg", 1),
            ("a@syg.dk", 0),
            ("sygeplejen@example.org", 0),
            ("https://example.org/syg", 0),
            ("syg, a@b.dk", 1),
        ] {
            assert_eq!(inspect(&rules, text).findings.len(), count, "{text}");
        }
    }

    #[test]
    fn words_are_found_across_blocks() {
        let rules = rules(&rule("terms = [{ words = [\"kræftsygdom*\"], base = 0.6 }]"));
        for shift in 0..30 {
            let text = format!("{}kræftsygdommen", " ".repeat(64 * 1024 - shift));
            let verdict = inspect(&rules, &text);
            assert_eq!(verdict.findings.len(), 1, "{shift}");
        }
    }

    #[test]
    fn marks_count() {
        let rules = &*SHIPPED;
        let judge = |name: &str, value: &str, marks: &Marks| {
            let field = Field { name: name.to_owned(), value: value.to_owned() };
            rules.inspect(&Document { fields: vec![field], ..Document::default() }, CLOCK, marks, deadline())
        };
        let none = Marks::default();
        assert_eq!(judge("Subject", "[fortroligt] x", &none).level, Level::Confidential);
        assert_eq!(judge("subject", "x [Følsomt]", &none).level, Level::Sensitive);
        assert_eq!(judge("Sensitivity", "Private", &none).findings[0].part, "Sensitivity");
        assert_eq!(judge("Sensitivity", "Personal", &none).level, Level::None);

        let own = Marks {
            subject_tags: vec!["Hemmelig!".to_owned()],
            labels: [("AAAA-1", MarkLevel::Sensitive), ("{bbbb-2}", MarkLevel::None)]
                .map(|(id, level)| (id.to_owned(), level))
                .into(),
        };
        let verdict = judge("Subject", "[hemmelig] x", &own);
        assert_eq!((&*verdict.findings[0].rule, verdict.level), ("marks.subject-tags", Level::Confidential));
        assert_eq!(judge("Subject", "[hemmelig] x", &none).level, Level::None);
        let label = |id: &str, name: &str| format!("MSIP_Label_{id}_Enabled=True; MSIP_Label_{id}_Name={name};");
        assert_eq!(judge("msip_labels", &label("aaaa-1", "Public"), &own).level, Level::Sensitive);
        assert_eq!(judge("MSIP_Labels", &label("cccc-3", "Confidential"), &own).level, Level::Confidential);
        // The administrator says that this label means nothing, whatever its name; another mark still counts.
        let named = label("bbbb-2", "Confidential");
        assert_eq!(judge("msip_labels", &named, &own).level, Level::None);
        assert_eq!(judge("msip_labels", &format!("{named}{}", label("aaaa-1", "x")), &own).level, Level::Sensitive);
    }

    #[test]
    fn what_was_not_read_is_handed_on_and_may_count() {
        let rules = &*SHIPPED;
        let part = Unreadable { place: "part 2".to_owned(), reason: "attachment".to_owned() };
        let document = Document { unreadable: vec![part.clone()], ..Document::default() };
        let mut verdict = rules.inspect(&document, CLOCK, &Marks::default(), deadline());
        assert_eq!((verdict.level, &verdict.unreadable), (Level::None, &vec![part]));
        verdict.count_unread(&Detect::default());
        assert_eq!(verdict.level, Level::None);
        verdict.count_unread(&Detect { unreadable: CountsAs::Sensitive, ..Detect::default() });
        assert_eq!(verdict.level, Level::Sensitive);

        let late = rules.inspect(&self::document("1"), CLOCK, &Marks::default(), Instant::now() - EXAMPLE_TIME);
        assert_eq!(late.unreadable, [Unreadable { place: "text".to_owned(), reason: "limit: time".to_owned() }]);
    }

    /// Not a timed test: quadratic time in any of them would not end while anyone waits.
    #[test]
    fn hostile_texts_are_searched() {
        let rules = &*SHIPPED;
        for text in [
            "1".repeat(20_000),
            "1 ".repeat(250_000),
            "12-".repeat(150_000),
            "140257-5678 ".repeat(20_000),
            "1402575678".repeat(30_000),
            "cpr ".repeat(20_000),
            "cpr 140257 ".repeat(20_000),
            "4111 ".repeat(50_000),
            "DK50 0040 ".repeat(20_000),
            "konto 1234 ".repeat(20_000),
            "L898902C36UTO7408122F1204159".repeat(20_000),
            "C01X00T47 1 57 02 99 PZ 00 ".repeat(10_000),
            "http://".repeat(20_000) + &"/140257-5678".repeat(10_000),
            "a@".repeat(20_000) + &"140257-5678@".repeat(10_000),
        ] {
            inspect(rules, &text);
        }
    }

    #[test]
    fn a_text_full_of_values_is_counted_to_a_bound() {
        let text: String = (5000..9000).map(|serial| format!("140257-{serial}\n")).collect();
        let verdict = inspect(&SHIPPED, &text);
        assert_eq!(verdict.findings.iter().find(|finding| &*finding.rule == "dk.cpr").unwrap().count, 1000);
    }

    proptest! {
        #[test]
        fn any_text_can_be_judged(text in any::<String>(), subject in any::<String>()) {
            let mut document = document(&normalise(text));
            document.fields.push(Field { name: "Subject".to_owned(), value: subject });
            SHIPPED.inspect(&document, CLOCK, &Marks::default(), deadline());
        }

        #[test]
        fn nothing_secret_is_shown(
            text in "(140257[- ]?[5-8][0-9]{3}|cpr|dk5000400440116243|4111 1111 1111 1111|[a-zæ:@/.]{1,6}|[ \\n]){0,30}"
        ) {
            let verdict = inspect(&SHIPPED, &text);
            for finding in &verdict.findings {
                let shown = finding.masked.chars().filter(char::is_ascii_digit).count();
                prop_assert!(shown <= 2, "{}", finding.masked);
                // No digit of the text but points of the score.
                let why = finding.why.replace(|character: char| !character.is_ascii_digit(), " ");
                prop_assert!(why.split_whitespace().all(|digits| digits.len() <= 2), "{}", finding.why);
            }
        }
    }
}
