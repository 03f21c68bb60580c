//! One line of a TLS policy table, as an administrator writes it (postconf(5) smtp_tls_policy_maps).

use super::{CipherGrade, Protocols, TlsLevel};
use std::fmt;

/// The longest line, in bytes; Postfix's tables have no bound, and no legal line of ours comes near this.
const LINE_MAX: usize = 4096;

/// Names or fingerprints in one line.
const NAMES_MAX: usize = 100;

/// The bytes of the digests that Postfix makes fingerprints with: MD5 to SHA-512.
const DIGEST_LENGTHS: [usize; 5] = [16, 20, 32, 48, 64];

/// What is asked of one destination. Whatever it says is legal for Postfix of every version that is supported.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyLine {
    /// The level.
    pub level: TlsLevel,
    /// `match`: names for `verify` and `secure`, fingerprints for `fingerprint`. Empty: those of main.cf.
    names: Vec<String>,
    /// `protocols`, where they are given.
    pub protocols: Option<(String, Protocols)>,
    /// `ciphers`, where they are given.
    pub ciphers: Option<CipherGrade>,
    /// `servername`, where it is given (RFC 6066).
    servername: Option<String>,
}

impl PolicyLine {
    /// Reads a line: a level, and attributes behind it.
    ///
    /// # Errors
    /// With what is wrong and what to write instead.
    pub fn parse(line: &str) -> Result<Self, String> {
        if line.len() > LINE_MAX {
            return Err(format!("longer than {LINE_MAX} bytes"));
        }
        let mut words = line.split([' ', '\t', ',']).filter(|word| !word.is_empty());
        let word = words.next().unwrap_or_default();
        let level = TlsLevel::parse(word).ok_or_else(|| {
            let levels = TlsLevel::ALL.map(TlsLevel::as_str).join(", ");
            format!("begins with `{}`: write a TLS level ({levels}), and attributes behind it", word.escape_default())
        })?;
        let mut policy = Self { level, names: Vec::new(), protocols: None, ciphers: None, servername: None };
        let mut seen = Vec::new();
        for word in words {
            let (name, value) = word
                .split_once('=')
                .filter(|(_, value)| !value.is_empty())
                .ok_or_else(|| format!("`{}`: write name=value", word.escape_default()))?;
            if seen.contains(&name) {
                return Err(format!("`{name}` stands twice"));
            }
            seen.push(name);
            policy.take(name, value)?;
        }
        if level == TlsLevel::Fingerprint && policy.names.is_empty() {
            return Err("`fingerprint` needs match= with the fingerprints, separated by |".to_owned());
        }
        Ok(policy)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        let level = self.level;
        let at_least_encrypt = !matches!(level, TlsLevel::None | TlsLevel::May);
        let unfit = |from: &str| Err(format!("`{name}` means nothing at level {level}: {from}"));
        match name {
            "match" => match level {
                TlsLevel::Fingerprint => self.names = list(value, '|', fingerprint)?,
                TlsLevel::Verify | TlsLevel::Secure => self.names = list(value, ':', pattern)?,
                _ => return unfit("it goes with fingerprint, verify and secure"),
            },
            "protocols" if at_least_encrypt => {
                self.protocols = Some((value.to_owned(), Protocols::parse(value)?));
            }
            "ciphers" if at_least_encrypt => {
                let grade = CipherGrade::parse(value);
                self.ciphers = Some(grade.ok_or_else(|| format!("ciphers={} is no grade", value.escape_default()))?);
            }
            "servername" if at_least_encrypt => {
                let fits = matches!(value, "hostname" | "nexthop") || is_host_name(value);
                let wrong = || format!("servername={}: write hostname, nexthop or a name", value.escape_default());
                self.servername = Some(fits.then(|| value.to_owned()).ok_or_else(wrong)?);
            }
            "protocols" | "ciphers" | "servername" => return unfit("it goes with encrypt and stronger"),
            _ => {
                let name = name.escape_default();
                return Err(format!("`{name}` is not known here: match, protocols, ciphers and servername are"));
            }
        }
        Ok(())
    }

    /// The `match` and `servername` attributes, each with a space before it.
    pub fn names(&self) -> String {
        let separator = if self.level == TlsLevel::Fingerprint { "|" } else { ":" };
        let mut text = String::new();
        if !self.names.is_empty() {
            text = format!(" match={}", self.names.join(separator));
        }
        if let Some(servername) = &self.servername {
            text.push_str(" servername=");
            text.push_str(servername);
        }
        text
    }
}

impl fmt::Display for PolicyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.level, self.names())?;
        if let Some((protocols, _)) = &self.protocols {
            write!(f, " protocols={protocols}")?;
        }
        self.ciphers.map_or(Ok(()), |grade| write!(f, " ciphers={}", grade.as_str()))
    }
}

fn list(value: &str, separator: char, read: impl Fn(&str) -> Result<String, String>) -> Result<Vec<String>, String> {
    let names = value.split(separator).map(read).collect::<Result<Vec<_>, _>>()?;
    if names.len() > NAMES_MAX {
        return Err(format!("match: more than {NAMES_MAX} names"));
    }
    Ok(names)
}

/// A name to find in a certificate: `hostname`, `nexthop`, `dot-nexthop`, a name, or `.name` for all below it.
fn pattern(text: &str) -> Result<String, String> {
    let is_keyword = matches!(text, "hostname" | "nexthop" | "dot-nexthop");
    let fits = is_keyword || is_host_name(text.strip_prefix('.').unwrap_or(text));
    let wrong = || {
        let text = text.escape_default();
        format!("match: `{text}`: write hostname, nexthop, dot-nexthop, a name, or .name for all below it")
    };
    fits.then(|| text.to_owned()).ok_or_else(wrong)
}

/// A digest in hexadecimal, two digits at a time between colons.
fn fingerprint(text: &str) -> Result<String, String> {
    let is_byte = |digits: &str| digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let fits = text.split(':').all(is_byte) && DIGEST_LENGTHS.contains(&text.split(':').count());
    let wrong = || format!("match: `{}` is no fingerprint: write it as in 3A:F0:…", text.escape_default());
    fits.then(|| text.to_owned()).ok_or_else(wrong)
}

/// Letters, digits and hyphens between dots.
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_postfix_reads() {
        let print = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33";
        let fingerprints = format!("fingerprint match={print}|{print}");
        for line in [
            "none",
            "may",
            "encrypt protocols=>=TLSv1.3 ciphers=high",
            "dane-only",
            "verify match=hostname:.example.org servername=hostname",
            "secure match=nexthop:dot-nexthop:mx.example.org",
            &fingerprints,
        ] {
            assert_eq!(PolicyLine::parse(line).unwrap().to_string(), line);
        }
        let spaced = PolicyLine::parse(" Secure,ciphers=High,\tmatch=mx.example.org ").unwrap();
        assert_eq!(spaced.to_string(), "secure match=mx.example.org ciphers=high");
    }

    #[test]
    fn says_what_is_wrong() {
        let long = format!("secure match={}", "a".repeat(LINE_MAX));
        for (line, word) in [
            ("", "write a TLS level"),
            ("encrpyt", "`encrpyt`"),
            ("encrypt match=a.example", "goes with"),
            ("may protocols=TLSv1.3", "goes with"),
            ("encrypt protocols=TLSv9", "TLSv9"),
            ("encrypt protocols=", "name=value"),
            ("encrypt ciphers=best", "best"),
            ("secure match=a..example", "a..example"),
            ("secure match=*.example.org", "*.example.org"),
            ("secure match=a match=b", "twice"),
            ("secure tafile=/etc/x", "tafile"),
            ("secure servername=a b", "name=value"),
            ("fingerprint", "needs match="),
            ("fingerprint match=mx.example", "no fingerprint"),
            ("fingerprint match=00:11", "no fingerprint"),
            (&long, "longer"),
        ] {
            let fault = PolicyLine::parse(line).unwrap_err();
            assert!(fault.contains(word), "{line}: {fault}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_one_legal_line(text in "(secure|encrypt|may|fingerprint|verify)( [a-z]{0,10}=[\\PC]{0,20}){0,3}") {
            if let Ok(line) = PolicyLine::parse(&text) {
                let written = line.to_string();
                prop_assert!(written.is_ascii() && !written.contains(|c: char| c.is_control()));
                prop_assert_eq!(PolicyLine::parse(&written), Ok(line));
            }
        }
    }
}
