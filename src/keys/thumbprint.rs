//! The thumbprint of a key (RFC 7638).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac_sha256::Hash;

use super::{Algorithm, Jwk, KeyMaterial};

impl Jwk {
    /// The SHA-256 of the members that make up the key, in their one order and spelling
    /// (RFC 7638 §3; RFC 8037 §2 for Ed25519).
    pub fn thumbprint(&self) -> [u8; 32] {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Hash::hash(
            match self.material() {
                KeyMaterial::Rsa { n, e } => {
                    format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(e), encode(n))
                }
                KeyMaterial::Ec(point) => {
                    // A prefix byte, then two coordinates of one length.
                    let coordinates = point.get(1..).unwrap_or_default();
                    let (x, y) = coordinates.split_at(coordinates.len() / 2);
                    format!(
                        r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
                        self.curve(),
                        encode(x),
                        encode(y)
                    )
                }
                KeyMaterial::Ed25519(x) => {
                    format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(x))
                }
            }
            .as_bytes(),
        )
    }

    /// The name of an elliptic-curve key's curve, which serves one algorithm only.
    fn curve(&self) -> &'static str {
        let serves = |algorithm| self.algorithms().contains(algorithm);
        match () {
            () if serves(Algorithm::ES384) => "P-384",
            () if serves(Algorithm::ES512) => "P-521",
            () if serves(Algorithm::ES256K) => "secp256k1",
            () => "P-256",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::rfc;

    fn thumbprint(key: &str) -> String {
        let key = Jwk::from_json(&serde_json::from_str(key).unwrap()).unwrap();
        URL_SAFE_NO_PAD.encode(key.thumbprint())
    }

    #[test]
    fn the_thumbprints_that_rfcs_publish_are_found() {
        // RFC 7638 §3.1.
        let key = r#"{"kty": "RSA", "alg": "RS256", "kid": "2011-04-29", "e": "AQAB", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}"#;
        assert_eq!(thumbprint(key), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        // RFC 8037 A.3.
        assert_eq!(thumbprint(rfc::ED25519), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        // RFC 9449 §6.1: the key of its proofs, and the jkt of its token.
        let key = r#"{"kty": "EC", "crv": "P-256", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}"#;
        assert_eq!(thumbprint(key), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    }

    #[test]
    fn each_curve_has_its_own_name() {
        let named = [rfc::P256, rfc::P521].map(|text| {
            let key = serde_json::from_str::<serde_json::Value>(text).unwrap();
            let read = Jwk::from_json(&key).unwrap();
            (read.curve(), key["crv"].as_str().unwrap().to_owned())
        });
        for (found, expected) in named {
            assert_eq!(found, expected);
        }
    }
}
