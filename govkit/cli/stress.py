"""``govkit stress``: the stress library on the values in force."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from govkit.cli import _options

if TYPE_CHECKING:
    from govkit.calibrate.case import Asked
    from govkit.records.market import Appetite
    from govkit.records.stress import Scenario, StressEvidence


@click.command("stress")
@click.argument("assets", nargs=-1, required=True, metavar="ASSET...")
@click.option(
    "--scenario",
    "wanted",
    multiple=True,
    metavar="NAME|FILE",
    help="Only this scenario, or those of a TOML file; may be given again. All without it.",
)
@_options.market()
@_options.appetite(": it sets the cap")
@_options.model()
@_options.book()
@click.option("--out", type=click.Path(path_type=Path), help="Folder for a chart of every asset.")
@_options.seed()
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(
    assets: tuple[str, ...], wanted: tuple[str, ...], market: str, appetite: str, model: str,
    book: str, out: Path | None, seed: int, as_json: bool,
) -> None:  # fmt: skip
    """Replay crashes and failures on the book of an asset at the values in force.

    Dated events fall as on record, synthetic ones as given; what decides a threshold is marked.
    Below stand the smallest sudden fall that breaks the appetite's cap, and the fall at which
    collateral no longer covers debt.

    \b
    Example:
      govkit stress WETH wstETH
      govkit stress WETH --scenario "Keepers out for 1 h" --out charts

    A file of one's own holds [[scenario]] tables like those in govkit/data/stresses.
    """
    from govkit.calibrate.case import Asked
    from govkit.data import load_appetite, load_market, load_model, load_scenarios
    from govkit.errors import unknown_name
    from govkit.market.account_book import read_books

    place, fitted, tolerated = load_market(market), load_model(model), load_appetite(appetite)
    chosen = [one for name in wanted or ("",) for one in load_scenarios(name)]
    scenarios = tuple({one.name: one for one in chosen}.values())
    assets = tuple(dict.fromkeys(assets))
    for asset in assets:
        if asset not in place.reserves:
            raise unknown_name(f"asset of {place.title}", asset, place.reserves)
        if asset not in fitted.assets:
            raise unknown_name(f"asset in model '{fitted.name}'", asset, fitted.assets)
    thresholds = {asset: place.reserves[asset].threshold.value for asset in assets}
    books = read_books(Path(book), thresholds) if book else {}
    if out is not None:
        _folder(out)
    _options.say_if_slow()
    found: dict[str, Any] = {}
    for n, asset in enumerate(assets):
        asked = Asked(place, fitted, asset, books.get(asset), seed)
        result = _run(asked, scenarios, tolerated)
        found[asset] = _data(asked, result)
        if not as_json:
            click.echo("\n" * (n > 0) + "\n".join(_words(asked, result, sources=bool(wanted))))
        if out is not None and not isinstance(result, str) and result[1].results:
            _draw(out, asset, result[1])
    if as_json:
        asked_for = {"market": place.name, "model": fitted.name, "appetite": tolerated.name}
        click.echo(json.dumps(asked_for | {"assets": found}, indent=2, ensure_ascii=False))


def _run(
    asked: Asked, scenarios: tuple[Scenario, ...], appetite: Appetite
) -> tuple[float, StressEvidence] | str:
    """Return effective horizon and results, or why there is nothing to run."""
    from govkit.calibrate.replay import setting_of
    from govkit.calibrate.stress import run_scenarios

    curve = asked.curve
    if curve is None:
        return f"no depth to sell into is known. {asked.known.verdict}"
    setting, threshold = setting_of(asked, curve), asked.reserve.threshold.value
    found = run_scenarios(setting, scenarios, threshold, threshold, appetite)
    return setting.clearing.horizon_hours, found


def _words(
    asked: Asked, result: tuple[float, StressEvidence] | str, *, sources: bool
) -> tuple[str, ...]:
    from govkit.render.stress_words import show_stress

    if isinstance(result, str):
        return (f"{asked.asset}: not run, {result}",)
    horizon, stress = result
    return show_stress(asked.asset, asked.reserve.threshold.value, horizon, stress, sources=sources)


def _data(asked: Asked, result: tuple[float, StressEvidence] | str) -> dict[str, Any]:
    from govkit.records.base import rounded

    if isinstance(result, str):
        return {"not_run": result}
    horizon, stress = result
    data: dict[str, Any] = rounded(
        {
            "threshold": asked.reserve.threshold.value,
            "horizon_hours": horizon,
            "stress": stress.model_dump(mode="json"),
        }
    )
    return data


def _folder(out: Path) -> None:
    from govkit.errors import InputError

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"is no folder to write to ({error.strerror})", where=str(out)) from None


def _draw(out: Path, asset: str, stress: StressEvidence) -> None:
    from govkit.render.charts.stress import picture
    from govkit.render.environment import template_folder
    from govkit.render.facts import slug

    path = out / f"{slug(asset)}-stress.png"
    path.write_bytes(picture(asset, stress, template_folder() / "report" / "fonts"))
    click.echo(f"written: {path}", err=True)
