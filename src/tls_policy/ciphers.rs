//! Grades of ciphers.

/// A cipher grade, weakest first (postconf(5) smtp_tls_mandatory_ciphers).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CipherGrade {
    /// Authentication without encryption.
    Null,
    /// 40 bits and more.
    Export,
    /// 56 bits and more.
    Low,
    /// 128 bits and more.
    Medium,
    /// The strongest alone.
    High,
}

impl CipherGrade {
    pub(crate) const ALL: [Self; 5] = [Self::Null, Self::Export, Self::Low, Self::Medium, Self::High];

    /// The word in main.cf and in policy tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Export => "export",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// Reads the word, in either case as Postfix does; `None` for any other.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grade| grade.as_str().eq_ignore_ascii_case(word))
    }
}
