//! Folders of pictures, and pictures of samples.

use super::oracle;
use super::write::{counting, npy, zip};
use crate::scratch::Scratch;
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use napscope_cli::data::{Color, DataSet, InputKind, Layout, ModelInput, OpenOptions, Preprocess, TensorValues};
use napscope_cli::report::PictureKind;
use std::io::Cursor;
use std::path::Path;

fn encode(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).expect("encoded");
    bytes.into_inner()
}

pub(super) fn png(picture: impl Into<DynamicImage>) -> Vec<u8> {
    encode(picture, ImageFormat::Png)
}

fn open(path: &Path, preprocess: Preprocess, inputs: Vec<ModelInput>) -> napscope::Result<DataSet> {
    DataSet::open(path, &OpenOptions { preprocess, model_inputs: inputs, ..OpenOptions::default() })
}

fn floats(data: &DataSet, samples: &[usize]) -> Vec<f32> {
    match data.read(samples).expect("readable").swap_remove(0).values {
        TensorValues::F32(values) => values,
        TensorValues::I64(_) => panic!("floats were wanted"),
    }
}

#[test]
fn sub_folders_are_classes_and_samples_are_sorted_by_path() {
    let scratch = Scratch::new();
    let grey = |value| png(GrayImage::from_pixel(9, 9, Luma([value])));
    for (name, bytes) in [
        ("dog/2.png", grey(51)),
        ("dog/10.PNG", grey(102)),
        ("cat/deep/1.jpeg", encode(GrayImage::from_pixel(9, 9, Luma([204])), ImageFormat::Jpeg)),
        ("a.png", grey(0)),
        ("dog/.hidden.png", grey(0)),
        ("dog/readme.txt", b"text".to_vec()),
        (".git/x.png", grey(0)),
    ] {
        scratch.file(name, bytes);
    }
    let data = open(scratch.path(), Preprocess::default(), vec![]).expect("four pictures");
    let column = |at: usize| {
        (0..4)
            .map(|sample| data.columns()[at].text(sample).map(|text| text.into_owned()))
            .collect::<Vec<Option<String>>>()
    };
    let some = |text: &str| Some(text.to_string());
    assert_eq!(column(0), [some("a.png"), some("cat/deep/1.jpeg"), some("dog/10.PNG"), some("dog/2.png")]);
    assert_eq!(column(1), [None, some("cat"), some("dog"), some("dog")]);
    assert_eq!(data.inputs()[0].shape, [1, 9, 9], "grey, as the first picture");
    let values = floats(&data, &[3, 0, 1]);
    assert_eq!((values[0], values[81], values[162]), (51.0 / 255.0, 0.0, 204.0 / 255.0));
    assert!(data.notes()[0].starts_with("3 files are hidden or no PNG or JPEG"), "{:?}", data.notes());
    assert_eq!(data.content_key(0).expect("a key"), data.content_key(0).expect("a key"));
    assert_ne!(data.content_key(0).expect("a key"), data.content_key(3).expect("a key"));
}

#[test]
fn pictures_are_prepared_as_pillow_and_torchvision_do() {
    let scratch = Scratch::new();
    let case = oracle::load().picture;
    scratch.file("a.png", oracle::base64(&case.base64));
    let whole = Preprocess { scale: 255.0, layout: Some(Layout::Nhwc), ..Preprocess::default() };

    for expected in case.prepared {
        let preprocess = Preprocess { resize: Some(expected.resize), crop: Some(expected.crop), ..whole.clone() };
        let data = open(scratch.path(), preprocess, vec![]).expect("one picture");
        let found: Vec<u8> = floats(&data, &[0]).into_iter().map(|value| value.round() as u8).collect();
        assert_eq!(found, expected.rgb, "resized to {}, cut to {}", expected.resize, expected.crop);
    }
    let grey = open(scratch.path(), Preprocess { color: Some(Color::Grey), ..whole }, vec![]).expect("one picture");
    let found: Vec<u8> = floats(&grey, &[0]).into_iter().map(|value| value.round() as u8).collect();
    assert_eq!(found, case.grey);
}

#[test]
fn mean_std_scale_and_layout_are_applied() {
    let scratch = Scratch::new();
    // The left pixel is red, the right one (0, 51, 255) and half transparent.
    let mut picture = RgbaImage::from_pixel(2, 1, Rgba([255, 0, 0, 255]));
    picture.put_pixel(1, 0, Rgba([0, 51, 255, 128]));
    scratch.file("a.png", png(picture));
    let preprocess = Preprocess { mean: vec![0.5, 0.0, 0.0], std: vec![0.5, 1.0, 2.0], ..Preprocess::default() };
    for (layout, shape, expected) in [
        (Layout::Nchw, [3, 1, 2], [1.0, -1.0, 0.0, 0.2, 0.0, 0.5]),
        (Layout::Nhwc, [1, 2, 3], [1.0, 0.0, 0.0, -1.0, 0.2, 0.5]),
    ] {
        let data =
            open(scratch.path(), Preprocess { layout: Some(layout), ..preprocess.clone() }, vec![]).expect("one");
        assert_eq!(data.inputs()[0].shape, shape);
        assert_eq!(floats(&data, &[0]), expected, "{layout:?}");
    }
}

#[test]
fn a_network_that_takes_integers_gets_whole_pixels() {
    let scratch = Scratch::new();
    scratch.file("a.png", png(RgbImage::from_pixel(2, 2, Rgb([1, 2, 255]))));
    let input =
        ModelInput { name: "pixels".into(), kind: InputKind::Int, shape: Some(vec![None, Some(2), Some(2), Some(3)]) };
    let whole = Preprocess { scale: 255.0, ..Preprocess::default() };
    let data = open(scratch.path(), whole, vec![input.clone()]).expect("it fits");
    let batch = data.read(&[0]).expect("readable");
    assert_eq!(batch[0].values, TensorValues::I64([1, 2, 255].repeat(4)));
    let error = open(scratch.path(), Preprocess::default(), vec![input]).expect_err("fractions");
    assert!(error.how_to_mend().is_some_and(|hint| hint.contains("--scale 255")), "{error}");
}

#[test]
fn samples_that_look_like_pictures_can_be_seen() {
    let picture = |bytes: Option<Vec<u8>>| image::load_from_memory(&bytes.expect("a PNG")).expect("our own PNG");
    let open = |members: &[(&str, Vec<u8>)]| {
        let scratch = Scratch::new();
        let path = scratch.file("x.npz", zip(members, false));
        DataSet::open(&path, &OpenOptions::default()).expect("readable")
    };
    // (n, 3, 8, 8) bytes: red, green and blue planes of 10, 20 and 30.
    let planes: Vec<u8> = [10, 20, 30].iter().flat_map(|value| [*value; 64]).collect();
    let data = open(&[("x.npy", npy("|u1", &[1, 3, 8, 8], &planes))]);
    assert_eq!(data.pictures(), Some(PictureKind::Sample));
    assert_eq!(picture(data.picture_png(0, 64)).to_rgb8().get_pixel(7, 7), &Rgb([10, 20, 30]));

    // Values −0.5 … 1.5, square: stretched over black and white.
    let stretched: Vec<u8> = (0..256).flat_map(|at| (at as f32 / 127.5 - 0.5).to_le_bytes()).collect();
    let data = open(&[("x.npy", npy("<f4", &[1, 16, 16], &stretched))]);
    let shown = picture(data.picture_png(0, 64)).to_luma8();
    assert_eq!((shown.get_pixel(0, 0).0, shown.get_pixel(15, 15).0), ([0], [255]));
    assert_eq!(picture(data.picture_png(0, 4)).to_luma8().dimensions(), (4, 4));

    let none = open(&[("x.npy", counting(&[3, 10]))]);
    assert!(none.pictures().is_none() && none.picture_png(0, 64).is_none(), "vectors are no pictures");
    assert!(none.picture_png(99, 64).is_none(), "nor is a sample that is not there");
}

#[test]
fn pictures_of_a_folder_can_be_seen() {
    let scratch = Scratch::new();
    scratch.file("a.png", png(RgbImage::from_pixel(100, 50, Rgb([9, 8, 7]))));
    let data = open(
        scratch.path(),
        Preprocess::preset("imagenet").map(|p| Preprocess { resize: Some(224), ..p }).expect("a preset"),
        vec![],
    )
    .expect("one picture");
    assert_eq!(data.inputs()[0].shape, [3, 224, 224]);
    let shown = image::load_from_memory(&data.picture_png(0, 20).expect("a PNG")).expect("our own PNG").to_rgb8();
    assert_eq!((shown.dimensions(), shown.get_pixel(5, 5)), ((20, 10), &Rgb([9, 8, 7])));
}
