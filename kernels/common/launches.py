"""Launches: how many blocks of how many threads. Results never depend on it."""

import functools

from alignment_fast.kernels.common import driver

THREADS = 256  # of a block
_WAVES = 16  # blocks for each multiprocessor at most: kernels stride over what is left


@functools.cache
def _most(device):
    return _WAVES * driver.device(device)[2]


def blocks_for(tasks, device, threads=THREADS):
    """Return (blocks, threads of each) for so many tasks of a thread."""
    return min(max(-(-tasks // threads), 1), _most(device)), threads


def blocks_for_warps(tasks, device):
    """Return (blocks, threads of each) for so many tasks of a warp."""
    return blocks_for(32 * tasks, device)


def run(kernel, shape, tasks, place, *arguments):
    """Launch a kernel over so many tasks, `shape` being one of the functions above; without any there is nothing to do.

    Arrays on the device stand for their addresses.
    """
    if tasks:
        packed = tuple(getattr(argument, "pointer", argument) for argument in arguments)
        kernel.launch(place.device, place.stream, *shape(tasks, place.device), packed)
