"""Everything is encrypted from the same beginning.

Why: CBC hides a text only when its initialisation vector can't be foreseen, and GCM, CTR and ChaCha20 give both texts away when
one nonce is used twice. A vector in the source is the same each time.
Instead: draw one for each text, and store it in front of what was encrypted.

    nonce = os.urandom(12)
    sealed = nonce + AESGCM(key).encrypt(nonce, data, None)

Consequences: equal beginnings show as equal; with GCM the key that authenticates can be computed.
Security: CWE-329.
Source: NIST SP 800-38D section 8
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.literals import is_fixed
from architect_lsp.knowledge.reading import dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=329,
    needs=[".encrypt(", "CBC", "CTR", "GCM", "CFB", "OFB", "ChaCha20", "AESGCM"],
    bad=[
        Bad(
            """
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

def seal(key, data):
    nonce = b"fixed nonce!"
    return AESGCM(key).encrypt([|nonce|], data, None)

def stream(key):
    return Cipher(algorithms.AES(key), modes.CTR([|bytes(16)|]))
"""
        ),
        Bad(
            """
from Crypto.Cipher import AES

START = b"\\x00" * 16

def seal(key, data):
    return AES.new(key, AES.MODE_CBC, iv=[|START|]).encrypt(data)
"""
        ),
        Bad(
            """
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

class Box:
    START = b"0123456789abcdef"

    def sealing(self, key):
        return Cipher(algorithms.AES(key), modes.CBC([|self.START|])).encryptor()
"""
        ),
    ],
    good=[
        """
import os
from Crypto.Cipher import AES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

def seal(key, data):
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, data, None)

def open_(key, sealed):
    return AESGCM(key).decrypt(sealed[:12], sealed[12:], None)

def stream(key, start):
    return Cipher(algorithms.AES(key), modes.CTR(start))

def other(key, data):
    return AES.new(key, AES.MODE_CBC).encrypt(data)

class Box:
    SIZE = 16

    def sealing(self, key):
        return Cipher(algorithms.AES(key), modes.CBC(self.start)).encryptor()
""",
    ],
)

_MODES = ("CBC", "CTR", "GCM", "CFB", "OFB", "CFB8")
_AEADS = ("AESGCM", "ChaCha20Poly1305", "AESCCM", "AESSIV", "AESOCB3")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Vectors and nonces that are literals."""
    for call in view.reading.each(ast.Call):
        given = _start(view, call)
        if given is not None and is_fixed(view.project, view.path, view.reading, given):
            yield Hit(given, "This begins every encryption with the same bytes: draw them anew for each text with `os.urandom`.")


def _start(view: View, call: ast.Call) -> ast.expr | None:
    """The vector or nonce that a call is given, None when it is no such call."""
    last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
    if last in _MODES and view.callee(call).startswith("cryptography."):
        return call.args[0] if call.args else keyword(call, "initialization_vector") or keyword(call, "nonce")
    if last == "new" and view.callee(call).startswith(("Crypto.Cipher.", "Cryptodome.Cipher.")):
        return keyword(call, "iv") or keyword(call, "nonce") or (call.args[2] if len(call.args) > 2 else None)
    if last == "encrypt" and call.args and isinstance(call.func, ast.Attribute):
        owner = call.func.value
        if isinstance(owner, ast.Call) and dotted(owner.func).rpartition(".")[2] in _AEADS:
            return call.args[0]
        if view.callee(call).rpartition(".")[0].rpartition(".")[2].removesuffix("()") in _AEADS:
            return call.args[0]
    return None
