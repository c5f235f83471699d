"""`make quality`: reads what every rule says of every pinned project against the verdicts, and writes docs/quality.md.

`python -m support.quality --unread [RULE,...]` prints findings without a verdict instead, drawn at random, each with the lines
around it, in the form of a verdict to be filled in. `--project NAME` (again and again) keeps to some projects.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from architect_lsp import evaluation
from architect_lsp.rules.rule import Rule, all_rules
from architect_lsp.settings import Settings
from support.realworld import ENOUGH, ROOT, Release, Spot, found_in, precision, releases, source, spots, verdicts

_AROUND = 6
"""Lines shown before and after a finding that is to be read."""


def main(arguments: Sequence[str]) -> int:
    """Write the scoreboard, or print what is unread. Effect: downloads the projects once."""
    parser = argparse.ArgumentParser(prog="quality", description=__doc__)
    parser.add_argument("--unread", nargs="?", const="", metavar="RULE,...")
    parser.add_argument("--project", action="append", default=[])
    parser.add_argument("--at-most", type=int, default=ENOUGH, metavar="N", help="findings of one rule that are printed")
    options = parser.parse_args(arguments)
    chosen = [it for it in releases() if not options.project or it.name in options.project]
    rules = ",".join(it.name for it in all_rules()) if not options.unread else options.unread
    found: dict[Release, list[tuple[Spot, int]]] = {}
    for it in chosen:
        print(f"{it.name} {it.version} ...", file=sys.stderr)
        found[it] = found_in(it, rules)
    if options.unread is not None:
        print("\n".join(unread(found, options.at_most)))
        return 0
    page = ROOT / "docs" / "quality.md"
    kept = page.read_text(encoding="utf-8").partition("<!-- end of scoreboard -->")[2] if page.exists() else "\n"
    lines = [*scoreboard(found), "", *labelled()]
    page.write_text("\n".join(lines) + "\n<!-- end of scoreboard -->" + kept, encoding="utf-8")
    return 0


def labelled() -> Iterator[str]:
    """The rules' figures on our suite of labelled cases."""
    cases = evaluation.suite(ROOT / "tests" / "suite")
    outcomes = [asyncio.run(evaluation.outcome(it, evaluation.by_rules, Settings())) for it in cases]
    yield "## Labelled cases"
    yield ""
    yield f"The rules alone on the {len(cases)} cases of [tests/suite](../tests/suite/README.md), by duty, as"
    yield "`architect-lsp eval tests/suite` prints them."
    yield ""
    yield evaluation.as_markdown(outcomes)


def unread(found: dict[Release, list[tuple[Spot, int]]], at_most: int) -> Iterator[str]:
    """Findings without a verdict as verdicts to fill in, at most so many of a rule, the same ones each time."""
    rows: dict[str, list[tuple[Release, Spot, int]]] = defaultdict(list)
    for release, hits in found.items():
        known = spots(release)
        for spot, line in hits:
            known[spot] -= 1
            if known[spot] < 0:
                rows[spot.rule].append((release, spot, line))
    for rule, hits_of in sorted(rows.items()):
        drawn = sorted(random.Random(rule).sample(hits_of, min(at_most, len(hits_of))))
        yield f"# {rule}: {len(drawn)} of {len(hits_of)} unread findings"
        for release, spot, line in drawn:
            text = (source(release) / spot.file).read_text(encoding="utf-8", errors="replace").split("\n")
            begin = max(0, line - 1 - _AROUND)
            yield from (
                f"#{'>' if n + 1 == line else ' '} {n + 1:5} {text[n]}" for n in range(begin, min(len(text), line + _AROUND))
            )
            yield f'[[hit]]\nproject = "{spot.project}"\nfile = "{spot.file}"\nline = {line}'
            yield f'quote = {json.dumps(spot.quote, ensure_ascii=False)}\nverdict = ""\nreason = ""\n'


def scoreboard(found: dict[Release, list[tuple[Spot, int]]]) -> Iterator[str]:
    """The page's lines: how loud each rule is on real code, and how often it was worth it."""
    lines = {it: n_lines(source(it)) for it in found}
    every: Counter[Spot] = Counter(spot for hits in found.values() for spot, _ in hits)
    worth, total = precision(every), sum(lines.values())
    loud = Counter(it.rule for it in every.elements())
    seen = {rule: len({it.project for it in every if it.rule == rule}) for rule in loud}
    spoken = {it.name for it in all_rules() if not it.preview}
    libraries = {it for it in found if it.library}
    in_libraries = sum(spot.rule in spoken for it in libraries for spot, _ in found[it])
    yield "# How good the rules are"
    yield ""
    yield f"Every rule on {len(found)} released projects, {total:,} lines of Python. `make quality` writes this page."
    yield ""
    yield "A finding is *worth it* when a person who read it in its place would say so in a review. At most fifty findings of a"
    yield "rule were read, drawn at random; each verdict is kept in `tests/realworld/verdicts` with its reason. A rule speaks"
    yield "unasked when nine of ten were worth it."
    yield ""
    n_library = sum(lines[it] for it in libraries) or 1
    yield (
        f"On the {len(libraries)} libraries among them ({n_library:,} lines) the default rules make {in_libraries:,} findings, "
        f"{1000 * in_libraries / n_library:.2f} in 1,000 lines."
    )
    yield ""
    yield "| rule | domain | findings | in 10,000 lines | projects | read | worth it |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for it in all_rules():
        true, read = worth.get(it.name, (0, 0))
        n = loud[it.name]
        yield (
            f"| {named(it)} | {it.domain.value} | {n} | {10_000 * n / total:.2f} | {seen.get(it.name, 0)} | {read} "
            f"| {f'{true / read:.0%}' if read else ''} |"
        )
    yield ""
    yield "| project | version | lines | default findings | in 1,000 lines |"
    yield "| --- | --- | ---: | ---: | ---: |"
    for release, hits in found.items():
        n = sum(spot.rule in spoken for spot, _ in hits)
        yield f"| {release.name} | {release.version} | {lines[release]:,} | {n} | {1000 * n / max(1, lines[release]):.2f} |"
    yield ""
    yield f"{len(verdicts()):,} verdicts in all."


def named(rule: Rule) -> str:
    """A rule's cell."""
    return f"[`{rule.name}`](rules/{rule.name}.md)" + (" (preview)" if rule.preview else "")


def n_lines(folder: Path) -> int:
    """Lines of Python below a folder."""
    return sum(it.read_bytes().count(b"\n") for it in folder.rglob("*.py"))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
