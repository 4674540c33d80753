#!/usr/bin/env python3
"""Runs all tests, or those whose path contains one of the arguments.

A test is a program that prints TAP: the C programs of test/unit and the Python
files test/e2e/*_test.py and test/lint/*_test.py.  Two run at a time; each gets a
folder of its own as TMPDIR, which is removed afterwards.  No test is retried.
The last line is "N passed, N failed, N skipped".

environment: BUILD  folder of the programs; MODE  "", "asan" or "valgrind"
"""

import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ["BUILD"])
MODE = os.environ.get("MODE", "")
LIMIT_S = 1500  # of one file: against a hang, not a measure
VALGRIND = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full",
            "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]
# whole minutes of waiting or copying: begun first, so that they do not end last
LONG_FIRST = ["sizes_test", "figures_test", "sentences_test", "canary_test", "interop_test", "examples_test", "pump_bytes_test",
              "pump_end_test", "pump_life_test", "ring_test", "slow_test"]


def all_tests():
    found = [BUILD / source.relative_to(TOP).with_suffix("")
             for source in sorted(TOP.glob("test/unit/*_test.c"))]
    found += sorted(TOP.glob("test/*/*_test.py"))
    wanted = sys.argv[1:]
    found = [t for t in found if not wanted or any(w in str(t) for w in wanted)]
    return sorted(found, key=lambda t: t.stem not in LONG_FIRST)


def command(test):
    if test.suffix == ".py":
        return ["/usr/bin/python3", str(test)]
    return (VALGRIND if MODE == "valgrind" else []) + [str(test)]


def run(test):
    """Returns (test, seconds, output, counts) with counts = [passed, failed, skipped]."""
    folder = tempfile.mkdtemp(prefix="arc-relay-test.")
    env = dict(os.environ, TMPDIR=folder, PYTHONDONTWRITEBYTECODE="1",
               ASAN_OPTIONS="detect_leaks=1:exitcode=99",
               UBSAN_OPTIONS="print_stacktrace=1")
    began = time.monotonic()
    child = subprocess.Popen(command(test), cwd=folder, env=env, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             stdin=subprocess.DEVNULL, errors="replace",
                             start_new_session=True)
    try:
        output, _ = child.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)  # the group that we started
        output, _ = child.communicate()
        output += f"\n# still running after {LIMIT_S} s\n"
    counts = count(output)
    if child.returncode != 0 and counts[1] == 0:
        output += f"\n# ended with status {child.returncode}\n"
        counts[1] += 1
    shutil.rmtree(folder, ignore_errors=True)
    return test, time.monotonic() - began, output, counts


def count(output):
    passed = failed = skipped = 0
    plan = None
    for line in output.splitlines():
        if line.startswith("not ok "):
            failed += 1
        elif re.match(r"ok \d+.*# SKIP", line):
            skipped += 1
        elif re.match(r"ok \d+", line):
            passed += 1
        elif match := re.match(r"1\.\.(\d+)", line):
            plan = int(match[1])
    if plan != passed + failed + skipped or plan == 0:
        failed += 1  # it ended before its plan was done
    return [passed, failed, skipped]


def main():
    total = [0, 0, 0]
    tests = all_tests()
    if not tests:
        sys.exit("no test has that in its path")
    verbose = len(tests) == 1
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for done in concurrent.futures.as_completed(pool.submit(run, t) for t in tests):
            test, seconds, output, counts = done.result()
            total = [a + b for a, b in zip(total, counts)]
            print(f"{'FAIL' if counts[1] else 'ok':4} {test.stem:24} "
                  f"{counts[0]:4} passed {seconds:7.1f} s", flush=True)
            if counts[1] or verbose or counts[2]:
                show(output, verbose, counts[1])
    print("{} passed, {} failed, {} skipped".format(*total))
    sys.exit(1 if total[1] else 0)


def show(output, verbose, failed):
    for line in output.splitlines():
        if verbose or (failed and not re.match(r"ok |1\.\.", line)) or "# SKIP" in line:
            print(f"     {line}")


if __name__ == "__main__":
    main()
