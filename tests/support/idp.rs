//! A real identity provider: npm's `oidc-provider`, scripted by `tests/idp/server.mjs`.

use std::{
    env,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use super::http::{self, Request};

/// What is written down in tests/idp/.
const FILES: [&str; 3] = ["package.json", "package-lock.json", "server.mjs"];
/// Holds the lock file whose packages are installed.
const INSTALLED: &str = "installed.json";

/// A provider on a free loopback port; it ends on drop.
#[derive(Debug)]
pub struct IdentityProvider {
    child: Child,
    issuer: String,
}

/// A user who logged in.
#[derive(Clone, Debug)]
pub struct Login {
    pub acr: &'static str,
    pub amr: &'static [&'static str],
    pub auth_time: u64,
    pub scope: &'static str,
    /// The API that the token is for: [`IdentityProvider::API`] or [`IdentityProvider::OPAQUE`].
    pub resource: &'static str,
}

impl IdentityProvider {
    /// Access tokens for this API are JWTs.
    pub const API: &str = "https://api.example.com";
    /// Access tokens for this API are not.
    pub const OPAQUE: &str = "https://opaque.example.com";
    /// A client that may introspect, and its secret.
    pub const GATEWAY: [&str; 2] = ["gateway", "gateway-secret"];
    /// A client that may introspect, with a key of its own: see [`Self::start_with_key`].
    pub const GATEWAY_KEY: &str = "gateway-key";

    /// Starts a provider.
    pub fn start() -> Self {
        Self::start_with(&json!({}))
    }

    /// Starts a provider that knows this public JWK of the client [`Self::GATEWAY_KEY`].
    pub fn start_with_key(key: &Value) -> Self {
        Self::start_with(&json!({"gateway_keys": [key]}))
    }

    fn start_with(settings: &Value) -> Self {
        let folder = install();
        let mut child = Command::new(program("node"))
            .arg("server.mjs")
            .current_dir(folder)
            .env("STEPUP_IDP", settings.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node can be run");
        let mut issuer = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut issuer).expect("the provider prints text");
        let issuer = issuer.trim().to_owned();
        assert!(issuer.starts_with("http://"), "the provider did not start; it says why above");
        Self { child, issuer }
    }

    /// Its name in `iss`, and its URL.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn addr(&self) -> SocketAddr {
        self.issuer.strip_prefix("http://").and_then(|addr| addr.parse().ok()).expect("an address")
    }

    /// The access token that an app gets after this login.
    #[track_caller]
    pub fn access_token(&self, login: &Login) -> String {
        let answer = http::send(
            self.addr(),
            &Request::new("POST", "/login").body(
                json!({
                    "acr": login.acr, "amr": login.amr, "auth_time": login.auth_time,
                    "scope": login.scope, "resource": login.resource,
                })
                .to_string(),
            ),
        );
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["access_token"].as_str().expect("an access token").to_owned()
    }

    /// Ends a token before its time (RFC 7009).
    #[track_caller]
    pub fn revoke(&self, token: &str) {
        let request = Request::new("POST", "/token/revocation")
            // app:app-secret
            .header("authorization", "Basic YXBwOmFwcC1zZWNyZXQ=")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token={token}"));
        let answer = http::send(self.addr(), &request);
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Installs the provider into .tools/idp, once for a lock file; other tests wait meanwhile.
fn install() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (source, folder) = (root.join("tests/idp"), root.join(".tools/idp"));
    fs::create_dir_all(&folder).expect(".tools/idp can be made");
    let lock = File::create(root.join(".tools/idp.lock")).expect(".tools takes a file");
    lock.lock().expect("a file can be locked");
    for name in FILES {
        copy_if_changed(&source.join(name), &folder.join(name));
    }
    let wanted = fs::read(source.join("package-lock.json")).expect("tests/idp is there");
    if fs::read(folder.join(INSTALLED)).ok().as_ref() != Some(&wanted) {
        let output = Command::new(program("npm"))
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .output()
            .expect("npm can be run");
        assert!(
            output.status.success(),
            "npm ci failed in .tools/idp:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        fs::write(folder.join(INSTALLED), wanted).expect(".tools/idp takes a file");
    }
    folder
}

/// A provider that starts meanwhile must not read half a file.
fn copy_if_changed(from: &Path, to: &Path) {
    let wanted = fs::read(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    if fs::read(to).ok().as_ref() != Some(&wanted) {
        let fresh = to.with_extension("new");
        fs::write(&fresh, wanted).expect(".tools/idp takes a file");
        fs::rename(fresh, to).expect(".tools/idp takes a file");
    }
}

/// A program on `PATH`.
fn program(name: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "{name} is not on PATH: the identity provider of these tests runs on Node 20 or newer, \
             with npm; install both (Debian: nodejs, npm), or leave these tests out with \
             `cargo test --test '*' -- --skip provider`"
        )
    })
}
