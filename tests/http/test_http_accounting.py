"""The kernel's accounts, from a /proc made by hand and from the real one."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_proc import write_process

from garagebench.errors import Unavailable
from garagebench.probe.accounting import (
    CoreTimes,
    Threads,
    Usage,
    busy_share,
    find_tree,
    read_at_rest,
    read_core,
    read_threads,
    read_usage,
    wait_share,
)

STAT = """\
cpu  9 9 9 9 9 9 9 9 0 0
cpu0 1 1 1 1 1 1 1 1 0 0
cpu1 10 2 30 400 50 1 5 2 99 99
intr 12345
"""


def test_usage_is_of_all_threads_and_descendants(tmp_path: Path) -> None:
    """What a process has used is the sum over its threads, its children's and their children's."""
    write_process(tmp_path, 10, {10: (1, 2), 11: (10, 20)}, children=[20])
    write_process(tmp_path, 20, {20: (100, 200)}, children=[30])
    write_process(tmp_path, 30, {30: (1000, 2000)})
    write_process(tmp_path, 40, {40: (5, 5)})
    assert find_tree(10, str(tmp_path)) == [10, 20, 30]
    assert read_usage(10, str(tmp_path)) == Usage(1111, 2222)


@pytest.mark.parametrize(("state", "at_rest"), [("S", True), ("D", True), ("R", False)])
def test_a_thread_that_runs_is_not_at_rest(tmp_path: Path, state: str, at_rest: bool) -> None:
    """A process is at rest when none of its threads runs or could run, whatever its command is called."""
    write_process(tmp_path, 10, {10: (1, 2)}, children=[20])
    write_process(tmp_path, 20, {20: (1, 2)}, state=state)
    assert read_threads(10, str(tmp_path)).at_rest is at_rest


def test_a_process_that_never_rests_is_read_as_it_is(tmp_path: Path) -> None:
    """After the patience is over, what is known is returned and says that it is not at rest."""
    write_process(tmp_path, 10, {10: (1, 2)}, state="R")
    threads = read_at_rest(10, 0.002, str(tmp_path))
    assert (threads.total, threads.at_rest) == (Usage(1, 2), False)


@pytest.mark.parametrize("name", ["schedstat", "children", "stat"])
def test_a_kernel_without_accounts_is_unavailable(tmp_path: Path, name: str) -> None:
    """Where a file of the accounts is missing, the error says which and what would fix it."""
    write_process(tmp_path, 10, {10: (1, 2)})
    (tmp_path / "10" / "task" / "10" / name).unlink()
    with pytest.raises(Unavailable, match=f"{name}.*measure on Linux"):
        read_usage(10, str(tmp_path))


def test_without_proc_it_is_unavailable(tmp_path: Path) -> None:
    """Where there is no /proc at all, the error says what cannot be read."""
    with pytest.raises(Unavailable, match="CPU time of process 10 cannot be read"):
        read_usage(10, str(tmp_path / "none"))


def test_another_form_is_unavailable(tmp_path: Path) -> None:
    """Numbers that are no numbers are refused."""
    write_process(tmp_path, 10, {10: (1, 2)})
    (tmp_path / "10" / "task" / "10" / "schedstat").write_text("a b c\n")
    with pytest.raises(Unavailable, match="another form"):
        read_usage(10, str(tmp_path))


def test_a_difference_is_known_unless_a_thread_has_ended() -> None:
    """What was used since then counts new threads whole; without an old one it is unknown."""
    before = Threads({1: Usage(10, 1)}, at_rest=True)
    after = Threads({1: Usage(15, 2), 2: Usage(100, 3)}, at_rest=True)
    assert after.since(before) == Usage(105, 4)
    assert Threads({2: Usage(100, 3)}, at_rest=True).since(before) is None


def test_a_core_is_busy_unless_it_idles(tmp_path: Path) -> None:
    """Idle and waiting for a disk are not busy; guests are in user time already."""
    (tmp_path / "stat").write_text(STAT)
    assert read_core(1, str(tmp_path)) == CoreTimes(busy=50, total=500)


def test_an_unknown_core_is_unavailable(tmp_path: Path) -> None:
    """A core that the system does not know, and a system that says nothing, are errors."""
    (tmp_path / "stat").write_text(STAT)
    with pytest.raises(Unavailable, match="no core 2"):
        read_core(2, str(tmp_path))
    with pytest.raises(Unavailable, match="core 0 cannot be read"):
        read_core(0, str(tmp_path / "none"))


def test_a_share_of_no_time_is_unknown() -> None:
    """A core's busy share is of the ticks that went by; of none it is None."""
    assert busy_share(CoreTimes(10, 100), CoreTimes(40, 200)) == 0.3
    assert busy_share(CoreTimes(10, 100), CoreTimes(10, 100)) is None


def test_waiting_for_oneself_is_no_waiting() -> None:
    """Threads of one server wait for each other; no more is held against it than others had the core."""
    assert wait_share(Usage(75, 25)) == 0.25
    assert wait_share(Usage(75, 900), others_ns=25) == 0.25
    assert wait_share(Usage(75, 900), others_ns=-5) == 0
    assert wait_share(Usage(0, 0)) is None


def test_the_accounts_of_a_sleeper_are_the_kernels_own() -> None:
    """At rest, the sum over the threads is to the nanosecond what the kernel's clock of the process says."""
    code = "import threading; threading.Thread(target=sum, args=(range(10**5),)).start(); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    try:
        clock = (~child.pid << 3) | 2  # MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) of the kernel
        while len(read_threads(child.pid).usage) > 1 or not read_threads(child.pid).total.cpu_ns:
            time.sleep(0.001)
        time.sleep(0.1)
        threads = read_at_rest(child.pid, 10)
        assert threads.at_rest
        # The clock has what ended threads used, too: it is held against two readings, not one.
        gone = time.clock_gettime_ns(clock) - threads.total.cpu_ns
        later = read_at_rest(child.pid, 10)
        assert later == threads
        assert time.clock_gettime_ns(clock) - later.total.cpu_ns == gone >= 0
    finally:
        child.kill()
        child.communicate()
