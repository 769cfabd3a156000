"""The program as a user starts it: proposals, cold start, help."""

from __future__ import annotations

import statistics
from tempfile import TemporaryDirectory

from benchmarks.items import MEMORY_MIB, MIB, Aim, Row, Section, item
from benchmarks.measure import program_seconds

THREE = ("WETH", "WBTC", "wstETH")
TEN = (*THREE, "cbETH", "rETH", "weETH", "LINK", "UNI", "AAVE", "CRV")

PEAK = "peak MiB: "
WITH_PEAK = f"""
import atexit, sys
from benchmarks.measure import peak_mib
atexit.register(lambda: print("{PEAK}", peak_mib(), file=sys.stderr))
from govkit.cli import main
main(prog_name="govkit")
"""
"""Starts the command line and says at the end how much memory it took."""

BREACH = 1
"""Exit code of a proposal whose change breaches a guard-rail: documents are written then, too."""


def propose(assets: tuple[str, ...], **variables: str) -> tuple[float, float]:
    """Write a proposal into a folder that goes away; seconds and peak memory in MiB."""
    with TemporaryDirectory() as out:
        command = ["-c", WITH_PEAK, "propose", *assets, "--out", out]
        seconds, said = program_seconds(command, codes=(0, BREACH), **variables)
    return seconds, float(said.rpartition(PEAK)[2].split()[0])


@item("propose", "govkit propose")
def proposals(small: bool) -> Section:
    """Write proposals for one, three and ten assets from the shipped model, as a user would.

    Interpreter start, stored refits, all documents, PDF and charts included; kernels are
    compiled already. One and three assets are the median of three runs, ten are one run.
    """
    rows = []
    propose(THREE[:1])
    for assets in (THREE[:1],) if small else (THREE[:1], THREE, TEN):
        runs = [propose(assets) for _ in range(1 if small or assets == TEN else 3)]
        what = f"{len(assets)} asset{'s' if len(assets) > 1 else ''}"
        seconds = statistics.median(run[0] for run in runs)
        aim = Aim(20) if assets == THREE else None
        rows.append(Row(what, seconds, aim=aim, note=", ".join(assets)))
        peak = max(run[1] for run in runs)
        rows.append(Row(f"{what}, peak memory", peak, MIB, Aim(MEMORY_MIB)))
    return Section(tuple(rows))


@item("start", "Start")
def start(small: bool) -> Section:
    """Start the program: help, imports, and the first run ever, which compiles the kernels.

    The first run keeps what it compiled in an empty folder; the second finds it there.
    """
    repeats = 3 if small else 9
    bare = _median(["-c", "pass"], repeats)
    help_ = _median(["-m", "govkit", "--help"], repeats)
    propose_help = _median(["-m", "govkit", "propose", "--help"], repeats)
    engine = _median(["-c", "import govkit.simulate.engine"], repeats)
    pipeline = _median(["-c", "import govkit.proposal"], repeats)
    with TemporaryDirectory() as kernels:
        cold, _ = propose(THREE[:1], NUMBA_CACHE_DIR=kernels)
        warm, _ = propose(THREE[:1], NUMBA_CACHE_DIR=kernels)
    return Section(
        (
            Row("python that does nothing", bare),
            Row("govkit --help", help_, aim=Aim(0.2)),
            Row("govkit propose --help", propose_help, aim=Aim(0.2)),
            Row("importing the engine", engine),
            Row("importing the pipeline", pipeline),
            Row("govkit propose WETH, first run ever", cold),
            Row("govkit propose WETH, second run", warm),
            Row("what compiling adds to the first run", cold - warm, aim=Aim(10)),
        )
    )


def _median(command: list[str], repeats: int) -> float:
    program_seconds(command)
    return statistics.median(program_seconds(command)[0] for _ in range(repeats))
