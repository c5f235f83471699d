"""Secrets out before text leaves the machine, placeholders in; and back again where code is quoted or written.

A secret is what looks like one by its own form (keys of providers, private keys, tokens, passwords in addresses; more forms are
in `detectors.py`) or what is written down under a name that says so. Better one placeholder too many than a password sent: the
reviewer can tell that a secret is written down there, which is all it needs. Pure.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from architect_lsp.model import Span
from architect_lsp.patterns import regex
from architect_lsp.review.detectors import detected

# kind, what such a text must hold (one of these words; a cheap first look), form; the group `secret` is the part to hide
_FORM_SOURCES = (
    (
        "private key",
        "PRIVATE KEY",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[\s\S]{0,20000}?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|(?:(?:\s|\\n|[\"'+])*[A-Za-z0-9+/]{16,}={0,2})*)",
    ),
    ("age key", "AGE-SECRET", r"\bAGE-SECRET-KEY-1[0-9A-Z]{40,}"),
    ("Anthropic key", "sk-ant-", r"\bsk-ant-[\w-]{16,}"),
    ("OpenAI-like key", "sk-", r"\bsk-(?:proj-|svcacct-|admin-|or-v1-|lf-)?[\w-]{20,}"),
    (
        "provider key",
        "xai- gsk_ r8_ pplx- nvapi- tvly- lsv2_",
        r"\b(?:xai-|gsk_|r8_|pplx-|nvapi-|tvly-|lsv2_(?:pt|sk)_)[\w-]{20,}",
    ),
    ("Hugging Face token", "hf_", r"\bhf_[A-Za-z0-9]{30,}"),
    ("AWS key id", "AKIA ASIA ABIA ACCA", r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b"),
    ("Google key", "AIza ya29. GOCSPX-", r"\bAIza[\w-]{35}|\bya29\.[\w-]{20,}|\bGOCSPX-[\w-]{20,}"),
    (
        "Azure storage key",
        "AccountKey= SharedAccessKey=",
        r"(?<=AccountKey=)[A-Za-z0-9+/=]{40,}|(?<=SharedAccessKey=)[A-Za-z0-9+/=]{40,}",
    ),
    ("signature in an address", "sig= Signature=", r"(?<=[?&]sig=)[\w%+/=-]{20,}|(?<=X-Amz-Signature=)[0-9a-f]{32,}"),
    ("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{40,}"),
    ("GitLab token", "gl", r"\bgl(?:pat|dt|rt|cbt|ptt|oas|ft|imt|agent|soat)-[\w-]{20,}"),
    (
        "Slack token",
        "xox xapp- hooks.slack",
        r"\bxox[a-z]-[\w-]{10,}|\bxapp-[\w-]{10,}|https://hooks\.slack\.com/(?:services|workflows)/[\w/-]+",
    ),
    ("Discord webhook", "/api/webhooks/", r"https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/[\w/-]+"),
    ("Telegram token", ":", r"\b\d{8,10}:[A-Za-z0-9_-]{35}\b"),
    ("Stripe key", "_live_ _test_ whsec_", r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}|\bwhsec_[\w+/=-]{16,}"),
    ("SendGrid key", "SG.", r"\bSG\.[\w-]{16,}\.[\w-]{16,}"),
    ("Mailgun key", "key-", r"\bkey-[0-9a-f]{32}\b"),
    ("Twilio key", "SK AC", r"\b(?:SK|AC)[0-9a-f]{32}\b"),
    (
        "package registry token",
        "npm_ pypi- rubygems_ dckr_",
        r"\bnpm_[A-Za-z0-9]{36}|\bpypi-[\w-]{40,}|\brubygems_[0-9a-f]{40,}|\bdckr_(?:pat|oat)_[\w-]{20,}",
    ),
    (
        "cloud token",
        "_v1_ dapi hvs. hvb. hvr. dp. sbp_",
        r"\bdo[opr]_v1_[0-9a-f]{60,}|\bdapi[0-9a-f]{32}|\bhv[sbr]\.[\w-]{20,}|\bdp\.(?:pt|st|sa)\.[\w.-]{30,}|\bsbp_[0-9a-f]{40}",
    ),
    ("shop token", "shp sq0 EAAA", r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|\bsq0(?:atp|csp)-[\w-]{20,}|\bEAAA[\w-]{50,}"),
    (
        "service token",
        "lin_api_ ntn_ sntrys_ glsa_ phx_ PMAK-",
        r"\blin_api_\w{30,}|\bntn_\w{40,}|\bsntrys_[\w+/=]{40,}|\bglsa_\w{30,}|\bphx_\w{30,}|\bPMAK-[\w-]{40,}",
    ),
    ("JSON web token", "eyJ", r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),
    ("password in an address", "://", r"(?<=://)(?:[^\s:/@'\"<>{}]{0,100}):(?P<secret>[^\s'\"<>{}]{1,200}?)@(?=[\w\[%{.-])"),
    ("authorization header", "earer asic EARER ASIC", r"(?i:\b(?:bearer|basic)[ ]+)(?P<secret>[\w.~+/-]{16,}=*)"),
    (
        "password in an address",
        "=",
        r"(?i:[?&;](?:password|passwd|pwd|api_?key|access_?token|token|secret)=)(?P<secret>[^\s&;'\"<>{}]{4,})",
    ),
)
_FORMS = tuple((kind, marks.split(), regex(form)) for kind, marks, form in _FORM_SOURCES)

# A name is looked at only where one of these letters stands: looking for all names at once is ten times slower.
_STEM = regex("pass|pwd|secret|token|key|cred|otp|salt|pepper|auth|cookie|session|sig|nonce|seed|dsn|hash")
_LOWER = {ord(it): it.lower() for it in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_STRING = r"""(?P<prefix>[rRbBuUfF]{0,2})(?P<quote>\"{3}|'{3}|"|'|`)(?P<value>(?:\\.|(?!(?P=quote))[^\\\n])*?)(?P=quote)"""
_ASSIGNED = regex(
    # password = "...", password: str = "...", "password": "...", password="...", == "...", environ.get("PASSWORD", "...")
    r"(?P<name>[A-Za-z][\w-]{0,60})['\"]?\]?\s{0,3}"
    # and in other languages: let key: &'static str = "...", var password string = "...", 'password' => "...", API_KEY ?? "..."
    r"(?:(?::\s*[&\w.\[\]|, \"']{1,60}?|\w{1,20}\s)?(?:=>|=|:=|==|!=|\?\?=?|\|\|=?)|:|,)\s*"
    r"(?:[^\n#]{0,100}?(?:\bor|\belse|\blambda:)\s+)?(?:\(\s*|(?:[\w.:]+\(\s*){1,3})?" + _STRING
)
_BEFORE = regex(r"[\w.-]+\Z")
_TELLING = regex(
    r"(?:(?i:passwords?|passwd|passphrases?|passcodes?|passkeys?|pwd|secrets?|tokens?|apikeys?|credentials?|otp[_-]?seed"
    r"|(?:api|access|private|secret|signing|encryption|master|account|fernet|hmac|jwt|auth)[_-]?keys?)|(?<![A-Za-z])(?i:pass))(?![a-z])"
)
"""A name with one of these words says that its value is secret."""

_HINTING = regex(
    r"(?:(?<![A-Za-z])(?i:keys?|salt|pepper|auth|cookie|session|signature|sig|nonce|seed|creds?|dsn|hash)"
    r"|(?<=[a-z])(?:Key|Salt|Pepper|Auth|Signature|Seed|Hash))\Z"
)
"""A name that ends with one of these words may; then the value has to look like it."""

_WRAPPED = regex(
    r"\b(?P<name>SecretStr|SecretBytes|Secret|Fernet|HTTPBasicAuth|BasicAuth|hmac\.new|jwt\.(?:encode|decode)(?=\([^,()]{1,80},))"
    r"\(\s*(?:(?<=\()[^,()\"']{1,80},\s*)?" + _STRING
)
_BARE = regex(  # an environment file's line, in a comment or a text
    r"(?m)(?P<name>\b[A-Z][A-Z0-9_]{0,60}?(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_KEY|SECRET_KEY))=(?P<value>[^\s\"'#(){}\[\],]{6,})"
)
_NEXT_STRING = regex(r"\s*" + _STRING)
_HARMLESS_END = regex(
    r"(?:ur[il]|path|file(?:name)?|name|field|type|header|prefix|suffix|label|error|errors|message|msg|help|title|description|hint"
    r"|regex|pattern|format|algorithm|alg|env|var|column|table|scheme|schemes|scope|scopes|endpoint|route|policy|class|model|view|limit"
    r"|length|len|count|ttl|expiry|expires(?:_in)?|lifetime|validators?|hashers?|encoder|kind|param|parameter|usage|status|event|topic|queue|id)$",
    re.IGNORECASE,
)
_HARMLESS_VALUE = regex(
    r"(?:bearer|basic|token|tokens|password|passwd|secret|secrets|api_?key|string|str|none|null|true|false|jwt|oauth2?|csrf|required|optional"
    r"|access|refresh|access_?token|refresh_?token|id_?token|client_?secret|x-[\w-]+|authorization|[*x.]+)",
    re.IGNORECASE,
)
_VARIABLE = regex(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_(?:KEY|TOKEN|SECRET|PASSWORD|PASS|PWD|CREDENTIALS|DSN|URL)")
"""The name of an environment variable."""

_REFERENCE = regex(r"/[\w/{}.:<>-]*\Z|https?://|\.\.?/|[$%]?[{<]|[,)\]};:](?:\s|\Z)")
"""A path, an address, a placeholder; or not a value at all but what stands between two of them."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """What was taken out: placeholder -> secret, never shown; `listed` names each with its kind."""

    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    listed: tuple[str, ...] = ()

    def restored(self, text: str, source: str) -> str:
        """The text with the secrets back in, but only those that `source` holds: none comes in from elsewhere."""
        for placeholder, secret in self.secrets.items():
            if placeholder in text and secret in source:
                text = text.replace(placeholder, secret)
        return text

    def lasting(self, salt: bytes) -> Redaction:
        """The same secrets under names that don't depend on what else was sent, for answers that are kept.

        `salt` (1 to 64 bytes) is the user's own, so that a name tells nothing of its secret.
        """
        names = {
            it: f"__SECRET_{hashlib.blake2b(it.encode(), key=salt, digest_size=6).hexdigest()}__" for it in self.secrets.values()
        }
        return Redaction({names[it]: it for it in self.secrets.values()}, self.listed)

    def renamed(self, text: str, other: Redaction) -> str:
        """A text with our placeholders, with the other's placeholders for the same secrets."""
        names = {secret: placeholder for placeholder, secret in other.secrets.items()}
        for placeholder, secret in self.secrets.items():
            text = text.replace(placeholder, names.get(secret, placeholder))
        return text


class Redactor:
    """Redacts the texts of one brief alike: the same secret has one placeholder in all of them. Numbered by first appearance."""

    def __init__(self, *texts: str) -> None:
        """`texts` are all that will be sent; a placeholder that one of them holds already is not given out."""
        self._taken = frozenset(it for text in texts for it in re.findall(r"__SECRET_\d+__", text))
        self._placeholders: dict[str, str] = {}
        self._kinds: dict[str, str] = {}
        self._seen = {text: _secrets(text) for text in texts}
        for text in texts:
            for span, kind in self._seen[text]:
                self._placeholder(text[span.start : span.end], kind)
        # longest first, so that a secret inside another is not cut out of it
        known = sorted((it for it in self._placeholders if _is_distinct(it)), key=len, reverse=True)
        self._lines = {
            line.strip(): self._placeholders[it]
            for it in known
            if "\n" in it
            for line in it.split("\n")
            if len(line.strip()) >= 20
        }
        everywhere = [*known, *self._lines]
        self._known = re.compile("|".join(_bounded(it) for it in everywhere)) if everywhere else None

    def redacted(self, text: str, part: Span | None = None) -> str:
        """One of the texts, or a part of it, with placeholders for secrets; a secret that the part cuts through is hidden too."""
        part = part or Span(0, len(text))
        out, at = [], part.start
        for span, _ in self._found(text):
            if at <= span.end and span.start < part.end and part.start < span.end:
                secret = text[span.start : span.end]
                out += [text[at : max(span.start, at)], self._placeholders.get(secret) or self._lines[secret]]
                at = min(max(span.end, at), part.end)
        return "".join([*out, text[at : part.end]])

    def redaction(self) -> Redaction:
        """What was taken out so far."""
        secrets = {placeholder: secret for secret, placeholder in self._placeholders.items()}
        listed = tuple(f"{placeholder}: {self._kinds[placeholder]}" for placeholder in secrets)
        return Redaction(secrets, listed)

    def _found(self, text: str) -> list[tuple[Span, str]]:
        found = list(self._seen[text])
        if self._known:
            found += [(Span(*it.span()), "") for it in self._known.finditer(text)]
        return _apart(found)

    def _placeholder(self, secret: str, kind: str) -> None:
        if secret in self._placeholders:
            return
        number = len(self._placeholders) + 1
        while f"__SECRET_{number}__" in self._taken or f"__SECRET_{number}__" in self._kinds:
            number += 1
        self._placeholders[secret] = f"__SECRET_{number}__"
        self._kinds[f"__SECRET_{number}__"] = kind


def _secrets(text: str) -> list[tuple[Span, str]]:
    """Spans of secrets with their kind, in order, none overlapping another."""
    found = []
    for kind, marks, form in _FORMS:
        if not any(it in text for it in marks):
            continue
        group = "secret" if "secret" in form.groupindex else 0
        found += [(Span(*match.span(group)), kind) for match in form.finditer(text)]
    for name, match in _named(text):
        kind = f"value of `{name}`"
        found += [(it, kind) for it in _strings(text, match) if _is_secret(name, text[it.start : it.end])]
    for match in _BARE.finditer(text):
        found.append((Span(*match.span("value")), f"value of `{match['name'][-40:]}`"))
    return _joined([*found, *detected(text)])


def _named(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Literals and the names they stand under."""
    for stem in _STEM.finditer(text.translate(_LOWER)):
        match = _ASSIGNED.match(text, stem.start())
        if match:
            before = _BEFORE.search(text, max(0, stem.start() - 40), stem.start())
            yield (before.group() if before else "") + match["name"], match
    for match in _WRAPPED.finditer(text):
        yield f"{match['name']}.secret", match


def _strings(text: str, match: re.Match[str]) -> Iterator[Span]:
    """The contents of the literal and of those that follow it directly, which Python joins."""
    it: re.Match[str] | None = match
    while it:
        if "f" not in it["prefix"].lower() or "{" not in it["value"]:
            yield Span(*it.span("value"))
        it = _NEXT_STRING.match(text, it.end())


def _is_secret(name: str, value: str) -> bool:
    if len(value) < 4 or _HARMLESS_VALUE.fullmatch(value) or _VARIABLE.fullmatch(value) or _REFERENCE.match(value):
        return False
    if re.fullmatch(r"__SECRET_\d+__", value):
        return False
    telling = _TELLING.search(name) is not None
    if not telling or _HARMLESS_END.search(name):
        random = len(value) >= 16 and _entropy(value) >= 3.0 and re.search(r"\d", value) and not re.search(r"\s", value)
        return bool(random) and (telling or _HINTING.search(name) is not None)
    # a sentence beside a name is a message, unless the name is nothing but a password
    return (
        len(value.split()) < 3
        or re.search(r"(?:password|passphrase|passwd|pwd|secret(?:_?key)?)$", name, re.IGNORECASE) is not None
    )


def _entropy(value: str) -> float:
    """Bits a character, Shannon."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values()) if value else 0.0


def _is_distinct(secret: str) -> bool:
    """Whether the text is a secret wherever it stands, and not a word that is also used for something else."""
    return len(secret) >= 12 or (len(secret) >= 6 and re.search(r"[^A-Za-z_]", secret) is not None)


def _bounded(secret: str) -> str:
    return r"(?<!\w)" + re.escape(secret) + r"(?!\w)" if secret.isalnum() else re.escape(secret)


def _joined(found: list[tuple[Span, str]]) -> list[tuple[Span, str]]:
    """In order; those that overlap as one, so that nothing of either is left."""
    out: list[tuple[Span, str]] = []
    for span, kind in sorted(found, key=lambda it: (it[0].start, -it[0].end)):
        if out and span.start < out[-1][0].end:
            before, first = out.pop()
            span, kind = Span(before.start, max(before.end, span.end)), first
        out.append((span, kind))
    return out


def _apart(found: list[tuple[Span, str]]) -> list[tuple[Span, str]]:
    """In order; of two that overlap, the one that begins first, or the longer."""
    out: list[tuple[Span, str]] = []
    for it in sorted(found, key=lambda it: (it[0].start, -it[0].end)):
        if not out or out[-1][0].end <= it[0].start:
            out.append(it)
    return out
