"""`BlockReader`: a result table in pieces, as ``run(..., fetchSize=)`` returns it."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from ._core import Blocks
from .errors import ProtocolError, UsageError

if TYPE_CHECKING:
    from ._decode import Reader
    from .session import Session

__all__ = ["BlockReader"]

#: what every other call on the session raises until all blocks are read
HELD = "Cannot execute other commands when fetching data in blocks."
NO_TABLE = "<Exception> in runBlock: Fetch size can only be set when executing scripts that return a table."


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
        self._blocks = blocks
        self._forms = forms

    def __del__(self) -> None:
        # at the end of the interpreter nobody needs the session any more
        if self.has_next and not sys.is_finalizing():
            with contextlib.suppress(RuntimeError):
                self.skip_all()

    def __iter__(self) -> BlockReader:
        return self

    def __next__(self) -> Any:
        if not self.has_next:
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
        if not self.has_next:
            return None
        # if this raises, the connection is gone, and the rest of the blocks with it
        return self._session._result(self._session._next_block(self._blocks), self._forms)

    @property
    def has_next(self) -> bool:
        return self._blocks.left > 0

    def hasNext(self) -> bool:
        """True while there are blocks that were not read."""
        return self.has_next

    def skip_all(self) -> None:
        """Read the rest and throw it away; the session can then be used again."""
        while self.has_next:
            self._session._next_block(self._blocks)

    skipAll = skip_all


def read_blocks(reader: Reader) -> Blocks:
    """Read what stands before blocks."""
    try:
        rows, columns = reader.read_block_header()
    except ProtocolError as error:
        raise ProtocolError(NO_TABLE) from error
    return Blocks(rows * columns, UsageError(HELD))
