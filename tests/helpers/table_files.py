"""Files of tables for the tests of the command line."""

import io
import zipfile

import pytest

pd = pytest.importorskip("pandas")

TEXT = "size,colour\n1.5,red\n2.5,blue\n,red\n"


def written(tmp_path, content, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def packed(*names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), TEXT)
    return stream.getvalue()


def frame():
    return pd.DataFrame(
        {
            "number": pd.array([1, None, 2**53 + 1], dtype="Int64"),
            "text": ["NA", "None", "b"],
            "date": pd.to_datetime(["2020-01-01", "2020-02-01", "2021-01-01"]),
        }
    )
