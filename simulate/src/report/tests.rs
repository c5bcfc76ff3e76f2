use super::study::Study;
use super::{draw, page, slug};
use crate::workload::ALL;

#[test]
fn the_report_has_a_table_and_a_plot_of_each_workload() {
    let study = Study::made_up();
    let folder = tempfile::tempdir().expect("a folder");
    draw(&study, folder.path()).expect("draws");
    let page = page(&study);
    for workload in ALL {
        let plot = format!("{}.svg", slug(workload));
        let drawn = std::fs::read_to_string(folder.path().join(&plot)).expect("is there");
        assert!(drawn.contains("oracle") && page.contains(&format!("(routing/{plot})")), "{plot}");
    }
    assert!(page.contains("| **ours** | 100 ± 0 |"), "{page}");
    assert!(page.contains("## Where we lose"));
}
