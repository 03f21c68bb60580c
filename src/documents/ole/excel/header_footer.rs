//! Headers and footers of sheets: text with codes in it (ECMA-376 part 1, 18.3.1.46; the same in the binary formats).

/// The text without the codes.
pub(in crate::documents) fn text(coded: &str) -> String {
    let mut text = String::with_capacity(coded.len());
    let mut characters = coded.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '&' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('&') => text.push('&'),
            // Left, centre, right: what follows stands elsewhere.
            Some('L' | 'C' | 'R' | 'l' | 'c' | 'r') => text.push('\n'),
            // A font; its size; a colour.
            Some('"') => characters.by_ref().take_while(|next| *next != '"').for_each(drop),
            Some('0'..='9') => while characters.next_if(char::is_ascii_digit).is_some() {},
            Some('K' | 'k') => {
                for _ in 0..6 {
                    characters.next_if(|next| next.is_ascii_hexdigit() || matches!(next, '+' | '-'));
                }
            }
            // Bold, italic and the like.
            Some('B' | 'I' | 'U' | 'S' | 'E' | 'X' | 'Y' | 'H' | 'O' | 'b' | 'i' | 'u' | 's' | 'e' | 'x' | 'y') => {}
            // A number, a date or a name that is put in when it is printed.
            Some(_) => text.push(' '),
            None => {}
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_go() {
        for (coded, plain) in [
            ("&LOne&C&\"Arial,Bold\"&12Two&RThree && four", "One\nTwo\nThree & four"),
            ("&L610190-0005&K0000FF blue &P", "610190-0005 blue"),
            ("plain", "plain"),
            ("&", ""),
        ] {
            assert_eq!(text(coded), plain);
        }
    }
}
