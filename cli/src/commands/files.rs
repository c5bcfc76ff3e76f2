//! Puts rendered files where the user wants them.

use super::CommandError;
use crate::render::RenderedFile;
use anstream::eprintln;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Writes `files` into `folder`, or all of them to standard output.
pub(super) fn write(files: &[RenderedFile], folder: Option<&Path>) -> Result<(), CommandError> {
    let Some(folder) = folder else {
        return to_stdout(files)
            .map_err(|source| CommandError::Write { path: "standard output".into(), source });
    };
    for file in files {
        let path = folder.join(&file.path);
        let written = match path.parent() {
            Some(parent) => fs::create_dir_all(parent),
            None => Ok(()),
        };
        written
            .and_then(|()| fs::write(&path, &file.text))
            .map_err(|source| CommandError::Write { path: path.clone(), source })?;
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}

fn to_stdout(files: &[RenderedFile]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (index, file) in files.iter().enumerate() {
        if index > 0 {
            writeln!(out, "---")?;
        }
        if files.len() > 1 {
            writeln!(out, "# {}", file.path.display())?;
        }
        out.write_all(file.text.as_bytes())?;
    }
    out.flush()
}
