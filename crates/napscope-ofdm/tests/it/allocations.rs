//! Nothing is allocated for a slot once its like has been seen: counted by an allocator that counts.

use napscope_ofdm::channel::ChannelModel;
use napscope_ofdm::link::tensor::{MAX_BITS_PER_SYMBOL, RECEIVER_INPUTS, write_bits};
use napscope_ofdm::link::{Coding, Domain, Impairments, LinkConfig, Motion, Simulator, Values};
use napscope_ofdm::mapping::MODULATIONS;
use napscope_ofdm::receiver::{Detected, RECEIVERS, ReceiverConfig};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, with a count for each thread: tests run side by side.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    // Threads that end may allocate when their locals are gone already.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }
}

fn model(name: &str) -> ChannelModel {
    ChannelModel::from_name(name).expect(name)
}

/// All that differs from slot to slot, with everything that a slot can have.
fn drawn() -> LinkConfig {
    LinkConfig {
        num_prb: 4,
        snr_db: Values::Uniform(-4.0, 32.0),
        delay_spread_secs: Values::LogUniform(10e-9, 1e-6),
        motion: Motion::MaxDopplerHz(Values::Uniform(0.0, 500.0)),
        channel_models: ["tdl-a", "tdl-e", "awgn", "tdl-c300"].map(model).to_vec(),
        modulations: MODULATIONS.to_vec(),
        coding: Some(Coding { target_coderate: 0.5, ..Coding::default() }),
        impairments: Impairments {
            cfo_hz: Values::Uniform(-100.0, 100.0),
            phase_noise_linewidth_hz: Values::Fixed(5.0),
            pa_backoff_db: Some(Values::Uniform(3.0, 9.0)),
            narrowband_sir_db: Some(Values::Fixed(20.0)),
            co_channel_sir_db: Some(Values::Uniform(0.0, 36.0)),
            ..Impairments::default()
        },
        ..LinkConfig::default()
    }
}

#[test]
fn a_slot_like_one_before_allocates_nothing() {
    for (name, config) in [
        ("the default", LinkConfig { num_prb: 4, ..LinkConfig::default() }),
        ("the time domain", LinkConfig { num_prb: 4, domain: Domain::Time, ..LinkConfig::default() }),
        ("all drawn", drawn()),
    ] {
        let simulator = Simulator::new(config).expect(name);
        let mut workspace = simulator.workspace();
        let (mut detected, mut decoder) = (Detected::default(), simulator.decoder());
        let specs = RECEIVERS.iter().flat_map(|known| [known.0.to_owned(), format!("{}:noise=covariance", known.0)]);
        let configs = specs.map(|spec| ReceiverConfig::from_name(&spec).expect("a receiver"));
        let mut receivers: Vec<_> = configs.map(|config| simulator.receiver(config)).collect();
        let (size, num_rx_ant) = (simulator.grid().num_resource_elements(), simulator.config().num_rx_ant);
        let mut inputs =
            RECEIVER_INPUTS.map(|(_, input)| (input.writer(), vec![0.0; input.num_channels(num_rx_ant) * size]));
        let mut bits = vec![0; MAX_BITS_PER_SYMBOL * size];
        let mut errors = 0;
        let mut run = || {
            for index in 0..12 {
                let slot = simulator.slot(index, &mut workspace);
                let modulation = slot.parameters.modulation;
                for (writer, input) in &mut inputs {
                    writer.write(&simulator.received(slot), input);
                }
                write_bits(slot, simulator.pattern(), &mut bits);
                for receiver in &mut receivers {
                    receiver.receive(&simulator.received(slot), &simulator.genie(slot), modulation, &mut detected);
                    errors += simulator.count_errors(slot, &detected, &mut decoder).uncoded.errors;
                }
            }
        };
        run();
        let before = ALLOCATIONS.get();
        run();
        let allocations = ALLOCATIONS.get() - before;
        assert!(before > 0 && errors > 0, "{name}: the test sees nothing");
        assert_eq!(allocations, 0, "{name}: allocations over the same twelve slots again");
    }
}
