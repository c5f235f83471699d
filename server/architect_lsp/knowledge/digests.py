"""What the names around a digest say: whether it keeps something safe, or only tells things apart, as any hash can."""

import ast
import re

from architect_lsp.knowledge.definitions import last_name
from architect_lsp.knowledge.reading import Reading, constant, dotted
from architect_lsp.patterns import regex

_ID = regex(r"(?:^|[._])(?:uu?)?ids?$|(?:^|[._])(?:doc|document|content|chunk|item|element|query)_hash$")
_OF_IDS = regex(r"_ids?\b")
_NOT_SECURITY = regex(
    r"cache|etag|checksum|fingerprint|thumbprint|uuid|bucket|dedup|content_?(?:hash|md5)|file_?(?:hash|md5|sha)|\bkey\b|_key\b|partition|shard|version"
    r"|_path\b|folder|revision|gravatar|avatar|colou?r|digest_of|slug|seed|stable|identifier|filename|file_name|git|commit|thumbnail"
    r"|(?:short|node|object|unique|build|static|asset|index|table|constraint|alias|task|dag|run)_?(?:id|name|hash)"
    r"|(?:base|doc|document|record|row|chunk|job|event|install|fields?|columns?|schema|query|response)_?(?:id|hash)\b|usage_data|get_?name\b"
    r"|md5sum|sha1sum|e_?mail_?hash|\bemail\b|pwned|breach|legacy|upgrade|(?:generate|make|compute|get|calc\w*)_hash|hash_?(?:file|bytes|str|dict|string|value|object)",
    re.IGNORECASE,
)

_SECURITY = regex(
    r"(?:^|_)(?:sign|signed|signature|hmac|mac|secret|token|auth\w*|verify|verified|signing|license)(?:_|$|\()", re.IGNORECASE
)
"""What says that a digest protects something after all."""
_PROTECTED = regex(
    r"passw|passphrase|pwd|secret|credential|signature|(?:^|[^a-z])sign(?:ed|ing)?(?:[^a-z]|$)|hmac|auth(?!or)|token(?!i[sz])"
    r"|session_?(?:key|id)|api_?key|licen[cs]e|(?:^|[^a-z])(?:otp|nonce|salt|private)(?:[^a-z]|$)|verif|login|certificate",
    re.IGNORECASE,
)
"""Words of what is kept safe."""
_USES = ("update", "hexdigest", "digest")
_NAMED_SO = regex(r"md5|sha_?1|(?:^|_)(?:pseudo|fake|synthetic|legacy|upgrade|old)_", re.IGNORECASE)
"""A class or function that is called after the hash leaves the choice to its callers, mostly a protocol's."""
_CONTENT = regex(r"(?:^|[._])(?:raw_)?(?:body|content|html|pdf|image|screenshot|page|blob|snapshot|file|bytes)$")
_SECRETS = regex(r"passw|pwd|secret|token|credential|otp|sign", re.IGNORECASE)
_SHORTENED = regex(r"hash|digest|fingerprint|short|suffix|prefix|mask|label", re.IGNORECASE)
"""A function of which a slice of a digest is a name for something, be it for a secret."""
_DEMANDED = regex(
    r"ntlm|ms_?chap|radius|kerberos|digest_?auth|wechat|weixin|wecom|dingtalk|alipay|tuya|miio|web_?socket|key_?wrap|cmac|_siv|sig_?v[12]",
    re.IGNORECASE,
)
"""Protocols, and services with one of their own, that say which primitive it is."""


def is_demanded(reading: Reading, path: str, node: ast.AST) -> bool:
    """Whether the primitive is a protocol's choice, by the names of the file and the function."""
    return bool(_DEMANDED.search(f"{path} {reading.qualname(node)}"))


def protects(reading: Reading, call: ast.Call) -> bool:
    """Whether the words around say that the digest keeps something safe: most tell things apart, and any hash does for that."""
    statement = next((it for it in reading.ancestors(call) if isinstance(it, ast.stmt)), call)
    said = [ast.unparse(statement), reading.qualname(call)]
    if isinstance(statement, ast.Assign):
        names = {dotted(it) for it in statement.targets} - {""}
        for it in reading.each(ast.Call):
            of_it = isinstance(it.func, ast.Attribute) and dotted(it.func.value) in names
            if of_it and last_name(it.func) in _USES and reading.function(it) is reading.function(call):
                said.append(ast.unparse(next((up for up in reading.ancestors(it) if isinstance(up, ast.stmt)), it)))
    return any(_PROTECTED.search(it) for it in said)


def is_harmless(reading: Reading, path: str, call: ast.Call) -> bool:
    """Whether the names around say that the digest only tells things apart."""
    function = reading.function(call)
    named = function.name if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else ""
    if "upgrade" in named:
        return True  # the old form is read once more, to be left
    if _is_cut(reading, call) and _SHORTENED.search(named):
        return True
    if _SECURITY.search(named):
        return False
    if isinstance(reading.parent(call), ast.Return):
        return True  # whoever calls it chose this hash, mostly a protocol
    above: ast.AST = call
    for up in reading.ancestors(call):
        below, above = above, up
        if isinstance(up, ast.Subscript) and isinstance(up.slice, ast.Slice):
            return True  # a shortened digest is a name
        if isinstance(up, ast.Assign | ast.AnnAssign):
            targets = up.targets if isinstance(up, ast.Assign) else [up.target]
            if any(_NOT_SECURITY.search(ast.unparse(it)) or _ID.search(ast.unparse(it)) for it in targets):
                return True
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and any(
                f"{dotted(it)}.hexdigest()[:" in reading.source(function) or _names(function, dotted(it))
                for it in targets
                if dotted(it)
            ):
                return True
        elif isinstance(up, ast.Return) and _OF_IDS.search(ast.unparse(call)):
            return True  # an id made of ids
        elif _says_harmless(up, below):
            return True
    if _NAMED_SO.search(reading.unit.scope):
        return True
    hashed = ast.unparse(call)
    if re.search(r"nonce.*timestamp|timestamp.*nonce", ast.unparse(function or call), re.DOTALL):
        return True  # what a callback is signed with: whoever calls chose it
    return "cache" in path or bool(_NOT_SECURITY.search(f"{reading.unit.scope} {hashed}"))


def _names(function: ast.FunctionDef | ast.AsyncFunctionDef, digest: str) -> bool:
    """Whether what the digest gives is called an id: `order_id = md5.hexdigest()`."""
    assigned = (
        it for it in ast.walk(function) if isinstance(it, ast.Assign) and f"{digest}.hexdigest()" in ast.unparse(it.value)
    )
    return any(re.search(r"(?:^|_)id$", dotted(target)) for it in assigned for target in it.targets)


def _says_harmless(up: ast.AST, below: ast.AST) -> bool:
    """Whether the name that `up` gives to what is below it says so."""
    if isinstance(up, ast.If | ast.IfExp):
        return bool(_NOT_SECURITY.search(ast.unparse(up.test)))
    if isinstance(up, ast.Dict):
        return any(it is below and _NOT_SECURITY.search(str(constant(key))) for key, it in zip(up.keys, up.values, strict=True))
    if isinstance(up, ast.keyword):
        return bool(_NOT_SECURITY.search(up.arg or ""))
    if isinstance(up, ast.FunctionDef) and _NAMED_SO.search(up.name) and not _holds_secret(up):
        return True
    if isinstance(up, ast.ClassDef) and _NAMED_SO.search(up.name):
        return True
    return isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and bool(_NOT_SECURITY.search(up.name))


def _holds_secret(function: ast.FunctionDef) -> bool:
    """Whether one of the function's parameters, or its name, is a secret's."""
    return any(
        _SECRETS.search(it)
        for it in (function.name, *(each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)))
    )


def _is_cut(reading: Reading, call: ast.Call) -> bool:
    """Whether only the beginning of a digest is kept, too short to protect anything: `.hexdigest()[:8]`."""
    cut = next((it for it in reading.ancestors(call) if isinstance(it, ast.Subscript | ast.stmt)), None)
    size = constant(cut.slice.upper) if isinstance(cut, ast.Subscript) and isinstance(cut.slice, ast.Slice) else None
    return isinstance(size, int) and 0 < size <= 16
