"""How the cost grows with accounts and with paths."""

from __future__ import annotations

from benchmarks.cascade import run_engine
from benchmarks.items import TIMES, Aim, Row, Section, item
from benchmarks.measure import median_seconds
from benchmarks.work import PATHS, reference_work


@item("accounts", "Growth with the accounts")
def accounts(small: bool) -> Section:
    """Run W with a thousand to a million accounts; debt and pool together stay the same."""
    sizes = (1_000, 10_000) if small else (1_000, 10_000, 100_000, 1_000_000)
    paths = 100 if small else PATHS
    works = {size: reference_work(size, paths) for size in sizes}
    times = median_seconds(
        {str(size): lambda work=work: run_engine(work) for size, work in works.items()}, 9
    )
    rows = [Row(f"{size:,} accounts", times[str(size)]) for size in sizes]
    ratio = times[str(sizes[-1])] / times[str(sizes[0])]
    rows.append(Row(f"{sizes[-1]:,} / {sizes[0]:,} accounts", ratio, TIMES, Aim(6)))
    return Section(tuple(rows), "The time includes sorting the accounts and summing them up.")


@item("paths", "Growth with the paths")
def paths(small: bool) -> Section:
    """Run W with a thousand to a hundred thousand paths."""
    sizes = (100, 1_000) if small else (1_000, 10_000, 100_000)
    work = reference_work(paths=sizes[-1])
    times = median_seconds(
        {str(size): lambda size=size: run_engine(work.first_paths(size)) for size in sizes}, 5
    )
    rows = [Row(f"{size:,} paths", times[str(size)]) for size in sizes]
    ratio = times[str(sizes[-1])] / times[str(sizes[0])]
    rows.append(Row(f"{sizes[-1]:,} / {sizes[0]:,} paths", ratio, TIMES))
    return Section(tuple(rows))
