//! Files told by their content: name, size and SHA-256.

use crate::report::FileFacts;
use anyhow::Context;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

impl FileFacts {
    /// A file whose bytes are in memory.
    pub fn of_bytes(path: &Path, bytes: &[u8]) -> Self {
        FileFacts { name: name(path), bytes: bytes.len() as u64, sha256: hex(&Sha256::digest(bytes)) }
    }

    /// A file, or all files of a folder (hidden ones aside) by their relative paths and contents.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn of_path(path: &Path) -> anyhow::Result<Self> {
        let mut hash = Sha256::new();
        let mut bytes = 0;
        if path.is_dir() {
            for file in files(path)? {
                let relative = file.strip_prefix(path).unwrap_or(&file).to_string_lossy().replace('\\', "/");
                hash.update((relative.len() as u64).to_le_bytes());
                hash.update(relative.as_bytes());
                bytes += feed(&mut hash, &file)?;
            }
        } else {
            bytes = feed(&mut hash, path)?;
        }
        Ok(FileFacts { name: name(path), bytes, sha256: hex(&hash.finalize()) })
    }
}

fn feed(hash: &mut Sha256, path: &Path) -> anyhow::Result<u64> {
    let place = || format!("cannot read {}", path.display());
    let mut file = File::open(path).with_context(place)?;
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer).with_context(place)?;
        if read == 0 {
            return Ok(bytes);
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let place = || format!("cannot read folder {}", folder.display());
        for entry in std::fs::read_dir(&folder).with_context(place)? {
            let path = entry.with_context(place)?.path();
            match path.file_name().and_then(|name| name.to_str()) {
                Some(name) if name.starts_with('.') => {}
                _ if path.is_dir() => open.push(path),
                _ => found.push(path),
            }
        }
    }
    found.sort();
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Hexadecimal digits of a hash.
pub fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_its_paths_and_contents() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("writable");
        };
        write("a/x.png", "12");
        write("b.png", "3");
        let before = FileFacts::of_path(folder.path()).expect("readable");
        assert_eq!(before.bytes, 3);
        write(".hidden", "4");
        assert_eq!(FileFacts::of_path(folder.path()).expect("readable"), before, "hidden files do not count");
        write("b.png", "4");
        assert_ne!(FileFacts::of_path(folder.path()).expect("readable").sha256, before.sha256);
    }

    #[test]
    fn sha256_is_the_standards() {
        let facts = FileFacts::of_bytes(Path::new("abc"), b"abc");
        assert_eq!(facts.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
