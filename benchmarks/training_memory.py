"""What passes over hidden states and logits take at their peak, each in a fresh process: MiB beside their arguments.

    python benchmarks/training_memory.py

From /proc, so on Linux alone; forward and backward, float32, one thread, 1024 tokens of 64 units.
"""

import subprocess
import sys

TOKENS, UNITS = 1024, 64
VOCABULARIES = (32_000, 128_000)


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


def status(name):
    """Return a figure of this process in MiB."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(name))


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
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = status("VmRSS")
    function(*arguments).sum().backward()
    print(f"{status('VmHWM') - before:.0f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1], int(sys.argv[2]))
    else:
        for letters in VOCABULARIES:
            for name in ("ours", "frozen", "whole", "trl"):
                done = subprocess.run([sys.executable, __file__, name, str(letters)], capture_output=True, text=True)
                print(f"{letters:7d} letters  {name:8s} {done.stdout.strip() or 'not installed':>6} MiB")
