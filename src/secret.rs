//! A secret of this process, which its workers share: for codes that nobody else can make, or foresee.
//!
//! Each use puts a label of its own before what it makes a code of.

use crate::host::Host;

/// Where it is shared.
const KEY: &str = "stepup.v1 secret";

/// The secret's length, that of the hash that it is used with (RFC 2104 §3).
const LENGTH: usize = 32;

/// Makes the secret where there is none yet. `false` where the proxy shares nothing.
pub(crate) fn ensure(host: &dyn Host) -> bool {
    if host.shared(KEY).is_none() {
        let mut secret = [0; LENGTH];
        if getrandom::fill(&mut secret).is_ok() {
            // A worker that was faster has made one.
            let _ = host.create_shared(KEY, &secret);
        }
    }
    read(host).is_some()
}

/// The secret. `None` where the proxy shares nothing.
pub(crate) fn read(host: &dyn Host) -> Option<[u8; LENGTH]> {
    host.shared(KEY)?.0.try_into().ok()
}
