"""The file system at start: taken as it is, made new if it is broken, done without if that fails too.

In: the `vfs` module and a block device, or None. Out: one of three words. Must never raise, and never try for ever.
"""

import errno

from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from types import ModuleType

MOUNTED = const("mounted")
FORMATTED = const("formatted")
ABSENT = const("absent")


def stands(os: "ModuleType", path: str) -> bool:
    """Whether a file system is mounted there."""
    try:
        os.statvfs(path)
    except OSError:
        return False
    return True


def mount(vfs: "ModuleType", device: object, path: str) -> str:
    """Mount it at `path`. A second try comes before formatting: one bad read must not cost the outbox."""
    if device is None:
        return ABSENT
    for last in (False, True):
        try:
            vfs.mount(vfs.VfsLfs2(device), path)
            return MOUNTED
        except OSError as error:
            if last and error.args[0] == errno.ENOMEM:
                return ABSENT  # formatting would cure nothing
        except Exception:
            if last:
                return ABSENT  # out of memory, or an image without this file system
    try:
        vfs.VfsLfs2.mkfs(device)
        vfs.mount(vfs.VfsLfs2(device), path)
    except Exception:
        return ABSENT
    return FORMATTED
