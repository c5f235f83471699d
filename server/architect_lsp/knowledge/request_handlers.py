"""Functions that a framework calls with parts of a request: routes, views, lambda handlers. A pure function of a reading."""

from __future__ import annotations

import ast

from architect_lsp.knowledge.definitions import arguments, owner_of, parameters
from architect_lsp.knowledge.facts import HTTP_METHODS
from architect_lsp.knowledge.origins import Origin, is_own
from architect_lsp.knowledge.reading import Function, Reading, constant, dotted
from architect_lsp.patterns import regex

_INJECTED = ("Depends", "Security", "Inject", "Provide", "FromDishka")
_ROUTE_MODULES = regex(r"^(?:route|api_view|login_required|csrf_exempt|require_\w+|http_method|rpc_method|expose|endpoint)$")


TOOLS = (
    "tool",
    "function_tool",
    "kernel_function",
    "ai_function",
    "tool_plain",
    "beta_tool",
    "beta_async_tool",
    "llm_tool",
    "call_tool",
    "register_for_llm",
    "register_for_execution",
)
LAMBDAS = (
    *(["event", "context"], ["event", "_context"], ["event", "_"], ["lambda_event", "lambda_context"]),
    ["environ", "start_response"],
)
"""What the handlers of AWS Lambda take, and applications of WSGI."""
_MADE_BY_CODE = regex(
    r"(?:^|_)(?:form|formset|default|instance|obj|queryset|qs|context|response|exception|callback|func|handler|serializer"
    r"|payload|body|data|metadata|config|settings|user|model|logger)$|_url$"
)
"""Names of parameters that no address fills: beside `request`, they tell a helper from a view."""
_PROVIDED = regex(
    r"Session|Connection|Cursor|Engine|Request|Response|Dep(?:s|endency)?\b|Service|Repository|Client|BackgroundTasks|^Current[A-Z]"
)
"""Types of parameters, aliases of `Annotated` among them, that no client fills."""
_WHO_ASKS = regex(r"(?:current|auth\w*|logged_in|signed_in)_?(?:user|account|admin|member|customer)|principal|identity")
_OF_ADDRESS = 3
"""Most parameters that an address fills; a function with more is one that others call."""
_IN_ADDRESSES = regex(r"(?:\w+\.)*(?:str|int|float|bool|UUID|date|datetime|Path|None|Any|Optional|Union|Literal)")


def is_of_handler(reading: Reading, origin: Origin) -> bool:
    """Whether the parameter is one that a framework fills from the request's path, query or body."""
    name = origin.name.partition(".")[0]
    if not is_own(origin):
        return False
    function = owner_of(reading, origin.node, name)
    if function is None or not is_handler(reading, function):
        return False
    if name in (
        "request",
        "req",
        "context",
        "_context",
        "_",
        "lambda_context",
        "start_response",
        "self",
        "cls",
        "db",
        "session",
        "conn",
        "cursor",
        "response",
        "background_tasks",
    ):
        return False
    if name != "data" and any(map(is_bare_route, function.decorator_list)):  # Litestar finds what it injects by its name
        said = next((it.annotation for it in arguments(function) if it.arg == name), None)
        if isinstance(said, ast.Name | ast.Attribute) and not _IN_ADDRESSES.fullmatch(dotted(said)):
            return False
    return not is_injected(function, name)


def is_injected(function: Function, name: str) -> bool:
    """Whether a parameter is filled by the framework's dependencies, not by the request."""
    defaults = {it.arg: default for it, default in parameters(function)}
    argument = next((it for it in arguments(function) if it.arg == name), None)
    for node in (defaults.get(name), argument.annotation if argument else None):
        for it in ast.walk(node) if node is not None else ():
            if isinstance(it, ast.Call) and dotted(it.func).rpartition(".")[2] in _INJECTED:
                return True
    shown = argument.annotation if argument is not None else None
    if isinstance(shown, ast.Subscript) and dotted(shown.value).endswith("Annotated") and isinstance(shown.slice, ast.Tuple):
        shown = shown.slice.elts[0]
    said = ast.unparse(shown) if shown is not None else ""
    return bool(_PROVIDED.search(said) or (said not in ("", "str", "int") and _WHO_ASKS.fullmatch(name)))


def is_handler(reading: Reading, function: Function) -> bool:
    """Whether a framework calls the function with parts of a request: a route, a view, a lambda handler."""
    decorators = (dotted(it.func if isinstance(it, ast.Call) else it) for it in function.decorator_list)
    if any(it.rpartition(".")[2] in TOOLS for it in decorators):
        return False  # a model chooses what it is called with, whatever it needs besides
    for it in function.decorator_list:
        if (
            isinstance(it, ast.Call)
            and isinstance(it.func, ast.Attribute)
            and it.func.attr in HTTP_METHODS
            and (it.args or it.keywords)
        ):
            return True
        name = dotted(it.func if isinstance(it, ast.Call) else it)
        if is_bare_route(it):
            return True
        if name.rpartition(".")[2] == "fixture":
            return False  # pytest gives its own `request`, and what other fixtures made
        if _ROUTE_MODULES.match(name.rpartition(".")[2]) or name in ("action", "decorators.action"):
            return True  # `@registry.action` may be anybody's, `@action` is Django REST framework's
    if [it.arg for it in arguments(function)] in LAMBDAS and not reading.owner(function):
        return True
    first = next((it.arg for it in arguments(function) if it.arg not in ("self", "cls")), "")
    if first == "request" and not reading.owner(function) and function.args.kwarg is None and function.args.vararg is None:
        if function.name.startswith("_") or len([*arguments(function)]) > _OF_ADDRESS + 1:
            return False
        return not any(_is_made_by_code(it) for it in arguments(function) if it.arg != "request")
    return first == "request" and function.name in ("get", "post", "put", "patch", "delete", "dispatch")


def is_bare_route(node: ast.expr) -> bool:
    """Whether a decorator is a route of Litestar, which are functions: `@get("/notes")`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in HTTP_METHODS:
        return False
    given = node.args[0] if node.args else next((it.value for it in node.keywords if it.arg == "path"), None)
    path = constant(given)
    return isinstance(path, str) and path.startswith("/")


def _is_made_by_code(argument: ast.arg) -> bool:
    """Whether no address of Django fills the parameter: by its name, or because it is an object of a class."""
    said = argument.annotation
    if isinstance(said, ast.Subscript):
        said = said.value
    is_object = isinstance(said, ast.Name | ast.Attribute) and not _IN_ADDRESSES.fullmatch(dotted(said))
    return is_object or bool(_MADE_BY_CODE.search(argument.arg))
