"""A broken hash, cipher or key size protects something.

Why: collisions of MD5 and SHA-1 are made on a laptop; DES and RC4 are read; ECB shows equal blocks as equal; short keys are
factored.
Instead: SHA-256 or BLAKE2 to sign or compare, AES-GCM or ChaCha20-Poly1305 to encrypt, RSA from 2048 bits. Where it protects
nothing, say so: `usedforsecurity=False`.

    def sealed(key: bytes, text: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + AESGCM(key).encrypt(nonce, text, None)

    def opened(key: bytes, sealed: bytes) -> bytes:
        try:
            return AESGCM(key).decrypt(sealed[:12], sealed[12:], None)
        except InvalidTag as error:
            raise Tampered from error

Trade-offs: another hash changes stored values and file names; keep the old one beside it until they are rewritten.
Security: forged signatures, read data; on hardened systems MD5 raises an error.
Source: CWE-327; CWE-328; https://docs.python.org/3/library/hashlib.html
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.constants import behind
from architect_lsp.knowledge.digests import is_demanded, is_harmless, protects
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["D4"],
    cwe=327,
    equivalents=["S303", "S304", "S305", "S324", "S505", "B303", "B304", "B305", "B324", "B505"],
    bad=[
        Bad(
            """
import hashlib

def signature(body: bytes, secret: bytes) -> str:
    return [|hashlib.md5(secret + body)|].hexdigest()
""",
            fixed="""
import hashlib

def signature(body: bytes, secret: bytes) -> str:
    return hashlib.sha256(secret + body).hexdigest()
""",
        ),
        Bad("""
from Crypto.Cipher import AES, DES
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

def make(key):
    one = [|DES.new(key, DES.MODE_CBC)|]
    two = [|AES.new(key, AES.MODE_ECB)|]
    three = Cipher(algorithms.AES(key), [|modes.ECB()|])
    return one, two, three, [|rsa.generate_private_key(public_exponent=65537, key_size=1024)|]
"""),
        Bad(
            """

import hashlib

def signed_link(path, signing_key):
    return path + "?s=" + [|hashlib.md5(signing_key + path.encode())|].hexdigest()
""",
        ),
        Bad("""
from Cryptodome.PublicKey import RSA

BITS = 1024

def made():
    return [|RSA.generate(BITS)|]
"""),
        Bad("""
from cryptography.hazmat.primitives.asymmetric import padding

def wrapped(key, secret):
    return key.encrypt(secret, [|padding.PKCS1v15()|])
"""),
    ],
    good=[
        """
import hashlib

class Endpoint:
    def __init__(self, project, model):
        self.uid = hashlib.sha1(f"{project}_{model}".encode()).hexdigest()
""",
        """
import hashlib
from cryptography.hazmat.primitives.asymmetric import ec

def curve_of(name):
    return {"ECCSECP192R1": ec.SECP192R1(), "ECCSECP256R1": ec.SECP256R1()}[name], ec.SECT163K1().name

def changed(watch, response):
    previous_md5 = watch["previous_md5"]
    current_md5 = hashlib.md5(response.text.encode()).hexdigest()
    watch.content = hashlib.md5(response.content).hexdigest()
    watch.update({"previous_md5": hashlib.md5(watch.shown.encode()).hexdigest()})
    return current_md5 != previous_md5
""",
        """
import hashlib

def verify_and_upgrade(password, stored):
    old = hashlib.sha1(password.encode())
    return old.hexdigest() == stored and better(password)

def _pseudo_sha(changes):
    return hashlib.sha1("".join(changes).encode()).hexdigest()

def shortened(path):
    digest = hashlib.md5(path.encode())
    return path[:20] + digest.hexdigest()[:7]
""",
        """
import hashlib
import json
from Crypto.Cipher import AES
from cryptography.hazmat.primitives.asymmetric import rsa

def etag(body):
    return hashlib.md5(body).hexdigest()

def colour(tag):
    digest = hashlib.md5(tag.strip().lower().encode()).hexdigest()
    return int(digest[:4], 16) % 360

def write_map(path, text):
    path.write_text(text)
    return hashlib.md5(force_bytes(text)).hexdigest()

def is_ours(self, signature, timestamp, nonce):
    return hashlib.sha1("".join(sorted([self.token, timestamp, nonce])).encode()).hexdigest() == signature

def state_of(agent):
    raw = agent.tasks.model_dump_json() + agent.permissions.model_dump_json()
    return hashlib.md5(raw.encode()).hexdigest()

def sha1(body=b""):
    return hashlib.sha1(body)

def _sqlite_md5(text):
    return hashlib.md5(text.encode()).hexdigest()

def shown(person):
    return {"emailHash": hashlib.md5(person.mail.encode()).hexdigest(), "address": person.address}

def compute_fields_hash(fields):
    digest = hashlib.sha1()
    for it in fields:
        digest.update(it.encode())
    return digest.hexdigest()

def order_id_of(number):
    digest = hashlib.md5()
    digest.update(number.encode())
    order_id = f"0x{digest.hexdigest()}"
    return order_id

def token_hash(token):
    return hashlib.sha1(token.encode()).hexdigest()[:8]

def decrypt_for_wechat(data, key):
    return AES.new(key, AES.MODE_ECB).decrypt(data)

def told_apart(step):
    return hashlib.sha1(json.dumps(step, sort_keys=True).encode()).hexdigest()

def is_pwned(phrase):
    digest = hashlib.sha1(phrase.encode()).hexdigest()
    return ask(digest[:5])

class User:
    def email_hash(self):
        return hashlib.md5(self.email).hexdigest()

    def upgraded_from_legacy(self, text):
        return self.old == hashlib.sha1(text).hexdigest()

def make(key, body):
    hashlib.sha256(body)
    hashlib.md5(body, usedforsecurity=False)
    hashlib.new("sha384")
    cache_key = hashlib.sha1(body).hexdigest()
    return AES.new(key, AES.MODE_GCM), rsa.generate_private_key(65537, 2048), cache_key
""",
        """
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

def signed(key, text):
    return key.sign(text, padding.PKCS1v15(), hashes.SHA256())
""",
    ],
)

_HASHES = ("hashlib.md5", "hashlib.sha1", "hashlib.md4")
_OTHER_HASHES = regex(
    r"^(?:Crypto|Cryptodome)\.Hash\.(?:MD[245]|SHA1?|SHA1)\.new$|^cryptography\.hazmat\.primitives\.hashes\.(?:MD5|SHA1)$"
)
_CIPHERS = regex(
    r"^(?:Crypto|Cryptodome)\.Cipher\.(?:DES3?|ARC[24]|Blowfish|CAST|XOR)\.new$"
    r"|^cryptography\.hazmat\.(?:primitives\.ciphers|decrepit\.ciphers)\.algorithms\.(?:ARC4|Blowfish|IDEA|CAST5|SEED|TripleDES)$"
    r"|^cryptography\.hazmat\.primitives\.ciphers\.modes\.ECB$|^pyDes\.(?:des|triple_des)$"
)
_KEYS = regex(
    r"^(?:cryptography\.hazmat\.primitives\.asymmetric\.(?:rsa|dsa)\.generate_(?:private_key|parameters)"
    r"|(?:Crypto|Cryptodome)\.PublicKey\.(?:RSA|DSA)\.generate|rsa\.newkeys)$"
)
_CURVES = regex(r"^cryptography\.hazmat\.primitives\.asymmetric\.ec\.(?:SECP192R1|SECT163[KR][12]|SECP160\w*|BrainpoolP160\w*)$")
_WEAK_NAMES = ("md5", "sha1", "md4", "sha", "md2")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Weak primitives that may protect something."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
        if last not in _LAST:
            continue
        name = view.callee(call)
        if name in _HASHES or (
            name == "hashlib.new" and str(constant(call.args[0] if call.args else None)).lower() in _WEAK_NAMES
        ):
            if keyword(call, "usedforsecurity") is None and _is_relied_on(view, call):
                what = name.rpartition(".")[2] if name != "hashlib.new" else str(constant(call.args[0]))
                message = (
                    f"`{what}` is broken: texts with the same digest can be made; use SHA-256, or say `usedforsecurity=False`."
                )
                yield Hit(call, message, tuple(_fix(view, call, name)))
        elif _OTHER_HASHES.match(name) and _is_relied_on(view, call):
            what = last if last != "new" else name.split(".")[-2]
            yield Hit(call, f"`{what}` is broken: texts with the same digest can be made.")
        elif last == "PKCS1v15" and _encrypts(view, call) and name.endswith("padding.PKCS1v15"):
            yield Hit(call, "With this padding answers to forged texts tell what was encrypted; use `OAEP`.")
        elif _CIPHERS.match(name) and not is_demanded(view.reading, view.path, call):
            what = name.split(".")[-2] if last == "new" else last
            yield Hit(call, f"`{what}` does not keep what it encrypts secret; use AES-GCM or ChaCha20-Poly1305.")
        elif last == "new" and _is_ecb(view, call):
            yield Hit(call, "`ECB` shows which blocks are equal, and lets them be swapped; use AES-GCM.")
        elif _KEYS.match(name):
            size = next((it.value for it in call.keywords if it.arg in ("key_size", "bits")), None) or _sized(call, name)
            bits = _number(view, size)
            if isinstance(bits, int) and 128 < bits < 2048:
                yield Hit(call, f"A key of {bits} bits can be broken; use 2048 or more.")
        elif _CURVES.match(name) and not isinstance(view.reading.parent(call), ast.Attribute | ast.Dict):  # of a table
            yield Hit(call, f"The curve `{last}` is too short; use `SECP256R1` or Ed25519.")


def _is_relied_on(view: View, call: ast.Call) -> bool:
    """Whether a digest protects something."""
    return protects(view.reading, call) and not is_harmless(view.reading, view.path, call)


def _is_ecb(view: View, call: ast.Call) -> bool:
    """Whether a cipher is used block by block, and no protocol wants it so."""
    given = (*call.args, *(it.value for it in call.keywords))
    return any(dotted(it).endswith("MODE_ECB") for it in given) and not is_demanded(view.reading, view.path, call)


def _encrypts(view: View, call: ast.Call) -> bool:
    """Whether a padding is one of a cipher, not of a signature."""
    up = view.reading.parent(call)
    return isinstance(up, ast.Call) and isinstance(up.func, ast.Attribute) and up.func.attr in ("encrypt", "decrypt")


def _number(view: View, node: ast.expr | None) -> object:
    """The number that an expression is, also by the name of a constant of the module."""
    if isinstance(node, ast.Name):
        found = behind(view.project, view.path, node.id)
        return int(found[1].text) if found is not None and found[1].kind == "constant" and found[1].text.isdecimal() else None
    return constant(node)


def _sized(call: ast.Call, name: str) -> ast.expr | None:
    index = 1 if name.endswith("rsa.generate_private_key") else 0
    return call.args[index] if len(call.args) > index else None


def _fix(view: View, call: ast.Call, name: str) -> Iterator[Draft]:
    source = view.reading.source(call)
    if (
        name in ("hashlib.md5", "hashlib.sha1")
        and source.startswith(dotted(call.func))
        and dotted(call.func).startswith("hashlib.")
    ):
        yield Draft("Use SHA-256", (Change(call.func, "hashlib.sha256"),))


_LAST = frozenset(
    (
        *("md5", "sha1", "md4", "new", "MD5", "SHA1", "ARC4", "Blowfish", "IDEA", "CAST5", "SEED", "TripleDES", "ECB", "des"),
        *("triple_des", "generate_private_key", "generate_parameters", "generate", "newkeys"),
        *("SECP192R1", "SECT163K1", "SECT163R2", "PKCS1v15"),
    )
)
