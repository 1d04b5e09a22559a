//! Folders that are filled as `/` of a recorded machine is.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub(super) const MACHINE: &str = include_str!("trees/machine.txt");
pub(super) const DOCKER_V2: &str = include_str!("trees/docker_v2.txt");
pub(super) const ECS_V1: &str = include_str!("trees/ecs_v1.txt");

/// A folder that is removed with this value.
pub(super) struct Tree(TempDir);

impl Tree {
    /// Fills a folder with what a recording holds.
    pub(super) fn of(recorded: &str) -> Self {
        Self::filled(&files(recorded))
    }

    pub(super) fn filled(files: &[(String, Vec<u8>)]) -> Self {
        let tree = Self(TempDir::new().unwrap());
        files.iter().for_each(|(path, text)| tree.write(path, text));
        tree
    }

    pub(super) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    pub(super) fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn remove(&self, file: &str) {
        fs::remove_file(self.path(file)).unwrap();
    }
}

/// The files of a recording: each begins with `>>>` and its path.
pub(super) fn files(recorded: &str) -> Vec<(String, Vec<u8>)> {
    let sections = recorded.split(">>> ").skip(1);
    sections.filter_map(|section| section.split_once('\n')).map(|(path, text)| (path.to_owned(), text.into())).collect()
}
