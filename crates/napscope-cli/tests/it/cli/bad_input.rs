//! Everything a user may hand over by mistake: each is refused with exit code 2, a message that says what and where, a hint
//! where one can help, no panic, and no half file.

use super::harness::{command, model, napscope, told};
use super::runs::activations;
use crate::data::write::{npy, npy_raw, zip};
use crate::scratch::Scratch;

/// A case: the files it makes, the command, and what the error must say.
struct Case {
    /// What is wrong.
    what: &'static str,
    /// Makes the files.
    make: fn(&Scratch),
    /// The command, split at blanks. `MODEL:x.onnx` is a network of the repository.
    run: &'static str,
    /// Words that the error must hold: what, where, how to mend.
    says: &'static [&'static str],
}

const fn case(what: &'static str, make: fn(&Scratch), run: &'static str, says: &'static [&'static str]) -> Case {
    Case { what, make, run, says }
}

fn nothing(_: &Scratch) {}

fn good(scratch: &Scratch) {
    scratch.file("act.npz", activations(&(0..40).collect::<Vec<_>>()));
}

/// One array `a` of shape (n, 4) as float32.
fn matrix(values: &[f32]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    npy("<f4", &[values.len() / 4, 4], &bytes)
}

fn few(scratch: &Scratch, samples: usize) {
    scratch.file("act.npz", zip(&[("a.npy", matrix(&vec![1.0; 4 * samples]))], false));
}

fn truncated(scratch: &Scratch, name: &str, bytes: Vec<u8>) {
    scratch.file(name, &bytes[..bytes.len() / 2]);
}

fn with_value(scratch: &Scratch, value: f32) {
    let mut values: Vec<f32> = (0..120).map(|i| (i % 17) as f32).collect();
    values[42] = value;
    scratch.file("act.npz", zip(&[("a.npy", matrix(&values))], false));
}

/// A safetensors file of this header and these data.
fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

/// The inputs of the small perceptron, (n, 10).
fn inputs(scratch: &Scratch) {
    let values: Vec<u8> = (0..30 * 10).flat_map(|i| ((i % 23) as f32).to_le_bytes()).collect();
    scratch.file("x.npz", zip(&[("x.npy", npy("<f4", &[30, 10], &values))], false));
}

/// The inputs of the small ResNet, (n, 3, 8, 8).
fn pictures(scratch: &Scratch) {
    let values: Vec<u8> = (0..20 * 3 * 8 * 8).flat_map(|i| ((i % 23) as f32).to_le_bytes()).collect();
    scratch.file("x.npz", zip(&[("x.npy", npy("<f4", &[20, 3, 8, 8], &values))], false));
}

static CASES: &[Case] = &[
    // The command line
    case("an unknown command", nothing, "analise", &["unrecognized subcommand", "analyze"]),
    case("an unknown flag", nothing, "analyze --metrik cosine", &["--metrik", "--metric"]),
    case("a flag without its value", nothing, "analyze --data", &["--data"]),
    case("a model without data", nothing, "analyze MODEL:mlp_dynamo.onnx", &["no data is given", "--data"]),
    case(
        "an unknown sketch",
        good,
        "analyze --data act.npz --sketch histogramm -o run",
        &["histogramm", "`histogram`"],
    ),
    case(
        "an unknown option of a sketch",
        good,
        "analyze --data act.npz --sketch histogram:bin=4 -o run",
        &["bin", "`bins`"],
    ),
    case(
        "a sketch's option that is no number",
        good,
        "analyze --data act.npz --sketch histogram:bins=many -o run",
        &["bins=many"],
    ),
    case("a histogram without bins", good, "analyze --data act.npz --sketch histogram:bins=0 -o run", &["bins"]),
    case("a negative bandwidth", good, "analyze --data act.npz --sketch kde:bandwidth=-1 -o run", &["bandwidth"]),
    case(
        "a temperature of zero",
        good,
        "analyze --data act.npz --sketch free_energy:temperature=0 -o run",
        &["temperature"],
    ),
    case(
        "an unknown normalizer",
        good,
        "analyze --data act.npz --normalize standart -o run",
        &["standart", "`standard`"],
    ),
    case("an unknown metric", good, "analyze --data act.npz --metric euclid -o run", &["euclid", "`euclidean`"]),
    case(
        "a metric that needs a distribution",
        good,
        "analyze --data act.npz --metric hellinger -o run",
        &["hellinger", "histogram"],
    ),
    case(
        "a distribution that was whitened",
        good,
        "analyze --data act.npz --sketch histogram --normalize whiten --metric wasserstein_1 -o run",
        &["wasserstein_1"],
    ),
    case(
        "a level without a distance",
        good,
        "analyze --data act.npz --selection level -o run",
        &["which distance", "level:distance=0.5"],
    ),
    case("an unknown selection", good, "analyze --data act.npz --selection leef -o run", &["leef", "`leaf`"]),
    case("an unknown GLOSH", good, "analyze --data act.npz --glosh correct -o run", &["correct", "`corrected`"]),
    case(
        "patterns of one sample",
        good,
        "analyze --data act.npz --min-cluster-size 1 -o run",
        &["min_cluster_size", "at least 2"],
    ),
    case(
        "a size that is no number",
        good,
        "analyze --data act.npz --min-cluster-size five -o run",
        &["min-cluster-size", "`five`"],
    ),
    case("no neighbor", good, "analyze --data act.npz --min-samples 0 -o run", &["min_samples", "at least 1"]),
    case("alpha of zero", good, "analyze --data act.npz --alpha 0 -o run", &["alpha"]),
    case("alpha that is no number", good, "analyze --data act.npz --alpha NaN -o run", &["alpha"]),
    case(
        "a negative epsilon",
        good,
        "analyze --data act.npz --cluster-selection-epsilon -1 -o run",
        &["cluster_selection_epsilon"],
    ),
    case(
        "a largest size below the smallest",
        good,
        "analyze --data act.npz --max-cluster-size 3 -o run",
        &["max_cluster_size"],
    ),
    case("a limit of zero", good, "analyze --data act.npz --limit 0 -o run", &["limit"]),
    case(
        "more threads than any machine runs",
        good,
        "analyze --data act.npz --threads 100000 -o run",
        &["threads", "1024"],
    ),
    case("no thread", good, "analyze --data act.npz --threads 0 -o run", &["threads"]),
    case("no batch", inputs, "analyze MODEL:mlp_dynamo.onnx --data x.npz --batch 0 -o run", &["batch"]),
    case("memory that is no amount", good, "analyze --data act.npz --memory-limit lots -o run", &["lots", "4GiB"]),
    case(
        "too little memory",
        good,
        "analyze --data act.npz --sketch none --memory-limit 10k -o run",
        &["10.0 KiB", "--memory-limit"],
    ),
    case("no calibration", good, "analyze --data act.npz --sketch histogram --calibration 0 -o run", &["calibration"]),
    case("an unknown engine", inputs, "analyze MODEL:mlp_dynamo.onnx --data x.npz --engine tract -o run", &["tract"]),
    case(
        "a GPU that the engine has not",
        inputs,
        "analyze MODEL:mlp_dynamo.onnx --data x.npz --engine rten --device cuda -o run",
        &["rten runs on the cpu"],
    ),
    case(
        "an onnxruntime that is not there",
        inputs,
        "analyze MODEL:mlp_dynamo.onnx --data x.npz --engine ort --ort-library no.so -o run",
        &["no.so"],
    ),
    // Configuration
    case("a configuration that is not there", good, "analyze --config no.toml --data act.npz -o run", &["no.toml"]),
    case(
        "a configuration that is no TOML",
        |s| {
            good(s);
            s.file("c.toml", "metric =");
        },
        "analyze --config c.toml --data act.npz -o run",
        &["c.toml"],
    ),
    case(
        "a configuration with an unknown name",
        |s| {
            good(s);
            s.file("c.toml", "metrik = 'cosine'");
        },
        "analyze --config c.toml --data act.npz -o run",
        &["c.toml", "metrik", "`metric`"],
    ),
    case("a setting that no run can have", nothing, "config --metric euclid", &["euclid", "`euclidean`"]),
    case("a number that is none", nothing, "config --limit few", &["limit", "`few`"]),
    case(
        "a switch that is neither on nor off",
        |s| {
            good(s);
            s.file("c.toml", "allow_single_cluster = 'ture'");
        },
        "analyze --config c.toml --data act.npz -o run",
        &["allow-single-cluster", "`ture`", "c.toml", "true or false"],
    ),
    // Networks
    case("a model that is not there", inputs, "analyze no.onnx --data x.npz -o run", &["no.onnx"]),
    case(
        "an empty model",
        |s| {
            inputs(s);
            s.file("m.onnx", "");
        },
        "analyze m.onnx --data x.npz -o run",
        &["m.onnx"],
    ),
    case(
        "a model cut short",
        |s| {
            inputs(s);
            truncated(s, "m.onnx", std::fs::read(model("mlp_dynamo.onnx")).expect("the model"));
        },
        "analyze m.onnx --data x.npz -o run",
        &["m.onnx"],
    ),
    case(
        "a text as a model",
        |s| {
            inputs(s);
            s.file("m.onnx", "Dear Sir or Madam, this is no network at all.");
        },
        "analyze m.onnx --data x.npz -o run",
        &["m.onnx"],
    ),
    case(
        "a PyTorch file as a model",
        |s| {
            inputs(s);
            s.file("m.pt", zip(&[("m/data.pkl", b"\x80\x02}q\x00.".to_vec())], false));
        },
        "analyze m.pt --data x.npz -o run",
        &["m.pt", "onnx"],
    ),
    case(
        "a model whose weights are not beside it",
        |s| {
            inputs(s);
            s.file("external.onnx", std::fs::read(model("external.onnx")).expect("the model"));
        },
        "layers external.onnx",
        &["external.onnx", "not beside it"],
    ),
    case("an unknown layer", inputs, "analyze MODEL:mlp_dynamo.onnx --data x.npz --layer rellu -o run", &["rellu"]),
    case(
        "a layer that nothing is like",
        pictures,
        "analyze MODEL:resnet_dynamo.onnx --data x.npz --layer quantum -o run",
        &["quantum", "napscope layers MODEL"],
    ),
    case(
        "a layer that the exporter folded away",
        pictures,
        "analyze MODEL:resnet_dynamo.onnx --data x.npz --layer layer2.1.convolution -o run",
        &["layer2.1.convolution", "in layer2.1 there are `layer2.1.bn1`"],
    ),
    case(
        "a channel axis that no layer has",
        inputs,
        "analyze MODEL:mlp_dynamo.onnx --data x.npz --channel-axis 9 -o run",
        &["channel-axis", "`9`", "no layer"],
    ),
    case(
        "a channel axis that no listed layer has",
        nothing,
        "layers MODEL:mlp_dynamo.onnx --channel-axis 9",
        &["channel-axis"],
    ),
    case(
        "a network whose sizes are open",
        nothing,
        "layers MODEL:../../studies/receiver/receiver.onnx",
        &["subcarriers", "--sample-shape"],
    ),
    case(
        "a shape that is none",
        nothing,
        "layers MODEL:mlp_dynamo.onnx --sample-shape 3xlarge",
        &["--sample-shape 3xlarge", "whole numbers"],
    ),
    case(
        "a shape of another rank",
        nothing,
        "layers MODEL:mlp_dynamo.onnx --sample-shape 3,224,224",
        &["[3, 224, 224]"],
    ),
    case(
        "more shapes than inputs",
        nothing,
        "layers MODEL:mlp_dynamo.onnx --sample-shape 8 --sample-shape 8",
        &["inputs"],
    ),
    case(
        "a channel axis that the chosen layer has not",
        pictures,
        "analyze MODEL:resnet_dynamo.onnx --data x.npz --layer fc --channel-axis 3 -o run",
        &["layer fc", "cannot hold the channels"],
    ),
    case("a folder as a model", inputs, "layers .", &["."]),
    // Data for a network
    case("data that are not there", nothing, "analyze MODEL:mlp_dynamo.onnx --data no.npz -o run", &["no.npz"]),
    case(
        "data of another shape",
        |s| {
            s.file("x.npz", zip(&[("x.npy", npy("<f4", &[30, 7], &[0; 840]))], false));
        },
        "analyze MODEL:mlp_dynamo.onnx --data x.npz -o run",
        &["10", "7"],
    ),
    case(
        "text as data",
        |s| {
            s.file("x.npz", zip(&[("x.npy", npy("<U1", &[3, 10], &[0; 120]))], false));
        },
        "analyze MODEL:mlp_dynamo.onnx --data x.npz -o run",
        &["numbers"],
    ),
    case(
        "arrays that are both called data",
        |s| {
            let a = npy("<f4", &[3, 10], &[0; 120]);
            s.file("x.npz", zip(&[("data.npy", a.clone()), ("images.npy", a)], false));
        },
        "analyze MODEL:mlp_dynamo.onnx --data x.npz -o run",
        &["--input"],
    ),
    case(
        "an input's array that is not there",
        inputs,
        "analyze MODEL:mlp_dynamo.onnx --data x.npz --input x=y -o run",
        &["`y`"],
    ),
    case(
        "an input without an array",
        inputs,
        "analyze MODEL:mlp_dynamo.onnx --data x.npz --input x -o run",
        &["NAME=ARRAY"],
    ),
    case(
        "NaN in the data",
        |s| {
            let mut v = vec![1.0f32; 300];
            v[100] = f32::NAN;
            let b: Vec<u8> = v.iter().flat_map(|v| v.to_le_bytes()).collect();
            s.file("x.npz", zip(&[("x.npy", npy("<f4", &[30, 10], &b))], false));
        },
        "analyze MODEL:mlp_dynamo.onnx --data x.npz -o run",
        &["layer", "sample 10", "NaN"],
    ),
    // Ready-made activations and features
    case(
        "NaN in activations",
        |s| with_value(s, f32::NAN),
        "analyze --data act.npz -o run",
        &["layer a", "sample 10", "NaN"],
    ),
    case(
        "infinity in activations",
        |s| with_value(s, f32::INFINITY),
        "analyze --data act.npz --sketch histogram -o run",
        &["layer a", "sample 10"],
    ),
    case("infinity in features", |s| with_value(s, f32::NEG_INFINITY), "cluster act.npz", &["sample 10", "inf"]),
    case("no sample", |s| few(s, 0), "analyze --data act.npz -o run", &["act.npz", "empty"]),
    case("one sample", |s| few(s, 1), "analyze --data act.npz -o run", &["layer a", "1 sample is too few"]),
    case(
        "the largest min_samples that can be typed",
        |s| few(s, 5),
        "cluster act.npz --min-samples 18446744073709551615",
        &["5 samples are too few for min_samples 18446744073709551615"],
    ),
    case(
        "as many samples as min_samples",
        |s| few(s, 5),
        "analyze --data act.npz -o run",
        &["5 samples are too few", "min_samples"],
    ),
    case(
        "features with three axes",
        |s| {
            s.file("f.npy", npy("<f4", &[5, 2, 2], &[0; 80]));
        },
        "cluster f.npy",
        &["matrix", "analyze"],
    ),
    case("an array that is not there", good, "cluster act.npz --array nope", &["nope"]),
    case(
        "two matrices to cluster",
        |s| {
            let a = npy("<f4", &[8, 2], &[0; 64]);
            s.file("two.npz", zip(&[("a.npy", a.clone()), ("b.npy", a)], false));
        },
        "cluster two.npz",
        &["which array is meant", "--array"],
    ),
    case(
        "a run's folder to cluster",
        |s| {
            good(s);
            assert_eq!(napscope(s, "extract --data act.npz -o f").code, Some(0));
        },
        "cluster f",
        &["it is a folder", "RUN/features/"],
    ),
    case("an unknown layer of arrays", good, "analyze --data act.npz --layer conw -o run", &["conw", "`conv`"]),
    case("a channel axis that is not there", good, "analyze --data act.npz --channel-axis 9 -o run", &["axis"]),
    case(
        "a channel axis that is no number",
        good,
        "analyze --data act.npz --channel-axis last -o run",
        &["channel-axis", "`last`"],
    ),
    // Array files
    case(
        "an empty file",
        |s| {
            s.file("act.npz", "");
        },
        "analyze --data act.npz -o run",
        &["act.npz"],
    ),
    case(
        "an archive cut short",
        |s| truncated(s, "act.npz", activations(&[0, 1, 2])),
        "analyze --data act.npz -o run",
        &["act.npz"],
    ),
    case(
        "an archive without arrays",
        |s| {
            s.file("act.npz", zip(&[], false));
        },
        "analyze --data act.npz -o run",
        &["act.npz"],
    ),
    case(
        "an array cut short",
        |s| truncated(s, "a.npy", matrix(&[0.0; 80])),
        "analyze --data a.npy -o run",
        &["a.npy"],
    ),
    case(
        "an array's header cut short",
        |s| {
            s.file("a.npy", &matrix(&[0.0; 8])[..20]);
        },
        "analyze --data a.npy -o run",
        &["a.npy"],
    ),
    case(
        "an array whose size overflows",
        |s| {
            s.file(
                "a.npy",
                npy_raw("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4), }\n", &[]),
            );
        },
        "analyze --data a.npy -o run",
        &["a.npy"],
    ),
    case(
        "an array of objects",
        |s| {
            s.file("act.npz", zip(&[("a.npy", npy("|O", &[4, 2], b"\x80\x04."))], false));
        },
        "analyze --data act.npz -o run",
        &["a", "never unpickles"],
    ),
    case(
        "a pickle",
        |s| {
            s.file("act.pkl", b"\x80\x04\x95\x0b.");
        },
        "analyze --data act.pkl -o run",
        &["act.pkl"],
    ),
    case(
        "a PyTorch tensor file",
        |s| {
            s.file("act.pt", zip(&[("act/data.pkl", b"\x80\x02.".to_vec())], false));
        },
        "analyze --data act.pt -o run",
        &["act.pt", "numpy"],
    ),
    case(
        "an HDF5 file",
        |s| {
            s.file("act.h5", b"\x89HDF\r\n\x1a\n");
        },
        "analyze --data act.h5 -o run",
        &["act.h5"],
    ),
    case(
        "a MATLAB file",
        |s| {
            s.file("act.mat", b"MATLAB 5.0 MAT-file");
        },
        "analyze --data act.mat -o run",
        &["act.mat"],
    ),
    case(
        "a file of unknown kind",
        |s| {
            s.file("act.xyz", "hello");
        },
        "analyze --data act.xyz -o run",
        &["act.xyz"],
    ),
    case(
        "a zip bomb",
        |s| {
            let zeros = npy("<f4", &[50_000_000, 2], &[0; 64]);
            s.file("act.npz", bomb(zeros));
        },
        "analyze --data act.npz --memory-limit 100MB -o run",
        &["act.npz"],
    ),
    case(
        "an archive that climbs out",
        |s| {
            s.file("act.npz", zip(&[("../../evil.npy", matrix(&[0.0; 40]))], false));
        },
        "analyze --data act.npz -o run",
        &["act.npz"],
    ),
    case(
        "a safetensors file cut short",
        |s| {
            truncated(
                s,
                "a.safetensors",
                safetensors(r#"{"a":{"dtype":"F32","shape":[4,2],"data_offsets":[0,32]}}"#, &[0; 32]),
            )
        },
        "analyze --data a.safetensors -o run",
        &["a.safetensors"],
    ),
    case(
        "a safetensors header beyond all bounds",
        |s| {
            s.file("a.safetensors", u64::MAX.to_le_bytes());
        },
        "analyze --data a.safetensors -o run",
        &["a.safetensors"],
    ),
    case(
        "a features file cut short",
        |s| {
            good(s);
            let ok = napscope(s, "extract --data act.npz -o f");
            assert_eq!(ok.code, Some(0));
            truncated(
                s,
                "f.safetensors",
                std::fs::read(s.path().join("f/features/000-conv.safetensors")).expect("features"),
            );
        },
        "cluster f.safetensors",
        &["f.safetensors"],
    ),
    // Images
    case(
        "a folder without images",
        |s| {
            s.file("photos/readme.txt", "hello");
        },
        "analyze MODEL:plain_cnn_dynamo.onnx --data photos -o run",
        &["photos"],
    ),
    case(
        "an empty folder",
        |s| {
            std::fs::create_dir(s.path().join("photos")).expect("a folder");
        },
        "analyze MODEL:plain_cnn_dynamo.onnx --data photos -o run",
        &["photos"],
    ),
    case(
        "a picture that is none",
        |s| {
            s.file("photos/cat/1.png", "meow");
        },
        "analyze MODEL:plain_cnn_dynamo.onnx --data photos -o run",
        &["1.png"],
    ),
    case(
        "an unknown preset",
        |s| {
            s.file("photos/cat/1.png", "meow");
        },
        "analyze MODEL:plain_cnn_dynamo.onnx --data photos --preset imagenett -o run",
        &["imagenett", "`imagenet`"],
    ),
    case(
        "a preset with what prepares no image",
        |s| {
            s.file("photos/cat/1.png", "meow");
            s.file("p.toml", "metric = 'cosine'");
        },
        "analyze MODEL:plain_cnn_dynamo.onnx --data photos --preset p.toml -o run",
        &["p.toml", "`metric`", "resize, crop"],
    ),
    case(
        "a preset that is not there",
        |s| {
            s.file("photos/cat/1.png", "meow");
        },
        "analyze MODEL:plain_cnn_dynamo.onnx --data photos --preset no.toml -o run",
        &["no.toml", "No such file"],
    ),
    case(
        "a mean that is no number",
        |s| {
            s.file("photos/cat/1.png", "meow");
        },
        "analyze MODEL:plain_cnn_dynamo.onnx --data photos --mean grey -o run",
        &["mean", "`grey`"],
    ),
    // Metadata and labels
    case("a label that is no column", good, "analyze --data act.npz --label lable -o run", &["lable", "`label`"]),
    case("metadata that are not there", good, "analyze --data act.npz --metadata no.csv -o run", &["no.csv"]),
    case(
        "metadata of another length",
        |s| {
            good(s);
            s.file("m.csv", "a\n1\n2\n");
        },
        "analyze --data act.npz --metadata m.csv -o run",
        &["m.csv", "2", "40"],
    ),
    case(
        "metadata with ragged rows",
        |s| {
            good(s);
            s.file("m.csv", "a,b\n1\n");
        },
        "analyze --data act.npz --metadata m.csv -o run",
        &["m.csv"],
    ),
    case(
        "metadata that are no text",
        |s| {
            good(s);
            s.file("m.csv", b"a\n\xff\xfe\n");
        },
        "analyze --data act.npz --metadata m.csv -o run",
        &["m.csv"],
    ),
    case(
        "metadata that are arrays",
        |s| {
            good(s);
            s.file("m.npz", activations(&[0, 1]));
        },
        "analyze --data act.npz --metadata m.npz -o run",
        &["m.npz", "CSV or Parquet"],
    ),
    case(
        "metadata without the id",
        |s| {
            good(s);
            s.file("m.csv", "a\n1\n");
        },
        "analyze --data act.npz --metadata m.csv --id nr -o run",
        &["nr"],
    ),
    case(
        "Parquet that is none",
        |s| {
            good(s);
            s.file("m.parquet", "PAR1 but no more");
        },
        "analyze --data act.npz --metadata m.parquet -o run",
        &["m.parquet"],
    ),
    // Output
    case(
        "a file where the run shall be",
        |s| {
            good(s);
            s.file("run", "precious");
        },
        "analyze --data act.npz -o run",
        &["run", "--output"],
    ),
    case(
        "a folder of other things",
        |s| {
            good(s);
            s.file("run/thesis.tex", "precious");
        },
        "analyze --data act.npz --force -o run",
        &["run", "--output"],
    ),
    case("a place that cannot be written", good, "analyze --data act.npz -o /proc/napscope", &["/proc/napscope"]),
    case("a table of unknown kind", good, "cluster act.npz --array fc -o out.xlsx", &["out.xlsx", "parquet"]),
    case(
        "a table that is already there",
        |s| {
            good(s);
            s.file("out.csv", "precious");
        },
        "cluster act.npz --array fc -o out.csv",
        &["out.csv", "--force"],
    ),
    case("a table where no folder is", good, "cluster act.npz --array fc -o no/such/out.csv", &["out.csv"]),
    // Sweeps
    case(
        "a sweep with an unknown metric",
        good,
        "sweep --data act.npz --metric cosine,euclid",
        &["euclid", "`euclidean`"],
    ),
    case(
        "a sweep with an unknown sketch",
        good,
        "sweep --data act.npz --sketch mean --sketch mein",
        &["mein", "`mean`"],
    ),
    case(
        "a sweep with an unknown option",
        good,
        "sweep --data act.npz --sketch histogram:bin=4,mean",
        &["bin", "`bins`"],
    ),
    case("a sweep with an unknown selection", good, "sweep --data act.npz --selection eom,leef", &["leef", "`leaf`"]),
    case(
        "a value of a sweep that is given twice",
        good,
        "sweep --data act.npz --metric cosine --metric euclidean,cosine",
        &["--metric", "`cosine` is given twice"],
    ),
    case(
        "an empty value of a sweep",
        good,
        "sweep --data act.npz --min-cluster-size 5,,7",
        &["min-cluster-size", "``"],
    ),
    case("a sweep over nothing", good, "sweep --data act.npz --sketch ,", &["sketch", "``"]),
    case(
        "a size of a sweep that is no number",
        good,
        "sweep --data act.npz --min-samples 5,x",
        &["min-samples", "`x`"],
    ),
    case("a sweep with patterns of one sample", good, "sweep --data act.npz --min-cluster-size 1,5", &["at least 2"]),
    case(
        "a sweep of which nothing can be",
        good,
        "sweep --data act.npz --sketch mean,max --metric hellinger,energy -o sweep.json",
        &["none of the 4 combinations can be", "hellinger", "histogram"],
    ),
    case(
        "a sweep of which nothing works",
        good,
        "sweep --data act.npz --min-cluster-size 41,99 -o sweep.json",
        &["no recipe worked", "40 samples are too few", "41"],
    ),
    case(
        "a ranking by labels where there are none",
        |s| few(s, 30),
        "sweep --data act.npz --rank-by ari -o sweep.json",
        &["--rank-by ari", "--label"],
    ),
    case(
        "a ranking by a stability that nobody takes",
        good,
        "sweep --data act.npz --rank-by stability --resamples 0",
        &["--resamples"],
    ),
    case("an unknown ranking", good, "sweep --data act.npz --rank-by validty", &["validty", "validity"]),
    case("a sweep resumed from nowhere", good, "sweep --data act.npz --resume", &["--resume", "-o FILE"]),
    case("a ranked table of unknown kind", good, "sweep --data act.npz -o sweep.xlsx", &["sweep.xlsx", ".json"]),
    case(
        "a ranked table where no folder is",
        good,
        "sweep --data act.npz -o no/such/sweep.json",
        &["sweep.json", "folder"],
    ),
    case(
        "a ranked table that is already there",
        |s| {
            good(s);
            s.file("out.json", "precious");
        },
        "sweep --data act.npz -o out.json",
        &["out.json", "--force"],
    ),
    case(
        "a ranked table where files must not be written",
        good,
        "sweep --data act.npz --resamples 0 -o /proc/sweep.json",
        &["/proc/sweep.json"],
    ),
    case(
        "a folder of other things beside a sweep",
        |s| {
            good(s);
            s.file("sweep.json.partial/thesis.tex", "precious");
        },
        "sweep --data act.npz -o sweep.json",
        &["sweep.json.partial", "--output"],
    ),
    case("a sweep with too little memory", good, "sweep --data act.npz --memory-limit 10k", &["10.0 KiB"]),
    case(
        "NaN in a sweep",
        |s| with_value(s, f32::NAN),
        "sweep --data act.npz -o sweep.json",
        &["layer a", "sample 10", "NaN"],
    ),
    case(
        "a sketch for features that are made",
        |s| {
            good(s);
            assert_eq!(napscope(s, "extract --data act.npz -o f").code, Some(0));
        },
        "sweep f --sketch mean,max",
        &["--sketch", "made already", "`mean`"],
    ),
    case(
        "a limit for a stored run",
        |s| {
            good(s);
            assert_eq!(napscope(s, "extract --data act.npz -o f").code, Some(0));
        },
        "sweep f --limit 10",
        &["limit"],
    ),
    case(
        "a folder that is no run",
        |s| {
            s.file("photos/readme.txt", "hello");
        },
        "sweep photos",
        &["photos", "features/"],
    ),
    case("features that are not there", nothing, "sweep no.npz", &["no.npz"]),
    case("an array of a network", good, "sweep --data act.npz --array fc", &["--array", "--layer"]),
    case(
        "a network without data to sweep over",
        nothing,
        "sweep MODEL:mlp_dynamo.onnx",
        &["no data is given", "--data"],
    ),
];

/// An archive whose member unpacks to far more than it should: zeros, deflated.
fn bomb(head: Vec<u8>) -> Vec<u8> {
    let mut member = head;
    member.resize(400_000_000, 0);
    zip(&[("a.npy", member)], true)
}

#[test]
fn every_mistake_is_told_and_nothing_half_stays() {
    let mut wrong = Vec::new();
    for case in CASES {
        let scratch = Scratch::new();
        (case.make)(&scratch);
        let line: Vec<String> = case
            .run
            .split_whitespace()
            .map(|word| word.strip_prefix("MODEL:").map_or(word.to_owned(), |name| model(name).display().to_string()))
            .collect();
        let told = told(command(&scratch).args(&line).output());
        let mut complain = |why: String| {
            wrong.push(format!("{} (`{}`): {why}\n    it said: {}", case.what, case.run, told.stderr.trim()))
        };
        if told.code != Some(2) {
            complain(format!("expected exit code 2, got {:?}", told.code));
        }
        if told.stderr.contains("panicked") {
            complain("it panicked".into());
        }
        let missing: Vec<_> = case.says.iter().filter(|says| !told.stderr.contains(**says)).collect();
        if !missing.is_empty() {
            complain(format!("expected the error to say {missing:?}"));
        }
        let left = half_files(scratch.path());
        if !left.is_empty() {
            complain(format!("left {left:?} behind"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
    assert!(CASES.len() >= 60, "the table must stay long: {}", CASES.len());
}

/// What looks finished and is not: a report without its run, a table, anything half written outside of `.partial`.
fn half_files(folder: &std::path::Path) -> Vec<String> {
    let mut left = Vec::new();
    for name in
        ["run/report.json", "run/report.html", "run/samples.parquet", "run/features", "run/layers", "no", "sweep.json"]
    {
        if folder.join(name).exists() {
            left.push(name.to_owned());
        }
    }
    let entries = std::fs::read_dir(folder).expect("the scratch folder").flatten();
    left.extend(
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(|name| name.ends_with(".tmp")),
    );
    left
}

/// A disk that is full: the shell forbids files of more than a few blocks, and writing more fails as it does there.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_and_leaves_no_report() {
    let scratch = Scratch::new();
    scratch.file("act.npz", activations(&(0..200).collect::<Vec<_>>()));
    let program = env!("CARGO_BIN_EXE_napscope");
    let script = format!("trap '' XFSZ; ulimit -f 4; exec {program} analyze --data act.npz --sketch none -o run");
    let told = told(std::process::Command::new("sh").args(["-c", &script]).current_dir(scratch.path()).output());
    assert_eq!(told.code, Some(2), "{}", told.stderr);
    assert!(told.stderr.contains("features file"), "it says which file: {}", told.stderr);
    assert_eq!(half_files(scratch.path()), Vec::<String>::new());
}
