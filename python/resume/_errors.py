"""The exceptions and the warning of resume; each message says what to do next."""


class ResumeError(Exception):
    """Something about a checkpoint went wrong. `status` is the number in docs/errors.md."""

    status = 0
    errno = None


class CheckpointNotFound(ResumeError, LookupError):
    """There is no such checkpoint."""


class CheckpointDamaged(ResumeError):
    """Nothing in the file can be read whole."""


class CheckpointUntrusted(ResumeError):
    """The file is not proven to be yours, and holds what only your own may."""


class CheckpointLocked(ResumeError):
    """Another process, or another call in this one, is using the checkpoint."""


class CheckpointNameError(ResumeError, ValueError):
    """The name can't be the name of a checkpoint."""


class CodeChanged(ResumeError):
    """The function is not the one that saved (on_change="error")."""


class CheckpointIOError(ResumeError, OSError):
    """The system refused: disk full, no permission, input or output error. `errno` tells which."""

    errno = None


class ResumeWarning(UserWarning):
    """Something about a checkpoint that the user should know; the program goes on."""


for _type in list(vars().values()):
    if isinstance(_type, type):
        _type.__module__ = "resume"
del _type
