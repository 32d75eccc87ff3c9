"""By how many megabytes one matching raises the memory of this process, on Linux.

python -m benchmarks.memory helpers 64 100 7
python -m benchmarks.memory before 64 100 7 COMMIT
"""

import re
import sys
from pathlib import Path

from benchmarks.before import build
from benchmarks.contenders import matchers, random_batch


def megabytes(name):
    return int(re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text()).group(1)) / 1024


name, *sizes = sys.argv[1:]
match = matchers(build(sizes.pop()) if name == "before" else None)[name]
match(*random_batch(1, 10, 2))  # what is loaded at the first call does not count
batch = random_batch(*map(int, sizes))
before = megabytes("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
match(*batch)
print(megabytes("VmHWM") - before)
