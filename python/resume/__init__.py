"""Long computations that survive being killed: run again, they go on from the last save.

    from resume import Checkpoint

    def main():
        chp = Checkpoint()          # named after the function
        total, i = 0, 0             # the variables of a first run
        chp.restore()               # a run that was killed goes on from its last save
        while i < 10**9:
            total += i * i
            i += 1
            chp.sync()              # saves every 30 seconds
        return total
"""
from ._core import (
    Checkpoint,
    Data,
    Entries,
    Entry,
    NullCheckpoint,
    Opaque,
    Report,
    __version__,
    list,
    load,
    register,
    resumable,
    save,
    sync,
    wait,
)
from ._errors import (
    CheckpointDamaged,
    CheckpointIOError,
    CheckpointLocked,
    CheckpointNameError,
    CheckpointNotFound,
    CheckpointUntrusted,
    CodeChanged,
    ResumeError,
    ResumeWarning,
)
from ._memory import empty

__all__ = [
    "Checkpoint",
    "CheckpointDamaged",
    "CheckpointIOError",
    "CheckpointLocked",
    "CheckpointNameError",
    "CheckpointNotFound",
    "CheckpointUntrusted",
    "CodeChanged",
    "Data",
    "Entries",
    "Entry",
    "NullCheckpoint",
    "Opaque",
    "Report",
    "ResumeError",
    "ResumeWarning",
    "empty",
    "list",
    "load",
    "register",
    "resumable",
    "save",
    "sync",
    "wait",
]


def load_ipython_extension(shell):
    """Of `%load_ext resume`: makes the magic %resume."""
    from ._magics import register
    register(shell)
