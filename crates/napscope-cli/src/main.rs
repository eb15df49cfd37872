//! The `napscope` binary: everything is in the library, so that tests reach it.

fn main() -> std::process::ExitCode {
    napscope_cli::exit::guarded(|| napscope_cli::commands::run(std::env::args_os()))
}
