//! Envoy's foreign function `verify_signature`, answered truthfully.

use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use spki::der::Decode as _;
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// `envoy.source.extensions.common.wasm.VerifySignatureArguments`.
#[derive(Clone, PartialEq, prost::Message)]
struct Arguments {
    #[prost(string, tag = "1")]
    hash_function: String,
    #[prost(bytes = "vec", tag = "2")]
    public_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    signature: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    text: Vec<u8>,
}

/// `envoy.source.extensions.common.wasm.VerifySignatureResult`.
#[derive(Clone, PartialEq, prost::Message)]
struct Answer {
    #[prost(bool, tag = "1")]
    result: bool,
    #[prost(string, tag = "2")]
    error: String,
}

/// The answer to encoded arguments.
pub fn answer(arguments: &[u8]) -> Vec<u8> {
    let arguments: Arguments = prost::Message::decode(arguments).expect("arguments in protobuf");
    let result = is_good(&arguments) == Some(true);
    prost::Message::encode_to_vec(&Answer { result, error: String::new() })
}

/// `None` for a key or a hash that is not offered here. `ring` has no P-521, so ES512 is not.
fn is_good(arguments: &Arguments) -> Option<bool> {
    let key = SubjectPublicKeyInfoRef::from_der(&arguments.public_key).ok()?;
    let curve = key.algorithm.parameters_oid().ok();
    let hash = arguments.hash_function.as_str();
    let algorithm: &dyn VerificationAlgorithm = match (key.algorithm.oid, curve, hash) {
        (RSA, _, "sha256") => &signature::RSA_PKCS1_2048_8192_SHA256,
        (RSA, _, "sha384") => &signature::RSA_PKCS1_2048_8192_SHA384,
        (RSA, _, "sha512") => &signature::RSA_PKCS1_2048_8192_SHA512,
        (_, Some(P256), "sha256") => &signature::ECDSA_P256_SHA256_ASN1,
        (_, Some(P384), "sha384") => &signature::ECDSA_P384_SHA384_ASN1,
        _ => return None,
    };
    let key = UnparsedPublicKey::new(algorithm, key.subject_public_key.as_bytes()?);
    Some(key.verify(&arguments.text, &arguments.signature).is_ok())
}
