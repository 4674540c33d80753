"""The texts of explain_samples.txt: what people see when a connection fails, and where that was printed."""

import re
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_suffix(".txt")


class Sample(NamedTuple):
    ids: list           # what is recognised, in the order in which it is told; []: nothing
    recorded: bool      # by running the program; else published, by others
    source: str
    text: str


def _read():
    for ids, how, source, text in re.findall(r"^== (\S.*?) (recorded|published): (.*)\n((?:(?!== ).*\n)*)",
                                             FILE.read_text(), re.MULTILINE):
        yield Sample([] if ids == "none" else ids.split(), how == "recorded", source, text.rstrip("\n") + "\n")


ALL = list(_read())
FIRST = {}              # of each id, one that is told first
for one in ALL:
    if one.ids:
        FIRST.setdefault(one.ids[0], one.text)
