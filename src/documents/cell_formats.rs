//! Number formats in HTML that was saved from Excel, or made for it: `mso-number-format` in styles. Excel shows cells in
//! them; a browser shows what the file has as text, which is read with the page.

use super::number_format::{self, NumberFormat};
use crate::message::{Fault, Reading, Text, within};
use html5gum::{Token, Tokenizer};
use std::collections::HashMap;

/// The property.
const PROPERTY: &str = "mso-number-format:";

/// Classes whose format is kept.
const MAX_CLASSES: usize = 10_000;

/// The longest number that is looked at, in bytes.
const MAX_NUMBER: usize = 32;

/// Tokens between two looks at the clock.
const STEP: usize = 4096;

/// A cell that is being read.
#[derive(Default)]
struct Cell {
    format: Option<NumberFormat>,
    /// What it holds; without, it is what it shows.
    value: Option<String>,
    text: String,
}

/// Reads the numbers that a format shows otherwise than the page does.
pub(super) fn read(html: &str, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    if !html.contains(PROPERTY) {
        return Ok(());
    }
    let mut classes: HashMap<String, NumberFormat> = HashMap::new();
    let (mut in_style, mut style) = (false, String::new());
    let mut cell: Option<Cell> = None;
    let mut shown = Text::new();
    for (count, token) in Tokenizer::new(html).flatten().enumerate() {
        if count % STEP == 0 {
            reading.clock(place)?;
        }
        match token {
            Token::StartTag(tag) => match &**tag.name {
                b"style" => in_style = true,
                b"td" | b"th" => {
                    end_cell(cell.take(), &mut shown);
                    let attribute =
                        |name: &[u8]| tag.attributes.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
                    let own = attribute(b"style").and_then(|style| format(&style));
                    let names = attribute(b"class").unwrap_or_default();
                    let format = own.or_else(|| names.split_whitespace().find_map(|name| classes.get(name).cloned()));
                    cell = Some(Cell { format, value: attribute(b"x:num"), text: String::new() });
                }
                _ => {}
            },
            Token::EndTag(tag) => match &**tag.name {
                b"style" => {
                    in_style = false;
                    rules(&std::mem::take(&mut style), &mut classes);
                }
                b"td" | b"th" | b"tr" | b"table" => end_cell(cell.take(), &mut shown),
                _ => {}
            },
            Token::String(text) => {
                let text = String::from_utf8_lossy(&text);
                match &mut cell {
                    _ if in_style => style.push_str(&text),
                    Some(cell) if cell.text.len() + text.len() <= MAX_NUMBER => cell.text.push_str(&text),
                    // Too long for a number.
                    Some(cell) => cell.format = None,
                    None => {}
                }
            }
            // Styles stand in comments, for old browsers.
            Token::Comment(text) if in_style => style.push_str(&String::from_utf8_lossy(&text)),
            _ => {}
        }
        if shown.len() > reading.text_left() {
            break;
        }
    }
    end_cell(cell, &mut shown);
    reading.piece(shown.into_piece(within(place, "numbers as formatted")));
    Ok(())
}

fn end_cell(cell: Option<Cell>, shown: &mut Text) {
    let Some(Cell { format: Some(format), value, text }) = cell else { return };
    let value = value.filter(|value| !value.is_empty()).unwrap_or_else(|| text.trim().to_owned());
    let Ok(number) = value.trim().parse::<f64>() else { return };
    let formatted = number_format::shown(Some(&format), number, false);
    if formatted != text.trim() {
        shown.push_cell(&formatted);
        shown.end_line();
    }
}

/// The formats of the classes in a style sheet.
fn rules(style: &str, classes: &mut HashMap<String, NumberFormat>) {
    for rule in style.split('}') {
        let Some((selectors, declarations)) = rule.split_once('{') else { continue };
        let Some(format) = format(declarations) else { continue };
        for selector in selectors.split(',') {
            let Some((_, class)) = selector.rsplit_once('.') else { continue };
            if classes.len() < MAX_CLASSES {
                classes.insert(class.trim().to_owned(), format.clone());
            }
        }
    }
}

/// The format that declarations give: the code, in quotes or not, in which a backslash takes the next character out of
/// CSS.
fn format(declarations: &str) -> Option<NumberFormat> {
    let at = declarations.find(PROPERTY)?;
    let mut rest = declarations.get(at + PROPERTY.len()..)?.trim_start().chars().peekable();
    let quote = rest.next_if(|sign| matches!(sign, '"' | '\''));
    let mut code = String::new();
    while let Some(character) = rest.next() {
        match character {
            '\\' if quote.is_some() => code.extend(escaped(&mut rest)),
            // Excel writes a literal's own backslash so, too.
            '\\' => code.extend(['\\', rest.next().unwrap_or(' ')]),
            ';' if quote.is_none() => break,
            _ if Some(character) == quote => break,
            _ => code.push(character),
        }
    }
    // Text stands as it is.
    let code = code.trim();
    (!matches!(code, "@" | "\\@")).then(|| NumberFormat::new(code))
}

/// What stands after a backslash in CSS: a character by its number, or as it is.
fn escaped(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    const MOST_DIGITS: usize = 6;
    let mut digits = String::new();
    while digits.len() < MOST_DIGITS
        && let Some(digit) = rest.next_if(char::is_ascii_hexdigit)
    {
        digits.push(digit);
    }
    match u32::from_str_radix(&digits, 16) {
        Ok(number) => {
            rest.next_if_eq(&' ');
            char::from_u32(number)
        }
        Err(_) => rest.next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Limits, Unread};
    use std::time::{Duration, Instant};

    #[test]
    fn numbers_are_shown_in_their_format() {
        for (html, text) in [
            (r#"<td style="mso-number-format:000000\-0000" x:num="101900005">101900005</td>"#, Some("010190-0005\n")),
            (r#"<td style='mso-number-format:"000000\\-0000"'>101900005"#, Some("010190-0005\n")),
            (
                r#"<style><!-- .xl65 {color:red; mso-number-format:"000000\\-0000";} --></style><td class="a xl65">101900005</td>"#,
                Some("010190-0005\n"),
            ),
            (r#"<td style="mso-number-format:'\@'">0101</td>"#, None),
            (r#"<td style="mso-number-format:0">text</td>"#, None),
            ("<td>101900005</td>", None),
        ] {
            let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &Unread);
            read(html, "a", &mut reading).unwrap();
            assert_eq!(reading.finish().pieces.first().map(|piece| &*piece.text), text, "{html}");
        }
    }
}
