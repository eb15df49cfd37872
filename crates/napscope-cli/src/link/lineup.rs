//! The receivers of a comparison, ready to receive: classical ones and networks, all of them on the same slots.

use super::neural::NeuralReceiver;
use super::receivers::{NamedReceiver, ReceiverKind};
use napscope::Result;
use napscope_ofdm::link::{ErrorRates, Simulator};
use napscope_ofdm::receiver::ReceiverConfig;
use napscope_onnx::Choice;
use std::ops::Range;

/// Receivers for slots of one grid.
pub struct Lineup {
    names: Vec<String>,
    /// They share the making of a slot.
    classical: Vec<ReceiverConfig>,
    /// Each with its place among all, in rising order.
    networks: Vec<(usize, NeuralReceiver)>,
}

impl Lineup {
    /// Opens `receivers` for slots of `simulator`; `engine` is asked for where there is a network.
    ///
    /// # Errors
    /// For a network that cannot be opened or does not fit the link.
    pub fn open(
        receivers: &[NamedReceiver],
        simulator: &Simulator,
        engine: impl Fn() -> Result<Choice>,
    ) -> Result<Self> {
        let names = receivers.iter().map(|receiver| receiver.name.clone()).collect();
        let (mut classical, mut networks) = (Vec::new(), Vec::new());
        for (place, receiver) in receivers.iter().enumerate() {
            match &receiver.kind {
                ReceiverKind::Classical(config) => classical.push(*config),
                ReceiverKind::Network(spec) => {
                    networks.push((place, NeuralReceiver::open(spec, simulator, &engine()?)?));
                }
            }
        }
        Ok(Lineup { names, classical, networks })
    }

    /// What the receivers are called, in the order in which they were asked for.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The classical ones, in their order.
    pub fn classical(&self) -> &[ReceiverConfig] {
        &self.classical
    }

    /// Is receiver `place` a network? It gives LLRs and no equalised symbols.
    pub fn is_network(&self, place: usize) -> bool {
        self.networks.iter().any(|(other, _)| *other == place)
    }

    /// What the user should know of the networks.
    pub fn notes(&self) -> Vec<String> {
        let of_network = |(place, network): &(usize, NeuralReceiver)| {
            network.notes().iter().map(|note| format!("{}: {note}", self.names[*place])).collect::<Vec<_>>()
        };
        self.networks.iter().flat_map(of_network).collect()
    }

    /// The error rates of each slot of `slots`, in order, one for each receiver; made on all threads.
    ///
    /// # Errors
    /// When a network fails, and when the user stops the work.
    pub fn slot_error_rates(&self, simulator: &Simulator, slots: Range<u64>) -> Result<Vec<Vec<ErrorRates>>> {
        let mut rates = simulator.slot_error_rates(&self.classical, slots.clone());
        self.insert_networks(simulator, slots, &mut rates)?;
        Ok(rates)
    }

    /// Puts the networks' error rates on each slot of `slots` between those of the classical receivers.
    ///
    /// # Errors
    /// As [`slot_error_rates`](Self::slot_error_rates).
    pub fn insert_networks(
        &self,
        simulator: &Simulator,
        slots: Range<u64>,
        rates: &mut [Vec<ErrorRates>],
    ) -> Result<()> {
        for (place, network) in &self.networks {
            let of_network = network.slot_error_rates(simulator, slots.clone());
            let of_network = of_network.map_err(|error| error.context(format!("receiver {}", self.names[*place])))?;
            for (rates, of_slot) in rates.iter_mut().zip(of_network) {
                rates.insert(*place, of_slot);
            }
        }
        Ok(())
    }
}
