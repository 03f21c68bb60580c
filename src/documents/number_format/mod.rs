//! Number formats (ECMA-376 part 1, 18.8.30 and 18.8.31; the same codes in the binary formats): a stored number -> what a
//! reader sees.
//!
//! What matters are leading zeros, separators and dates. Exponents and fractions are shown plain, and so is what cannot
//! be told. Where a format depends on the reader's country, it is that of Northern Europe: 31-12-1999.
//!
//! | step | file |
//! |---|---|
//! | a code -> its sections | `code` |
//! | numbers | `digits` |
//! | dates and times | `date` |
//! | numbers that have no format | `plain` |

mod code;
mod date;
mod digits;
mod plain;

use code::{MAX_SECTIONS, Section, Token};
pub(super) use plain::{as_typed, plain};

/// Digits of a whole number from which on it is told plain, too, where it is shown otherwise.
const MANY_DIGITS: usize = 7;

/// A format.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct NumberFormat {
    sections: Vec<Section>,
}

impl NumberFormat {
    /// Understands a code. Any text is one.
    pub(super) fn new(code: &str) -> Self {
        Self { sections: code::sections(code) }
    }

    /// The format of a number that programs know without its code (18.8.30).
    pub(super) fn built_in(id: u32) -> Self {
        Self::new(match id {
            1 => "0",
            2 => "0.00",
            3 => "#,##0",
            4 => "#,##0.00",
            9 => "0%",
            10 => "0.00%",
            14 | 27..=31 | 36 | 50..=54 | 57 | 58 => "dd-mm-yyyy",
            15 => "d-mmm-yy",
            16 => "d-mmm",
            17 => "mmm-yy",
            18 => "h:mm AM/PM",
            19 => "h:mm:ss AM/PM",
            20 | 32 | 34 | 55 => "h:mm",
            21 | 33 | 35 | 56 => "h:mm:ss",
            22 => "dd-mm-yyyy h:mm",
            // The standard leaves out 5 to 8, which are amounts of the reader's currency.
            5 | 6 | 37 | 38 => "#,##0 ;(#,##0)",
            7 | 8 | 39 | 40 => "#,##0.00 ;(#,##0.00)",
            41 | 42 => "#,##0;-#,##0;-",
            43 | 44 => "#,##0.00;-#,##0.00;-",
            45 => "mm:ss",
            46 => "[h]:mm:ss",
            47 => "mm:ss.0",
            _ => "General",
        })
    }

    /// Appends a number as a reader sees it; and plain, where that cannot be told, or hides it. `plain` is its plain form.
    pub(super) fn show(&self, value: f64, plain: &str, since_1904: bool, shown: &mut String) {
        let begin = shown.len();
        if !self.number(value, plain, since_1904, shown) {
            shown.push_str(plain);
        } else if hides(&shown[begin..], plain) {
            if shown.len() > begin {
                shown.push(' ');
            }
            shown.push_str(plain);
        }
    }

    /// Appends a number as it is shown; `plain` is its plain form. Whether that can be told; if not, nothing is
    /// appended.
    pub(super) fn number(&self, value: f64, plain: &str, since_1904: bool, shown: &mut String) -> bool {
        let begin = shown.len();
        let Some((section, is_signed)) = self.section(value) else { return false };
        if is_signed && value < 0.0 {
            shown.push('-');
        }
        let known = if section.is_date() {
            date::show(section, value, since_1904, shown)
        } else {
            digits::show(section, value.abs(), plain.trim_start_matches('-'), shown)
        };
        if !known {
            shown.truncate(begin);
        }
        known
    }

    /// Whether it shows numbers as if there were no format.
    pub(super) fn is_general(&self) -> bool {
        matches!(self.sections.as_slice(), [] | [Section { condition: None, .. }])
            && self.sections.iter().all(|section| matches!(section.tokens.as_slice(), [] | [Token::General]))
    }

    /// Appends a text as it is shown. Whether the format says anything of texts.
    pub(super) fn text(&self, text: &str, shown: &mut String) -> bool {
        let Some(section) = self.text_section().and_then(|section| self.sections.get(section)) else { return false };
        for token in &section.tokens {
            match token {
                Token::Literal(character) | Token::Digit(character) => shown.push(*character),
                Token::General | Token::Text => shown.push_str(text),
                _ => {}
            }
        }
        true
    }

    /// The number of the section for texts: the fourth one, or the last one that says where the text stands.
    fn text_section(&self) -> Option<usize> {
        let last = self.sections.len().checked_sub(1)?;
        let section = &self.sections[last];
        // The text alone is what is shown without a format, too.
        let says = last == MAX_SECTIONS - 1
            || section.tokens.contains(&Token::Text) && !section.has_digits() && (last > 0 || section.tokens.len() > 1);
        says.then_some(last)
    }

    /// The section for a number, and whether a minus sign is shown before it.
    fn section(&self, value: f64) -> Option<(&Section, bool)> {
        let numbers = match self.text_section() {
            Some(last) if last > 0 => &self.sections[..last],
            _ => self.sections.as_slice(),
        };
        if numbers.iter().any(|section| section.condition.is_some()) {
            let holds = |section: &&Section| section.condition.is_some_and(|condition| condition.holds(value));
            let unconditional = || numbers.iter().find(|section| section.condition.is_none());
            return numbers.iter().find(holds).or_else(unconditional).map(|section| (section, true));
        }
        match numbers {
            [] => None,
            [only] => Some((only, true)),
            [_, negative, ..] if value < 0.0 => Some((negative, false)),
            [_, _, zero, ..] if value == 0.0 => Some((zero, false)),
            [first, ..] => Some((first, false)),
        }
    }
}

/// A number of a cell that has this format, as a reader sees it.
pub(super) fn shown(format: Option<&NumberFormat>, value: f64, since_1904: bool) -> String {
    let plain = plain(value);
    let Some(format) = format else { return plain };
    let mut shown = String::new();
    format.show(value, &plain, since_1904, &mut shown);
    shown
}

/// Appends a number that is stored in digits, as a reader sees it.
pub(super) fn show_stored(stored: &str, format: Option<&NumberFormat>, since_1904: bool, shown: &mut String) {
    let plain = as_typed(stored);
    match format.zip(stored.trim().parse().ok()) {
        Some((format, value)) => format.show(value, &plain, since_1904, shown),
        None => shown.push_str(&plain),
    }
}

/// Whether a number may be one that a format makes somebody's: it has that many digits before its point.
pub(super) fn is_long(stored: &str) -> bool {
    stored.trim().bytes().take_while(u8::is_ascii_digit).count() >= MANY_DIGITS
}

/// Whether a number that is shown so cannot be told from it: nothing is shown, or a long one is cut up or rounded.
fn hides(shown: &str, plain: &str) -> bool {
    if !shown.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        return true;
    }
    let whole = plain.trim_start_matches('-').split('.').next().unwrap_or_default();
    if whole.len() < MANY_DIGITS || shown.contains(whole) {
        return false;
    }
    let joined: String = shown.chars().filter(|character| !matches!(character, '-' | ' ')).collect();
    !joined.contains(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(code: &str, value: f64, since_1904: bool) -> String {
        let mut shown = String::new();
        if !NumberFormat::new(code).number(value, &value.to_string(), since_1904, &mut shown) {
            shown = format!("plain {value}");
        }
        shown
    }

    #[test]
    fn numbers_are_shown_as_their_format_says() {
        for (code, value, expected) in [
            ("000000-0000", 101_905_678.0, "010190-5678"),
            ("000000\\-0000", 6_101_900_005.0, "610190-0005"),
            ("0000000000", 101_905_678.0, "0101905678"),
            ("000000\" \"0000", 101_905_678.0, "010190 5678"),
            ("[<=9999999999]000000-0000;General", 101_905_678.0, "010190-5678"),
            ("General", 12.5, "12.5"),
            ("General\" kr.\"", -12.5, "-12.5 kr."),
            ("0", 2.5001, "3"),
            ("0.00", 2.0, "2.00"),
            ("0.0#", 2.0, "2.0"),
            ("#.##", 0.25, ".25"),
            ("#,##0", 1_234_567.0, "1,234,567"),
            ("#,##0.00", -1234.5, "-1,234.50"),
            ("#,##0,", 1_234_567.0, "1,235"),
            ("0,000", 12.0, "0,012"),
            ("0%", 0.25, "25%"),
            ("0.0%", 0.2526, "25.3%"),
            ("[$kr-406] #,##0.00", 1000.0, "kr 1,000.00"),
            ("#,##0.00_);[Red](#,##0.00)", -5.0, "(5.00)"),
            ("0;-0;\"none\"", 0.0, "none"),
            (";;;", 5.0, ""),
            ("0;;", -5.0, ""),
            ("@", 5.0, "5"),
            ("\"nr. \"@", 5.0, "nr. 5"),
            ("0.00E+00", 5.0, "plain 5"),
            ("# ?/?", 0.5, "plain 0.5"),
            ("#", 0.0, ""),
            ("##-##", 1234.0, "12-34"),
            ("###-####", 5_551_234.0, "555-1234"),
            ("+45 00 00 00 00", 12_345_678.0, "+45 12 34 56 78"),
            ("General", 6_101_900_005.0, "6101900005"),
            ("General", -1.5, "-1.5"),
            ("## ## ## ##", 12_345_678.0, "12 34 56 78"),
            ("\"DK\"00 00 00 00", 1_234_567.0, "DK01 23 45 67"),
            ("#,##0.00", 1_234_567.891, "1,234,567.89"),
            ("#,##0", 0.0, "0"),
            ("0.##", 1.5, "1.5"),
            ("0,", 12_345.0, "12"),
            ("[<=9999999]###-####;(###) ###-####", 5_551_234.0, "555-1234"),
            ("[<=9999999]###-####;(###) ###-####", 2_125_551_234.0, "(212) 555-1234"),
            ("0;(0);\"none\"", -12.0, "(12)"),
            ("0;(0);\"none\"", 0.0, "none"),
            ("[$kr-406] #,##0", 1000.0, "kr 1,000"),
            ("[Red]-0", 3.0, "-3"),
            ("0000 0000 0000 0000", 4_571_123_412_341_234.0, "4571 1234 1234 1234"),
            ("0.0,,", 1_234_567.0, "1.2"),
            ("0,.0", 1_234.0, "1.2"),
            ("\"x\".00", 12.5, "x12.50"),
            ("\"x\"General", -5.0, "-x5"),
            ("General;(General)", -5.0, "(5)"),
            ("0;@", -5.0, "-5"),
            ("0\"/\"", 5.0, "5/"),
            ("0 \"kr\"/\"stk\"", 5.0, "5 kr/stk"),
            ("# ?/16", 0.5, "plain 0.5"),
            ("0;[<5]0.0", 4.0, "4.0"),
            ("0;[<5]0.0", 6.0, "6"),
            ("[>5]0", 4.0, "plain 4"),
            ("\"a\"%", 0.5, "a%"),
            ("0;0;0;@;0", -5.0, "5"),
        ] {
            assert_eq!(number(code, value, false), expected, "{code} {value}");
        }
    }

    #[test]
    fn dates_are_shown_as_their_format_says() {
        for (code, value, expected) in [
            ("dd-mm-yyyy", 32_874.0, "01-01-1990"),
            ("ddmmyy", 32_874.0, "010190"),
            ("d/m/yy", 32_874.0, "1/1/90"),
            ("d. mmmm yyyy", 32_874.0, "1. January 1990"),
            ("ddd d-mmm-yy", 32_874.0, "Mon 1-Jan-90"),
            ("[$-406]dddd d. mmmmm", 32_874.0, "Monday 1. J"),
            ("yyyy-mm-dd hh:mm:ss", 45_292.520_833_333_336, "2024-01-01 12:30:00"),
            ("h:mm AM/PM", 0.75, "6:00 PM"),
            ("hh:mm:ss.00", 0.000_011_574, "00:00:01.00"),
            ("mm:ss", 0.020_833_333, "30:00"),
            ("[h]:mm", 1.5, "36:00"),
            ("dd-mm-yyyy", 1.0, "01-01-1900"),
            ("dd-mm-yyyy", 59.0, "28-02-1900"),
            ("dd-mm-yyyy", 61.0, "01-03-1900"),
            ("dd-mm-yyyy", -1.0, "plain -1"),
            ("dd-mm-yyyy", 6_101_900_005.0, "plain 6101900005"),
            ("dd-mm-yyyy;@", 32_874.0, "01-01-1990"),
            ("yyyy-mm-dd", 45_292.0, "2024-01-01"),
            ("dd/mm/yy", 1.0, "01/01/00"),
            ("d. mmmm yyyy", 45_292.5, "1. January 2024"),
            ("dddd", 45_292.0, "Monday"),
            ("yyyy-mm-dd hh:mm:ss", 45_292.75, "2024-01-01 18:00:00"),
            ("h:mm AM/PM", 45_292.75, "6:00 PM"),
            ("mm:ss.0", 0.000_011_574, "00:01.0"),
            ("ddmmyy", 45_292.0, "010124"),
            ("[$-406]dd\\.mm\\.yyyy;@", 45_292.0, "01.01.2024"),
            ("yyyy", -1.0, "plain -1"),
            ("dddd", 1.0, "Sunday"),
            ("[hh]:mm", 0.25, "06:00"),
            ("hhh", 0.25, "06"),
            ("e", 45_292.0, "2024"),
            ("mmmmm", 45_292.0, "J"),
            ("d\"%\"%", 45_292.0, "1%%"),
            ("ss.000000000", 0.000_017_361_111_111, "01.500000000"),
            ("dd-mm-yyyy", 2_958_465.999_999_9, "plain 2958465.9999999"),
        ] {
            assert_eq!(number(code, value, false), expected, "{code} {value}");
        }
        for (code, value, expected) in [
            ("yyyy-mm-dd", 31_412.0, "1990-01-01"),
            ("yyyy-mm-dd", 43_830.0, "2024-01-01"),
            ("dddd", 43_830.0, "Monday"),
            ("[h]:mm", 1.5, "36:00"),
            ("yyyy", -1.0, "plain -1"),
            ("yyyy", 2_957_004.0, "plain 2957004"),
        ] {
            assert_eq!(number(code, value, true), expected, "{code} {value}");
        }
    }

    #[test]
    fn formats_without_a_code_are_known() {
        for (id, value, expected) in [
            (0, 0.5, "0.5"),
            (5, -1234.0, "(1,234)"),
            (14, 32_874.0, "01-01-1990"),
            (22, 32_874.5, "01-01-1990 12:00"),
            (44, 0.0, "- 0"),
            (49, 101_900_005.0, "101900005"),
        ] {
            assert_eq!(shown(Some(&NumberFormat::built_in(id)), value, false), expected, "{id}");
        }
    }

    #[test]
    fn what_hides_a_number_is_known() {
        for (shown, number, hidden) in [
            ("610190-0005", "6101900005", false),
            ("6,101,900,005", "6101900005", true),
            ("", "5", true),
            ("1,000", "1000", false),
            ("01-01-1990", "32874", false),
            ("12,346", "12345678", true),
        ] {
            assert_eq!(hides(shown, number), hidden, "{shown} {number}");
        }
        for (code, expected) in [
            ("#,##0", "6,101,900,005 6101900005"),
            (";;;", "6101900005"),
            ("000000-0000", "610190-0005"),
            ("dd-mm-yyyy", "6101900005"),
        ] {
            assert_eq!(shown(Some(&NumberFormat::new(code)), 6_101_900_005.0, false), expected);
        }
    }

    #[test]
    fn texts_are_shown_as_their_format_says() {
        for (code, expected) in [
            ("@", None),
            ("General", None),
            ("0.00", None),
            ("\"nr. \"@", Some("nr. x")),
            ("0;0;0;\"nr. \"@", Some("nr. x")),
            (";;;", Some("")),
            ("\"nr. \"General", None),
            ("0;-0;0;General", Some("x")),
        ] {
            let mut shown = String::new();
            let said = NumberFormat::new(code).text("x", &mut shown);
            assert_eq!(said.then_some(&*shown), expected, "{code}");
        }
    }

    proptest! {
        #[test]
        fn any_code_shows_any_number(code in "[0#?.,%@ymdhsEeGg/;\\[\\]<>=$\"\\\\_*A/P-]{0,20}|.{0,20}", value: f64) {
            let format = NumberFormat::new(&code);
            let mut shown = String::new();
            for since_1904 in [true, false] {
                format.number(value, "1", since_1904, &mut shown);
                format.number(value.abs() % date::DAYS.end, "1", since_1904, &mut shown);
            }
            format.text("x", &mut shown);
        }

        #[test]
        fn any_code_can_be_applied_to_any_number(code in ".{0,40}", value: f64, since_1904: bool) {
            shown(Some(&NumberFormat::new(&code)), value, since_1904);
        }
    }
}
