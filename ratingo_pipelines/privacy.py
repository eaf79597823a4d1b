"""Files that no other user of the machine may read: how they are made, and how those there already become so.

Which folder is to be closed is `home`'s to say. Imports nothing heavy: the command line begins with it.
"""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""What the group and everybody else may do."""

log = logging.getLogger("ratingo.home")


def keep_private() -> None:
    """Have this process, and those it starts, make files that no other user may read, whatever the umask was."""
    os.umask(OTHERS)


def is_open_to_others(path: Path) -> bool:
    """Whether the group or everybody else may do anything with a file or folder. Raises OSError."""
    return bool(path.stat().st_mode & OTHERS)


def close_to_others(folder: Path) -> None:
    """Take from the group and from everybody else what they may do with a folder and all that is in it.

    What belongs to another user cannot be changed: that is logged.
    """
    kept_open = [path for path in (folder, *_inside(folder)) if not _close(path)]
    if kept_open:
        log.warning(
            "other users may read %s in %s: make it this user's with `chown -R`",
            "a file" if len(kept_open) == 1 else f"{len(kept_open)} files",
            folder,
        )


def _inside(folder: Path) -> Iterator[os.PathLike[str]]:
    """All that is below a folder; links are not followed."""
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if not entry.is_symlink()]
    except OSError:
        # Gone meanwhile, or another user's, which is told of the folder itself.
        return
    for entry in entries:
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from _inside(Path(entry))


def _close(path: os.PathLike[str]) -> bool:
    """Whether others may do nothing with it from now on."""
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        if mode & OTHERS:
            os.chmod(path, mode & ~OTHERS)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
