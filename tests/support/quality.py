"""`make quality`: reads what every rule says of every pinned project against the verdicts, and writes docs/quality.md.

`python -m support.quality --unread [RULE,...]` prints findings without a verdict instead, drawn at random, each with the lines
around it, in the form of a verdict to be filled in. `--project NAME` (again and again) keeps to some projects.

What a rule said of a release is kept under `.cache/quality` until the rule, or anything it stands on, is another: a run that was
interrupted goes on, and one after a mended rule asks that rule alone.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import architect_lsp
from architect_lsp import evaluation
from architect_lsp.rules.rule import Rule, all_rules
from architect_lsp.settings import Settings
from support.realworld import CACHE, ENOUGH, ROOT, Release, Spot, found_in, precision, releases, source, spots, verdicts

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
    asked = options.unread.split(",") if options.unread else [it.name for it in all_rules()]
    found: dict[Release, list[tuple[Spot, int]]] = {}
    for it in chosen:
        print(f"{it.name} {it.version}", end=" ", file=sys.stderr, flush=True)
        began = time.monotonic()
        found[it] = said_of(it, asked)
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    if options.unread is not None:
        print("\n".join(unread(found, options.at_most)))
        return 0
    page = ROOT / "docs" / "quality.md"
    kept = page.read_text(encoding="utf-8").partition("<!-- end of scoreboard -->")[2] if page.exists() else "\n"
    lines = [*scoreboard(found), "", *labelled()]
    page.write_text("\n".join(lines) + "\n<!-- end of scoreboard -->" + kept, encoding="utf-8")
    return 0


def said_of(release: Release, rules: Sequence[str]) -> list[tuple[Spot, int]]:
    """(spot, line) of each finding of these rules in a release. Effect: keeps them on disk; asks only rules that are not kept."""
    path = CACHE.parent / "quality" / f"{release.name}-{release.version}-{engine()}.json"
    said: dict[str, list[tuple[str, int, str]]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    keys = {it: f"{it} {digest([rule_file(it)])}" for it in rules}
    fresh = [it for it in rules if keys[it] not in said]
    if fresh:
        said.update((keys[it], []) for it in fresh)
        for spot, line in found_in(release, ",".join(fresh)):
            said[keys[spot.rule]].append((spot.file, line, spot.quote))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(said), encoding="utf-8")
    return [(Spot(rule, release.name, file, quote), line) for rule in rules for file, line, quote in said[keys[rule]]]


PACKAGE = Path(architect_lsp.__file__).parent


def rule_file(rule: str) -> Path:
    """Where a rule is written."""
    return next(PACKAGE.glob(f"rules/*/{rule.replace('-', '_')}.py"))


@cache
def engine() -> str:
    """A digest of all that rules stand on: the package without the files of rules, which don't know of each other."""
    files = (it for it in PACKAGE.rglob("*") if it.is_file() and it.suffix in {".py", ".toml", ".scm"})
    return digest(sorted(it for it in files if it.relative_to(PACKAGE).parts[0] != "rules" or it.parent == PACKAGE / "rules"))


def digest(files: Sequence[Path]) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of their names and contents."""
    summed = hashlib.sha256()
    for it in files:
        summed.update(f"{it.relative_to(PACKAGE).as_posix()}\0".encode() + it.read_bytes())
    return summed.hexdigest()[:16]


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
    yield "unasked when nine of ten were worth it, of five or more that were read. A false alarm that was mended is found no"
    yield "more, and has no verdict: the share tells of what is still said of code that was read, and code that nobody read yet"
    yield "may fare worse."
    yield ""
    often = Counter(min(seen.get(it, 0), 3) for it in spoken)
    few = often[1] + often[2]
    yield f"Of the {len(spoken)} rules that speak unasked, {often[3]} spoke in three projects or more, {few} in one or two, and"
    yield f"{often[0]} in none: those are proven by the examples on their pages alone."
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
