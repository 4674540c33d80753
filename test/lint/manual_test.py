#!/usr/bin/env python3
"""The manual says what the programs do: options, error ids, exit statuses, citations."""

import fnmatch
import os
import re
import subprocess
import sys
import unittest
from collections import Counter
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "test" / "e2e"))
import tap  # noqa: E402
from explain_samples import ALL as SAMPLES  # noqa: E402

BUILD = Path(os.environ.get("BUILD", TOP / "build" / "release"))
MAN = TOP / "man"
PAGES = ("arc-relay.1", "arc-relay-config.1", "arc-relay-proxy.1")
COLUMNS, LINES = 80, 24         # of a terminal
CODE = [path for folder in ("relay", "auth", "proxy")
        for path in sorted((TOP / folder).glob("*.[ch]"))]
TABLE = TOP / "proxy" / "explain_table.c"
HEADING = r"(E\d{3}) Pq exit ([\d ,]+?)( ; may pass)?"        # of a paragraph of arc-relay-errors(7)
# options of other programs that README speaks of
FOREIGN = re.compile(r"\b(az|git|ssh|scp|apt-get|make|systemctl|man|ansible-inventory) [^`\n]*")


# what may come after the name of the program and is no verb
PROSE = {"and", "or", "is", "has", "in", "needs", "searches", "makes"}
SHARED_ROWS = {name: rows for header in ("cmd_options.h", "cmd_machines.h") for name, rows in
               re.findall(r"#define (CMD_\w*ROWS(?:_\w+)?)\b(.*?[^\\])\n\n",
                          (TOP / "proxy" / header).read_text(), re.DOTALL)}


def page_of(verb):
    """Where its options are told: on a page of its own, if there is one."""
    own = f"arc-relay-{verb}.1"
    return own if own in PAGES else "arc-relay.1"


def option_tables(path):
    """[(letter or '', long name)] of the option tables in a file."""
    rows = []
    for table in re.findall(r"struct option_row \w+\[\] = \{(.*?)\n\};", path.read_text(), re.DOTALL):
        table = re.sub(r"\bCMD_\w*ROWS(?:_\w+)?\b", lambda match: SHARED_ROWS[match.group()], table)
        rows += re.findall(r"""\{\s*(?:'(.)'|0),\s*"([a-z][a-z0-9-]*)",""", table)
    return rows


def hidden_options(path):
    """Those of its own that --help does not show, for nobody types them."""
    return set(re.findall(r'\{\s*(?:\'.\'|0),\s*"([a-z][a-z0-9-]*)",\s*(?:"[^"]*"|NULL),\s*NULL,', path.read_text()))


def verbs():
    """{verb: its source} from the table of arc-relay."""
    text = (TOP / "proxy" / "arc_relay.c").read_text()
    found = re.findall(r'\{ "([a-z]+)", cmd_(\w+),', text)
    return {verb: TOP / "proxy" / f"cmd_{name}.c" for verb, name in found}


PROXY_OPTIONS = option_tables(TOP / "proxy" / "opts.c")
VERB_OPTIONS = {verb: option_tables(path) for verb, path in verbs().items()}
HIDDEN = {verb: hidden_options(path) for verb, path in verbs().items()}


def documented(page):
    """Long options and letters that a manual page has as items of a list."""
    text = (MAN / page).read_text()
    items = "\n".join(re.findall(r"^\.It .*Fl .*", text, re.MULTILINE))
    return set(re.findall(r"Fl Fl ([a-z][a-z0-9-]*)", items)), set(re.findall(r"Fl ([a-zA-Z])\b", items))


def missing_options(rows, page):
    names, letters = documented(page)
    return [f"{page}: --{name} is missing" for _, name in rows if name not in names] + \
        [f"{page}: -{letter} is missing" for letter, _ in rows if letter and letter not in letters]


def emitted_ids():
    """{id: {exit status}} of all errors that the code can make, from its tables and calls."""
    found = {}
    for path in CODE:
        if path == TABLE:
            continue
        text = path.read_text()
        for one in re.findall(r'"(E\d{3})"', text):
            found.setdefault(one, set())
        for first, second, third, fourth in re.findall(
                r'(EX_[A-Z]+),\s*"(E\d{3})"|"(E\d{3})",\s*(EX_[A-Z]+)', text):
            found[second or third].add(getattr(os, first or fourth))
        # is_this ? EX_X : EX_Y, "E402"
        for status, one in re.findall(r'\? (EX_[A-Z]+) :\s*EX_[A-Z]+,\s*"(E\d{3})"', text):
            found[one].add(getattr(os, status))
        # EX_X, is_this ? "E402" : is_that ? "E407" : "E401"
        for status, choice in re.findall(r'(EX_[A-Z]+),((?:\s*\w+ \? "E\d{3}" :)+\s*"E\d{3}")', text):
            for one in re.findall(r"E\d{3}", choice):
                found[one].add(getattr(os, status))
    return found


def table_rows():
    """[(id, phase, exit statuses, flags, seen, cause, fix)] of what arc-relay explain knows, as they are written."""
    text = r'((?:\s*"(?:\\.|[^"\\])*")+)'
    rows = re.findall(r'\{ "(E\d{3})", "(\w*)", \{ ([A-Z_, ]*) \},([A-Z_ |0\s]+),' + f"{text},{text},{text}" + r" \}",
                      TABLE.read_text())
    return [(one, phase, names, flags, *("".join(re.findall(r'"((?:\\.|[^"\\])*)"', part)) for part in parts))
            for one, phase, names, flags, *parts in rows]


def shows(paragraph, text):
    """Does a paragraph of mdoc have a text of the table, but for its gaps?"""
    def flat(words):
        words = re.sub(r"^\.[A-Z][a-z] ?", "", words.replace("\\\n", ""), flags=re.MULTILINE)
        return " ".join(words.replace("\\(dq", '"').replace('\\"', '"').replace("\\&", "").split()).lower()
    return all(flat(piece) in flat(paragraph) for piece in re.split(r"[*>]", text.lstrip("-~")))


def table_ids():
    """{id: {exit status}} of that."""
    return {one: {getattr(os, name) for name in names.split(", ") if name} for one, _, names, *_ in table_rows()}


def explained_ids():
    text = (MAN / "arc-relay-errors.7").read_text()
    rows = re.findall(rf"^\.It Sy {HEADING}$", text, re.MULTILINE)
    return {one: {int(n) for n in re.findall(r"\d+", numbers)} for one, numbers, _ in rows}


def output(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


def help_faults(command, names):
    status, text, errors = output(*command, "--help")
    shown = " ".join([Path(command[0]).name, *command[1:], "--help"])
    faults = []
    if status != 0 or errors:
        faults.append(f"{shown}: status {status}, stderr {errors!r}")
    faults += [f"{shown}: {len(line)} columns: {line}" for line in text.splitlines()
               if len(line) > COLUMNS]
    if text.count("\n") > LINES:
        faults.append(f"{shown}: {text.count(chr(10))} lines")
    faults += [f"{shown}: {name} is missing" for name in names
               if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)]
    return faults


class Manual(unittest.TestCase):

    def none(self, faults):
        if faults:
            self.fail("\n" + "\n".join(faults))

    def test_there_is_something_to_look_at(self):
        self.assertGreater(len(PROXY_OPTIONS), 5)
        self.assertTrue(VERB_OPTIONS)
        for verb, rows in VERB_OPTIONS.items():
            self.assertTrue(rows, verb)
        self.assertGreater(len(emitted_ids()), 30)

    def test_options_of_arc_relay_proxy(self):
        self.none(missing_options(PROXY_OPTIONS, "arc-relay-proxy.1"))

    def test_options_of_arc_relay(self):
        self.none([fault for verb, rows in VERB_OPTIONS.items()
                   for fault in missing_options(rows, page_of(verb))])

    def test_no_option_that_does_not_exist(self):
        ours = {"arc-relay-proxy.1": {name for _, name in PROXY_OPTIONS}, "arc-relay.1": {"help", "version"}}
        for verb, rows in VERB_OPTIONS.items():
            ours.setdefault(page_of(verb), set()).update(name for _, name in rows)
        self.assertEqual(set(ours), set(PAGES))
        self.none([f"{page}: there is no --{name}" for page, names in ours.items()
                   for name in sorted(documented(page)[0] - names)])

    def test_verbs(self):
        text = (MAN / "arc-relay.1").read_text()
        named = set(re.findall(r"^\.It Cm ([a-z]+)", text.split(".Ss")[0], re.MULTILINE))
        self.assertEqual(named, set(VERB_OPTIONS))

    def test_error_ids(self):
        emitted, explained, table = emitted_ids(), explained_ids(), table_ids()
        self.assertEqual(len(table), 89)
        self.none([f"arc-relay-errors.7: {one} is missing" for one in sorted(table.keys() - explained)] +
                  [f"arc-relay-errors.7: nothing knows {one}" for one in sorted(explained.keys() - table)] +
                  [f"explain_table.c: {one} is missing" for one in sorted(emitted.keys() - table)])

    def test_rows_of_errors(self):
        """All that can go wrong has a cause and a fix, a text that somebody printed, a test and a paragraph."""
        rows = table_rows()
        page = (MAN / "arc-relay-errors.7").read_text()
        told = dict(re.findall(r"^\.It Sy (E\d{3}) [^\n]*\n(.*?)(?=^\.It Sy|^\.El\n\.Sh)", page, re.MULTILINE | re.DOTALL))
        passing = {one for one, _, may in re.findall(rf"^\.It Sy {HEADING}$", page, re.MULTILINE) if may}
        sampled = {one for sample in SAMPLES for one in sample.ids}
        tests = {path: path.read_text() for folder in ("e2e", "unit") for path in (TOP / "test" / folder).glob("*_test.*")}
        faults = [f"explain_table.c has {one} {count} times" for one, count in Counter(row[0] for row in rows).items() if count > 1]
        phases = Counter((one[1], phase) for one, phase, *_ in rows)
        for one, phase, names, flags, seen, cause, fix in rows:
            where = f"explain_table.c: {one}"
            if phases[one[1], phase] * 2 < sum(n for (digit, _), n in phases.items() if digit == one[1]):
                faults.append(f"{where} has the phase {phase!r}, unlike its neighbours")
            faults += [f"{where} has no {what}" for what, text in (("exit status", names), ("cause", cause), ("fix", fix))
                       if len(text) < (2 if what == "exit status" else 10)]
            if one not in sampled:
                faults.append(f"explain_samples.txt: {one} is missing")
            if one in emitted_ids() and not any(one in text for path, text in tests.items() if path.name != "explain_test.py"):
                faults.append(f"no test makes {one}")
            if (one in passing) != ("EXPLAIN_RETRY" in flags):
                faults.append(f"arc-relay-errors.7: {one} may pass by itself, or may not, other than in explain_table.c")
            paragraph = told.get(one, "")
            if len(paragraph) < 100 or not re.search(r"^\.(Pp|Bd)", paragraph, re.MULTILINE):
                faults.append(f"arc-relay-errors.7: {one} does not tell why and what to do")
            if seen and not any(shows(paragraph, text) for text in seen.split("\\n")):
                faults.append(f"arc-relay-errors.7: {one} shows no text by which explain_table.c knows it")
        self.assertEqual(len(rows), 89)
        self.assertIn("for one in ALL:", (TOP / "test" / "e2e" / "explain_test.py").read_text())
        self.none(faults)

    def test_commands_in_the_guide(self):
        """Each command of ours that the guide and explain name is there, with its options."""
        page = (MAN / "arc-relay-errors.7").read_text()
        texts = re.findall(r"^\.Ql (.*)", page, re.MULTILINE) + re.findall(r"^(?:\$ )?(arc-relay.*)", page, re.MULTILINE)
        texts += [text for *_, cause, fix in table_rows() for text in (cause, fix)]
        faults, count = [], 0
        for text in texts:
            for program, rest in re.findall(r"\b(arc-relay(?:-proxy)?) ([^;:,.()]*)", text):
                verb = rest.split(" ")[0]
                if program == "arc-relay" and re.fullmatch(r"[a-z]+", verb) and verb not in PROSE:
                    count += 1
                    if verb not in VERB_OPTIONS:
                        faults.append(f"there is no arc-relay {verb}: {text}")
                        continue
                    rows = VERB_OPTIONS[verb]
                elif program == "arc-relay-proxy" and verb.startswith("-"):
                    rows = PROXY_OPTIONS
                else:
                    continue
                known = {f"--{name}" for _, name in rows} | {f"-{letter}" for letter, _ in rows if letter} | {"-vv"}
                faults += [f"there is no {option}: {program} {rest}" for option in
                           re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)", rest) if option not in known]
        self.assertGreater(count, 60)
        self.none(faults)

    def test_samples_of_errors(self):
        known = table_ids()
        self.none([f"explain_samples.txt: there is no {one}" for sample in SAMPLES for one in sample.ids if one not in known] +
                  [f"explain_samples.txt: a sample of {sample.ids} has no source" for sample in SAMPLES
                   if len(sample.source) < 3 or not sample.text.strip()])

    def test_exit_statuses_of_errors(self):
        emitted, table = emitted_ids(), table_ids()
        self.none([f"explain_table.c: {one} has {sorted(table[one])}, the code {sorted(statuses)}"
                   for one, statuses in sorted(emitted.items()) if statuses and statuses != table.get(one, statuses)])
        self.none([f"arc-relay-errors.7: {one} has {sorted(statuses)}, the code {sorted(emitted[one])}"
                   for one, statuses in sorted(explained_ids().items())
                   if one in emitted and statuses != emitted[one]] +
                  [f"arc-relay-errors.7: {one} has {sorted(statuses)}, explain_table.c {sorted(table[one])}"
                   for one, statuses in sorted(explained_ids().items()) if statuses != table.get(one, statuses)])

    def test_messages_of_errors(self):
        """What is seen on the screen is found on the page, so that a search leads there."""
        page = (MAN / "arc-relay-errors.7").read_text().replace("\\\n", "")
        page = " ".join(re.sub(r"^\.[A-Z][a-z] ", "", page, flags=re.MULTILINE).split())
        page = page.replace("\\(dq", '"')
        faults, count = [], 0
        for path in CODE:
            for one, cause in re.findall(
                    r'"(E\d{3})",\s*(?:EX_\w+,\s*)?(?:RETRY_\w+,\s*)?((?:"(?:\\.|[^"\\])*"\s*)+)',
                    path.read_text()):
                cause = re.sub(r'"\s*"', "", cause.strip())[1:-1].replace('\\"', '"')
                for piece in re.split(r"%[-.*0-9lz]*[a-z]?", cause):
                    count += 1
                    if len(piece) > 9 and piece.strip() not in page:
                        faults.append(f"arc-relay-errors.7: {one} does not show {piece.strip()!r}")
        self.assertGreater(count, 50)
        self.none(faults)

    def test_messages_without_an_id(self):
        pages = "".join((MAN / page).read_text() for page in PAGES)
        pages = " ".join(pages.replace("\\\n", "").replace("\\(dq", '"').split())
        faults, count = [], 0
        for path in CODE:
            for text in re.findall(r'EX_\w+,\s*"",\s*((?:[A-Z]\w+\s+)?(?:"(?:\\.|[^"\\])*"\s*)+)', path.read_text()):
                text = "".join(re.findall(r'"((?:\\.|[^"\\])*)"', text)).replace('\\"', '"')
                for piece in re.split(r"%[-.*0-9lz]*[a-z]?", text):
                    count += 1
                    if len(piece) > 9 and piece.strip(" ,:") not in pages:
                        faults.append(f"DIAGNOSTICS of no page shows {piece.strip()!r} of {path.name}")
        self.assertGreater(count, 50)
        self.none(faults)

    def test_reasons_to_leave_a_machine_out(self):
        page = (MAN / "arc-relay-config.1").read_text().replace("\\\n", "")
        page = " ".join(page.split())
        text = "".join((TOP / "proxy" / name).read_text() for name in ("aliases.c", "sshconf.c"))
        reasons = re.findall(r'return \(\s*"([^"]+)"\)|[?:]\s*"([^"]+)"|SSHCONF_\w+, "([^"]+)"', text)
        reasons = {reason for one in reasons for reason in one if re.match(r"\w+ \w", reason) and "%" not in reason}
        self.assertGreater(len(reasons), 7)
        self.none([f"arc-relay-config.1 does not show {reason!r}" for reason in sorted(reasons) if reason not in page])

    def test_exit_statuses_are_listed(self):
        everything = "".join(path.read_text() for path in CODE if path.suffix == ".c")
        # what is only compared with is made elsewhere, or by nobody
        made = {getattr(os, name) for name in re.findall(r"(?<![=!]= )\bEX_[A-Z]+\b", everything)}
        listed = set()
        for page in PAGES:
            listed |= {int(n) for n in re.findall(r"^\.It (\d+) Pq Dv EX_", (MAN / page).read_text(),
                                                  re.MULTILINE)}
        self.assertEqual(made, listed)

    def test_citations(self):
        """arc-relay-protocol(7), UPGRADE: is there such a section?"""
        faults, count = [], 0
        for path in [*CODE, *sorted(MAN.iterdir())]:
            text = re.sub(r"\s*\n \*\s*", " ", path.read_text())
            text = re.sub(r"\.Xr (\S+) (\d) ,\n", r"\1(\2), ", text)
            for page, section in re.findall(r"(arc-relay[a-z-]*\(\d\)), ([A-Z]{2}[A-Z ]*[A-Z])\b", text):
                name = MAN / re.sub(r"\((\d)\)", r".\1", page)
                count += 1
                if not name.is_file() or f"\n.Sh {section}\n" not in name.read_text():
                    faults.append(f"{path.relative_to(TOP)}: {page} has no section {section}")
        self.assertGreater(count, 5)
        self.none(faults)

    def test_cited_pages_exist(self):
        cited = re.compile(r"\b(arc-relay[a-z-]*)\((\d)\)|^\.Xr (arc-relay\S*) (\d)", re.MULTILINE)
        faults, count = [], 0
        for path in [*CODE, *MAN.iterdir(), TOP / "README.md", TOP / "contrib" / "HACKING.md"]:
            for match in cited.finditer(path.read_text()):
                page = f"{match[1] or match[3]}.{match[2] or match[4]}"
                count += 1
                if not (MAN / page).is_file():
                    faults.append(f"{path.relative_to(TOP)}: there is no manual page {page}")
        self.assertGreater(count, 30)
        self.none(faults)

    def test_mandoc(self):
        try:
            _, text, errors = output("mandoc", "-T", "lint", "-W", "warning", *map(str, sorted(MAN.iterdir())))
        except FileNotFoundError:
            self.skipTest("no mandoc")
        self.none((text + errors).splitlines())

    def test_no_word_is_a_macro(self):
        """"No such file" in a line of mdoc loses its first word, and "a , b" is one quotation."""
        macros = "An|At|Bx|In|Is|It|Nd|No|On|Os|Ot|So|St|Tn|Up|Ux"
        self.none([f"{path.name}:{number}: {line}" for path in sorted(MAN.iterdir())
                   for number, line in enumerate(path.read_text().splitlines(), 1)
                   if re.search(rf"^\.(Dl|Ql) (.* )?({macros})( |$)|^\.(Pq )?(Ql|Sq) \S+ , .", line)])

    def test_help_of_arc_relay_proxy(self):
        self.none(help_faults([str(BUILD / "arc-relay-proxy")], [f"--{name}" for _, name in PROXY_OPTIONS]))

    def test_help_of_arc_relay(self):
        faults = help_faults([str(BUILD / "arc-relay")], sorted(VERB_OPTIONS))
        for verb, rows in VERB_OPTIONS.items():
            faults += help_faults([str(BUILD / "arc-relay"), verb], [f"--{name}" for _, name in rows if name not in HIDDEN[verb]])
        self.none(faults)

    def test_environment(self):
        """Each variable that the programs ask for is on a page."""
        asked = set()
        for path in CODE:
            asked |= set(re.findall(r'\b(?:\w*getenv|env_get|variable|is_set|either)\("(\w+)"'
                                    r'|#define \w*VARIABLE\s+"(\w+)"', path.read_text()))
        asked = {name for pair in asked for name in pair if name}
        pages = "".join((MAN / page).read_text() for page in PAGES)
        told = {word for line in re.findall(r"^\.(?:It )?Ev (.*)", pages, re.MULTILINE) for word in line.split()}
        self.assertGreater(len(asked), 30)
        self.none([f"no page tells of {name}" for name in sorted(asked - told)])

    def test_token_sources(self):
        """Each is in the help and on the page, in the order in which they are tried, with an example."""
        _, text, _ = output(str(BUILD / "arc-relay"), "credentials", "--help")
        helped = re.findall(r"^  ([a-z][a-z-]+) +\S", text.partition("Token sources")[2], re.MULTILINE)
        page = (MAN / "arc-relay.1").read_text()
        section = re.search(r"^\.Sh TOKEN SOURCES\n(.*?)^\.Sh ", page, re.MULTILINE | re.DOTALL)[1]
        items = re.findall(r"^\.It Cm (\S+)\n(.*?)(?=^\.It|^\.El)", section, re.MULTILINE | re.DOTALL)
        self.assertEqual(len(helped), len(list((TOP / "auth").glob("token_*.c"))) - 1)     # token_cached.c
        self.assertEqual([name for name, _ in items], helped)
        self.none([f"arc-relay.1: {name} has no example" for name, body in items if ".Bd -literal" not in body])

    def test_readme(self):
        rows = PROXY_OPTIONS + [row for rows in VERB_OPTIONS.values() for row in rows]
        ours = {f"--{name}" for _, name in rows} | {f"-{letter}" for letter, _ in rows if letter}
        text = FOREIGN.sub("", (TOP / "README.md").read_text())
        self.none([f"README.md: there is no option {option}" for option in
                   re.findall(r"(?<![\w-])(--[a-z][a-z0-9-]*|-[A-Za-z])(?![\w-])", text)
                   if option not in ours])

    def test_readme_names_every_file(self):
        """Each file of a folder is in its table, each word of a table is a file."""
        faults = []
        for folder, table in re.findall(r"^\| (\w+)/ \| \|\n\|---\|---\|\n((?:\|.*\n)+)",
                                        (TOP / "README.md").read_text(), re.MULTILINE):
            files = {path.stem for path in (TOP / folder).glob("*.[ch]")}
            words = {word for row in table.splitlines() for word in re.findall(r"`([^`]+)`", row.split("|")[1])}
            if folder != "test":
                faults += [f"README.md does not name {folder}/{name}" for name in sorted(files)
                           if not any(fnmatch.fnmatch(name, word) for word in words)]
                faults += [f"README.md: there is no {folder}/{word}" for word in sorted(words)
                           if not fnmatch.filter(files, word)]
        self.none(faults)


if __name__ == "__main__":
    tap.main()
