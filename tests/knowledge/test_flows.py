"""Values are followed to where they come from, and no further."""

from __future__ import annotations

import ast
import textwrap

import pytest

from architect_lsp.knowledge.flows import origins, pieces
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.reading import Reading
from architect_lsp.syntax.units import Tree, parsed


def reading_of(code: str) -> Reading:
    unit = Tree(textwrap.dedent(code).strip("\n") + "\n").units()[0]
    tree = parsed(unit)
    assert tree is not None
    return Reading(unit, tree)


def last_argument(reading: Reading) -> ast.expr:
    calls = [it for it in reading.each(ast.Call) if isinstance(it.func, ast.Name) and it.func.id == "sink"]
    return max(calls, key=lambda it: it.lineno).args[0]


def check(code: str, *expected: str) -> None:
    """`kind:name` of each origin of what the last `sink(...)` is given."""
    reading = reading_of(code)
    assert [f"{it.kind}:{it.name}" for it in origins(reading, last_argument(reading))] == list(expected)


@pytest.mark.parametrize(
    "text",
    [
        "f'a {x} b'",
        "'a ' + x",
        "'a %s' % x",
        "'a %(k)s' % {'k': x}",
        "'a {}'.format(x)",
        "'a {k}'.format(k=x)",
        "','.join([x])",
        "x.strip().lower()",
        "str(x)",
        "[x][0]",
        "{'k': x}['k']",
        "x if flag() else 'no'",
        "', '.join(f'{it}!' for it in x)",
    ],
)
def test_a_parameter_is_seen_through_what_is_built_from_it(text: str) -> None:
    check(f"def f(x):\n    made = {text}\n    sink(made)", "parameter:x")


@pytest.mark.parametrize("text", ["int(x)", "f'{x:d}'", "'%d' % x", "uuid.UUID(x)", "len(x)", "x > 1", "','.join(map(int, x))"])
def test_a_number_is_checked(text: str) -> None:
    reading = reading_of(f"def f(x):\n    sink({text})")
    assert {it.kind for it in origins(reading, last_argument(reading))} == {"checked"}


@pytest.mark.parametrize("text", ["shlex.quote(x)", "'ls ' + shlex.quote(x.strip())", "[shlex.quote(it) for it in x]"])
def test_an_escaped_value_says_what_it_went_through(text: str) -> None:
    reading = reading_of(f"def f(x):\n    sink({text})")
    assert [(it.name, it.through) for it in origins(reading, last_argument(reading))] == [("x", ("shlex.quote",))]


def test_the_last_assignment_hides_the_earlier_ones() -> None:
    check("def f(x, y):\n    a = x\n    a = y\n    sink(a)", "parameter:y")
    check("def f(x, y):\n    a = x\n    if y:\n        a = y\n    sink(a)", "parameter:x", "parameter:y")
    check("def f(x, y):\n    if y:\n        a = x\n    else:\n        a = y\n        sink(a)", "parameter:y")


def test_a_branch_that_never_runs_gives_nothing() -> None:
    check("def f(x):\n    n = 7\n    if n * 2 > 20:\n        a = x\n    else:\n        a = 'no'\n    sink(a)")
    check("def f(x):\n    a = x if 1 > 2 else 'no'\n    sink(a)")


def test_containers_are_kept_apart_by_their_literal_keys() -> None:
    check("def f(x):\n    d = {}\n    d['a'] = x\n    d['b'] = 'no'\n    sink(d['b'])")
    check("def f(x):\n    d = {}\n    d['a'] = x\n    d['b'] = 'no'\n    sink(d['a'])", "parameter:x")
    check("def f(x):\n    a = []\n    a.append('no')\n    a.append(x)\n    a.pop(0)\n    sink(a[0])", "parameter:x")


@pytest.mark.parametrize(
    "guard",
    [
        "if x not in ALLOWED:\n        raise ValueError",
        "if not x.isdigit():\n        return",
        "if not re.fullmatch('[a-z]+', x):\n        abort(400)",
        "assert x in ALLOWED",
        "check_name(x)",
        "if x == 'all':\n        y = 1\n    else:\n        if x not in ALLOWED:\n            x = 'id'",
        "if x in ALLOWED:\n        y = 1\n    else:\n        raise ValueError",
        "if not len(allowed(x)):\n        return",
        "if is_unsafe(x):\n        return",
        "if illegal_name(x):\n        raise ValueError",
    ],
)
def test_a_guard_that_leaves_vouches_for_the_value(guard: str) -> None:
    check(f"def f(x):\n    {guard}\n    sink(x)", "checked:x")


@pytest.mark.parametrize(
    ("guard", "by"),
    [
        ("if '..' in x:\n        return", "guard.without"),
        ("if not x.startswith('/srv/'):\n        return", "guard.startswith"),
        ("full = os.path.realpath(x)\n    if os.path.commonpath([full, ROOT]) != ROOT:\n        return", "guard.startswith"),
        ("full = pathlib.Path(x).resolve()\n    if not full.is_relative_to(ROOT):\n        return", "guard.startswith"),
        ("if any(it in x for it in BAD):\n        return", "guard.without"),
    ],
)
def test_a_check_of_some_uses_is_named(guard: str, by: str) -> None:
    reading = reading_of(f"def f(x):\n    {guard}\n    sink(x)")
    assert [(it.name, it.through) for it in origins(reading, last_argument(reading))] == [("x", (by,))]


@pytest.mark.parametrize(
    "guard",
    [
        "if urlparse(x).hostname not in HOSTS:\n        return",
        "parts = urlsplit(x)\n    if parts.netloc != 'example.com':\n        raise ValueError",
        "try:\n        int(x)\n    except ValueError:\n        return",
        "if ipaddress.ip_address(x).is_private:\n        return",
    ],
)
def test_a_check_of_what_was_parsed_vouches_for_the_text(guard: str) -> None:
    check(f"def f(x):\n    {guard}\n    sink(x)", "checked:x")


def test_a_check_of_the_scheme_says_nothing_of_the_host() -> None:
    check("def f(x):\n    if urlparse(x).scheme not in ('http', 'https'):\n        return\n    sink(x)", "parameter:x")


def test_a_check_in_one_of_two_branches_says_nothing() -> None:
    check("def f(x, y):\n    if y:\n        check(x)\n    else:\n        y = 1\n    sink(x)", "parameter:x")


def test_a_guard_says_nothing_of_a_later_value() -> None:
    check("def f(x, y):\n    if x not in ALLOWED:\n        return\n    x = y\n    sink(x)", "parameter:y")


def test_the_way_from_a_call_to_the_value_is_named() -> None:
    code = "def f(client):\n    answer = make().send(1)\n    for block in answer.content:\n        sink(block.input['q'])"
    check(code, "call:make().send().content.input")
    check("def f(request):\n    sink(request.args.get('q').strip())", "parameter:request.args.get()")


def test_text_and_origins_keep_their_order() -> None:
    reading = reading_of("def f(x, y):\n    q = 'a=' + x\n    q += f', b={y}'\n    sink(q)")
    found = [it.name if isinstance(it, Origin) else it for it in pieces(reading, last_argument(reading))]
    assert found == ["a=", "x", ", b=", "y"]


def test_a_query_that_many_branches_narrow_is_followed_in_no_time() -> None:
    branches = "".join(f"    if a{n}:\n        q = q.filter(x{n})\n" for n in range(30))
    reading = reading_of(f"def f(session):\n    q = session.query(Row)\n{branches}    sink(q.all())")
    assert {it.name.partition("(")[0] for it in origins(reading, last_argument(reading))} <= {"session.query", ""}


def test_a_value_made_of_itself_ends() -> None:
    check("def f(x):\n    a = ''\n    for it in x:\n        a = a + it\n    sink(a)", "parameter:x")


def test_a_value_that_is_set_anew_wherever_it_holds_anything_is_the_new_one() -> None:
    check("def f(x, y):\n    if x is not None:\n        x = y\n    sink(x)", "parameter:y")
    check("def f(x, y):\n    if x:\n        x = y\n    sink(x)", "parameter:y")
    check("def f(x, y):\n    if y:\n        x = y\n    sink(x)", "parameter:x", "parameter:y")
