"""A secret is written to the log.

Why: logs are copied to more places, kept longer and read by more people than the secret was meant for; a log that leaks is then a
list of passwords and tokens.
Instead: log what identifies, not what opens.

    try:
        client.authenticate(token)
    except AuthError:
        logger.warning("authentication of %s failed (token ...%s)", user.id, token[-4:])
        raise

Trade-offs: a filter on the handler that masks known fields catches what slips through, and is no reason to log them.
Tests: log in with a known password and assert that no record holds it.
Security: whoever reads logs acts as others.
Observability: an id of the key or the token, or its hash, tells which one it was.
Source: CWE-532; https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import definitions
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C4", "D4"],
    cwe=532,
    needs=["log", "print("],
    bad=[
        Bad("""
import logging

logger = logging.getLogger(__name__)

def login(name, password, config):
    logger.info("login of %s with %s", name, [|password|])
    logger.debug(f"key: {[|config.api_key|]}")
    logging.error("refused " + [|config["client_secret"]|])
"""),
        Bad("""
import logging

log = logging.getLogger("access")

async def dispatch(request, call_next):
    response = await call_next(request)
    log.info("%s %s %s", request.method, response.status_code, [|request.headers.get("authorization")|])
    log.info("%s", request.headers.get("x-request-id"))
    return response
"""),
        Bad("""
import os

def connected():
    api_key = os.environ["API_KEY"]
    print(f"connecting with {[|api_key|]}")
    return api_key
"""),
    ],
    good=[
        """
import logging

logger = logging.getLogger(__name__)

def imported(rows):
    created_credentials = 0
    for row in rows:
        created_credentials += 1
    logger.info("created=%d", created_credentials)
""",
        """
import logging

logger = logging.getLogger(__name__)

def login(name, password, tokens, config, pwd):
    logger.info("working folder %s", pwd)
    logger.info("login of %s, password of %d characters", name, len(password))
    logger.info("password %s", "set" if password else "missing")
    logger.debug("used %s tokens of %s", tokens, config.max_tokens)
    logger.info("token %s", mask(config.token))
    logger.info("token ...%s", config.token[-4:])
    logger.info("secret %s", config.secret_name)
    logger.info("has password: %s", bool(password) and config.password_is_set)

def fetched(client, names):
    found = {}
    for secret in names:
        found[secret] = client.get_secret(secret)
        logger.info("read %s", secret)
    return found
""",
        """
import hashlib
import secrets

def connected(api_key, metadata, logger):
    shown_api_key = api_key
    if isinstance(shown_api_key, str):
        shown_api_key = shown_api_key[:4] + "*" * 8
    logger.debug("connecting with %s", shown_api_key)
    token_secret = hashlib.sha256(api_key.encode()).hexdigest()
    logger.debug("key %s", token_secret)
    user_api_key = metadata.get("user_api_key")
    logger.debug("used by %s", user_api_key)

def created():
    password = secrets.token_urlsafe()
    print(f"the new password is {password}")
""",
    ],
)

_LEVELS = ("debug", "info", "warning", "warn", "error", "critical", "exception", "log", "success", "trace", "fatal")
_LOGGERS = regex(r"(?:^|[_.])(?:log|logger|logging|_?log|LOG|LOGGER)$|logger$", re.IGNORECASE)
_SECRET = regex(
    r"(?:^|_)(?:password|passwd|passphrase|(?:user|admin|db|database|mail|smtp|ftp|ssh|root|login)_?pwd|secret|api_?key|apikey|access_?token|refresh_?token|auth_?token|bearer_?token|id_?token"
    r"|private_?key|secret_?key|client_?secret|session_?token|credentials|jwt|authorization|otp_?code|ssn|credit_?card(?:_?number)?|cvv)$",
    re.IGNORECASE,
)
_NOT = regex(
    r"^(?:hashed|masked|redacted|encrypted|has|is|num|no|use|max|public|hide|hidden|safe)_|(?:^|_)public_", re.IGNORECASE
)


_MASKS = regex(
    r"\[-?\d*:-?\d*\]|['\"][*x.]{3,}|['\"]\*['\"] \*"
    r"|(?:mask|redact|hash|digest|obfuscat|sanit|censor|truncat|fingerprint|encrypt|sha\d+|md5)\w*\("
    r"|\bmetadata(?:\.get\(|\[)",
    re.IGNORECASE,
)
"""What hides a secret: a slice, stars, a digest. Metadata of a record names a secret and does not hold it."""
_GETS = regex(r"(?:^|\.)(?:headers|cookies|environ|META)\.get$|(?:^|\.)getenv$")
"""Calls that give one of what a request or a process was given."""
_ASKED_FOR = regex(r"(?:log|show|print|reveal|display)_?(?:credential|password|secret|token|key)", re.IGNORECASE)
"""A switch by which somebody asks for it."""
_TERMINALS = ("argparse", "click", "typer", "fire", "cmd", "getpass", "optparse", "docopt", "rich", "questionary")
_MADE = regex(r"__main__|secrets\.|token_(?:hex|urlsafe)|generate|input\(|example|sample", re.IGNORECASE)
"""What shows a secret to who asked for a new one, or who sits before it."""


def _is_for_terminals(facts: Facts) -> bool:
    return any(target.partition(".")[0] in _TERMINALS for _, target in facts.imports)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Log lines that hold a secret as it is."""
    if is_script(view.path):
        return  # it shows what its user asked for
    for call in view.reading.each(ast.Call):
        if isinstance(call.func, ast.Name) and call.func.id == "print":
            found = next((each for it in call.args for each in _shown(it) if not _is_masked(view, each)), None)
            if (
                found is not None
                and not view.project.of_file(view.path, _is_for_terminals)
                and not _MADE.search(view.reading.unit.text)
            ):
                yield Hit(
                    found, f"`{_name(found)}` is printed, and kept by whatever collects the output; print what identifies it."
                )
            continue
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _LEVELS:
            continue
        if not _LOGGERS.search(dotted(call.func.value)) and not view.callee(call).startswith(("logging.", "loguru.")):
            continue
        for it in (*call.args, *(k.value for k in call.keywords if k.arg not in ("exc_info", "stack_info"))):
            found = next((each for each in _shown(it) if not _is_masked(view, each)), None)
            if found is not None:
                yield Hit(
                    found, f"`{_name(found)}` is written to the log, where it is kept and read by others; log what identifies it."
                )
                break


def _shown(node: ast.expr) -> Iterator[ast.expr]:
    """The secrets whose text the expression gives."""
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        name = _name(node)
        is_constant = isinstance(node, ast.Name) and name.isupper()  # mostly the name of a setting or a route
        if _SECRET.search(name) and not _NOT.search(name) and not is_constant:
            yield node
    elif isinstance(node, ast.Call) and _GETS.search(dotted(node.func)):
        if _SECRET.search(_name(node)):
            yield node
    elif isinstance(node, ast.JoinedStr):
        for it in node.values:
            if isinstance(it, ast.FormattedValue):
                yield from _shown(it.value)
    elif isinstance(node, ast.BinOp):
        yield from _shown(node.left)
        yield from _shown(node.right)
    elif isinstance(node, ast.Tuple | ast.List):
        for element in node.elts:
            yield from _shown(element)
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from _shown(value)
    elif isinstance(node, ast.Call) and (
        dotted(node.func) in ("str", "repr") or dotted(node.func).endswith(".format") or _is_format(node)
    ):
        for argument in (*node.args, *(it.value for it in node.keywords)):
            yield from _shown(argument)


def _is_masked(view: View, node: ast.expr) -> bool:
    """Whether the name holds what was made of the secret to be shown, or what tells of it, somewhere before."""
    name = dotted(node)
    function = view.reading.function(node)
    rows = definitions(view.reading, function).get(name, ()) if name else ()
    if isinstance(node, ast.Name) and any(
        isinstance(it.slice, ast.Name) and it.slice.id == name and view.reading.function(it) is function
        for it in view.reading.each(ast.Subscript)
    ):
        return True  # a key by which a secret is looked up is its name
    if any(it.how in ("set", "add") and isinstance(constant(it.value), int) for it in rows):
        return True  # how many there are
    tests = (it.test for it in view.reading.ancestors(node) if isinstance(it, ast.If))
    if any(_ASKED_FOR.search(ast.unparse(it)) for it in tests):
        return True
    return any(it.how == "set" and it.value is not None and _MASKS.search(ast.unparse(it.value)) for it in rows)


def _is_format(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and node.func.attr == "format"


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        said = constant(node.args[0]) if node.args else None
        return said.replace("-", "_") if isinstance(said, str) else ""
    if isinstance(node, ast.Subscript):
        return node.slice.value if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str) else ""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
