//! Whose account it is: that of a firm stands on every invoice and letterhead, and is nobody's secret.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use segl::{
    config::{Marks, rules::read_rule_files},
    detect::RuleSet,
    message::{Document, Piece},
};
use std::time::{Duration, Instant};

/// Invoices of firms. The numbers are the registries’ own examples.
const OF_FIRMS: [&str; 7] = [
    r"Faktura 20413

Til Hansen Byg A/S
Att.: Indkøb

12 stk. skruer  480,00 kr.
Moms 25 %  120,00 kr.
I alt 600,00 kr.

Betales senest 14 dage netto til vores bank:
Reg. 0040 konto 0440116243
IBAN: DK50 0040 0440 1162 43, BIC NDEADKKK

Nordisk Skrue ApS, Industrivej 4, 8000 Aarhus C, CVR-nr. 12345678",
    r"Rechnung Nr. 2024-118

Sehr geehrte Damen und Herren,

für unsere Leistungen berechnen wir 1.190,00 EUR inkl. 19 % MwSt.

Bitte überweisen Sie den Betrag innerhalb von 14 Tagen.

Muster GmbH, Hauptstr. 1, 50667 Köln
Geschäftsführer: Karl Muster
Amtsgericht Köln HRB 12345, USt-IdNr. DE123456789
Bankverbindung: Sparkasse Köln, IBAN DE89 3704 0044 0532 0130 00, BIC COBADEFF",
    r"Invoice INV-1042

To: Accounts payable

Consulting, 3 days  £1,800.00
VAT 20%  £360.00
Total  £2,160.00

Please pay within 30 days by bank transfer:
IBAN GB29 NWBK 6016 1331 9268 19, BIC NWBKGB2L

Example Ltd. Registered office: 1 High Street, Leeds. Company no. 01234567. VAT no. GB 999 9999 73",
    r"Facture n° 2024-55

Prestation : maintenance  500,00 €
TVA 20 %  100,00 €
Total TTC  600,00 €

Règlement par virement : IBAN FR14 2004 1010 0505 0001 3M02 606

Exemple SARL au capital de 10 000 € - SIRET 732 829 320 00074 - RCS Paris - N° TVA FR44732829320",
    r"Factuur 2024-031

Levering papier  200,00 euro
Btw 21%  42,00 euro
Totaal  242,00 euro

Gelieve te betalen binnen 14 dagen op IBAN NL91 ABNA 0417 1643 00 t.n.v. Voorbeeld B.V.
KvK 12345678, btw-nummer NL123456789B01",
    r"Faktura 1881

Konsultarbete 10 h  9 000 kr
Moms 25 %  2 250 kr
Att betala 11 250 kr

IBAN SE35 5000 0000 0549 1000 0003, bankgiro 5050-1055
Exempel AB, org.nr 556016-0680, momsreg.nr SE556016068001. Godkänd för F-skatt.",
    r"Faktura 7712

Snekkerarbeid  8 000 kr
Mva 25 %  2 000 kr
Å betale 10 000 kr

Betales til kontonummer 8601.11.17947, IBAN NO93 8601 1117 947
Eksempel AS, org.nr. 923 609 016 MVA, Foretaksregisteret",
];

/// Letters of firms that name the account of a person.
const OF_PEOPLE: [&str; 7] = [
    r"Hej

Vi overfører din løn til IBAN DK50 0040 0440 1162 43 fra næste måned.

Venlig hilsen
Nordisk Skrue ApS, CVR-nr. 12345678",
    r"Guten Tag,

bitte erstatten Sie Frau Meier den Betrag auf IBAN DE89 3704 0044 0532 0130 00.

Muster GmbH, Amtsgericht Köln HRB 12345",
    r"Hello,

please send the refund to Mrs Daly, IBAN GB29 NWBK 6016 1331 9268 19.

Example Ltd. Company no. 01234567",
    r"Bonjour,

merci de virer le remboursement à Mme Durand, IBAN FR14 2004 1010 0505 0001 3M02 606.

Exemple SARL, SIRET 732 829 320 00074",
    r"Hallo,

graag het salaris van mevrouw Jansen op IBAN NL91 ABNA 0417 1643 00.

Voorbeeld B.V., KvK 12345678",
    r"Hej,

lönen betalas till Anna Berg, IBAN SE35 5000 0000 0549 1000 0003.

Exempel AB, org.nr 556016-0680",
    r"Hei,

lønnen utbetales til kontoen din, IBAN NO93 8601 1117 947.

Eksempel AS, org.nr. 923 609 016 MVA",
];

#[test]
fn accounts_of_people_are_told_from_those_of_firms() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/conf/rules");
    let rules = RuleSet::parse(&read_rule_files(&[directory.into()]).unwrap()).unwrap();
    let accounts = |text: &str| {
        let document = Document { pieces: vec![Piece::new("text", text)], ..Document::default() };
        let today = "2026-01-31".parse().unwrap();
        let verdict = rules.inspect(&document, today, &Marks::default(), Instant::now() + Duration::from_secs(60));
        let found = verdict.findings.into_iter().map(|finding| finding.rule.to_string());
        found.filter(|rule| rule == "iban" || rule.ends_with(".account")).collect::<Vec<_>>()
    };
    for text in OF_FIRMS {
        assert!(accounts(text).is_empty(), "{text}");
    }
    for text in OF_PEOPLE {
        assert!(accounts(text).iter().any(|rule| rule == "iban"), "{text}");
    }
}
