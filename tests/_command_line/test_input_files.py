import os
from pathlib import Path

import pytest

from sksoftinfo._command_line.input_files import check_file


def test_only_files_pass(tmp_path):
    (tmp_path / "a.csv").touch()
    check_file(tmp_path / "a.csv")
    with pytest.raises(ValueError, match=r"b\.csv does not exist: check the name\."):
        check_file(tmp_path / "b.csv")
    with pytest.raises(ValueError, match=r"is a folder: pass a file\."):
        check_file(tmp_path)
    with pytest.raises(ValueError, match=r"is a folder: name the files in it\."):
        check_file(tmp_path, instead="name the files in it")


def test_files_without_permission_are_named(tmp_path, monkeypatch):
    (tmp_path / "a.csv").touch()
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda path, mode: mode != os.R_OK)
        with pytest.raises(ValueError, match=r"a\.csv cannot be read: name a file that you may"):
            check_file(tmp_path / "a.csv")

    def closed(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", closed)
    with pytest.raises(ValueError, match=r"a\.csv cannot be read: name a file that you may"):
        check_file(tmp_path / "a.csv")
