"""What an offline run of W&B holds: its file is a LevelDB log of the messages of `wandb.proto`."""

import json
import struct
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record  # ty: ignore[missing-module-member]

BLOCK = 2**15
FILE_HEADER, CHUNK_HEADER = 7, 7  # bytes
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def records_of(path: Path) -> list[Any]:
    """Read the messages of a file `run-ID.wandb`."""
    content, at, parts, records = path.read_bytes(), FILE_HEADER, [], []
    assert content.startswith(b":W&B")
    while at + CHUNK_HEADER <= len(content):
        if BLOCK - at % BLOCK < CHUNK_HEADER:  # padding
            at += BLOCK - at % BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", content, at)
        parts.append(content[at + CHUNK_HEADER : at + CHUNK_HEADER + length])
        at += CHUNK_HEADER + length
        if kind in (FULL, LAST):
            records.append(Record.FromString(b"".join(parts)))
            parts = []
    return records


def history_of(records: list[Any]) -> list[dict[str, Any]]:
    """Read the rows of a run's history, those of W&B's own names but the step left out."""
    rows = []
    for record in records:
        if record.HasField("history"):
            names = [".".join(item.nested_key) or item.key for item in record.history.item]
            values = [json.loads(item.value_json) for item in record.history.item]
            row = dict(zip(names, values, strict=True))
            rows.append({name: row[name] for name in row if name == "_step" or not name.startswith("_")})
    return rows


def config_of(records: list[Any]) -> dict[str, Any]:
    """Read the settings of a run."""
    (run,) = (record.run for record in records if record.HasField("run"))
    return {item.key: json.loads(item.value_json) for item in run.config.update}
