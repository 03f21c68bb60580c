//! The words of refusals in seven languages, for people who never heard of TLS.

use crate::{
    config::Language,
    level::{Category, Level},
};

/// The sentences of one language. `{kind}` is the level's word with the categories, `{where}` the destinations.
pub(super) struct Sentences {
    pub(super) cannot_encrypt: &'static str,
    pub(super) cannot_authenticate: &'static str,
    pub(super) undeliverable: &'static str,
    pub(super) uncontrolled: &'static str,
    pub(super) not_known: &'static str,
    pub(super) rejected: &'static str,
    pub(super) deferred: &'static str,
    pub(super) and: &'static str,
    pub(super) confidential: &'static str,
    pub(super) sensitive: &'static str,
    pub(super) reference: &'static str,
}

/// The sentences of a language.
pub(super) fn sentences(language: Language) -> &'static Sentences {
    match language {
        Language::Da => &Sentences {
            rejected: "Ikke sendt til nogen: beskeden indeholder {kind}, og ",
            deferred: "Ikke sendt endnu, prøv igen senere: beskeden indeholder {kind}, og ",
            cannot_encrypt: "{where} kan ikke modtage krypteret mail",
            cannot_authenticate: "{where} kan ikke bevise, hvem der modtager mailen",
            undeliverable: "{where} kan ikke modtage mail",
            uncontrolled: "mail til {where} går ad en vej, der ikke kan sikres",
            not_known: "det vides ikke endnu, om {where} kan modtage krypteret mail",
            and: "og",
            confidential: "fortrolige oplysninger",
            sensitive: "følsomme oplysninger",
            reference: "Ref.",
        },
        Language::En => &Sentences {
            rejected: "Not sent to anyone: the message holds {kind} and ",
            deferred: "Not sent yet, try again later: the message holds {kind} and ",
            cannot_encrypt: "{where} cannot receive encrypted mail",
            cannot_authenticate: "{where} cannot prove who receives the mail",
            undeliverable: "{where} cannot receive mail",
            uncontrolled: "mail to {where} goes by a way that cannot be secured",
            not_known: "it is not known yet whether {where} can receive encrypted mail",
            and: "and",
            confidential: "confidential data",
            sensitive: "sensitive data",
            reference: "Ref",
        },
        Language::De => &Sentences {
            rejected: "An niemanden gesendet: Die Nachricht enthält {kind}, und ",
            deferred: "Noch nicht gesendet, bitte später erneut versuchen: Die Nachricht enthält {kind}, und ",
            cannot_encrypt: "{where} kann keine verschlüsselten E-Mails empfangen",
            cannot_authenticate: "{where} kann nicht nachweisen, wer die E-Mail empfängt",
            undeliverable: "{where} kann keine E-Mails empfangen",
            uncontrolled: "E-Mails an {where} gehen einen Weg, der nicht gesichert werden kann",
            not_known: "es ist noch nicht bekannt, ob {where} verschlüsselte E-Mails empfangen kann",
            and: "und",
            confidential: "vertrauliche Daten",
            sensitive: "besonders schützenswerte Daten",
            reference: "Ref.",
        },
        Language::Fr => &Sentences {
            rejected: "Envoyé à personne : le message contient {kind} et ",
            deferred: "Pas encore envoyé, réessayez plus tard : le message contient {kind} et ",
            cannot_encrypt: "{where} ne peut pas recevoir de courrier chiffré",
            cannot_authenticate: "{where} ne peut pas prouver qui reçoit le courrier",
            undeliverable: "{where} ne peut pas recevoir de courrier",
            uncontrolled: "le courrier pour {where} passe par une voie qui ne peut pas être sécurisée",
            not_known: "on ne sait pas encore si {where} peut recevoir du courrier chiffré",
            and: "et",
            confidential: "des données confidentielles",
            sensitive: "des données sensibles",
            reference: "Réf.",
        },
        Language::Nl => &Sentences {
            rejected: "Aan niemand verzonden: het bericht bevat {kind} en ",
            deferred: "Nog niet verzonden, probeer het later opnieuw: het bericht bevat {kind} en ",
            cannot_encrypt: "{where} kan geen versleutelde e-mail ontvangen",
            cannot_authenticate: "{where} kan niet bewijzen wie de e-mail ontvangt",
            undeliverable: "{where} kan geen e-mail ontvangen",
            uncontrolled: "e-mail aan {where} gaat langs een weg die niet beveiligd kan worden",
            not_known: "het is nog niet bekend of {where} versleutelde e-mail kan ontvangen",
            and: "en",
            confidential: "vertrouwelijke gegevens",
            sensitive: "gevoelige gegevens",
            reference: "Ref.",
        },
        Language::Sv => &Sentences {
            rejected: "Inte skickat till någon: meddelandet innehåller {kind} och ",
            deferred: "Inte skickat ännu, försök igen senare: meddelandet innehåller {kind} och ",
            cannot_encrypt: "{where} kan inte ta emot krypterad e-post",
            cannot_authenticate: "{where} kan inte bevisa vem som tar emot e-posten",
            undeliverable: "{where} kan inte ta emot e-post",
            uncontrolled: "e-post till {where} går en väg som inte kan säkras",
            not_known: "det är ännu inte känt om {where} kan ta emot krypterad e-post",
            and: "och",
            confidential: "konfidentiella uppgifter",
            sensitive: "känsliga uppgifter",
            reference: "Ref.",
        },
        Language::No => &Sentences {
            rejected: "Ikke sendt til noen: meldingen inneholder {kind}, og ",
            deferred: "Ikke sendt ennå, prøv igjen senere: meldingen inneholder {kind}, og ",
            cannot_encrypt: "{where} kan ikke motta kryptert e-post",
            cannot_authenticate: "{where} kan ikke bevise hvem som mottar e-posten",
            undeliverable: "{where} kan ikke motta e-post",
            uncontrolled: "e-post til {where} går en vei som ikke kan sikres",
            not_known: "det er ennå ikke kjent om {where} kan motta kryptert e-post",
            and: "og",
            confidential: "konfidensielle opplysninger",
            sensitive: "sensitive opplysninger",
            reference: "Ref.",
        },
    }
}

/// The word for a level.
pub(super) fn level(sentences: &Sentences, level: Level) -> &'static str {
    match level {
        Level::None | Level::Confidential => sentences.confidential,
        Level::Sensitive => sentences.sensitive,
    }
}

/// The words for a category: Danish, English, German, French, Dutch, Swedish, Norwegian.
const CATEGORIES: [(Category, [&str; 7]); 17] = [
    (
        Category::NationalId,
        [
            "cpr-nummer",
            "national id",
            "Ausweisnummer",
            "numéro d'identité",
            "burgerservicenummer",
            "personnummer",
            "fødselsnummer",
        ],
    ),
    (Category::Finance, ["økonomi", "finance", "Finanzen", "finances", "financiën", "ekonomi", "økonomi"]),
    (
        Category::Employment,
        ["ansættelse", "employment", "Beschäftigung", "emploi", "arbeid", "anställning", "ansettelse"],
    ),
    (
        Category::Education,
        ["uddannelse", "education", "Ausbildung", "scolarité", "onderwijs", "utbildning", "utdanning"],
    ),
    (
        Category::SocialProblems,
        [
            "sociale problemer",
            "social problems",
            "soziale Probleme",
            "problèmes sociaux",
            "sociale problemen",
            "sociala problem",
            "sosiale problemer",
        ],
    ),
    (
        Category::Family,
        ["familieforhold", "family matters", "Familie", "famille", "familie", "familjeförhållanden", "familieforhold"],
    ),
    (
        Category::Credentials,
        ["adgangskode", "password", "Passwort", "mot de passe", "wachtwoord", "lösenord", "passord"],
    ),
    (Category::Marked, ["markeret", "marked", "gekennzeichnet", "marqué", "gemarkeerd", "märkt", "merket"]),
    (Category::Health, ["helbred", "health", "Gesundheit", "santé", "gezondheid", "hälsa", "helse"]),
    (
        Category::Ethnicity,
        [
            "etnisk oprindelse",
            "ethnic origin",
            "ethnische Herkunft",
            "origine ethnique",
            "etnische afkomst",
            "etniskt ursprung",
            "etnisk opprinnelse",
        ],
    ),
    (Category::Politics, ["politik", "politics", "Politik", "politique", "politiek", "politik", "politikk"]),
    (Category::Religion, ["religion", "religion", "Religion", "religion", "religie", "religion", "religion"]),
    (
        Category::Union,
        ["fagforening", "trade union", "Gewerkschaft", "syndicat", "vakbond", "fackförening", "fagforening"],
    ),
    (
        Category::SexLife,
        ["seksuelle forhold", "sex life", "Sexualleben", "vie sexuelle", "seksleven", "sexualliv", "seksuelle forhold"],
    ),
    (Category::Genetic, ["genetik", "genetic data", "Genetik", "génétique", "genetica", "genetik", "genetikk"]),
    (
        Category::Biometric,
        ["biometri", "biometric data", "Biometrie", "biométrie", "biometrie", "biometri", "biometri"],
    ),
    (
        Category::Criminal,
        [
            "strafbare forhold",
            "criminal offences",
            "Straftaten",
            "infractions",
            "strafbare feiten",
            "brott",
            "straffbare forhold",
        ],
    ),
];

/// The word for a category, as a sender would say it.
pub(super) fn category(language: Language, category: Category) -> &'static str {
    let column = match language {
        Language::Da => 0,
        Language::En => 1,
        Language::De => 2,
        Language::Fr => 3,
        Language::Nl => 4,
        Language::Sv => 5,
        Language::No => 6,
    };
    CATEGORIES
        .iter()
        .find(|(candidate, _)| *candidate == category)
        .map_or(category.as_str(), |(_, words)| words[column])
}

/// Writes a text in ASCII, for clients without SMTPUTF8 (RFC 6531): letters of the seven languages by their usual
/// replacements, anything else by a question mark.
pub(super) fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            ' '..='~' => out.push(c),
            'æ' | 'ä' => out.push_str("ae"),
            'Æ' | 'Ä' => out.push_str("Ae"),
            'ø' | 'ö' => out.push_str("oe"),
            'Ø' | 'Ö' => out.push_str("Oe"),
            'å' => out.push_str("aa"),
            'Å' => out.push_str("Aa"),
            'ü' => out.push_str("ue"),
            'Ü' => out.push_str("Ue"),
            'ß' => out.push_str("ss"),
            'à' | 'â' | 'á' => out.push('a'),
            'À' | 'Â' | 'Á' => out.push('A'),
            'ç' => out.push('c'),
            'é' | 'è' | 'ê' | 'ë' => out.push('e'),
            'É' | 'È' | 'Ê' => out.push('E'),
            'î' | 'ï' | 'í' => out.push('i'),
            'ô' | 'ó' => out.push('o'),
            'û' | 'ù' | 'ú' => out.push('u'),
            'œ' => out.push_str("oe"),
            '’' => out.push('\''),
            '–' => out.push('-'),
            _ => out.push('?'),
        }
    }
    out
}
