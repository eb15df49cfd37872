//! Tap any layer of an ONNX model.
