//! Tokens: how they are read, who signed them, and what they state.

mod claims;
mod parse;
pub(super) mod signer;
mod verify;
