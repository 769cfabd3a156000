"""One table as deterministic bytes: sorted CSV, UTF-8, LF, shortest exact floats, gzip."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from govkit.errors import InputError
from govkit.market.books import ACCOUNT_COLUMNS, QUOTE_COLUMNS
from govkit.market.pools import POOL_COLUMNS
from govkit.market.times import write_times

COLUMNS: dict[str, tuple[str, ...]] = {
    "candles": ("timestamp", "open", "high", "low", "close", "volume", "source"),
    "closes": ("timestamp", "close"),
    "quotes": QUOTE_COLUMNS,
    "pools": POOL_COLUMNS,
    "accounts": ACCOUNT_COLUMNS,
}

TEXT = frozenset({"source", "asset_in", "asset_out", "pool", "type", "account", "collateral_asset"})


def encode_table(frame: pd.DataFrame, kind: str) -> bytes:
    """Return the stored form of a table.

    The bytes depend on the values alone: no file name or time enters the gzip header. NaN is
    written as an empty cell.
    """
    plain = frame.reset_index() if kind in ("candles", "closes") else frame
    cells = [_cells(plain[column], column) for column in COLUMNS[kind]]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS[kind])
    writer.writerows(zip(*cells, strict=True))
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", compresslevel=9, fileobj=packed, mtime=0) as stream:
        stream.write(buffer.getvalue().encode())
    return packed.getvalue()


def _cells(column: pd.Series, name: str) -> list[str]:
    if name == "timestamp":
        return write_times(pd.DatetimeIndex(column))
    if name in TEXT:
        return [value if isinstance(value, str) else "" for value in column]
    values: list[float] = column.to_numpy(dtype=np.float64).tolist()
    return ["" if value != value else repr(value) for value in values]


def parse_table(data: bytes, kind: str, where: str) -> pd.DataFrame:
    """Read a stored table back; floats are exactly those that were written.

    Raises
    ------
    InputError
        When the bytes are not a table of this kind.
    """
    wrong = InputError(f"not a stored table of {kind}", where=where, todo="Import it again.")
    columns = COLUMNS[kind]
    try:
        text = gzip.decompress(data).decode()
        header, *rows = list(csv.reader(io.StringIO(text, newline=""), strict=True)) or [[]]
        if tuple(header) != columns:
            raise wrong
        parts = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
        frame = pd.DataFrame({c: _values(part, c) for c, part in zip(columns, parts, strict=True)})
    except (OSError, EOFError, zlib.error, ValueError, csv.Error):
        raise wrong from None
    return frame.set_index("timestamp") if kind in ("candles", "closes") else frame


def _values(cells: Sequence[str], name: str) -> pd.Series:
    if name == "timestamp":
        times = pd.to_datetime(pd.Series(cells, dtype="str"), format="ISO8601", utc=True)
        return times.dt.as_unit("us")
    if name == "source":
        return pd.Series(cells, dtype="str")
    if name in TEXT:
        return pd.Series([cell or None for cell in cells], dtype="str")
    # float() is exact, which the default parser of read_csv is not
    return pd.Series([float(cell) if cell else np.nan for cell in cells], dtype="float64")
