"""Folders are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from govkit.archive.files import read_folder, write_file, write_folder
from govkit.errors import InputError

FILES = {"a.txt": b"one", "charts/b.svg": b"<svg/>", "charts/deep/c.bin": bytes(range(256))}


def listing(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_folder_is_written_and_read(tmp_path: Path) -> None:
    write_folder(tmp_path / "new" / "0001-x", FILES)
    assert read_folder(tmp_path / "new" / "0001-x") == FILES
    assert listing(tmp_path / "new") == [
        "0001-x", "0001-x/a.txt", "0001-x/charts", "0001-x/charts/b.svg",
        "0001-x/charts/deep", "0001-x/charts/deep/c.bin",
    ]  # fmt: skip


def test_replacing_leaves_only_the_new_files(tmp_path: Path) -> None:
    write_folder(tmp_path / "x", FILES)
    write_folder(tmp_path / "x", {"d": b""}, replace=True)
    assert listing(tmp_path) == ["x", "x/d"]


@pytest.mark.parametrize(
    "files",
    [
        {"a": b"", "a/b": b""},  # a file where a folder is needed
        {"a": b"", "x" * 300: b""},  # a name no file system takes
        {"a/b": b"", "a": b""},  # a folder where a file is needed
    ],
)
@pytest.mark.parametrize("replace", [False, True])
def test_file_that_cannot_be_made_leaves_nothing(
    tmp_path: Path, files: dict[str, bytes], replace: bool
) -> None:
    if replace:
        write_folder(tmp_path / "out" / "x", FILES)
    before = listing(tmp_path)
    with pytest.raises(InputError, match="cannot be written") as caught:
        write_folder(tmp_path / "out" / "x", files, replace=replace)
    assert "\n" not in caught.value.message()
    assert listing(tmp_path) == before
    if replace:
        assert read_folder(tmp_path / "out" / "x") == FILES


@pytest.mark.parametrize("below", ["x", "deep/er/x"])
def test_place_below_a_file(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    with pytest.raises(InputError, match="cannot be written"):
        write_folder(tmp_path / "file" / below, FILES)
    assert listing(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"kept"


def test_folder_that_is_in_the_way(tmp_path: Path) -> None:
    write_folder(tmp_path / "x", {"mine": b"kept"})
    with pytest.raises(InputError, match="cannot be written"):
        write_folder(tmp_path / "x", FILES)
    assert read_folder(tmp_path / "x") == {"mine": b"kept"}
    assert listing(tmp_path) == ["x", "x/mine"]


@pytest.mark.parametrize("name", ["../escaped", "/escaped", "a/../../escaped"])
def test_names_stay_in_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="leaves the folder"):
        write_folder(tmp_path / "x", {"a": b"", name: b""})
    assert listing(tmp_path) == []


def test_file_is_written_and_replaced(tmp_path: Path) -> None:
    write_file(tmp_path / "model.json", b"one")
    write_file(tmp_path / "model.json", b"two")
    assert (tmp_path / "model.json").read_bytes() == b"two"
    assert listing(tmp_path) == ["model.json"]


@pytest.mark.parametrize("place", ["missing/model.json", "file/model.json", "folder"])
def test_file_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"cannot be written \("):
        write_file(tmp_path / place, b"new")
    assert listing(tmp_path) == ["file", "folder"]
