//! A neural receiver on slots of a 5G uplink that are simulated when it runs (studies/receiver says how it was trained).

use super::put;
use crate::link::data_set::SlotRows;
use crate::link::lineup::Lineup;
use crate::link::write::{self, Destination};
use crate::link::{receivers, told};
use crate::settings::Settings;
use napscope_ofdm::link::tensor::ReceiverInput;
use napscope_ofdm::link::{LinkConfig, Simulator};
use std::path::Path;

/// The network.
pub(crate) static MODEL: &[u8] = include_bytes!("../../../../studies/receiver/receiver.onnx");

/// Slots; slot i is always the same.
const SLOTS: u64 = 1500;

/// The ranges and the grid of its training, with a seed that training did not have.
const LINK: [(&str, &str); 4] =
    [("num_prb", "6"), ("modulation", "qpsk,16qam"), ("target_coderate", "none"), ("seed", "20261124")];

/// Layers, early to late.
const LAYERS: &[&str] = &["block*.relu2"];
/// Patterns of fewer slots tell a newcomer little.
const MIN_CLUSTER_SIZE: &str = "15";
/// What a receiver must tell apart at least.
const LABEL: &str = "modulation";

pub(super) fn unpack(settings: &mut Settings, folder: &Path, quiet: bool) -> anyhow::Result<()> {
    let model = folder.join("receiver.onnx");
    put(settings, "model", &model, MODEL)?;
    if settings.text("data").is_none() {
        let data = folder.join("slots.npz");
        simulate(settings, &model, &data, quiet)?;
        settings.set_default("data", &[&data.display().to_string()]);
    }
    settings.set_default("layer", LAYERS);
    settings.set_default("label", &[LABEL]);
    settings.set_default("min-cluster-size", &[MIN_CLUSTER_SIZE]);
    Ok(())
}

/// Writes the slots, as many as will be looked at, with what is known of each.
fn simulate(settings: &Settings, model: &Path, data: &Path, quiet: bool) -> anyhow::Result<()> {
    let mut config = LinkConfig::preset("deeprx").map_err(told)?;
    for (name, value) in LINK {
        config.set(name, value).map_err(told)?;
    }
    let simulator = Simulator::new(config).map_err(told)?;
    // What is possible, what a classical receiver makes of it, and what the network itself does.
    let asked = format!("perfect_csi,lmmse_estimated,{}:input=estimate", model.display());
    let lineup = Lineup::open(&receivers::read([asked.as_str()])?, &simulator, || crate::question::engine(settings))?;
    let rows = SlotRows::new(simulator, ReceiverInput::Estimate, lineup)?;
    let slots = settings.get::<u64>("limit")?.map_or(SLOTS, |limit| limit.clamp(1, SLOTS));
    let destination = Destination { path: data.to_path_buf(), slots, shard_size: None, resume: false, force: false };
    let bar = crate::progress::bar("slots", slots as usize, quiet);
    bar.set_message("simulating");
    write::write(&rows, &destination, |slots| bar.inc(slots))?;
    bar.finish_and_clear();
    Ok(())
}
