"""What the detectors of `detect-secrets` see in a text: forms of keys of services that `redact.py` has no pattern of its own for.

Only their patterns are used, on the lines that hold a long run of letters and digits. The library's own scan is never started: it
would read settings, and ask the services over the network whether a key is valid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Protocol

from architect_lsp.model import Span
from architect_lsp.patterns import regex

_DETECTORS = {
    "artifactory": "ArtifactoryDetector",
    "aws": "AWSKeyDetector",
    "cloudant": "CloudantDetector",
    "discord": "DiscordBotTokenDetector",
    "github_token": "GitHubTokenDetector",
    "gitlab_token": "GitLabTokenDetector",
    "ibm_cloud_iam": "IbmCloudIamDetector",
    "ibm_cos_hmac": "IbmCosHmacDetector",
    "jwt": "JwtTokenDetector",
    "mailchimp": "MailchimpDetector",
    "npm": "NpmDetector",
    "openai": "OpenAIDetector",
    "pypi_token": "PypiTokenDetector",
    "sendgrid": "SendGridDetector",
    "slack": "SlackDetector",
    "softlayer": "SoftlayerDetector",
    "square_oauth": "SquareOAuthDetector",
    "stripe": "StripeDetector",
    "telegram_token": "TelegramBotTokenDetector",
    "twilio": "TwilioKeyDetector",
    "high_entropy_strings": "Base64HighEntropyString",
}
"""Module -> class. Left out: words beside a name (on 130,000 lines of well-kept code the library took 110 names of variables and
passwords of tests for secrets; `redact.py` asks more), hexadecimal strings (every migration has its revision, every test its
hash), addresses of hosts, and what `redact.py` takes out whole: private keys, passwords in addresses, keys of Azure."""

_RUN = regex(r"(?<![\w+/=.:-])[\w+/=.:-]{16,}")
"""What a secret of a known form holds at least: sixteen characters in a row, with a digit among them. One line in 150 has it."""


class _Detector(Protocol):
    secret_type: str

    def analyze_string(self, string: str) -> Iterator[str]:
        """The secrets of one line."""
        ...


def detected(text: str) -> list[tuple[Span, str]]:
    """Where the library sees a secret, and of which kind; in order of detectors within a line, overlapping ones included."""
    found: list[tuple[Span, str]] = []
    seen = -1
    for_cloudant = re.search("(?i)cloudant", text) is not None  # its keys may be letters alone
    for candidate in _RUN.finditer(text):
        if candidate.start() < seen or not (re.search(r"\d", candidate.group()) or for_cloudant):
            continue
        start = text.rfind("\n", 0, candidate.start()) + 1
        seen = text.find("\n", candidate.end()) % (len(text) + 1)
        line = text[start:seen]
        for detector in _detectors():
            for secret in detector.analyze_string(line):
                secret = secret.strip(" \t=:\"'")
                if secret and _is_random(detector, secret):
                    places = re.finditer(re.escape(secret), line)
                    found += [(Span(start + it.start(), start + it.end()), detector.secret_type) for it in places]
    return found


def _is_random(detector: _Detector, secret: str) -> bool:
    """Whether a string that is suspect for its disorder alone is disordered; an alphabet, each letter once, is not."""
    entropy = getattr(detector, "calculate_shannon_entropy", None)
    if entropy is None:
        return True
    mixed = all(re.search(it, secret) for it in ("[a-z]", "[A-Z]", "[0-9]"))
    return mixed and len(set(secret)) < len(secret) and entropy(secret) > getattr(detector, "entropy_limit", 0.0)


@cache
def _detectors() -> tuple[_Detector, ...]:
    """Imported when a brief is made, not before: the library brings `requests`, a fifth of a second."""
    return tuple(getattr(import_module(f"detect_secrets.plugins.{it}"), name)() for it, name in _DETECTORS.items())
