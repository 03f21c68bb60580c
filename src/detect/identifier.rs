//! The kinds of number whose shape and arithmetic are known. A rule file names one by its `validator` and says how much
//! each of its forms is worth; what a number is stands in its own file.

use super::{card, cpr, digits, iban};
use jiff::civil::Date;
use std::ops::Range;

/// A kind of number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Identifier {
    DanishCpr,
    Iban,
    PaymentCard,
}

/// A number that may be one, found at a run of digits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Hit {
    pub(super) range: Range<usize>,
    /// Index into [`Identifier::forms`].
    pub(super) form: usize,
    /// The checksum fits.
    pub(super) checksum: bool,
}

impl Identifier {
    pub(super) const ALL: [Self; 3] = [Self::DanishCpr, Self::Iban, Self::PaymentCard];

    /// The name in rule files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::DanishCpr => "dk.cpr",
            Self::Iban => "iban",
            Self::PaymentCard => "card",
        }
    }

    /// The ways in which it is written, as rule files name them.
    pub(super) fn forms(self) -> &'static [&'static str] {
        match self {
            Self::DanishCpr => &cpr::FORMS,
            Self::Iban => &iban::FORMS,
            Self::PaymentCard => &card::FORMS,
        }
    }

    /// The checksum's name; none where a number without it is no such number.
    pub(super) fn checksum(self) -> Option<&'static str> {
        match self {
            Self::DanishCpr => Some("modulus 11"),
            Self::Iban | Self::PaymentCard => None,
        }
    }

    /// The number, if there is one, that begins with this run of digits (an IBAN: whose first digits are this run).
    pub(super) fn at(self, text: &[u8], run: &Range<usize>, today: Date) -> Option<Hit> {
        match self {
            Self::DanishCpr => cpr::at(text, run, today),
            Self::Iban => iban::at(text, run),
            Self::PaymentCard => card::at(text, run),
        }
    }

    /// The value with all but its beginning hidden.
    pub(super) fn mask(self, value: &[u8]) -> String {
        let shown = match self {
            Self::DanishCpr | Self::PaymentCard => 4,
            Self::Iban => 2,
        };
        digits::mask(value, shown)
    }
}
