"""What well-known calls do to the values they are given, by their last names: hand them on, part of them, or nothing of them."""

from __future__ import annotations

from architect_lsp.patterns import regex

NUMBERS = ("int", "float", "bool", "len", "ord", "hash", "abs", "round", "sum", "range", "isinstance", "id", "complex")
CLEAN = regex(
    r"(?:^|_)(?:uuid\d?|UUID|hexdigest|md5|sha\d+|mogrify|Identifier|Literal|literal_column|Decimal|strptime|fromisoformat"
    r"|ip_address|ip_network|compare_digest)$"
)
"""Calls whose result says nothing that its argument chose."""
ESCAPES = regex(
    r"(?:^|_)(?:quote\w*|escape\w*|escapejs|sanit\w+|slugify|secure_filename|whitelist\w*|allowlist\w*|identifier|validate\w*"
    r"|normalize_identifier|basename|conditional_escape|strip_tags|\w*b\d\dencode|safe_join|BytesIO|StringIO|get_valid_filename|urlencode|clean|dumps)$"
)
"""Calls that make a value harmless for some uses: the origin says that it went through them, and `threats` for which."""
HANDED_ON = frozenset(
    (
        "str", "repr", "bytes", "bytearray", "list", "tuple", "set", "frozenset", "dict", "sorted", "reversed",
        "iter", "next", "zip", "enumerate", "cast", "loads", "load_json", "dedent", "unquote", "filter",
        "unquote_plus", "unquote_to_bytes", "b64decode", "urlsafe_b64decode", "b32decode", "b16decode", "unhexlify",
        "deepcopy", "copy", "text", "Path", "PurePath", "fspath", "fsdecode", "fsencode", "normpath", "normcase",
        "abspath", "realpath", "expanduser", "expandvars", "Markup", "mark_safe", "chain", "first", "TextClause",
        "min", "max", "urljoin", "urlparse", "urlsplit", "urlunparse", "parse_qs", "parse_qsl", "splitext", "StringIO",
        "BytesIO", "bleach", "decompress", "OrderedDict", "defaultdict", "deque", "SimpleNamespace", "unescape",
        "fromhex", "smart_str", "force_str", "force_bytes", "smart_text", "force_text", "to_thread", "Request", "Template",
    )
)  # fmt: skip
OPENED = frozenset(
    ("urlparse", "urlsplit", "Path", "PurePath", "PurePosixPath", "StringIO", "BytesIO", "TextIOWrapper", "parse_qs")
)
"""Of those, what an attribute or a method of the result is still part of: `urlparse(path).query`, `Path(name).resolve()`."""
OF_FILES = regex(r"\.(?:read_text|read_bytes|exists|is_file|is_dir|stat|iterdir|glob)\(\)")
"""What a path is asked about the file that lies there."""
OF_OBJECTS = regex(r"(?:\.\w+)+")
"""Attributes of an object, which are none of what was put into it: `watch.update(form); open(watch.folder)`."""
ACCESS = regex(
    r"\.(?:get|pop|items|values|keys|getlist|get_json|json|read|body|dict|model_dump|decode|strip|first|resolve|absolute|expanduser|as_posix|joinpath)\(\)"
)
"""Calls that give a part of what they are called on."""
STRING_METHODS = frozenset(
    (
        "strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "casefold", "swapcase", "encode",
        "decode", "split", "rsplit", "splitlines", "partition", "rpartition", "removeprefix", "removesuffix",
        "expandtabs", "zfill", "center", "ljust", "rjust", "format_map", "translate", "copy", "items", "values",
        "keys", "getvalue", "tolist",
    )
)  # fmt: skip
"""Methods of text and containers that give what they are called on, or part of it."""
UNDOING = frozenset(
    (
        *("b64decode", "urlsafe_b64decode", "b32decode", "b16decode", "unhexlify", "fromhex", "loads"),
        *("unquote", "unquote_plus", "unquote_to_bytes", "unescape"),
    )
)
"""Of the calls that hand on, those that undo an escape."""
MODULES = frozenset(
    ["shlex", "re", "regex", "os.path", "posixpath", "ntpath", "json", "html", "copy", "codecs", "binascii", "six"]
)
"""Names that are modules wherever they stand: their functions are given the value as an argument."""
