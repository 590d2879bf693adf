"""TAP for test scripts (https://testanything.org): the Python side of test.h."""

import sys
import traceback


class Tap:
    """Numbers results as they come; finish() prints the plan and ends the program."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def result(self, name, problems=()):
        """One test: passed when `problems` is empty, otherwise each of them is shown."""
        self.count += 1
        problems = list(problems)
        for problem in problems[:50]:
            for line in str(problem).splitlines():
                print("# " + line)
        self.failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {self.count} - {name}", flush=True)

    def skip(self, name, reason):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}", flush=True)

    def run(self, name, function, *arguments):
        """One test: a function that returns the list of what is wrong; an exception is wrong too."""
        try:
            problems = function(*arguments) or []
        except Exception:
            problems = [traceback.format_exc(limit=-2)]
        self.result(name, problems)

    def finish(self):
        print(f"1..{self.count}", flush=True)
        sys.exit(self.failed != 0 or self.count == 0)
