//! The numbers of southern and eastern Europe.

use super::{Random, TODAY, finds, numbers, oracle, rules};
use jiff::civil::Date;

const DIGITS: &[u8] = b"0123456789";
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Numbers of random beginnings, each with every end there is, so that a valid one is among them.
fn with_every_end(random: &mut Random, ends: &[u8], mut beginning: impl FnMut(&mut Random) -> String) -> Vec<String> {
    let beginnings = numbers().div_ceil(ends.len());
    (0..beginnings)
        .flat_map(|_| {
            let beginning = beginning(random);
            ends.iter().map(move |end| format!("{beginning}{}", char::from(*end)))
        })
        .collect()
}

/// What the oracle says of a number, by our own clock: it knows no future.
fn is_valid(said: &str) -> bool {
    match said.strip_prefix("valid") {
        Some("") => true,
        Some(born) => born.trim().parse::<Date>().unwrap() <= TODAY,
        None => false,
    }
}

/// Asserts that we find what the oracle takes for a number of this kind and nothing else, but for the numbers of which
/// `differs` says whether we find them.
fn agrees_but(
    module: &str,
    validator: &str,
    forms: &[&str],
    numbers: &[String],
    differs: impl Fn(&str, &str) -> Option<bool>,
) {
    let rules = rules(validator, forms, false);
    let (mut valid, mut different) = (0, 0);
    let said = oracle(&["module", module], numbers);
    assert_eq!(said.len(), numbers.len());
    for (number, said) in numbers.iter().zip(&said) {
        let found = finds(&rules, number);
        let expected = match differs(number, said) {
            Some(expected) if expected != is_valid(said) => {
                different += 1;
                expected
            }
            _ => is_valid(said),
        };
        assert_eq!(found, expected, "{validator} {number}: {said}");
        valid += usize::from(found);
    }
    let all = numbers.len();
    assert!(valid > all / 200, "{validator}: {valid} of {all} numbers are valid");
    assert!(valid < all * 9 / 10, "{validator}: {valid} of {all} numbers are valid");
    println!("{validator}: {all} numbers, {valid} found, {different} by which the two differ");
}

fn agrees(module: &str, validator: &str, forms: &[&str], numbers: &[String]) {
    agrees_but(module, validator, forms, numbers, |_, _| None);
}

const BARE: [&str; 3] = ["spaced", "bare", "embedded"];

/// Year, month and day of two digits each, mostly of a date; the month may have something added.
fn date_of_birth(random: &mut Random, added: &[u64]) -> [String; 3] {
    let month = random.below(14) + added[random.below(added.len() as u64) as usize];
    [random.below(100), month, random.below(33)].map(|part| format!("{part:02}"))
}

#[test]
fn polish_numbers() {
    let numbers = with_every_end(&mut Random(11), DIGITS, |random| {
        let date = date_of_birth(random, &[0, 0, 20, 40, 60, 80]).concat();
        date + &random.digits(4)
    });
    agrees("pl.pesel", "pl.pesel", &BARE, &numbers);
}

#[test]
fn spanish_numbers() {
    let mut random = Random(12);
    let numbers = with_every_end(&mut random, LETTERS, |random| random.digits(8));
    agrees("es.dni", "es.dni", &["grouped", "hyphen", "bare", "embedded"], &numbers);
    let numbers = with_every_end(&mut random, LETTERS, |random| {
        format!("{}{}", ["X", "Y", "Z", "A"][random.below(4) as usize], random.digits(7))
    });
    agrees("es.nie", "es.nie", &["hyphen", "bare", "embedded"], &numbers);
}

/// The oracle takes the days 81 to 99 for 1 to 19.
#[test]
fn italian_numbers() {
    let numbers = with_every_end(&mut Random(13), LETTERS, |random| {
        let letter = |random: &mut Random| char::from(LETTERS[random.below(26) as usize]);
        let names: String = (0..6).map(|_| letter(random)).collect();
        let month = char::from(b"ABCDEHLMPRSTABCDEHLMPRSTFG"[random.below(26) as usize]);
        let digits = random.digits(7);
        let mut signs = format!("{names}{}{month}{}{}{}", &digits[..2], &digits[2..4], letter(random), &digits[4..]);
        for place in [6, 7, 9, 10, 12, 13, 14] {
            if random.below(8) == 0 {
                let replaced = char::from(b"LMNPQRSTUVAZ"[random.below(12) as usize]);
                signs.replace_range(place..=place, &replaced.to_string());
            }
        }
        signs
    });
    let without_digits = |number: &str| !number.bytes().any(|byte| byte.is_ascii_digit());
    agrees_but("it.codicefiscale", "it.codicefiscale", &["grouped", "bare", "embedded"], &numbers, |number, _| {
        let tens = "LMNPQRSTUV".find(&number[9..10]).or_else(|| number[9..10].parse().ok())?;
        (tens >= 8 || without_digits(number)).then_some(false)
    });
}

/// The oracle takes companies' numbers, too.
#[test]
fn portuguese_numbers() {
    let numbers = with_every_end(&mut Random(14), DIGITS, |random| random.digits(8));
    agrees_but("pt.nif", "pt.nif", &BARE, &numbers, |number, _| {
        (!number.starts_with(['1', '2', '3']) && !number.starts_with("45")).then_some(false)
    });
}

/// The oracle takes months of 41 to 49 and 91 to 99, and 20 more in years before that was allowed.
#[test]
fn czech_and_slovak_numbers() {
    let mut random = Random(15);
    let mut numbers = with_every_end(&mut random, DIGITS, |random| {
        date_of_birth(random, &[0, 0, 50, 20, 70, 40, 90]).concat().chars().take(6).collect::<String>()
            + &random.digits(3)
    });
    numbers.extend(with_every_end(&mut random, DIGITS, |random| {
        date_of_birth(random, &[0, 50, 20]).concat() + &random.digits(2)
    }));
    numbers.retain(|number| number.len() < 11);
    // The oracle's Slovak module is the Czech one, without its date.
    for validator in ["cz.rc", "sk.rc"] {
        agrees_but("cz.rc", validator, &["slash", "spaced", "bare", "nine", "embedded"], &numbers, |number, _| {
            let (year, month) = (number[..2].parse::<u32>().unwrap(), number[2..4].parse::<u32>().unwrap());
            let from_2004 = number.len() == 10 && (4..54).contains(&year);
            let more = matches!(month, 21..=49 | 71..);
            (matches!(month, 33..=50 | 83..) || more && !from_2004).then_some(false)
        });
    }
}

/// The oracle takes the year of a foreigner's number for one of the twentieth century: 29 February 2000 is left out.
#[test]
fn romanian_numbers() {
    let mut numbers = with_every_end(&mut Random(16), DIGITS, |random| {
        let date = date_of_birth(random, &[0]).concat();
        format!("{}{date}{:02}{}", random.below(10), random.below(90), random.digits(3))
    });
    numbers.retain(|number| &number[1..7] != "000229" || number.starts_with(['1', '2', '5', '6']));
    agrees("ro.cnp", "ro.cnp", &BARE, &numbers);
}

#[test]
fn bulgarian_numbers() {
    let numbers = with_every_end(&mut Random(17), DIGITS, |random| {
        date_of_birth(random, &[0, 0, 20, 40]).concat() + &random.digits(3)
    });
    agrees("bg.egn", "bg.egn", &BARE, &numbers);
}

#[test]
fn greek_numbers() {
    let numbers = with_every_end(&mut Random(18), DIGITS, |random| {
        let [year, month, day] = date_of_birth(random, &[0]);
        format!("{day}{month}{year}{}", random.digits(4))
    });
    agrees("gr.amka", "gr.amka", &BARE, &numbers);
}

#[test]
fn croatian_numbers() {
    let numbers = with_every_end(&mut Random(19), DIGITS, |random| random.digits(10));
    agrees("hr.oib", "hr.oib", &BARE, &numbers);
}

#[test]
fn slovenian_numbers() {
    let numbers = with_every_end(&mut Random(20), DIGITS, |random| {
        let [year, month, day] = date_of_birth(random, &[0]);
        format!("{day}{month}{}{year}{}", [9, 9, 0, 0, 1, 8][random.below(6) as usize], random.digits(5))
    });
    agrees("si.emso", "si.emso", &BARE, &numbers);
}

#[test]
fn estonian_and_lithuanian_numbers() {
    let numbers = with_every_end(&mut Random(21), DIGITS, |random| {
        let date = date_of_birth(random, &[0]).concat();
        format!("{}{date}{}", random.below(10), random.digits(3))
    });
    agrees("ee.ik", "ee.ik", &BARE, &numbers);
    agrees("lt.asmens", "lt.asmens", &BARE, &numbers);
}

/// The oracle takes companies' numbers, too, and of the numbers given since 2017 only those that begin with 32 and
/// whose check digit fits; the law knows 32 to 39, all digits random. It takes centuries beyond the twenty-first.
#[test]
fn latvian_numbers() {
    let numbers = with_every_end(&mut Random(22), DIGITS, |random| {
        let [year, month, day] = date_of_birth(random, &[0]);
        match random.below(4) {
            0 => format!("3{}", random.digits(9)),
            1 => random.digits(10),
            _ => format!("{day}{month}{year}{}{}", random.below(4), random.digits(3)),
        }
    });
    agrees_but("lv.pvn", "lv.pvn", &["hyphen", "spaced", "bare", "embedded"], &numbers, |number, _| {
        match (&number[..1], &number[1..2]) {
            ("3", second) if second >= "2" => Some(true),
            (first, _) if first > "3" => Some(false),
            _ => None,
        }
    });
}

/// The oracle knows the code of companies: the letter is the same, and 12 is no beginning.
#[test]
fn cypriot_numbers() {
    let numbers = with_every_end(&mut Random(23), LETTERS, |random| random.digits(8));
    agrees_but("cy.vat", "cy.tic", &["bare", "embedded"], &numbers, |number, _| match &number[..1] {
        "0" | "9" => None,
        "6" => Some(true),
        _ => Some(false),
    });
}

/// The oracle knows no more than that there are at most twelve digits, zeros before them not counted: with more, ours
/// are other numbers.
#[test]
fn liechtenstein_numbers() {
    let mut random = Random(24);
    let numbers: Vec<String> = (0..numbers())
        .map(|_| {
            let count = 1 + random.below(14) as usize;
            format!("{}{}", ["", "00", "0000"][random.below(3) as usize], random.digits(count))
        })
        .collect();
    let rules = rules("li.peid", &["named", "embedded"], false);
    for (number, said) in numbers.iter().zip(oracle(&["module", "li.peid"], &numbers)) {
        let expected = said == "valid" && number.len() <= 12;
        assert_eq!(finds(&rules, &format!("PEID: {number}")), expected, "{number}: {said}");
        assert!(!finds(&rules, number), "{number}");
    }
}
