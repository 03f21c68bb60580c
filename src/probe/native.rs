//! Addresses as the system finds them (getaddrinfo(3), nsswitch.conf(5)), /etc/hosts included: what Postfix asks where
//! `smtp_host_lookup` has `native`, or DNS lookups are disabled (Postfix `src/smtp/smtp_addr.c`, `smtp_addr_one()`).

use super::dns::{Answer, DnsFailure, Records, Security};
use std::{io, net::IpAddr};

/// What the C library says of a host that there is not, or that has no address (EAI_NONAME, EAI_NODATA; gai_strerror(3)
/// of glibc and musl). All else may pass.
const NO_SUCH_HOST: [&str; 4] = [
    "Name or service not known",
    "No address associated with hostname",
    "Name does not resolve",
    "Name has no usable address",
];

/// The addresses of a host; `security` is what DNSSEC is to be taken to say of them.
pub(super) async fn addresses(host: &str, security: Security) -> Result<Answer<IpAddr>, DnsFailure> {
    answer(host, security, tokio::net::lookup_host((host, 0)).await)
}

fn answer<A>(host: &str, security: Security, found: io::Result<A>) -> Result<Answer<IpAddr>, DnsFailure>
where
    A: Iterator<Item = std::net::SocketAddr>,
{
    let error = match found {
        Ok(found) => {
            let mut data: Vec<IpAddr> = Vec::new();
            for address in found.map(|address| address.ip()) {
                if !data.contains(&address) {
                    data.push(address);
                }
            }
            return Ok(match data.is_empty() {
                true => Answer::NoData,
                false => Answer::Records(Records { data, security, canonical: host.to_owned() }),
            });
        }
        Err(error) => error.to_string(),
    };
    if NO_SUCH_HOST.iter().any(|said| error.ends_with(said)) {
        return Ok(Answer::NoName);
    }
    Err(DnsFailure { kind: "getaddrinfo".to_owned(), name: host.to_owned(), reason: error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    #[tokio::test]
    async fn finds_what_the_hosts_file_has() {
        let Ok(Answer::Records(found)) = addresses("localhost", Security::Unchecked).await else { panic!() };
        assert!(found.data.iter().all(IpAddr::is_loopback), "{found:?}");
        assert_eq!((found.security, found.canonical.as_str()), (Security::Unchecked, "localhost"));
    }

    #[test]
    fn tells_absence_from_failure() {
        let failed = |said: &str| {
            let error = io::Error::other(format!("failed to lookup address information: {said}"));
            answer("h.example", Security::Insecure, Err::<std::vec::IntoIter<SocketAddr>, _>(error))
        };
        for said in NO_SUCH_HOST {
            assert_eq!(failed(said), Ok(Answer::NoName), "{said}");
        }
        for said in ["Temporary failure in name resolution", "Try again", "System error", ""] {
            assert!(failed(said).unwrap_err().to_string().contains("getaddrinfo h.example"), "{said}");
        }
        let twice: Vec<SocketAddr> = ["192.0.2.1:0", "192.0.2.1:0"].map(|text| text.parse().unwrap()).to_vec();
        let Ok(Answer::Records(found)) = answer("h", Security::Insecure, Ok(twice.into_iter())) else { panic!() };
        assert_eq!(found.data.len(), 1);
    }
}
