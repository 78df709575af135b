//! `stepup proof`: DPoP proofs (RFC 9449 §4) for tokens of `stepup token --bind`.

use std::io::Write;
use std::path::PathBuf;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac_sha256::Hash;
use serde_json::{Value, json};

use super::Failure;
use super::key::TestKey;
use crate::remote::Endpoint;
use crate::time::Timestamp;

const EXAMPLES: &str = "\
Each proof is good once, for a minute. Examples:
  TOKEN=$(stepup token --key test.jwk --bind client.jwk)
                                            a token for whoever has the key client.jwk
  PROOF=$(stepup proof --key client.jwk --uri http://127.0.0.1:10000/accounts/7 --token $TOKEN)
  curl -i -H \"Authorization: DPoP $TOKEN\" -H \"DPoP: $PROOF\" http://127.0.0.1:10000/accounts/7
                                            a request with both
  stepup proof --key client.jwk --method POST --uri ... --token $TOKEN --nonce $NONCE
                                            for a POST, with the DPoP-Nonce of a challenge";

/// How many random bytes name a proof. RFC 9449 §4.2 asks for 12 at least.
const JTI_BYTES: usize = 16;

/// Make DPoP proofs with the key that a test token is bound to
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ProofArguments {
    /// The client's private key, a JWK; stepup token --bind makes it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,

    #[command(flatten)]
    proof: TestProof,
}

/// What a proof says.
#[derive(Clone, Debug, clap::Args)]
struct TestProof {
    /// The claim htm: the method of the request
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    method: String,

    /// The claim htu: the URL of the request as the client sees it; query and fragment are cut off
    #[arg(long, value_name = "URL", value_parser = target)]
    uri: String,

    /// The token that the proof goes with, whose hash becomes the claim ath
    #[arg(long)]
    token: Option<String>,

    /// The claim nonce: what a challenge gave as DPoP-Nonce
    #[arg(long)]
    nonce: Option<String>,
}

/// RFC 9449 §4.2: without query and fragment.
fn target(text: &str) -> Result<String, String> {
    let target = text.split(['?', '#']).next().unwrap_or_default();
    if Endpoint::from_url(target).is_err() {
        return Err("expected a whole URL such as https://api.example.com/accounts/7".to_owned());
    }
    Ok(target.to_owned())
}

impl TestProof {
    fn sign(&self, key: &TestKey, now: SystemTime) -> Result<String, Failure> {
        let mut jti = [0; JTI_BYTES];
        getrandom::fill(&mut jti)
            .map_err(|error| Failure::new(format!("no random bytes are to be had: {error}")))?;
        let hash = |token: &String| URL_SAFE_NO_PAD.encode(Hash::hash(token.as_bytes()));
        let claims = [
            ("jti", Some(json!(URL_SAFE_NO_PAD.encode(jti)))),
            ("htm", Some(json!(self.method))),
            ("htu", Some(json!(self.uri))),
            ("iat", Some(json!(Timestamp::from(now).since_epoch().as_secs()))),
            ("ath", self.token.as_ref().map(hash).map(Value::from)),
            ("nonce", self.nonce.clone().map(Value::from)),
        ];
        let claims = claims.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        key.sign_proof(claims.collect())
    }
}

pub(super) fn run(arguments: &ProofArguments, out: &mut dyn Write) -> Result<u8, Failure> {
    let key = TestKey::load(&arguments.key)?;
    writeln!(out, "{}", arguments.proof.sign(&key, SystemTime::now())?)?;
    Ok(0)
}

#[cfg(test)]
mod tests;
