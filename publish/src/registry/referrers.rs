//! The list of referrers, where a registry does not keep it itself.
//!
//! OCI's distribution specification 1.1 has registries list a manifest's referrers. On
//! an older one the client keeps the list, as an index under a tag made of the digest:
//! `sha256-44136fa3…`.
//!
//! Invariant: afterwards every referrer is listed, by one way or the other, and what
//! others attached is still there. Two pushes for one manifest at the same time can lose
//! an entry, as the specification says of this way; a push again adds it again.
//! Rejected: asking the registry which version it speaks; there is no such question. It
//! is asked for the list instead.

use super::Registry;
use crate::blob::{Blob, Digest};
use crate::bundle::Manifest;
use crate::media;
use http::HeaderValue;
use oci_client::errors::OciDistributionError;
use oci_client::manifest::{ImageIndexEntry, OciImageIndex};

impl Registry {
    /// Sees to it that these referrers of `subject` are listed.
    pub(super) async fn list_referrers(
        &self,
        name: &str,
        subject: &Digest,
        referrers: &[&Manifest],
    ) -> Result<(), OciDistributionError> {
        let pinned = self.destination.pinned(name, subject.as_str());
        let listed = self.client.pull_referrers(&pinned, None).await?;
        let Some(complete) = complete(listed, referrers) else { return Ok(()) };
        let tag = subject.as_str().replace(':', "-");
        let list = self.destination.tagged(name, &tag);
        let list_type = HeaderValue::from_static(media::INDEX);
        let bytes = Blob::json(&complete)?.bytes().clone();
        self.client.push_manifest_raw(&list, bytes, list_type).await.map(|_| ())
    }
}

/// The list with what is missing; none if nothing is.
fn complete(mut listed: OciImageIndex, referrers: &[&Manifest]) -> Option<OciImageIndex> {
    let missing: Vec<_> = referrers
        .iter()
        .map(|referrer| &referrer.descriptor)
        .filter(|one| !listed.manifests.iter().any(|entry| entry.digest == one.digest))
        .map(|one| ImageIndexEntry {
            media_type: one.media_type.clone(),
            digest: one.digest.clone(),
            size: one.size,
            platform: None,
            annotations: one.annotations.clone(),
            artifact_type: one.artifact_type.clone(),
        })
        .collect();
    if missing.is_empty() {
        return None;
    }
    listed.manifests.extend(missing);
    listed.media_type = Some(media::INDEX.to_owned());
    Some(listed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Form;
    use crate::bundle::tests::bundle;

    fn empty() -> OciImageIndex {
        OciImageIndex {
            schema_version: 2,
            media_type: None,
            manifests: Vec::new(),
            artifact_type: None,
            annotations: None,
        }
    }

    #[test]
    fn what_is_listed_is_kept_and_what_is_missing_added_once() {
        let bundle = bundle(b"x");
        let referrers: Vec<_> = bundle.referrers_of(Form::Image).collect();
        let others = complete(empty(), &referrers[..1]).unwrap();
        let both = complete(others, &referrers).unwrap();
        let digests: Vec<_> = both.manifests.iter().map(|entry| entry.digest.as_str()).collect();
        let expected: Vec<_> = referrers.iter().map(|one| one.digest().as_str()).collect();
        assert_eq!(digests, expected);
        assert_eq!(both.manifests[0].artifact_type.as_deref(), Some(media::CYCLONEDX));
        // A registry that keeps the list itself.
        assert!(complete(both, &referrers).is_none());
    }
}
