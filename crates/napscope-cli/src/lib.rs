//! The napscope command.
