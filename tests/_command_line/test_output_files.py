import pytest

from sksoftinfo._command_line.output_files import make_folder


def test_folders_that_cannot_be_made_are_named(tmp_path):
    make_folder(tmp_path / "new" / "folder")
    make_folder(tmp_path / "new" / "folder")
    assert (tmp_path / "new" / "folder").is_dir()
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "in", tmp_path / ("x" * 300)):
        with pytest.raises(ValueError, match="--out .* cannot be created .*: pass a folder that"):
            make_folder(folder)
