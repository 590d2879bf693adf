"""Counts the results of tests in TAP, so that nothing which broke can look like a pass."""

import json
import re

RESULT = re.compile(r"(not )?ok\b(?:\s+\d+)?(?:\s*-)?\s*([^#]*)(?:#\s*(\w+))?", re.IGNORECASE)
PLAN = re.compile(r"1\.\.(\d+)")


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []
        self.skips = []

    def fail(self, name):
        self.failed += 1
        self.failures.append(name)

    def add_program(self, name, output, exit_code):
        """One test program: every line of its TAP; and one failure more where the program did not
        keep its plan, or ended badly without a failed line."""
        planned, seen, failed_here = None, 0, 0
        for line in output.splitlines():
            plan, result = PLAN.match(line), RESULT.match(line)
            if plan:
                planned = int(plan[1])
            elif result:
                seen += 1
                title = f"{name}: {result[2].strip()}"
                if result[1]:
                    failed_here += 1
                    self.fail(title)
                elif (result[3] or "").upper() == "SKIP":
                    self.skipped += 1
                    self.skips.append(title)
                else:
                    self.passed += 1
        if planned is None or planned != seen:
            self.fail(f"{name}: ended after {seen} of {planned} tests, exit code {exit_code}")
        elif exit_code != 0 and failed_here == 0:
            self.fail(f"{name}: exit code {exit_code}")
        elif seen == 0:
            self.fail(f"{name}: no tests")

    def add_meson(self, testlog):
        """The programs of one `meson test` run, from its testlog.json."""
        count = 0
        with open(testlog) as lines:
            for line in lines:
                entry = json.loads(line)
                self.add_program(entry["name"], entry.get("stdout", ""), entry["returncode"])
                if entry["result"] == "TIMEOUT":
                    self.fail(f"{entry['name']}: timed out after {entry['duration']:.0f} s")
                count += 1
        if count == 0:
            self.fail(f"{testlog}: no tests ran")

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures
        self.skips += other.skips
