//! Tls: the server's certificate and key as what encrypts its connections.

use crate::listen::Error;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, version};

/// The files' bytes. Neither is ever shown.
pub struct Keys {
    /// Certificates, PEM, the server's own first.
    pub certificates: Vec<u8>,
    /// Its private key, PEM.
    pub key: Vec<u8>,
}

/// Encrypts with HTTP/2 and HTTP/1.1 on offer.
///
/// # Errors
/// Files that hold no certificate or key, or two that do not belong together.
pub fn acceptor(keys: &Keys) -> Result<TlsAcceptor, Error> {
    let wrong = |what: &str, why: &dyn std::fmt::Display| Error::Tls(format!("{what}: {why}"));
    let certificates: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&keys.certificates)
            .collect::<Result<_, _>>()
            .map_err(|error| wrong("cert_file", &error))?;
    if certificates.is_empty() {
        return Err(wrong("cert_file", &"it holds no certificate"));
    }
    let key =
        PrivateKeyDer::from_pem_slice(&keys.key).map_err(|error| wrong("key_file", &error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(|error| wrong("versions", &error))?;
    let mut config = config
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| wrong("cert_file and key_file", &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
