"""The liquidation engine: a book, many price paths, a grid of thresholds.

docs/engine.md says what happens in a step and in what order. Three programs mean the same:
`blocks` (sorted book, one collateral), `touched` (any rule, several collaterals) and `twin`
(plain Python, to be read). `run` picks one from the rules asked.
"""

from govkit.simulate.engine.blocks import EVERYTHING, LOSSES, SKIPPED
from govkit.simulate.engine.run import kernel_for, run_accounts, run_book, run_grid
from govkit.simulate.engine.terms import (
    NORMAL,
    STEPS_PER_HOUR,
    Accounts,
    Book,
    Conditions,
    Depth,
    Losses,
    Pool,
    Rules,
    Terms,
)

__all__ = [
    "EVERYTHING",
    "LOSSES",
    "NORMAL",
    "SKIPPED",
    "STEPS_PER_HOUR",
    "Accounts",
    "Book",
    "Conditions",
    "Depth",
    "Losses",
    "Pool",
    "Rules",
    "Terms",
    "kernel_for",
    "run_accounts",
    "run_book",
    "run_grid",
]
