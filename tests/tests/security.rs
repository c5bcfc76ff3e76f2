//! What `docs/security.md` claims and no other test shows: on a real Envoy, where a
//! client's bytes are involved; from the lock file, where the supply chain is.

mod document;
mod exhaustion;
mod headers;
mod smuggling;
mod supply_chain;
