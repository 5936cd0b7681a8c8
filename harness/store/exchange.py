"""Two files change places in one moment: nobody finds either of them missing, and nothing is overwritten.

Standard library only: fast commands import this.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

_HERE = -2 if sys.platform == "darwin" else -100  # AT_FDCWD
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
_CANNOT = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM)


def exchange_files(one: Path, other: Path) -> bool:
    """Let the two files of one file system change places; False where the system or its file system cannot do that.

    Raises OSError if one of them is not there, or the folder cannot be written.
    """
    rename = _rename()
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT:
        return False
    raise OSError(code, os.strerror(code), str(other))


@lru_cache(maxsize=1)
def _rename() -> Any:
    library = ctypes.CDLL(None, use_errno=True)
    name = "renameatx_np" if sys.platform == "darwin" else "renameat2"
    rename = getattr(library, name, None)
    if rename is not None:
        rename.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return rename
