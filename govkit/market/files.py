"""Bytes on disk to rows of text, each with its line number, before any value is read."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from govkit.errors import InputError

SUFFIXES = (".csv", ".csv.gz", ".json", ".json.gz")

KLINE_COLUMNS = (
    "timestamp",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "trades",
    "taker_buy_base",
    "taker_buy_quote",
    "ignore",
)
"""Binance public data: twelve columns, no header."""


@dataclass(frozen=True)
class RawFile:
    """A file as rows of text.

    Attributes
    ----------
    name, stem:
        File name with and without its suffixes; never a path.
    sha256:
        Digest of the file's own bytes, compressed or not.
    modified:
        Modification time in seconds since 1970.
    cells:
        One string column per column of the file, stripped; the index is the line (CSV) or the
        list position (JSON) of each row, counted from 1.
    blank:
        Rows whose cells were all empty, left out of `cells`.
    """

    name: str
    stem: str
    sha256: str
    modified: float
    cells: pd.DataFrame
    blank: int


def read_file(path: Path) -> RawFile:
    """Read a .csv, .csv.gz, .json or .json.gz file into rows of text.

    Raises
    ------
    InputError
        When the path does not exist, has another suffix, is not readable gzip or UTF-8, has no
        rows, or has a row whose width differs from the header's.
    """
    suffix = next((s for s in sorted(SUFFIXES, key=len)[::-1] if path.name.endswith(s)), "")
    if not path.is_file():
        what = "a folder, not a file" if path.is_dir() else "no such file"
        raise InputError(what, where=str(path), todo="Give the path of a data file.")
    if not suffix:
        raise InputError(
            "not a kind of file that can be read",
            where=path.name,
            todo=f"Give one of {', '.join(SUFFIXES)}; unpack a .zip first.",
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=str(path)) from None
    text = _text(data, path.name, packed=suffix.endswith(".gz"))
    read = _csv_rows if suffix.startswith(".csv") else _json_rows
    header, rows, lines = read(text, path.name)
    kept = [(line, row) for line, row in zip(lines, rows, strict=True) if any(row)]
    if not kept:
        raise InputError(
            "the file has no rows", where=path.name, todo="Check that the download is complete."
        )
    columns = list(zip(*(row for _, row in kept), strict=True))
    cells = pd.DataFrame(
        dict(zip(header, map(list, columns), strict=True)),
        index=[line for line, _ in kept],
        dtype=object,
    )
    return RawFile(
        name=path.name,
        stem=path.name[: -len(suffix)],
        sha256="sha256:" + hashlib.sha256(data).hexdigest(),
        modified=path.stat().st_mtime,
        cells=cells,
        blank=len(rows) - len(kept),
    )


Rows = tuple[list[str], list[list[str]], list[int]]


def _text(data: bytes, name: str, *, packed: bool) -> str:
    try:
        return (gzip.decompress(data) if packed else data).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"not readable as gzip ({error})", where=name, todo="Download the file again."
        ) from None
    except UnicodeDecodeError:
        raise InputError("not UTF-8 text", where=name, todo="Save it as UTF-8.") from None


def _csv_rows(text: str, name: str) -> Rows:
    reader = csv.reader(io.StringIO(text, newline=""))
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if row:
                rows.append([cell.strip() for cell in row])
                lines.append(reader.line_num)
    except csv.Error as error:
        raise InputError(f"not a CSV file ({error})", where=f"{name}:{reader.line_num}") from None
    if not rows:
        return [], [], []
    if _is_number(rows[0][0]):
        header = _headerless(rows[0], name)
    else:
        header, rows, lines = [_column(cell) for cell in rows[0]], rows[1:], lines[1:]
    if len(set(header)) < len(header):
        twice = next(c for c in header if header.count(c) > 1)
        raise InputError(f"column '{twice}' appears twice", where=f"{name}:1")
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(header):
            raise InputError(
                f"{len(row)} cells where the header has {len(header)}",
                where=f"{name}:{line}",
                todo="Mend or remove that row.",
            )
    return header, rows, lines


def _json_rows(text: str, name: str) -> Rows:
    try:
        data: Any = json.loads(text)
    except ValueError as error:
        raise InputError(f"not valid JSON ({error})", where=name) from None
    if not isinstance(data, list) or not all(isinstance(row, list) for row in data):
        raise InputError(
            "the JSON is not a list of [time, open, high, low, close, volume] lists", where=name
        )
    for place, row in enumerate(data, start=1):
        if len(row) != 6:
            raise InputError(f"{len(row)} values where 6 are expected", where=f"{name}:{place}")
    rows = [["" if value is None else str(value) for value in row] for row in data]
    return list(KLINE_COLUMNS[:6]), rows, list(range(1, len(rows) + 1))


def _headerless(row: list[str], name: str) -> list[str]:
    if len(row) in (6, len(KLINE_COLUMNS)):
        return list(KLINE_COLUMNS[: len(row)])
    raise InputError(
        f"no header, and {len(row)} columns are neither 6 (candles) nor 12 (Binance klines)",
        where=f"{name}:1",
        todo="Add a header line.",
    )


def _column(cell: str) -> str:
    return cell.strip().lower().replace(" ", "_")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
