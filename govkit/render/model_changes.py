"""What changed between two market models, in words and as plain data."""

from __future__ import annotations

from typing import Any

from govkit.records.model import MarketModel
from govkit.render import numbers
from govkit.render.model_facts import Fact
from govkit.render.model_words import groups, plain

SMALLEST_POINT = 0.001
"""Changes of shares by less than a tenth of a point are told relative to the share."""


def changes(before: MarketModel, after: MarketModel) -> dict[str, Any]:
    """Return what changed between two models, as plain data.

    Returns
    -------
    dict
        ``before`` and ``after`` (name, as-of date, digest), ``added`` and ``removed`` (names of
        groups such as ``asset CRV``), ``verdicts`` and ``changed``: group, name, both values
        and their unit. What is equal as printed is left out.
    """
    old, new = dict(groups(before, "")), dict(groups(after, ""))
    verdicts, changed = [], []
    for group, facts in new.items():
        earlier = {fact.name: fact for fact in old.get(group, ())}
        if group not in old:
            continue
        for fact in facts:
            was = earlier.pop(fact.name, None)
            if was is None or was.text() != fact.text():
                changed.append(_change(group, was, fact))
        changed += [_change(group, gone, None) for gone in earlier.values()]
    for name in sorted(before.assets.keys() & after.assets.keys()):
        was_said, is_said = before.assets[name].verdict, after.assets[name].verdict
        if was_said != is_said:
            verdicts.append({"asset": name, "before": was_said, "after": is_said})
    return {
        "before": _identity(before),
        "after": _identity(after),
        "added": [group for group in new if group not in old],
        "removed": [group for group in old if group not in new],
        "verdicts": verdicts,
        "changed": changed,
    }


def show_changes(before: MarketModel, after: MarketModel) -> tuple[str, ...]:
    """Return what changed between two models in lines of plain text."""
    found = changes(before, after)
    one, two = found["before"], found["after"]
    lines = [f"before: {_named(one)}", f"after:  {_named(two)}"]
    if one["digest"] == two["digest"]:
        return (*lines, "the two models are the same")
    lines += [f"only before: {group}" for group in found["removed"]]
    lines += [f"only after: {group}" for group in found["added"]]
    for verdict in found["verdicts"]:
        lines += ["", f"{verdict['asset']}, verdict"]
        lines += [f"  was: {verdict['before']}", f"  is:  {verdict['after']}"]
    group = ""
    for change in found["changed"]:
        if change["of"] != group:
            group = change["of"]
            lines += ["", group]
        lines.append(f"  {_in_words(change)}")
    if len(lines) == 2:
        lines.append("nothing that is shown differs, but the digests do")
    return tuple(plain(line) for line in lines)


def _change(group: str, was: Fact | None, now: Fact | None) -> dict[str, Any]:
    known = now or was
    assert known is not None
    return {
        "of": group,
        "name": plain(known.name),
        "unit": known.unit,
        "before": None if was is None else was.value,
        "after": None if now is None else now.value,
        "before_text": None if was is None else plain(was.text()),
        "after_text": None if now is None else plain(now.text()),
    }


def _in_words(change: dict[str, Any]) -> str:
    was, now = change["before"], change["after"]
    if was is None or now is None:
        side = "only after" if was is None else "only before"
        return f"{change['name']}: {change['after_text'] or change['before_text']} ({side})"
    line = f"{change['name']}: {change['before_text']} → {change['after_text']}"
    if isinstance(was, str) or isinstance(now, str):
        return line
    way = "higher" if now > was else "lower"
    if change["unit"] == "share" and abs(now - was) >= SMALLEST_POINT:
        return f"{line}, {numbers.points(100 * (now - was))} {way}"
    return f"{line}, {numbers.percent(abs(now / was - 1))} {way}" if was > 0 else line


def _identity(model: MarketModel) -> dict[str, str]:
    return {"name": model.name, "as_of": model.as_of, "digest": model.digest()}


def _named(identity: dict[str, str]) -> str:
    return f"{identity['name']}, as of {identity['as_of']}, {identity['digest']}"
