//! The configuration is replaced under load, again and again. Nobody may notice.

use crate::report::Row;
use crate::scene::{Scene, Size, setup};
use crate::xds::{Files, Part};
use fastrand::Rng;
use std::sync::mpsc;

/// Requests between two replacements.
const BETWEEN: usize = 5;

/// Writes the next version of a part, and waits until Envoy took it.
async fn replace(scene: &Scene, files: &Files, place: usize, versions: &mut [usize]) {
    let part = Part::ALL[place];
    let before = scene.metric(&part.counter());
    versions[place] += 1;
    files.write(part, versions[place]);
    let taken = || scene.metric(&part.counter()) > before;
    super::eventually(&format!("{part:?} replaced"), taken).await;
}

pub(crate) async fn swap(rng: &mut Rng, size: Size) -> Row {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (setup, admin) = setup().await;
    let (path, (give, files)) = (folder.path().to_owned(), mpsc::channel());
    let setup = setup
        .edit_last(move |bootstrap| give.send(Files::split(bootstrap, &path)).expect("it waits"))
        // What is replaced is left soon, and by every connection.
        .process(|options| {
            options
                .extra_args
                .extend(["--drain-time-s", "2", "--drain-strategy", "immediate"].map(Into::into));
        });
    let scene = Scene::start((setup, admin), size).await;
    let files = files.recv().expect("the configuration was split");
    let load = scene.load(rng);
    scene.calm(&load).await;
    let mut versions = [0; Part::ALL.len()];
    for _ in 0..size.swaps() {
        let place = rng.usize(..Part::ALL.len());
        replace(&scene, &files, place, &mut versions).await;
        load.more(BETWEEN).await;
    }
    // To every second version belong all endpoints: now none is away.
    for place in 0..Part::ALL.len() {
        if versions[place] % 2 == 1 {
            replace(&scene, &files, place, &mut versions).await;
        }
    }
    scene.calm(&load).await;
    let rejected = ["listener_manager.lds", "cluster_manager.cds"]
        .map(|name| scene.metric(&format!("{name}.update_rejected")));
    assert_eq!(rejected, [0, 0], "Envoy refused a configuration");
    let (judged, _) = scene.judge(load, &[]).await;
    scene.gateway.check();
    let [listeners, clusters, bbr, picker] = versions;
    let note =
        format!("listeners {listeners}, clusters {clusters}, bbr {bbr}, picker {picker} times");
    Row::new(judged, None).note(note)
}
