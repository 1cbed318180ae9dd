"""What the operating system knows about connections to the sink: was a sender kept waiting?"""

from __future__ import annotations

import os
import socket
import struct

#: offset of tcpi_rwnd_limited in Linux' struct tcp_info; tcpi_sndbuf_limited follows (both u64, microseconds)
_LIMITED = 176


def blocked_seconds(port: int) -> float:
    """Seconds that this process' connections to `port` were limited by the receiver or a full send buffer."""
    total = 0
    try:
        descriptors = os.listdir("/proc/self/fd")
    except OSError:
        return 0.0
    for name in descriptors:
        try:
            if not os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                continue
            # a duplicate, since whoever owns the descriptor must be able to close it
            with socket.socket(fileno=os.dup(int(name))) as sock:
                if sock.family != socket.AF_INET or sock.getpeername()[1] != port:
                    continue
                info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        except OSError:
            continue
        if len(info) >= _LIMITED + 16:
            total += sum(struct.unpack_from("<QQ", info, _LIMITED))
    return total / 1e6
