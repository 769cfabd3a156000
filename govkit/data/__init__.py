"""Shipped data: markets, appetites, assets, events, the reference model. Read, never written.

A name means a shipped file; a path means a user's own file of the same form.
"""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from govkit.errors import InputError, unknown_name
from govkit.records.base import Record
from govkit.records.market import Appetite, Market
from govkit.records.model import MODEL_SCHEMA, MarketModel
from govkit.records.stress import WORST_DAY, Scenario

FOLDER = Path(__file__).parent
DEFAULT_MODEL = "reference"
SUPPORTED_MODEL_SCHEMAS = (MODEL_SCHEMA,)


PegClass = Literal["fiat", "crypto", "algorithmic"]


class Redemption(Record):
    """When holders could redeem a token for what backs it, with the source of the dates."""

    opened: str = Field("", description="first UTC date on which it was open; empty for never")
    closed: tuple[tuple[str, str], ...] = Field(
        (), description="first and last UTC date of each known stop"
    )
    bank_days_only: bool = Field(
        False, description="paid out by banks, so closed on Saturdays and Sundays"
    )
    source: str = Field(min_length=1)

    def is_open(self, on: date) -> bool:
        """Return whether holders could redeem on a UTC date."""
        day = on.isoformat()
        if not self.opened or day < self.opened:
            return False
        if self.bank_days_only and on.weekday() >= 5:
            return False
        return not any(first <= day <= last for first, last in self.closed)


class PegEntry(Record):
    """A pegged coin whose depegs are pooled; a table of ``pegs.toml``."""

    backing: PegClass
    redemption: Redemption


class AssetEntry(Record):
    """How a collateral is priced and sold; a table of ``assets.toml``."""

    kind: Literal["volatile", "wrapped", "staking", "pegged"]
    priced_as: str
    depth: str
    ratio: str = ""
    level: str = ""
    redeems_at: float | None = Field(
        None, gt=0, description="units of the underlying that one token of `ratio` is redeemed for"
    )
    redemption: Redemption | None = Field(
        None, description="of a wrapped or staking token; that of a peg is in pegs.toml"
    )
    comparables: tuple[str, ...] = Field(
        (), description="tickers that stand in where the own hourly history is too short"
    )


class InputRange(Record):
    """Over which range an input is varied; a table of ``sensitivity.toml``."""

    low_factor: float | None = Field(None, gt=0)
    high_factor: float | None = Field(None, gt=0)
    low: float | None = Field(None, gt=0)
    high: float | None = Field(None, gt=0)
    unit: str = ""
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _one_range(self) -> Self:
        factors = self.low_factor is not None and self.high_factor is not None
        values = self.low is not None and self.high is not None
        if factors == values:
            raise ValueError("needs either two factors or two values")
        return self


def market_names() -> list[str]:
    """Return the names of the shipped markets."""
    return _names("markets", ".toml")


def appetite_names() -> list[str]:
    """Return the names of the shipped appetites, strictest first."""
    known = [
        _load_appetite(FOLDER / "appetites" / f"{n}.toml") for n in _names("appetites", ".toml")
    ]
    return [a.name for a in sorted(known, key=lambda a: a.position_probability)]


def load_market(name: str) -> Market:
    """Return a market by name or by path of a TOML file."""
    path = _resolve("market", name, "markets", ".toml")
    return Market.from_data(_toml(path), where=_shown(path))


def load_appetite(name: str) -> Appetite:
    """Return a risk appetite by name or by path of a TOML file.

    Raises
    ------
    InputError
        When there is none, or the file holds an unknown setting, a value out of bounds, settings
        that contradict each other, or the name of a shipped appetite with other values.
    """
    path = _resolve("appetite", name, "appetites", ".toml")
    appetite = _load_appetite(path)
    if not path.is_relative_to(FOLDER) and appetite.name in appetite_names():
        shipped = load_appetite(appetite.name)
        if shipped.model_copy(update={"description": appetite.description}) != appetite:
            raise InputError(
                f"is named '{appetite.name}' like a shipped appetite and holds other values",
                where=_shown(path),
                todo="Give it a name of its own.",
            )
    return appetite


def load_model(name: str = DEFAULT_MODEL) -> MarketModel:
    """Return a market model by name or by path of a JSON file.

    Raises
    ------
    InputError
        When the file is missing, not JSON, holds NaN, or has another schema version.
    """
    import json

    path = model_path(name)
    try:
        text = path.read_text(encoding="utf-8")
        schema = json.loads(text).get("schema_id")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=_shown(path)) from None
    except (ValueError, AttributeError, RecursionError):
        raise InputError(
            "is not a market model: the file is cut short or is not JSON",
            where=_shown(path),
            todo="Run 'govkit fit' again, or leave out --model to use the shipped one.",
        ) from None
    if schema not in SUPPORTED_MODEL_SCHEMAS:
        raise InputError(
            f"has schema '{schema}', this govkit reads {', '.join(SUPPORTED_MODEL_SCHEMAS)}",
            where=_shown(path),
            todo="Refit it with 'govkit fit', or install the govkit version that wrote it.",
        )
    return MarketModel.from_json(text, where=_shown(path))


def model_path(name: str = DEFAULT_MODEL) -> Path:
    """Return the file that a model's name or path means; `InputError` when there is none."""
    return _resolve("model", name, "models", ".json")


def load_assets() -> dict[str, AssetEntry]:
    """Return how every known collateral is priced and sold."""
    path = FOLDER / "assets.toml"
    return {k: AssetEntry.from_data(v, where=f"{path.name}:{k}") for k, v in _toml(path).items()}


def load_sensitivity() -> dict[str, InputRange]:
    """Return over which range every input is varied, by name."""
    path = FOLDER / "sensitivity.toml"
    return {k: InputRange.from_data(v, where=f"{path.name}:{k}") for k, v in _toml(path).items()}


def load_pegs() -> dict[str, PegEntry]:
    """Return the pegged coins whose depegs are pooled, by ticker."""
    path = FOLDER / "pegs.toml"
    return {k: PegEntry.from_data(v, where=f"{path.name}:{k}") for k, v in _toml(path).items()}


def load_events() -> tuple[Scenario, ...]:
    """Return the dated events whose falls are measured when a model is fitted, in order of time."""
    return tuple(one for one in _shipped_scenarios() if one.measured)


def load_scenarios(name: str = "") -> tuple[Scenario, ...]:
    """Return stress scenarios: all shipped ones, one of them by name, or those of a TOML file.

    Raises
    ------
    InputError
        For an unknown name, and for a file without a usable ``[[scenario]]``; it names the entry.
    """
    shipped = _shipped_scenarios()
    if not name:
        return shipped
    if name.endswith(".toml") or "/" in name or "\\" in name:
        return _own_scenarios(_resolve("scenario", name, "stresses", ".toml"))
    named = {one.name.lower(): one for one in shipped}
    if name.lower() not in named:
        raise unknown_name("scenario", name, [one.name for one in shipped])
    return (named[name.lower()],)


def _own_scenarios(path: Path) -> tuple[Scenario, ...]:
    """Read a person's file; the falls it names must be those of an event or the worst day."""
    found = _scenarios_of(path)
    events = {one.name for one in (*load_events(), *found) if one.measured}
    for one in found:
        if one.falls_of and one.falls_of not in {WORST_DAY, *events}:
            where = f"{_shown(path)}: {one.name}: falls_of"
            raise unknown_name("event", one.falls_of, {WORST_DAY, *events}, where=where)
    return found


def _shipped_scenarios() -> tuple[Scenario, ...]:
    """Return the dated scenarios, then the synthetic ones."""
    return tuple(
        one
        for name in _names("stresses", ".toml")
        for one in _scenarios_of(FOLDER / "stresses" / f"{name}.toml")
    )


def _scenarios_of(path: Path) -> tuple[Scenario, ...]:
    items = _toml(path).get("scenario")
    if not isinstance(items, list) or not items:
        raise InputError(
            "holds no scenario", where=_shown(path),
            todo="Every scenario is a [[scenario]] table with at least name, channels, decides "
            "and source.",
        )  # fmt: skip
    found: list[Scenario] = []
    for n, item in enumerate(items, start=1):
        name = item.get("name", "") if isinstance(item, dict) else ""
        where = f"{_shown(path)}: scenario {n}" + (f" ({name})" if name else "")
        one = Scenario.from_data(item, where=where)
        if one.name.lower() in {other.name.lower() for other in found}:
            raise InputError("has the name of an earlier scenario", where=where)
        found.append(one)
    return tuple(found)


def _load_appetite(path: Path) -> Appetite:
    settings = _toml(path)
    for key in sorted(settings.keys() - Appetite.model_fields.keys()):
        raise unknown_name("setting", key, Appetite.model_fields, where=_shown(path))
    return Appetite.from_data(settings, where=_shown(path))


def _names(folder: str, suffix: str) -> list[str]:
    return sorted(p.name.removesuffix(suffix) for p in (FOLDER / folder).glob(f"*{suffix}"))


def _resolve(kind: str, name: str, folder: str, suffix: str) -> Path:
    if name.endswith(suffix) or "/" in name or "\\" in name:
        path = Path(name)
        if not path.is_file():
            raise InputError(f"no such {kind} file", where=name)
        return path
    path = FOLDER / folder / f"{name}{suffix}"
    if not path.is_file():
        raise unknown_name(kind, name, _names(folder, suffix))
    return path


def _shown(path: Path) -> str:
    return path.name if path.is_relative_to(FOLDER) else str(path)


def _toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"not valid TOML ({error})", where=_shown(path)) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=_shown(path)) from None
