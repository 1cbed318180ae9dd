"""One process of the memory case: sends one large numeric frame, prints the request's size and the growth of
the peak resident size in MiB.

    python -m bench.memory PORT ROWS COLUMNS NAN_SHARE SEED
"""

from __future__ import annotations

import gc
import re
import sys
from pathlib import Path

import numpy as np

import dolphindb_fast

from . import frames
from .competitors import FUNCTION


def resident(field: str) -> int:
    """KiB of ``VmRSS`` or ``VmHWM``."""
    return int(re.search(rf"{field}:\s*(\d+)", Path("/proc/self/status").read_text())[1])


def main() -> int:
    port, rows, columns, nan_share, seed = (float(text) for text in sys.argv[1:])
    numbers = np.random.default_rng(int(seed))
    frame = frames.numeric(int(rows), numbers, columns=int(columns), nan_share=nan_share)
    small = frames.numeric(10, numbers, columns=int(columns), nan_share=0.1)
    with dolphindb_fast.Session(enableASYNC=True) as session:
        session.connect("127.0.0.1", int(port))
        for _ in range(100):
            session.run(FUNCTION, small)
        gc.collect()
        # 5: the peak starts again at the present size
        Path("/proc/self/clear_refs").write_text("5")
        before = resident("VmRSS")
        session.run(FUNCTION, frame)
        peak = resident("VmHWM")
        sent = session.stats.bytesSent
        # the handshake is not counted by the sink
        print(sent - len(b"API 0 8 / 36_1_4_2\nconnect\n"), (peak - before) / 1024)
    return 0


if __name__ == "__main__":
    sys.exit(main())
