//! The names Istio gives the clusters of InferencePools.
//!
//! Istio makes a headless Service for each pool and takes port 54321 for its first target
//! port; the Service's name has the first eight hexadecimal digits of the SHA-256 of the
//! pool's (pilot's InferencePool controller; seen in running gateways as
//! `…-ip-22dc7de1.…`).

use sha2::{Digest, Sha256};

use crate::intent::ObjectName;

/// The longest name of a Service, in bytes.
const LONGEST: usize = 63;
const SEPARATOR: &str = "-ip-";
const PORT: u16 = 54_321;

/// The cluster that leads to a pool. Names of Kubernetes are ASCII.
pub(super) fn cluster(pool: &ObjectName) -> String {
    format!("outbound|{PORT}||{}.{}.svc.cluster.local", service(&pool.name), pool.namespace)
}

fn service(pool: &str) -> String {
    let digest = Sha256::digest(pool.as_bytes());
    let hash: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let room = LONGEST - SEPARATOR.len() - hash.len();
    let base = pool.get(..room).unwrap_or(pool);
    format!("{base}{SEPARATOR}{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_s_service_has_the_name_that_istio_gives_it() {
        // As a running gateway had it.
        assert_eq!(service("vllm-llama3-8b"), "vllm-llama3-8b-ip-22dc7de1");
        let name = ObjectName { namespace: "llm".to_owned(), name: "vllm-llama3-8b".to_owned() };
        let expected = "outbound|54321||vllm-llama3-8b-ip-22dc7de1.llm.svc.cluster.local";
        assert_eq!(cluster(&name), expected);
    }

    #[test]
    fn long_names_are_cut_and_keep_their_hash() {
        let (one, two) = (service(&"a".repeat(80)), service(&"a".repeat(81)));
        assert_eq!((one.len(), two.len()), (LONGEST, LONGEST));
        assert_ne!(one, two);
    }
}
