//! Signing keys and tokens, well-formed or not.
//!
//! jwt-simple signs only its own claims, so the crates below it sign here: the header and the
//! payload are any text that a test comes up with.

use std::sync::OnceLock;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use p521::ecdsa::signature::Signer as _;
use rsa::{
    Pkcs1v15Sign, Pss, RsaPrivateKey,
    pkcs8::{EncodePublicKey as _, LineEnding},
    rand_core::{CryptoRng, CryptoRngCore, Error, OsRng, RngCore, impls},
    sha2::{Digest as _, Sha256, Sha384, Sha512},
    traits::{PublicKeyParts as _, SignatureScheme},
};
use serde_json::{Value, json};

use super::Claims;

/// A JOSE signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    Es256k,
    EdDsa,
    Hs256,
}

impl Algorithm {
    pub const ASYMMETRIC: [Self; 11] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Es256k,
        Self::EdDsa,
    ];

    /// The name in a token's `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Es256k => "ES256K",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }
}

#[derive(Clone)]
enum Secret {
    Rsa(&'static RsaPrivateKey),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
    K256(k256::ecdsa::SigningKey),
    Ed25519(ed25519_compact::KeyPair),
    Hmac([u8; 32]),
}

/// A key pair, made by the test that uses it.
#[derive(Clone)]
pub struct SigningKey {
    algorithm: Algorithm,
    kid: String,
    secret: Secret,
}

impl SigningKey {
    /// A new key. All RSA keys of a process are one, as making one takes long: see
    /// [`Self::stranger`] for another.
    pub fn generate(algorithm: Algorithm, kid: &str) -> Self {
        static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
        Self::with_rsa(algorithm, kid, &KEY, &mut OsRng)
    }

    /// A key that is never the same as one of [`Self::generate`].
    pub fn stranger(algorithm: Algorithm, kid: &str) -> Self {
        static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
        Self::with_rsa(algorithm, kid, &KEY, &mut OsRng)
    }

    /// The same key in every run, for what has to be repeatable to the byte. It is no secret.
    pub fn repeatable(algorithm: Algorithm, kid: &str) -> Self {
        static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
        Self::with_rsa(algorithm, kid, &KEY, &mut Sequence(0))
    }

    /// An RSA key that is too short to be trusted.
    pub fn weak_rsa(kid: &str) -> Self {
        static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
        Self {
            algorithm: Algorithm::Rs256,
            kid: kid.to_owned(),
            secret: Secret::Rsa(KEY.get_or_init(|| rsa_key(1024, &mut OsRng))),
        }
    }

    fn with_rsa(
        algorithm: Algorithm,
        kid: &str,
        rsa: &'static OnceLock<RsaPrivateKey>,
        rng: &mut impl CryptoRngCore,
    ) -> Self {
        let secret = match algorithm {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => Secret::Rsa(rsa.get_or_init(|| rsa_key(2048, rng))),
            Algorithm::Es256 => Secret::P256(scalar::<32, _>(rng, |raw| {
                p256::ecdsa::SigningKey::from_slice(raw).ok()
            })),
            Algorithm::Es384 => Secret::P384(scalar::<48, _>(rng, |raw| {
                p384::ecdsa::SigningKey::from_slice(raw).ok()
            })),
            Algorithm::Es512 => Secret::P521(scalar::<66, _>(rng, |raw| {
                // The order has 521 bits: the first byte may hold only one.
                raw[0] &= 1;
                p521::ecdsa::SigningKey::from_slice(raw).ok()
            })),
            Algorithm::Es256k => Secret::K256(scalar::<32, _>(rng, |raw| {
                k256::ecdsa::SigningKey::from_slice(raw).ok()
            })),
            Algorithm::EdDsa => {
                let seed = ed25519_compact::Seed::new(random(rng));
                Secret::Ed25519(ed25519_compact::KeyPair::from_seed(seed))
            }
            Algorithm::Hs256 => Secret::Hmac(random(rng)),
        };
        Self { algorithm, kid: kid.to_owned(), secret }
    }

    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The same key under another algorithm's name, where the kind of key allows it.
    #[must_use]
    pub fn with_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The key as a JWKS carries it, with `kid`, `alg` and `use`. For HS256 that is the secret.
    pub fn public_jwk(&self) -> Value {
        let mut jwk = match &self.secret {
            Secret::Rsa(key) => json!({
                "kty": "RSA",
                "n": BASE64.encode(key.n().to_bytes_be()),
                "e": BASE64.encode(key.e().to_bytes_be()),
            }),
            Secret::P256(key) => {
                curve("P-256", key.verifying_key().to_sec1_point(false).as_bytes())
            }
            Secret::P384(key) => {
                curve("P-384", key.verifying_key().to_sec1_point(false).as_bytes())
            }
            Secret::P521(key) => {
                curve("P-521", key.verifying_key().to_sec1_point(false).as_bytes())
            }
            Secret::K256(key) => {
                curve("secp256k1", key.verifying_key().to_sec1_point(false).as_bytes())
            }
            Secret::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(*key.pk)})
            }
            Secret::Hmac(key) => json!({"kty": "oct", "k": BASE64.encode(key)}),
        };
        jwk["kid"] = json!(self.kid);
        jwk["alg"] = json!(self.algorithm.name());
        jwk["use"] = json!("sig");
        jwk
    }

    /// The RSA public key as PEM, which a naive verifier takes for an HMAC secret.
    pub fn rsa_public_pem(&self) -> String {
        let Secret::Rsa(key) = &self.secret else {
            panic!("{} is not an RSA algorithm", self.algorithm.name());
        };
        key.to_public_key().to_public_key_pem(LineEnding::LF).expect("an RSA key has a PEM form")
    }

    /// The header of an access token that this key signs.
    pub fn header(&self) -> Value {
        json!({"alg": self.algorithm.name(), "typ": "at+jwt", "kid": self.kid})
    }

    /// A well-formed token with these claims.
    pub fn token(&self, claims: Claims) -> String {
        self.sign(&self.header(), &claims.build())
    }

    /// A token with any header and payload. The header does not choose how it is signed.
    pub fn sign(&self, header: &Value, payload: &Value) -> String {
        self.sign_raw(&header.to_string(), &payload.to_string())
    }

    /// As [`Self::sign`], over text that need not be JSON.
    pub fn sign_raw(&self, header: &str, payload: &str) -> String {
        let text = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
        let signature = BASE64.encode(self.signature(text.as_bytes()));
        format!("{text}.{signature}")
    }

    /// The signature as JOSE wants it: for the ECDSA algorithms r‖s.
    pub fn signature(&self, text: &[u8]) -> Vec<u8> {
        match &self.secret {
            Secret::Rsa(key) => rsa_signature(key, self.algorithm, text),
            Secret::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(text);
                signature.to_bytes().to_vec()
            }
            Secret::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(text);
                signature.to_bytes().to_vec()
            }
            Secret::P521(key) => {
                let signature: p521::ecdsa::Signature = key.sign(text);
                signature.to_bytes().to_vec()
            }
            Secret::K256(key) => {
                let signature: k256::ecdsa::Signature = key.sign(text);
                signature.to_bytes().to_vec()
            }
            Secret::Ed25519(key) => key.sk.sign(text, None).to_vec(),
            Secret::Hmac(key) => hmac_sha256::HMAC::mac(text, key).to_vec(),
        }
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "SigningKey({}, {:?})", self.algorithm.name(), self.kid)
    }
}

/// A JWKS of these keys.
pub fn jwks<'keys>(keys: impl IntoIterator<Item = &'keys SigningKey>) -> Value {
    let keys: Vec<_> = keys.into_iter().map(SigningKey::public_jwk).collect();
    json!({"keys": keys})
}

/// An HS256 token with any secret, such as a public key.
pub fn hs256_sign(secret: &[u8], header: &Value, payload: &Value) -> String {
    let (header, payload) = (header.to_string(), payload.to_string());
    let text = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
    let signature = BASE64.encode(hmac_sha256::HMAC::mac(text.as_bytes(), secret));
    format!("{text}.{signature}")
}

/// A token without a signature, as `alg: none` has it.
pub fn unsigned(header: &Value, payload: &Value) -> String {
    let (header, payload) = (header.to_string(), payload.to_string());
    format!("{}.{}.", BASE64.encode(header), BASE64.encode(payload))
}

/// The same token with one bit of its signature flipped, still well encoded.
pub fn forge(token: &str) -> String {
    let (text, signature) = token.rsplit_once('.').expect("a token has parts");
    let mut bytes = BASE64.decode(signature).expect("the signature is base64url");
    // Within the first half, away from its ends: no number grows beyond its range.
    let place = bytes.len() / 4;
    bytes[place] ^= 1;
    format!("{text}.{}", BASE64.encode(bytes))
}

fn rsa_key(bits: usize, rng: &mut impl CryptoRngCore) -> RsaPrivateKey {
    RsaPrivateKey::new(rng, bits).expect("an RSA key can be made")
}

fn rsa_signature(key: &RsaPrivateKey, algorithm: Algorithm, text: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Rs256 => rsa_sign(key, Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(text)),
        Algorithm::Rs384 => rsa_sign(key, Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(text)),
        Algorithm::Rs512 => rsa_sign(key, Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(text)),
        Algorithm::Ps256 => rsa_sign(key, Pss::new::<Sha256>(), &Sha256::digest(text)),
        Algorithm::Ps384 => rsa_sign(key, Pss::new::<Sha384>(), &Sha384::digest(text)),
        Algorithm::Ps512 => rsa_sign(key, Pss::new::<Sha512>(), &Sha512::digest(text)),
        other => panic!("{} is not an RSA algorithm", other.name()),
    }
}

fn rsa_sign(key: &RsaPrivateKey, scheme: impl SignatureScheme, digest: &[u8]) -> Vec<u8> {
    key.sign_with_rng(&mut OsRng, scheme, digest).expect("the key is long enough")
}

/// The JWK of an uncompressed point: 4, x, y.
fn curve(name: &str, point: &[u8]) -> Value {
    let (x, y) = point[1..].split_at(point.len() / 2);
    json!({"kty": "EC", "crv": name, "x": BASE64.encode(x), "y": BASE64.encode(y)})
}

/// Draws until a scalar is in range; the first draw nearly always is.
fn scalar<const LENGTH: usize, Key>(
    rng: &mut impl CryptoRngCore,
    make: impl Fn(&mut [u8; LENGTH]) -> Option<Key>,
) -> Key {
    loop {
        if let Some(key) = make(&mut random(rng)) {
            return key;
        }
    }
}

fn random<const LENGTH: usize>(rng: &mut impl CryptoRngCore) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Numbers that look random and are the same in every run (`SplitMix64`).
struct Sequence(u64);

impl RngCore for Sequence {
    fn next_u32(&mut self) -> u32 {
        impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        impls::fill_bytes_via_next(self, bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

// For tests only: the keys that come of it are public.
impl CryptoRng for Sequence {}
