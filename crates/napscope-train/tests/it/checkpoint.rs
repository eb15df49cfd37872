//! A checkpoint that is damaged or of something else is refused, with a message that says so.

use crate::support::{batches, smallest};
use napscope_train::checkpoint::{load, save};
use napscope_train::device::Compute;
use napscope_train::trainer::Trainer;
use std::path::Path;

fn written(path: &Path) -> Trainer {
    let config = smallest(3);
    let parts = batches(&config, 2, 1);
    let mut trainer = Trainer::new(config).expect("a trainer");
    trainer.step(&parts, &Compute::cpu(1)).expect("a step");
    save(&trainer, path).expect("written");
    trainer
}

#[test]
fn what_is_saved_is_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("checkpoint.safetensors");
    let trainer = written(&path);
    assert!(load(&path).expect("it is read") == trainer, "the same weights, moments and memory");
}

#[test]
fn the_damaged_and_the_foreign_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("checkpoint.safetensors");
    written(&path);
    let whole = std::fs::read(&path).expect("a checkpoint");
    let mut flipped = whole.clone();
    let last = flipped.len() - 9;
    flipped[last] ^= 4;
    let foreign = safetensors::serialize(std::iter::empty::<(String, safetensors::tensor::TensorView)>(), None)
        .expect("an empty file");
    let text = |from: &str, to: &str| {
        let at = whole.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
        [&whole[..at], to.as_bytes(), &whole[at + from.len()..]].concat()
    };
    for (bytes, expected) in [
        (flipped, "checksum"),
        (whole[..whole.len() / 2].to_vec(), "safetensors"),
        (whole[..5].to_vec(), "safetensors"),
        (b"PK\x03\x04 not a checkpoint at all".to_vec(), "safetensors"),
        (foreign, "something else"),
        (text(r#"\"version\":1"#, r#"\"version\":9"#), "version 9"),
        (text("size = \\\\\\\"tiny\\\\\\\"", "size = \\\\\\\"tidy\\\\\\\""), "no size of a network is called `tidy`"),
        (text("block1.dw1.bias", "block1.dw9.bias"), "block1.dw1.bias"),
    ] {
        std::fs::write(&path, &bytes).expect("written");
        let Err(error) = load(&path) else { panic!("not refused: {expected}") };
        assert!(format!("{error:#}").contains(expected), "expected `{expected}`, got: {error:#}");
    }
}
