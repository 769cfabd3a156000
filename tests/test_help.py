"""Help: complete, instant, and true of every verb."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import govkit
import govkit.cli
from govkit.cli import main, verb_names

HEAVY = {
    "arch",
    "jinja2",
    "matplotlib",
    "numba",
    "numpy",
    "pandas",
    "pydantic",
    "rich",
    "scipy",
    "weasyprint",
}

LOADED = """
import json, sys
from govkit.cli import main
code = main(sys.argv[1:], prog_name="govkit", standalone_mode=False)
print(json.dumps({"code": code, "modules": sorted(sys.modules)}), file=sys.stderr)
"""


def run(*words: str) -> tuple[str, set[str]]:
    """Return what the words print in a fresh interpreter, and which packages that loaded."""
    result = subprocess.run(
        [sys.executable, "-c", LOADED, *words],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(result.stderr)
    assert report["code"] == 0
    return result.stdout, {name.partition(".")[0] for name in report["modules"]}


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], *([v, "--help"] for v in verb_names())]
)
def test_answers_without_heavy_imports(words: list[str]) -> None:
    printed, loaded = run(*words)
    assert printed
    assert "click" in loaded
    assert not loaded & HEAVY


def test_version_names_the_toolchain() -> None:
    first, second = CliRunner().invoke(main, ["--version"]).output.splitlines()
    assert first == f"govkit {govkit.__version__}"
    for name in ("numpy", "scipy", "weasyprint"):
        assert f"{name} {version(name)}" in second


def test_version_does_without_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(govkit.cli, "TOOLCHAIN", ("no-such-library",))
    assert "no-such-library not installed" in govkit.cli.version_text()


@pytest.mark.parametrize("name", verb_names())
def test_every_verb_explains_itself(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert isinstance(command, click.Command)
    assert command.get_short_help_str()
    help_text = CliRunner().invoke(main, [name, "--help"]).output
    assert f"govkit {name}" in help_text.partition("\n")[2], "help holds no example"


def test_a_verb_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "greet.py").write_text(
        "import click\n"
        "@click.command()\n"
        "def command():\n"
        "    '''Say hello.'''\n"
        "    click.echo('hello')\n"
    )
    (tmp_path / "_words.py").write_text("raise AssertionError('a helper was loaded')\n")
    monkeypatch.setattr(govkit.cli, "__path__", [*govkit.cli.__path__, str(tmp_path)])
    monkeypatch.setattr(main, "commands", {})
    try:
        assert "greet" in verb_names()
        help_text = CliRunner().invoke(main, ["--help"], prog_name="govkit").output
        assert "Say hello." in help_text
        assert "progress" not in help_text
        assert CliRunner().invoke(main, ["greet"]).output == "hello\n"
        mistyped = CliRunner().invoke(main, ["gret"])
        assert mistyped.exit_code == 2
        assert "Did you mean 'greet'?" in mistyped.stderr
    finally:
        sys.modules.pop("govkit.cli.greet", None)
        vars(govkit.cli).pop("greet", None)
