"""Texts that anybody may have written: what was fetched from the web or from a mailbox, by the name of its origin."""

from __future__ import annotations

from architect_lsp.patterns import regex

FETCHED = regex(
    r"(?:requests|httpx|aiohttp|urllib|urllib3)\b.*\(\)\.(?:text|content|json|read|body|aread)\b"
    r"|imaplib\.IMAP4(?:_SSL)?\(\)\.(?:uid|fetch)\(\)|poplib\.POP3(?:_SSL)?\(\)\.(?:retr|top)\(\)"
    r"|email\.message_from_\w+\(\)\.(?:get_payload|get_content|get_body)\b"
    r"|(?:^|\.)(?:urlopen\(\)\.read|get\(\)\.text|fetch_url|fetch_page|scrape\w*|page_content|get_text)\b"
)
