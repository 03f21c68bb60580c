//! What rule files may say, and what is told of those that say something else.

use super::*;
use crate::level::{Category, Level};

const GOOD: &str = r#"[[rule]]
id = "own.case"
category = "criminal"
description = "Case numbers"
source = "ours"
pattern = { regex = "sag-[0-9]{6}", base = 0.6 }
examples = { found = ["Sag-123456"] }
"#;

fn faults(text: &str) -> Vec<String> {
    match parse(&[("a.toml".to_owned(), text.to_owned())]) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_good_rule_is_read() {
    let rules = parse(&[("a.toml".to_owned(), GOOD.to_owned())]).unwrap().rules;
    assert_eq!((rules.len(), &*rules[0].id, rules[0].level), (1, "own.case", Level::Sensitive));
    assert_eq!(rules[0].threshold, 500);
}

#[test]
fn a_later_file_replaces_a_rule_and_one_file_may_not() {
    let later = GOOD.replace("[0-9]{6}", "[0-9]{7}").replace("criminal", "finance");
    let files = [("a.toml".to_owned(), GOOD.to_owned()), ("b.toml".to_owned(), later.clone())];
    let rules = parse(&files).unwrap().rules;
    assert_eq!((rules.len(), rules[0].category), (1, Category::Finance));
    assert_eq!(rules[0].origin.file, "b.toml");
    assert_eq!(
        faults(&format!("{GOOD}{later}")),
        ["a.toml:8: rule own.case: this id stands in line 1 already: give one of them another"]
    );
}

#[test]
fn a_later_file_replaces_a_profile_and_one_file_may_not() {
    let profile = |weight| format!("[[profile]]\nid = \"p\"\ncontext = [{{ words = [\"abc\"], weight = {weight} }}]\n");
    let ours = GOOD.replace("pattern", "profile = \"p\"\npattern");
    let files = [("a.toml".to_owned(), profile(0.1)), ("b.toml".to_owned(), profile(0.2)), ("c.toml".to_owned(), ours)];
    assert_eq!(parse(&files).unwrap().rules[0].context[0].weight, 200);
    assert_eq!(
        faults(&format!("{GOOD}{}{}", profile(0.1), profile(0.2))),
        ["a.toml:11: profile p: this id stands in line 8 already: give one of them another"]
    );
}

/// Each fault names file, line and rule, and says what to do.
#[test]
fn bad_rules_are_refused() {
    let huge = (10..70).map(|number| format!("{number}[a-z]{{1,200}}")).collect::<Vec<_>>().join("|");
    for (from, to, fault) in [
        ("base = 0.6", "bse = 0.6", "a.toml:6: rule own.case: unknown field `bse`"),
        ("criminal", "crime", "a.toml:3: rule own.case: unknown variant `crime`"),
        ("description", "descripton", "a.toml:4: rule own.case: unknown field `descripton`"),
        ("source = \"ours\"", "", "a.toml:1: rule own.case: missing field `source`"),
        ("source = \"ours\"", "source = \" \"", "a.toml:1: rule own.case: `source` is empty"),
        ("own.case", "Own case", "a.toml:1: rule Own case: `id` is `Own case`"),
        ("[[rule]]", "[[rule]]\nlevel = \"none\"", "a.toml:1: rule own.case: `level` is none"),
        ("[[rule]]", "[[rule]]\nthreshold = 2.0", "a.toml:1: rule own.case: `threshold` is 2"),
        ("[[rule]]", "[[rule]]\nmin-count = 0", "a.toml:1: rule own.case: `min-count` is 0"),
        ("[[rule]]", "[[rules]]", "a.toml:1: `rules` is not known here"),
        ("[[rule]]", "[rule]", "a.toml:1: write [[rule]]"),
        ("found = [\"Sag-123456\"]", "found = []", "a.toml:1: rule own.case: `examples.found` is empty"),
        ("found =", "today = \"x\", found =", "a.toml:1: rule own.case: `examples.today` is `x`"),
        ("pattern", "# pattern", "a.toml:1: rule own.case: a rule looks for one thing"),
        ("[0-9]{6}", "[0-9]+", "a.toml:1: rule own.case: the pattern would be slow: a repetition has no end"),
        ("[0-9]{6}", "[0-9]{300}", "a.toml:1: rule own.case: the pattern would be slow: it matches 304 bytes"),
        (
            "sag-[0-9]{6}",
            "aaa[a-z]{0,250}Q",
            "a.toml:1: rule own.case: the pattern would be slow: a match can begin within another so often that a text can \
             be read 251 times, 64 at most",
        ),
        ("sag-[0-9]{6}", &huge, "a.toml:1: rule own.case: the pattern would be slow: "),
        ("sag-[0-9]{6}", "(a?){6}", "a.toml:1: rule own.case: the pattern matches nothing"),
        ("sag-[0-9]{6}", "sag-[æ]", "a.toml:1: rule own.case: the pattern cannot be read"),
        ("sag-[0-9]{6}", "sag(", "a.toml:1: rule own.case: the pattern cannot be read"),
        ("\"own.case\"", "\"own.case", "a.toml:2: "),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let found = faults(&text);
        assert!(found.first().is_some_and(|found| found.starts_with(fault)), "{from} -> {to}: {found:?}");
    }
    for (matcher, fault) in [
        ("identifier = { validator = \"dk.cvr\", base = {} }", "validator `dk.cvr` is not known: there are "),
        ("identifier = { validator = \"iban\", base = { bare = 1.0 } }", "`base.bare`: iban has the forms"),
        ("identifier = { validator = \"iban\", base = { grouped = 1.0 } }", "`base.electronic` is missing"),
        (
            "identifier = { validator = \"iban\", base = { grouped = 1, electronic = 1, embedded = 1 }, checksum = 0.1 }",
            "`checksum`: iban without its checksum is none",
        ),
        ("terms = [{ words = [], base = 0.5 }]", "a list of words is empty"),
        ("subject-tag = { words = [] }", "a list of words is empty"),
        ("header = { field = \"a b\", values = [\"x\"] }", "`a b` is no name of a header field"),
        (
            "terms = [{ words = [\"abc\"], base = 0.5 }]\ncontext = [{ words = [\"abc\"], weight = 0.0 }]",
            "`weight` is 0",
        ),
        (
            "terms = [{ words = [\"abc\"], base = 0.5 }]\ncontext = [{ words = [\"abc\"], weight = 0.1, distance = 5000 }]",
            "`distance` is greater than 1000",
        ),
        (
            "terms = [{ words = [\"abc\"], base = 0.5 }]\ncontext = [{ words = [\"abc\"], weight = 0.1, side = \"before\" }]",
            "`side` needs a `distance`",
        ),
        ("label = { names = [\"abc\"] }\ncontext = [{ words = [\"abc\"], weight = 0.1 }]", "`context` has no use"),
    ] {
        let text = GOOD.replace("pattern = { regex = \"sag-[0-9]{6}\", base = 0.6 }", matcher);
        let found = faults(&text);
        let fault = format!("a.toml:1: rule own.case: {fault}");
        assert!(found.first().is_some_and(|found| found.starts_with(&fault)), "{matcher}: {found:?}");
    }
}

/// A fault in a word names the word's line, in lists and profiles of other files as well.
#[test]
fn a_word_has_a_line() {
    let pattern = "pattern = { regex = \"sag-[0-9]{6}\", base = 0.6 }";
    for (matcher, line) in [
        ("terms = [{ base = 0.5, words = { da = [\n    \"abc\",\n    \"a\",\n] } }]", 8),
        ("terms = [{ base = 0.5, words = [\n\n    \"abc\", \"(a|\",\n] }]", 8),
        ("terms = [{ base = 0.5, words = [\"abc\"] }]\nexcept = [\n\"abc\",\n\"a\"]", 9),
        ("terms = [{ base = 0.5, words = [\"abc\"] }]\ncontext = [{ words = [\n\"a\"], weight = 0.1 }]", 8),
        ("terms = [{ base = 0.5, words = { da = [\"abc\"],\nxx = [\n\"abc\"] } }]", 8),
        ("subject-tag = { words = [\n\"abc\",\n\"!\"] }", 8),
        ("label = { names = [\n\"abc\",\n\"*\"] }", 8),
    ] {
        let found = faults(&GOOD.replace(pattern, matcher));
        let fault = format!("a.toml:{line}: rule own.case: ");
        assert!(found.len() == 1 && found[0].starts_with(&fault), "{matcher}: {found:?}");
    }
    let found = faults(&format!("{GOOD}[[list]]\nid = \"own\"\nwords = [\n\"abc\",\n\"a\",\n]\n"));
    assert!(found.len() == 1 && found[0].starts_with("a.toml:12: rule own: `a` is too short"), "{found:?}");

    let shared = "[[profile]]\nid = \"p\"\ncontext = [\n{ words = [\n\"a\"], weight = 0.1 }]\n";
    let ours = GOOD.replace("pattern", "profile = \"p\"\npattern");
    let files = [("a.toml".to_owned(), shared.to_owned()), ("b.toml".to_owned(), ours)];
    let found: Vec<_> = parse(&files).unwrap_err().iter().map(ToString::to_string).collect();
    assert!(found.len() == 1 && found[0].starts_with("a.toml:5: profile p: `a` is too short"), "{found:?}");
}

#[test]
fn every_fault_is_told_at_once() {
    let text = format!("{}{}", GOOD.replace("criminal", "crime"), GOOD.replace("own.case", "Own"));
    assert_eq!(faults(&text).len(), 2);
}

/// What `man/segl-rules.5` names, by its sections: the keys and, in running text, the words.
fn manual() -> (Vec<(&'static str, &'static str)>, Vec<&'static str>) {
    let text = include_str!("../../../man/segl-rules.5");
    let (mut section, mut keys) = ("", Vec::new());
    for line in text.lines() {
        if let Some(title) = line.strip_prefix(".Ss ") {
            section = title;
        } else if let Some(item) = line.strip_prefix(".It Cm ") {
            keys.push((section, item.split(' ').next().unwrap()));
        }
    }
    let words = text.lines().filter_map(|line| line.strip_prefix(".Cm ")).flat_map(|line| line.split(' ')).collect();
    (keys, words)
}

#[test]
fn the_manual_page_names_every_key() {
    let (keys, words) = manual();
    let mut section = "";
    let mut named = 0;
    for line in include_str!("raw.rs").lines() {
        if let Some(name) = line.strip_prefix("pub(super) struct Raw") {
            section = match name.trim_end_matches(" {") {
                "Rule" => "Rules",
                "Identifier" => "identifier",
                "Terms" => "terms",
                "Pattern" => "pattern",
                "Tag" => "subject-tag",
                "Header" => "header",
                "Label" => "label",
                "Context" => "context",
                "Examples" => "examples",
                "List" => "Lists",
                "Profile" => "Profiles",
                // How words are written stands in text.
                _ => "",
            };
        } else if let Some((field, _)) = line.strip_prefix("    pub(super) ").and_then(|field| field.split_once(':'))
            && !section.is_empty()
        {
            let key = field.replace('_', "-");
            assert!(keys.contains(&(section, &key)), "{key} is not under {section} of man/segl-rules.5");
            named += 1;
        }
    }
    assert_eq!(named, keys.len(), "man/segl-rules.5 names keys that are none");
    for kind in crate::detect::identifier::Identifier::all() {
        assert!(words.contains(&kind.name), "{} is not in man/segl-rules.5", kind.name);
    }
    for category in Category::ALL {
        assert!(words.contains(&category.as_str()), "{} is not in man/segl-rules.5", category.as_str());
    }
}

#[test]
fn the_examples_of_the_manual_page_hold() {
    let text = include_str!("../../../man/segl-rules.5");
    let examples: Vec<_> = text.split(".Bd -literal -offset indent\n").skip(1).collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        let example = example.split(".Ed").next().unwrap();
        let rules = crate::detect::RuleSet::parse(&[("example.toml".to_owned(), example.to_owned())]).unwrap();
        assert_eq!(rules.self_test().iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    }
}

#[test]
fn the_rules_of_the_documentation_hold() {
    let text = include_str!("../../../docs/rules.md");
    let rules: Vec<_> = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(rules.len(), 2);
    for rule in rules {
        let rules = crate::detect::RuleSet::parse(&[("docs.toml".to_owned(), rule.to_owned())]).unwrap();
        assert_eq!(rules.self_test().iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    }
}
