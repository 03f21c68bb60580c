//! The TLS handshake after STARTTLS, and what it proves.
//!
//! One handshake gives both the version and whether the certificate verifies: a chain that does not verify is
//! noted, and does not end the handshake, since encryption to an unproven server is still encryption. The signatures
//! of the handshake are always checked. Nothing is resumed, for a resumed session shows no certificate.
//!
//! rustls speaks TLS 1.2 and 1.3 only, with forward secrecy only, and is strict about certificates. So a handshake
//! that fails proves nothing about what Postfix (OpenSSL) could do, save one case: the server says that it has no
//! TLS version this new.

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
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    time::timeout,
};

/// The most that a server may send from the handshake on, in bytes. A chain of ten large certificates is below a
/// tenth of it.
pub(super) const TLS_BYTES_MAX: u64 = 512 * 1024;

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
}

/// Why there was no TLS.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum HandshakeError {
    /// The server has no TLS version that is accepted nowadays.
    #[error("its TLS is older than 1.2")]
    TooOld,
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

    /// Shakes hands as a client that asks for `host`, within `step_time`, and says QUIT over TLS.
    pub(super) async fn handshake<S>(
        &self,
        stream: S,
        host: &str,
        step_time: Duration,
    ) -> Result<Handshake, HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let inconclusive = |reason: String| HandshakeError::Inconclusive(reason);
        let name = ServerName::try_from(host.to_owned()).map_err(|error| inconclusive(error.to_string()))?;
        let witness = Arc::new(Witness { trust: self.clone(), verified: OnceLock::new() });
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
            Ok(Err(error)) => return Err(judge(&error)),
            Ok(Ok(tls)) => tls,
        };
        let version = match tls.get_ref().1.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => TlsVersion::V1_3,
            Some(rustls::ProtocolVersion::TLSv1_2) => TlsVersion::V1_2,
            other => return Err(inconclusive(format!("TLS handshake: unexpected version {other:?}"))),
        };
        super::smtp::quit(&mut tls).await;
        let verified = witness.verified.get().cloned().unwrap_or_else(|| Err("it showed no certificate".to_owned()));
        Ok(Handshake { version, verified })
    }
}

/// Whether a failed handshake proves that the server's TLS is too old.
fn judge(error: &io::Error) -> HandshakeError {
    use rustls::Error;
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(
            Error::AlertReceived(AlertDescription::ProtocolVersion)
            | Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ),
        ) => HandshakeError::TooOld,
        Some(error) => HandshakeError::Inconclusive(format!("TLS handshake: {error}")),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            HandshakeError::Inconclusive("TLS handshake: connection closed".to_owned())
        }
        None => HandshakeError::Inconclusive(format!("TLS handshake: {error}")),
    }
}

/// Notes whether the chain verifies, and lets the handshake go on either way; checks its signatures always.
#[derive(Debug)]
struct Witness {
    trust: Trust,
    verified: OnceLock<Result<(), String>>,
}

impl Witness {
    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), String> {
        if !matches!(name, ServerName::DnsName(_)) {
            return Err("an address has no name that a certificate could prove".to_owned());
        }
        let verifier = self.trust.verifier.as_ref().ok_or("there are no root certificates to verify it by")?;
        match verifier.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            Ok(_) => Ok(()),
            Err(rustls::Error::InvalidCertificate(error)) => Err(describe(&error)),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.verify(end_entity, intermediates, name, ocsp, now);
        // A handshake shows one certificate; a second call could only come from a bug, and must not improve the first.
        let _ = self.verified.set(verdict);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.trust.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
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
