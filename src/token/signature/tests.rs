//! Which engine checks a signature, and what it is asked.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use prost::Message;
use serde_json::json;

use super::super::tests::signer::{Signer, base64, issuer};
use super::*;
use crate::host::memory::MemoryHost;
use crate::keys::KeySet;
use crate::request::Headers;
use crate::time::Timestamp;
use crate::token::tests::verify;
use crate::token::{Issuers, TokenError};

/// What a proxy is asked (`envoy.source.extensions.common.wasm.VerifySignatureArguments`), as its own reader
/// of protobuf takes it.
#[derive(Clone, PartialEq, Message)]
struct Asked {
    #[prost(string, tag = "1")]
    hash_function: String,
    #[prost(bytes = "vec", tag = "2")]
    public_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    signature: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    text: Vec<u8>,
}

/// How a proxy answers to `verify_signature`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answers {
    Truly,
    TrulyForRsaOnly,
    NotOffered,
    Empty,
    Garbage,
    Always(bool),
    /// The opposite of the truth.
    Lies,
    /// As Envoy answers what it cannot read.
    Error,
}

/// A proxy with this one foreign function.
struct Proxy {
    host: MemoryHost,
    answers: Rc<Cell<Answers>>,
    asked: Rc<RefCell<Vec<Asked>>>,
}

impl Proxy {
    fn new(answers: Answers) -> Self {
        let answers = Rc::new(Cell::new(answers));
        let asked = Rc::new(RefCell::<Vec<Asked>>::default());
        let mut host = MemoryHost::new(Headers::default()).with_foreign_functions({
            let (answers, asked) = (Rc::clone(&answers), Rc::clone(&asked));
            move |name, arguments| {
                assert_eq!(name, "verify_signature");
                let arguments = Asked::decode(arguments).unwrap();
                let answer = answers.get().to(&arguments);
                RefCell::borrow_mut(&asked).push(arguments);
                answer
            }
        });
        host.now = Timestamp::from_epoch(std::time::Duration::from_secs(1_700_000_000));
        Self { host, answers, asked }
    }
}

impl Answers {
    fn to(self, arguments: &Asked) -> Result<Vec<u8>, NotOffered> {
        let answer =
            |result, error: &str| Ok(Answer { result, error: error.into() }.encode_to_vec());
        let is_rsa = arguments.public_key.len() > 256;
        let truth = is_true(arguments);
        match self {
            Self::TrulyForRsaOnly if !is_rsa => answer(false, "no such curve"),
            Self::Truly | Self::TrulyForRsaOnly => answer(truth, ""),
            Self::Lies => answer(!truth, ""),
            Self::Always(result) => answer(result, ""),
            Self::Error => answer(false, "Failed to parse public key"),
            Self::NotOffered => Err(NotOffered),
            Self::Empty => Ok(Vec::new()),
            Self::Garbage => Ok(vec![0xff; 9]),
        }
    }
}

/// Checks a signature with other crates than the filter.
fn is_true(arguments: &Asked) -> bool {
    use rsa::pkcs8::DecodePublicKey as _;
    use rsa::sha2::{Digest as _, Sha256, Sha384, Sha512};
    let (spki, text) = (arguments.public_key.as_slice(), arguments.text.as_slice());
    if let Ok(key) = rsa::RsaPublicKey::from_public_key_der(spki) {
        let (scheme, hash) = match arguments.hash_function.as_str() {
            "sha256" => (rsa::Pkcs1v15Sign::new::<Sha256>(), Sha256::digest(text).to_vec()),
            "sha384" => (rsa::Pkcs1v15Sign::new::<Sha384>(), Sha384::digest(text).to_vec()),
            "sha512" => (rsa::Pkcs1v15Sign::new::<Sha512>(), Sha512::digest(text).to_vec()),
            _ => return false,
        };
        return key.verify(scheme, &hash, &arguments.signature).is_ok();
    }
    /// The types of each curve have the same names in their crates.
    macro_rules! check {
        ($curve:ident, $point_length:expr) => {{
            use $curve::ecdsa::signature::Verifier as _;
            let (_, point) = spki.split_last_chunk::<$point_length>().unwrap();
            let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(point);
            let signature = $curve::ecdsa::Signature::from_der(&arguments.signature);
            key.is_ok_and(|key| signature.is_ok_and(|s| key.verify(text, &s).is_ok()))
        }};
    }
    match arguments.hash_function.as_str() {
        "sha256" => check!(p256, 65),
        "sha384" => check!(p384, 97),
        "sha512" => check!(p521, 133),
        _ => false,
    }
}

#[test]
fn the_proxy_is_used_only_for_what_it_tells_apart_at_the_start() {
    const RSA: &str = "RS256, RS384, RS512";
    for (answers, expected) in [
        (Answers::Truly, "RS256, RS384, RS512, ES256, ES384, ES512"),
        (Answers::TrulyForRsaOnly, RSA),
        // A proxy that says yes to everything would let every forged token through.
        (Answers::Always(true), ""),
        (Answers::Always(false), ""),
        (Answers::Lies, ""),
        (Answers::NotOffered, ""),
        (Answers::Empty, ""),
        (Answers::Garbage, ""),
        (Answers::Error, ""),
    ] {
        let engines = SignatureEngines::probe(&Proxy::new(answers).host);
        assert_eq!(engines.by_proxy().to_string(), expected, "{answers:?}");
        let with_es512 = expected.contains("ES512");
        let all = Algorithm::ALL.into_iter().filter(|one| with_es512 || *one != Algorithm::ES512);
        assert_eq!(engines.all(), all.collect(), "{answers:?}");
    }
}

#[test]
fn the_vectors_of_the_self_test_are_good_and_forged() {
    for vector in &vectors::VECTORS {
        let arguments = |text: &[u8]| Asked {
            hash_function: vector.hash.to_owned(),
            public_key: vector.spki.to_vec(),
            signature: vector.signature.to_vec(),
            text: text.to_vec(),
        };
        assert!(is_true(&arguments(vectors::TEXT)), "{}", vector.algorithm);
        assert!(!is_true(&arguments(vectors::FORGED_TEXT)), "{}", vector.algorithm);
    }
}

/// Verifies a token of this signer with a proxy that answers so after the start.
fn check(proxy: &Proxy, signer: &Signer, token: &str) -> Result<Engine, TokenError> {
    let answers = proxy.answers.replace(Answers::Truly);
    let engines = SignatureEngines::probe(&proxy.host);
    proxy.answers.set(answers);
    RefCell::borrow_mut(&proxy.asked).clear();
    let issuers = Issuers::new(vec![issuer(&[signer.jwk()])]);
    verify(token.as_bytes(), 4096, &issuers, engines, &proxy.host).map(|(_, engine)| engine)
}

fn token(signer: &Signer) -> String {
    let claims = json!({"iss": "https://id.example.com", "aud": "api", "exp": 1_700_000_060});
    signer.token_with(&claims)
}

#[test]
fn a_signature_counts_only_after_an_explicit_yes() {
    let bad = Err(TokenError::BadSignature);
    for (signer, without_proxy) in [
        (Signer::Rs256, Ok(Engine::JwtSimple)),
        (Signer::es256(1), Ok(Engine::JwtSimple)),
        (Signer::es512(), Err(TokenError::NoEngine)),
    ] {
        for (answers, expected) in [
            (Answers::Truly, Ok(Engine::Proxy)),
            (Answers::Lies, bad),
            (Answers::Always(false), bad),
            (Answers::Empty, bad),
            (Answers::Garbage, bad),
            (Answers::Error, bad),
            // What the proxy no longer answers is checked here.
            (Answers::NotOffered, without_proxy),
        ] {
            let proxy = Proxy::new(answers);
            let found = check(&proxy, &signer, &token(&signer));
            assert_eq!(found, expected, "{} {answers:?}", signer.algorithm());
            assert_eq!(proxy.asked.borrow().len(), 1);
        }
    }
}

#[test]
fn a_forged_signature_is_refused_by_either_engine() {
    for signer in [Signer::Rs256, Signer::es256(1)] {
        let token = token(&signer);
        let (input, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{input}.{}", base64(&signer.sign(b"something else")));
        for answers in [Answers::Truly, Answers::NotOffered] {
            let found = check(&Proxy::new(answers), &signer, &forged);
            assert_eq!(found, Err(TokenError::BadSignature), "{} {answers:?}", signer.algorithm());
        }
    }
}

#[test]
fn the_proxy_is_not_asked_for_what_it_lacks() {
    for signer in [Signer::Ps256, Signer::ed25519()] {
        let proxy = Proxy::new(Answers::Always(true));
        let name = signer.algorithm();
        assert_eq!(check(&proxy, &signer, &token(&signer)), Ok(Engine::JwtSimple), "{name}");
        assert_eq!(proxy.asked.borrow().len(), 0, "{name}");
    }
}

#[test]
fn an_ecdsa_signature_of_another_length_is_refused_without_asking() {
    for (signer, length) in [(Signer::es256(1), 64), (Signer::es512(), 132)] {
        let token = token(&signer);
        let (input, _) = token.rsplit_once('.').unwrap();
        for wrong in [0, 1, length - 2, length - 1, length + 1, length + 2, 70, 2 * length] {
            let proxy = Proxy::new(Answers::Always(true));
            let forged = format!("{input}.{}", base64(&vec![1; wrong]));
            assert_eq!(check(&proxy, &signer, &forged), Err(TokenError::BadSignature), "{wrong}");
            assert_eq!(proxy.asked.borrow().len(), 0, "{wrong}");
        }
    }
}

#[test]
fn the_proxy_is_asked_about_the_key_the_bytes_and_the_hash_of_the_token() {
    let signer = Signer::es256(1);
    let token = token(&signer);
    let proxy = Proxy::new(Answers::Truly);
    assert_eq!(check(&proxy, &signer, &token), Ok(Engine::Proxy));
    let asked = proxy.asked.take();
    let keys = KeySet::from_jwks(&json!({"keys": [signer.jwk()]})).unwrap().0;
    assert_eq!(asked[0].hash_function, "sha256");
    assert_eq!(asked[0].public_key, keys.iter().next().unwrap().spki());
    assert_eq!(asked[0].text, token.rsplit_once('.').unwrap().0.as_bytes());
}

#[test]
fn r_and_s_become_the_shortest_positive_integers() {
    let key = Jwk::from_json(&Signer::es256(1).jwk()).unwrap();
    // The beginning of r and of s, each of 32 bytes and filled with ones, and what DER makes of it.
    let filled = |start: &[u8]| [start, &vec![1; 32 - start.len()]].concat();
    for (start, expected_start, expected_length) in [
        (vec![0x7f], vec![0x7f], 32),
        // A set high bit would make it negative.
        (vec![0x80], vec![0x00, 0x80], 33),
        (vec![0xff], vec![0x00, 0xff], 33),
        (vec![0x00, 0x7f], vec![0x7f], 31),
        (vec![0x00, 0x80], vec![0x00, 0x80], 32),
        (vec![0; 31], vec![0x01], 1),
        (vec![0; 32], vec![0x00], 1),
    ] {
        let mut integer = expected_start.clone();
        integer.resize(expected_length, 1);
        let tagged = [&[2, u8::try_from(expected_length).unwrap()], integer.as_slice()].concat();
        for (r, s) in [(filled(&start), filled(&[1])), (filled(&[1]), filled(&start))] {
            let der = ecdsa_to_der(&[r.as_slice(), &s].concat(), &key).unwrap();
            let one = [&[2, 32], filled(&[1]).as_slice()].concat();
            let content =
                if r == filled(&[1]) { [one, tagged.clone()] } else { [tagged.clone(), one] };
            let content = content.concat();
            let length = u8::try_from(content.len()).unwrap();
            assert_eq!(der, [&[0x30, length], content.as_slice()].concat(), "{start:?}");
        }
    }
}

#[test]
fn every_signature_that_a_key_makes_survives_the_way_to_the_proxy() {
    // Among so many, some have leading zeros and many have high bits in r or s.
    let signer = Signer::es256(3);
    let key = Jwk::from_json(&signer.jwk()).unwrap();
    let mut lengths = std::collections::BTreeSet::new();
    for number in 0..400_u32 {
        let text = number.to_be_bytes().to_vec();
        let signature = ecdsa_to_der(&signer.sign(&text), &key).unwrap();
        lengths.insert(signature.len());
        let arguments = Asked {
            hash_function: "sha256".to_owned(),
            public_key: key.spki().to_vec(),
            signature,
            text,
        };
        assert!(is_true(&arguments), "{number}");
    }
    assert!(lengths.len() >= 3, "{lengths:?}");
}
