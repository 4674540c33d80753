#!/usr/bin/env python3
"""Headers are the reference: guard, top comment, a word about each function.

And some functions of C that nobody here calls.
"""

import re
import sys
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "test" / "e2e"))
import tap  # noqa: E402

FOLDERS = ["relay", "auth", "proxy"]
HEADERS = [path for folder in FOLDERS for path in sorted((TOP / folder).glob("*.h"))]
SOURCES = [path for folder in FOLDERS for path in sorted((TOP / folder).glob("*.[ch]"))]
FORBIDDEN = {
    "strcpy": "snprintf", "strcat": "snprintf", "sprintf": "snprintf", "gets": "read",
    "vsprintf": "vsnprintf", "atoi": "options_number", "atol": "options_number",
    "strtok": "strcspn", "system": "posix_spawn", "popen": "posix_spawn",
    "tmpnam": "openat with O_EXCL", "mktemp": "openat with O_EXCL",
}
SKIP = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'""", re.DOTALL)


def where(path, text, at):
    return f"{path.relative_to(TOP)}:{text.count(chr(10), 0, at) + 1}"


def blanked(text):
    """text with comments and literals blanked out; every line stays where it was."""
    return SKIP.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def prototypes(text):
    """[(offset, name)] of the declared functions; bodies and structs are left out."""
    bare = blanked(text)
    bare = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: re.sub(r"[^\n]", " ", m[0]), bare,
                  flags=re.MULTILINE)
    while True:     # innermost braces first
        shorter = re.sub(r"\{[^{}]*\}", lambda m: re.sub(r"[^\n]", " ", m[0]), bare)
        if shorter == bare:
            break
        bare = shorter
    found = []
    for match in re.finditer(r"^\w[^;]*?\b(\w+)\s*\([^;]*;", bare, flags=re.MULTILINE):
        name = re.sub(r"__attribute__\s*\(\(.*?\)\)\)?", "", match[0], flags=re.DOTALL)
        if match[0].startswith("static inline") or "typedef" in match[0]:
            continue
        found.append((match.start(), re.search(r"(\w+)\s*\(", name)[1]))
    return found


def is_explained(text, at):
    """Is the paragraph that the offset stands in one that begins with a comment?"""
    start = text.rfind("\n\n", 0, at) + 2
    return text[start:at].lstrip().startswith("/*")


class Headers(unittest.TestCase):

    def none(self, faults):
        if faults:
            self.fail("\n" + "\n".join(faults))

    def test_there_is_something_to_look_at(self):
        self.assertGreater(len(HEADERS), 20)
        self.assertGreater(sum(len(prototypes(path.read_text())) for path in HEADERS), 80)

    def test_guard(self):
        faults = []
        for path in HEADERS:
            guard = f"{path.parent.name}_{path.stem}_H".upper()
            text = path.read_text()
            if f"#ifndef {guard}\n#define {guard}\n" not in text or not text.endswith("\n#endif\n"):
                faults.append(f"{path.relative_to(TOP)}: needs the guard {guard}")
        self.none(faults)

    def test_top_comment(self):
        self.none([f"{path.relative_to(TOP)}: must begin with a comment that says what it is for"
                   for path in SOURCES if not path.read_text().startswith("/*\n * ")])

    def test_each_prototype_is_explained(self):
        """By a comment above it or above its group; x_free needs none."""
        faults = []
        for path in HEADERS:
            text = path.read_text()
            faults += [f"{where(path, text, at)}: {name} has no comment"
                       for at, name in prototypes(text)
                       if not is_explained(text, at) and not name.endswith("_free")]
        self.none(faults)

    def test_forbidden_functions(self):
        faults = []
        for path in SOURCES:
            text = path.read_text()
            faults += [f"{where(path, text, match.start())}: {match[1]}, use {FORBIDDEN[match[1]]}"
                       for match in re.finditer(r"\b(\w+)\s*\(", blanked(text))
                       if match[1] in FORBIDDEN]
        self.none(faults)


if __name__ == "__main__":
    tap.main()
