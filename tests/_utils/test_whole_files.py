"""Files are written completely or not at all, with concurrent writers and after any failure."""

import errno
import os
import stat
import sys
import threading

import pytest

from sksoftinfo._utils import whole_file

POSIX = pytest.mark.skipif(os.name != "posix", reason="needs the permissions and links of POSIX")


def write(path, content=b"new", **options):
    with whole_file(path, **options) as file:
        file.write(content)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_and_a_replaced_file(tmp_path):
    path = tmp_path / "file"
    write(path, b"old")
    write(str(path))
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_a_block_that_raises_changes_nothing(error, tmp_path):
    path = tmp_path / "file"
    write(path, b"old")
    for target in (path, tmp_path / "other"):
        with pytest.raises(error, match="in between"):
            with whole_file(target) as file:
                file.write(b"half of it")
                raise error("in between")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_files_of_others_are_left_alone(tmp_path):
    for name in ("file.part", "file.tmp", ".file.part"):
        (tmp_path / name).write_bytes(b"of the user")
    write(tmp_path / "file")
    assert names(tmp_path) == [".file.part", "file", "file.part", "file.tmp"]
    assert (tmp_path / "file.part").read_bytes() == b"of the user"


def test_a_name_as_long_as_the_file_system_allows(tmp_path):
    write(tmp_path / ("x" * 255))
    assert names(tmp_path) == ["x" * 255]


@POSIX
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_honours_the_umask_and_an_old_one_keeps_its_mode(umask, tmp_path):
    path = tmp_path / "file"
    before = os.umask(umask)
    try:
        write(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
        for mode in (0o640, 0o600, 0o664, 0o755):
            path.chmod(mode)
            write(path)
            assert stat.S_IMODE(path.stat().st_mode) == mode
    finally:
        os.umask(before)


@POSIX
@pytest.mark.parametrize("exists", [True, False])
def test_a_symbolic_link_is_followed(exists, tmp_path):
    (tmp_path / "data").mkdir()
    target, link = tmp_path / "data" / "file", tmp_path / "link"
    link.symlink_to(target)
    if exists:
        target.write_bytes(b"old")
    write(link)
    assert link.is_symlink() and target.read_bytes() == b"new"
    assert names(tmp_path) == ["data", "link"] and names(tmp_path / "data") == ["file"]


def test_a_missing_folder_or_a_folder_as_path_is_an_error_with_the_path(tmp_path):
    for path, error in [(tmp_path / "no" / "file", FileNotFoundError), (tmp_path, OSError)]:
        with pytest.raises(error) as raised:
            write(path)
        assert raised.value.filename == str(path)
    assert names(tmp_path) == []


@POSIX
def test_a_device_is_not_replaced_by_a_file(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OSError, match="Not a regular file") as raised:
        write(path)
    assert raised.value.filename == str(path)
    assert path.is_fifo() and names(tmp_path) == ["pipe"]


@POSIX
@pytest.mark.parametrize("function", ["write", "fsync", "replace", "chmod"])
def test_a_full_disk_at_any_step_is_an_error_with_the_path(function, tmp_path, monkeypatch):
    path = tmp_path / "file"
    write(path, b"old")

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError) as raised:
        if function == "write":
            with whole_file(path):
                full()
        else:
            with monkeypatch.context() as patched:
                patched.setattr(os, function, full)
                write(path)
    assert raised.value.errno == errno.ENOSPC and raised.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_the_content_is_on_disk_before_the_name(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *args, name=name, real=real: calls.append(name) or real(*args)
        )
    write(tmp_path / "file")
    assert calls[:2] == ["fsync", "replace"]
    assert calls[2:] == (["fsync"] if hasattr(os, "O_DIRECTORY") else [])


def test_exclusive_writers_leave_the_first_file(tmp_path):
    path = tmp_path / "file"
    write(path, b"first", exclusive=True)
    with pytest.raises(FileExistsError) as raised:
        write(path, b"second", exclusive=True)
    assert raised.value.filename == str(path)
    assert path.read_bytes() == b"first" and names(tmp_path) == ["file"]


def test_writers_and_readers_of_one_path_meet_whole_files(tmp_path):
    path = tmp_path / "file"
    contents = [bytes([i]) * (100_000 + i) for i in range(6)]
    write(path, contents[0])
    odd = []

    def work(content):
        try:
            for _ in range(15):
                write(path, content)
                if path.read_bytes() not in contents:
                    odd.append("half a file")
        except Exception as error:
            odd.append(error)

    threads = [threading.Thread(target=work, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not odd
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_processes_that_write_one_path(tmp_path):
    path = tmp_path / "file"
    contents = [bytes([i]) * 100_000 for i in range(4)]
    children = []
    for content in contents:
        child = os.fork()
        if not child:
            status = 1
            try:
                for _ in range(15):
                    write(path, content)
                    assert path.read_bytes() in contents
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert names(tmp_path) == ["file"]
