"""What reaches the terminal: messages, exit codes, progress."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from govkit.cli import main
from govkit.cli.progress import lines, progress_on_stderr
from govkit.errors import CheckFailed, DataUnavailable, GovkitError, InputError, PartMissing

ROOT = Path(__file__).parents[2]


def run_verb(monkeypatch: pytest.MonkeyPatch, error: BaseException | None) -> Result:
    @click.command()
    def tiny() -> None:
        """Do little."""
        click.echo("document")
        if error:
            raise error

    monkeypatch.setitem(main.commands, "tiny", tiny)
    return CliRunner().invoke(main, ["tiny"])


def run_program(body: str, **options: object) -> subprocess.Popen[str]:
    """Start a fresh interpreter in which `body` is the verb ``tiny``."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    program = (
        "import os, sys, time, click\nfrom govkit.cli import main\n"
        f"@main.command()\ndef tiny():\n{lines}\nmain(['tiny'], prog_name='govkit')\n"
    )
    return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, text=True, **options)  # type: ignore[call-overload]


def test_verb_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_verb(monkeypatch, None)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "document\n", "")


@pytest.mark.parametrize(
    ("kind", "code"),
    [(GovkitError, 1), (CheckFailed, 1), (InputError, 2), (DataUnavailable, 3), (PartMissing, 4)],
)
def test_error_is_one_message_and_its_code(
    monkeypatch: pytest.MonkeyPatch, kind: type[GovkitError], code: int
) -> None:
    error = kind("no such asset", where="proposal.toml: asset", todo="Name another.")
    result = run_verb(monkeypatch, error)
    assert result.exit_code == code
    assert result.stdout == "document\n"
    assert result.stderr == "Error: proposal.toml: asset: no such asset. Name another.\n"


def test_error_while_reading_options_is_shown_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise InputError("not a date")

    @click.command()
    @click.option("--as-of", callback=refuse)
    def tiny(as_of: str) -> None:
        raise AssertionError

    monkeypatch.setitem(main.commands, "tiny", tiny)
    result = CliRunner().invoke(main, ["tiny", "--as-of", "soon"])
    assert (result.exit_code, result.stderr) == (2, "Error: not a date\n")


def test_unexpected_error_keeps_its_traceback() -> None:
    process = run_program("raise KeyError('lost')", stderr=subprocess.PIPE)
    _, printed = process.communicate()
    assert process.returncode == 1
    assert printed.startswith("Traceback")
    assert "KeyError: 'lost'" in printed


def test_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_verb(monkeypatch, KeyboardInterrupt())
    assert result.exit_code == 130
    assert result.stderr == "\nInterrupted; nothing was left behind.\n"


@pytest.mark.parametrize(
    "body",
    [
        "while True: click.echo('line')",
        "for _ in range(10**6): sys.stdout.write('line')",
        "sys.stdout.write('less than a buffer')",
    ],
)
def test_closed_pipe_ends_quietly(body: str) -> None:
    reader, writer = os.pipe()
    # Closed before the first write, so that it is the write that fails on every run.
    os.close(reader)
    process = run_program(body, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    _, printed = process.communicate()
    assert (process.returncode, printed) == (141, "")


def test_closed_pipe_elsewhere_is_not_hidden() -> None:
    process = run_program(
        "raise BrokenPipeError(32, 'Broken pipe')",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    _, printed = process.communicate()
    assert process.returncode == 1
    assert "a pipe to another process broke" in printed


def test_help_into_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        [sys.executable, "-m", "govkit", "--help"],
        cwd=ROOT,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert process.communicate()[1] == ""


def report_two_stages(quiet: bool) -> None:
    with progress_on_stderr(quiet) as report:
        for done in range(4):
            report("fit WETH", done, 3)
        report("simulate", 0, 10)


def test_progress_in_a_log_is_a_line_per_stage(capsys: pytest.CaptureFixture[str]) -> None:
    report_two_stages(quiet=False)
    assert capsys.readouterr() == ("", "fit WETH ...\nsimulate ...\n")


def test_progress_in_a_log_says_how_much_time_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    """At most a line every ten seconds, reckoned from the pace so far."""
    now = 0.0
    report = lines(lambda: now)
    for done, now in enumerate((0.0, 4.0, 12.0, 15.0, 30.0, 40.0)):  # noqa: B007
        report("refits", done, 5)
    for done, now in enumerate((40.0, 60.0)):  # noqa: B007
        report("other models", done, 400)
    assert capsys.readouterr().err.splitlines() == [
        "refits ...",
        "refits 2 of 5, about 18 s left",
        "refits 4 of 5, about 8 s left",
        "other models ...",
        "other models 1 of 400, about 2 h 13 min left",
    ]


def test_quiet_progress(capsys: pytest.CaptureFixture[str]) -> None:
    report_two_stages(quiet=True)
    assert capsys.readouterr() == ("", "")


def test_progress_on_a_terminal_is_a_bar() -> None:
    screen, terminal = pty.openpty()
    process = run_program(
        "from govkit.cli.progress import progress_on_stderr\n"
        "with progress_on_stderr() as report:\n"
        "    report('fit [WETH]', 0, 3)\n"
        "    report('fit [WETH]', 1, 3)\n"
        "    time.sleep(0.1)\n"
        "    report('fit [WETH]', 2, 3)\n"
        "    time.sleep(0.1)\n"
        "click.echo('document')",
        stdout=subprocess.PIPE,
        stderr=terminal,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"},
    )
    printed, _ = process.communicate()
    os.close(terminal)
    shown = os.read(screen, 65536).decode()
    os.close(screen)
    assert (process.returncode, printed) == (0, "document\n")
    assert "fit [WETH]" in shown
    assert "2/3" in shown
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    assert re.search(r"2/3 0:00:0\d left 0:00:0\d", plain)
