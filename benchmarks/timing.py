"""Fair timings: contenders take turns, medians are kept, and a busy machine is refused."""

import random
import statistics
import subprocess
import sys
import time

import psutil
import torch

ROUNDS = 5  # at least
SECONDS = 1.5  # for a contender in a case, at least ...
MOST_ROUNDS = 200
BUSY = 15  # per cent of the processors that others may use


def medians(contenders, *arguments):
    """Seconds of each contender, the median over rounds in which every one has its turn, in an order drawn anew."""
    for run in contenders.values():
        run(*arguments)
    seconds = {name: [] for name in contenders}
    turns, order = list(contenders.items()), random.Random(0)
    for _ in range(MOST_ROUNDS):
        order.shuffle(turns)  # who follows transformers' large matrices is slowed by a tenth to a third
        for name, run in turns:
            run(*arguments)  # not timed: it pays for what the one before left in caches and memory
            wait_for_gpu()
            start = time.perf_counter()
            run(*arguments)
            wait_for_gpu()
            seconds[name].append(time.perf_counter() - start)
        spent = [sum(taken) for taken in seconds.values()]
        if (len(seconds[turns[0][0]]) >= ROUNDS and min(spent) > SECONDS) or max(spent) > 10 * SECONDS:
            break
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def wait_for_gpu():
    """A GPU works on while Python goes on: wait until it is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def host_copies(run, *arguments):
    """How many copies from the GPU to the host one call makes."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        run(*arguments)
        wait_for_gpu()
    return sum("DtoH" in event.name for event in profile.events())


def others_percent(seconds=2.0):
    """How much of the processors other programs use, in per cent, while this one sleeps."""
    return psutil.cpu_percent(interval=seconds)


def wait_until_idle(tries=30):
    """Return when the machine is idle; a machine that stays busy for a minute ends the program."""
    for _ in range(tries):
        busy = others_percent()
        if busy <= BUSY:
            return
    sys.exit(
        f"Other programs use {busy:.0f} % of the processors: such timings mean nothing. Come back when it is idle."
    )


def peak_megabytes(name, *arguments):
    """By how much one call raises the memory of a fresh process; the arguments are those of `benchmarks.memory`."""
    command = [sys.executable, "-m", "benchmarks.memory", name, *map(str, arguments)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
