//! What a graphics card computes is what the processor computes, to rounding. These tests are compiled with the feature `wgpu`
//! alone, and fail where the machine has nothing that wgpu can use (Mesa's lavapipe is enough: a Vulkan in software).

use crate::support::{batches, smallest};
use napscope_train::data::Batch;
use napscope_train::device::Compute;
use napscope_train::trainer::{Trainer, gradient, logits};

/// Largest difference allowed, relative to the norm: of gradients, which pass through many sums, and of values.
const GRADIENT_TOLERANCE: f64 = 1e-3;
const VALUE_TOLERANCE: f64 = 1e-4;

/// Norms below this one count as this one.
const SMALLEST_NORM: f64 = 1e-4;

/// Largest difference of the losses of a training's first steps, relative: each step begins where the last one ended.
const LOSS_TOLERANCE: f64 = 1e-3;

fn card() -> Compute {
    Compute::open("wgpu", 2).expect("these tests need a device that wgpu can use")
}

fn check(what: &str, got: &[f32], expected: &[f32], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}: as many numbers as on the processor");
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(&mut got.iter().zip(expected).map(|(a, b)| f64::from(a - b)));
    // A bias in front of a batch norm changes nothing: its gradient is rounding, and nobody's is right.
    let size = norm(&mut expected.iter().map(|&b| f64::from(b))).max(SMALLEST_NORM);
    assert!(difference <= tolerance * size, "{what} is off by {:.1e}, at most {tolerance:.0e}", difference / size);
}

/// A network that three steps have moved away from its first weights, and what it is shown.
fn subject() -> (Trainer, Vec<Batch>) {
    let config = smallest(3);
    let parts = batches(&config, 2, 2);
    let mut trainer = Trainer::new(config).expect("a trainer");
    for _ in 0..3 {
        trainer.step(&parts, &Compute::cpu(1)).expect("a step");
    }
    (trainer, parts)
}

#[test]
fn a_card_computes_what_the_processor_computes() {
    let (Trainer { weights, .. }, parts) = subject();
    let (cpu, card) = (Compute::cpu(1).device, card().device);
    let scale = 1.0 / parts[0].num_active_bits() as f64;
    let [on_cpu, on_card] = [&cpu, &card].map(|device| gradient(&weights, &parts[0], scale, device));
    let losses = [&on_card, &on_cpu].map(|result| result.score.mean_loss());
    assert!((losses[0] - losses[1]).abs() <= VALUE_TOLERANCE * losses[1], "losses {losses:?} on the card and without");
    check("the gradient", &on_card.gradient, &on_cpu.gradient, GRADIENT_TOLERANCE);
    for (parameter, range) in weights.ranges() {
        let what = format!("gradient of {}", parameter.name);
        check(&what, &on_card.gradient[range.clone()], &on_cpu.gradient[range], GRADIENT_TOLERANCE);
    }
    check("the moments", &on_card.moments, &on_cpu.moments, VALUE_TOLERANCE);
    let [on_cpu, on_card] = [&cpu, &card].map(|device| logits(&weights, &parts[0], device));
    check("the logits with running moments", &on_card, &on_cpu, VALUE_TOLERANCE);
}

#[test]
fn a_card_learns_what_the_processor_learns() {
    let config = smallest(10);
    let parts = batches(&config, 2, 2);
    let losses = |compute: &Compute| {
        let mut trainer = Trainer::new(config.clone()).expect("a trainer");
        let step = |_| trainer.step(&parts, compute).expect("a step").0.mean_loss();
        (0..10).map(step).collect::<Vec<f64>>()
    };
    let (on_cpu, on_card) = (losses(&Compute::cpu(1)), losses(&card()));
    for (step, (card, cpu)) in on_card.iter().zip(&on_cpu).enumerate() {
        assert!((card - cpu).abs() <= LOSS_TOLERANCE * cpu, "step {step}: loss {card} on the card, {cpu} without");
    }
    assert!(on_card[9] < on_card[0], "ten steps on one batch learn nothing: {on_card:?}");
}
