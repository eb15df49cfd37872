//! Numbers by name beside a head in JSON, as one safetensors file.

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};

/// Numbers that shall be written.
#[derive(Default)]
pub struct TensorsWriter(BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>);

impl TensorsWriter {
    /// Takes `values` of the given shape.
    pub fn singles(&mut self, name: String, shape: Vec<usize>, values: &[f32]) {
        self.0.insert(name, (Dtype::F32, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect()));
    }

    /// Takes a list of `values`.
    pub fn doubles(&mut self, name: String, values: &[f64]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.0.insert(name, (Dtype::F64, vec![values.len()], bytes));
    }

    /// Takes a list of `values`.
    pub fn whole(&mut self, name: String, values: &[u64]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.0.insert(name, (Dtype::U64, vec![values.len()], bytes));
    }

    /// The file, with `head` in its metadata under `key`.
    ///
    /// # Errors
    /// When a shape has another number of elements than its values.
    pub fn bytes(&self, key: &str, head: &impl Serialize) -> anyhow::Result<Vec<u8>> {
        let views = self
            .0
            .iter()
            .map(|(name, (dtype, shape, bytes))| Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let metadata = HashMap::from([(key.to_owned(), serde_json::to_string(head)?)]);
        Ok(safetensors::serialize(views, Some(metadata))?)
    }
}

/// Numbers that were read; errors say what is wrong with the file.
pub struct TensorsReader<'a>(SafeTensors<'a>);

impl<'a> TensorsReader<'a> {
    /// Opens a file; its head is `None` where it has none that is understood.
    ///
    /// # Errors
    /// When it is no safetensors file.
    pub fn open<H: DeserializeOwned>(bytes: &'a [u8], key: &str) -> Result<(Option<H>, Self), String> {
        let no = |error: safetensors::SafeTensorError| format!("no safetensors file: {error}");
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(no)?;
        let text = metadata.metadata().as_ref().and_then(|metadata| metadata.get(key));
        let head = text.and_then(|text| serde_json::from_str(text).ok());
        Ok((head, TensorsReader(SafeTensors::deserialize(bytes).map_err(no)?)))
    }

    /// Is there anything whose name ends so?
    pub fn has_ending(&self, ending: &str) -> bool {
        self.0.names().iter().any(|name| name.ends_with(ending))
    }

    /// The values called `name`.
    ///
    /// # Errors
    /// When nothing is called so, or it holds other numbers.
    pub fn singles(&self, name: &str) -> Result<Vec<f32>, String> {
        Ok(self.of(name, Dtype::F32)?.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// As [`TensorsReader::singles`].
    ///
    /// # Errors
    /// As [`TensorsReader::singles`].
    pub fn doubles(&self, name: &str) -> Result<Vec<f64>, String> {
        Ok(self.of(name, Dtype::F64)?.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
    }

    /// As [`TensorsReader::singles`].
    ///
    /// # Errors
    /// As [`TensorsReader::singles`].
    pub fn whole(&self, name: &str) -> Result<Vec<u64>, String> {
        Ok(self.of(name, Dtype::U64)?.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
    }

    fn of(&self, name: &str, dtype: Dtype) -> Result<&[u8], String> {
        let tensor = self.0.tensor(name).map_err(|_| format!("it holds no `{name}`"))?;
        if tensor.dtype() != dtype {
            return Err(format!("`{name}` holds {:?}, not {dtype:?}", tensor.dtype()));
        }
        Ok(tensor.data())
    }
}
