//! A temporary folder of a test's own.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process,
};

/// A new folder, removed with all that is in it on drop.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        for number in 0_u32.. {
            let path = env::temp_dir().join(format!("stepup-test-{}-{number}", process::id()));
            // Only one caller can create it, so the name needs no counter shared by threads.
            match fs::create_dir(&path) {
                Ok(()) => return Self(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("cannot create {}: {error}", path.display()),
            }
        }
        unreachable!("some number is free")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file beside its place and renames it in, as Envoy's file watch wants it.
    pub fn put(&self, name: &str, text: &str) -> PathBuf {
        let (path, fresh) = (self.path(name), self.path(&format!("{name}.new")));
        fs::write(&fresh, text).expect("the temporary folder takes a file");
        fs::rename(&fresh, &path).expect("the temporary folder takes a file");
        path
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
