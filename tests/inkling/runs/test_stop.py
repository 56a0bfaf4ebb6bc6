"""A stop asks first and ends then; nothing is cut in two where a stage does not allow it."""

import signal
import threading

import pytest

from inkling.runs.stop import SIGNALS, stopping


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_asks_and_the_second_ends(number: signal.Signals, capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(number)
    with stopping() as stop:
        assert not stop.requested and stop.status == 0
        signal.raise_signal(number)  # outside of what may be interrupted: it leaves a mark and a word
        assert stop.requested and stop.status == 128 + number
        assert capfd.readouterr().err.startswith("inkling: stopping; what was found so far")
        with pytest.raises(KeyboardInterrupt), stop.interrupting():
            pytest.fail("a stop that came before interrupts as well")
        with pytest.raises(KeyboardInterrupt):
            stop.check()
        with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else SystemExit):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_what_may_be_interrupted_is() -> None:
    with stopping() as stop:
        with pytest.raises(KeyboardInterrupt), stop.interrupting():
            signal.raise_signal(signal.SIGINT)
            pytest.fail("the signal is handled before the next line")
        assert stop.requested


def test_signals_that_a_shell_ignores_stay_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopping() as stop:
            signal.raise_signal(signal.SIGINT)
            assert not stop.requested
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_gets_no_signals_and_runs() -> None:
    found: list[bool] = []

    def work() -> None:
        with stopping() as stop, stop.interrupting():
            found.append(stop.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]
