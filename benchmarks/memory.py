"""By how many megabytes one matching raises the memory of this process, on Linux.

python -m benchmarks.memory helpers 64 100 7
"""

import re
import sys
from pathlib import Path

from benchmarks.contenders import matchers, random_batch


def megabytes(name):
    return int(re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text()).group(1)) / 1024


match = matchers()[sys.argv[1]]
match(*random_batch(1, 10, 2))  # what is loaded at the first call does not count
batch = random_batch(*map(int, sys.argv[2:]))
before = megabytes("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
match(*batch)
print(megabytes("VmHWM") - before)
