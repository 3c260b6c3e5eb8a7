//! Who is believed to be the server, where TLS is spoken.
//!
//! Without a file of certificates the operating system decides, as for a browser. With one, only it counts: the server's certificate
//! is one of the file (then nothing else about it matters, as with a host key of SSH) or is signed by one of it.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use fs_err as fs;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, SupportedProtocolVersion};

/// A file of certificates that is longer is none.
const MAX_CERTIFICATE_FILE_BYTES: u64 = 1024 * 1024;

/// A configuration for each set of versions of TLS, all of which believe the same servers. The text of an error says what is wrong with
/// the file.
pub(super) fn configs(
    certificates: Option<&Path>,
    versions: &[&[&'static SupportedProtocolVersion]],
) -> Result<Vec<Arc<ClientConfig>>, String> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match certificates {
        Some(file) => Arc::new(Pinned::read(file, &provider)?),
        None => {
            let system = rustls_platform_verifier::Verifier::new(provider.clone());
            Arc::new(system.map_err(|error| format!("the certificates of this machine cannot be read: {error}"))?)
        }
    };
    let config = |versions: &&[&'static SupportedProtocolVersion]| {
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions);
        // Only called dangerous: both verifiers check.
        let builder = builder.map_err(|error| error.to_string())?.dangerous();
        Ok(Arc::new(builder.with_custom_certificate_verifier(verifier.clone()).with_no_client_auth()))
    };
    versions.iter().map(config).collect()
}

/// Believes the certificates of a file and what they signed.
#[derive(Debug)]
struct Pinned {
    certificates: Vec<CertificateDer<'static>>,
    /// None where no certificate of the file can sign others.
    signed: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    fn read(file: &Path, provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        let mut pem = Vec::new();
        let open = fs::File::open(file).map_err(|error| error.to_string())?;
        open.take(MAX_CERTIFICATE_FILE_BYTES).read_to_end(&mut pem).map_err(|error| error.to_string())?;
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let certificates = found.map_err(|error| format!("`{}` cannot be read as certificates (PEM): {error}", file.display()))?;
        if certificates.is_empty() {
            return Err(format!("`{}` holds no certificate (PEM)", file.display()));
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().cloned());
        let signed = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().ok();
        Ok(Self { certificates, signed, provider: provider.clone() })
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.certificates.contains(end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        let unknown = || Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let signed = self.signed.as_ref().ok_or_else(unknown)?;
        signed.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_file_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.pem");
        let said = || configs(Some(&path), &[]).unwrap_err();
        assert!(said().contains("server.pem`"), "{}", said());
        std::fs::write(&path, "no certificate").unwrap();
        assert!(said().contains("server.pem` holds no certificate (PEM)"), "{}", said());
    }
}
