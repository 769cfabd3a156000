"""``govkit propose`` from a question to a folder, and what happens when it cannot."""

from __future__ import annotations

import importlib.abc
import json
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from govkit.cli import main
from govkit.data import FOLDER
from govkit.records.evidence import Evidence
from tests.calibrate.pipeline import fewer_paths

FIRST = "0001-aave-v3-ethereum-weth-wbtc"
SMALL = "0001-aave-v3-ethereum-usdc"


@pytest.fixture(autouse=True, scope="module")
def small_samples() -> Iterator[None]:
    with fewer_paths(book=500):
        yield


def govkit(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def error_of(result: Result, code: int) -> str:
    """Return the only error line; progress may stand before it and nothing after."""
    assert result.exit_code == code, result.output
    *before, last = result.stderr.splitlines()
    assert last.startswith("Error: ")
    for line in before:
        assert line in ("assets ...", "joint book ...", "documents ...") or line.startswith(
            "market data as of "
        )
    return last.removeprefix("Error: ")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    out = tmp_path_factory.mktemp("propose") / "proposals"
    return out, govkit("propose", "WETH", "WBTC", "--out", out)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """An output folder with a proposal that takes no simulation."""
    result = govkit("propose", "USDC", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    return tmp_path / "out"


CHARTS = ("waterfall", "tornado", "loss", "tail", "slippage", "frontier", "stress")


def test_files_of_a_proposal(first: tuple[Path, Result]) -> None:
    out, result = first
    assert result.exit_code == 0, result.output
    assert [path.name for path in out.iterdir()] == [FIRST]
    written = files(out / FIRST)
    charts = {name for name in written if name.startswith("charts/")}
    assert set(written) - charts == {
        "proposal.md", "proposal.pdf", "proposal.toml", "evidence.json"
    }  # fmt: skip
    assert written["proposal.pdf"].startswith(b"%PDF-")
    for asset in ("weth", "wbtc"):
        for chart in CHARTS:
            assert written[f"charts/{asset}-{chart}.png"].startswith(b"\x89PNG")
            assert b"<svg" in written[f"charts/{asset}-{chart}.svg"][:2000]
    assert len(charts) == 2 * 2 * len(CHARTS)
    # Every picture that the post shows lies beside it.
    shown = set(re.findall(r"charts/[\w.-]+", written["proposal.md"].decode()))
    assert shown
    assert shown <= charts


def test_summary(first: tuple[Path, Result]) -> None:
    out, result = first
    lines = result.stdout.splitlines()
    evidence = Evidence.from_json((out / FIRST / "evidence.json").read_bytes(), where="here")
    for line, asset in zip(lines, evidence.assets, strict=False):
        assert asset.support is not None
        now, then = asset.in_force.threshold.value * 100, asset.recommended.threshold * 100
        moved = "" if now == then else f" -> {then:g} %"
        supported = f"(supported {asset.support.bound * 100:.1f} %)"
        assert line == f"{asset.asset}: {asset.action} {now:g} %{moved}  {supported}"
    assert lines[2:] == [f"written: {out / FIRST}"]
    notes = result.stderr.splitlines()
    assert notes[:3] == ["assets ...", "joint book ...", "documents ..."]
    assert re.fullmatch(r"market data as of \d{4}-\d\d-\d\d, -?\d+ days old", notes[3])
    assert len(notes) == 4


def test_digest_is_printed_in_the_post(first: tuple[Path, Result]) -> None:
    folder = first[0] / FIRST
    evidence = Evidence.from_json((folder / "evidence.json").read_bytes(), where="here")
    assert (folder / "evidence.json").read_bytes() == evidence.canonical()
    assert evidence.digest().removeprefix("sha256:")[:8] in (folder / "proposal.md").read_text(
        encoding="utf-8"
    )


def test_again_is_unchanged_and_json_is_the_evidence(small: Path) -> None:
    before = files(small)
    again = govkit("propose", "USDC", "--out", small, "--json")
    assert again.exit_code == 0, again.output
    assert f"unchanged: {small / SMALL}" in again.stderr.splitlines()
    assert again.stdout.encode() == before[f"{SMALL}/evidence.json"] + b"\n"
    assert files(small) == before


def test_evidence_fits_the_published_schema(first: tuple[Path, Result]) -> None:
    schema = json.loads((FOLDER / "schemas" / "evidence-1.schema.json").read_text(encoding="utf-8"))
    data = json.loads((first[0] / FIRST / "evidence.json").read_text(encoding="utf-8"))
    assert [error.message for error in Draft202012Validator(schema).iter_errors(data)] == []


def test_command_in_the_evidence_asks_the_same_again(first: tuple[Path, Result]) -> None:
    out, _ = first
    data = json.loads((out / FIRST / "evidence.json").read_text(encoding="utf-8"))
    assert data["command"] == (
        "govkit propose WETH WBTC --market aave-v3-ethereum --appetite moderate "
        "--model reference --seed 1"
    )


def test_other_seed_is_a_different_proposal(small: Path) -> None:
    before = files(small)
    message = error_of(govkit("propose", "USDC", "--out", small, "--seed", "2"), 2)
    assert message == (
        f"{small / SMALL}: a different proposal of this name exists. Use --force to replace it "
        "or --new to write one with the next number."
    )
    assert files(small) == before
    fresh = govkit("propose", "USDC", "--out", small, "--seed", "2", "--new")
    assert fresh.exit_code == 0
    assert fresh.stdout.splitlines()[-1] == f"written: {small / '0002-aave-v3-ethereum-usdc'}"
    assert {name: data for name, data in files(small).items() if name in before} == before
    forced = govkit("propose", "USDC", "--out", small, "--seed", "3", "--force")
    assert forced.exit_code == 0
    assert forced.stdout.splitlines()[-1] == f"replaced: {small / '0002-aave-v3-ethereum-usdc'}"
    assert json.loads(files(small)["0002-aave-v3-ethereum-usdc/evidence.json"])["seed"] == 3


def test_other_appetite_is_another_name(small: Path) -> None:
    result = govkit("propose", "USDC", "--out", small, "--appetite", "conservative")
    assert result.exit_code == 0
    assert (small / "0002-aave-v3-ethereum-usdc-conservative" / "evidence.json").is_file()


def test_human_text_survives(small: Path) -> None:
    path = small / SMALL / "proposal.toml"
    text = path.read_text(encoding="utf-8")
    title, author = 'Keep USDC: a "quoted" <b>title</b> | \U0001f525', "A. Nonymous"
    text = text.replace('author = ""', f"author = {json.dumps(author)}  # a note of mine")
    text = text.replace('title = ""', f"title = {json.dumps(title, ensure_ascii=False)}")
    path.write_text(text, encoding="utf-8")
    rendered = govkit("render", "1", "--out", small)
    assert (rendered.exit_code, rendered.stdout) == (0, f"replaced: {small / SMALL}\n")
    # What people wrote stays byte for byte, their comments included.
    assert path.read_text(encoding="utf-8") == text
    assert author in (small / SMALL / "proposal.md").read_text(encoding="utf-8")
    again = govkit("render", "0001", "--out", small)
    assert (again.exit_code, again.stdout) == (0, f"unchanged: {small / SMALL}\n")
    forced = govkit("propose", "USDC", "--out", small, "--seed", "9", "--force")
    assert forced.exit_code == 0, forced.output
    kept = tomllib.loads(path.read_text(encoding="utf-8"))
    assert (kept["text"]["title"], kept["text"]["author"], kept["seed"]) == (title, author, 9)
    evidence = json.loads(files(small)[f"{SMALL}/evidence.json"])
    assert (evidence["text"]["title"], evidence["text"]["author"]) == (title, author)
    assert author in (small / SMALL / "proposal.md").read_text(encoding="utf-8")


def test_overlay_written_by_hand_survives(small: Path) -> None:
    path = small / SMALL / "proposal.toml"
    lines = ["", "[[overlays]]", "points = 1.5", 'asset = "USDC"', 'owner = "DAO"',
             'date = "2026-02-11"', 'reason = "depeg"', ""]  # fmt: skip
    path.write_text(path.read_text(encoding="utf-8") + "\n".join(lines), encoding="utf-8")
    forced = govkit("propose", "USDC", "--out", small, "--force")
    assert forced.exit_code == 0, forced.output
    kept = tomllib.loads(path.read_text(encoding="utf-8"))
    assert [o["points"] for o in kept["overlays"]] == [1.5]


def test_broken_text_is_named_before_any_work(small: Path) -> None:
    path = small / SMALL / "proposal.toml"
    path.write_text("title = ", encoding="utf-8")
    message = error_of(govkit("propose", "USDC", "--out", small), 2)
    assert message.startswith(f"{path}: not valid TOML")
    assert path.read_text(encoding="utf-8") == "title = "


WRONG: dict[str, tuple[list[str], str]] = {
    "asset": (["propose", "WETG"], "unknown asset of Aave v3 Ethereum 'WETG'. Did you mean WETH"),
    "case": (["propose", "weth"], "unknown asset of Aave v3 Ethereum 'weth'. Did you mean WETH"),
    "second asset": (["propose", "USDC", "XYZQ"], "unknown asset of Aave v3 Ethereum 'XYZQ'."),
    "twice": (["propose", "USDC", "USDC"], "an asset is named twice"),
    "market": (["propose", "USDC", "--market", "aave-v3-etherum"],
               "unknown market 'aave-v3-etherum'. Did you mean aave-v3-ethereum?"),
    "appetite": (["propose", "USDC", "--appetite", "bold"],
                 "unknown appetite 'bold'. Known: aggressive, conservative, moderate."),
    "model": (["propose", "USDC", "--model", "referense"],
              "unknown model 'referense'. Did you mean reference?"),
    "no market file": (["propose", "USDC", "--market", "none/x.toml"],
                       "none/x.toml: no such market file"),
    "no appetite file": (["propose", "USDC", "--appetite", "none/x.toml"],
                         "none/x.toml: no such appetite file"),
    "no model file": (["propose", "USDC", "--model", "none/x.json"],
                      "none/x.json: no such model file"),
    "no book file": (["propose", "USDC", "--book", "none.csv"], "none.csv"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_names(tmp_path: Path, case: str) -> None:
    words, expected = WRONG[case]
    message = error_of(govkit(*words, "--out", tmp_path / "out"), 2)
    assert expected in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("case", WRONG)
def test_wrong_names_leave_an_archive_as_it_was(first: tuple[Path, Result], case: str) -> None:
    out, _ = first
    before = sorted(out.rglob("*"))
    error_of(govkit(*WRONG[case][0], "--out", out), 2)
    assert sorted(out.rglob("*")) == before


@pytest.mark.parametrize("text", ["{", '{"schema_id": "govkit/market-model/99"}', "\x00"])
def test_model_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.json"
    path.write_text(text, encoding="utf-8")
    message = error_of(govkit("propose", "USDC", "--model", path, "--out", tmp_path / "out"), 2)
    assert message.startswith(f"{path}: ")
    assert [p.name for p in tmp_path.iterdir()] == ["model.json"]


@pytest.mark.parametrize("below", ["", "deeper"])
def test_out_is_a_file(tmp_path: Path, below: str) -> None:
    (tmp_path / "out").write_bytes(b"kept")
    result = govkit("propose", "USDC", "--out", tmp_path / "out" / below)
    assert error_of(result, 2) == (
        f"{tmp_path / 'out'}: is a file, not a folder. Choose another --out."
    )
    assert files(tmp_path) == {"out": b"kept"}


def test_lower_and_refuse_are_results(tmp_path: Path) -> None:
    result = govkit("propose", "LINK", "DAI", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    link, dai, written = result.stdout.splitlines()
    # It stands more than three points above their support: the largest cut in one vote.
    assert link.startswith("LINK: lower 71 % -> 68 %  (supported ")
    # The model knows no depth of DAI.
    assert dai == "DAI: refuse 77 %"
    assert written == f"written: {tmp_path / '0001-aave-v3-ethereum-link-dai'}"
    data = json.loads(files(tmp_path)["0001-aave-v3-ethereum-link-dai/evidence.json"])
    raw = {(c["asset"], c["parameter"]): (c["raw_current"], c["raw_proposed"])
           for c in data["changes"]}  # fmt: skip
    # LINK's live values are those of its e-mode; the reserve's own stay as they are.
    mode = "of e-mode LINK__USDC_USDT (id 40)"
    assert raw["LINK", f"Liquidation threshold {mode}"] == ("7100", "6800")
    assert raw["LINK", f"LTV {mode}"] == ("6600", "6300")
    assert raw["LINK", f"Liquidation bonus {mode}"] == ("10700", "10700")
    assert raw["DAI", "Liquidation threshold"] == ("7700", "7700")


def write_book(folder: Path, *rows: str, header: str = "") -> Path:
    path = folder / "book.csv"
    head = header or "user_id,collateral_usd,debt_usd,health_factor"
    path.write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    return path


def test_book_changes_the_basis(tmp_path: Path) -> None:
    # Without a health factor it is threshold x collateral / debt: 0.74 x 3e6 / 1e6 = 2.22.
    book = write_book(tmp_path, "a,3000000,1000000,", "b,900000,500000,1.25", "c,10,0,")
    result = govkit("propose", "UNI", "--book", book, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    (asset,) = data["assets"]
    assert asset["clearing"]["exposure_basis"] == "book"
    share = 1.5e6 / asset["clearing"]["debt_at_cap_usd"]
    assert asset["clearing"]["exposure_share"] == pytest.approx(max(share, 0.05), rel=1e-5)
    assert asset["impact"]["basis"] == "book"
    assert (asset["impact"]["accounts"], asset["impact"]["debt_usd"]) == (2, 1.5e6)
    assert f" --book {book.name} " in data["command"] + " "


BAD_BOOKS = {
    "no accounts": (["timestamp,open,high,low,close,volume"], ""),
    "words": (["user_id,collateral_usd,debt_usd,health_factor", "a,1,many,1.5"], ""),
    "no debt": (["user_id,collateral_usd,debt_usd,health_factor", "a,1,0,1.5"], "USDC"),
    "empty": ([""], ""),
    "nothing to go by": (["user_id,collateral_usd,debt_usd,health_factor", "a,,5,"], ""),
}


@pytest.mark.parametrize("case", BAD_BOOKS)
def test_bad_book(tmp_path: Path, case: str) -> None:
    rows, expected = BAD_BOOKS[case]
    book = write_book(tmp_path, *rows[1:], header=rows[0] or " ")
    message = error_of(govkit("propose", "USDC", "--book", book, "--out", tmp_path / "out"), 2)
    assert "book.csv" in message
    assert expected in message
    assert [path.name for path in tmp_path.iterdir()] == ["book.csv"]


def test_book_without_collateral_for_two_assets(tmp_path: Path) -> None:
    book = write_book(tmp_path, "a,3000000,1000000,1.5")
    words = ["propose", "USDC", "USDT", "--book", book, "--out", tmp_path / "out"]
    message = error_of(govkit(*words), 2)
    assert "accounts without a collateral asset, and several assets are asked" in message
    assert [path.name for path in tmp_path.iterdir()] == ["book.csv"]


class NoPango(importlib.abc.MetaPathFinder):
    """What a machine without Pango does when WeasyPrint is imported."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name == "weasyprint" or name.startswith("weasyprint."):
            raise OSError("cannot load library 'libpango-1.0-0'")


def test_without_pango_all_but_the_pdf(
    tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in sys.modules if n.split(".")[0] == "weasyprint"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NoPango(), *sys.meta_path])
    out = tmp_path / "bare"
    result = govkit("propose", "USDC", "--out", out)
    message = error_of(result, 4)
    assert "no PDF was written, because Pango cannot be loaded" in message
    assert "libpango-1.0-0" in message
    assert result.stdout.splitlines()[-1] == f"written: {out / SMALL}"
    whole = files(small)
    del whole[f"{SMALL}/proposal.pdf"]
    assert files(out) == whole


def test_markets_and_appetites_of_a_user(tmp_path: Path) -> None:
    market, appetite = tmp_path / "mine.toml", tmp_path / "bold.toml"
    shutil.copy(FOLDER / "markets" / "aave-v3-ethereum.toml", market)
    shutil.copy(FOLDER / "appetites" / "moderate.toml", appetite)
    words = ["propose", "USDC", "--market", market, "--appetite", appetite, "--out"]
    result = govkit(*words, tmp_path / "out")
    assert result.exit_code == 0, result.output
    (folder,) = (tmp_path / "out").iterdir()
    assert folder.name == "0001-aave-v3-ethereum-usdc-bold"
    market.write_text(market.read_text(encoding="utf-8").replace("threshold = ", "treshold = ", 1),
                      encoding="utf-8")  # fmt: skip
    message = error_of(govkit(*words, tmp_path / "other"), 2)
    assert message.startswith(f"{market}: ")
    assert "reserves.WETH.threshold: field required" in message
    assert "reserves.WETH.treshold: extra inputs are not permitted" in message
    assert not (tmp_path / "other").exists()
