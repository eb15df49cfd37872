//! The embedded example: a small ResNet on 2,000 pictures of Fashion-MNIST (studies/vision says how both were made).

use crate::settings::Settings;
use anyhow::Context;
use tempfile::TempDir;

static MODEL: &[u8] = include_bytes!("../../../studies/vision/fashion_resnet.onnx");
static DATA: &[u8] = include_bytes!("../../../studies/vision/fashion_test_2000.npz");

/// The layers of the example, early to late.
const LAYERS: &[&str] = &["*relu*", "dense"];
/// Patterns of fewer pictures tell a newcomer little.
const MIN_CLUSTER_SIZE: &str = "15";

/// Unpacks the example into a temporary folder, which goes when the value is dropped, and settles what nobody has set.
///
/// # Errors
/// When there is no room for 2 MB.
pub fn unpack(settings: &mut Settings) -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir().context("no temporary folder for the example")?;
    for (setting, name, bytes) in [("model", "fashion_resnet.onnx", MODEL), ("data", "fashion_test_2000.npz", DATA)] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).with_context(|| format!("cannot unpack the example to {}", path.display()))?;
        settings.set_default(setting, &[&path.display().to_string()]);
    }
    settings.set_default("layer", LAYERS);
    settings.set_default("min-cluster-size", &[MIN_CLUSTER_SIZE]);
    Ok(folder)
}
