"""The store of sweeps: what a file that is none, full, read-only or in use leads to, and that nothing is lost."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from simulator.sweeping.points import FAULT, RESULT_COLUMNS, fault_row
from simulator.sweeping.store import Progress, Store, StoreError, bytes_of_rows, point_key

ROW = {**dict.fromkeys(RESULT_COLUMNS), "option": "api", "role": "baseline", "status": "baseline", "usd_per_month": 0.1}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "reports" / "sweeps.sqlite"


def filled(path, points=3):
    with Store.writing(path) as store:
        store.begin("s", "name", "Title", points, "1")
        store.enter("s", [(number, f"key{number}") for number in range(points)])
        store.add([(f"key{number}", [ROW, {**ROW, "option": "fleet"}]) for number in range(points)])
    return path


def test_what_is_added_is_read_as_it_was(path):
    filled(path)
    with Store.reading(path) as store:
        assert store.progress("s") == Progress(3, 0)
        assert store.progress("t") == Progress(0, 0)
        rows = list(store.rows("s"))
    assert [row[0] for row in rows] == [0, 0, 1, 1, 2, 2]
    assert dict(zip(RESULT_COLUMNS, rows[0][1:], strict=True)) == ROW
    assert store.path == path


def test_a_point_that_is_added_again_replaces_what_was_there(path):
    filled(path)
    with Store.writing(path) as store:
        store.add([("key1", [fault_row("why")])])
        assert store.known(["key0", "key1", "key9"]) == {"key0": False, "key1": True}
        assert [row[2 + list(RESULT_COLUMNS).index("status") - 1] for row in store.rows("s")].count(FAULT) == 1
        assert len(list(store.rows("s"))) == 5


def test_a_batch_is_kept_whole_or_not_at_all(path):
    filled(path, 1)
    with Store.writing(path) as store:
        with pytest.raises(KeyError):
            store.add([("new", [ROW]), ("bad", [{"option": "api"}])])
        with pytest.raises(StoreError):
            store.add([("new", [ROW]), ("twice", [ROW]), ("twice", [{**ROW, "option": "other"}])])
        assert store.known(["new", "twice"]) == {}
        assert store.progress("s") == Progress(1, 0)


def test_the_key_of_a_point_is_of_what_it_is_and_of_what_computes_it():
    assert point_key(b"scenario", "digest") == point_key(b"scenario", "digest")
    assert len({point_key(one, by) for one in (b"a", b"b") for by in ("x", "y")}) == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"point,usd\n1,2\n" * 100, "is damaged, or no store"),
        (b"SQLite format 3\0" + b"\xff" * 4096, "is damaged, or no store"),
    ],
)
def test_a_file_that_is_no_store_is_told_and_left_alone(path, content, message):
    path.parent.mkdir()
    path.write_bytes(content)
    for opened in (Store.writing, Store.reading):
        with pytest.raises(StoreError, match=message):
            opened(path)
    assert path.read_bytes() == content


def test_a_store_that_was_cut_off_is_told(path):
    filled(path, 500)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(StoreError, match="is damaged"), Store.writing(path) as store:
        list(store.rows("s"))


def test_a_database_of_another_program_is_left_alone(path):
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    with pytest.raises(StoreError, match="database of another program"):
        Store.writing(path)


def test_a_store_of_another_version_is_left_alone(path):
    filled(path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"another version \(format 99, this version has 1\)"):
        Store.writing(path)
    assert path.read_bytes() == before


def test_there_is_no_store_to_read(path):
    with pytest.raises(StoreError, match="no such store"):
        Store.reading(path)
    assert not path.parent.exists()


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "reports").write_text("mine")
    with pytest.raises(StoreError, match="reports"):
        Store.writing(tmp_path / "reports" / "sweeps.sqlite")


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/sys").is_dir(), reason="nothing is read-only to root here")
def test_a_folder_that_can_not_be_written_is_told(tmp_path):
    folder = Path("/proc/sys") if os.geteuid() == 0 else tmp_path
    folder.chmod(0o500) if folder == tmp_path else None
    with pytest.raises(StoreError, match="nothing was written"):
        Store.writing(folder / "sweeps.sqlite")


READS = """
import sys
from pathlib import Path
from simulator.sweeping.store import Store
with Store.reading(Path(sys.argv[1])) as store:
    print(len(list(store.rows("s"))), store.progress("s").solved)
"""


@pytest.mark.skipif(not shutil.which("unshare") or os.geteuid() != 0, reason="only root can make a folder read-only")
def test_a_store_in_a_folder_that_can_not_be_written_is_read(path):
    filled(path)
    script = f'mount --bind {path.parent} {path.parent} && mount -o remount,ro,bind {path.parent} && exec "$@"'
    command = ["unshare", "-m", "sh", "-c", script, "sh", sys.executable, "-c", READS, str(path)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if "mount" in found.stderr or "unshare" in found.stderr:
        pytest.skip(found.stderr.strip())
    assert (found.stdout, found.stderr) == ("6 3\n", "")
    assert sorted(one.name for one in path.parent.iterdir()) == ["sweeps.sqlite", "sweeps.sqlite.lock"]


FILLS_THE_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_store import ROW
from simulator.sweeping.store import Store, StoreError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Store.writing(Path({path!r})) as store:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    added = 0
    try:
        while True:
            store.add([(f"more{{added}}-{{point}}", [ROW] * 1) for point in range(20)])
            added += 20
    except StoreError as error:
        print(added, error)
"""


def test_a_full_disk_is_told_and_what_was_there_is_kept(path):
    filled(path)
    script = FILLS_THE_DISK.format(tests=str(Path(__file__).parent), path=str(path))
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    added, message = found.stdout.split(" ", 1)
    assert str(path) in message and "what was solved before is kept" in message
    assert int(added) > 100
    with Store.writing(path) as store:
        assert store.progress("s") == Progress(3, 0)
        keys = [f"more{first}-{point}" for first in range(0, int(added) + 20, 20) for point in range(20)]
        assert len(store.known(keys)) == int(added)
        store.add([("after", [ROW])])
        assert "after" in store.known(["after"])


def test_a_second_writer_waits_and_is_told(path):
    told, done = [], threading.Event()

    def second():
        with Store.writing(path, lambda: told.append("waits")) as store:
            store.add([("second", [ROW])])
        done.set()

    with Store.writing(path) as store:
        thread = threading.Thread(target=second)
        thread.start()
        while not told:
            assert not done.wait(0.01)
        store.add([("first", [ROW])])
        assert not done.is_set()
    thread.join(30)
    with Store.reading(path) as store:
        assert store.known(["first", "second"]) == {"first": False, "second": False}


def test_a_store_is_read_while_another_program_writes(path):
    filled(path)
    with Store.writing(path) as writer, Store.reading(path) as reader:
        writer.enter("s", [(3, "key3")])
        writer.add([("key3", [ROW])])
        assert reader.progress("s") == Progress(4, 0)


def test_the_lock_of_a_killed_writer_is_free(path):
    script = (
        "import os, signal; from pathlib import Path; from simulator.sweeping.store import Store\n"
        f"with Store.writing(Path({str(path)!r})) as store:\n"
        "    store.begin('s', 'n', 't', 1, '1')\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == -signal.SIGKILL
    told = []
    with Store.writing(path, lambda: told.append("waits")) as store:
        assert store.progress("s") == Progress(0, 0)
    assert told == []


def test_the_size_told_beforehand_is_about_that_of_the_file(path):
    points = [(number, point_key(str(number).encode(), "")) for number in range(4000)]
    with Store.writing(path) as store:
        store.enter("0" * 32, points)
        for _, key in points:
            store.add([(key, [ROW, {**ROW, "option": "fleet"}])])
    told = bytes_of_rows([("key", [ROW, {**ROW, "option": "fleet"}])], 4000)
    assert told == pytest.approx(path.stat().st_size, rel=0.2)
