//! How the filter shows an authorization server who asks.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::Serializer;
use jwt_simple::prelude::{
    Claims, Duration, ECDSAP256KeyPairLike as _, ES256KeyPair, Ed25519KeyPair,
    EdDSAKeyPairLike as _, JWTClaims, NoCustomClaims, RS256KeyPair, RSAKeyPairLike as _,
    UnixTimeStamp,
};

use crate::config::Mistake;
use crate::host::Host;
use crate::time::Timestamp;
use crate::variable::Variable;

/// The filter as a client of an authorization server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSettings {
    /// Its `client_id`.
    pub id: Box<str>,
    /// How it authenticates.
    pub method: ClientMethod,
}

/// How a client authenticates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMethod {
    /// `client_secret_basic` (RFC 6749 §2.3.1).
    Secret(Variable),
    /// `private_key_jwt` (RFC 7523 §2.2).
    PrivateKeyJwt {
        /// The key, in PEM.
        key: Variable,
        /// What the server takes for itself in `aud`.
        audience: Box<str>,
        /// The key's name.
        kid: Option<Box<str>>,
    },
}

/// A client with its credentials. It is never shown.
pub(super) struct Client {
    id: Box<str>,
    credentials: Credentials,
}

enum Credentials {
    /// The value of the header.
    Basic(Box<str>),
    Key {
        key: Key,
        audience: Box<str>,
    },
}

/// A key that signs. The algorithm is the key's.
enum Key {
    Es256(Box<ES256KeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
    Rs256(Box<RS256KeyPair>),
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(settings: &ClientSettings, host: &dyn Host) -> Result<Self, Mistake> {
        let credentials = match &settings.method {
            ClientMethod::Secret(variable) => {
                Credentials::Basic(basic(&settings.id, &variable.read(host)?).into())
            }
            ClientMethod::PrivateKeyJwt { key: variable, audience, kid } => {
                let key = Key::from_pem(&variable.read(host)?, kid.as_deref());
                let key = key.ok_or_else(|| {
                    variable.mistake(
                        "holds no key that can sign; expected a private key of P-256, Ed25519 or \
                         RSA (2048 to 4096 bits) in PEM, as PKCS #8",
                    )
                })?;
                Credentials::Key { key, audience: audience.clone() }
            }
        };
        Ok(Self { id: settings.id.clone(), credentials })
    }

    /// Puts the credentials into a form, or gives the value of the header that holds them. The
    /// outer `None` means that they cannot be made.
    pub(super) fn authenticate(
        &self,
        form: &mut Serializer<'_, String>,
        now: Timestamp,
    ) -> Option<Option<String>> {
        match &self.credentials {
            Credentials::Basic(value) => Some(Some(value.to_string())),
            Credentials::Key { key, audience } => {
                let assertion = key.sign(assertion(&self.id, audience, now))?;
                form.append_pair(
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                );
                form.append_pair("client_assertion", &assertion);
                Some(None)
            }
        }
    }
}

/// RFC 6749 §2.3.1: both are encoded as in a form first, so that a colon in the name is none.
fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

/// What the assertion says (RFC 7523 §3). Servers refuse one that they saw before, so each call has
/// its own.
fn assertion(id: &str, audience: &str, now: Timestamp) -> JWTClaims<NoCustomClaims> {
    /// Long enough for clocks that differ, too short for one that is found later.
    const SECONDS: u64 = 60;
    let now = now.since_epoch().as_secs();
    let mut claims = Claims::create(Duration::from_secs(SECONDS))
        .with_issuer(id)
        .with_subject(id)
        .with_audience(audience);
    let identifier = claims.create_nonce();
    claims.nonce = None;
    claims.jwt_id = Some(identifier);
    // The proxy's clock counts, not the library's.
    claims.issued_at = Some(UnixTimeStamp::from_secs(now));
    claims.invalid_before = None;
    claims.expires_at = Some(UnixTimeStamp::from_secs(now.saturating_add(SECONDS)));
    claims
}

impl Key {
    fn from_pem(pem: &str, kid: Option<&str>) -> Option<Self> {
        /// The key types differ; what is done with them does not.
        macro_rules! named {
            ($key:expr) => {
                $key.map(|key| {
                    Box::new(match kid {
                        Some(kid) => key.with_key_id(kid),
                        None => key,
                    })
                })
            };
        }
        let pem = pem.trim();
        named!(ES256KeyPair::from_pem(pem))
            .map(Self::Es256)
            .ok()
            .or_else(|| named!(Ed25519KeyPair::from_pem(pem)).map(Self::Ed25519).ok())
            .or_else(|| named!(RS256KeyPair::from_pem(pem)).map(Self::Rs256).ok())
    }

    fn sign(&self, claims: JWTClaims<NoCustomClaims>) -> Option<String> {
        match self {
            Self::Es256(key) => key.sign(claims),
            Self::Ed25519(key) => key.sign(claims),
            Self::Rs256(key) => key.sign(claims),
        }
        .ok()
    }
}
