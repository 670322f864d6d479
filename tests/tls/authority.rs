//! A certificate authority of the test's own, and what it signs.
//!
//! Owns the keys; they are made anew for each test and only the authority's certificate gets to disk.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

/// An authority that no machine knows.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Two authorities of one name would be taken for the same with a broken signature.
    pub(crate) fn new(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key can be made");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("the parameters are complete");
        Authority { issuer }
    }

    /// Writes the authority's certificate, for SSL_CERT_FILE.
    pub(crate) fn write(&self, path: &Path) {
        std::fs::write(path, self.issuer.pem()).expect("the folder can be written");
    }

    /// What a server on `localhost` needs that speaks only `protocol` (a name of ALPN, RFC 7301).
    pub(crate) fn server(&self, protocol: &str) -> ServerConfig {
        let key = KeyPair::generate().expect("a key can be made");
        let params = CertificateParams::new(["localhost".to_owned()]).expect("this is a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("the parameters are complete");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("this is a key");
        // An error says that it was done before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.into()], key)
            .expect("key and certificate belong together");
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        config
    }
}
