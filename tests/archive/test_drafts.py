"""Numbers, names and running again."""

from __future__ import annotations

from pathlib import Path

import pytest

from govkit.archive.drafts import existing_draft, find_draft, place_draft, slug_of
from govkit.archive.files import read_folder
from govkit.errors import InputError

ONE, TWO = {"evidence.json": b"1"}, {"evidence.json": b"2"}


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


def test_first_is_one_and_the_folder_is_made(tmp_path: Path) -> None:
    placed = place_draft(tmp_path / "out" / "put", "weth", ONE)
    assert placed.folder == tmp_path / "out" / "put" / "0001-weth"
    assert placed.outcome == "written"
    assert read_folder(placed.folder) == ONE


def test_numbers_go_on_after_the_largest(tmp_path: Path) -> None:
    for name in ("0002-weth", "0041-uni", "notes", "0050", "00051-x", "0060-UPPER", "77-x"):
        (tmp_path / name).mkdir()
    (tmp_path / "0090-file").write_bytes(b"")
    assert place_draft(tmp_path, "crv", ONE).folder.name == "0042-crv"


def test_same_content_is_unchanged(tmp_path: Path) -> None:
    first = place_draft(tmp_path, "weth", ONE)
    before = (first.folder / "evidence.json").stat()
    again = place_draft(tmp_path, "weth", dict(ONE))
    assert (again.folder, again.outcome) == (first.folder, "unchanged")
    after = (first.folder / "evidence.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert place_draft(tmp_path, "weth", ONE, force=True).outcome == "unchanged"


def test_different_content_asks(tmp_path: Path) -> None:
    place_draft(tmp_path, "weth", ONE)
    with pytest.raises(InputError) as caught:
        place_draft(tmp_path, "weth", TWO)
    message = caught.value.message()
    assert message.startswith(str(tmp_path / "0001-weth"))
    assert "a different proposal of this name exists" in message
    assert "--force" in message
    assert "--new" in message
    assert read_folder(tmp_path / "0001-weth") == ONE
    assert names(tmp_path) == ["0001-weth"]


def test_force_replaces_and_new_counts_on(tmp_path: Path) -> None:
    place_draft(tmp_path, "weth", {**ONE, "charts/old.svg": b""})
    assert place_draft(tmp_path, "weth", TWO, force=True).outcome == "replaced"
    assert read_folder(tmp_path / "0001-weth") == TWO
    assert place_draft(tmp_path, "weth", TWO, new=True).folder.name == "0002-weth"
    # From now on the newest of the name is the one compared with.
    assert place_draft(tmp_path, "weth", ONE, force=True).folder.name == "0002-weth"
    assert read_folder(tmp_path / "0001-weth") == TWO
    assert names(tmp_path) == ["0001-weth", "0002-weth"]


def test_other_names_do_not_clash(tmp_path: Path) -> None:
    place_draft(tmp_path, "weth", ONE)
    assert place_draft(tmp_path, "weth-wbtc", TWO).folder.name == "0002-weth-wbtc"
    assert existing_draft(tmp_path, "weth") == tmp_path / "0001-weth"
    assert existing_draft(tmp_path, "wbtc") is None
    assert existing_draft(tmp_path / "missing", "weth") is None


def test_out_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(InputError, match=r"out: is a file, not a folder\. Choose another --out\."):
        place_draft(tmp_path / "out", "weth", ONE)


@pytest.mark.parametrize("number", ["1", "01", "0001", "0001-weth"])
def test_draft_by_number_or_name(tmp_path: Path, number: str) -> None:
    place_draft(tmp_path, "weth", ONE)
    assert find_draft(tmp_path, number) == tmp_path / "0001-weth"


@pytest.mark.parametrize("number", ["2", "0002", "weth", "", "..", "0001-"])
def test_draft_that_is_not_there(tmp_path: Path, number: str) -> None:
    place_draft(tmp_path, "weth", ONE)
    with pytest.raises(InputError, match="unknown proposal '"):
        find_draft(tmp_path, number)


def test_no_draft_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="None are known"):
        find_draft(tmp_path / "missing", "1")


@pytest.mark.parametrize(
    ("parts", "slug"),
    [
        (("aave-v3-ethereum", "WETH", "wstETH"), "aave-v3-ethereum-weth-wsteth"),
        (("A b/c", "PT-sUSDE (2026)!"), "a-b-c-pt-susde-2026"),
        (("..", "/", "x"), "x"),
        (("é", "WETH"), "weth"),
        (("x" * 79, "yz"), "x" * 79),
        (("x" * 100,), "x" * 80),
    ],
)
def test_slugs(parts: tuple[str, ...], slug: str) -> None:
    assert slug_of(*parts) == slug
