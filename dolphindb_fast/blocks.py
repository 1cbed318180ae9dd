"""`BlockReader`: a result table in pieces, as ``run(..., fetchSize=)`` returns it."""
from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import ProtocolError, UsageError

if TYPE_CHECKING:
    from ._decode import Reader
    from .session import Session

__all__ = ["BlockReader"]

#: what every other call on the session raises until all blocks are read
HELD = "Cannot execute other commands when fetching data in blocks."
NO_TABLE = "<Exception> in runBlock: Fetch size can only be set when executing scripts that return a table."


class Blocks(NamedTuple):
    """Blocks of a reply that are still to be read: how many, and what other calls raise meanwhile."""

    count: int  # type: ignore[assignment]  # not tuple.count
    held: UsageError


class BlockReader:
    """The blocks of a result, in order; also an iterator over them.

    Until all are read or skipped, the session refuses every other call. A reader that is thrown away skips the rest.

    Attributes
    ----------
    has_next : bool
        True while there are blocks that were not read.
    """

    def __init__(self, session: Session, blocks: Blocks, forms: dict[str, bool]) -> None:
        self._session = session
        self._left, self._held = blocks
        self._forms = forms

    def __del__(self) -> None:
        # at the end of the interpreter nobody needs the session any more
        if self._left and not sys.is_finalizing():
            with contextlib.suppress(RuntimeError):
                self.skip_all()

    def __iter__(self) -> BlockReader:
        return self

    def __next__(self) -> Any:
        if not self._left:
            raise StopIteration
        return self.read()

    def read(self) -> Any:
        """The next block; None after the last one.

        Raises
        ------
        LinkError, ProtocolError, SendTimeout
            The connection failed; there are no further blocks.
        UsageError
            The session was closed or connected anew.
        """
        if not self._left:
            return None
        value = self._next()
        return self._session._result(value, self._forms)

    def _next(self) -> Any:
        left, self._left = self._left, 0
        # if this raises, the connection is gone, and the rest of the blocks with it
        value = self._session._next_block(self._held, left == 1)
        self._left = left - 1
        return value

    @property
    def has_next(self) -> bool:
        return self._left > 0

    def hasNext(self) -> bool:
        """True while there are blocks that were not read."""
        return self._left > 0

    def skip_all(self) -> None:
        """Read the rest and throw it away; the session can then be used again."""
        while self._left:
            self._next()

    skipAll = skip_all


def read_blocks(reader: Reader) -> Blocks:
    """Read what stands before blocks."""
    try:
        rows, columns = reader.read_block_header()
    except ProtocolError as error:
        raise ProtocolError(NO_TABLE) from error
    return Blocks(rows * columns, UsageError(HELD))
