//! Bound tokens, and the proofs that go with them.

mod binding;
mod nonce;
mod proof;
mod replay;
mod target;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac_sha256::Hash;
use serde_json::{Value, json};

use super::*;
use crate::host::memory::MemoryHost;
use crate::keys::Jwk;
use crate::time::Timestamp;
use crate::token::tests::signer::{Signer, issuer};
use crate::token::{CacheLimits, Issuers, TokenSettings};

const NOW: u64 = 1_700_000_000;
const TOKEN: &str = "header.payload.signature";
const URI: &str = "https://api.example.com/pay";

/// A request with a token and proofs, to be changed by a test.
struct Case {
    settings: DpopSettings,
    scheme: Scheme,
    cnf: Value,
    headers: Vec<(String, Vec<u8>)>,
    certificate: Option<&'static str>,
    host: MemoryHost,
}

impl Case {
    /// A token bound to the key of this thumbprint, without a proof.
    fn bound_to(key: &Signer) -> Self {
        let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let mut host = MemoryHost::new(Headers::default());
        host.now = Timestamp::from_epoch(Duration::from_secs(NOW));
        Self {
            settings: DpopSettings::default(),
            scheme: Scheme::DPoP,
            cnf: json!({"jkt": thumbprint(key)}),
            headers: vec![
                header(":method", "POST"),
                header(":scheme", "https"),
                header(":authority", "api.example.com"),
                header(":path", "/pay?now=1"),
            ],
            certificate: None,
            host,
        }
    }

    fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn check(mut self) -> Result<Option<ProofUse>, PossessionError> {
        if let Some(certificate) = self.certificate {
            let name = "connection.sha256_peer_certificate_digest".to_owned();
            self.host.properties.insert(name, Some(certificate.into()));
        }
        let mut claims = json!({});
        if !self.cnf.is_null() {
            claims["cnf"] = self.cnf;
        }
        let evidence = Evidence::for_test(issuer(&[Signer::es256(9).jwk()]), claims);
        let token =
            Presented { token: TOKEN.as_bytes().into(), scheme: self.scheme, remembered: None };
        let cache = CacheLimits { entries: 0, bytes: 0 };
        let tokens = TokenSettings { places: Vec::new(), forward: true, max_length: 1000, cache };
        let verifier = Verifier::new(Issuers::default(), &tokens, &self.host).unwrap();
        let headers = Headers::new(self.headers);
        let possession = Possession::new(self.settings, &self.host);
        possession.check(&evidence, Some(&token), &headers, &verifier, &self.host)
    }

    fn outcome(self) -> Result<(), PossessionError> {
        self.check().map(|_| ())
    }
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn thumbprint(key: &Signer) -> String {
    base64(&Jwk::from_json(&key.jwk()).unwrap().thumbprint())
}

/// The header and the claims of a good proof by this key.
fn parts(key: &Signer) -> (Value, Value) {
    (
        json!({"typ": "dpop+jwt", "alg": key.algorithm(), "jwk": key.jwk()}),
        json!({
            "jti": "-BwC3ESc6acc2lTc",
            "htm": "POST",
            "htu": URI,
            "iat": NOW,
            "ath": base64(&Hash::hash(TOKEN.as_bytes())),
        }),
    )
}

fn write(key: &Signer, (header, claims): &(Value, Value)) -> String {
    key.token(header.to_string().as_bytes(), claims.to_string().as_bytes())
}

/// A proof whose header and claims are changed before it is signed.
fn proof(key: &Signer, change: impl Fn(&mut Value, &mut Value)) -> String {
    let mut parts = parts(key);
    change(&mut parts.0, &mut parts.1);
    write(key, &parts)
}
