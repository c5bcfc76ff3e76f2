use super::calibration::{Calibration, Figure, Round, Side, figures, replace, section};
use super::study::Study;
use super::{draw, page, slug};
use crate::figures::Sample;
use crate::workload::{ALL, Small};

#[test]
fn the_report_has_a_table_and_a_plot_of_each_workload() {
    let study = Study::made_up();
    let folder = tempfile::tempdir().expect("a folder");
    draw(&study, folder.path()).expect("draws");
    let page = page(&study, None);
    for workload in ALL {
        let plot = format!("{}.svg", slug(workload));
        let drawn = std::fs::read_to_string(folder.path().join(&plot)).expect("is there");
        assert!(drawn.contains("oracle") && page.contains(&format!("(routing/{plot})")), "{plot}");
    }
    assert!(page.contains("| **ours** | 100 ± 0 |"), "{page}");
    assert!(page.contains("## Where we lose"));
}

fn calibration() -> Calibration {
    let mut rounds = Vec::new();
    for workload in Small::ALL {
        for (policy, factor) in [("round robin", 2.0), ("ours", 1.0)] {
            for (side, other) in [(Side::Envoy, 1.0), (Side::Model, 1.5), (Side::Engine, 1.0)] {
                for seed in 1..=2 {
                    let value = factor * other * seed as f64;
                    let figures = Figure::ALL.into_iter().map(|figure| (figure, value)).collect();
                    let (workload, policy) = (workload.name().to_owned(), policy.to_owned());
                    rounds.push(Round { workload, policy, seed, side, figures, late: 7.0 });
                }
            }
        }
    }
    let envoy = "1.40.0".to_owned();
    Calibration { envoy, cores: 2, load: 1.0, seconds: 30, warm_up: 6, rounds }
}

#[test]
fn a_model_that_is_slower_for_all_alike_shows_in_figures_and_not_in_ratios() {
    let text = section(&calibration());
    assert!(text.contains("| TTFT p90 | 1.50 to 1.50 | 1.00 to 1.00 | 1.00 to 1.00 |"), "{text}");
    assert!(text.contains("| TTFT p90 | ours / round robin | 0.50 ± 0.00 | 0.50 ± 0.00 | 1.00 |"));
    for workload in Small::ALL {
        assert!(text.contains(&format!("### Calibration: {}", workload.name())));
    }
}

#[test]
fn stored_figures_come_back_and_the_report_keeps_its_section() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(Calibration::load(folder.path()).expect("no file is no error"), None);
    let calibration = calibration();
    calibration.save(folder.path()).expect("saves");
    let loaded = Calibration::load(folder.path()).expect("loads");
    assert_eq!(loaded.as_ref(), Some(&calibration));
    let (without, with) = (page(&Study::made_up(), None), page(&Study::made_up(), loaded.as_ref()));
    let section = section(&calibration);
    assert_eq!(replace(&without, &section).as_ref(), Some(&with), "put in later");
    assert_eq!(replace(&with, &section).as_ref(), Some(&with), "put in again");
    assert_eq!(replace("another page", &section), None);
}

#[test]
fn the_committed_report_has_the_section_of_the_stored_figures() {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let stored = Calibration::load(&docs.join("routing")).expect("reads").expect("is there");
    let page = std::fs::read_to_string(docs.join("routing.md")).expect("is there");
    let hint = "run `cargo xtask simulate --calibrate --model-only`";
    assert_eq!(replace(&page, &section(&stored)), Some(page), "{hint}");
}

#[test]
fn all_sides_figures_are_of_the_same_kind() {
    let sample = |ttft, cached_tokens, server| Sample {
        ttft,
        total: 2 * ttft,
        prompt_tokens: 100,
        cached_tokens,
        output_tokens: 5,
        server,
    };
    let figures = figures(&[sample(1_000, 80, 0), sample(3_000, 0, 0)], 4);
    let expected = [1.0, 3.0, 2.0, 6.0, 0.4, 4.0];
    assert_eq!(figures.into_values().collect::<Vec<_>>(), expected);
}
