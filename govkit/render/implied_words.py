"""The confidence that thresholds in force imply, as a table and in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from govkit.records.evidence import Reason
from govkit.records.implied import (
    ImpliedAsset,
    ImpliedConfidence,
    ImpliedMarket,
    NotImplied,
    Place,
)
from govkit.render.appetite_words import aligned
from govkit.render.model_words import plain
from govkit.render.numbers import (
    chance,
    count,
    hours,
    integer,
    number,
    percent,
    setting,
    usd,
    yearly,
)


def show_implied(found: ImpliedConfidence) -> tuple[str, ...]:
    """Return what the thresholds in force imply, in lines of plain text."""
    lines = [
        f"{found.market_title}: confidence that the thresholds in force imply",
        f"values checked up to {found.market_as_of}, model {found.model} as of "
        f"{found.model_as_of}, {integer(found.paths)} paths for each asset, seed {found.seed}",
        "Chances are per trigger episode over the asset's T, of one position at health factor 1. "
        "T is the time",
        "to sell at stressed depth with the supply cap full. An appetite's other limits and its "
        "lower bound are",
        "not in them; intervals are 95 % and of path error alone.",
        "",
    ]
    if found.assets:
        lines += [*aligned(list(_table(found))), ""]
        lines += [implied_sentence(one, found) for one in found.assets]
    if found.not_implied:
        lines += ["", "Not computed", *(f"  {_left_out(one)}" for one in found.not_implied)]
    if found.whole is not None:
        lines += ["", "The market", *(f"  {line}" for line in _whole(found.whole, found))]
    return tuple(plain(line) for line in lines)


def implied_sentence(one: ImpliedAsset, found: ImpliedConfidence) -> str:
    """Say what one threshold implies: "78 % survives 99.97 % of trigger episodes (T = 1.2 h)"."""
    return (
        f"{one.asset}: {setting(one.threshold)} survives {chance(one.survival)} of trigger "
        f"episodes (T = {hours(one.horizon_hours)}), a loss {yearly(one.failures_per_year)}; "
        f"{_standing(one.place)}{_close_call(one, found)}."
    )


def refusal_words(reason: Reason) -> str:
    """Say in a few words why an asset has no figure."""
    n, said = reason.numbers, reason.texts.get("reason", "").rstrip(".")
    said = said.removeprefix("Not supported: ")
    words = {
        "refuse_history": lambda: f"the price history cannot carry a threshold: {said}",
        "refuse_pegged": lambda: f"the record cannot carry the law of its depegs: {said}",
        "refuse_data": lambda: said,
        "refuse_liquidity": lambda: (
            f"the bonus of {percent(n['bonus'])} does not pay for {percent(n['slippage'])} of "
            "slippage, so nobody would liquidate"
        ),
        "refuse_horizon": lambda: (
            f"a forced sale would take {hours(n['hours'])}, longer than {hours(n['limit_hours'])}"
        ),
        "refuse_book": lambda: (
            f"the book holds {usd(n['book_usd'])} of debt, more than the {usd(n['cap_usd'])} that "
            "a full supply cap backs"
        ),
        "refuse_long_tail": lambda: (
            "its history is that of comparable assets, enough for a supply cap of up to "
            f"{usd(n['largest_usd'])}; the cap in force is {usd(n['cap_usd'])}"
        ),
    }
    known = words.get(reason.code)
    return (known() if known else said) or reason.code.replace("_", " ")


def _table(found: ImpliedConfidence) -> Iterator[list[str]]:
    needed = [f"{name} ({percent(p)})" for name, p in found.appetites.items()]
    yield ["", "in force", "T", "loss per episode", "95 %", "losses a year", *needed]
    for one in found.assets:
        yield [
            one.asset,
            setting(one.threshold),
            hours(one.horizon_hours),
            percent(one.failure_probability),
            f"{percent(one.failure_low)} to {percent(one.failure_high)}",
            number(one.failures_per_year),
            *(percent(need.threshold) for need in one.needs),
        ]


def _standing(place: Place) -> str:
    if not place.misses:
        return f"at least as strict as {place.meets}"
    if not place.meets:
        return f"laxer than {place.misses}"
    return f"between {place.misses} and {place.meets}"


def _close_call(one: ImpliedAsset, found: ImpliedConfidence) -> str:
    near = [
        name
        for name, probability in found.appetites.items()
        if one.failure_low <= probability <= one.failure_high
    ]
    return f", within path error of {' and '.join(near)}" if near else ""


def _left_out(one: NotImplied) -> str:
    return f"{one.asset}, {setting(one.threshold)} in force: {refusal_words(one.reason)}"


def _whole(whole: ImpliedMarket, found: ImpliedConfidence) -> Iterator[str]:
    weakest = next(one for one in found.assets if one.asset == whole.weakest)
    yield (
        f"mean chance of a loss per episode, weighted by debt at the cap: "
        f"{percent(whole.mean_failure_probability)} ({usd(whole.debt_at_cap_usd)} of debt, "
        f"{count(len(found.assets), 'asset')}; {usd(whole.left_out_usd)} not computed)"
    )
    yield (
        f"a loss in some asset: {yearly(whole.failures_per_year)}, an episode that several "
        "assets share counted once for each"
    )
    yield (
        f"weakest: {weakest.asset}, a loss in {percent(weakest.failure_probability)} of its "
        f"episodes, {yearly(weakest.failures_per_year)}"
    )
    yield (
        f"appetite implied: {percent(whole.implied_probability)} per trigger episode, "
        f"{_standing(whole.place)}; the assets of at least half of that debt meet it"
    )
