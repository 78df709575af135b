//! The one algorithm that the filter leaves to the proxy's cryptography: ES512.
//!
//! Envoy checks it with BoringSSL. With this in its place, the filter takes and offers the same
//! algorithms here as there.

use std::sync::{Mutex, PoisonError};

use der::Decode as _;
use p521::ecdsa::signature::Verifier as _;
use p521::ecdsa::{Signature, VerifyingKey};
use prost::Message;

use crate::host::NotOffered;

/// The function's name in Envoy.
const FUNCTION: &str = "verify_signature";

/// Its arguments (`envoy.source.extensions.common.wasm.VerifySignatureArguments`).
#[derive(Clone, PartialEq, Message)]
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

/// Its answer.
#[derive(Clone, PartialEq, Message)]
struct Answer {
    #[prost(bool, tag = "1")]
    result: bool,
}

/// Answers calls about P-521, and no others.
pub(super) fn verify(name: &str, arguments: &[u8]) -> Result<Vec<u8>, NotOffered> {
    let arguments = Arguments::decode(arguments).map_err(|_| NotOffered)?;
    let is_ours = name == FUNCTION && arguments.hash_function == "sha512";
    let key = spki::SubjectPublicKeyInfoRef::from_der(&arguments.public_key).ok();
    let point = key.filter(|_| is_ours).and_then(|key| key.subject_public_key.as_bytes());
    // The others are checked by the filter itself.
    let point = point.filter(|point| point.len() == 133).ok_or(NotOffered)?;
    let result = remembered(&arguments, || is_good(point, &arguments));
    Ok(Answer { result }.encode_to_vec())
}

/// Each filter asks first about the same two signatures, to find out what the proxy can do. They are
/// checked once for all of them.
fn remembered(arguments: &Arguments, check: impl FnOnce() -> bool) -> bool {
    static FIRST: Mutex<Vec<(Arguments, bool)>> = Mutex::new(Vec::new());
    const MOST: usize = 2;
    let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, result)) = first.iter().find(|(asked, _)| asked == arguments) {
        return *result;
    }
    let result = check();
    if first.len() < MOST {
        first.push((arguments.clone(), result));
    }
    result
}

fn is_good(point: &[u8], arguments: &Arguments) -> bool {
    let key = VerifyingKey::from_sec1_bytes(point).ok();
    let signature = Signature::from_der(&arguments.signature).ok();
    key.zip(signature)
        .is_some_and(|(key, signature)| key.verify(&arguments.text, &signature).is_ok())
}
