//! The order of documents and files does not matter.

use super::cases;
use clap::ValueEnum;
use igw::intent::{Settings, build};
use igw::manifests::{Source, parse};
use igw::render::{Options, Target, render};
use proptest::prelude::*;

/// Every document as a file of its own.
fn documents(case: &str) -> Vec<Source> {
    let mut documents = Vec::new();
    for source in cases::sources(case) {
        for (index, text) in source.text.split("\n---").enumerate() {
            documents.push(Source {
                name: format!("{}#{index}", source.name).into(),
                release: source.release.clone(),
                text: text.trim_start_matches("---").trim_start().to_owned(),
            });
        }
    }
    documents
}

/// A set and an order of its documents.
fn shuffled() -> impl Strategy<Value = (String, Vec<Source>)> {
    let sets: Vec<String> =
        cases::all().into_iter().filter(|case| documents(case).len() > 1).collect();
    proptest::sample::select(sets).prop_flat_map(|case| {
        let documents = documents(&case);
        (Just(case), Just(documents).prop_shuffle())
    })
}

/// A document with a line or a value broken.
fn broken() -> impl Strategy<Value = Source> {
    let all: Vec<Source> = cases::all().iter().flat_map(|case| cases::sources(case)).collect();
    let values = ["", "x", "0", "-1", "{}", "[]", "null", "\"\"", "a: b", "&a [*a]", "70000"];
    (
        proptest::sample::select(all),
        any::<prop::sample::Index>(),
        proptest::sample::select(values.to_vec()),
    )
        .prop_map(|(mut source, line, value)| {
            let mut lines: Vec<String> = source.text.lines().map(str::to_owned).collect();
            let line = line.get_mut(&mut lines);
            let key = line.split_once(':').map_or("", |(key, _)| key);
            *line = format!("{key}: {value}");
            source.text = lines.join("\n");
            source
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_broken_line_gives_faults_or_a_configuration_and_never_a_panic(source in broken()) {
        let Ok(manifests) = parse(&[source], "default") else { return Ok(()) };
        let Ok((intent, _)) = build(manifests.documents, &Settings::default()) else { return Ok(()) };
        for target in Target::value_variants() {
            let _ = render(*target, &intent, &Options::default());
        }
    }

    #[test]
    fn shuffled_documents_give_the_same_files((case, shuffled) in shuffled()) {
        let (straight, _) = cases::intent(&cases::sources(&case));
        let (other, _) = cases::intent(&shuffled);
        for target in Target::value_variants() {
            prop_assert_eq!(
                cases::rendered(&straight, *target),
                cases::rendered(&other, *target),
                "{} for {:?}", case, target
            );
        }
    }
}
