//! The `fieldpost` binary: hands over to the library's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    fieldpost::cli::run(std::env::args_os()).into()
}
