//! A bundle on disk, as an OCI image layout.
//!
//! Invariant: a layout appears whole or not at all, takes the place of the one before,
//! and only of one: a folder of anything else is never removed.

use crate::blob::{Blob, Digest};
use crate::bundle::Bundle;
use crate::destination::Tag;
use crate::media;
use oci_client::manifest::OciDescriptor;
use serde::Serialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const VERSION_FILE: &str = "oci-layout";

/// Why there is no layout.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// Something else is in its place.
    #[error("{path} is there and is no OCI image layout; name another folder or remove it")]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// It could not be written.
    #[error("cannot write {path}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// The index could not be written as JSON.
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    image_layout_version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u8,
    media_type: &'static str,
    manifests: Vec<OciDescriptor>,
}

/// Writes the bundle to `folder`; its parent is made if it is not there.
///
/// # Errors
/// See [`LayoutError`].
pub fn write(bundle: &Bundle, tag: &Tag, folder: &Path) -> Result<(), LayoutError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| LayoutError::Write { path, source }
    };
    let is_empty = || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if folder.exists() && !folder.join(VERSION_FILE).is_file() && !is_empty() {
        return Err(LayoutError::Occupied { path: folder.to_owned() });
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(at(parent))?;
    let scratch =
        tempfile::Builder::new().prefix(".oci-").tempdir_in(parent).map_err(at(parent))?;

    let whole = scratch.path().join("layout");
    let blobs = whole.join("blobs").join("sha256");
    fs::create_dir_all(&blobs).map_err(at(&blobs))?;
    let put = |path: PathBuf, content: &Blob| fs::write(&path, content.bytes()).map_err(at(&path));
    let place = |digest: &Digest| blobs.join(digest.hex());
    for blob in bundle.blobs.values() {
        put(place(blob.digest()), blob)?;
    }
    for manifest in [&bundle.image, &bundle.artifact].into_iter().chain(&bundle.referrers) {
        put(place(manifest.digest()), &manifest.blob)?;
    }
    put(whole.join("index.json"), &Blob::json(&index(bundle, tag))?)?;
    let version = Blob::json(&Version { image_layout_version: "1.0.0" })?;
    put(whole.join(VERSION_FILE), &version)?;

    if folder.exists() {
        fs::remove_dir_all(folder).map_err(at(folder))?;
    }
    fs::rename(&whole, folder).map_err(at(folder))
}

fn index(bundle: &Bundle, tag: &Tag) -> Index {
    let named = |descriptor: &OciDescriptor, tag: &str| OciDescriptor {
        annotations: Some([(media::REF_NAME.to_owned(), tag.to_owned())].into()),
        ..descriptor.clone()
    };
    let forms = [
        named(&bundle.image.descriptor, tag.image()),
        named(&bundle.artifact.descriptor, &tag.artifact()),
    ];
    let referrers = bundle.referrers.iter().map(|referrer| referrer.descriptor.clone());
    Index {
        schema_version: 2,
        media_type: media::INDEX,
        manifests: forms.into_iter().chain(referrers).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::tests::bundle;
    use std::collections::BTreeMap;

    fn tag() -> Tag {
        "0.1.0".parse().unwrap()
    }

    /// Every file below, by path.
    fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut open = vec![folder.to_owned()];
        while let Some(next) = open.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let content = fs::read(&path).unwrap();
                    found.insert(path.strip_prefix(folder).unwrap().to_owned(), content);
                }
            }
        }
        found
    }

    #[test]
    fn two_layouts_of_the_same_are_the_same_files() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("deep/one"), folder.path().join("two"));
        write(&bundle(b"x"), &tag(), &one).unwrap();
        write(&bundle(b"x"), &tag(), &two).unwrap();
        assert_eq!(files(&one), files(&two));
        assert!(files(&one).len() > 10);
        // Nothing is left beside them.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn every_blobs_name_is_its_digest_and_the_index_names_all_manifests() {
        let folder = tempfile::tempdir().unwrap();
        let layout = folder.path().join("layout");
        write(&bundle(b"x"), &tag(), &layout).unwrap();
        let files = files(&layout);
        for (path, content) in &files {
            if let Ok(name) = path.strip_prefix("blobs/sha256") {
                assert_eq!(name.to_str().unwrap(), Digest::of(content).hex());
            }
        }
        let index: serde_json::Value =
            serde_json::from_slice(&files[Path::new("index.json")]).unwrap();
        let manifests = index["manifests"].as_array().unwrap();
        let tags: Vec<_> =
            manifests.iter().filter_map(|m| m["annotations"][media::REF_NAME].as_str()).collect();
        assert_eq!(tags, ["0.1.0", "0.1.0-artifact"]);
        assert_eq!(manifests.len(), 6);
        assert_eq!(files[Path::new("oci-layout")], br#"{"imageLayoutVersion":"1.0.0"}"#);
    }

    #[test]
    fn a_layout_takes_the_place_of_the_one_before_and_of_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let layout = folder.path().join("layout");
        write(&bundle(b"old"), &tag(), &layout).unwrap();
        write(&bundle(b"new"), &tag(), &layout).unwrap();
        let fresh = folder.path().join("fresh");
        write(&bundle(b"new"), &tag(), &fresh).unwrap();
        assert_eq!(files(&layout), files(&fresh));

        let mine = folder.path().join("mine");
        fs::create_dir(&mine).unwrap();
        fs::write(mine.join("letter"), "dear").unwrap();
        let error = write(&bundle(b"new"), &tag(), &mine).unwrap_err();
        assert!(matches!(error, LayoutError::Occupied { .. }), "{error}");
        assert!(mine.join("letter").is_file());
    }
}
