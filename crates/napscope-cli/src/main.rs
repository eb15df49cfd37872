//! The napscope binary.
fn main() {}
