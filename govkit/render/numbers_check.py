"""Reads the numbers back out of a finished proposal and looks each one up in the evidence.

A number counts as found when some value of the evidence, put through the scaling of the printed
unit, rounds to what is printed. Inside the section or table row of one asset only values of that
asset and the shared ones count, so that a number of another asset is no excuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from govkit.records.evidence import AssetEvidence, Evidence
from govkit.render import escaping, facts, inputs, numbers, stresses, waterfall, why

CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
TARGET = re.compile(r"(\|690x388)?\]\([^)]*\)|https?://\S+")
TIME = re.compile(r"\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z?)?")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
TOKEN = re.compile(
    r"(?P<dollar>\$)?(?P<digits>\d[\d,]*(?:\.\d+)?)(?P<letter>[KMB](?!\w))?"
    r"(?=(?P<unit>[\s\u00a0]?(?:%|points?\b|h\b|min\b))?"
    r"(?P<range>[\s\u00a0](?:to|→)[\s\u00a0]\d[\d.,]*[\s\u00a0]%)?)"
)
# Digits that are part of a word or a version are looked up as a whole.
GLUED = re.compile(r"[A-Za-z_]\w*\d[\w.-]*|\d+[A-Za-z_]\w*|\d+(?:\.\d+){2,}")
FEEDS, STRESS, JOINT = "Price feeds", "Stress", "All assets together"
LETTERS = {"K": 1e3, "M": 1e6, "B": 1e9}

SUM = re.compile(r"\b100(?P<parts>(?: [+−] \d[\d.]* [a-z ]+)+) ?= (?P<total>\d[\d.]*\d|\d)")

# By printed unit: the kinds of fields that may stand behind it, and the scaling of each.
SCALINGS: dict[str, dict[str, float]] = {
    "%": {"plain": 100.0},
    "point": {"points": 1.0},
    "$": {"usd": 1.0},
    "h": {"hours": 1.0, "minutes": 1 / 60, "plain": 1.0},
    "min": {"hours": 60.0, "minutes": 1.0, "plain": 1.0},
    "": {"plain": 1.0, "points": 1.0, "hours": 1.0},
}

# What the method itself fixes: the levels of the intervals, the share of ordinary hours, the
# formula's one, the edge of being nearly liquidatable, the start of a waterfall and the bounds
# behind "less than" and "more than".
FIXED = (
    *(("plain", x) for x in (0.90, 0.05, 0.99, 0.00001, 0.9999, 1.0, 1.05, 100.0, 2000.0)),
    ("points", 0.3),
)
FIXED_WORDS = ("CC0",)


@dataclass(frozen=True)
class Stray:
    """A printed number that the evidence does not hold."""

    line: int
    token: str
    context: str


@dataclass(frozen=True)
class Known:
    """Values that may be printed in a stretch of text."""

    numbers: tuple[tuple[str, float], ...]
    texts: frozenset[str]
    phrases: tuple[str, ...] = ()

    def without_phrases(self, line: str) -> str:
        """Return a line without the texts of the evidence that it quotes whole."""
        for phrase in self.phrases:
            line = line.replace(phrase, " ")
        return line


def stray_numbers(markdown: str, evidence: Evidence) -> list[Stray]:
    """Return every number of a proposal that is not found in the evidence."""
    shared = _shared(evidence)
    of_assets = {_name(asset): _of_asset(evidence, asset, shared) for asset in evidence.assets}
    # These hold many numbers of their own; in other sections they are no excuse.
    apart = {
        FEEDS: {_name(asset): _of_feed(asset, shared) for asset in evidence.assets},
        STRESS: {_name(asset): _of_stress(evidence, asset, shared) for asset in evidence.assets},
        JOINT: {"": _of_joint(evidence, shared)},
    }
    found: list[Stray] = []
    own, section = of_assets, _all(of_assets)
    for number, line in enumerate(_readable(markdown).split("\n"), start=1):
        if line.startswith("## "):
            own = apart.get(line[3:], of_assets)
            section = own.get(line[3:].partition(":")[0], _all(own))
        known = own.get(_first_cell(line), section)
        found += [Stray(number, token, line.strip()) for token in _strays(line, known)]
    return found


def _all(own: dict[str, Known]) -> Known:
    return Known(
        tuple(n for known in own.values() for n in known.numbers),
        frozenset().union(*(known.texts for known in own.values())),
        _longest_first(phrase for known in own.values() for phrase in known.phrases),
    )


def _name(asset: AssetEvidence) -> str:
    return escaping.plain(asset.asset)


def _first_cell(line: str) -> str:
    return line[1:].partition("|")[0].strip(" *") if line.startswith("|") else ""


def _readable(markdown: str) -> str:
    """Blank out code and addresses, keeping the lines where they are."""
    kept = CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), markdown)
    kept = TARGET.sub("", kept)
    kept = re.sub(r"^\d+\. ", "", kept, flags=re.MULTILINE)
    return kept.replace("\\", "")


def _strays(line: str, known: Known) -> Iterator[str]:
    line = known.without_phrases(line)
    for date in DATE.findall(line):
        if date not in known.texts:
            yield date
    if (total := _wrong_sum(line)) is not None:
        yield total
    rest = DATE.sub(" ", line)
    for word in GLUED.findall(re.sub(r"\$\S+", " ", rest)):
        if word.strip(".-") not in known.texts and word.strip(".-") not in FIXED_WORDS:
            yield word
    rest = GLUED.sub(lambda m: m.group() if m.group()[-1] in LETTERS else " ", rest)
    for match in TOKEN.finditer(rest):
        if match["digits"] not in known.texts and not _explained(match, known.numbers):
            yield match.group()


def _wrong_sum(line: str) -> str | None:
    """Return the printed total of a waterfall whose printed parts do not add up to it."""
    match = SUM.search(line.replace("\u00a0", " "))
    if match is None:
        return None
    parts = re.findall(r"([+−]) (\d[\d.]*)", match["parts"])
    total = 100 + sum(Decimal(size) * (1 if sign == "+" else -1) for sign, size in parts)
    return None if total == Decimal(match["total"]) else match["total"]


def _explained(match: re.Match[str], values: Iterable[tuple[str, float]]) -> bool:
    digits = match["digits"].replace(",", "")
    printed = float(digits)
    half = 0.5 * 10.0 ** -len(digits.partition(".")[2])
    unit = (match["unit"] or "").strip(" \u00a0").removesuffix("s")
    if match["range"] and not unit:
        unit = "%"
    if match["dollar"]:
        unit = "$"
        round_to = 10.0 ** (len(digits) - 3)
        # Dollars below a million are written with three significant digits.
        if not match["letter"] and "." not in digits and printed % round_to == 0:
            half = max(half, round_to / 2)
    allowed = half * (1 + 1e-6) + 1e-12
    scale = LETTERS.get(match["letter"] or "", 1.0)
    factors = SCALINGS[unit]
    return any(
        abs(abs(value) * factors[kind] / scale - printed) <= allowed
        for kind, value in (*values, *FIXED)
        if kind in factors
    )


def _walk(value: Any, kind: str = "plain") -> Iterator[tuple[str, float | str]]:
    """Yield every number and text with the kind of number that its field's name tells."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield kind, float(value)
    elif isinstance(value, str):
        yield "text", value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, _kind(key, kind))
    else:
        for item in value:
            yield from _walk(item, kind)


def _kind(key: str, outer: str) -> str:
    ends = {
        "points": "points",
        "usd": "usd",
        "hours": "hours",
        "minutes": "minutes",
        "numbers": "plain",
    }
    return ends.get(key.rpartition("_")[2], "plain" if outer != "points" else outer)


def _known(parts: Any, derived: Iterable[tuple[str, float]]) -> Known:
    values: list[tuple[str, float]] = list(derived)
    words: set[str] = set()
    phrases: set[str] = set()
    for kind, leaf in _walk(parts):
        if isinstance(leaf, float):
            values.append((kind, leaf))
            continue
        text = escaping.plain(str(leaf))
        words.update(DATE.findall(text))
        if re.search(r"\d", text) and re.search(r"[A-Za-z]{2}", text):
            phrases.update((text, numbers.grouped(text)))
        words.update(word.strip(".-") for word in GLUED.findall(text))
        # What is left of a text without dates, versions and digests are numbers of its own.
        words.update(re.findall(r"\d[\d,.]*\d|\d", GLUED.sub(" ", TIME.sub(" ", text))))
    return Known(tuple(dict.fromkeys(values)), frozenset(words), _longest_first(phrases))


def _longest_first(phrases: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(phrases), key=lambda phrase: (-len(phrase), phrase)))


def _shared(evidence: Evidence) -> Known:
    parts = evidence.model_dump(mode="json", exclude={"assets", "joint", "joint_reason"})
    counts = [
        len(evidence.assets), len(evidence.changes), len(evidence.guard_rails),
        *(len(facts.chosen(evidence, action)) for action in facts.ORDER),
        len(facts.breaches(evidence, blocking=True)),
        len(facts.breaches(evidence, blocking=False)),
        sum(rail.passed for rail in evidence.guard_rails),
        len(evidence.guard_rails) - len(facts.told_rails(evidence)),
        inputs.OLD_DAYS,
    ]  # fmt: skip
    rows = inputs.inputs(evidence)
    ages = [n for row in rows for n in (row.days_older, row.more) if n is not None]
    counts += [len(facts.moved(evidence))]
    derived = [("plain", float(count)) for count in counts + ages]
    return _known(parts, [*derived, ("points", 100 * evidence.appetite.invariant_margin)])


def _printable(asset: AssetEvidence) -> dict[str, Any]:
    """Return what a document may print of an asset: long tables only where they are quoted.

    Whole grids and curves hold so many values that nearly any number would be found in them.
    """
    apart = {"grid", "tail", "comparisons", "oracle", "stress", "justification", "levers"}
    if asset.model_range is not None:
        apart.add("models")
    parts = asset.model_dump(mode="json", exclude=apart)
    parts["justification"] = why.justification(asset).model_dump(
        mode="json", include={"removed", "baselines", "costs"}
    )
    parts["reasons of levers"] = [lever.reason for lever in asset.levers]
    parts["reasons of break-evens"] = [reason for _, reason in why.not_reached(asset)]
    if asset.liquidity is not None:
        curves = {"sizes_usd", "slippage", "marginal", "error"}
        parts["liquidity"] = asset.liquidity.model_dump(mode="json", exclude=curves)
    if asset.oracle is not None:
        # The only number of a feed outside the section of feeds.
        parts["pin_usd"] = asset.oracle.rule.pin_usd
    if asset.grid:
        parts["grid"] = [point.model_dump() for point in facts.excerpt(asset)]
        parts["ends"] = [point.threshold for point in facts.shown_grid(asset)[:1]]
        parts["ends"] += [point.threshold for point in facts.shown_grid(asset)[-1:]]
    if asset.tail:
        parts["tail"] = [point.model_dump() for point in facts.quoted_tail(asset)]
    return parts


def _of_asset(evidence: Evidence, asset: AssetEvidence, shared: Known) -> Known:
    bars = [float(bar.points) for bar in waterfall.printed_bars(asset)] if asset.waterfall else []
    implied = [i for i in (asset.implied_current, asset.implied_recommended) if i]
    counts = [len(test.dated) for test in asset.exceptions]
    room = [
        facts.allowance(evidence, asset, facts.now(asset), asset.in_force.bonus.value),
        facts.allowance(evidence, asset, asset.recommended.threshold, asset.recommended.bonus),
    ]
    years = [1 / i.failures_per_year for i in implied if i.failures_per_year > 0]
    derived = [
        *(("points", bar) for bar in [*bars, sum(bars), 100 * asset.recommended.threshold]),
        *(("plain", float(value)) for value in [*counts, *room, *years]),
        ("usd", facts.newly_liquidatable(asset)),
        ("usd", asset.price_usd),
        *why.quoted(asset),
    ]
    return _with(shared, _known(_printable(asset), derived))


def _of_feed(asset: AssetEvidence, shared: Known) -> Known:
    return _with(shared, _known(asset.model_dump(mode="json", include={"oracle"}), ()))


def _of_stress(evidence: Evidence, asset: AssetEvidence, shared: Known) -> Known:
    deciding = stresses.deciding(asset)
    passed = sum(event.passed for event in deciding)
    counts = [len(deciding), passed, len(deciding) - passed - 1]
    counts += [stresses.untold(evidence, passed=side) for side in (True, False)]
    thresholds = [facts.now(asset), asset.recommended.threshold]
    derived = [("plain", float(value)) for value in [*counts, *thresholds]]
    return _with(shared, _known(stresses.printable(asset), derived))


def _of_joint(evidence: Evidence, shared: Known) -> Known:
    parts = evidence.model_dump(mode="json", include={"joint", "joint_reason"})
    return _with(shared, _known(parts, ()))


def _with(shared: Known, own: Known) -> Known:
    return Known(
        shared.numbers + own.numbers,
        shared.texts | own.texts,
        _longest_first([*shared.phrases, *own.phrases]),
    )
