"""Is a stored market model fit for use? Every problem at once, each a line of plain words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Any

from pydantic import ValidationError

from govkit.records.base import problem_lines
from govkit.records.check_returns import (
    DIGEST,
    date_problems,
    ratio_problems,
    read_date,
    return_problems,
    window_problems,
)
from govkit.records.collateral import TwoState
from govkit.records.liquidity import LiquidityCurve
from govkit.records.model import AssetModel, Dependence, MarketModel
from govkit.records.provenance import Floats

STALE_DAYS = 2
"""Days by which the last hour of a variance may lie after the day of its last price."""


def schema_problems(data: Any) -> tuple[str, ...]:
    """Return every way in which plain data are not a market model; empty when they are one."""
    try:
        MarketModel.model_validate(data)
    except ValidationError as error:
        return tuple(problem_lines(error))
    return ()


def model_problems(model: MarketModel, today: date | None = None) -> tuple[str, ...]:
    """Return every inconsistency of a market model; empty when it is fit for use.

    Parameters
    ----------
    model:
        A model that fits the schema.
    today:
        The present day; dates after it are problems. None leaves that out.
    """
    found = list(_whole(model))
    for ticker, returns in model.returns.items():
        found += return_problems(ticker, returns)
        found += _last_hour(ticker, model)
    for key, asset in model.assets.items():
        found += _asset(key, asset, model)
    for window in model.accounts.windows:
        found += window_problems("accounts", window)
    if not model.accounts.windows:
        found.append("accounts: no window says where they come from")
    if model.dependence is not None:
        found += _dependence(model.dependence, model)
    if today is not None:
        found += _after(model, today)
    return tuple(dict.fromkeys(found))


def _whole(model: MarketModel) -> Iterator[str]:
    yield from date_problems("as of", model.as_of)
    if not model.assets:
        yield "assets: none"
    dates = sorted(a.as_of for a in model.assets.values() if a.supported)
    if dates and model.as_of[:10] != dates[0][:10]:
        yield (
            f"as of: {model.as_of[:10]}, but the oldest price of a supported asset is of "
            f"{dates[0][:10]}"
        )
    if not DIGEST.match(model.snapshot_digest):
        yield f"snapshot digest: '{model.snapshot_digest[:20]}' is not a SHA-256 digest"
    if "govkit" not in model.fitted_with:
        yield "fitted with: the version of govkit is missing"


def _last_hour(ticker: str, model: MarketModel) -> Iterator[str]:
    returns = model.returns[ticker]
    hour, day = read_date(returns.variance.last_at), read_date(returns.window.last)
    if hour is None or day is None or returns.basis != "own":
        return
    if not 0 <= (hour - day).days <= STALE_DAYS:
        yield f"{ticker}, variance: of {hour}, but the last price is of {day}"


def _asset(key: str, asset: AssetModel, model: MarketModel) -> Iterator[str]:
    if key != asset.asset:
        yield f"{key}: the record is that of {asset.asset}"
    yield from date_problems(f"{key}, as of", asset.as_of)
    yield from date_problems(f"{key}, price", asset.price_as_of)
    if not asset.verdict.strip():
        yield f"{key}: no verdict"
    errors = [f for f in asset.findings if f.severity == "error"]
    if asset.supported:
        yield from _needs(key, asset, model)
        for finding in errors:
            yield f"{key}: called supported in spite of an error ({finding.what})"
    elif not errors and not asset.not_done:
        yield f"{key}: called unsupported without a reason"
    if asset.pair and asset.pair not in model.returns:
        yield f"{key}: there is no return model '{asset.pair}' for debt in its underlying"
    if asset.ratio is not None:
        yield from ratio_problems(key, asset.ratio)
    if asset.two_state is not None:
        yield from _two_state(key, asset.two_state)
    sold_for = [curve.asset_out for curve in asset.curves]
    for out in sorted({out for out in sold_for if sold_for.count(out) > 1}):
        yield f"{key}: two curves for selling into {out}"
    for curve in asset.curves:
        yield from _curve(f"{key}, selling into {curve.asset_out}", curve)
    for fall in asset.falls:
        yield from date_problems(f"{key}, {fall.event}", fall.on)
        if len(fall.falls) != len(fall.horizons_hours):
            yield f"{key}, {fall.event}: horizons and falls differ in number"
        if any(b < a for a, b in pairwise(fall.falls)) or any(not 0 <= f < 1 for f in fall.falls):
            yield f"{key}, {fall.event}: falls must be fractions that do not shrink with time"


def _needs(key: str, asset: AssetModel, model: MarketModel) -> Iterator[str]:
    returns = model.returns.get(asset.priced_as)
    if returns is None:
        yield f"{key}: called supported without a return model of {asset.priced_as}"
    elif returns.basis == "depeg" and asset.two_state is None:
        yield f"{key}: its returns are pooled depegs, but the two states are missing"
    if not asset.curves:
        yield f"{key}: called supported without a curve for selling it"


def _two_state(key: str, states: TwoState) -> Iterator[str]:
    depths = [event.depth for event in states.events]
    if any(b > a for a, b in pairwise(depths)):
        yield f"{key}, discounts: the deepest does not come first"
    for event in states.events:
        yield from date_problems(f"{key}, discount of {event.asset}", event.first)
        yield from date_problems(f"{key}, trough of {event.asset}", event.trough_on)
        if event.depth < states.entry_level * (1 - 1e-6):
            yield (
                f"{key}: the discount of {event.asset} on {event.trough_on} "
                f"({100 * event.depth:g} %) is smaller than the entry level"
            )


def _curve(where: str, curve: LiquidityCurve) -> Iterator[str]:
    yield from window_problems(where, curve.window)
    yield from date_problems(where, curve.as_of)
    if max(curve.slippage) >= 1 or max(curve.marginal) >= 1:
        yield f"{where}: slippage of 100 % or more"
    if curve.method == "volume law" and not (curve.daily_volume_usd and curve.coefficient):
        yield f"{where}: the volume law without its volume and coefficient"


def _dependence(dependence: Dependence, model: MarketModel) -> Iterator[str]:
    names, tau = dependence.assets, dependence.kendall_tau
    for name in names:
        if name not in model.returns:
            yield f"dependence: there is no return model of {name}"
    if len(tau) != len(names) or any(len(row) != len(names) for row in tau):
        yield f"dependence: Kendall's tau is not {len(names)} by {len(names)}"
        return
    for i, row in enumerate(tau):
        if not math.isclose(row[i], 1.0, abs_tol=1e-6):
            yield f"dependence: tau of {names[i]} with itself is {row[i]:g}"
        for j in range(i):
            if not math.isclose(row[j], tau[j][i], abs_tol=1e-6) or abs(row[j]) > 1:
                both = f"{row[j]:g} and {tau[j][i]:g}"
                yield f"dependence: tau of {names[i]} and {names[j]} is {both}"
    low, high = dependence.degrees_low, dependence.degrees_high
    if not low <= dependence.degrees_of_freedom <= high:
        own = f"{dependence.degrees_of_freedom:g} degrees of freedom"
        yield f"dependence: {own} lie outside their interval {low:g} to {high:g}"

    for part, copula in (("residuals", dependence.residuals), ("starts", dependence.starts)):
        if copula is not None and not _is_correlation(copula.correlation, len(names)):
            yield f"dependence, {part}: the matrix is not a correlation of {len(names)} assets"


def _is_correlation(matrix: tuple[Floats, ...], size: int) -> bool:
    """Return whether a matrix is square, symmetric, of unit diagonal and positive definite."""
    if len(matrix) != size or any(len(row) != size for row in matrix):
        return False
    root = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            if not math.isclose(matrix[i][j], matrix[j][i], abs_tol=1e-6):
                return False
            left = matrix[i][j] - sum(root[i][k] * root[j][k] for k in range(j))
            if i == j and (left <= 0 or not math.isclose(matrix[i][i], 1.0, abs_tol=1e-6)):
                return False
            root[i][j] = math.sqrt(left) if i == j else left / root[j][j]
    return True


def _after(model: MarketModel, today: date) -> Iterator[str]:
    dated = [("as of", model.as_of)]
    for key, asset in model.assets.items():
        dated += [(f"{key}, price", asset.price_as_of), (f"{key}, as of", asset.as_of)]
        dated += [(f"{key}, selling into {c.asset_out}", c.as_of) for c in asset.curves]
    dated += [(f"{ticker}, prices", m.window.last) for ticker, m in model.returns.items()]
    for name, text in dated:
        day = read_date(text)
        if day is not None and day > today:
            yield f"{name}: {day} lies in the future"
