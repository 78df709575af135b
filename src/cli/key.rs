//! A throw-away key for tests and trials.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::{ECDSAP256KeyPairLike as _, ES256KeyPair, HeaderOptions, JWTClaims};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Map, Value, json};

use super::{Failure, name_of};

/// How the name of every such key starts, so that nobody takes it for more in a log or a key set.
const KID_PREFIX: &str = "throw-away-";
/// The `typ` of access tokens (RFC 9068 §2.1).
const TOKEN_TYPE: &str = "at+jwt";
/// The `typ` of DPoP proofs (RFC 9449 §4.2).
const PROOF_TYPE: &str = "dpop+jwt";

/// An ES256 key pair that signs test tokens, or the proofs of a client. Not for production: it lies in a file, in the open.
pub struct TestKey(ES256KeyPair);

impl TestKey {
    /// A new key, kept nowhere.
    pub fn generate() -> Self {
        let pair = ES256KeyPair::generate();
        let kid = format!("{KID_PREFIX}{}", pair.jwk_thumbprint());
        Self(pair.with_key_id(&kid))
    }

    /// The key in a file (a private JWK), or a new one that is put there; whether it is new.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub fn load_or_create(file: &Path) -> Result<(Self, bool), Failure> {
        match fs::read_to_string(file) {
            Ok(jwk) => Ok((Self::from_jwk(&jwk, file)?, false)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::generate();
                key.write(file).map_err(|error| {
                    Failure::new(format!("{}: cannot be written: {error}", name_of(file)))
                })?;
                Ok((key, true))
            }
            Err(error) => Err(Failure::new(format!("{}: cannot be read: {error}", name_of(file)))),
        }
    }

    /// The key in a file that is there.
    pub(super) fn load(file: &Path) -> Result<Self, Failure> {
        let jwk = fs::read_to_string(file).map_err(|error| {
            Failure::new(format!(
                "{}: cannot be read: {error}; stepup token --bind makes such a file",
                name_of(file)
            ))
        })?;
        Self::from_jwk(&jwk, file)
    }

    /// The key in a file, or a new one. What there is to say about the file is said.
    pub(super) fn open(file: &Path, notes: &mut dyn io::Write) -> Result<Self, Failure> {
        let (key, new) = Self::load_or_create(file)?;
        let name = name_of(file);
        if new {
            writeln!(
                notes,
                "made a throw-away key in {name}; it is for trials: no production gateway may trust it"
            )?;
        } else if let Some(mode) = Self::open_mode(file) {
            writeln!(
                notes,
                "warning: {name} has the mode {mode:o}, so that others can get at the key; expected \
                 600; write: chmod 600 {name}"
            )?;
        }
        Ok(key)
    }

    fn from_jwk(jwk: &str, file: &Path) -> Result<Self, Failure> {
        let pair = ES256KeyPair::from_jwk(jwk.trim()).map_err(|error| {
            Failure::new(format!(
                "{}: is no private ES256 key in JWK form ({error}); name a file that is not there \
                 yet, and a new key is put into it",
                name_of(file)
            ))
        })?;
        let kid = pair.key_id().clone().unwrap_or_else(|| pair.jwk_thumbprint());
        Ok(Self(pair.with_key_id(&kid)))
    }

    /// The mode of the file, where others than its owner can get at it.
    #[cfg(unix)]
    fn open_mode(file: &Path) -> Option<u32> {
        const OTHERS: u32 = 0o077;
        let metadata = fs::metadata(file).ok()?;
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
        (mode & OTHERS != 0).then_some(mode)
    }

    /// Other systems have no modes.
    #[cfg(not(unix))]
    const fn open_mode(_: &Path) -> Option<u32> {
        None
    }

    /// Only the owner can read the file, from the start.
    fn write(&self, file: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        writeln!(options.open(file)?, "{}", self.0.to_jwk())
    }

    /// The public JWK Set (RFC 7517 §5) that an issuer with this key would publish.
    pub fn jwks(&self) -> Value {
        json!({"keys": [self.public_jwk()]})
    }

    fn public_jwk(&self) -> Value {
        // jwt-simple writes JSON.
        serde_json::from_str(&self.0.public_key().to_jwk()).unwrap_or_default()
    }

    /// What a token is bound to this key by (RFC 9449 §6.1).
    pub(super) fn confirmation(&self) -> Value {
        json!({"jkt": self.0.jwk_thumbprint()})
    }

    /// Signs a DPoP proof with exactly these claims. jwt-simple has no header with a key in it.
    pub(super) fn sign_proof(&self, claims: Map<String, Value>) -> Result<String, Failure> {
        let public = self.public_jwk();
        let jwk = ["kty", "crv", "x", "y"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), public.get(name)?.clone())))
            .collect::<Map<_, _>>();
        let header = json!({"typ": PROOF_TYPE, "alg": "ES256", "jwk": jwk});
        let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let content = format!("{}.{}", encode(header), encode(claims.into()));
        let failed = |error| Failure::new(format!("the proof cannot be signed: {error}"));
        let signer = SigningKey::from_slice(&self.0.key_pair().to_bytes()).map_err(failed)?;
        let signature: Signature = signer.try_sign(content.as_bytes()).map_err(failed)?;
        Ok(format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes())))
    }

    /// Signs a token with exactly these claims.
    ///
    /// # Errors
    /// When the claims cannot be written as JSON.
    pub fn sign(&self, claims: Map<String, Value>) -> Result<String, Failure> {
        self.sign_as(claims, Some(TOKEN_TYPE))
    }

    /// The same with another `typ`.
    pub(super) fn sign_as(
        &self,
        claims: Map<String, Value>,
        typ: Option<&str>,
    ) -> Result<String, Failure> {
        let claims = JWTClaims {
            issued_at: None,
            expires_at: None,
            invalid_before: None,
            issuer: None,
            subject: None,
            audiences: None,
            jwt_id: None,
            nonce: None,
            custom: claims,
        };
        let options =
            HeaderOptions { signature_type: typ.map(str::to_owned), ..HeaderOptions::default() };
        self.0
            .sign_with_options(claims, &options)
            .map_err(|error| Failure::new(format!("the token cannot be signed: {error}")))
    }
}
