//! The TLS handshake after STARTTLS, and what it proves.
//!
//! One handshake gives both the version and whether the certificate verifies: a chain that does not verify is
//! noted, and does not end the handshake, since encryption to an unproven server is still encryption. The signatures
//! of the handshake are always checked. Nothing is resumed, for a resumed session shows no certificate.
//!
//! Where the host has TLSA records, the same handshake shows whether the chain is one that they bind it to.
//!
//! rustls speaks TLS 1.2 and 1.3 only, with ephemeral elliptic curves only, and is strict about certificates. So a
//! handshake that fails proves nothing about what Postfix (OpenSSL) could do, save two cases: the server says that it
//! has no TLS version this new, or its certificate is what rustls cannot bear. In other cases it is asked once more,
//! which cipher it would take of those that OpenSSL has.

use super::{
    KeyExchange,
    binding::{Binding, Chain, Verdict},
    certificate::{Certificate, key_content, rsa_bits},
    hello::{self, Answer},
};
use crate::requirement::TlsVersion;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, PeerIncompatible, RootCertStore,
    SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use std::{io, path::Path, sync::Arc, sync::OnceLock, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

/// The most that a server may send from the handshake on, in bytes. A chain of ten large certificates is below a
/// tenth of it.
pub(super) const TLS_BYTES_MAX: u64 = 512 * 1024;

/// The shortest RSA key that rustls takes, in bits; Postfix takes shorter ones (it sets OpenSSL's security level to 0).
pub(super) const RSA_BITS_MIN: usize = 2048;

/// The certificates that a server's chain may end in, and the cryptography.
#[derive(Clone)]
pub(super) struct Trust {
    provider: Arc<CryptoProvider>,
    /// `None` where there is no root at all: then nothing verifies.
    verifier: Option<Arc<WebPkiServerVerifier>>,
}

/// Why there are no root certificates to verify by.
#[derive(Debug, thiserror::Error)]
pub(super) enum TrustError {
    /// The file cannot be read as PEM.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// rustls would not take them.
    #[error("root certificates: {0}")]
    Verifier(String),
}

/// What a handshake showed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Handshake {
    pub(super) version: TlsVersion,
    /// `Ok` when the chain leads to a trusted root and bears the host's name, else why not.
    pub(super) verified: Result<(), String>,
    /// What its TLSA records say of the chain; `None` where it has none that bind.
    pub(super) dane: Option<Verdict>,
}

/// TLS 1.2 as rustls does not speak it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Older {
    pub(super) exchange: KeyExchange,
    /// OpenSSL's name of the cipher.
    pub(super) cipher: &'static str,
}

/// Why there was no TLS.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum HandshakeError {
    /// The server has no TLS version that is accepted nowadays.
    #[error("its TLS is older than 1.2")]
    TooOld,
    /// TLS of this version, with a certificate that rustls cannot use and OpenSSL may, so that the server's signature
    /// was not checked.
    #[error("{reason}: only OpenSSL takes it, it was not checked")]
    OddCertificate {
        /// The version negotiated.
        version: TlsVersion,
        /// What is odd about it.
        reason: String,
    },
    /// rustls cannot speak with this server; OpenSSL may.
    #[error("{0}")]
    Incompatible(String),
    /// Anything else: no proof that Postfix would fail too.
    #[error("{0}")]
    Inconclusive(String),
}

impl Trust {
    /// The system's root certificates, or those of one PEM file.
    pub(super) fn load(ca_file: Option<&Path>) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        match ca_file {
            Some(path) => {
                let wrong = |reason: String| TrustError::File { path: path.display().to_string(), reason };
                let certificates = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
                for certificate in certificates {
                    let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                    roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(wrong("no certificate in it".to_owned()));
                }
            }
            None => {
                let system = rustls_native_certs::load_native_certs();
                for error in &system.errors {
                    tracing::warn!(%error, "a root certificate of the system cannot be read");
                }
                roots.add_parsable_certificates(system.certs);
                if roots.is_empty() {
                    tracing::warn!("this system has no root certificates (package ca-certificates): nothing verifies");
                }
            }
        }
        Self::new(roots)
    }

    fn new(roots: RootCertStore) -> Result<Self, TrustError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = if roots.is_empty() {
            None
        } else {
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
            Some(builder.build().map_err(|error| TrustError::Verifier(error.to_string()))?)
        };
        Ok(Self { provider, verifier })
    }

    /// How a client speaks TLS that goes on only with a server whose certificate verifies; `None` where there is no root
    /// to verify it by.
    ///
    /// # Errors
    /// Where rustls has none of the versions, which is a fault of how this program was built.
    pub(super) fn demanding(&self) -> Result<Option<ClientConfig>, TrustError> {
        let Some(verifier) = &self.verifier else { return Ok(None) };
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| TrustError::Verifier(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Some(config))
    }

    /// Shakes hands as a client of `host`, within `step_time`, and says QUIT over TLS. Asks for the name to which
    /// TLSA records bind it, where there are any (RFC 7672 section 8.1).
    pub(super) async fn handshake<S>(
        &self,
        stream: S,
        host: &str,
        binding: Option<&Arc<Binding>>,
        step_time: Duration,
    ) -> Result<Handshake, HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let inconclusive = |reason: String| HandshakeError::Inconclusive(reason);
        let server_name =
            |name: &str| ServerName::try_from(name.to_owned()).map_err(|error| inconclusive(error.to_string()));
        let host = server_name(host)?;
        let name = match binding.and_then(|binding| binding.names.first()) {
            Some(base_domain) => server_name(base_domain)?,
            None => host.clone(),
        };
        let witness = Arc::new(Witness {
            trust: self.clone(),
            host,
            binding: binding.cloned(),
            shown: OnceLock::new(),
            odd: OnceLock::new(),
        });
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| inconclusive(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(witness.clone())
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        let (reader, writer) = tokio::io::split(stream);
        let bounded = tokio::io::join(reader.take(TLS_BYTES_MAX), writer);
        let connecting = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, bounded);
        let mut tls = match timeout(step_time, connecting).await {
            Err(_) => return Err(inconclusive(format!("TLS handshake: no answer within {}s", step_time.as_secs()))),
            Ok(Err(error)) => return Err(judge(&error, witness.odd.get())),
            Ok(Ok(tls)) => tls,
        };
        let version = match tls.get_ref().1.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => TlsVersion::V1_3,
            Some(rustls::ProtocolVersion::TLSv1_2) => TlsVersion::V1_2,
            other => return Err(inconclusive(format!("TLS handshake: unexpected version {other:?}"))),
        };
        super::smtp::quit(&mut tls).await;
        let (verified, dane) = witness.shown.get().cloned().unwrap_or_else(|| {
            let nothing = "it showed no certificate".to_owned();
            (Err(nothing.clone()), binding.map(|_| Verdict::Mismatch(nothing)))
        });
        Ok(Handshake { version, verified, dane })
    }

    /// Asks a server with which rustls could not shake hands what it would take of all that OpenSSL offers; reads its
    /// first answer within `step_time` and goes. What rustls speaks too is no explanation, and inconclusive.
    pub(super) async fn ask_older<S>(
        &self,
        mut stream: S,
        name: &str,
        step_time: Duration,
    ) -> Result<Older, HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let inconclusive = |reason: &dyn std::fmt::Display| HandshakeError::Inconclusive(reason.to_string());
        let mut random = [0; 32];
        self.provider.secure_random.fill(&mut random).map_err(|_| inconclusive(&"no random numbers"))?;
        let exchange = async {
            stream.write_all(&hello::client_hello(name, random)).await.map_err(|error| inconclusive(&error))?;
            stream.flush().await.map_err(|error| inconclusive(&error))?;
            let mut input = Vec::new();
            loop {
                if let Some(answer) = hello::answer(&input).map_err(|error| inconclusive(&error))? {
                    return Ok(answer);
                }
                let mut chunk = [0; 4096];
                let count = stream.read(&mut chunk).await.map_err(|error| inconclusive(&error))?;
                if count == 0 || input.len() + count > hello::ANSWER_BYTES_MAX {
                    return Err(inconclusive(&"no whole answer"));
                }
                input.extend_from_slice(&chunk[..count]);
            }
        };
        let answer = timeout(step_time, exchange).await.unwrap_or_else(|_| Err(inconclusive(&"no answer")))?;
        let _ = timeout(step_time, stream.write_all(&hello::goodbye())).await;
        match answer {
            Answer::Alert(number) => Err(inconclusive(&format!("alert {number}"))),
            Answer::Hello { version, .. } if version < hello::TLS12 => Err(HandshakeError::TooOld),
            Answer::Hello { cipher, .. } if cipher.common => Err(inconclusive(&cipher.name)),
            Answer::Hello { cipher, .. } => Ok(Older { exchange: cipher.exchange, cipher: cipher.name }),
        }
    }
}

/// What a failed handshake proves, given what was odd about the certificate.
fn judge(error: &io::Error, odd: Option<&(TlsVersion, String)>) -> HandshakeError {
    use rustls::Error;
    let error_of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    if let (Some((version, reason)), Some(Error::InvalidCertificate(_))) = (odd, error_of_tls) {
        return HandshakeError::OddCertificate { version: *version, reason: reason.clone() };
    }
    match error_of_tls {
        Some(
            Error::AlertReceived(AlertDescription::ProtocolVersion)
            | Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ),
        ) => HandshakeError::TooOld,
        // A server that has none of the ciphers offered ends with one of these alerts, or just closes.
        Some(
            error @ (Error::AlertReceived(
                AlertDescription::HandshakeFailure
                | AlertDescription::InsufficientSecurity
                | AlertDescription::IllegalParameter
                | AlertDescription::InternalError,
            )
            | Error::PeerIncompatible(_)),
        ) => HandshakeError::Incompatible(format!("TLS handshake: {error}")),
        Some(error) => HandshakeError::Inconclusive(format!("TLS handshake: {error}")),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            HandshakeError::Incompatible("TLS handshake: connection closed".to_owned())
        }
        None => HandshakeError::Inconclusive(format!("TLS handshake: {error}")),
    }
}

/// Notes whether the chain verifies, and lets the handshake go on either way; checks its signatures always.
#[derive(Debug)]
struct Witness {
    trust: Trust,
    host: ServerName<'static>,
    binding: Option<Arc<Binding>>,
    shown: OnceLock<(Result<(), String>, Option<Verdict>)>,
    /// Why rustls cannot use the certificate though OpenSSL can, and the version in which it was shown.
    odd: OnceLock<(TlsVersion, String)>,
}

impl Witness {
    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), String> {
        if !matches!(self.host, ServerName::DnsName(_)) {
            return Err("an address has no name that a certificate could prove".to_owned());
        }
        let verifier = self.trust.verifier.as_ref().ok_or("there are no root certificates to verify it by")?;
        match verifier.verify_server_cert(end_entity, intermediates, &self.host, ocsp, now) {
            Ok(_) => Ok(()),
            Err(rustls::Error::InvalidCertificate(error)) => Err(describe(&error)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Notes what about a certificate rustls cannot bear, before it checks a signature with it.
    fn look_at(&self, certificate: &CertificateDer<'_>, version: TlsVersion) {
        let odd = match Certificate::parse(certificate) {
            None => None,
            Some(parts) => match key_content(parts.key).and_then(rsa_bits) {
                Some(bits) if bits < RSA_BITS_MIN => Some(format!("its certificate has an RSA key of {bits} bits")),
                _ if parts.version < 3 => Some(format!("its certificate is of X.509 version {}", parts.version)),
                _ => rustls::server::ParsedCertificate::try_from(certificate)
                    .err()
                    .map(|error| format!("its certificate cannot be used: {error}")),
            },
        };
        if let Some(odd) = odd {
            let _ = self.odd.set((version, odd));
        }
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.verify(end_entity, intermediates, ocsp, now);
        let chain = Chain { end_entity, intermediates };
        let dane = self.binding.as_ref().map(|binding| binding.judge(chain, now, &self.trust.provider));
        // A handshake shows one certificate; a second call could only come from a bug, and must not improve the first.
        let _ = self.shown.set((verified, dane));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.look_at(certificate, TlsVersion::V1_2);
        let algorithms = &self.trust.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.look_at(certificate, TlsVersion::V1_3);
        let algorithms = &self.trust.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trust").field("roots", &self.verifier.is_some()).finish_non_exhaustive()
    }
}

/// The common reasons in words that an administrator knows.
pub(super) fn describe(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => "its certificate is of an unknown issuer".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is not for this name".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        other => format!("its certificate does not verify: {other}"),
    }
}
