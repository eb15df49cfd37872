//! What tapping costs: CPU time of a plain forward pass and of one with every value tapped, as one JSON line each.
//!
//! `cargo run --release -p napscope-onnx --example bench_taps -- MODEL.onnx [ENGINE [SAMPLES [THREADS [DIMS…]]]]`
//!
//! `DIMS` is the shape of one sample where the model leaves it open. The tapped activations are only counted, so that the
//! figure is that of the tap and not of what is made of it.

use napscope_onnx::{Choice, InputData, InputTensor, Layers, Model, Request, Streaming, Tap};
use std::io::Write;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, rest @ ..] = arguments.as_slice() else { return Err("which model?".into()) };
    let number = |place: usize, default: usize| rest.get(place).map_or(Ok(default), |text| text.parse());
    let engine: String = rest.first().cloned().unwrap_or_else(|| "auto".into());
    let (samples, threads) = (number(1, 64)?, number(2, 1)?);
    let dims: Vec<usize> = rest.iter().skip(3).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let engine = Choice::new(&Request { engine: engine.parse()?, ..Request::default() })?;
    let model = Model::open(path)?;
    let given = (!dims.is_empty()).then(|| vec![dims; model.inputs().len()]);
    let layers = model.layers(&engine, given.as_deref())?;
    let last = layers.values.len() - 1;
    let all: Vec<usize> = (0..=last).collect();
    for (what, selected) in [("output", &[last][..]), ("all", &all)] {
        let tap = Tap::new(&model, &engine, &layers, selected)?;
        let bytes: usize = selected.iter().map(|&index| layers.values[index].bytes).sum();
        let streaming = Streaming { threads, batch: 8 };
        run(&tap, &model, &layers, threads * tap.grain(), streaming)?;
        let (cpu, wall) = (cpu_secs(), Instant::now());
        let values = run(&tap, &model, &layers, samples, streaming)?;
        let (cpu, wall) = (cpu_secs() - cpu, wall.elapsed().as_secs_f64());
        writeln!(
            std::io::stdout(),
            "{}",
            serde_json::json!({
                "model": path, "engine": engine.name(), "tapped": what, "layers": selected.len(), "threads": threads,
                "samples": samples, "grain": tap.grain(), "bytes_per_sample": bytes, "values": values,
                "cpu_ms_per_sample": 1e3 * cpu / samples as f64, "wall_ms_per_sample": 1e3 * wall / samples as f64,
            })
        )?;
    }
    Ok(())
}

/// Runs `samples` samples; the number of values that were tapped.
fn run(tap: &Tap, model: &Model, layers: &Layers, samples: usize, streaming: Streaming) -> napscope::Result<usize> {
    let values = AtomicUsize::new(0);
    let read = |rows: Range<usize>| {
        let inputs = model.inputs().iter().zip(&layers.sample_shapes);
        let tensors = inputs.map(|(input, shape)| {
            let len = rows.len() * shape.iter().product::<usize>();
            let data = match input.dtype.is_float() {
                true => InputData::Float((0..len).map(|i| (i % 17) as f32 / 8.0 - 1.0).collect()),
                false => InputData::Integer(vec![0; len]),
            };
            InputTensor::new([&[rows.len()], shape.as_slice()].concat(), data)
        });
        tensors.collect()
    };
    tap.run(samples, streaming, &read, &|batch| {
        values.fetch_add(batch.activations.samples() * batch.activations.shape().len(), Ordering::Relaxed);
        Ok(())
    })?;
    Ok(values.into_inner())
}

/// Seconds of processor time that this process has used (Linux; elsewhere 0).
fn cpu_secs() -> f64 {
    const TICKS_PER_SEC: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 =
        behind_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / TICKS_PER_SEC
}
