"""The page and the tables: words and figures in, Markdown out. Measures nothing."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import UTC, datetime

from benchmarks.items import ITEMS, MIB, SECONDS, Aim, Row, Section
from benchmarks.measure import TOP, machine
from govkit import __version__

PAGE = TOP / "docs" / "performance.md"

INTRODUCTION = """\
This page is generated: `make bench` measures everything anew and writes it.

**Work W** is one stress day of a lending market: 10,000 accounts, 288 steps of five minutes,
1,000 price paths, 10 liquidation thresholds. Whoever looks at every account at every step of
every path for every threshold does so 28.8 billion times. The accounts owe 200 million dollars in
all; sizes follow a Pareto law with exponent 1.5, first loan-to-value ratios lie between 15 and
72 %. Prices have Student-t returns with 4 degrees of freedom at 120 % a year, and one jump of
−8 % ± 8 % a day on average. A liquidation repays half of the debt at a bonus of 5 %; keepers sell
what they seize into a pool as large as the book's collateral, as far as the bonus pays for it, and
half of the impact is gone after an hour. [engine.md](engine.md) has every rule.

Times are wall times, medians of several runs in turns unless said. Each
part below runs in a process of its own. An aim stands beside its figure."""


def page(sections: Mapping[str, Section]) -> str:
    """Return the whole page."""
    parts = [
        "# Speed and memory",
        INTRODUCTION,
        _machine(),
        "## Aims",
        _aims(sections),
        *(part(name, section) for name, section in sections.items()),
    ]
    return "\n\n".join(parts) + "\n"


def part(name: str, section: Section) -> str:
    """Return one item's heading, words and table."""
    item = ITEMS[name]
    said = inspect.cleandoc(item.measure.__doc__ or "")
    return "\n\n".join(
        text for text in (f"## {item.title}", said, table(section.rows), section.text) if text
    )


def table(rows: tuple[Row, ...]) -> str:
    """Return figures, aims and notes as a Markdown table; a column that stays empty is left out."""
    lines = [(row.what, shown(row), _aim(row), row.note) for row in rows]
    heads = ("", "figure", "aim", "note")
    kept = [k for k in range(len(heads)) if k < 2 or any(line[k] for line in lines)]
    return _table([heads[k] for k in kept], [[line[k] for k in kept] for line in lines])


def shown(row: Row) -> str:
    """Return a figure with its unit, three digits, thousands with commas."""
    if row.unit == SECONDS and 0 < row.figure < 1e-3:
        return f"{_digits(row.figure * 1e6)} µs"
    return f"{_digits(row.figure)} {row.unit}"


def _aims(sections: Mapping[str, Section]) -> str:
    lines = [
        [f"{ITEMS[name].title}: {row.what}", shown(row), _limit(row), _met(row)]
        for name, section in sections.items()
        for row in section.rows
        if row.aim is not None and row.unit != MIB
    ]
    peaks = [row for section in sections.values() for row in section.rows if row.unit == MIB]
    most = max(peaks, key=lambda row: row.figure)
    lines.append(["peak memory, the most of all parts", shown(most), _limit(most), _met(most)])
    return _table(["", "figure", "aim", ""], lines)


def _aim(row: Row) -> str:
    return f"{_limit(row)}: {_met(row)}" if row.aim else ""


def _limit(row: Row) -> str:
    aim = row.aim or Aim(float("nan"))
    return f"{'at least' if aim.least else 'at most'} {_plain(aim.limit)} {row.unit}"


def _met(row: Row) -> str:
    return "met" if row.aim and row.aim.met(row.figure) else "**not met**"


def _digits(figure: float) -> str:
    if abs(figure) >= 100:
        return f"{figure:,.0f}"
    # Fixed point with three significant digits: 0.00123, 0.0420, 12.3.
    places = 2
    size = abs(figure)
    while 0 < size < 1 and places < 9:
        size *= 10
        places += 1
    return f"{figure:.{places - 1 if abs(figure) >= 10 else places}f}"


def _plain(figure: float) -> str:
    return f"{figure:,g}"


def _table(heads: list[str], lines: list[list[str]]) -> str:
    rule = ["---:" if head == "figure" else "---" for head in heads]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, rule, *lines))


def _machine() -> str:
    facts = machine()
    versions = ", ".join(f"{name} {facts[name]}" for name in ("numpy", "numba", "scipy"))
    return (
        f"Measured on {datetime.now(UTC).date()} with govkit {__version__} on {facts['cores']}"
        f" cores of {facts['processor']}, {facts['memory']} of memory; Python {facts['python']},"
        f" {versions}."
    )
