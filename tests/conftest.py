"""Settings of the whole suite."""

import gc
import signal

import pytest
from hypothesis import settings

# The same examples in every run: what CI has seen pass does not fail on somebody's machine by chance. To look for
# more, run with ``--hypothesis-profile=search``.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("fixed")

# Shells start what runs in the background with Ctrl-C ignored, which every process below would inherit: tests that
# interrupt themselves would then run for ever.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Let tests be found without looking for garbage: there is next to none, and a third of the time goes into that.

    Nor is what has been found looked through later, but only what tests make.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
