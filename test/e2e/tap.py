"""unittest with Test Anything Protocol on stdout: `tap.main()` at a file's end."""

import os
import sys
import unittest


class TapResult(unittest.TestResult):
    def __init__(self, out):
        super().__init__()
        self.out = out

    def say(self, verdict, test, text=""):
        name = test.id().split(".", 1)[-1]
        print(f"{verdict} {self.testsRun} - {name}{text}", file=self.out, flush=True)

    def addSuccess(self, test):
        self.say("ok", test)

    def trouble(self, test, err):
        self.say("not ok", test)
        for line in self._exc_info_to_string(err, test).splitlines():
            print(f"# {line}", file=self.out, flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.trouble(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        if not isinstance(test, unittest.TestCase):  # a set-up of a class or module
            self.testsRun += 1
        self.trouble(test, err)

    def addSkip(self, test, reason):
        self.say("ok", test, f" # SKIP {reason}")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.trouble(subtest, err)
            self.testsRun += 1


def main(module="__main__"):
    """Runs the tests of the module, only those named in argv if any are."""
    # what a library prints belongs to stderr: stdout is TAP's
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    loader = unittest.TestLoader()
    if sys.argv[1:]:
        loader.testNamePatterns = [f"*{name}*" for name in sys.argv[1:]]
    result = TapResult(out)
    loader.loadTestsFromModule(sys.modules[module]).run(result)
    print(f"1..{result.testsRun}", file=out, flush=True)
    out.close()
    os._exit(0 if result.wasSuccessful() else 1)
