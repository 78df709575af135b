//! TLS with certificates that the test makes, on both sides.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use serde_json::{Value, json};

use super::http::{Connection, Request, Response};

/// The name in the server's certificate, which is also the host of requests.
const SERVER: &str = "api.example.com";

/// Who issues certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub struct Identity {
    certificate: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        Self(CertifiedIssuer::self_signed(params, key).expect("it signs itself"))
    }

    pub fn issue(&self, name: &str) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a host name");
        // Or else it would carry the authority's name, and seem to be signed by itself.
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.0).expect("an authority signs");
        Identity { certificate: certificate.der().clone(), pem: certificate.pem(), key }
    }

    /// What Envoy's listener needs, to take clients' certificates of this authority. `untrusted`
    /// takes those of any other too.
    pub fn listener(&self, untrusted: bool) -> Value {
        let server = self.issue(SERVER);
        let trust = if untrusted { "ACCEPT_UNTRUSTED" } else { "VERIFY_TRUST_CHAIN" };
        json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {
                    "tls_certificates": [{
                        "certificate_chain": {"inline_string": server.pem},
                        "private_key": {"inline_string": server.key.serialize_pem()},
                    }],
                    "validation_context": {
                        "trusted_ca": {"inline_string": self.0.pem()},
                        "trust_chain_verification": trust,
                    },
                },
            },
        })
    }

    /// How this client connects to servers of this authority. Connections by one configuration
    /// resume each other's sessions.
    pub fn client(&self, identity: Option<&Identity>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("a certificate");
        let builder = ClientConfig::builder_with_provider(default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("it knows its versions")
            .with_root_certificates(roots);
        Arc::new(match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let key = PrivateKeyDer::try_from(identity.key.serialize_der()).expect("a key");
                let chain = vec![identity.certificate.clone()];
                builder.with_client_auth_cert(chain, key).expect("a key for its certificate")
            }
        })
    }
}

impl Identity {
    /// The certificate's SHA-256, as `x5t#S256` has it (RFC 8705 §3.1).
    pub fn thumbprint(&self) -> String {
        BASE64.encode(hmac_sha256::Hash::hash(&self.certificate))
    }

    /// The same in hexadecimal, as headers have it.
    pub fn hex(&self) -> String {
        hmac_sha256::Hash::hash(&self.certificate).map(|byte| format!("{byte:02x}")).concat()
    }
}

/// Sends a request over TLS and reads its answer.
pub fn send(
    addr: SocketAddr,
    client: &Arc<ClientConfig>,
    request: &Request,
) -> io::Result<Response> {
    let name = SERVER.try_into().expect("a host name");
    let connection = ClientConnection::new(Arc::clone(client), name).map_err(io::Error::other)?;
    let stream = StreamOwned::new(connection, TcpStream::connect(addr)?);
    Connection::over(stream).send(request)
}
