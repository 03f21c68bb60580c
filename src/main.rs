//! The `segl` program: see segl(8).

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::main()
}
