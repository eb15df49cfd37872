//! Writes docs/schema/*.json from the types that `report.json` and `layers/*.json` are written from.
//! `cargo xtask schema` runs it; a test fails when they differ.

fn main() -> anyhow::Result<()> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
    for (name, schema) in napscope_cli::report::schemas() {
        std::fs::write(folder.join(name), schema)?;
    }
    Ok(())
}
