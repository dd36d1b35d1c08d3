"""Folders that take long to make: made once in a run, by whoever asks first; copied for who changes them."""

import fcntl
import os
import subprocess


def made(shared, name, make):
    """
    Return the folder `name` in the folder that all processes of a run share, filled by `make(folder)`.

    Who asks while another makes it waits. A folder that was broken off is made anew.
    """
    folder, partial = shared / name, shared / f"{name}.part"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            if partial.exists():
                subprocess.run(["rm", "-r", partial], check=True)
            partial.mkdir()
            make(partial)
            partial.rename(folder)
    return folder


def copy(folder, to):
    """Copy what a folder holds into another, with owners and modes: PostgreSQL looks at both."""
    to.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", f"{folder}/.", to], check=True)


def shared_by_processes(base):
    """Return the folder that the processes which share the tests have in common."""
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
