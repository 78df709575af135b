//! What issuers say of themselves (OpenID Connect Discovery 1.0, RFC 8414), compared with the levels
//! that clients are asked to obtain from them.

use std::path::Path;

use serde_json::Value;

use super::Looked;
use super::examine::Examined;
use super::findings::{Finding, Findings, Severity};
use crate::cli::{Failure, name_of, printable, read_text};
use crate::config::suggestion;
use crate::json;
use crate::policy::{LevelId, MAX_LEVELS, PolicySet};

/// A discovery document.
pub(super) struct Discovery {
    file: String,
    issuer: String,
    /// What it says can be asked for; `None` where it does not say.
    acr_values: Option<Vec<String>>,
    /// Whether a configuration names its issuer.
    is_matched: bool,
}

impl Discovery {
    /// Reads a file.
    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        let name = name_of(file);
        let failure = |message: &str| Failure::new(format!("{name}: {}", printable(message)));
        let document = json::parse(read_text(file)?.as_bytes());
        let document = document.map_err(|error| failure(&format!("is no JSON: {error}")))?;
        let Some(issuer) = document.get("issuer").and_then(Value::as_str) else {
            return Err(failure(
                "has no issuer; expected what the issuer answers under \
                 /.well-known/openid-configuration",
            ));
        };
        let issuer = issuer.to_owned();
        let texts = |values: &Vec<Value>| {
            values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
        };
        let acr_values = document.get("acr_values_supported").and_then(Value::as_array).map(texts);
        Ok(Self { file: name, issuer, acr_values, is_matched: false })
    }

    /// The finding that no configuration names its issuer.
    pub(super) fn unmatched(self) -> Option<Looked> {
        if self.is_matched {
            return None;
        }
        let message = format!(
            "no configuration has the issuer {:?}, so that this discovery document was compared \
             with nothing",
            self.issuer
        );
        let finding = Finding {
            severity: Severity::Warning,
            code: "unmatched-discovery",
            path: "issuer".to_owned(),
            subject: "issuer".to_owned(),
            message,
            span: None,
        };
        let examined = Examined { findings: vec![finding], good: Vec::new() };
        Some(Looked { name: self.file, text: String::new(), examined })
    }
}

/// Looks for levels of which no issuer offers an acr.
pub(super) fn look(
    discovery: &mut [Discovery],
    value: &Value,
    policies: Option<&PolicySet>,
    findings: &mut Findings<'_>,
) {
    let issuers = value.get("issuers").and_then(Value::as_array);
    let names = issuers.into_iter().flatten().filter_map(|issuer| issuer.get("issuer")?.as_str());
    let names = names.collect::<Vec<_>>();
    for document in &mut *discovery {
        document.is_matched |= names.contains(&&*document.issuer);
    }
    let of = |name: &&str| discovery.iter().find(|document| document.issuer == **name);
    let documents = names.iter().map(of).collect::<Option<Vec<_>>>();
    // An issuer of which nothing is known may offer every level.
    let (Some(documents), Some(policies)) = (documents, policies) else { return };
    let offered = documents.iter().map(|d| d.acr_values.as_deref()).collect::<Option<Vec<_>>>();
    let Some(offered) = offered.filter(|offered| !offered.is_empty()) else {
        if let Some(silent) = documents.iter().find(|document| document.acr_values.is_none()) {
            let message = format!(
                "the discovery document of {:?} has no acr_values_supported, so that nothing can \
                 be told of the levels",
                silent.issuer
            );
            findings.warn("level-not-offered", "issuers", &message);
        }
        return;
    };
    let offered = offered.concat();
    for (index, id) in (0..MAX_LEVELS).filter_map(|index| Some((index, LevelId::new(index)?))) {
        let Some(level) = policies.levels.get(id) else { return };
        let asked = level.ask_for.split(' ').filter(|asked| !asked.is_empty());
        let asked = asked.collect::<Vec<_>>();
        if asked.iter().any(|asked| offered.iter().any(|offered| offered == asked)) {
            continue;
        }
        // "0" proves nothing (OIDC Core §2), so no level can have it.
        let usable = offered.iter().map(String::as_str).filter(|offered| *offered != "0");
        let hint = asked.first().map(|first| suggestion(first, usable));
        let message = format!(
            "no issuer offers the level {:?}: acr_values_supported of {} has none of {}, which \
             challenges ask for, so that clients may not be able to obtain it{}",
            level.name,
            names.join(" and "),
            asked.join(", "),
            hint.unwrap_or_default(),
        );
        let key = value.pointer(&format!("/levels/{index}/ask_for"));
        let key = if key.is_some() { "ask_for" } else { "proven_by" };
        findings.warn("level-not-offered", &format!("levels[{index}].{key}"), &message);
    }
}
