//! Free energy of a layer of logits (Liu et al. 2020): low where some output is sure of itself. Nothing is learned.
//!
//! - `softmax`: −T · ln Σ_i e^(z_i / T), for one label out of many.
//! - `multi_label`: −T · Σ_i ln(1 + e^(z_i / T)), one label beside the other (JointEnergy, Wang et al. 2021).
//! - `soft_bits`: −T · Σ_i ln(2 cosh(z_i / 2T)), the same for log-likelihood ratios of bits, whose sign is information and
//!   no evidence.

use super::{Detector, Scorer};
use crate::error::{Error, Result};
use crate::features::{Column, Features};
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Detector> = Entry {
    name: "energy",
    summary: "free energy of logits: of one label, of many, or of soft bits",
    options: &[
        ("form", "softmax", "softmax (one label), multi_label, or soft_bits (symmetric in the sign)"),
        ("temperature", "1", "what logits are divided by, 1e-6 to 1e6"),
    ],
    build: |options| {
        let form = match options.text("form") {
            "softmax" => Form::Softmax,
            "multi_label" => Form::MultiLabel,
            "soft_bits" => Form::SoftBits,
            other => return Err(Error::unknown("form of energy", other, ["softmax", "multi_label", "soft_bits"])),
        };
        Ok(Box::new(Energy { form, temperature: options.get_in("temperature", 1e-6..=1e6)? }))
    },
};

#[derive(Clone, Copy)]
enum Form {
    Softmax,
    MultiLabel,
    SoftBits,
}

#[derive(Clone, Copy)]
struct Energy {
    form: Form,
    temperature: f64,
}

impl Energy {
    fn of(self, logits: &[f32]) -> f64 {
        let scaled = || logits.iter().map(|logit| f64::from(*logit) / self.temperature);
        let evidence = match self.form {
            Form::Softmax => {
                let largest = scaled().fold(f64::NEG_INFINITY, f64::max);
                largest + scaled().map(|z| (z - largest).exp()).sum::<f64>().ln()
            }
            // ln(1 + e^z) without overflow
            Form::MultiLabel => scaled().map(|z| z.max(0.0) + (-z.abs()).exp().ln_1p()).sum(),
            // ln(2 cosh(z/2)) = |z|/2 + ln(1 + e^-|z|)
            Form::SoftBits => scaled().map(|z| 0.5 * z.abs() + (-z.abs()).exp().ln_1p()).sum(),
        };
        -self.temperature * evidence
    }
}

impl Detector for Energy {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, reference: &Features) -> Result<Box<dyn Scorer>> {
        Ok(Box::new(FittedEnergy { columns: reference.columns().to_vec(), energy: *self }))
    }
}

struct FittedEnergy {
    columns: Vec<Column>,
    energy: Energy,
}

impl Scorer for FittedEnergy {
    fn score(&self, features: &Features) -> Result<Vec<f64>> {
        features.expect_columns(&self.columns)?;
        Ok((0..features.samples()).map(|sample| self.energy.of(features.row(sample))).collect())
    }
}
