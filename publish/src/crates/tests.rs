use super::*;

const TREE: &str = "\
0 bbr-filter v0.1.0 (/somewhere/filters/bbr)\tApache-2.0\t\t
1 serde_json v1.0.1\tMIT OR Apache-2.0\thttps://git.example/json\t
2 itoa v1.0.2\tMIT/Apache-2.0\t\t
1 shared v0.1.0 (/somewhere/shared)\tApache-2.0\t\t
2 itoa v1.0.2\tMIT/Apache-2.0\t\t
2 serde_json v1.0.1\tMIT OR Apache-2.0\thttps://git.example/json\t (*)

0 picker-filter v0.1.0 (/somewhere/filters/picker)\tApache-2.0\t\t
1 shared v0.1.0 (/somewhere/shared)\tApache-2.0\t\t (*)
1 odd v3.0.0\tour own terms\t\t
";

const CHECKSUM: &str = "1f8b0c0d1f8b0c0d1f8b0c0d1f8b0c0d1f8b0c0d1f8b0c0d1f8b0c0d1f8b0c0d";

pub(crate) fn crates() -> Crates {
    let lock = format!(
        r#"
version = 4

[[package]]
name = "itoa"
version = "1.0.2"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "{CHECKSUM}"

[[package]]
name = "shared"
version = "0.1.0"
"#
    );
    Crates::read(TREE, &lock).unwrap()
}

fn names(crates: &Crates) -> Vec<&str> {
    crates.0.keys().map(|id| id.name.as_str()).collect()
}

fn of<'a>(crates: &'a Crates, name: &str) -> &'a Crate {
    crates.0.iter().find(|(id, _)| id.name == name).unwrap().1
}

#[test]
fn a_package_has_what_it_reaches_and_nothing_else() {
    let crates = crates();
    let bbr = crates.within("bbr-filter").unwrap();
    assert_eq!(names(&bbr), ["bbr-filter", "itoa", "serde_json", "shared"]);
    // Its part of the tree is only referred to: `shared … (*)`.
    let picker = crates.within("picker-filter").unwrap();
    assert_eq!(names(&picker), ["itoa", "odd", "picker-filter", "serde_json", "shared"]);
}

#[test]
fn facts_come_from_tree_and_lock_file() {
    let crates = crates();
    let itoa = of(&crates, "itoa");
    assert_eq!(itoa.checksum.as_deref(), Some(CHECKSUM));
    assert_eq!(itoa.license.as_deref(), Some("MIT/Apache-2.0"));
    assert!(!itoa.local);
    let json = of(&crates, "serde_json");
    assert_eq!(json.repository.as_deref(), Some("https://git.example/json"));
    assert!(of(&crates, "shared").local);
    assert_eq!(of(&crates, "shared").needs.len(), 2);
}

#[test]
fn a_package_that_is_not_there_is_named() {
    let error = crates().within("bbr").unwrap_err();
    assert_eq!(error.to_string(), "cargo tree does not list bbr");
}

#[test]
fn what_is_no_tree_is_an_error_that_shows_the_line() {
    let error = Crates::read("warning: unused", "version = 4").unwrap_err();
    assert!(error.to_string().ends_with("warning: unused"), "{error}");
}

#[test]
fn cargos_own_tree_of_the_filters_is_read() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let lock = std::fs::read_to_string(format!("{root}/Cargo.lock")).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root);
    let packages = ["bbr-filter", "picker-filter"];
    let all = Crates::ask(cargo, &packages, "wasm32-wasip1", &lock).unwrap();
    let bbr = all.within("bbr-filter").unwrap();
    assert!(of(&bbr, "shared").local);
    assert!(of(&bbr, "proxy-wasm").checksum.is_some());
    // A procedural macro, and a crate of the developer commands.
    for absent in ["serde_derive", "schemars", "picker-filter"] {
        assert!(!names(&bbr).contains(&absent), "{absent}");
    }
    for (id, one) in &bbr.0 {
        assert!(one.local || one.checksum.is_some(), "{} has no checksum", id.name);
        assert!(one.needs.iter().all(|need| bbr.0.contains_key(need)), "{}", id.name);
    }
}
