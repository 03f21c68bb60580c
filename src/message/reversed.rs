//! Text that is shown backwards because a sign says so (UAX #9, right-to-left override): read as it is shown, beside the
//! text as it stands.

/// Signs that begin such a run, and end it; a line's end does too.
const OVERRIDE: char = '\u{202e}';
const POP: char = '\u{202c}';

/// Every such run of a text that is not normalised yet, in the order in which its signs are seen, a line each.
pub fn runs(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(OVERRIDE) {
        let end = after.find([POP, OVERRIDE, '\n']).unwrap_or(after.len());
        let (run, following) = after.split_at(end);
        shown.extend(run.chars().rev());
        shown.push('\n');
        rest = following;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_turned_around() {
        for (text, shown) in [
            ("", ""),
            ("5000-091016", ""),
            ("CPR \u{202e}5000-091016", "610190-0005\n"),
            ("\u{202e}5000-091016\u{202c} og \u{202e}øa\nb", "610190-0005\naø\n"),
            ("\u{202e}\u{202e}ab", "\nba\n"),
        ] {
            assert_eq!(runs(text), shown, "{text:?}");
        }
    }
}
