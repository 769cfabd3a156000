"""How long a forced sale takes: exposure at stress, affordable chunk, effective horizon."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from govkit.protocols import rule_book
from govkit.records.book import AccountBook
from govkit.records.evidence import Clearing, SlippagePoint
from govkit.records.liquidity import LiquidityCurve
from govkit.records.market import Market
from govkit.records.model import MarketModel
from govkit.simulate.engine import Depth, Rules, Terms

LARGE_CAP_USD = 1e9
LARGE_CAP_SHARE = 0.05
SMALL_CAP_SHARE = 0.5
LARGEST_ACCOUNTS = 3
LONGEST_HORIZON_HOURS = 72.0
"""A sale that takes longer is refused."""

SHOWN_SIZES_USD = (1e6, 5e6, 10e6, 25e6, 50e6, 100e6)


def terms_of(market: Market, asset: str) -> Terms:
    """Return what a liquidation of a reserve pays and costs, and how much of it there may be.

    The rules on sizes in dollars are left out: the accounts of a stressed book stand for many.
    """
    close = rule_book(market.protocol).close_rule(market.protocol_version)
    return Terms(
        bonus=market.reserves[asset].bonus.value,
        protocol_fee_share=market.protocol_fee_share.value,
        deviation=market.feed(asset).deviation or 0.0,
        swap_fee=market.swap_fee.value,
        gas_share=market.gas_share.value,
        refill_steps=market.refill_minutes.value / 5,
        permanent_share=market.permanent_impact_share.value,
        rules=Rules(close=replace(close, full_close_usd=0.0, least_left_usd=0.0)),
    )


def affordable_slippage(terms: Terms) -> float:
    """Return the largest average slippage at which a keeper still earns; negative when none.

    s <= 1 - (1 + g) / [(1 + b (1 - phi)) (1 - delta) (1 - f)], the participation condition.
    """
    earned = 1 + terms.bonus * (1 - terms.protocol_fee_share)
    return 1 - (1 + terms.gas_share) / (earned * (1 - terms.deviation) * (1 - terms.swap_fee))


def stressed_depth(curve: LiquidityCurve, haircut: float) -> Depth:
    """Return the curve with every size cut by `haircut`, starting at size 0 without slippage."""
    sizes = np.concatenate([[0.0], np.array(curve.sizes_usd) * (1 - haircut)])
    return Depth(sizes_usd=sizes, slippage=np.concatenate([[0.0], np.array(curve.slippage)]))


def largest_size(depth: Depth, slippage: float) -> float:
    """Return the largest size sold at an average slippage of at most `slippage`, dollars.

    Beyond the last quoted size nothing is known, so that size is the answer there.
    """
    if slippage <= 0:
        return 0.0
    allowed = depth.slippage <= slippage
    k = int(allowed.sum())
    if k >= len(depth.sizes_usd):
        return float(depth.sizes_usd[-1])
    step = depth.slippage[k] - depth.slippage[k - 1]
    share = (slippage - depth.slippage[k - 1]) / step
    size = depth.sizes_usd
    return float(size[k - 1] + share * (size[k] - size[k - 1]))


def cleared_per_hour(chunk_usd: float, refill_minutes: float) -> float:
    """Return what is sold in an hour when a chunk is affordable again after every refill."""
    return chunk_usd * 60 / refill_minutes


def most_chunks(market: Market, hours: float) -> float:
    """Return how many chunks are sold within a horizon: T = L + rho (n - 1) solved for n.

    At least one, since the first chunk is sold at once; T itself is never under an hour.
    """
    left = hours * 60 - market.latency_minutes.value
    return 1 + max(left, 0.0) / market.refill_minutes.value


def slippage_by_size(
    curve: LiquidityCurve, haircut: float, chunk_usd: float
) -> tuple[SlippagePoint, ...]:
    """Return slippage, average and marginal, at round sizes that the curve reaches.

    Between two sizes of the curve values are linear, and average and marginal start at 0. At
    stressed depth a size slips as much as size / (1 - haircut) on a quiet market; where that is
    past the curve's end, the row is flagged and its stressed average is the last known one. When
    the chunk is the whole stressed curve, its row is added, flagged.
    """
    end = curve.sizes_usd[-1]
    sizes = [size for size in SHOWN_SIZES_USD if size <= end]
    if chunk_usd > 0 and chunk_usd >= end * (1 - haircut) * (1 - 1e-9):
        sizes = sorted({*sizes, chunk_usd})
    known = np.array([0.0, *curve.sizes_usd])
    average, marginal = [0.0, *curve.slippage], [0.0, *curve.marginal]
    return tuple(
        SlippagePoint(
            size_usd=size,
            average=float(np.interp(size, known, average)),
            stressed_average=float(np.interp(size / (1 - haircut), known, average)),
            marginal=float(np.interp(size, known, marginal)),
            error=float(np.interp(size, curve.sizes_usd, curve.error)),
            beyond_quotes=size / (1 - haircut) >= end * (1 - 1e-9),
        )
        for size in sizes
    )


def debt_at_cap(market: Market, model: MarketModel, asset: str) -> float:
    """Return the debt an asset backs when its supply cap is full, dollars.

    threshold x cap x price / average health factor, at the threshold in force.
    """
    reserve = market.reserves[asset]
    value = reserve.supply_cap.value * model.assets[asset].price_usd
    return reserve.threshold.value * value / model.accounts.average_health_factor


def clearing_of(
    market: Market, model: MarketModel, asset: str, curve: LiquidityCurve, book: AccountBook | None
) -> Clearing:
    """Work out exposure, chunk and effective horizon of a forced sale of `asset`.

    T = max(1 h, L + rho * max(0, (1 + b) Q / q* - 1)), with q* the affordable size at stressed
    depth and Q the exposure of the whole family that sells into the same depth. The horizon is
    0 when no size is affordable; the caller refuses then.

    Q is proportional to the family's supply caps at a given share, so the cap whose sale takes n
    chunks is cap * n q* / ((1 + b) Q): n = 1 for what clears at once, and n = 1 + (72 h - L) / rho
    for the longest horizon that is not refused. Both are 0 when no size is affordable.
    """
    reserve = market.reserves[asset]
    family = tuple(
        name
        for name, other in market.reserves.items()
        if other.family == reserve.family and name in model.assets
    )
    cap_usd = sum(market.reserves[f].supply_cap.value * model.assets[f].price_usd for f in family)
    debt = sum(debt_at_cap(market, model, f) for f in family)
    share, basis = _exposure_share(cap_usd, debt, book)
    terms = terms_of(market, asset)
    affordable = affordable_slippage(terms)
    depth = stressed_depth(curve, market.depth_haircut.value)
    chunk = largest_size(depth, affordable)
    sale = share * debt * (1 + reserve.bonus.value)
    chunks = sale / chunk if chunk > 0 else 0.0
    cap = reserve.supply_cap.value
    price = model.assets[asset].price_usd
    at_once = cap * chunk / sale if sale > 0 else 0.0
    at_longest = at_once * most_chunks(market, LONGEST_HORIZON_HOURS)
    minutes = market.latency_minutes.value + market.refill_minutes.value * max(0.0, chunks - 1)
    return Clearing(
        exposure_usd=share * debt,
        exposure_basis=basis,
        exposure_share=share,
        debt_at_cap_usd=debt,
        family=family,
        sale_usd=sale,
        affordable_slippage=max(affordable, 0.0),
        chunk_usd=chunk,
        cleared_per_hour_usd=cleared_per_hour(chunk, market.refill_minutes.value),
        chunk_slippage=float(np.interp(sale, depth.sizes_usd, depth.slippage)),
        chunks=chunks,
        horizon_hours=max(1.0, minutes / 60) if chunk > 0 else 0.0,
        participation_margin=affordable,
        longest_horizon_hours=LONGEST_HORIZON_HOURS,
        supply_cap_usd=cap * price,
        cap_within_chunk_tokens=at_once,
        cap_within_chunk_usd=at_once * price,
        cap_within_horizon_tokens=at_longest,
        cap_within_horizon_usd=at_longest * price,
        slippage_by_size=slippage_by_size(curve, market.depth_haircut.value, chunk),
    )


def _exposure_share(cap_usd: float, debt: float, book: AccountBook | None) -> tuple[float, str]:
    if book is not None:
        top = sum(sorted(book.debt_usd, reverse=True)[:LARGEST_ACCOUNTS])
        return min(max(top / debt, LARGE_CAP_SHARE), 1.0), "book"
    if cap_usd > LARGE_CAP_USD:
        return LARGE_CAP_SHARE, "cap_large"
    return SMALL_CAP_SHARE, "cap_small"
