"""``govkit fit``: snapshot to market model."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from govkit.cli import _options


@click.command(name="fit")
@click.argument("snapshot", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--assets", default="", help="Comma-separated; every known asset with data if left out."
)
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Use only data before this day.")
@click.option(
    "--numeraire",
    default="USDC",
    show_default=True,
    help="Debt asset in which falls are measured; its hourly candles convert where there are any.",
)
@click.option("--name", default="custom", show_default=True, help="Name stored in the model.")
@_options.seed()
@click.option(
    "--refits",
    default=200,
    show_default=True,
    type=click.IntRange(20, 2000),
    help="Refits on block-bootstrapped histories.",
)
@_options.runners("the cores", "model")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default="model.json",
    show_default=True,
    help="File to write.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the model instead of a summary.")
def command(
    snapshot: Path, assets: str, as_of: datetime | None, numeraire: str, name: str, seed: int,
    refits: int, workers: int | None, scheduler: str, out: Path, as_json: bool,
) -> None:  # fmt: skip
    """Fit a market model to a snapshot of real data.

    \b
    Example:
      govkit fit my-snapshot --assets WETH,WBTC --out model.json
    """
    from govkit.archive.files import write_file
    from govkit.cli._drafts import checked_place
    from govkit.cli.progress import progress_on_stderr
    from govkit.fit import fit_model
    from govkit.market.store import open_snapshot

    checked_place(out.absolute().parent)
    chosen = tuple(a.strip() for a in assets.split(",") if a.strip())
    running = _options.runner_for(workers, scheduler, several=True)
    with running as runner, progress_on_stderr() as report:
        model = fit_model(
            open_snapshot(snapshot), name=name, assets=chosen, seed=seed,
            as_of=f"{as_of:%Y-%m-%d}" if as_of else "", numeraire=numeraire, refits=refits,
            runner=runner, progress=report,
        )  # fmt: skip
    text = model.canonical()
    write_file(out, text)
    if as_json:
        click.echo(text.decode())
        return
    click.echo(f"{out}: {len(text) / 1000:.0f} kB, as of {model.as_of}, digest {model.digest()}")
    for asset in model.assets.values():
        click.echo(f"  {asset.asset}, prices to {asset.as_of}. {asset.verdict}")
    for missing in model.not_done:
        click.echo(f"  {missing.what}: {missing.reason}")
