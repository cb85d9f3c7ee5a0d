import os

import pytest

from sksoftinfo._command_line.output_files import check_folder, check_output, make_folder


def test_folders_that_cannot_be_made_are_named(tmp_path):
    for folder in (tmp_path / "new" / "folder", tmp_path):
        check_folder(folder, ["a.png"])
        make_folder(folder)
        assert folder.is_dir()
    (tmp_path / "file").touch()
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="--out .*file is a file: name a folder"):
        check_folder(tmp_path / "file", [])
    with pytest.raises(ValueError, match="--out .*in cannot be created, because .*file is a file"):
        check_folder(tmp_path / "file" / "in", [])
    for folder in (tmp_path / ("x" * 300), tmp_path / "gone"):
        check_folder(folder, [])
        with pytest.raises(ValueError, match="--out .* cannot be created .*: name another folder"):
            make_folder(folder)


def test_results_that_cannot_be_overwritten_are_named(tmp_path, monkeypatch):
    (tmp_path / "a.png").touch()
    (tmp_path / "b.png").mkdir()
    check_folder(tmp_path, ["a.png"])
    with pytest.raises(ValueError, match="b.png cannot be written, because it is a folder"):
        check_folder(tmp_path, ["a.png", "b.png"])
    monkeypatch.setattr(os, "access", lambda path, mode: path == tmp_path)
    with pytest.raises(ValueError, match="a.png cannot be written: name a place"):
        check_folder(tmp_path, ["a.png"])


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
        check_folder(tmp_path / "new", [])
    with pytest.raises(ValueError, match="--report .* cannot be written: name a place"):
        check_output(tmp_path / "a.html", "--report", tmp_path / "t.csv")
