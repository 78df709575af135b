//! The claims of a token, with sane defaults.

use serde_json::{Map, Value, json};

/// Builds the payload of a token.
#[derive(Clone, Debug)]
pub struct Claims {
    now: u64,
    members: Map<String, Value>,
}

/// What a plain token says: who issued it, for whom, about whom, valid for five minutes.
pub fn claims(now: u64) -> Claims {
    let claims = Claims { now, members: Map::new() };
    claims
        .issuer("https://id.example.com")
        .audience("https://api.example.com")
        .set("sub", "alice")
        .set("iat", now)
        .set("exp", now + 300)
}

impl Claims {
    /// Sets any claim to any value.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.members.remove(name);
        self
    }

    #[must_use]
    pub fn issuer(self, issuer: &str) -> Self {
        self.set("iss", issuer)
    }

    #[must_use]
    pub fn audience(self, audience: &str) -> Self {
        self.set("aud", audience)
    }

    #[must_use]
    pub fn subject(self, subject: &str) -> Self {
        self.set("sub", subject)
    }

    #[must_use]
    pub fn acr(self, acr: &str) -> Self {
        self.set("acr", acr)
    }

    #[must_use]
    pub fn amr(self, methods: &[&str]) -> Self {
        self.set("amr", json!(methods))
    }

    #[must_use]
    pub fn auth_time_ago(self, seconds: u64) -> Self {
        let auth_time = self.now - seconds;
        self.set("auth_time", auth_time)
    }

    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        self.set("scope", scope)
    }

    /// When the token ends, counted from now; negative for one that has ended.
    #[must_use]
    pub fn expires_in(self, seconds: i64) -> Self {
        let exp = self.now.saturating_add_signed(seconds);
        self.set("exp", exp)
    }

    pub fn build(self) -> Value {
        Value::Object(self.members)
    }
}

impl From<Claims> for Value {
    fn from(claims: Claims) -> Self {
        claims.build()
    }
}
