//! Content and its digest.
//!
//! Invariant: a [`Blob`]'s digest is that of its bytes; it is computed where the bytes
//! come in and never set.

use bytes::Bytes;
use oci_client::manifest::OciDescriptor;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::fmt;

const ALGORITHM: &str = "sha256:";

/// A SHA-256 digest; displayed as `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use fmt::Write;
        let mut text = ALGORITHM.to_owned();
        for byte in Sha256::digest(bytes) {
            // Writing into a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// The 64 digits alone, as `sha256` fields of Istio and Envoy take them.
    #[must_use]
    pub fn hex(&self) -> &str {
        self.0.strip_prefix(ALGORITHM).unwrap_or(&self.0)
    }

    /// With the algorithm in front.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Bytes with their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    bytes: Bytes,
    digest: Digest,
}

impl Blob {
    /// Takes the bytes and computes their digest.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        Self { bytes, digest }
    }

    /// A value as JSON, without blanks. The caller's type decides the order of fields.
    pub(crate) fn json(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::to_vec(value).map(Self::new)
    }

    /// The content.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its digest.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What a manifest says of this blob.
    pub(crate) fn descriptor(&self, media_type: &str) -> OciDescriptor {
        OciDescriptor {
            media_type: media_type.to_owned(),
            digest: self.digest.to_string(),
            // A blob lies in memory; its length fits.
            size: i64::try_from(self.bytes.len()).unwrap_or(i64::MAX),
            ..OciDescriptor::default()
        }
    }

    /// [`descriptor`](Self::descriptor) with the name of the file it becomes.
    pub(crate) fn titled(&self, media_type: &str, title: &str) -> OciDescriptor {
        OciDescriptor {
            annotations: Some([(crate::media::TITLE.to_owned(), title.to_owned())].into()),
            ..self.descriptor(media_type)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_sha256sum() {
        // From `printf '{}' | sha256sum`; OCI's empty configuration has it as well.
        let digits = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let blob = Blob::new("{}");
        assert_eq!(blob.digest().hex(), digits);
        assert_eq!(blob.digest().to_string(), format!("sha256:{digits}"));
        assert_eq!(blob.descriptor("a/b").size, 2);
    }
}
