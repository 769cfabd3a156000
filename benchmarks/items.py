"""What there is to measure, and what a measurement gives back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from importlib import import_module
from multiprocessing import get_context

from benchmarks.measure import peak_mib

ROOMS = ("cascade", "growth", "collaterals", "price_paths", "program")
"""Modules of this folder that hold things to measure, in the order of the page."""

MEMORY_MIB = 1024.0
SECONDS, TIMES, MIB, PERCENT = "s", "times", "MiB", "%"


@dataclass(frozen=True)
class Aim:
    """A limit that a figure should keep: at most, or at least."""

    limit: float
    least: bool = False

    def met(self, figure: float) -> bool:
        """Tell whether the figure keeps the limit."""
        return figure >= self.limit if self.least else figure <= self.limit


@dataclass(frozen=True)
class Row:
    """One figure: what it is of, its unit, the aim it has and what to know about it."""

    what: str
    figure: float
    unit: str = SECONDS
    aim: Aim | None = None
    note: str = ""


@dataclass(frozen=True)
class Section:
    """What one item found. `text` says in words what its figures mean."""

    rows: tuple[Row, ...]
    text: str = ""


@dataclass(frozen=True)
class Item:
    """Something to measure: a function of whether to keep it small."""

    name: str
    title: str
    measure: Callable[[bool], Section]


ITEMS: dict[str, Item] = {}


def item(name: str, title: str) -> Callable[[Callable[[bool], Section]], Callable[[bool], Section]]:
    """Register the function below under a name for ``--only`` and a heading for the page.

    The function's docstring says on the page what is measured.
    """

    def register(measure: Callable[[bool], Section]) -> Callable[[bool], Section]:
        ITEMS[name] = Item(name, title, measure)
        return measure

    return register


def all_items() -> dict[str, Item]:
    """Import every room and return what they registered, in order."""
    for room in ROOMS:
        import_module(f"benchmarks.{room}")
    return ITEMS


def measured(name: str, small: bool) -> Section:
    """Measure one item in a fresh process and add the process's peak memory to its rows."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as fresh:
        return fresh.submit(_measure_here, name, small).result()


def _measure_here(name: str, small: bool) -> Section:
    found = all_items()[name].measure(small)
    peak = Row("peak memory of the measuring process", peak_mib(), MIB, Aim(MEMORY_MIB))
    rows = (*found.rows, peak)
    # Aims are for full sizes.
    return Section(tuple(replace(row, aim=None) for row in rows) if small else rows, found.text)
