//! What a training is computed on: the processor, or a graphics card in a build that has the feature `wgpu`.
//!
//! The same training on two devices learns the same to rounding, never to the byte: a card adds in f32 and in an order of its
//! own, where the processor's sums are f64 in a fixed one.

use anyhow::Result;
use burn::tensor::Device;
use std::thread;

/// Names of the devices, as the command line takes them.
pub const DEVICES: [&str; 2] = ["cpu", "wgpu"];

/// A device, and how the parts of a step are spread over it.
#[derive(Debug, Clone)]
pub struct Compute {
    /// The device that forward passes run on; gradients run on its twin with autodiff.
    pub device: Device,
    /// What it calls itself, where it is not the processor.
    pub name: Option<String>,
    side_by_side: bool,
}

impl Compute {
    /// The processor, on up to `num_threads` threads.
    pub fn cpu(num_threads: usize) -> Self {
        Compute { device: Device::flex(), name: None, side_by_side: num_threads > 1 }
    }

    /// The device called `name`, one of [`DEVICES`].
    ///
    /// # Errors
    /// When no device is called so, this build has no graphics card in it, or this machine has none.
    pub fn open(name: &str, num_threads: usize) -> Result<Self> {
        match name {
            "cpu" => Ok(Self::cpu(num_threads)),
            "wgpu" => graphics_card(),
            _ => anyhow::bail!("no device is called `{name}`; there are {}", DEVICES.join(", ")),
        }
    }

    /// `work` of each item, in the items' order. A card has one queue, so there one item waits for the other.
    pub fn each<T: Sync, R: Send>(&self, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
        if !self.side_by_side {
            return items.iter().map(work).collect();
        }
        let work = &work;
        thread::scope(|scope| {
            let workers: Vec<_> = items.iter().map(|item| scope.spawn(move || work(item))).collect();
            workers.into_iter().map(|worker| worker.join().expect("a pass does not panic")).collect()
        })
    }
}

#[cfg(not(feature = "wgpu"))]
fn graphics_card() -> Result<Compute> {
    anyhow::bail!(
        "this napscope-train was built without a graphics card: build it with the feature `wgpu` \
         (cargo run --release -p napscope-train --features wgpu -- …)"
    )
}

/// The card that wgpu thinks best, set up once for the whole program.
#[cfg(feature = "wgpu")]
fn graphics_card() -> Result<Compute> {
    use anyhow::anyhow;
    use std::sync::OnceLock;
    static CARD: OnceLock<Result<Device, String>> = OnceLock::new();
    let found = CARD.get_or_init(|| Device::wgpu_options().init().map_err(|error| error.to_string()));
    let device = found.clone().map_err(|error| {
        anyhow!(
            "no graphics card can be used ({error}): install its Vulkan, Metal or DX12 driver, or name --device cpu"
        )
    })?;
    let name = device.identity().map(|identity| identity.name);
    Ok(Compute { device, name, side_by_side: false })
}
