//! The program: hands over to the library, and exits with the code it returns.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(asgigram::cli::main().code())
}
