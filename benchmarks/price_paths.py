"""What it costs to make price paths."""

from __future__ import annotations

import numpy as np

from benchmarks.items import Row, Section, item
from benchmarks.measure import median_seconds
from benchmarks.work import SEED, make_prices
from govkit.data import load_model
from govkit.simulate.falls import draw, return_law, simulate_falls
from govkit.simulate.joint import joint_draws, joint_falls
from govkit.simulate.paths import price_paths

TICKERS = ("ETH", "BTC", "LINK")
HOURS = 24


@item("price-paths", "Making paths")
def making_paths(small: bool) -> Section:
    """Make a day of five-minute prices: those of W, and those of the shipped model.

    The model's come from its hourly law, GARCH with heavy tails, and are refined to five
    minutes. Hourly falls need no refinement.
    """
    paths = 200 if small else 1_000
    many = 2_000 if small else 20_000
    model = load_model()
    laws = {ticker: return_law(model.returns[ticker]) for ticker in TICKERS}
    first = TICKERS[0]
    concentration = np.array(model.returns[first].worst_five_minutes)
    purpose = {"hours": HOURS, "seed": SEED, "name": "benchmarks"}
    drawn = draw(paths=paths, **purpose)
    times = median_seconds(
        {
            "W": lambda: make_prices(paths),
            "model": lambda: price_paths(
                laws[first], concentration, draw(paths=paths, **purpose), seed=SEED, name=first
            ),
            "drawn": lambda: price_paths(laws[first], concentration, drawn, seed=SEED, name=first),
            "falls": lambda: simulate_falls(laws[first], paths=many, **purpose),
            "joint draws": lambda: joint_draws(model.dependence, TICKERS, paths=many, **purpose),
            "joint": lambda: joint_falls(laws, model.dependence, paths=many, **purpose),
        },
        5,
    )
    day = f"{paths:,} paths × {HOURS * 12} steps"
    hours = f"{many:,} paths × {HOURS} hours"
    rate = "{:.0f} M steps a second".format
    return Section(
        (
            Row(f"{day}, Student-t with jumps (W)", times["W"],
                note=rate(paths * HOURS * 12 / times["W"] / 1e6)),
            Row(f"{day}, model of {first}", times["model"],
                note=rate(paths * HOURS * 12 / times["model"] / 1e6)),
            Row(f"{day}, model of {first}, uniforms given", times["drawn"]),
            Row(f"{hours}, worst falls of {first}", times["falls"]),
            Row(f"{hours}, joint draws of {len(TICKERS)} assets", times["joint draws"]),
            Row(f"{hours}, joint falls of {len(TICKERS)} assets", times["joint"]),
        )
    )  # fmt: skip
