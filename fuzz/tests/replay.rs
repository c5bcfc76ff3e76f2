//! Every file of the corpora through its target, with the stable compiler and without a
//! fuzzer. A finding is kept by leaving its file in `corpus/<target>/`.

use std::fs;
use std::path::{Path, PathBuf};

use gateway_fuzz::TARGETS;
use shared::bbr::{BodyKind, BodyReader, Found};

/// The most files in one corpus, and the most bytes in one of them: it is to stay quick,
/// and readable in a review.
const MOST_FILES: usize = 64;
const MOST_BYTES: u64 = 16 << 10;

fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{target}: {error}"));
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("readable").path()).collect();
    files.sort();
    files
}

#[test]
fn no_file_of_a_corpus_is_a_finding() {
    for target in TARGETS {
        for file in corpus(target.name) {
            // Shown when the check panics.
            println!("{}", file.display());
            (target.check)(&fs::read(&file).expect("readable"));
        }
    }
}

#[test]
fn the_empty_input_is_no_finding_either() {
    for target in TARGETS {
        (target.check)(b"");
    }
}

#[test]
fn every_target_has_a_small_corpus_and_a_program() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
    for target in TARGETS {
        let files = corpus(target.name);
        assert!((5..=MOST_FILES).contains(&files.len()), "{}: {}", target.name, files.len());
        for file in &files {
            let bytes = fs::metadata(file).expect("readable").len();
            assert!(bytes <= MOST_BYTES, "{}: {bytes} bytes", file.display());
        }
        let program = program.join(format!("{}.rs", target.name));
        let text = fs::read_to_string(&program).expect("every target has a program");
        assert!(text.contains(&format!("gateway_fuzz::{}::check", target.name)));
    }
    assert_eq!(fs::read_dir(program).expect("a folder").count(), TARGETS.len());
}

/// The files `client-*` are forms as curl, undici, requests, urllib3 and OpenAI's Python
/// SDK sent them, with file names that are as hard as they let them be.
#[test]
fn the_forms_of_real_clients_are_read() {
    let is_client = |file: &PathBuf| {
        file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("client-"))
    };
    let files: Vec<PathBuf> = corpus("multipart").into_iter().filter(is_client).collect();
    assert_eq!(files.len(), 5, "{files:?}");
    for file in files {
        let bytes = fs::read(&file).expect("readable");
        let end = bytes.iter().position(|byte| *byte == b'\n').expect("a content type");
        let mut reader = BodyReader::new(BodyKind::of(Some(&bytes[..end])), None).expect("a form");
        reader.feed(&bytes[end + 1..]).expect("a form without fault");
        let Ok((Found::Model(named), _)) = reader.finish() else { panic!("{}", file.display()) };
        assert_eq!(named.name, "whisper-1", "{}", file.display());
    }
}
