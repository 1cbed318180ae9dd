"""How much longer does importing this package take than importing pandas alone?

Several runs of ``python -X importtime``, bytecode compiled before. Fails if the fastest takes LIMIT milliseconds: the
others may have had to share the processor.
"""

import os
import re
import statistics
import subprocess
import sys

RUNS = 11
LIMIT = 10.0

environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
command = [sys.executable, "-X", "importtime", "-c", "import pandas, dolphindb_fast"]


def milliseconds():
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stderr
    return int(re.search(r"\|\s+(\d+) \| dolphindb_fast$", said, re.M)[1]) / 1000


milliseconds()
times = sorted(milliseconds() for _ in range(RUNS))
print(f"import: {statistics.median(times):.1f} ms beyond pandas (fastest of {RUNS}: {times[0]:.1f})")
sys.exit(times[0] >= LIMIT)
