"""What passes over hidden states, logits and pairs take at their peak, each in a fresh process: MiB beside arguments.

    python benchmarks/training_memory.py

From /proc, so on Linux alone; forward and backward, float32, one thread, 1024 tokens of 64 units; 10^7 pairs, of which
the gradients are 76 MiB, and how long one step takes, the shortest of ten.
"""

import subprocess
import sys
import time

TOKENS, UNITS = 1024, 64
VOCABULARIES = (32_000, 128_000)
PAIRS = 10_000_000


def ours(hidden, weight, ids):
    from alignment_fast.interop.torch import linear_logprobs

    return linear_logprobs(hidden, weight, ids)


def frozen(hidden, weight, ids):
    from alignment_fast.interop.torch import linear_logprobs

    return linear_logprobs(hidden, weight.detach(), ids, frozen_head=True)


def whole(hidden, weight, ids):
    import torch

    return torch.log_softmax(hidden @ weight.t(), -1).gather(1, ids[:, None])


def trl(hidden, weight, ids):
    from trl.kernels import ChunkedLogProbFunction

    return ChunkedLogProbFunction.apply(hidden, weight, None, ids, 1.0, 8192, None, 1.0, ())[0]


def pairs(*log_probabilities):
    from alignment_fast.interop.torch import preference_loss

    return preference_loss(*log_probabilities)


def composed(chosen, rejected, ref_chosen, ref_rejected):
    import torch

    return -torch.nn.functional.logsigmoid(0.1 * ((chosen - rejected) - (ref_chosen - ref_rejected))).mean()


def status(name):
    """Return a figure of this process in MiB."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(name))


def peak_of(function, *arguments):
    """Return what a step takes at its peak, beside its arguments, in MiB."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = status("VmRSS")
    function(*arguments).sum().backward()
    return status("VmHWM") - before


def measure_pairs(name, threads):
    """Print the peak of one way over pairs, and its time."""
    import torch

    import alignment_fast

    torch.set_num_threads(threads)
    alignment_fast.set_num_threads(threads)
    function, generator = globals()[name], torch.Generator().manual_seed(0)
    arguments = [5 * torch.randn(PAIRS, generator=generator) - 20 for _ in range(4)]
    function(*[argument[:8].clone().requires_grad_(k < 2) for k, argument in enumerate(arguments)]).backward()
    arguments = [argument.requires_grad_(k < 2) for k, argument in enumerate(arguments)]
    peak, times = peak_of(function, *arguments), []
    for _ in range(10):
        arguments[0].grad = arguments[1].grad = None
        began = time.perf_counter()
        function(*arguments).backward()
        times.append(time.perf_counter() - began)
    print(f"{peak:.0f} MiB, {1e3 * min(times):.0f} ms")


def measure(name, letters):
    """Print the peak of one way beside its arguments."""
    import torch

    torch.set_num_threads(1)
    hidden, weight = (torch.ones(size, UNITS) for size in (TOKENS, letters))
    function = globals()[name]
    function(
        hidden[:2].requires_grad_(), torch.ones(8, UNITS, requires_grad=True), torch.tensor([0, 1])
    ).sum().backward()
    arguments = hidden.detach().requires_grad_(), weight.requires_grad_(), torch.arange(TOKENS)
    print(f"{peak_of(function, *arguments):.0f}")


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in ("pairs", "composed"):
        measure_pairs(sys.argv[1], int(sys.argv[2]))
    elif len(sys.argv) > 1:
        measure(sys.argv[1], int(sys.argv[2]))
    else:
        for letters in VOCABULARIES:
            for name in ("ours", "frozen", "whole", "trl"):
                done = subprocess.run([sys.executable, __file__, name, str(letters)], capture_output=True, text=True)
                print(f"{letters:7d} letters  {name:8s} {done.stdout.strip() or 'not installed':>6} MiB")
        for threads in (1, 2):
            for name in ("pairs", "composed"):
                done = subprocess.run([sys.executable, __file__, name, str(threads)], capture_output=True, text=True)
                print(f"{PAIRS} pairs, {threads} threads  {name:8s} {done.stdout.strip()}")
