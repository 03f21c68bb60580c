//! Lists the kinds of number that `src/detect/identifier` holds, so that a new one needs its own file and nothing else.

use std::{env, error::Error, fmt::Write, fs, path::Path};

/// Where the kinds stand, beside what they share.
const DIRECTORY: &str = "src/detect/identifier";

/// What a file of a kind declares, and no other.
const KIND: &str = "static KIND: Identifier =";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo looks at every file of the directory.
    println!("cargo::rerun-if-changed={DIRECTORY}");
    let directory = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join(DIRECTORY);
    let mut kinds = Vec::new();
    for entry in fs::read_dir(&directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") && fs::read_to_string(&path)?.contains(KIND) {
            let name = path.file_stem().and_then(|name| name.to_str()).ok_or("a file's name is not UTF-8")?;
            kinds.push((name.to_owned(), path));
        }
    }
    // In the order of their names, whatever that of the directory is.
    kinds.sort();
    let mut source = String::new();
    for (name, path) in &kinds {
        writeln!(source, "#[path = {path:?}]\nmod {name};")?;
    }
    writeln!(source, "\n/// Every kind.\nstatic KINDS: &[&Identifier] = &[")?;
    for (name, _) in &kinds {
        writeln!(source, "    &{name}::KIND,")?;
    }
    writeln!(source, "];")?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("kinds.rs"), source)?;
    Ok(())
}
