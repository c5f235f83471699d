"""From a remark to a finding that stands in the source, or to a reason why not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from architect_lsp.model import Confidence, Domain, Finding, Provenance, Severity, Snapshot, Span
from architect_lsp.review.remarks import Dropped, kebab, located, parsed, schema
from architect_lsp.review.scripted import Scripted
from architect_lsp.text import apply
from support.messages_api import Stream, fix, remark
from support.reviews import TEXT, asked, outcome_of

FORBIDDEN = {
    "minimum",
    "maximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "oneOf",
    "anyOf",
    "$ref",
    "$defs",
    "default",
}


def found(said: dict[str, Any], text: str = TEXT, selection: Span | None = None) -> Finding | Dropped:
    """What becomes of a remark about the text."""
    it = parsed(json.dumps(said))
    if isinstance(it, Dropped):
        return it
    return located(it, Snapshot("app/orders.py", text), selection or Span(0, len(text)), Provenance("model", "1"))


def kept(said: dict[str, Any], text: str = TEXT, selection: Span | None = None) -> Finding:
    """The finding a remark becomes."""
    it = found(said, text, selection)
    assert isinstance(it, Finding), it
    return it


def fixed(text: str, *edits: tuple[str, str]) -> str | None:
    """The text after the fix of a remark about its first line; None when the fix was not kept."""
    it = kept(remark(text.splitlines()[0], fix=fix("Mend it", *edits)), text)
    return apply(text, it.fixes[0].edits) if it.fixes else None


def test_the_schema_fits_structured_outputs():
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            assert not FORBIDDEN & node.keys()
            if node.get("type") == "object":
                assert node["additionalProperties"] is False
                assert node["required"] == list(node["properties"])
                for it in node["properties"].values():
                    walk(it)
            else:
                for it in node.values():
                    walk(it)

    walk(schema())
    fields = list(schema()["properties"]["remarks"]["items"]["properties"])
    assert fields[:7] == ["quote", "symbol", "rule", "domain", "severity", "confidence", "message"]
    assert fields[-1] == "fix"
    assert schema()["properties"]["remarks"]["items"]["properties"]["severity"]["enum"] == ["error", "warning", "note"]


def test_a_remark_becomes_a_finding():
    it = kept(
        remark("db.commit()", "One commit.", rule="N+1 Commit", domain="Backend", severity="ERROR", confidence="Low", why="x")
    )
    assert (it.rule, it.domain, it.severity, it.confidence) == ("n-1-commit", Domain.BACKEND, Severity.ERROR, Confidence.LOW)
    assert TEXT[it.span.start : it.span.end] == it.quote == "db.commit()"
    assert it.parts.why == "x"
    assert not it.fixes


def test_white_space_may_differ():
    it = kept(remark("for order in orders:\n  order.paid = True  # 😀 done"))
    assert it.quote == "for order in orders:\n        order.paid = True  # 😀 done"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (remark("db.rollback()"), "quote is not in the file"),
        (remark("order"), "quote stands in several places"),
        (remark("  \n"), "quotes nothing"),
        (remark("x" * 5_000), "quote is too long"),
        (remark("db.commit()", message=" \n "), "says nothing"),
        (remark("db.commit()", rule="!?"), "says nothing"),
        (remark("db.commit()", severity="fatal"), "not a remark: severity"),
        (remark("db.commit()", domain="style"), "not a remark: domain"),
        ({"quote": "db.commit()"}, "not a remark: rule"),
        ({**remark("db.commit()"), "quote": ["db.commit()"]}, "not a remark: quote"),
    ],
)
def test_what_can_not_be_located_is_dropped_with_a_reason(said, reason):
    it = found(said)
    assert isinstance(it, Dropped)
    assert it.reason.startswith(reason)


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"quote": "\\ud800"}', "{" * 10_000, '{"quote": 1e999}'])
def test_what_is_no_remark_is_dropped(text):
    assert isinstance(parsed(text), Dropped)


def test_a_missing_part_costs_nothing_else():
    said = remark("db.commit()")
    for name in ("confidence", "security", "fix", "symbol"):
        del said[name]
    said["why"] = None
    it = kept({**said, "cwe": 79})
    assert (it.confidence, it.parts.why, it.fixes) == (Confidence.MEDIUM, "", ())


def test_the_selection_tells_equal_lines_apart():
    text = "a()\nb()\na()\n"
    assert isinstance(found(remark("a()"), text), Dropped)
    assert kept(remark("a()"), text, Span(4, len(text))).span == Span(8, 11)


def test_a_quote_outside_the_selection_is_found_in_the_file():
    assert kept(remark("db.commit()"), TEXT, Span(0, 14)).quote == "db.commit()"


def test_the_message_is_one_line():
    it = kept(remark("db.commit()", message="One\x1b[31m commit\nan\torder\u202e." + "x" * 500))
    assert it.message.startswith("One commit an order.x")
    assert len(it.message) == 300


def test_an_odd_symbol_is_not_taken():
    assert kept(remark("db.commit()", symbol="charge")).symbol == "charge"
    assert kept(remark("db.commit()", symbol="the `charge` function")).symbol == ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("unbounded-retry", "unbounded-retry"),
        ("UnboundedRetry", "unbounded-retry"),
        ("backend/N_plus_1 query!", "n-plus-1-query"),
        ("ARCH:Lost Task", "lost-task"),
        ("--", ""),
        ("x" * 90, "x" * 60),
    ],
)
def test_rule_names_are_kebab(name, expected):
    assert kebab(name) == expected


def test_a_fix_is_located_and_never_called_safe():
    it = kept(remark("db.commit()", fix=fix("Commit once", ("        db.commit()", "    db.commit()"))))
    (it_fix,) = it.fixes
    assert (it_fix.title, it_fix.safe, it_fix.by_model) == ("Commit once", False, True)
    assert apply(TEXT, it_fix.edits) == TEXT.replace("        db.commit()", "    db.commit()")


BLOCK = "def f():\n    if x:\n        a()\n        b()\n    return 1\n"


@pytest.mark.parametrize(
    ("quote", "replacement", "expected"),
    [
        ("a()", "c()", BLOCK.replace("a()", "c()")),
        ("        a()\n        b()\n", "        c()\n        d()\n", BLOCK.replace("a()", "c()").replace("b()", "d()")),
        ("a()\nb()", "c()\nd()", BLOCK.replace("a()", "c()").replace("b()", "d()")),
        ("a()", "c()\nd()", BLOCK.replace("a()", "c()\n        d()")),
        ("a()", "c()\n        d()", BLOCK.replace("a()", "c()\n        d()")),
        ("a()", "    c()\n    d()", BLOCK.replace("a()", "c()\n        d()")),
        ("a()", "for it in y:\n    c()", BLOCK.replace("a()", "for it in y:\n            c()")),
        ("a()", "for it in y:\n            c()", BLOCK.replace("a()", "for it in y:\n            c()")),
        ("        a()\n", "", BLOCK.replace("        a()\n", "")),
        ("a()\n        b()", "", BLOCK.replace("        a()\n        b()\n", "")),
        ("x:", "y:", BLOCK.replace("x:", "y:")),
        ("def f():", "import y\n\n\ndef f():", "import y\n\n\n" + BLOCK),
    ],
)
def test_a_fix_takes_the_indentation_of_the_file(quote, replacement, expected):
    assert fixed(BLOCK, (quote, replacement)) == expected


def test_a_fix_keeps_the_files_line_ends():
    assert fixed("a()\r\nb()\r\n", ("a()", "c()\nd()")) == "c()\r\nd()\r\nb()\r\n"


@pytest.mark.parametrize(
    "edits",
    [
        [("nowhere()", "x")],
        [("a()", "c()"), ("nowhere()", "x")],
        [("a()", "a()")],
        [("a()\n        b()", "c()"), ("b()", "d()")],
        [("a()", "c()  # \u202e reversed")],
        [("a()", "c()\x00")],
        [("a()", "c()")] * 21,
        [("a()", "x" * 30_000)],
        [("", "x")],
    ],
)
def test_a_fix_that_does_not_apply_can_still_be_read(edits):
    it = kept(remark("if x:", fix=fix("Mend it", *edits), instead="Do this."), BLOCK)
    assert not it.fixes
    assert it.parts.instead.startswith("Do this.")
    if edits[0][1].isprintable():
        assert edits[0][1][:4_000].split("  #")[0][:3_000] in it.parts.instead


async def test_a_fix_can_not_name_another_file():
    said = remark("db.commit()", fix=fix("Mend it", ("db.commit()", "pass")))
    said["fix"]["path"] = "../../etc/passwd"
    (it,) = (await outcome_of(Scripted([said]))).findings
    assert [edit.path for edit in it.fixes[0].edits] == [None]
    said["fix"]["edits"][0]["path"] = "../../etc/passwd"
    (it,) = (await outcome_of(Scripted([said]))).findings
    assert it.fixes == (), "an edit of a file that was not shown costs the fix"


async def test_thousands_are_counted_and_most_dropped():
    outcome = await outcome_of(Scripted([remark("nowhere()", str(n)) for n in range(3_000)]))
    assert not outcome.findings
    assert not outcome.error
    assert len(outcome.dropped) == 3_000
    assert {it.reason for it in outcome.dropped} == {"quote is not in the file", "beyond the first 100 remarks"}
    assert outcome.receipt is not None
    assert outcome.receipt.dropped == 3_000


async def test_the_same_said_twice_is_one_finding():
    outcome = await outcome_of(Scripted([remark("db.commit()"), remark("db.commit()", "Again.")]))
    assert len(outcome.findings) == 1
    assert outcome.dropped[0].reason == "said twice"


async def test_one_bad_remark_costs_no_other():
    text = '{"remarks": [{"quote": 1}, nonsense, {broken}, ' + json.dumps(remark("db.commit()")) + "]}"
    outcome, _ = await asked(Stream(text=text))
    assert len(outcome.findings) == 1
    assert len(outcome.dropped) == 2


async def test_an_answer_of_ten_megabytes_is_survived():
    outcome, _ = await asked(Stream(text='{"remarks": [{"quote": "' + "x" * 10_000_000 + '"}]}', chunk=100_000))
    assert "4,000,000 characters" in outcome.error or "4,000,000 characters" in outcome.notices[-1]


async def test_an_empty_list_is_a_clean_review():
    outcome, _ = await asked(Stream([]))
    assert not outcome.error
    assert outcome.receipt is not None
    assert outcome.receipt.complete


async def test_nothing_leaves_with_scripted_remarks():
    outcome = await outcome_of(Scripted([remark("db.commit()")]))
    assert len(outcome.findings) == 1
    assert outcome.receipt is not None
    assert (outcome.receipt.bytes_sent, outcome.receipt.to) == (0, "this machine")
