//! Lines with letters that are read from right to left: as drawn from left to right -> as read. Only what the order of
//! glyphs on a page needs of the Unicode Bidirectional Algorithm (UAX #9): two levels.

/// Whether a character is read from right to left: Hebrew, Arabic and their neighbours, and presentation forms.
pub(super) fn is_right_to_left(character: char) -> bool {
    matches!(character, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
        && !is_digit(character)
}

/// Arabic has digits of its own, which are read from left to right.
fn is_digit(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, '\u{660}'..='\u{669}' | '\u{6f0}'..='\u{6f9}')
}

/// Whether a character is read from left to right.
fn is_left_to_right(character: char) -> bool {
    is_digit(character) || character.is_alphabetic() && !is_right_to_left(character)
}

/// Vowel points and the like.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{591}'..='\u{5bd}' | '\u{5bf}'..='\u{5c7}' | '\u{64b}'..='\u{65f}' | '\u{670}')
}

fn mirrored(character: char) -> char {
    match character {
        '(' => ')',
        ')' => '(',
        '[' => ']',
        ']' => '[',
        '<' => '>',
        '>' => '<',
        other => other,
    }
}

/// Where stretches of one direction within a line of the other stand: for each its first and the one after its last.
/// What is in no such stretch is one by itself.
fn stretches(clusters: &[&str], is_other: fn(char) -> bool) -> Vec<(usize, usize)> {
    let first = |index: usize| clusters.get(index).and_then(|cluster| cluster.chars().next());
    let mut found = Vec::new();
    let mut at = 0;
    while at < clusters.len() {
        let mut end = at + 1;
        if first(at).is_some_and(is_other) {
            let (mut ahead, mut spaces) = (end, false);
            while let Some(next) = first(ahead) {
                // Words stay together over spaces; numbers do not.
                let joins = !spaces || next.is_alphabetic() && first(end - 1).is_some_and(char::is_alphabetic);
                match next {
                    _ if is_other(next) && joins => end = ahead + 1,
                    ' ' => spaces = true,
                    // Numbers with their signs.
                    '-' | '.' | ',' | '/' | ':' | '+' | '\'' | '’' => {}
                    _ => break,
                }
                if end == ahead + 1 {
                    spaces = false;
                }
                ahead += 1;
            }
        }
        found.push((at, end));
        at = end;
    }
    found
}

/// The line as it is read.
pub(super) fn as_read(line: &str) -> String {
    let count = |is: fn(char) -> bool| line.chars().filter(|character| is(*character)).count();
    let mostly_right_to_left = count(is_right_to_left) > count(char::is_alphabetic) / 2;
    // A letter with its marks is turned as one.
    let starts = line.char_indices().filter(|(at, character)| *at == 0 || !is_mark(*character)).map(|(at, _)| at);
    let starts: Vec<usize> = starts.chain([line.len()]).collect();
    let clusters: Vec<&str> = starts.windows(2).filter_map(|pair| line.get(pair[0]..pair[1])).collect();
    let turned = |cluster: &str| cluster.chars().map(mirrored).collect::<String>();
    let mut result = String::with_capacity(line.len());
    if mostly_right_to_left {
        for (start, end) in stretches(&clusters, is_left_to_right).into_iter().rev() {
            match clusters.get(start..end).unwrap_or_default() {
                // Brackets are drawn as they look in their own direction.
                [one] => result.push_str(&turned(one)),
                several => result.extend(several.iter().copied()),
            }
        }
    } else {
        for (start, end) in stretches(&clusters, is_right_to_left) {
            match clusters.get(start..end).unwrap_or_default() {
                [one] => result.push_str(one),
                several => result.extend(several.iter().rev().map(|cluster| turned(cluster))),
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_as_read() {
        for (drawn, read) in [
            ("plain 123", "plain 123"),
            ("םולש", "שלום"),
            ("?םלוכ םולש", "שלום כולם?"),
            ("קוחל (4) 15 ףיעס", "סעיף 15 (4) לחוק"),
            ("abc םולש def", "abc שלום def"),
            ("610190-0005 רפסמ", "מספר 610190-0005"),
        ] {
            assert_eq!(as_read(drawn), read, "{drawn}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost(line in "[a-c1-3 ()\tא-גا-ث\u{5b0}-\u{5b3}]{0,40}") {
            let sorted = |text: &str| {
                let mut all: Vec<char> = text.chars().map(|c| if "()".contains(c) { '(' } else { c }).collect();
                all.sort_unstable();
                all
            };
            prop_assert_eq!(sorted(&as_read(&line)), sorted(&line));
        }
    }
}
