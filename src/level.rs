//! How confidential a message is, and why: levels and categories.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How much protection a message needs, from least to most.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing was found: the message is none of Segl's business.
    #[default]
    None,
    /// Confidential personal data (a national id number, say).
    Confidential,
    /// Special categories of GDPR article 9, and criminal offences (article 10).
    Sensitive,
}

impl Level {
    /// The word used in logs, JSON and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Confidential => "confidential",
            Self::Sensitive => "sensitive",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The kind of personal data.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// A national identification number (GDPR article 87).
    NationalId,
    /// Income, wealth, accounts, cards.
    Finance,
    /// Work and employment.
    Employment,
    /// School and examinations.
    Education,
    /// Serious social problems.
    SocialProblems,
    /// Internal family matters.
    Family,
    /// Passwords, one-time codes, private keys.
    Credentials,
    /// The sender said so: a subject tag, a Sensitivity header, an MSIP label.
    Marked,
    /// Health (GDPR article 9).
    Health,
    /// Racial or ethnic origin (GDPR article 9).
    Ethnicity,
    /// Political opinions (GDPR article 9).
    Politics,
    /// Religious or philosophical beliefs (GDPR article 9).
    Religion,
    /// Trade union membership (GDPR article 9).
    Union,
    /// Sex life and sexual orientation (GDPR article 9).
    SexLife,
    /// Genetic data (GDPR article 9).
    Genetic,
    /// Biometric data (GDPR article 9).
    Biometric,
    /// Criminal convictions and offences (GDPR article 10).
    Criminal,
}

impl Category {
    /// Every category, in the order in which they are listed to people.
    pub const ALL: [Self; 17] = [
        Self::NationalId,
        Self::Finance,
        Self::Employment,
        Self::Education,
        Self::SocialProblems,
        Self::Family,
        Self::Credentials,
        Self::Marked,
        Self::Health,
        Self::Ethnicity,
        Self::Politics,
        Self::Religion,
        Self::Union,
        Self::SexLife,
        Self::Genetic,
        Self::Biometric,
        Self::Criminal,
    ];

    /// The word used in logs, JSON, rules and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NationalId => "national-id",
            Self::Finance => "finance",
            Self::Employment => "employment",
            Self::Education => "education",
            Self::SocialProblems => "social-problems",
            Self::Family => "family",
            Self::Credentials => "credentials",
            Self::Marked => "marked",
            Self::Health => "health",
            Self::Ethnicity => "ethnicity",
            Self::Politics => "politics",
            Self::Religion => "religion",
            Self::Union => "union",
            Self::SexLife => "sex-life",
            Self::Genetic => "genetic",
            Self::Biometric => "biometric",
            Self::Criminal => "criminal",
        }
    }

    /// The level that a finding of this category has unless a rule says otherwise.
    pub fn default_level(self) -> Level {
        match self {
            Self::NationalId
            | Self::Finance
            | Self::Employment
            | Self::Education
            | Self::SocialProblems
            | Self::Family
            | Self::Credentials
            | Self::Marked => Level::Confidential,
            Self::Health
            | Self::Ethnicity
            | Self::Politics
            | Self::Religion
            | Self::Union
            | Self::SexLife
            | Self::Genetic
            | Self::Biometric
            | Self::Criminal => Level::Sensitive,
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
