//! What a token says about the key of its client: the claim `cnf` (RFC 7800 §3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::BindingError;

/// A SHA-256, as both members of the claim have it.
pub(super) type Digest = [u8; 32];

/// What the request has to show. All of it is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Confirmation {
    /// The client's certificate (RFC 8705 §3.1).
    pub(super) certificate: Option<Digest>,
    /// The client's key, by its thumbprint (RFC 9449 §6.1).
    pub(super) key: Option<Digest>,
}

impl Confirmation {
    /// Reads the claim. A token without it is not bound.
    ///
    /// # Errors
    /// When it holds anything that is not understood: the issuer wants something confirmed, and
    /// nobody here can (RFC 7800 §3.1).
    pub(super) fn read(cnf: Option<&Value>) -> Result<Self, BindingError> {
        let mut found = Self::default();
        let Some(cnf) = cnf else { return Ok(found) };
        let members = cnf.as_object().ok_or(BindingError::BadConfirmation)?;
        for (name, value) in members {
            let place = match name.as_str() {
                "x5t#S256" => &mut found.certificate,
                "jkt" => &mut found.key,
                _ => return Err(BindingError::UnknownConfirmation),
            };
            *place = Some(digest(value).ok_or(BindingError::BadConfirmation)?);
        }
        if found == Self::default() { Err(BindingError::BadConfirmation) } else { Ok(found) }
    }
}

fn digest(value: &Value) -> Option<Digest> {
    URL_SAFE_NO_PAD.decode(value.as_str()?).ok()?.try_into().ok()
}
