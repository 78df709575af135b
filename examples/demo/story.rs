//! The story: which requests, and what has to come of each.

use std::error::Error;
use std::time::{Duration, SystemTime};

use envoy_stepup::cli::Failure;
use envoy_stepup::cli::key::TestKey;
use envoy_stepup::cli::token::TestToken;

use super::show;
use super::support::http::{self, Request};
use super::support::{Envoy, Response, Upstream, forge};

/// Marks the requests of the story, so that they are known where they arrive.
const MARK: &str = "x-test-id";

/// How and when the caller has logged in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    Password,
    Passkey,
    /// With a passkey, but a while ago.
    OldPasskey,
}

impl Login {
    fn token(self) -> TestToken {
        let minutes = |minutes| Duration::from_mins(minutes);
        let (acr, auth_age) = match self {
            Self::Password => ("1", minutes(3)),
            Self::Passkey => ("phr", minutes(0)),
            Self::OldPasskey => ("phr", minutes(16)),
        };
        TestToken { acr: acr.to_owned(), auth_age, ..TestToken::default() }
    }

    pub(crate) const fn variable(self) -> &'static str {
        match self {
            Self::Password => "PASSWORD",
            Self::Passkey => "PASSKEY",
            Self::OldPasskey => "OLD_PASSKEY",
        }
    }

    const fn described(self) -> &'static str {
        match self {
            Self::Password => "password, 3 minutes ago",
            Self::Passkey => "passkey, just now",
            Self::OldPasskey => "passkey, 16 minutes ago",
        }
    }
}

/// What a request brings along.
enum Credentials {
    None,
    Token(Login),
    /// A token whose signature was tampered with.
    Forged(Login),
}

/// One token for each login, used throughout the story.
pub(crate) struct Tokens([(Login, String); 3]);

impl Tokens {
    pub(crate) fn sign(key: &TestKey) -> Result<Self, Failure> {
        let now = SystemTime::now();
        let sign = |login: Login| login.token().sign(key, now).map(|token| (login, token));
        Ok(Self([sign(Login::Password)?, sign(Login::Passkey)?, sign(Login::OldPasskey)?]))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Login, &str)> {
        self.0.iter().map(|(login, token)| (*login, token.as_str()))
    }

    fn of(&self, login: Login) -> Option<&str> {
        self.iter().find(|(known, _)| *known == login).map(|(_, token)| token)
    }
}

impl Credentials {
    fn token(&self, tokens: &Tokens) -> Option<String> {
        match self {
            Self::None => None,
            Self::Token(login) => tokens.of(*login).map(str::to_owned),
            Self::Forged(login) => tokens.of(*login).map(forge),
        }
    }

    fn described(&self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Token(login) => login.described().to_owned(),
            Self::Forged(login) => format!("{}, signature forged", login.described()),
        }
    }
}

/// What has to come of a request.
pub(crate) enum Expected {
    /// It reaches the application.
    Passes,
    /// It is challenged, and the challenge has these parameters, and none where there is none here.
    Challenged {
        error: Option<&'static str>,
        acr_values: Option<&'static str>,
        max_age: Option<&'static str>,
    },
}

struct Step {
    title: &'static str,
    method: &'static str,
    path: &'static str,
    credentials: Credentials,
    expected: Expected,
}

const INSUFFICIENT: Option<&str> = Some("insufficient_user_authentication");
const TRANSFERS: &str = "/accounts/7/transfers";

fn steps() -> [Step; 7] {
    let fresh_passkey = || Expected::Challenged {
        error: INSUFFICIENT,
        acr_values: Some("phr phrh"),
        max_age: Some("900"),
    };
    [
        Step {
            title: "A public route needs no token",
            method: "GET",
            path: "/healthz",
            credentials: Credentials::None,
            expected: Expected::Passes,
        },
        Step {
            title: "Without a token, an account cannot be read",
            method: "GET",
            path: "/accounts/7",
            credentials: Credentials::None,
            expected: Expected::Challenged {
                error: None,
                acr_values: Some("1 urn:example:pwd"),
                max_age: None,
            },
        },
        Step {
            title: "A password login reads it",
            method: "GET",
            path: "/accounts/7",
            credentials: Credentials::Token(Login::Password),
            expected: Expected::Passes,
        },
        Step {
            title: "The same login is not enough for a transfer: step up",
            method: "POST",
            path: TRANSFERS,
            credentials: Credentials::Token(Login::Password),
            expected: fresh_passkey(),
        },
        Step {
            title: "After stepping up, the transfer goes through",
            method: "POST",
            path: TRANSFERS,
            credentials: Credentials::Token(Login::Passkey),
            expected: Expected::Passes,
        },
        Step {
            title: "The same login is too old 16 minutes later: step up again",
            method: "POST",
            path: TRANSFERS,
            credentials: Credentials::Token(Login::OldPasskey),
            expected: fresh_passkey(),
        },
        Step {
            title: "A forged token is worth nothing",
            method: "POST",
            path: TRANSFERS,
            credentials: Credentials::Forged(Login::Passkey),
            expected: Expected::Challenged {
                error: Some("invalid_token"),
                acr_values: None,
                max_age: None,
            },
        },
    ]
}

/// Sends the requests one by one and shows what comes of them; how many answers differ from what is
/// expected of the shipped file.
pub(crate) fn tell(
    envoy: &Envoy,
    application: &Upstream,
    tokens: &Tokens,
    trying: bool,
) -> Result<usize, Box<dyn Error>> {
    let mut differing = 0_usize;
    let mut should_arrive = 0_usize;
    for (step, number) in steps().into_iter().zip(1..) {
        let mark = format!("demo-{number}");
        let mut request = Request::new(step.method, step.path).header(MARK, &mark);
        if let Some(token) = step.credentials.token(tokens) {
            request = request.bearer(&token);
        }
        show::request(number, step.title, &request, &step.credentials.described());
        let response = http::try_send(envoy.addr(), &request)?;
        show::response(&response);
        let arrived = !application.received_with(&mark).is_empty();
        let passes = matches!(step.expected, Expected::Passes);
        should_arrive = should_arrive.saturating_add(usize::from(passes));
        let differences = step.expected.differences(&response, arrived);
        show::verdict(&step.expected, &differences, trying);
        differing = differing.saturating_add(usize::from(!differences.is_empty()));
    }
    let arrived = application.received().len();
    differing = differing.max(usize::from(arrived != should_arrive));
    show::total(arrived, should_arrive, differing, trying);
    Ok(differing)
}

impl Expected {
    /// What is not as it should be, in words.
    fn differences(&self, response: &Response, arrived: bool) -> Vec<String> {
        let (status, wanted) = match self {
            Self::Passes => (200, [None; 3]),
            Self::Challenged { error, acr_values, max_age } => {
                (401, [*error, *acr_values, *max_age])
            }
        };
        let mut differences = Vec::new();
        if response.status != status {
            differences.push(format!("the status is {}, not {status}", response.status));
        }
        let passes = matches!(self, Self::Passes);
        if arrived != passes {
            let not = if arrived { "" } else { "not " };
            differences.push(format!("the request has {not}reached the application"));
        }
        let header = response.header("www-authenticate");
        if header.is_some() == passes {
            let word = if passes { "a" } else { "no" };
            differences.push(format!("there is {word} challenge"));
        }
        let found = show::parameters(header.unwrap_or_default());
        for (name, wanted) in ["error", "acr_values", "max_age"].into_iter().zip(wanted) {
            let value = found.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            if value != wanted {
                differences.push(format!(
                    "{name} is {}, not {}",
                    value.unwrap_or("absent"),
                    wanted.unwrap_or("absent")
                ));
            }
        }
        differences
    }
}
