//! One JSON Web Key (RFC 7517), read into what a verification needs.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use der::Encode as _;
use der::asn1::{BitStringRef, ObjectIdentifier};
use jwt_simple::prelude::{
    ES256PublicKey, ES256kPublicKey, ES384PublicKey, Ed25519PublicKey, RS256PublicKey,
};
use serde_json::Value;
use spki::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::{Algorithm, Algorithms};

/// Members that only a private or a symmetric key has.
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public key for signatures.
#[derive(Debug)]
pub struct Jwk {
    kid: Option<Box<str>>,
    algorithms: Algorithms,
    material: KeyMaterial,
    spki: Box<[u8]>,
}

/// The key itself, in the form in which `jwt-simple` takes it.
#[derive(Debug)]
pub enum KeyMaterial {
    /// Modulus and exponent, big-endian.
    Rsa {
        /// The modulus.
        n: Box<[u8]>,
        /// The exponent.
        e: Box<[u8]>,
    },
    /// A point on an elliptic curve, uncompressed (SEC 1 §2.3.3).
    Ec(Box<[u8]>),
    /// An Ed25519 public key.
    Ed25519(Box<[u8]>),
}

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// It is not an object.
    NotAnObject,
    /// A member that has to be a string is missing or something else.
    Member(&'static str),
    /// A member is not strict base64url (RFC 7515 §2).
    NotBase64Url(&'static str),
    /// It is a private or symmetric key. Publishing one is an accident to act on.
    Secret(&'static str),
    /// `kty` names no key type that is supported.
    UnknownType(String),
    /// `crv` names no curve that is supported for the key type.
    UnknownCurve(String),
    /// `alg` does not go with the key type and curve, which these go with.
    WrongAlgorithm(String, Algorithms),
    /// `use` is not `sig`.
    NotForSignatures(String),
    /// `key_ops` does not hold `verify`.
    NotForVerification,
    /// The key material is not a key: not on the curve, wrong length, a weak or unusual RSA key.
    BadMaterial(&'static str),
}

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => f.write_str("is not an object"),
            Self::Member(name) => write!(f, "needs the member {name:?} as a string"),
            Self::NotBase64Url(name) => {
                write!(f, "has a member {name:?} that is not base64url without padding")
            }
            Self::Secret(name) => write!(
                f,
                "holds the secret member {name:?}; only public keys belong here, and this one is no longer secret"
            ),
            Self::UnknownType(kty) => {
                write!(f, "has the key type {kty:?}; expected RSA, EC or OKP")
            }
            Self::UnknownCurve(crv) => write!(
                f,
                "has the curve {crv:?}; expected P-256, P-384, P-521 or secp256k1 for EC, Ed25519 for OKP"
            ),
            Self::WrongAlgorithm(alg, suited) => write!(
                f,
                "has the algorithm {alg:?}, which does not go with its key type; expected {}{suited}",
                if suited.iter().nth(1).is_some() { "one of " } else { "" }
            ),
            Self::NotForSignatures(usage) => {
                write!(f, "is not for signatures: its use is {usage:?}; expected \"sig\"")
            }
            Self::NotForVerification => {
                f.write_str("is not for verification: its key_ops lack \"verify\"")
            }
            Self::BadMaterial(what) => write!(f, "is not a usable key: expected {what}"),
        }
    }
}

/// What the members of an elliptic-curve key have to look like.
struct Curve {
    algorithm: Algorithm,
    /// Length of a coordinate in bytes.
    coordinate: usize,
}

impl Curve {
    fn named(name: &str) -> Option<Self> {
        let (algorithm, coordinate) = match name {
            "P-256" => (Algorithm::ES256, 32),
            "P-384" => (Algorithm::ES384, 48),
            "P-521" => (Algorithm::ES512, 66),
            "secp256k1" => (Algorithm::ES256K, 32),
            _ => return None,
        };
        Some(Self { algorithm, coordinate })
    }
}

impl Jwk {
    /// Reads a key.
    ///
    /// RSA keys have 2048 to 4096 bits and the exponent 65537, so that every engine takes the same
    /// keys (RFC 7518 §3.3 asks for 2048 at least).
    ///
    /// # Errors
    /// When it is no public key for signatures that this filter can use.
    pub fn from_json(key: &Value) -> Result<Self, KeyProblem> {
        let members = key.as_object().ok_or(KeyProblem::NotAnObject)?;
        if let Some(name) = SECRET_MEMBERS.into_iter().find(|name| members.contains_key(*name)) {
            return Err(KeyProblem::Secret(name));
        }
        match members.get("use") {
            None => {}
            Some(Value::String(usage)) if usage == "sig" => {}
            Some(usage) => return Err(KeyProblem::NotForSignatures(plain(usage))),
        }
        if let Some(operations) = members.get("key_ops") {
            let verifies = operations
                .as_array()
                .is_some_and(|list| list.iter().any(|operation| operation == "verify"));
            if !verifies {
                return Err(KeyProblem::NotForVerification);
            }
        }
        let kid = match members.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.as_str().into()),
            Some(_) => return Err(KeyProblem::Member("kid")),
        };
        let (suited, material, spki) = match string(key, "kty")? {
            "RSA" => rsa(key)?,
            "EC" => ec(key)?,
            "OKP" => okp(key)?,
            other => return Err(KeyProblem::UnknownType(other.to_owned())),
        };
        let algorithms = match members.get("alg") {
            None => suited,
            Some(Value::String(name)) => Algorithm::from_name(name)
                .filter(|algorithm| suited.contains(*algorithm))
                .map(|algorithm| Algorithms::from_iter([algorithm]))
                .ok_or_else(|| KeyProblem::WrongAlgorithm(name.clone(), suited))?,
            Some(other) => return Err(KeyProblem::WrongAlgorithm(plain(other), suited)),
        };
        Ok(Self { kid, algorithms, material, spki: spki.into() })
    }

    /// Its name within the set (RFC 7517 §4.5).
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithms that it serves: the one that it names, or all that its type allows.
    pub const fn algorithms(&self) -> Algorithms {
        self.algorithms
    }

    /// The key itself.
    pub const fn material(&self) -> &KeyMaterial {
        &self.material
    }

    /// The key as a DER `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }
}

type Parts = (Algorithms, KeyMaterial, Vec<u8>);

fn rsa(key: &Value) -> Result<Parts, KeyProblem> {
    const EXPECTED: &str = "an RSA key of 2048 to 4096 bits with the exponent 65537";
    let (n, e) = (bytes(key, "n")?, bytes(key, "e")?);
    let spki = RS256PublicKey::from_components(&n, &e)
        .and_then(|key| key.to_der())
        .map_err(|_| KeyProblem::BadMaterial(EXPECTED))?;
    let algorithms = [
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
    ];
    Ok((algorithms.into_iter().collect(), KeyMaterial::Rsa { n: n.into(), e: e.into() }, spki))
}

fn ec(key: &Value) -> Result<Parts, KeyProblem> {
    const EXPECTED: &str = "a point on the curve, each coordinate in full length";
    const BAD: KeyProblem = KeyProblem::BadMaterial(EXPECTED);
    /// The prefix of an uncompressed point (SEC 1 §2.3.3).
    const UNCOMPRESSED: u8 = 4;
    let name = string(key, "crv")?;
    let curve = Curve::named(name).ok_or_else(|| KeyProblem::UnknownCurve(name.to_owned()))?;
    let (x, y) = (bytes(key, "x")?, bytes(key, "y")?);
    if x.len() != curve.coordinate || y.len() != curve.coordinate {
        return Err(BAD);
    }
    let point = [&[UNCOMPRESSED], x.as_slice(), y.as_slice()].concat();
    let spki = match curve.algorithm {
        Algorithm::ES256 => ES256PublicKey::from_bytes(&point).and_then(|key| key.to_der()),
        Algorithm::ES384 => ES384PublicKey::from_bytes(&point).and_then(|key| key.to_der()),
        Algorithm::ES256K => ES256kPublicKey::from_bytes(&point).and_then(|key| key.to_der()),
        // Only the proxy verifies with P-521, and it takes no signature by a point that is not on the
        // curve. To find that out here would take the curve into the module, for a key that an
        // issuer would have to get wrong.
        _ => p521_spki(&point).map_err(Into::into),
    };
    let spki = spki.map_err(|_| BAD)?;
    Ok((Algorithms::from_iter([curve.algorithm]), KeyMaterial::Ec(point.into()), spki))
}

fn p521_spki(point: &[u8]) -> der::Result<Vec<u8>> {
    /// `id-ecPublicKey` (RFC 5480 §2.1.1).
    const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
    /// `secp521r1` (RFC 5480 §2.1.1.1).
    const SECP521R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
    SubjectPublicKeyInfo {
        algorithm: AlgorithmIdentifier { oid: EC_PUBLIC_KEY, parameters: Some(SECP521R1) },
        subject_public_key: BitStringRef::from_bytes(point)?,
    }
    .to_der()
}

fn okp(key: &Value) -> Result<Parts, KeyProblem> {
    const EXPECTED: &str = "an Ed25519 public key of 32 bytes";
    match string(key, "crv")? {
        "Ed25519" => {}
        other => return Err(KeyProblem::UnknownCurve(other.to_owned())),
    }
    let x = bytes(key, "x")?;
    let spki =
        Ed25519PublicKey::from_bytes(&x).map_err(|_| KeyProblem::BadMaterial(EXPECTED))?.to_der();
    Ok((Algorithms::from_iter([Algorithm::EdDSA]), KeyMaterial::Ed25519(x.into()), spki))
}

fn string<'k>(key: &'k Value, name: &'static str) -> Result<&'k str, KeyProblem> {
    key.get(name).and_then(Value::as_str).ok_or(KeyProblem::Member(name))
}

fn bytes(key: &Value, name: &'static str) -> Result<Vec<u8>, KeyProblem> {
    URL_SAFE_NO_PAD.decode(string(key, name)?).map_err(|_| KeyProblem::NotBase64Url(name))
}

/// A value for a message: a string without its quotes, anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
