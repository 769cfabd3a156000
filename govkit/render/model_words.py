"""A market model in words and as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from govkit.errors import unknown_name
from govkit.records.check_returns import read_date
from govkit.records.model import MarketModel
from govkit.records.provenance import NotDone
from govkit.records.snapshot import Finding
from govkit.render import numbers
from govkit.render.model_facts import Fact, asset_facts, model_facts, return_facts

WHOLE = "the model"


def show_model(model: MarketModel, asset: str = "", today: date | None = None) -> tuple[str, ...]:
    """Return a model in lines of plain text.

    Parameters
    ----------
    asset:
        Show only this collateral and the returns it uses; all when empty.
    today:
        The present day, from which the age of the model is counted; None leaves it out.

    Raises
    ------
    InputError
        When the model has no such asset.
    """
    lines = [*_heading(model, today)]
    for group, facts in groups(model, asset):
        kind, _, name = group.partition(" ")
        if kind == "asset":
            lines += ["", f"{name}: {model.assets[name].verdict}"]
        elif kind == "returns":
            lines += ["", f"Returns of {name}, hourly"]
        lines += [f"  {line}" for line in _lines(facts)]
        if kind == "asset":
            one = model.assets[name]
            lines += [f"  not done, {_missing(step)}" for step in one.not_done]
            lines += [f"  {_found(finding)}" for finding in one.findings]
        elif kind == "returns":
            lines += [f"  {_found(finding)}" for finding in model.returns[name].findings]
    if not asset and model.not_done:
        lines += ["", "Not done", *(f"  {_missing(step)}" for step in model.not_done)]
    return tuple(plain(line) for line in lines)


def model_data(model: MarketModel, asset: str = "") -> dict[str, Any]:
    """Return what `show_model` says as plain data, numbers with their units."""
    data: dict[str, Any] = {"name": model.name, "digest": model.digest(), "returns": {}}
    data |= {"assets": {}, "not_done": [step.model_dump() for step in model.not_done]}
    data["findings_of_returns"] = {}
    for group, facts in groups(model, asset):
        kind, _, name = group.partition(" ")
        told = [_plain_data(fact) for fact in facts]
        if kind == "asset":
            one = model.assets[name]
            data["assets"][name] = {
                "supported": one.supported,
                "verdict": one.verdict,
                "facts": told,
                "findings": [finding.model_dump() for finding in one.findings],
                "not_done": [step.model_dump() for step in one.not_done],
            }
        elif kind == "returns":
            data["returns"][name] = told
            found = [finding.model_dump() for finding in model.returns[name].findings]
            data["findings_of_returns"][name] = found
        else:
            data["facts"] = told
    return data


def _heading(model: MarketModel, today: date | None) -> Iterator[str]:
    supported = sum(asset.supported for asset in model.assets.values())
    age, day = "", read_date(model.as_of)
    if today is not None and day is not None and day < today:
        age = f" ({numbers.count((today - day).days, 'day')} old)"
    yield (
        f"{model.name}: as of {model.as_of}{age}, {numbers.count(len(model.assets), 'asset')}, "
        f"{numbers.integer(supported)} supported"
    )
    yield f"digest {model.digest()}"


def groups(model: MarketModel, asset: str) -> Iterator[tuple[str, tuple[Fact, ...]]]:
    """Yield the facts of the model, its assets and its returns; those of one asset if named.

    Raises
    ------
    InputError
        When the model has no such asset.
    """
    if asset and asset not in model.assets:
        raise unknown_name("asset", asset, model.assets, where=f"model {model.name}")
    wanted = [model.assets[asset]] if asset else list(model.assets.values())
    tickers = {a.priced_as for a in wanted} | {a.pair for a in wanted}
    yield WHOLE, tuple(model_facts(model))
    for one in wanted:
        yield f"asset {one.asset}", tuple(asset_facts(one))
    for ticker, returns in model.returns.items():
        if not asset or ticker in tickers:
            yield f"returns {ticker}", tuple(return_facts(returns))


def _lines(facts: tuple[Fact, ...]) -> Iterator[str]:
    for fact in facts:
        if fact.name != "supported":
            remark = f" ({fact.remark})" if fact.remark else ""
            yield f"{fact.name}: {fact.text()}{remark}"


def _found(finding: Finding) -> str:
    return f"{finding.severity}: {finding.what} ({finding.where})"


def _missing(step: NotDone) -> str:
    return f"{step.what}: {step.reason}"


def _plain_data(fact: Fact) -> dict[str, Any]:
    data = {"name": fact.name, "value": fact.value, "unit": fact.unit, "remark": fact.remark}
    return {key: plain(item) if isinstance(item, str) else item for key, item in data.items()}


def plain(line: str) -> str:
    """Write ordinary spaces: a terminal breaks no lines, and people search with them."""
    return line.replace(numbers.SPACE, " ")
