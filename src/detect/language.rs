//! In which languages a text is, as far as its commonest words tell: terms of one language mean other things in
//! another (Danish *gift* is married, English *gift* is a present).

/// A language whose terms the rules have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Language {
    Danish,
    German,
    English,
    French,
    Dutch,
    Norwegian,
    Swedish,
}

/// A set of languages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Languages(u8);

/// The commonest words of each language: those that stand in nearly every sentence, and are none of the others' commonest.
/// Danish and Norwegian share most of theirs.
const COMMON: [(Language, &[&str]); 7] = [
    (
        Language::Danish,
        &[
            "af", "at", "blev", "bliver", "da", "de", "det", "dig", "du", "efter", "eller", "en", "er", "et", "for",
            "fra", "få", "ham", "han", "har", "hej", "hende", "hun", "hvad", "hvor", "i", "ikke", "jeg", "kan", "med",
            "meget", "men", "mig", "mit", "nu", "når", "og", "også", "om", "os", "på", "sig", "skal", "som", "så",
            "til", "ud", "var", "ved", "venlig", "vi", "vil", "være", "været",
        ],
    ),
    (
        Language::German,
        &[
            "aber", "als", "am", "auch", "auf", "aus", "bei", "bitte", "das", "dass", "dem", "den", "der", "des",
            "die", "ein", "eine", "einen", "einer", "er", "es", "für", "habe", "haben", "hallo", "hat", "ich", "ihm",
            "ihr", "ihre", "im", "ist", "kann", "mein", "mich", "mir", "mit", "nach", "nicht", "noch", "nur", "oder",
            "sich", "sie", "sind", "und", "uns", "vom", "von", "war", "wegen", "werden", "wird", "wir", "wurde", "zu",
            "zum", "zur", "über",
        ],
    ),
    (
        Language::English,
        &[
            "a", "about", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "for", "from", "had",
            "has", "have", "he", "her", "his", "if", "in", "is", "it", "my", "not", "of", "on", "or", "our", "please",
            "she", "that", "the", "their", "they", "this", "to", "was", "we", "were", "which", "will", "with", "would",
            "you", "your",
        ],
    ),
    (
        Language::French,
        &[
            "a", "au", "aux", "avec", "bonjour", "ce", "cette", "dans", "de", "des", "du", "elle", "en", "est", "et",
            "il", "ils", "je", "la", "le", "les", "leur", "lui", "ma", "mais", "me", "merci", "mon", "ne", "nous",
            "on", "ont", "ou", "par", "pas", "plus", "pour", "que", "qui", "sa", "se", "ses", "son", "sont", "sur",
            "un", "une", "votre", "vous", "à", "été",
        ],
    ),
    (
        Language::Dutch,
        &[
            "aan", "als", "bij", "dan", "dat", "de", "deze", "die", "dit", "een", "en", "er", "haar", "hebben",
            "heeft", "heb", "het", "hij", "hoe", "ik", "in", "is", "kan", "maar", "me", "met", "mijn", "naar", "niet",
            "nog", "of", "om", "onze", "ook", "op", "over", "te", "tot", "uit", "van", "voor", "wat", "we", "werd",
            "wij", "wordt", "zal", "ze", "zich", "zij", "zijn", "zo",
        ],
    ),
    (
        Language::Norwegian,
        &[
            "av", "at", "ble", "blir", "da", "de", "deg", "det", "du", "eg", "ein", "ei", "eit", "eller", "en", "er",
            "et", "etter", "for", "fra", "frå", "få", "han", "har", "hei", "henne", "hun", "hva", "hvor", "ho", "i",
            "ikke", "ikkje", "jeg", "kan", "med", "meg", "men", "mye", "nå", "når", "og", "også", "om", "oss", "på",
            "seg", "skal", "som", "så", "til", "ut", "var", "ved", "vi", "vil", "være", "vært", "vere",
        ],
    ),
    (
        Language::Swedish,
        &[
            "att", "av", "blev", "blir", "de", "dem", "den", "det", "dig", "du", "där", "eller", "en", "ett", "efter",
            "för", "från", "får", "han", "har", "hej", "henne", "honom", "hon", "hur", "i", "inte", "jag", "kan",
            "med", "men", "mig", "mycket", "nu", "när", "och", "också", "om", "oss", "på", "sig", "ska", "skall",
            "som", "så", "till", "under", "ut", "var", "vi", "vid", "vill", "vara", "varit", "är",
        ],
    ),
];

/// Bytes of a text that are looked at, at its beginning and of each stretch after that.
const SAMPLE: usize = 4096;
const STRETCH: usize = 65_536;

/// What a word says that one language alone has.
const SAYS: u32 = 12;

/// Less than this says nothing.
const FEWEST: u32 = 3 * SAYS;

/// A language with this share of the commonest one's common words may be there too, in percent.
const SHARE: u32 = 20;

/// Languages that are not told apart.
const OTHERS: [&str; 44] = [
    "be", "bg", "bs", "ca", "cs", "cy", "el", "es", "et", "eu", "fi", "fo", "ga", "gd", "gl", "hr", "hu", "hy", "is",
    "it", "ka", "kl", "lb", "lt", "lv", "mk", "mt", "oc", "pl", "pt", "rm", "ro", "ru", "se", "sk", "sl", "sq", "sr",
    "tr", "uk", "ar", "fa", "so", "yi",
];

/// Slots of the table of common words, a power of two several times their number.
const SLOTS: usize = 2048;

impl Language {
    /// The language of this code (ISO 639-1); `None` for one that is not told apart, so that its words always count.
    ///
    /// # Errors
    /// If it is no such code.
    pub(super) fn named(code: &str) -> Result<Option<Self>, String> {
        if code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Err(format!("`{code}` is no language: write the two letters of ISO 639-1, da or en"));
        }
        Ok(match code {
            "da" => Some(Self::Danish),
            "de" => Some(Self::German),
            "en" => Some(Self::English),
            "fr" => Some(Self::French),
            "nl" => Some(Self::Dutch),
            "no" | "nb" | "nn" => Some(Self::Norwegian),
            "sv" => Some(Self::Swedish),
            known if OTHERS.contains(&known) => None,
            _ => return Err(format!("`{code}` is no language of Europe by ISO 639-1: write da or en, say")),
        })
    }
}

impl Languages {
    /// Every language.
    const ALL: Self = Self(0x7f);

    /// Whether a word counts that belongs to this language, or to any.
    pub(super) fn allow(self, language: Option<Language>) -> bool {
        language.is_none_or(|language| self.0 & 1 << language as u8 != 0)
    }
}

/// Common words, hashed.
pub(super) struct CommonWords {
    /// A word's bytes and length as a number, and its languages; 0 for an empty slot.
    slots: Vec<(u64, u8)>,
}

impl CommonWords {
    pub(super) fn new() -> Self {
        let mut slots = vec![(0, 0); SLOTS];
        for (language, words) in COMMON {
            for word in words {
                let key = key(word.as_bytes());
                let slot = slot(&slots, key);
                slots[slot] = (key, slots[slot].1 | 1 << language as u8);
            }
        }
        Self { slots }
    }

    /// The languages in which these texts may be; all where that cannot be told.
    pub(super) fn languages<'t>(&self, texts: impl Iterator<Item = &'t str>) -> Languages {
        let mut counts = [0_u32; COMMON.len()];
        for text in texts {
            for stretch in text.as_bytes().chunks(STRETCH) {
                self.count(&stretch[..stretch.len().min(SAMPLE)], &mut counts);
            }
        }
        let most = counts.iter().copied().max().unwrap_or(0);
        if most < FEWEST {
            return Languages::ALL;
        }
        let is_there = |count: u32| u64::from(count) * 100 >= u64::from(most) * u64::from(SHARE);
        let set = counts.iter().enumerate().filter(|(_, count)| is_there(**count)).map(|(at, _)| bit(at));
        Languages(set.fold(0, |set, bit| set | bit))
    }

    /// Whether these texts are in some language: one word in ten of what is looked at, at least, is a common one.
    pub(super) fn are_in<'t>(&self, texts: impl Iterator<Item = &'t str>) -> bool {
        let (mut all, mut common) = (0, 0);
        for text in texts {
            for stretch in text.as_bytes().chunks(STRETCH) {
                for word in words(&stretch[..stretch.len().min(SAMPLE)]) {
                    all += 1;
                    let key = key(word);
                    common += usize::from(word.len() <= LONGEST && self.slots[slot(&self.slots, key)].0 == key);
                }
            }
        }
        common * 10 >= all && common > 0
    }

    /// Counts what each word says: more, the fewer languages have it.
    fn count(&self, text: &[u8], counts: &mut [u32; COMMON.len()]) {
        for word in words(text).filter(|word| word.len() <= LONGEST) {
            let key = key(word);
            let (known, languages) = self.slots[slot(&self.slots, key)];
            if known == key {
                let says = SAYS / languages.count_ones();
                for (at, count) in counts.iter_mut().enumerate() {
                    *count += if languages & bit(LANGUAGES[at] as usize) != 0 { says } else { 0 };
                }
            }
        }
    }
}

/// The longest common word, in bytes.
const LONGEST: usize = 7;

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    // What is neither ASCII nor a letter is rare within common words, and ends none.
    let letter = |byte: &u8| byte.is_ascii_alphabetic() || !byte.is_ascii();
    text.split(move |byte| !letter(byte)).filter(|word| !word.is_empty())
}

/// The languages by their numbers.
const LANGUAGES: [Language; COMMON.len()] = [
    Language::Danish,
    Language::German,
    Language::English,
    Language::French,
    Language::Dutch,
    Language::Norwegian,
    Language::Swedish,
];

fn bit(at: usize) -> u8 {
    1 << at
}

/// A word of at most seven bytes as a number: its bytes in lower case (ASCII letters and those of Latin-1), and its
/// length.
fn key(word: &[u8]) -> u64 {
    let mut key = word.len() as u64;
    let mut after = 0;
    for &byte in word.iter().take(LONGEST) {
        let capital = byte.is_ascii_uppercase() || after == 0xc3 && (0x80..0x9f).contains(&byte);
        after = byte;
        key = key << 8 | u64::from(if capital { byte + 0x20 } else { byte });
    }
    key
}

/// Where a word stands or would stand.
fn slot(slots: &[(u64, u8)], key: u64) -> usize {
    let mut at = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 53) as usize % SLOTS;
    while slots[at].0 != 0 && slots[at].0 != key {
        at = (at + 1) % SLOTS;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn languages(text: &str) -> Vec<Language> {
        let languages = CommonWords::new().languages([text].into_iter());
        LANGUAGES.into_iter().filter(|language| languages.allow(Some(*language))).collect()
    }

    #[test]
    fn texts_are_in_their_language_and_those_like_it() {
        use Language::{Danish, Dutch, English, French, German, Norwegian, Swedish};
        for (text, expected) in [
            (
                "Hej Mette, jeg har ikke fået svar på min mail, og det er for sent nu. Vi ses i morgen, når du er ude af møderne.",
                &[Danish, Norwegian][..],
            ),
            (
                "Sehr geehrte Frau Klein, ich habe Ihnen die Unterlagen per Post geschickt, weil die Datei zu groß ist.",
                &[German],
            ),
            (
                "Dear all, please find attached the minutes of the meeting, which we have not yet sent to them.",
                &[English],
            ),
            (
                "Bonjour, je vous envoie le dossier de la réunion, qui n'est pas encore complet. Merci de me le dire.",
                &[French],
            ),
            (
                "Beste Jan, ik heb het rapport nog niet gezien, maar het is naar jou verstuurd met de post van gisteren.",
                &[Dutch],
            ),
            (
                "Hej, jag har inte fått något svar på mitt mejl och det är för sent nu. Vi får se om du är ute.",
                &[Swedish],
            ),
        ] {
            let found = languages(text);
            for language in expected {
                assert!(found.contains(language), "{text}: {found:?}");
            }
            assert!(found.len() <= 3, "{text}: {found:?}");
        }
        let english = "I am not sure that this is what you asked for, but as far as I can see the report has been sent to all of \
                       them on Monday, and she will come back to me if there is anything else. Do you want one more?";
        assert_eq!(languages(english), [English]);
        assert_eq!(languages("610190-0005").len(), COMMON.len());
        let both = "Please note that this is confidential and that you are not to use it if it was not for you. \
                    Hej Mette, jeg har ikke fået svar på min mail, og det er for sent nu.";
        assert!(languages(both).contains(&English) && languages(both).contains(&Danish));
    }

    #[test]
    fn codes_name_languages() {
        assert_eq!(Language::named("nn"), Ok(Some(Language::Norwegian)));
        assert_eq!(Language::named("pl"), Ok(None));
        assert!(Language::named("danish").is_err());
    }
}
