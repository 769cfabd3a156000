"""``python -m benchmarks``: measure, print tables, write docs/performance.md."""

from __future__ import annotations

import click

from benchmarks.items import all_items, measured
from benchmarks.page import PAGE, page, part


@click.command()
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Measure this part alone; may be given again. The page stays as it is.",
)
@click.option("--quick", is_flag=True, help="Small sizes. The page stays as it is.")
def main(only: tuple[str, ...], quick: bool) -> None:
    """Measure speed and memory, print tables and write docs/performance.md."""
    names = tuple(all_items())
    for name in only:
        if name not in names:
            raise click.BadParameter(f"{name!r} is none of {', '.join(names)}", param_hint="--only")
    sections = {}
    for name in only or names:
        click.echo(f"measuring {name} ...", err=True)
        sections[name] = measured(name, quick)
        click.echo(part(name, sections[name]) + "\n")
    if not only and not quick:
        PAGE.write_text(page(sections), encoding="utf-8")
        click.echo(f"written: {PAGE.relative_to(PAGE.parents[1])}", err=True)


if __name__ == "__main__":
    main()
