//! `stepup token`: test tokens, and configurations that trust them.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use super::check::check_documents;
use super::document::Documents;
use super::key::TestKey;
use super::{Failure, MISTAKES, name_of, printable, read_text};
use crate::config;
use crate::time::Timestamp;

const EXAMPLES: &str = "\
The defaults fit envoy/envoy.yaml. Examples:
  stepup token --key test.jwk --trust-in envoy/envoy.yaml > trial.yaml
                                            an Envoy file that trusts this key
  stepup token --key test.jwk               a password login, just now
  stepup token --key test.jwk --acr phr     a login with a passkey, just now
  stepup token --key test.jwk --acr phr --auth-age 16m
                                            the same, sixteen minutes ago
  stepup token --key test.jwk --amr pwd --amr otp --claim acr=null
                                            no acr, but two methods
  stepup token --key test.jwk --bind client.jwk
                                            one for DPoP; see stepup proof --help

The key is for trials: never let a production gateway trust it.";

/// Make test tokens with a throw-away key
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TokenArguments {
    /// The private key, a JWK; made, for its owner only, when the file is missing
    #[arg(long, value_name = "FILE")]
    key: PathBuf,

    /// Print the public JWK Set instead of a token
    #[arg(long, conflicts_with = "trust_in")]
    jwks: bool,

    /// Print this file (see stepup check) as JSON, with the key in the place of the issuer's keys
    #[arg(long, value_name = "FILE")]
    trust_in: Option<PathBuf>,

    /// Bind the token to a client's key, a private JWK: the claim cnf; made when the file is missing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["jwks", "trust_in"])]
    bind: Option<PathBuf>,

    #[command(flatten)]
    token: TestToken,
}

/// What a test token says.
#[derive(Clone, Debug, clap::Args)]
pub struct TestToken {
    /// The claim iss
    #[arg(long, value_name = "URL", default_value = Self::ISSUER)]
    pub issuer: String,

    /// The claim aud
    #[arg(long, value_name = "URL", default_value = Self::AUDIENCE)]
    pub audience: String,

    /// The claim sub
    #[arg(long, value_name = "NAME", default_value = Self::SUBJECT)]
    pub subject: String,

    /// The claim acr: how sure the login was
    #[arg(long, value_name = "VALUE", default_value = Self::ACR)]
    pub acr: String,

    /// A value of the claim amr: a method of the login; may be repeated
    #[arg(long, value_name = "METHOD")]
    pub amr: Vec<String>,

    /// How long ago the login was: the claim `auth_time` is now less this
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub auth_age: Duration,

    /// The claim scope; several are separated by spaces
    #[arg(long, value_name = "SCOPES", default_value = Self::SCOPE)]
    pub scope: String,

    /// How long the token is good for
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub expires_in: Duration,

    /// Any other claim, or another value of one above; null takes it out; may be repeated
    #[arg(long = "claim", value_name = "NAME=JSON", value_parser = parse_claim)]
    pub claims: Vec<(String, Value)>,
}

/// Reads `NAME=JSON`.
fn parse_claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=JSON, such as acr=\"phr\"")?;
    let value = serde_json::from_str(value).map_err(|error| {
        format!("the value is not JSON ({error}); a string needs its quotes: {name}='\"...\"'")
    })?;
    Ok((name.to_owned(), value))
}

impl Default for TestToken {
    /// A password login, just now, as for the command without options.
    fn default() -> Self {
        Self {
            issuer: Self::ISSUER.to_owned(),
            audience: Self::AUDIENCE.to_owned(),
            subject: Self::SUBJECT.to_owned(),
            acr: Self::ACR.to_owned(),
            amr: Vec::new(),
            auth_age: Duration::ZERO,
            scope: Self::SCOPE.to_owned(),
            expires_in: Duration::from_hours(1),
            claims: Vec::new(),
        }
    }
}

impl TestToken {
    /// The issuer of envoy/envoy.yaml.
    pub const ISSUER: &str = "https://id.example.com";
    const AUDIENCE: &str = "https://api.example.com";
    const SUBJECT: &str = "alice";
    const ACR: &str = "1";
    const SCOPE: &str = "payments";

    /// Signs it.
    ///
    /// # Errors
    /// When the claims cannot be written as JSON.
    pub fn sign(&self, key: &TestKey, now: SystemTime) -> Result<String, Failure> {
        key.sign(self.to_claims(now.into()))
    }

    fn to_claims(&self, now: Timestamp) -> Map<String, Value> {
        let seconds = |time: Timestamp| Value::from(time.since_epoch().as_secs());
        let mut claims = Map::from_iter([
            ("iss".to_owned(), json!(self.issuer)),
            ("aud".to_owned(), json!(self.audience)),
            ("sub".to_owned(), json!(self.subject)),
            ("acr".to_owned(), json!(self.acr)),
            ("scope".to_owned(), json!(self.scope)),
            ("iat".to_owned(), seconds(now)),
            ("auth_time".to_owned(), seconds(now.minus(self.auth_age))),
            ("exp".to_owned(), seconds(now.plus(self.expires_in))),
        ]);
        if !self.amr.is_empty() {
            claims.insert("amr".to_owned(), json!(self.amr));
        }
        claims.extend(self.claims.iter().cloned());
        claims.retain(|_, value| !value.is_null());
        claims
    }
}

pub(super) fn run(
    arguments: &TokenArguments,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<u8, Failure> {
    let key = TestKey::open(&arguments.key, notes)?;
    if arguments.jwks {
        writeln!(out, "{:#}", key.jwks())?;
    } else if let Some(file) = &arguments.trust_in {
        let in_file =
            |message: String| Failure::new(format!("{}: {}", name_of(file), printable(&message)));
        let mut documents = Documents::parse(&read_text(file)?).map_err(in_file)?;
        trust(&mut documents, &arguments.token.issuer, &key).map_err(in_file)?;
        let report = check_documents(&documents);
        if !report.good {
            for line in report.lines {
                writeln!(notes, "{}, with the key: {}", name_of(file), printable(&line))?;
            }
            return Ok(MISTAKES);
        }
        write!(out, "{}", documents.to_text())?;
    } else {
        let mut token = arguments.token.clone();
        if let Some(file) = &arguments.bind {
            // First of all, so that --claim can say something else.
            let confirmation = TestKey::open(file, notes)?.confirmation();
            token.claims.insert(0, ("cnf".to_owned(), confirmation));
        }
        writeln!(out, "{}", token.sign(&key, SystemTime::now())?)?;
    }
    Ok(0)
}

/// Makes every configuration in the documents take `key` for the key of `issuer`.
///
/// # Errors
/// A sentence that says why that cannot be.
pub fn trust(documents: &mut Documents, issuer: &str, key: &TestKey) -> Result<(), String> {
    let mut changes = Vec::new();
    let mut known = Vec::new();
    for configuration in documents.configurations()? {
        let Some(mut value) = configuration.value() else { continue };
        let issuers = value.get_mut("issuers").and_then(Value::as_array_mut);
        let mut found = false;
        for entry in issuers.into_iter().flatten() {
            let Some(name) = entry.get("issuer").and_then(Value::as_str) else { continue };
            if name == issuer {
                entry["keys"] = json!({"inline": key.jwks()});
                found = true;
            } else {
                known.push(name.to_owned());
            }
        }
        if found {
            let value = configuration.in_same_form(value);
            changes.push((configuration.document, configuration.place.clone(), value));
        }
    }
    if changes.is_empty() {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(format!(
            "no configuration in it has the issuer {issuer:?}; it has {known}; name one with --issuer"
        ));
    }
    for (document, place, value) in changes {
        documents.replace(document, &place, value);
    }
    Ok(())
}

/// A duration as configurations write it.
fn duration(text: &str) -> Result<Duration, String> {
    config::duration::parse(text)
        .ok_or_else(|| "expected whole numbers with the units s, m, h or d, such as 20m".to_owned())
}

#[cfg(test)]
mod tests;
