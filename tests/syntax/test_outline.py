"""What is read of other languages: definitions with their lines, imports, and who calls whom in one file."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from architect_lsp.syntax.languages import OTHERS, PYTHON, Language, language_of
from architect_lsp.syntax.outline import dotted, is_comment, n_errors, outline

SAMPLES = {it.stem: it for it in sorted((Path(__file__).parent / "samples").iterdir())}
BY_NAME = {it.name: it for it in OTHERS}

EXPECTED = {
    "csharp": """
        class OrderController 7-38
        method OrderController.OrderController 14-14
        method OrderController.Label 16-19 > OrderController.Format
        method OrderController.Total 21-28 > OrderController.Load, OrderController.WithTax, OrderController.Total.Sum
        function OrderController.Total.Sum 26-26
        method OrderController.Load 30-30
        method OrderController.Format 32-32
        method OrderController.WithTax 34-37
        class Line 40-40
        struct Money 42-45
        interface IPriced 47-50
        method IPriced.Total 49-49
        enum Status 52-52
        class Start 54-57
        method Start.Main 56-56 > OrderController.WithTax
        imports System, System.Math, System.Text.Json""",
    "go": """
        struct Server 10-13
        interface Store 15-18
        type Status 20-20
        method Server.Total 24-34 > Server.load, audit, withTax
        method Server.load 36-38
        struct Stack 40-40
        method Stack.Push 42-42
        function withTax 44-49 > withTax.round
        function withTax.round 45-47
        function audit 51-51
        function Map 53-55
        imports context, fmt, example.com/shop/db""",
    "java": """
        class OrderController 7-51
        method OrderController.OrderController 15-17
        method OrderController.total 19-24 > OrderController.load
        method OrderController.load 26-28
        method OrderController.price 30-32 > OrderController.rounded
        method OrderController.rounded 34-34
        class OrderController.Line 36-40
        method OrderController.Line.Line 37-39
        enum OrderController.Status 42-46
        method OrderController.Status.isDone 45-45
        interface OrderController.Audited 48-50
        interface Priced 53-57
        method Priced.total 54-54
        method Priced.label 56-56
        imports java.util.List, shop.Prices.withTax, shop.db""",
    "javascript": """
        function retry 7-17 > sleep
        function sleep 19-19
        function pages 21-23
        class Orders 25-39
        method Orders.handle 28-30 > Orders.#load
        method Orders.#load 32-34 > retry
        method Orders.size 36-38
        function Orders.prototype.reset 41-43
        function list 46-48 > Orders
        function show 49-49
        imports express, ./db, helmet""",
    "kotlin": """
        class OrderService 6-35
        method OrderService.tax 11-12 > OrderService.rate
        method OrderService.total 14-20 > OrderService.load, audit, OrderService.withTax
        method OrderService.load 22-22
        method OrderService.rate 24-26
        method OrderService.withTax 28-28 > OrderService.rounded
        method OrderService.rounded 30-30
        method OrderService.make 33-33 > OrderService
        interface Priced 37-41
        method Priced.total 38-38
        method Priced.label 40-40
        class Status 43-43
        class Start 45-50
        method Start.run 46-49 > OrderService.make, audit
        class Line 52-52
        function audit 54-54
        function checked 56-56
        imports kotlinx.coroutines.launch, shop.db""",
    "php": r"""
        class OrderController 10-40
        method OrderController.__construct 18-20
        method OrderController.total 22-29 > OrderController.load, rounded, OrderController.taxed
        method OrderController.load 31-34
        method OrderController.taxed 36-39
        interface Priced 42-45
        method Priced.total 44-44
        trait Audited 47-50
        method Audited.audit 49-49
        enum Status 52-57
        method Status.label 56-56
        function rounded 59-62
        function $handler 64-66 > OrderController
        imports App\Models\Order, App\with_tax, __DIR__ . '/prices.php'""",
    "ruby": """
        module Shop 4-51
        class Shop.OrdersController 8-44
        method Shop.OrdersController.show 12-15 > Shop.OrdersController.find_order, Shop.OrdersController.total
        method Shop.OrdersController.total 17-21 > Shop.OrdersController.price, Shop.with_tax
        method Shop.OrdersController.build 23-25
        method Shop.OrdersController.default 28-28 > Shop.OrdersController.build
        method Shop.OrdersController.find_order 33-35 > Shop.OrdersController.order_params
        method Shop.OrdersController.order_params 37-39
        method Shop.OrdersController.price 41-43
        function Shop.with_tax 48-50
        function main 53-55 > Shop.OrdersController.build
        imports json, lib/prices""",
    "rust": """
        struct Orders 6-10
        enum Failure 12-16
        trait Priced 18-24
        method Priced.price 19-19
        method Priced.label 21-23
        impl Orders 26-48
        method Orders.new 27-29 > Orders.checked
        method Orders.checked 31-33
        method Orders.total 35-43 > Orders.load, with_tax
        method Orders.load 45-47
        impl Orders 50-54
        method Orders.price 51-53
        function with_tax 56-58
        macro audited 60-62
        module tests 64-73
        function tests.adds_up 68-72 > Orders.new
        imports std::collections::{HashMap, HashSet}, crate::db::Pool, super::*""",
    "tsx": """
        interface Props 4-6
        function Line 8-11 > label
        function label 13-13
        function Basket 15-29 > Line
        function Basket.toggle 18-20
        constant Fast 31-33
        function Fast.Quick 31-33 > Basket
        class Page 35-41
        method Page.render 38-40 > Basket
        imports react, ./Cart""",
    "typescript": """
        class OrderService 7-34
        method OrderService.constructor 14-16
        method OrderService.total 18-26 > OrderService.price, withTax
        method OrderService.price 28-31
        method OrderService.make 33-33 > OrderService
        interface Priced 36-38
        type Row 40-40
        enum Currency 42-42
        function withTax 44-44
        module Reports 46-50
        function Reports.monthly 47-49 > OrderService.make
        constant list 52-54 > withTax
        function exports.legacy 56-59 > Reports.monthly
        imports express, ./db, ./errors, ./lazy""",
}
"""Language -> its sample's definitions with their lines (from 1, comments and decorators above included) > whom they call."""


def read(name: str) -> tuple[str, Language]:
    return SAMPLES[name].read_bytes().decode(), BY_NAME[name]


def table(text: str, language: Language) -> list[str]:
    found = outline(text, language)
    rows = []
    for it in found.items:
        called = dict.fromkeys(to.name for call in found.calls if call.inside is it and (to := found.target(call)))
        rows.append(f"{it.kind} {it.name} {it.first + 1}-{it.last + 1}" + (" > " + ", ".join(called) if called else ""))
    return [*rows, "imports " + ", ".join(found.imports)]


def test_every_language_has_a_sample() -> None:
    assert set(SAMPLES) == set(BY_NAME) == set(EXPECTED)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_is_read_whole(name: str, newline: str) -> None:
    text, language = read(name)
    text = text.replace("\n", newline)
    assert table(text, language) == [it.strip() for it in EXPECTED[name].strip().splitlines()]
    assert n_errors(text, language) == 0


@pytest.mark.parametrize("name", EXPECTED)
def test_places_count_code_points(name: str) -> None:
    text, language = read(name)
    moved = "\n".join(f"/* 😀 */ {it}" if "(" in it and it.startswith("  ") else it for it in text.split("\n"))
    if "#" in language.comments[0][0] or "/**" in moved.split("😀", 1)[0][-3:]:
        moved = text
    for source in (text, moved):
        lines = source.split("\n")
        for call in outline(source, language).calls:
            shown = "\n".join(lines[call.place.line : call.place.end_line + 1])[call.place.column :]
            shown = shown.removeprefix("new ").removeprefix("await ").lstrip("<@\\(")
            assert shown.startswith(call.callee.split(".")[0].split("(")[0]), (call, shown[:40])


@pytest.mark.parametrize("name", EXPECTED)
def test_half_typed_code_keeps_most_of_its_outline(name: str) -> None:
    """A statement that is being typed, anywhere, costs little; a file cut off anywhere still says what stands before."""
    text, language = read(name)
    lines = text.split("\n")
    whole = {it.name for it in outline(text, language).items}
    kept = [
        len(whole & {it.name for it in outline("\n".join([*lines[:at], "  order.", *lines[at:]]), language).items}) / len(whole)
        for at in range(len(lines))
    ]
    assert sum(kept) / len(kept) > 0.5
    for at in range(0, len(text), 7):
        before = text[:at].count("\n")
        complete = {
            it.name for it in outline(text, language).items if it.last < before and it.outer is None and it.kind != "constant"
        }
        assert not complete - {it.name for it in outline(text[:at], language).items}, at


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("text", ["", "\n", "\0\x01\xff", "\ud800", "😀" * 50, "{" * 5_000, "f(" * 5_000, "}"])
def test_odd_texts_have_an_outline(name: str, text: str) -> None:
    found = outline(text, BY_NAME[name])
    assert not [it for it in found.items if it.last > text.count("\n")]
    assert found.cuts


CALLEES = {
    "orders.total": "orders.total",
    "this . pool\n  ?.query<Row>": "this.pool.query",
    "find(1, (a) => { b(); }).map": "find().map",
    "rows[0].get": "rows[].get",
    "Vec::<u8>::new": "Vec.new",
    "$this->pool?->find": "$this.pool.find",
    "@repo&.find": "@repo.find",
    r"\App\helper": "App.helper",
    "a!!.b": "a.b",
    "record.save!": "record.save!",
    "(a ?? b)": "",
    "function () { x() }": "",
    "new Foo().bar": "",
    "": "",
}


@pytest.mark.parametrize(("text", "name"), CALLEES.items())
def test_a_callee_is_a_dotted_name_or_none(text: str, name: str) -> None:
    assert dotted(text) == name


def test_what_names_cannot_tell_is_not_guessed() -> None:
    """A method of the same name on another object, or a bare name that reaches no method, is no call of the method."""
    source = "class Box {\n  push(it) {}\n  all(list) { list.push(1); push(2); this.push(3); }\n}\nfunction push(it) {}\n"
    found = outline(source, BY_NAME["javascript"])
    assert [(it.callee, to.name if (to := found.target(it)) else None) for it in found.calls] == [
        ("list.push", None),
        ("push", "push"),
        ("this.push", "Box.push"),
    ]


def test_a_trailing_comment_belongs_to_its_own_line() -> None:
    source = "const a = 1; // of a\nfunction f() {}\n\n// alone\n\n// of g\n/** and\n more */\nfunction g() {}\n"
    assert [(it.name, it.first) for it in outline(source, BY_NAME["javascript"]).items] == [("f", 1), ("g", 5)]


def test_a_language_is_told_by_id_or_name() -> None:
    names = {
        ("a.py", "typescript"): "python",
        ("a.ts", ""): "typescript",
        ("a.ts", "typescript"): "typescript",
        ("Untitled-1", "rust"): "rust",
        ("a.CS", "some-mode"): "csharp",
        ("a", ""): "python",
        ("a.vue", "vue"): None,
    }
    for (name, id_), language in names.items():
        found = language_of(name, id_)
        assert (found.name if found else None) == language
    assert language_of("Untitled-1", "python") is PYTHON


def test_a_comment_is_told_from_text_that_looks_like_one() -> None:
    source = 'const a = <p>\n// shown\n</p>; // said\nconst b = "// quoted";\n'
    seen = [is_comment(source, source.index(it), BY_NAME["tsx"]) for it in ("shown", "said", "quoted")]
    assert seen == [False, True, False]


def test_text_that_would_take_too_long_is_given_up() -> None:
    """Kotlin's grammar recovers from errors in the square of the text's length."""
    broken = read("kotlin")[0] * 600
    began = time.monotonic()
    assert outline(broken, BY_NAME["kotlin"]).items == ()
    assert n_errors(broken, BY_NAME["kotlin"]) is None
    assert time.monotonic() - began < 20


def test_no_grammar_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, architect_lsp.server, architect_lsp.engine\n"
        "import architect_lsp.syntax.outline, architect_lsp.syntax.languages as l\n"
        "loaded = lambda: sorted(it for it in sys.modules if it in {x.grammar[0] for x in l.OTHERS})\n"
        "assert not loaded(), loaded()\n"
        "architect_lsp.syntax.outline.outline('package a', l.language_of('a.go'))\n"
        "assert loaded() == ['tree_sitter_go'], loaded()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
