//! Other Rust HDBSCANs on a file of points: `peers WHO FILE SAMPLES DIMENSIONS` prints one line of JSON.
//!
//! WHO: petal (petal-clustering) or hdbscan_crate (hdbscan). The file: little-endian f32, row after row.

#[path = "../../../crates/napscope/examples/support/usage.rs"]
mod usage;

use std::time::Instant;
use usage::{cpu_seconds, peak_megabytes, start_peak_anew};

fn petal(rows: &[Vec<f32>], d: usize) -> usize {
    use petal_clustering::Fit;
    let values: Vec<f32> = rows.iter().flatten().copied().collect();
    let points = ndarray::Array2::from_shape_vec((rows.len(), d), values).expect("whole rows");
    // It counts the point itself among its neighbors.
    let mut peer = petal_clustering::HDbscan::<f32, _> {
        min_samples: 6,
        min_cluster_size: 5,
        ..petal_clustering::HDbscan::default()
    };
    peer.fit(&points, None).0.len()
}

fn hdbscan_crate(rows: &[Vec<f32>]) -> usize {
    let parameters = hdbscan::HdbscanHyperParams::builder().min_cluster_size(5).min_samples(6).build();
    let labels = hdbscan::Hdbscan::new(rows, parameters).cluster().expect("points");
    labels.iter().max().map_or(0, |largest| (largest + 1) as usize)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [who, file, n, d] = arguments.as_slice() else { panic!("peers WHO FILE SAMPLES DIMENSIONS") };
    let (n, d): (usize, usize) = (n.parse().expect("a number"), d.parse().expect("a number"));
    let bytes = std::fs::read(file).expect("the file can be read");
    let values: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    assert_eq!(values.len(), n * d, "{file} holds another number of values");
    let rows: Vec<Vec<f32>> = values.chunks_exact(d).map(<[f32]>::to_vec).collect();
    drop((bytes, values));
    start_peak_anew();
    let (cpu, wall) = (cpu_seconds(), Instant::now());
    let patterns = match who.as_str() {
        "petal" => petal(&rows, d),
        "hdbscan_crate" => hdbscan_crate(&rows),
        other => panic!("nobody is called {other}"),
    };
    let (cpu, wall, peak) = (cpu_seconds() - cpu, wall.elapsed().as_secs_f64(), peak_megabytes());
    println!("{{\"cpu_secs\":{cpu},\"wall_secs\":{wall},\"peak_mb\":{peak},\"patterns\":{patterns}}}");
}
