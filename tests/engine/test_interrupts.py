"""Signals that wait for the end of a block."""

from __future__ import annotations

import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from garagebench.system.interrupts import held_back, temporary_directory


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Put the handlers back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_ctrl_c_waits_for_the_end_of_the_block() -> None:
    """The block goes on, and then comes KeyboardInterrupt, once."""
    done = []

    def work() -> None:
        with held_back():
            signal.raise_signal(signal.SIGINT)
            done.append("the rest")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the rest"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_is_handled_otherwise_waits_too() -> None:
    """SIGTERM goes to the handler that it had."""
    came: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: came.append(number))
    with held_back():
        signal.raise_signal(signal.SIGTERM)
        assert came == []
    assert came == [signal.SIGTERM]


def test_what_is_ignored_stays_ignored() -> None:
    """A job in the background does not hear of Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with held_back():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_second_one_need_not_wait() -> None:
    """With `once` it is handled in the block; where that is swallowed, the end of the block is as without it."""
    done = []

    def work() -> None:
        with held_back(once=True):
            signal.raise_signal(signal.SIGINT)
            done.append("held")
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            done.append("swallowed")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["held", "swallowed"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_of_the_block_comes_through() -> None:
    """The handlers are back, and the error is what is raised."""
    with pytest.raises(ZeroDivisionError), held_back():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_have_no_handlers_to_hold_back() -> None:
    """There the block just runs."""
    ran = []

    def run() -> None:
        with held_back():
            ran.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert ran == [signal.default_int_handler]


def test_ctrl_c_while_a_directory_is_made_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes in the moment in which the directory is there and nobody knows of it yet; it is gone all the same."""
    make = tempfile.mkdtemp

    def interrupted(*arguments: str | None) -> str:
        path = make(*arguments)
        signal.raise_signal(signal.SIGINT)
        return path

    monkeypatch.setattr(tempfile, "mkdtemp", interrupted)
    with pytest.raises(KeyboardInterrupt), temporary_directory("garagebench-", tmp_path):
        pytest.fail("the block was entered")
    assert list(tmp_path.iterdir()) == []
