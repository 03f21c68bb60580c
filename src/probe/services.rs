//! Service name -> TCP port: the names that Postfix knows by itself, then those of /etc/services.

use std::io;
use tokio::{fs::File, io::AsyncReadExt};

const SERVICES: &str = "/etc/services";

/// The most that is read of /etc/services, in bytes. Debian's has 13 thousand; the whole of IANA's registry below a
/// million.
const BYTES_MAX: u64 = 4 << 20;

/// What Postfix takes before it asks the system (`known_tcp_ports` in postconf(5), since 3.6), and an older name of
/// the same that /etc/services has.
const KNOWN: [(&str, u16); 6] =
    [("lmtp", 24), ("smtp", 25), ("smtps", 465), ("submissions", 465), ("ssmtp", 465), ("submission", 587)];

/// The TCP port of a service; `None` where no table has it.
///
/// # Errors
/// When /etc/services cannot be read. That it is not there is none: there is no such service then.
pub(super) async fn port_of(name: &str) -> io::Result<Option<u16>> {
    if let Some((_, port)) = KNOWN.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Ok(Some(*port));
    }
    let file = match File::open(SERVICES).await {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut table = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut table).await?;
    Ok(find(&String::from_utf8_lossy(&table), name))
}

/// The first line for TCP that has the name, as its own or as an alias (services(5): `name port/protocol alias…`).
///
/// getservbyname(3) heeds the case of letters, which a next-hop has lost here.
fn find(table: &str, name: &str) -> Option<u16> {
    table.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let (own, place) = (words.next()?, words.next()?);
        let port = place.strip_suffix("/tcp")?.parse().ok().filter(|port| *port != 0)?;
        std::iter::once(own).chain(words).any(|word| word.eq_ignore_ascii_case(name)).then_some(port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TABLE: &str = "# Network services, Internet style\n\ntcpmux\t\t1/tcp\t\t\t# TCP port service multiplexer\n\
                         discard\t\t9/udp\t\tsink null\ndiscard\t\t9/tcp\t\tsink null\nhidden #\t7/tcp\n\
                         Mail-Dirty\t10025/tcp\tfilter#amavis\nzero 0/tcp\nmuch 65536/tcp\nword port/tcp\nalone\n\
                         twice 1000/tcp\ntwice 1001/tcp\nlast 26/tcp";

    #[test]
    fn finds_names_and_aliases_of_tcp() {
        for (name, port) in [
            ("tcpmux", Some(1)),
            ("discard", Some(9)),
            ("null", Some(9)),
            ("mail-dirty", Some(10025)),
            ("filter", Some(10025)),
            ("twice", Some(1000)),
            ("last", Some(26)),
            ("amavis", None),
            ("hidden", None),
            ("zero", None),
            ("much", None),
            ("word", None),
            ("alone", None),
            ("9/tcp", None),
            ("", None),
        ] {
            assert_eq!(find(TABLE, name), port, "{name}");
        }
    }

    #[tokio::test]
    async fn knows_what_postfix_knows_by_itself() {
        for (name, port) in
            [("smtp", Some(25)), ("lmtp", Some(24)), ("submission", Some(587)), ("smtps", Some(465)), ("no-such", None)]
        {
            assert_eq!(port_of(name).await.unwrap(), port, "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_found(name in "[a-z][a-z0-9-]{0,14}", port in 1u16.., before in "(?s).{0,60}") {
            prop_assume!(find(&before, &name).is_none());
            prop_assert_eq!(find(&format!("{before}\nx {port}/udp {name}\ny {port}/tcp z {name} # {name}2\n"), &name), Some(port));
        }
    }
}
