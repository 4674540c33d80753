"""Namespaces for a program that shall see other files or another network. Nothing outside of them changes."""

import functools
import os
import subprocess
import unittest

TOKENS = "/var/opt/azcmagent/tokens"    # where an Arc agent keeps its keys
ARC_BOX = f"""mount -t tmpfs tmpfs /var/opt && mkdir -p {TOKENS} &&
mount --bind "$1" {TOKENS} && shift && exec "$@" """


@functools.lru_cache(maxsize=None)
def _trial(*command):
    return subprocess.run([*command, "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True)


def unshared(*flags):
    """A prefix for a command: mounts of its own, and what flags of unshare(1) say.

    Skips the test where the system gives nobody a namespace, as in many containers.
    """
    command = ["unshare", "-m" if os.geteuid() == 0 else "-Urm", *flags]
    trial = _trial(*command)
    if trial.returncode != 0:
        raise unittest.SkipTest(f"no namespaces here: {trial.stderr.strip()}")
    return command


def arc_agent(tokens_dir):
    """A prefix for a command that finds the keys of an Arc agent, which are in tokens_dir, in their place."""
    return [*unshared(), "sh", "-c", ARC_BOX, "sh", tokens_dir]
