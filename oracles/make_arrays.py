"""Files as NumPy, safetensors and pandas write them, with what they hold: the expected values of the data tests.

Writes arrays.json beside itself. Run: python oracles/make_arrays.py
"""

import base64
import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors
import safetensors.numpy
from PIL import Image, __version__ as pillow_version

SHAPE = (3, 2, 4)
NUMBERS = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]


def numbers(dtype):
    """24 values of a type, its extremes among them."""
    dtype = np.dtype(dtype)
    values = np.arange(24)
    if dtype.kind == "b":
        return (values % 3 == 0).reshape(SHAPE)
    if dtype.kind == "f":
        values = (values - 11.5) / 7
        values[:3] = [np.inf, -np.inf, 0.0]
        return values.astype(dtype).reshape(SHAPE)
    values = (values - (12 if dtype.kind == "i" else 0)).astype(dtype)
    values[0], values[-1] = np.iinfo(dtype).min, np.iinfo(dtype).max
    return values.reshape(SHAPE)


def expected(array):
    """What a reader must find: integers and text as text (exact), floats as float32 with inf as text."""
    array = np.asarray(array)
    flat = array.ravel(order="C").tolist()
    if array.dtype.kind == "f":
        values = [str(np.float32(value)) for value in flat]
    else:
        values = [value.decode() if isinstance(value, bytes) else str(value) for value in flat]
    return {"shape": list(array.shape), "values": values}


def case(name, data, arrays):
    return {"file": name, "base64": base64.b64encode(data).decode(), "arrays": {k: expected(v) for k, v in arrays.items()}}


def npy(array, version=None):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=version, allow_pickle=False)
    return buffer.getvalue()


def npz(arrays, save):
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


def npy_cases():
    for code in NUMBERS:
        array = numbers(code)
        for order in "CF":
            for end in "<>":
                ordered = np.asarray(array.astype(array.dtype.newbyteorder(end)), order=order)
                name = f"{array.dtype.name}-{'big' if end == '>' else 'little'}-{order}.npy"
                yield case(name, npy(ordered), {Path(name).stem: array})
    for name, array in [
        ("unicode-little", np.array(["", "naïve", "日本語", "a b"], dtype="<U5")),
        ("unicode-big", np.array([["a", "bc"], ["😀", ""]], dtype=">U2")),
        ("bytes", np.array([b"cat", b"", b"mouse"], dtype="S5")),
        ("fortran-text", np.asfortranarray(np.array([["a", "b", "c"], ["dd", "ee", "ff"]]))),
        ("scalar", np.array(3.5)),
        ("one", np.array([[7.0]])),
        ("no-rows", np.zeros((0, 4), np.float32)),
    ]:
        yield case(f"{name}.npy", npy(array), {name: array})
    yield case("version2.npy", npy(numbers("f4"), (2, 0)), {"version2": numbers("f4")})
    yield case("version3.npy", npy(numbers("f4"), (3, 0)), {"version3": numbers("f4")})


def zip64_always(arrays):
    """An archive whose sizes stand in zip64 fields, as those of members beyond 4 GiB do."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            with archive.open(name + ".npy", "w", force_zip64=True) as member:
                member.write(npy(array))
    return buffer.getvalue()


def npz_cases():
    arrays = {
        "x": numbers("f4"),
        "x_fortran": np.asfortranarray(numbers("f8")),
        "big": numbers("i4").astype(">i4"),
        "label": np.array(["cat", "dog", "cat"]),
        "snr_db": np.array([-3.0, 0.0, 7.5]),
    }
    yield case("stored.npz", npz(arrays, np.savez), arrays)
    yield case("deflated.npz", npz(arrays, np.savez_compressed), arrays)
    yield case("zip64.npz", zip64_always(arrays), arrays)


def bf16(array):
    """The upper halves of float32 values, and the values that they stand for."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32) >> 16
    return bits.astype(np.uint16), (bits << 16).astype(np.uint32).view(np.float32)


def safetensors_cases():
    arrays = {np.dtype(code).name: numbers(code) for code in NUMBERS}
    data = safetensors.numpy.save(arrays)
    yield case("numbers.safetensors", data, arrays)
    halves, values = bf16(numbers("f4"))
    header = json.dumps({"b": {"dtype": "BF16", "shape": list(SHAPE), "data_offsets": [0, halves.nbytes]}}).encode()
    header += b" " * (-len(header) % 8)
    yield case("bfloat16.safetensors", struct.pack("<Q", len(header)) + header + halves.tobytes(), {"b": values})


def table():
    return pd.DataFrame(
        {
            "id": pd.array([10, 11, 12, 13], dtype="int32"),
            "small": pd.array([1, None, -3, 4], dtype="Int8"),
            "count": pd.array([1, 2**53 + 1, None, -1], dtype="Int64"),
            "unsigned": np.array([0, 1, 2, 2**32 - 1], dtype="uint32"),
            "snr_db": [0.5, np.nan, -2.25, 1e300],
            "half": np.array([0.1, 0.2, np.nan, 0.4], dtype="float32"),
            "seen": pd.array([True, None, False, True], dtype="boolean"),
            "label": ["cat", None, "ねこ", ""],
            "kind": pd.Categorical(["a", "b", "a", None]),
        }
    )


def parquet_cases():
    frame = table()
    columns = {}
    for name in frame:
        column = frame[name]
        missing = column.isna()
        show = (lambda v: str(v)) if column.dtype != np.float32 else (lambda v: str(np.float32(v)))
        columns[name] = [None if gone else show(value) for value, gone in zip(column.tolist(), missing)]
    for compression in ["none", "snappy", "zstd", "gzip"]:
        for version, rows in [("1.0", None), ("2.0", 2)]:
            buffer = io.BytesIO()
            pq.write_table(
                pa.Table.from_pandas(frame, preserve_index=False),
                buffer,
                compression=compression,
                data_page_version=version,
                row_group_size=rows,
            )
            yield {
                "file": f"{compression}-{version[0]}.parquet",
                "base64": base64.b64encode(buffer.getvalue()).decode(),
                "columns": columns,
            }


def picture_cases():
    """A picture, and what Pillow makes of it: what torchvision's Resize, CenterCrop and Grayscale do."""
    y, x = np.mgrid[0:23, 0:31]
    pixels = np.stack([x * 8, y * 11, (x * y) % 256], axis=-1).astype(np.uint8)
    picture = Image.fromarray(pixels)
    buffer = io.BytesIO()
    picture.save(buffer, "png")
    prepared = []
    for side, crop in [(12, 10), (40, 9), (23, 11), (5, 5)]:
        height, width = side, int(side * 31 / 23)
        resized = picture.resize((width, height), Image.Resampling.BILINEAR)
        left, top = round((width - crop) / 2.0), round((height - crop) / 2.0)
        cropped = resized.crop((left, top, left + crop, top + crop))
        prepared.append({"resize": side, "crop": crop, "rgb": np.asarray(cropped).ravel().tolist()})
    return {
        "base64": base64.b64encode(buffer.getvalue()).decode(),
        "prepared": prepared,
        "grey": np.asarray(picture.convert("L")).ravel().tolist(),
    }


def main():
    out = {
        "versions": {
            "numpy": np.__version__,
            "safetensors": safetensors.__version__,
            "pandas": pd.__version__,
            "pyarrow": pa.__version__,
            "pillow": pillow_version,
        },
        "arrays": [*npy_cases(), *npz_cases(), *safetensors_cases()],
        "tables": list(parquet_cases()),
        "picture": picture_cases(),
    }
    path = Path(__file__).with_suffix("").with_name("arrays.json")
    path.write_text(json.dumps(out, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(path, path.stat().st_size, "bytes,", len(out["arrays"]), "array files,", len(out["tables"]), "tables")


if __name__ == "__main__":
    main()
