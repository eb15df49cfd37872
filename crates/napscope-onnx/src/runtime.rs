//! Where an onnxruntime library may lie on this machine.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A library, and where it was found, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Library {
    pub(crate) path: PathBuf,
    pub(crate) found: String,
}

/// The libraries of this machine, in the order in which to try them: the one that `ORT_DYLIB_PATH` names (then no other),
/// those of the system, those of the Python package. Python is asked last, because to start it takes a while.
pub(crate) fn libraries() -> impl Iterator<Item = Library> {
    let named = env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    let search = named.is_none();
    let named = named.map(|path| Library { path, found: "named by ORT_DYLIB_PATH".into() });
    named.into_iter().chain(search.then(|| system().chain(python())).into_iter().flatten())
}

fn system() -> impl Iterator<Item = Library> {
    let listed = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"].into_iter().filter_map(env::var_os);
    let listed: Vec<PathBuf> = listed.flat_map(|paths| env::split_paths(&paths).collect::<Vec<_>>()).collect();
    let multiarch = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
    let usual = ["/usr/local/lib", &multiarch, "/usr/lib64", "/usr/lib", "/opt/homebrew/lib"].map(PathBuf::from);
    let absolute = listed.into_iter().chain(usual).filter(|folder| folder.is_absolute());
    absolute.filter_map(|folder| in_folder(&folder)).map(|path| Library { path, found: "found in the system".into() })
}

fn python() -> impl Iterator<Item = Library> {
    let virtual_env = env::var_os("VIRTUAL_ENV").map(|folder| Path::new(&folder).join("bin").join("python"));
    let interpreters = virtual_env.into_iter().chain([PathBuf::from("python3")]);
    interpreters.filter_map(|python| package(&python)).filter_map(|folder| {
        in_folder(&folder).map(|path| Library { path, found: "found in the Python package onnxruntime".into() })
    })
}

/// The folder of the package's libraries, as an interpreter would import it. The working directory is no place to import
/// from: whoever can write there could bring us to load a library of theirs.
fn package(python: &Path) -> Option<PathBuf> {
    const SCRIPT: &str = "import sys; sys.path = [place for place in sys.path if place]; import importlib.util; \
        spec = importlib.util.find_spec('onnxruntime'); print(spec.submodule_search_locations[0] if spec else '')";
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT]).stdin(Stdio::null()).stderr(Stdio::null());
    let answer = command.output().ok().filter(|output| output.status.success())?;
    let folder = String::from_utf8(answer.stdout).ok()?;
    Some(folder.trim_end()).filter(|folder| !folder.is_empty()).map(|folder| Path::new(folder).join("capi"))
}

/// The library in a folder: the one with the highest version, should there be several.
fn in_folder(folder: &Path) -> Option<PathBuf> {
    let names = std::fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let newest = names.filter(|name| is_library(name)).max_by_key(|name| version(name))?;
    Some(folder.join(newest))
}

fn is_library(name: &str) -> bool {
    let dylib = name.starts_with("libonnxruntime.") && name.ends_with(".dylib");
    name == "onnxruntime.dll" || dylib || name == "libonnxruntime.so" || name.starts_with("libonnxruntime.so.")
}

/// The version that a library's file name ends with: `libonnxruntime.so.1.32.0`, `libonnxruntime.1.32.0.dylib`.
pub(crate) fn version(name: &str) -> Vec<u32> {
    name.trim_end_matches(".dylib").split('.').filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_told_from_their_neighbors() {
        for (name, expected) in [
            ("libonnxruntime.so", true),
            ("libonnxruntime.so.1.32.0", true),
            ("libonnxruntime.1.22.0.dylib", true),
            ("onnxruntime.dll", true),
            ("libonnxruntime_providers_shared.so", false),
            ("libonnxruntime_providers_cuda.so", false),
            ("onnxruntime_pybind11_state.so", false),
            ("libonnxruntime.sources", false),
        ] {
            assert_eq!(is_library(name), expected, "{name}");
        }
    }

    #[test]
    fn versions_order_as_numbers() {
        assert_eq!(version("libonnxruntime.1.22.0.dylib"), [1, 22, 0]);
        assert!(version("libonnxruntime.so.1.9.0") < version("libonnxruntime.so.1.32.0"));
        assert!(version("libonnxruntime.so") < version("libonnxruntime.so.1.9.0"));
    }
}
