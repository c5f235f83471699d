"""How passwords are kept; the identity service verifies what this writes."""

import base64
import hashlib
import os


def digest(password: str) -> str:
    salt = os.urandom(16)
    key = hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)
    return f"scrypt${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"
