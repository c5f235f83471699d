"""What one visitor was shown is kept for all: the cached function looks at the request, and the cache's key does not.

Why: `functools.lru_cache` tells calls apart by their arguments, and Flask-Caching's `cached` by the path. `current_user`, `g`,
a header or a cookie that the function reads on its own is in neither, so the first visitor's answer goes to everybody.
Instead: hand in what the answer depends on, so that it is part of the key.

    @lru_cache(maxsize=1024)
    def permissions(user_id: int) -> frozenset[str]:
        ...

    permissions(current_user.id)

Consequences: it shows only with two users at once and a warm cache, so no test and no developer sees it.
Trade-offs: an entry for each user takes more memory and is hit less often; keep the part that is the same for all apart.
Tests: call it as one user and then as another, and assert that the second sees their own rows.
Security: a page of another user's data, handed out by the service itself.
Observability: log the cache's hits with the user's id for a while; a hit on a key that another user made is this.
Source: https://cwe.mitre.org/data/definitions/524.html; https://flask-caching.readthedocs.io/en/latest/#caching-view-functions
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Function, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A3", "A2", "D4", "B5"],
    cwe=524,
    needs=["cache", "memoize"],
    bad=[
        Bad("""
from functools import lru_cache
from flask import g, request
from flask_login import current_user

@[|lru_cache(maxsize=128)|]
def permissions():
    return load(current_user.id)

@[|lru_cache|]
def language(default):
    return request.headers.get("Accept-Language", default)
"""),
        Bad("""
from flask import Flask
from flask_caching import Cache
from flask_login import current_user, login_required

app = Flask(__name__)
cache = Cache(app)

@app.route("/orders")
@login_required
@[|cache.cached(timeout=60)|]
def orders():
    return render_template("orders.html", orders=current_user.orders)
"""),
    ],
    good=[
        """
from functools import lru_cache
from flask import Flask, g, request
from flask_caching import Cache
from flask_login import current_user

app = Flask(__name__)
cache = Cache(app)

@lru_cache(maxsize=128)
def permissions(user_id):
    return load(user_id)

@lru_cache
def menu(user_id):
    return load(g.user.id)

@lru_cache
def handler(request):
    return request.user

@app.route("/orders")
@cache.cached(timeout=60, key_prefix=lambda: f"orders/{current_user.id}")
def orders():
    return current_user.orders

@app.route("/mine")
@cache.cached(timeout=60, unless=lambda: current_user.is_authenticated)
def mine():
    return current_user.orders

@app.route("/search")
@cache.cached(query_string=True)
def search():
    return find(request.args["q"])

@app.route("/kinds")
@cache.cached()
def kinds():
    return find(request.path)

def plain():
    return current_user.id
""",
    ],
)

_KEPT = regex(
    r"functools\.(?:lru_cache|cache)|cachetools\.func\.\w+_cache|flask_caching\.(?:[\w.]+\.)?Cache(?:\(\))?\.(?:cached|memoize)"
)
_KEYED = ("key_prefix", "make_cache_key", "unless")
"""Arguments of Flask-Caching that may tell users apart."""
_TOLD = regex(r"user|account|owner|tenant|identity|session|token")
"""A parameter that makes who asks a part of the key."""
_USER = regex(r"flask_login\.current_user|flask_(?:security|jwt_extended)\.current_user|flask\.session")
_REQUEST = regex(r"flask\.(?:globals\.)?(?:g|request)")
_OF_USER = regex(r"\.(?:headers|cookies|authorization|remote_addr|user|current_user|user_id)\b")
_OF_PATH = regex(
    r"\.(?:headers|cookies|authorization|remote_addr|user|current_user|user_id|args|values|form|json|path|view_args)\b"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Cached functions that look at who asks without being told."""
    reading = view.reading
    for function in reading.functions:
        for it in function.decorator_list:
            call = it if isinstance(it, ast.Call) else None
            name = view.name(call.func if call else it)
            if not _KEPT.fullmatch(name) or (call and any(keyword(call, key) is not None for key in _KEYED)):
                continue
            by_path = name.endswith(".cached")
            if not by_path and any(
                _TOLD.search(argument.arg) for argument in ast.walk(function.args) if isinstance(argument, ast.arg)
            ):
                continue
            found = _looked_at(view, function, _OF_USER if by_path else _OF_PATH)
            if found:
                told = "path" if by_path else "arguments"
                yield Hit(it, f"`{function.name}` looks at `{found}`, and this cache tells calls apart by their {told} alone.")


def _looked_at(view: View, function: Function, of_request: re.Pattern[str]) -> str:
    """What the function reads of the visitor that stands in no argument, as written; "" for nothing."""
    for node in view.reading.within(function):
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load) or view.reading.function(node) is not function:
            continue
        name = view.name(node)
        whole: ast.AST = node
        while isinstance(up := view.reading.parent(whole), ast.Attribute):
            whole = up
        written = dotted(whole)
        if _USER.fullmatch(name) or (_REQUEST.fullmatch(name) and of_request.search(written)):
            return written
    return ""
