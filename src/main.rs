//! The `segl` program: see segl(8).

use std::process::ExitCode;

mod cli;

// The system's own keeps most of what large messages took, in an arena for each thread that read one: half a gigabyte
// after twenty of them (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
