#!/usr/bin/env python3
"""What bench.py found, as a table, as a plot, and both in README.md.

usage: report.py build/bench.json       puts table and plot into README.md and contrib/bench.svg
"""

import html
import json
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OURS = "arc-relay-proxy"
NOT_PLOTTED = {"the server's client", "socat with 8 KiB"}
PANELS = [      # what is plotted: key of result["all"], title, is more better
    ("send MB/s", "send, MB/s", True),
    ("receive MB/s", "receive, MB/s", True),
    ("send CPU s/GB", "send, CPU seconds per GB", False),
    ("receive CPU s/GB", "receive, CPU seconds per GB", False),
    ("first byte ms", "exec to first byte, ms", False),
    ("keystroke p99 us", "keystroke there and back, p99, µs", False),
    ("idle MB", "resident memory, idle, MB", False),
    ("scp there MB/s", "scp end to end, MB/s", True),
]


# --- words ---

def number(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def spread(values):
    if not values:
        return "-"
    if values["min"] == values["max"]:
        return number(values["median"])
    return f"{number(values['median'])} ({number(values['min'])}-{number(values['max'])})"


def wanted(value):
    return "" if value is None else f"{value:g}" if value == int(value) else f"{value:.2f}"


def about(result):
    m = result["machine"]
    return (f"{m['date']}, {m['cpus']} CPUs ({m['cpu'] or m['arch']}), {m['system']}, Linux {m['kernel']}, "
            f"{' '.join(m['openssl'].split()[:2])}, version {m['commit']}; medians of {result['rounds']} rounds of "
            f"{result['mb']} MB")


# --- as text ---

def table(result):
    form = "{:41}{:>22} {:5} {:>22} {:21}{:>6}{:>6}{:>6}  {}"
    out = [about(result), "", form.format("", "ours (spread)", "", "reference", "", "ratio", "reach", "aim", "")]
    for line in result["lines"]:
        than = line["than"]
        out.append(form.format(
            line["what"], spread(line["ours"]), line["unit"], spread(line["theirs"]) if than else "", than or "",
            number(line["ratio"]) if than else "", wanted(line["reach"]), wanted(line["aim"]),
            " ".join(filter(None, (line["verdict"], line["note"])))).rstrip())
    if result["missing"]:
        out.append(f"not installed: {', '.join(result['missing'])}")
    missed = [line["what"] for line in result["lines"] if line["verdict"] == "missed"]
    out.append(f"load at the beginning {result['machine']['load']:.1f}; {result.get('seconds', 0)} s; "
               f"missed: {', '.join(missed) or 'nothing'}")
    return "\n".join(out)


def markdown(result):
    """The rows of which something is wanted."""
    out = ["| | this | reference | ratio | reach | aim | |", "|---|---|---|---|---|---|---|"]
    for line in result["lines"]:
        if line["reach"] is None:
            continue
        unit = line["unit"] and " " + line["unit"]
        than = f"{number((line['theirs'] or {}).get('median'))} {line['than']}" if line["than"] else ""
        out.append(f"| {line['what']} | {number((line['ours'] or {}).get('median'))}{unit} | {than} | "
                   f"{number(line['ratio']) if line['than'] else ''} | {wanted(line['reach'])} | "
                   f"{wanted(line['aim'])} | {line['verdict']} |")
    return "\n".join(out)


# --- as a plot ---

WIDTH, COLUMN, LABEL, BAR, ROW, TITLE, GAP = 880, 430, 150, 190, 21, 34, 14
STYLE = """
  text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 13px } .soft { fill: #59636e } .ground { fill: #ffffff }
  .ours { fill: #1f6feb } .other { fill: #b4bbc5 } .spread { stroke: #59636e } .us { font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .soft { fill: #9198a1 } .ground { fill: #0d1117 }
    .ours { fill: #4493f8 } .other { fill: #57606a } .spread { stroke: #c0c8d0 }
  }
"""


def text(x, y, words, of="", end=False):
    anchor = ' text-anchor="end"' if end else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{of}"{anchor}>{html.escape(words)}</text>'


def panel(x, y, title, more, bars):
    """Bars, the best first, each with its spread.  Returns the elements."""
    out = [text(x + 20, y + 14, title, "title"),
           text(x + COLUMN - 20, y + 14, "more is better" if more else "less is better", "soft", end=True)]
    scale = BAR / max(values["max"] for _, values in bars)
    for i, (who, values) in enumerate(sorted(bars, key=lambda bar: bar[1]["median"], reverse=more)):
        top = y + TITLE - 10 + i * ROW
        us = who.startswith(OURS)
        middle = top + 7.5
        out += [text(x + LABEL - 8, top + 12, who, "us" if us else "", end=True),
                f'<rect x="{x + LABEL}" y="{top}" width="{max(1, values["median"] * scale):.1f}" height="15" rx="2" '
                f'class="{"ours" if us else "other"}"/>',
                f'<path d="M{x + LABEL + values["min"] * scale:.1f} {middle}H{x + LABEL + values["max"] * scale:.1f}" '
                'class="spread" fill="none"/>',
                text(x + LABEL + values["max"] * scale + 6, top + 12, number(values["median"]), "us" if us else "")]
    return out


def plot(result):
    """Two columns of bars, one group for each thing that was measured of several."""
    panels = []
    for key, title, more in PANELS:
        bars = [(who, values) for who, values in result["all"].get(key, {}).items()
                if values and who not in NOT_PLOTTED]
        if bars:
            panels.append((title, more, bars))
    out, y = [], 10
    for pair in (panels[i:i + 2] for i in range(0, len(panels), 2)):
        for column, (title, more, bars) in enumerate(pair):
            out += panel(10 + column * COLUMN, y, title, more, bars)
        y += TITLE + GAP + ROW * max(len(bars) for _, _, bars in pair)
    words = about(result).split("; ")
    out += [text(18, y + 4, words[0], "soft"), text(18, y + 21, "; ".join(words[1:]) + ", bars are medians, lines "
                                                     "go from the least to the most", "soft")]
    y += 32
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" '
            f'role="img"><title>{OURS} and others, measured</title>\n<style>{STYLE}</style>\n'
            f'<rect class="ground" width="{WIDTH}" height="{y}" rx="6"/>\n' + "\n".join(out) + "\n</svg>\n")


# --- in README.md ---

BEGIN, END = "<!-- made by make bench-readme -->\n", "<!-- end of it -->\n"


def into_readme(result):
    path = os.path.join(TOP, "README.md")
    with open(path) as file:
        before, _, rest = file.read().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        sys.exit("report: README.md has no place for the table")
    made = f"\n![what was measured](contrib/bench.svg)\n\n{about(result)}.\n\n{markdown(result)}\n\n"
    with open(path, "w") as file:
        file.write(before + BEGIN + made + END + after)
    with open(os.path.join(TOP, "contrib", "bench.svg"), "w") as file:
        file.write(plot(result))


def main():
    if len(sys.argv) != 2:
        sys.exit(re.search(r"usage: .*", __doc__)[0])
    with open(sys.argv[1]) as file:
        result = json.load(file)
    if not result["whole"]:
        sys.exit("report: not all was measured; run make bench")
    into_readme(result)


if __name__ == "__main__":
    main()
