"""Data from outside is turned into objects by a format that can run code.

Why: pickle and its relatives, and YAML with the full loader, rebuild objects by calling what the data names. Whoever writes the
data chooses what is called, before a single field was looked at.
Instead: take plain data (JSON, safe YAML) and check it against a schema.

    def settings_of(body: bytes) -> Settings:
        try:
            return Settings.model_validate(yaml.safe_load(body))
        except (yaml.YAMLError, ValidationError) as error:
            raise HTTPException(422, "these settings can't be read") from error

Consequences: the classes behind stored pickles can't be moved or renamed without breaking what is in the cache.
Trade-offs: where only your own processes write the data, a signature checked before loading (HMAC over the bytes) is a stopgap.
Tests: send a pickle whose `__reduce__` creates a file, and assert that the request fails and the file is not there.
Security: running any command with the rights of the service.
Observability: count payloads that fail the schema, by client.
Source: CWE-502; https://docs.python.org/3/library/pickle.html
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import last_name
from architect_lsp.knowledge.origins import Origin, is_own
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.knowledge.sources import is_model_output, is_request, origins
from architect_lsp.knowledge.symbols import ClassSymbol, External
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=502,
    equivalents=["S301", "S302", "S506", "B301", "B302", "B506"],
    needs=[
        "pickle_fallback",
        "allow_dangerous_deserialization",
        "load",
        "Unpickler",
        "decode",
        "shelve",
        "read_pickle",
        "unpack",
        "PickleSerializer",
        "accept_content",
        "ACCEPT_CONTENT",
        *(
            "request",
            "req",
            "route",
            "router",
            "app",
            "Form",
            "form",
            "validated_data",
            "recv",
            "argv",
            "input",
        ),  # see `exposures`
    ],
    bad=[
        Bad(
            """
import yaml

def settings(text):
    return [|yaml.load(text, Loader=yaml.Loader)|]
""",
            fixed="""
import yaml

def settings(text):
    return yaml.safe_load(text)
""",
        ),
        Bad("""
import base64
import pickle
from flask import request

def restore():
    data = base64.b64decode(request.cookies["state"])
    return [|pickle.loads(data)|]
"""),
        Bad("""
import base64
import pickle
from fastapi import APIRouter, Request

router = APIRouter()

def kept(raw):
    return pickle.loads(base64.b64decode(raw))

@router.get("/resume")
def resume(request: Request):
    return [|kept(request.cookies["wizard"])|]["step"]
"""),
        Bad("""
import pickle
import redis

cache = redis.Redis()

def cached(key):
    raw = cache.get(key)
    if raw is None:
        return None
    return [|pickle.loads(raw)|]
"""),
        Bad("""
-- app/routes.py --
from fastapi import APIRouter, Request
from app.codec import unpack

router = APIRouter()

@router.post("/jobs")
async def create(request: Request):
    return [|unpack(await request.body())|]
-- app/codec.py --
import dill

def unpack(data):
    return dill.loads(data)
"""),
        Bad(
            """

import torch
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from yaml import unsafe_load

def settings(file):
    return [|unsafe_load(file)|]

def weights(path):
    return [|torch.load(path, weights_only=False)|]

def serializer():
    return [|JsonPlusSerializer(pickle_fallback=True)|]

def index(folder):
    return [|FAISS.load_local(folder, EMBEDDINGS, allow_dangerous_deserialization=True)|]
""",
        ),
        Bad("""
from ruamel.yaml import YAML

def settings(file):
    return [|YAML(typ="unsafe")|].load(file), YAML(typ="safe").load(file)
"""),
        Bad("""
from celery import Celery

SESSION_SERIALIZER = [|"django.contrib.sessions.serializers.PickleSerializer"|]
app = Celery("shop", broker="redis://cache")
app.conf.update(task_serializer="pickle", accept_content=[[|"pickle"|]])
"""),
    ],
    good=[
        """
import yaml

def loaded(**options):
    return yaml.load(**{"Loader": yaml.SafeLoader, **options})
""",
        """
import json
import pickle
import yaml

def load(text, data):
    yaml.load(text, Loader=yaml.SafeLoader)
    yaml.load(text, yaml.CSafeLoader)
    yaml.safe_load(text)
    with open("model.pkl", "rb") as file:
        pickle.load(file)
    return pickle.loads(pickle.dumps(data))
""",
        """
import json
from flask import request

def restore():
    return json.loads(request.cookies["state"])
""",
        """
import yaml
from app.loading import StrictLoader

class Loader(yaml.SafeLoader): ...

def load(text):
    return yaml.load(text, Loader=Loader), yaml.load(text, Loader=StrictLoader)
""",
        """

import torch
import yaml

def settings(file):
    return yaml.safe_load(file)

def weights(path):
    return torch.load(path), torch.load("our/own.pt", weights_only=False)

def patched(load):
    return lambda *args: load(*args, allow_dangerous_deserialization=True)

def index():
    return FAISS.load_local("our_index", EMBEDDINGS, allow_dangerous_deserialization=True)
""",
        """
from celery import Celery

SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
app = Celery("shop", broker="redis://cache")
app.conf.update(task_serializer="json", accept_content=["json"])
""",
    ],
)

_LOADERS = regex(
    r"^(?:(?:c?[pP]ickle|_pickle|dill|cloudpickle|marshal|joblib\.externals\.cloudpickle|pickle5|six\.moves\.cPickle)\.(?:loads?|Unpickler)"
    r"|jsonpickle\.(?:decode|loads|unpickler\.decode)|shelve\.open|yaml\.unsafe_load(?:_all)?|yaml\.full_load|pandas\.read_pickle"
    r"|joblib\.load|torch\.load|numpy\.load)$"
)
_LAST = frozenset(
    (
        *("load", "loads", "load_all", "full_load", "full_load_all", "unsafe_load", "unsafe_load_all"),
        *("Unpickler", "decode", "open", "read_pickle", "YAML"),
    )
)
"""Last names of all that rebuilds objects."""
_SWITCHES = ("pickle_fallback", "allow_dangerous_deserialization")
_OF_PATHS = ("shelve.open", "pandas.read_pickle", "joblib.load", "torch.load", "numpy.load")
_UNSAFE_YAML = (
    "yaml.Loader",
    "yaml.UnsafeLoader",
    "yaml.CLoader",
    "yaml.loader.Loader",
    "yaml.loader.UnsafeLoader",
    "yaml.FullLoader",
)
_OUTSIDE = regex(
    r"^(?:redis\.(?:\w+\.)*(?:Redis|StrictRedis|RedisCluster|ConnectionPool)\b|pymemcache|memcache|aioredis|requests\.|httpx\.|urllib3?\.|aiohttp\.|socket\.|websockets?\.|boto3\."
    r"|kafka\.|confluent_kafka\.|aiokafka\.|pika\.|zmq\.|django\.core\.cache\.|nats\.|google\.cloud\.(?:storage|pubsub)|flask_caching\.)"
    r"|(?:^|[._])(?:redis\w*|redis_client|memcached?|memcache_client)(?:\(\))?\.(?:\w*get\w*|\w?pop\w*|lrange|\w*range)\(\)"
    r"|\.(?:recv|recvfrom|recv_bytes|recv_multipart|recv_string|receive_bytes|receive|urlopen|basic_get)\(\)|(?:^|[._])(?:sock|socket|conn|websocket|ws)\.(?:recv|read)\w*\(\)"
    r"|^urllib\.request\.urlopen\(\)|\.get_object\(\)"
)
_CALLED_OUTSIDE = (
    "payload",
    "body",
    "cookie",
    "user_input",
    "untrusted",
    "raw_body",
    "request_body",
    "user_data",
    "request_data",
)
_ACCEPTED = regex(r"(?:celery_|task_|result_)?accept_content", re.IGNORECASE)
_SERIALISER = regex(r"loads?$|deseriali[sz]e|decode|unpickle|from_bytes|setstate|restore|parse|unpack|decompress", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls that rebuild objects from what someone else wrote."""
    yield from _settings(view)
    exposed = {it.call: it for it in view.exposures("objects", terminal=True)}
    for call in view.reading.each(ast.Call):
        reached = exposed.get(call)
        if reached is None and last_name(call.func) not in _LAST and not any(it.arg in _SWITCHES for it in call.keywords):
            continue
        name = view.callee(call)
        if name in ("yaml.load", "yaml.load_all"):
            yield from _yaml(view, call)
        elif name == "ruamel.yaml.YAML":
            kind = constant(keyword(call, "typ") or (call.args[0] if call.args else None))
            if kind in ("unsafe", "base_unsafe"):
                yield Hit(call, '`typ="unsafe"` builds any object the document names, and runs its code; use `typ="safe"`.')
        elif _LOADERS.match(name):
            if name in ("torch.load", "numpy.load") and not _is_switched_on(call, name):
                continue
            if _is_signed(view, call):
                continue
            origin = _outside(view, call.args[0] if call.args else None, of_path=name in _OF_PATHS)
            if origin is None and name in ("yaml.unsafe_load", "yaml.unsafe_load_all"):
                yield Hit(call, f"`{name}` builds any object the document names, and runs its code; use `safe_load`.")
            elif origin is None and name == "torch.load" and not isinstance(call.args[0] if call.args else None, ast.Constant):
                yield Hit(
                    call, "`weights_only=False` lets the file run any code; load tensors alone, or name what else may be in it."
                )
            elif origin is not None:
                yield Hit(call, f"`{name}` rebuilds objects from `{_shown(origin)}`: whoever writes it runs code here.")
        elif constant(keyword(call, "pickle_fallback")) is True and name.startswith("langgraph."):
            yield Hit(call, "What can't be written as JSON is pickled: whoever can write a checkpoint runs code here.")
        elif constant(keyword(call, "allow_dangerous_deserialization")) is True:
            folder = call.args[0] if call.args else keyword(call, "folder_path")
            if (
                dotted(call.func).endswith(".load_local")
                and folder is not None
                and not isinstance(folder, ast.Constant | ast.Starred)
            ):
                yield Hit(call, "The index is unpickled: whoever can write its folder runs code here; load from your own alone.")
        elif reached is not None and reached.steps:
            message = f"`{reached.source}` reaches `{reached.sink}`, which rebuilds objects: whoever writes it runs code here."
            yield Hit(call, message, (), reached.steps)


def _settings(view: View) -> Iterator[Hit]:
    """Settings by which sessions or messages are rebuilt as objects."""
    is_meant = re.search(r"#[^\n]*pickle", view.reading.unit.text, re.IGNORECASE)  # someone says why
    given = [(_last_word(it.targets[0]), it.value) for it in view.reading.each(ast.Assign)]
    given += [(it.arg or "", it.value) for it in view.reading.each(ast.keyword)]
    for name, value in given:
        if name == "SESSION_SERIALIZER" and str(constant(value)).endswith("PickleSerializer"):
            yield Hit(value, "Who writes a session runs code here: its data is unpickled; leave Django's own JSONSerializer.")
        elif _ACCEPTED.fullmatch(name) and isinstance(value, ast.List | ast.Tuple | ast.Set) and not is_meant:
            found = next((it for it in value.elts if constant(it) in ("pickle", "application/x-python-serialize")), None)
            if found is not None:
                yield Hit(found, "Who writes a message to the broker runs code in the worker; accept JSON alone.")


def _last_word(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):
        return str(constant(node.slice))
    return dotted(node).rpartition(".")[2]


def _is_signed(view: View, call: ast.Call) -> bool:
    """Whether the function has compared a digest before, or had a signature taken off."""
    function = view.reading.function(call)
    return function is not None and any(
        re.fullmatch(r"compare_digest|unsign|verify_signature|verify_mac", dotted(it.func).rpartition(".")[2])
        for it in view.reading.each(ast.Call)
        if view.reading.function(it) is function and it.lineno <= call.lineno
    )


def _is_switched_on(call: ast.Call, name: str) -> bool:
    if name == "torch.load":
        return constant(keyword(call, "weights_only")) is False
    return constant(keyword(call, "allow_pickle")) is True


def _outside(view: View, node: ast.expr | None, *, of_path: bool) -> Origin | None:
    """The source of the data, when someone outside the program fills it."""
    if node is None:
        return None
    for it in origins(view.project, view.path, view.reading, node, "objects"):
        if it.kind == "checked" or it.name.startswith("sys.stdin"):  # a pipe is mostly one's own parent's
            continue
        if is_request(view.project, view.reading, it) or is_model_output(view.project, view.path, view.reading, it):
            return it
        if not of_path and it.kind in ("call", "parameter") and "()" in it.name and _OUTSIDE.search(it.name):
            return it
        if not of_path and is_own(it) and it.name in _CALLED_OUTSIDE:
            function = view.reading.function(node)
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or function.name.startswith("_"):
                continue  # a private function's callers are its own module, which knows what it hands on
            if not _SERIALISER.search(function.name):
                return it
    return None


def _yaml(view: View, call: ast.Call) -> Iterator[Hit]:
    loader = keyword(call, "Loader") or (call.args[1] if len(call.args) > 1 else None)
    if loader is None and any(it.arg is None for it in call.keywords):
        return  # `yaml.load(**options)`
    if loader is not None:
        symbol = view.symbol(loader)
        if isinstance(symbol, ClassSymbol) or not isinstance(symbol, External) or symbol.name not in _UNSAFE_YAML:
            return
        if symbol.name == "yaml.FullLoader" and not _outside(view, call.args[0] if call.args else None, of_path=False):
            return
    base = dotted(call.func)
    safe = f"{base.rpartition('.')[0]}.safe_{base.rpartition('.')[2]}" if "." in base else ""
    fixes: tuple[Draft, ...] = ()
    source = view.reading.source(call.args[0]) if call.args else ""
    if safe and source and not any(it.arg != "Loader" for it in call.keywords):
        fixes = (Draft(f"Use {safe}", (Change(call, f"{safe}({source})"),), safe=True),)
    said = f"`{ast.unparse(loader)}`" if loader is not None else "no safe loader"
    yield Hit(call, f"`{base}` with {said} builds any object the document names, and runs its code.", fixes)


def _shown(origin: Origin) -> str:
    return origin.name.replace("builtins.", "") or "this"
