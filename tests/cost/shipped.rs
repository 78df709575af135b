//! Which module is measured, and whether it was built from the sources that are there now.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::support::bootstrap;

/// What the module is made of, besides its dependencies.
const SOURCES: [&str; 7] = [
    "src",
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "scripts/lib/toolchain.sh",
    "scripts/lib/binaryen.sh",
    "scripts/lib/exports.json",
];

/// The module to measure: the one that `STEPUP_WASM` names, whatever it is, or the one of
/// `scripts/build`, if no source has changed since.
pub fn module() -> Result<PathBuf, String> {
    let module = bootstrap::wasm();
    if env::var_os("STEPUP_WASM").is_some() {
        return Ok(module);
    }
    is_current(&module, Path::new(env!("CARGO_MANIFEST_DIR"))).map(|()| module)
}

/// Says which module that is.
pub fn tell(module: &Path) {
    let named = env::var_os("STEPUP_WASM").is_some();
    let origin = if named { "named by STEPUP_WASM" } else { "made by scripts/build" };
    println!("measured: {}, {origin}", module.display());
}

/// `scripts/build` leaves a file beside the module, as old as the start of the build. A source that
/// is newer may have come too late for it.
fn is_current(module: &Path, root: &Path) -> Result<(), String> {
    const REMEDY: &str = "run scripts/build, or name the module to measure in STEPUP_WASM";
    if !module.exists() {
        return Err(format!("there is no module {}; {REMEDY}", module.display()));
    }
    let begun = module.with_added_extension("begun");
    let Some(begun) = modified(&begun) else {
        return Err(format!(
            "it is not known from which sources {} was built: there is no {} beside it; {REMEDY}",
            module.display(),
            begun.display()
        ));
    };
    let newer = SOURCES.iter().find_map(|source| newer_than(begun, &root.join(source)));
    newer.map_or(Ok(()), |source| {
        Err(format!(
            "{} is older than {}, so its figures would be those of other sources; {REMEDY}",
            module.display(),
            source.display()
        ))
    })
}

/// A file that changed after this time, here or below.
fn newer_than(time: SystemTime, path: &Path) -> Option<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else {
        return modified(path).filter(|changed| *changed > time).map(|_| path.to_owned());
    };
    entries.flatten().find_map(|entry| newer_than(time, &entry.path()))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// Tests of the guard itself.
pub mod tests {
    use std::fs::{self, File};
    use std::path::PathBuf;
    use std::time::{Duration, SystemTime};

    use super::is_current;
    use crate::support::folder::Folder;

    pub const ALL: [(&str, fn()); 4] = [
        ("a module that is newer than its sources is measured", a_newer_module_is_measured),
        ("a module that is older than a source fails", an_older_module_fails),
        ("a module without the time of its build fails", a_module_of_unknown_time_fails),
        ("without a module, it is told how to make one", a_missing_module_fails),
    ];

    /// A project with a source, and a module whose build began at the tenth second.
    fn project() -> (Folder, PathBuf) {
        let folder = Folder::new();
        fs::create_dir_all(folder.path("src/token")).expect("a folder");
        let module = folder.path("envoy_stepup.wasm");
        for (file, second) in [
            ("Cargo.toml", 5),
            ("src/token/mod.rs", 9),
            ("envoy_stepup.wasm", 20),
            ("envoy_stepup.wasm.begun", 10),
        ] {
            change(&folder, file, second);
        }
        (folder, module)
    }

    fn change(folder: &Folder, file: &str, second: u64) {
        let file = File::create(folder.path(file)).expect("a file");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        file.set_modified(time).expect("a time");
    }

    fn a_newer_module_is_measured() {
        let (folder, module) = project();
        assert_eq!(is_current(&module, folder.as_ref()), Ok(()));
    }

    fn an_older_module_fails() {
        // Changed while the module was built: what was built may be the one or the other.
        for source in ["src/token/mod.rs", "Cargo.toml"] {
            let (folder, module) = project();
            change(&folder, source, 11);
            let fault = is_current(&module, folder.as_ref()).expect_err("too old");
            for part in ["envoy_stepup.wasm", source, "scripts/build", "STEPUP_WASM"] {
                assert!(fault.contains(part), "{fault}");
            }
        }
    }

    fn a_module_of_unknown_time_fails() {
        let (folder, module) = project();
        fs::remove_file(folder.path("envoy_stepup.wasm.begun")).expect("it is there");
        let fault = is_current(&module, folder.as_ref()).expect_err("unknown");
        assert!(fault.contains("envoy_stepup.wasm.begun"), "{fault}");
        assert!(fault.contains("run scripts/build"), "{fault}");
    }

    fn a_missing_module_fails() {
        let (folder, module) = project();
        fs::remove_file(&module).expect("it is there");
        let fault = is_current(&module, folder.as_ref()).expect_err("missing");
        assert!(fault.contains("there is no module"), "{fault}");
        assert!(fault.contains("run scripts/build"), "{fault}");
    }
}
