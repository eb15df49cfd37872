//! A small ResNet on 2,000 pictures of Fashion-MNIST (studies/vision says how both were made).

use super::put;
use crate::settings::Settings;
use std::path::Path;

/// The network.
pub(crate) static MODEL: &[u8] = include_bytes!("../../../../studies/vision/fashion_resnet.onnx");
static DATA: &[u8] = include_bytes!("../../../../studies/vision/fashion_test_2000.npz");

/// Its layers, early to late.
const LAYERS: &[&str] = &["*relu*", "dense"];
/// Patterns of fewer pictures tell a newcomer little.
const MIN_CLUSTER_SIZE: &str = "15";

pub(super) fn unpack(settings: &mut Settings, folder: &Path, _quiet: bool) -> anyhow::Result<()> {
    put(settings, "model", &folder.join("fashion_resnet.onnx"), MODEL)?;
    put(settings, "data", &folder.join("fashion_test_2000.npz"), DATA)?;
    settings.set_default("layer", LAYERS);
    settings.set_default("min-cluster-size", &[MIN_CLUSTER_SIZE]);
    Ok(())
}
