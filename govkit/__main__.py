"""Run the command line with ``python -m govkit``."""

from govkit.cli import main

main(prog_name="govkit")
