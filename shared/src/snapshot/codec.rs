//! Messages as bytes: a fixed head, then `postcard`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::content::{LoadReport, PrefixNews, Snapshot, Workers};

/// Raised with every change of a message or of what it holds.
const VERSION: u16 = 4;

const HEAD: usize = 4 + size_of::<u16>() + 2 * size_of::<u32>();

/// What can be written and read.
pub trait Message: Serialize + DeserializeOwned {
    /// The first bytes, so that one kind is never read as another.
    const MAGIC: [u8; 4];
}

impl Message for Snapshot {
    const MAGIC: [u8; 4] = *b"IGWS";
}

impl Message for LoadReport {
    const MAGIC: [u8; 4] = *b"IGWL";
}

impl Message for PrefixNews {
    const MAGIC: [u8; 4] = *b"IGWN";
}

impl Message for Workers {
    const MAGIC: [u8; 4] = *b"IGWW";
}

/// Why bytes are not a message of this kind and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They are no message, or one of another kind.
    #[error("not such a message")]
    OtherKind,
    /// Another version of the filter wrote them.
    #[error("a message of version {found}, not {VERSION}")]
    Version {
        /// The version that wrote them.
        found: u16,
    },
    /// They are cut or changed.
    #[error("a damaged message")]
    Damaged,
}

/// Writes a message.
#[must_use]
pub fn encode<M: Message>(message: &M) -> Vec<u8> {
    let mut bytes = vec![0; HEAD];
    // Only running out of memory could fail here, and that ends the VM anyway.
    bytes = postcard::to_extend(message, bytes).unwrap_or_default();
    if let Some((head, content)) = bytes.split_at_mut_checked(HEAD) {
        let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let fields = M::MAGIC
            .into_iter()
            .chain(VERSION.to_le_bytes())
            .chain(length.to_le_bytes())
            .chain(crc32fast::hash(content).to_le_bytes());
        for (to, from) in head.iter_mut().zip(fields) {
            *to = from;
        }
    }
    bytes
}

/// Reads a message.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode<M: Message>(bytes: &[u8]) -> Result<M, DecodeError> {
    let rest = bytes.strip_prefix(&M::MAGIC).ok_or(DecodeError::OtherKind)?;
    let (version, rest) = rest.split_first_chunk().ok_or(DecodeError::Damaged)?;
    let found = u16::from_le_bytes(*version);
    if found != VERSION {
        return Err(DecodeError::Version { found });
    }
    let (length, rest) = rest.split_first_chunk().ok_or(DecodeError::Damaged)?;
    let (checksum, content) = rest.split_first_chunk().ok_or(DecodeError::Damaged)?;
    let intact = usize::try_from(u32::from_le_bytes(*length)) == Ok(content.len())
        && u32::from_le_bytes(*checksum) == crc32fast::hash(content);
    if !intact {
        return Err(DecodeError::Damaged);
    }
    postcard::from_bytes(content).map_err(|_| DecodeError::Damaged)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::pools::{EndpointId, Millis};
    use crate::scheduling::{AdapterKey, Adapters, Health, Observation};
    use crate::snapshot::EndpointSnapshot;

    fn snapshot(endpoints: u16) -> Snapshot {
        let endpoint = |n: u16| EndpointSnapshot {
            id: EndpointId::from(std::net::SocketAddr::from(([10, 0, 0, 1], 8000 + n))),
            health: if n.is_multiple_of(3) { Health::Unhealthy } else { Health::Ready },
            observation: n.is_multiple_of(2).then(|| Observation {
                at: Millis(1_795_226_126_000),
                waiting: Some(n.into()),
                running: None,
                kv_usage: Some(0.25),
                adapters: Adapters {
                    max: Some(4),
                    running: vec![AdapterKey::of("food-review-1")],
                    ..Adapters::default()
                },
                reported: Some(Millis(1_795_226_126_100)),
                several_engines: true,
                cache_tokens: Some(430_000),
            }),
            in_flight: n.into(),
            fresh: 1,
            over: 2,
        };
        let endpoints = (0..endpoints).map(endpoint).collect();
        Snapshot { generation: 7, published: Millis(1_795_226_126_010), endpoints, speed: None }
    }

    #[test]
    fn a_snapshot_comes_back_as_it_was() {
        for n in [0, 1, 100] {
            assert_eq!(decode(&encode(&snapshot(n))), Ok(snapshot(n)));
        }
    }

    #[test]
    fn one_kind_of_message_is_not_read_as_another() {
        let bytes = encode(&Workers::default());
        assert_eq!(decode::<Workers>(&bytes), Ok(Workers::default()));
        assert_eq!(decode::<LoadReport>(&bytes), Err(DecodeError::OtherKind));
        assert_eq!(decode::<Snapshot>(&bytes), Err(DecodeError::OtherKind));
    }

    #[test]
    fn a_snapshot_is_compact() {
        assert!(encode(&snapshot(1_000)).len() < 40 * 1_000);
    }

    #[test]
    fn another_version_is_ignored_whatever_follows() {
        let mut bytes = encode(&snapshot(3));
        bytes[4] = 9;
        bytes.truncate(8);
        assert_eq!(decode::<Snapshot>(&bytes), Err(DecodeError::Version { found: 9 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn damage_is_found(at in any::<prop::sample::Index>(), change in 1..=255_u8, cut in any::<prop::sample::Index>()) {
            let bytes = encode(&snapshot(5));
            let mut changed = bytes.clone();
            let at = at.index(changed.len());
            changed[at] ^= change;
            prop_assert!(decode::<Snapshot>(&changed).is_err());
            prop_assert!(decode::<Snapshot>(&bytes[..cut.index(bytes.len())]).is_err());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            prop_assert!(decode::<Snapshot>(&bytes).is_err());
            let framed = [Snapshot::MAGIC.as_slice(), &VERSION.to_le_bytes(), &u32::try_from(bytes.len()).expect("small").to_le_bytes(), &crc32fast::hash(&bytes).to_le_bytes(), &bytes].concat();
            let _ = decode::<Snapshot>(&framed);
        }
    }
}
