"""The base graphs of TS 38.212 (tables 5.3.2-2 and 5.3.2-3) as a Rust file.

Run: python make_ldpc_tables.py   (needs sionna-no-rt; writes crates/napscope-ofdm/src/coding/base_graph_tables.rs)

The numbers are facts of the standard; they are read from the tables that Sionna ships.
"""

import importlib.metadata
import importlib.resources
import pathlib

from sionna.phy.fec.ldpc import codes

HEAD = '''//! The base graphs of TS 38.212, tables 5.3.2-2 and 5.3.2-3: (row, column, shift for each set of lifting sizes).
//!
//! The numbers are facts of the standard. Written by `oracles/make_ldpc_tables.py` from the tables that sionna-no-rt {version}
//! (Apache-2.0) ships; do not edit.

/// One entry of a base graph.
pub(super) type Entry = (u8, u8, [u16; 8]);
'''


def entries(name):
    text = importlib.resources.files(codes).joinpath(f"5G_{name}.csv").read_text()
    row = None
    for line in text.splitlines()[2:]:
        cells = line.split(";")
        row = int(cells[0]) if cells[0].strip() else row
        yield row, int(cells[1]), [int(cell) for cell in cells[2:10]]


def table(number):
    listed = list(entries(f"bg{number}"))
    lines = [f"({row}, {column}, {shifts})," for row, column, shifts in listed]
    body = "\n".join("    " + " ".join(lines[i : i + 2]) for i in range(0, len(lines), 2))
    return (
        f"\n/// Base graph {number}.\n#[rustfmt::skip]\n"
        f"pub(super) const BASE_GRAPH_{number}: [Entry; {len(listed)}] = [\n{body}\n];\n"
    )


def main():
    root = pathlib.Path(__file__).parent.parent
    path = root / "crates/napscope-ofdm/src/coding/base_graph_tables.rs"
    path.write_text(HEAD.format(version=importlib.metadata.version("sionna-no-rt")) + table(1) + table(2))
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
