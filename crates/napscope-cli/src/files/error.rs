//! What the operating system refuses, in words that say how to mend it.

use napscope::{Error, ErrorKind};
use std::io;

/// An error of the operating system as one of ours: `what` failed (as in `cannot open it`); the caller adds the path.
pub fn io_error(what: &str, error: &io::Error) -> Error {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "check the path; the shell's working folder counts for relative ones",
        io::ErrorKind::PermissionDenied => "check the permissions of the file and of its folder",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, or write to another disk with -o"
        }
        io::ErrorKind::ReadOnlyFilesystem => "write to another folder with -o",
        io::ErrorKind::UnexpectedEof => {
            "the file is shorter than it was: copy it again, and let nothing write to it meanwhile"
        }
        io::ErrorKind::NotADirectory => "a part of the path is a file: name a folder",
        io::ErrorKind::IsADirectory => "it is a folder: name a file",
        io::ErrorKind::InvalidFilename => "choose another, shorter name",
        _ => return Error::new(ErrorKind::Source, format!("{what}: {error}")),
    };
    Error::new(ErrorKind::Source, format!("{what}: {}", reason(error))).hint(hint)
}

/// The operating system's own words, without the number that Rust adds.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_string(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_say_how_to_mend_them() {
        let error = std::fs::File::open("no/such/file").expect_err("it does not exist");
        let error = io_error("cannot open it", &error);
        assert_eq!(error.to_string(), "cannot open it: No such file or directory");
        assert!(error.how_to_mend().is_some_and(|hint| hint.contains("check the path")));
    }
}
