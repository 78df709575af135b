//! Keys that sign for tests, and the public halves of them.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use rsa::rand_core::OsRng;
use rsa::sha2::{Digest as _, Sha256};
use rsa::traits::{PublicKeyParts as _, SignatureScheme as _};
use rsa::{Pkcs1v15Sign, Pss, RsaPrivateKey};
use serde_json::{Value, json};

use crate::keys::{Algorithms, KeySet, KeySource};
use crate::token::Issuer;

pub(crate) fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key that signs.
pub(crate) enum Signer {
    Es256(p256::ecdsa::SigningKey),
    Es512(p521::ecdsa::SigningKey),
    Ed25519(ed25519_compact::KeyPair),
    Rs256,
    Ps256,
    /// Signs nothing: the same bytes each time.
    Nothing,
}

impl Signer {
    /// A key on P-256 that is the same for the same number.
    pub(crate) fn es256(number: u8) -> Self {
        Self::Es256(p256::ecdsa::SigningKey::from_slice(&[number; 32]).unwrap())
    }

    pub(crate) fn es512() -> Self {
        let mut bytes = [7; 66];
        bytes[0] = 0;
        Self::Es512(p521::ecdsa::SigningKey::from_slice(&bytes).unwrap())
    }

    pub(crate) fn ed25519() -> Self {
        Self::Ed25519(ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([7; 32])))
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256(_) | Self::Nothing => "ES256",
            Self::Es512(_) => "ES512",
            Self::Ed25519(_) => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = |crv: &str, point: &[u8]| {
            let (x, y) = point[1..].split_at(point.len() / 2);
            json!({"kty": "EC", "crv": crv, "x": base64(x), "y": base64(y)})
        };
        match self {
            Self::Es256(key) => point("P-256", key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::Es512(key) => point("P-521", key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::Ed25519(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": base64(&*pair.pk)}),
            Self::Rs256 | Self::Ps256 => {
                let key = rsa_key().to_public_key();
                json!({
                    "kty": "RSA",
                    "n": base64(&key.n().to_bytes_be()),
                    "e": base64(&key.e().to_bytes_be()),
                })
            }
            Self::Nothing => json!({}),
        }
    }

    pub(crate) fn sign(&self, text: &[u8]) -> Vec<u8> {
        let rsa = |scheme: &dyn Fn() -> rsa::Result<Vec<u8>>| scheme().unwrap();
        let hash = Sha256::digest(text);
        match self {
            Self::Es256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(text);
                signature.to_bytes().to_vec()
            }
            Self::Es512(key) => {
                let signature: p521::ecdsa::Signature = key.sign(text);
                signature.to_bytes().to_vec()
            }
            Self::Ed25519(pair) => pair.sk.sign(text, None).to_vec(),
            Self::Rs256 => rsa(&|| rsa_key().sign(Pkcs1v15Sign::new::<Sha256>(), &hash)),
            Self::Ps256 => rsa(&|| Pss::new::<Sha256>().sign(Some(&mut OsRng), rsa_key(), &hash)),
            Self::Nothing => vec![7; 64],
        }
    }

    /// A signed token with this header and payload as they are.
    pub(crate) fn token(&self, header: &[u8], payload: &[u8]) -> String {
        let input = format!("{}.{}", base64(header), base64(payload));
        let signature = base64(&self.sign(input.as_bytes()));
        format!("{input}.{signature}")
    }

    /// A signed token with these claims.
    pub(crate) fn token_with(&self, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm()}).to_string();
        self.token(header.as_bytes(), claims.to_string().as_bytes())
    }
}

fn rsa_key() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| RsaPrivateKey::new(&mut OsRng, 2048).unwrap())
}

/// An issuer with these keys that accepts every algorithm.
pub(crate) fn issuer(keys: &[Value]) -> Issuer {
    Issuer {
        name: "https://id.example.com".into(),
        audiences: vec!["https://api.example.com".into(), "api".into()],
        keys: KeySource::Inline(KeySet::from_jwks(&json!({"keys": keys})).unwrap().0.into()),
        algorithms: Algorithms::all(),
        token_types: vec!["at+jwt".into(), "jwt".into()],
        clock_skew: std::time::Duration::from_secs(30),
        auth_time_claim: "auth_time".into(),
    }
}
