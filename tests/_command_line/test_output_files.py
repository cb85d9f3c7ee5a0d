import os

import pytest

from sksoftinfo._command_line.output_files import check_output, make_folder


def test_folders_that_cannot_be_made_are_named(tmp_path):
    make_folder(tmp_path / "new" / "folder")
    make_folder(tmp_path / "new" / "folder")
    assert (tmp_path / "new" / "folder").is_dir()
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "in", tmp_path / ("x" * 300)):
        with pytest.raises(ValueError, match="--out .* cannot be created .*: pass a folder that"):
            make_folder(folder)


def test_files_that_cannot_be_written_are_named(tmp_path):
    source = tmp_path / "t.csv"
    source.touch()
    (tmp_path / "link.csv").symlink_to(source)
    (tmp_path / "old.html").touch()
    for name in ("new.html", "old.html"):
        check_output(tmp_path / name, "--report", source)
    for path, message in (
        (tmp_path, "is a folder: name a file in it"),
        (tmp_path / "no" / "a.html", "cannot be written, because the folder .*no does not exist"),
        (source, "would overwrite the table"),
        (tmp_path / "link.csv", "would overwrite the table"),
    ):
        with pytest.raises(ValueError, match=f"--report .* {message}"):
            check_output(path, "--report", source)
    assert not (tmp_path / "no").exists() and not (tmp_path / "new.html").exists()


def test_places_without_permission_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(ValueError, match="--out .* cannot be written: name a place"):
        make_folder(tmp_path)
    with pytest.raises(ValueError, match="--report .* cannot be written: name a place"):
        check_output(tmp_path / "a.html", "--report", tmp_path / "t.csv")
