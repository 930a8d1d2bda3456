"""What `with` did to the process, done again where a program goes on inside of it."""
import contextlib
import os
import sys


def enter_again(manager):
    """Of a restored manager, whose __exit__ is still to come. Returns whether it is known."""
    if isinstance(manager, contextlib.ExitStack):
        for _, leave in manager._exit_callbacks:
            enter_again(getattr(leave, "__self__", None))
    elif isinstance(manager, contextlib.chdir) and manager._old_cwd:
        if not isinstance(manager.path, int):
            os.chdir(os.path.join(os.fsdecode(manager._old_cwd[-1]), os.fsdecode(manager.path)))
    elif isinstance(manager, contextlib._RedirectStream) and manager._old_targets:
        manager._old_targets[-1] = getattr(sys, manager._stream)
        setattr(sys, manager._stream, manager._new_target)
