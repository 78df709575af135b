//! The record of a decision, as the filter tells it.

use serde::{Deserialize, Serialize};

/// What the filter tells of a decision: its audit line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The version of the configuration.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub configuration: String,
    /// What selected the policy: `rules[N]`, `default` or `route_metadata`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The policies that the request has to meet.
    pub policies: Vec<String>,
    /// Whether the decision is enforced, or told only: `enforce` or `shadow`.
    pub mode: String,
    /// What was decided.
    pub decision: String,
    /// Why, of a bounded set.
    pub reason: String,
    /// Why, as a sentence.
    pub message: String,
    /// What was required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<Required>,
    /// What the token proves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
    /// The raises that fired, or would have.
    pub raises: Vec<RaiseRecord>,
    /// The status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Whose token it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

/// What was required.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Required {
    /// The level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// The greatest age, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u64>,
    /// The scopes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// What a token proves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    /// The highest level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// How long ago the user authenticated, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<u64>,
    /// The claim `acr`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The claim `amr`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
}

/// A raise that fired, or would have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RaiseRecord {
    /// Its policy.
    pub policy: String,
    /// Its name.
    pub raise: String,
    /// Whether it is enforced.
    pub mode: String,
    /// `fired` or `in_doubt`.
    pub outcome: String,
    /// Why its condition could not be evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
}
