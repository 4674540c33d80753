#!/usr/bin/env python3
"""Who includes whom: prints the map, and fails where an arrow points upwards.

    proxy -> auth -> relay

A third-party library belongs to the files named below and to no others, so that
it can be replaced by editing them.
"""

import os
import re
import sys
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "test" / "e2e"))
import tap  # noqa: E402

LAYERS = ["relay", "auth", "proxy"]     # from the ground up
KEYS = {"auth/keys.c", "auth/keys_pk.h", "auth/keys_pk.c", "auth/keys_pbes2.c", "auth/keys_rsa.c"}
OWNERS = {                              # beginning of a header's name -> who may include it
    "libwebsockets": {"relay/wire.c", "relay/tls.c"},   # tls.c: its creation info
    "curl/": {"auth/http.c", "auth/http_facts.c"},
    "jansson": {"auth/json.c"},
    "mbedtls/": {"relay/crypto.c", *KEYS},
    "psa/": {"relay/crypto.c", *KEYS},
    "openssl/": {"relay/tls.c"},
}


def sources():
    return [path for layer in LAYERS for path in sorted((TOP / layer).glob("*.[ch]"))]


def read_includes():
    """[(file, line number, '<' or '"', what it includes)], files as seen from the root."""
    found = []
    for path in sources():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if match := re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line):
                found.append((path.relative_to(TOP).as_posix(), number, match[1], match[2]))
    return found


INCLUDES = read_includes()


def layer_of(name):
    return name.split("/")[0]


def owners_of(header):
    for start, owners in OWNERS.items():
        if header.startswith(start):
            return start.rstrip("/"), owners
    return None, None


def print_map():
    print("# the layers:")
    for layer in reversed(LAYERS):
        used = {layer_of(what) for file, _, mark, what in INCLUDES
                if mark == '"' and layer_of(file) == layer} - {layer}
        print(f"#   {layer} -> {' '.join(sorted(used)) or '(nothing)'}")
    print("# the files, without their own headers:")
    for path in sources():
        file = path.relative_to(TOP).as_posix()
        ours = sorted({what.removesuffix(".h") for name, _, mark, what in INCLUDES
                       if name == file and mark == '"'} - {file.removesuffix(".c")})
        libraries = sorted({owners_of(what)[0] for name, _, mark, what in INCLUDES
                            if name == file and mark == "<" and owners_of(what)[0]})
        if ours or libraries:
            print(f"#   {file}: {' '.join(ours + [f'<{name}>' for name in libraries])}")


class Layers(unittest.TestCase):

    def none(self, faults):
        if faults:
            self.fail("\n" + "\n".join(faults))

    def test_there_is_something_to_look_at(self):
        print_map()
        self.assertGreater(len(INCLUDES), 100)

    def test_no_arrow_points_upwards(self):
        self.none([f"{file}:{number}: {layer_of(file)} must not include {what}"
                   for file, number, mark, what in INCLUDES
                   if mark == '"' and layer_of(what) in LAYERS and
                   LAYERS.index(layer_of(what)) > LAYERS.index(layer_of(file))])

    def test_includes_are_written_from_the_root(self):
        self.none([f'{file}:{number}: "{what}" is no header of {", ".join(LAYERS)}'
                   for file, number, mark, what in INCLUDES
                   if mark == '"' and not (layer_of(what) in LAYERS and ".." not in what and
                                           "/./" not in what and (TOP / what).is_file())])

    def test_our_headers_are_not_in_angle_brackets(self):
        self.none([f"{file}:{number}: <{what}> is ours" for file, number, mark, what in INCLUDES
                   if mark == "<" and (TOP / what).is_file()])

    def test_each_library_has_its_owner(self):
        self.none([f"{file}:{number}: <{what}> belongs to {', '.join(sorted(owners_of(what)[1]))}"
                   for file, number, _, what in INCLUDES
                   if owners_of(what)[1] and file not in owners_of(what)[1]])

    def test_a_c_file_includes_its_own_header(self):
        faults = []
        for path in sources():
            own = path.with_suffix(".h").relative_to(TOP).as_posix()
            file = path.relative_to(TOP).as_posix()
            if path.suffix == ".c" and (TOP / own).is_file() and \
                    not any(name == file and what == own for name, _, _, what in INCLUDES):
                faults.append(f"{file}: does not include {own}")
        self.none(faults)


if __name__ == "__main__":
    tap.main()
