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
