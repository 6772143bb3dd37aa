"""Run the dieharder battery on the random streams: it makes the tables of ``docs/generated/random_battery.md``.

    python -P benchmarks/random_battery.py [--streams consecutive,interleaved] [--tests 0,1,2,...] > report.md

Words go to dieharder through a pipe, as many as it asks for, so no test sees a word twice. Needs the program
``dieharder`` (Debian: ``apt install dieharder``). Tests run one after another until `--seconds` of processor time per
stream are spent; the report lists exactly what ran.
"""

import argparse
import platform
import resource
import subprocess
import sys
import threading

import alignment_fast as af

CHUNK = 1 << 18  # words per write

# Number and name in `dieharder -l`. Left out: 5, 6, 7 and 14, which dieharder itself calls suspect or broken, and the
# slow 200, 201, 203, 204.
TESTS = {
    0: "birthdays", 2: "32x32 binary rank", 3: "6x8 binary rank", 4: "bitstream", 8: "count the 1s (stream)",
    9: "count the 1s (byte)", 10: "parking lot", 11: "minimum distance (2d circle)", 12: "3d sphere", 13: "squeeze",
    15: "runs", 16: "craps", 17: "Marsaglia-Tsang gcd", 100: "STS monobit", 101: "STS runs", 102: "STS serial",
    205: "DAB bytedistrib", 206: "DAB DCT", 207: "DAB fill tree", 208: "DAB fill tree 2", 209: "DAB monobit 2",
    1: "OPERM5", 202: "RGB permutations",
}  # fmt: skip


def consecutive_draws(stream):
    """Yield draws 0, 1, 2, ... of replicate 0."""
    draw = 0
    while True:
        yield stream.uint32(CHUNK, draw=draw)
        draw += CHUNK


def interleaved_replicates(stream):
    """Yield draw 0 of replicates 0, 1, 2, ...: counters that differ in the replicate word alone."""
    replicate = 0
    while True:
        yield stream.uint32((CHUNK, 1), replicate=replicate)
        replicate += CHUNK


def feed(chunks, pipe):
    """Write chunks until the reader has had enough."""
    try:
        for chunk in chunks:
            pipe.write(chunk.tobytes())
    except BrokenPipeError:
        pass


def run_test(number, chunks):
    """Return dieharder's result lines for one test, fed from `chunks`."""
    command = ["dieharder", "-g", "200", "-d", str(number), "-c", "|", "-D", "test_name", "-D", "ntuple"]
    command += ["-D", "tsamples", "-D", "psamples", "-D", "pvalues", "-D", "assessment"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False)
    writer = threading.Thread(target=feed, args=(chunks, process.stdin), daemon=True)
    writer.start()
    output = process.stdout.read().decode()
    process.wait()
    writer.join()
    return [line for line in output.splitlines() if line.strip()]


def processor_seconds():
    """Return the processor time of finished children."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def report(name, chunks, tests, seconds):
    """Print the table of one stream."""
    print(f"## {name}\n\n| test | result (name, ntuple, samples, p-samples, p, assessment) |\n|---|---|")
    start = processor_seconds()
    for number in tests:
        if processor_seconds() - start > seconds:
            print(f"\nStopped before test {number}: {seconds} s of processor time spent.")
            break
        for line in run_test(number, chunks):
            print(f"| {number} {TESTS[number]} | {line.replace('|', ' ').strip()} |", flush=True)
    print()


def main():
    """Run both streams."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=20240501)
    parser.add_argument("--seconds", type=float, default=280)
    parser.add_argument("--streams", default="consecutive,interleaved")
    parser.add_argument("--tests", type=lambda text: [int(item) for item in text.split(",")], default=list(TESTS))
    options = parser.parse_args()
    stream = af.random.Stream(options.seed)
    version = subprocess.run(["dieharder", "-V"], capture_output=True, text=True, check=False).stdout.strip()
    print(f"Stream({options.seed}), key {stream.key:#018x}, {platform.machine()}, dieharder {version}\n", flush=True)
    if "consecutive" in options.streams:
        report("Consecutive draws of replicate 0", consecutive_draws(stream), options.tests, options.seconds)
    if "interleaved" in options.streams:
        report("Draw 0 of consecutive replicates", interleaved_replicates(stream), options.tests, options.seconds)


if __name__ == "__main__":
    sys.exit(main())
