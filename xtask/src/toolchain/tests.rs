use super::*;

fn toolchain() -> Toolchain {
    Toolchain {
        name: "test".to_owned(),
        cargo: "/usr/bin/env".into(),
        target: Target::Unknown,
        target_dir: "/tmp/t".into(),
        arguments: vec!["--config".into(), "a=1".into()],
        environment: vec![("RUSTC_BOOTSTRAP", "1".into())],
        has_clippy: false,
    }
}

#[test]
fn every_command_names_target_and_folder_and_drops_the_flags_of_the_environment() {
    let command = toolchain().cargo("test");
    let arguments: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
    let expected = ["test", "--target", "wasm32-unknown-unknown", "--target-dir", "/tmp/t"];
    assert_eq!(arguments[..5], expected);
    assert_eq!(arguments[5..], ["--config", "a=1"]);
    let environment: Vec<_> = command.get_envs().collect();
    assert!(environment.contains(&("RUSTFLAGS".as_ref(), None)));
    assert!(environment.contains(&("RUSTC_BOOTSTRAP".as_ref(), Some("1".as_ref()))));
}

#[test]
fn an_error_says_what_to_install() {
    let rustup =
        ToolchainError::Rustup { target: "wasm32-wasip1", reason: "no network".to_owned() };
    let debian = ToolchainError::Debian {
        missing: vec!["rustc-web", "wasi-libc"],
        reason: "only root can install them".to_owned(),
    };
    let neither = ToolchainError::Neither {
        target: "wasm32-wasip1",
        rustup: Box::new(rustup),
        debian: Box::new(debian),
    };
    let text = neither.to_string();
    assert!(text.contains("rustup target add wasm32-wasip1"), "{text}");
    assert!(text.contains("--no-install-recommends rustc-web wasi-libc"), "{text}");
}

#[test]
fn a_path_with_quotes_is_quoted_for_toml() {
    assert_eq!(toml(r#"/a "b"/c"#), r#""/a \"b\"/c""#);
}
