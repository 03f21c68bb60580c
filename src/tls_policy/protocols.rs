//! Which versions of TLS a policy allows.

use super::PostfixVersion;
use crate::requirement::TlsVersion;

/// The TLS versions that a parameter such as smtp_tls_mandatory_protocols allows, in all of Postfix's syntaxes:
/// bounds (`>=TLSv1.2, <=0304`), exclusions (`!TLSv1.1`) and inclusions (`TLSv1.2 TLSv1.3`), separated by commas,
/// white space or colons (Postfix `src/tls/tls_misc.c`, tls_proto_mask_lims).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Protocols {
    /// The lowest version as on the wire (0x0303 is TLS 1.2); 0: no bound.
    floor: u32,
    /// The highest version as on the wire; 0: no bound.
    ceiling: u32,
    /// Versions excluded, one bit each in the order of [`TlsVersion`].
    excluded: u8,
}

const VERSIONS: [TlsVersion; 4] = [TlsVersion::V1_0, TlsVersion::V1_1, TlsVersion::V1_2, TlsVersion::V1_3];

const ALL_EXCLUDED: u8 = 0b1111;

fn wire(version: TlsVersion) -> u32 {
    0x0301 + version as u32
}

fn bit(version: TlsVersion) -> u8 {
    1 << version as u8
}

impl Protocols {
    /// Reads the parameter as Postfix does: the last of several bounds counts, an empty list allows everything.
    ///
    /// # Errors
    /// With the word that Postfix would not understand either; it then defers all mail that needs TLS.
    pub fn parse(list: &str) -> Result<Self, String> {
        let (mut floor, mut ceiling, mut excluded, mut included) = (0, 0, 0, None);
        let words = list.split([',', ' ', '\t', '\r', '\n', ':']).filter(|word| !word.is_empty());
        for word in words {
            let unknown = || format!("`{word}` names no TLS protocol");
            if let Some(bound) = word.strip_prefix(">=") {
                floor = parse_bound(bound).ok_or_else(unknown)?;
            } else if let Some(bound) = word.strip_prefix("<=") {
                ceiling = parse_bound(bound).ok_or_else(unknown)?;
            } else if let Some(name) = word.strip_prefix('!') {
                excluded |= parse_name(name).ok_or_else(unknown)?;
            } else {
                included = Some(included.unwrap_or(0) | parse_name(word).ok_or_else(unknown)?);
            }
        }
        if let Some(included) = included {
            excluded |= ALL_EXCLUDED & !included;
        }
        Ok(Self { floor, ceiling, excluded })
    }

    /// What both allow.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let ceiling = match (self.ceiling, other.ceiling) {
            (0, bound) | (bound, 0) => bound,
            (one, two) => one.min(two),
        };
        Self { floor: self.floor.max(other.floor), ceiling, excluded: self.excluded | other.excluded }
    }

    /// Whether a version may be used.
    pub fn allows(self, version: TlsVersion) -> bool {
        wire(version) >= self.floor
            && (self.ceiling == 0 || wire(version) <= self.ceiling)
            && self.excluded & bit(version) == 0
    }

    /// The `protocols` attribute that allows what this allows from `least` on, and nothing else; `None` when that is
    /// nothing.
    pub(crate) fn attribute(self, least: TlsVersion, version: PostfixVersion) -> Option<String> {
        let narrowed = self.and(Self { floor: wire(least), ..Self::default() });
        if !VERSIONS.into_iter().any(|version| narrowed.allows(version)) {
            return None;
        }
        // Words of one attribute are separated by colons: commas and spaces separate attributes.
        let words: Vec<String> = if version.has_protocol_bounds() {
            let ceiling = (narrowed.ceiling != 0).then(|| format!("<={}", bound_name(narrowed.ceiling)));
            let in_bounds = Self { excluded: 0, ..narrowed };
            let holes = VERSIONS.into_iter().filter(|version| in_bounds.allows(*version) && !narrowed.allows(*version));
            std::iter::once(format!(">={}", bound_name(narrowed.floor)))
                .chain(ceiling)
                .chain(holes.map(|version| format!("!{version}")))
                .collect()
        } else {
            let forbidden = VERSIONS.into_iter().filter(|version| !narrowed.allows(*version));
            ["!SSLv2".to_owned(), "!SSLv3".to_owned()]
                .into_iter()
                .chain(forbidden.map(|version| format!("!{version}")))
                .collect()
        };
        Some(words.join(":"))
    }
}

/// A bound: a version's name, `None`, or hexadecimal as on the wire.
fn parse_bound(text: &str) -> Option<u32> {
    if text.eq_ignore_ascii_case("None") {
        return Some(0);
    }
    if text.eq_ignore_ascii_case("SSLv3") {
        return Some(0x0300);
    }
    if let Some(version) = version_of_name(text) {
        return Some(wire(version));
    }
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let hexadecimal = !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if hexadecimal { u32::from_str_radix(digits, 16).ok() } else { None }
}

/// A version's name as a bit; SSL 2 and 3 are names without a bit, since no answer of ours allows them.
fn parse_name(text: &str) -> Option<u8> {
    if text.eq_ignore_ascii_case("SSLv2") || text.eq_ignore_ascii_case("SSLv3") {
        return Some(0);
    }
    version_of_name(text).map(bit)
}

fn version_of_name(text: &str) -> Option<TlsVersion> {
    VERSIONS.into_iter().find(|version| version.as_str().eq_ignore_ascii_case(text))
}

fn bound_name(bound: u32) -> String {
    match VERSIONS.into_iter().find(|version| wire(*version) == bound) {
        Some(version) => version.as_str().to_owned(),
        None => format!("{bound:04x}"),
    }
}
