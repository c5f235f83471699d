"""The routes that we see, and scripts that ask the frameworks for theirs: each as (methods, path, file:qualified name)."""

from __future__ import annotations

from collections.abc import Iterable

from architect_lsp.knowledge.nouns import Route

Row = tuple[str, str, str]
"""Methods with commas between; the path with its parameters as `{name:converter}`; the handler, "" where it is no project's."""


def rows(routes: Iterable[Route]) -> list[Row]:
    """What we see, in its order."""
    return [
        (",".join(sorted(it.methods)), it.path, f"{it.handler.path}:{it.handler.qualname}" if it.handler is not None else "")
        for it in routes
    ]


ASGI = """
    import importlib, inspect, json, sys
    from starlette.endpoints import HTTPEndpoint
    from starlette.routing import Host, Mount, WebSocketRoute

    def each(routes, prefix):
        for it in routes:
            if hasattr(it, "effective_route_contexts"):  # FastAPI keeps an included router as one route
                for context in it.effective_route_contexts():
                    yield from one(context.starlette_route or context, prefix, context.original_route)
            else:
                yield from one(it, prefix, it)

    def one(it, prefix, kind):
        inner = getattr(kind, "routes", None)
        if isinstance(kind, Mount):
            if hasattr(kind.app, "routes"):
                yield from each(kind.routes, prefix + it.path)
            else:
                yield "", prefix + it.path + "/{path:path}", ""
        elif isinstance(kind, Host):
            yield from each(kind.routes, prefix)
        else:
            handler = inspect.unwrap(getattr(it, "endpoint", None) or kind.endpoint)
            if isinstance(handler, type) and issubclass(handler, HTTPEndpoint):
                for method in ("get", "head", "post", "put", "patch", "delete", "options"):
                    if hasattr(handler, method):
                        yield method.upper(), prefix + it.path, where(getattr(handler, method))
                return
            methods = set(getattr(it, "methods", None) or ())
            methods = methods - {"HEAD"} if "GET" in methods else methods
            if isinstance(kind, WebSocketRoute) or "WebSocket" in type(kind).__name__:
                methods = {"WEBSOCKET"}
            yield ",".join(sorted(methods)), prefix + it.path, where(handler)

    def where(handler):
        file = sys.modules[handler.__module__].__file__
        roots = sorted((root for root in sys.argv[2:] if file.startswith(root)), key=len)
        name = handler.__qualname__.replace(".<locals>", "")
        return file[len(roots[-1]):].lstrip("/") + ":" + name if roots else "outside"

    module, _, name = sys.argv[1].partition(":")
    app = getattr(importlib.import_module(module), name.removesuffix("()"))
    app = app() if name.endswith("()") else app
    print(json.dumps([it for it in each(app.routes, "") if it[2] != "outside"]))
"""
"""Arguments: the application as `module:name` or `module:maker()`, then the folders whose files count. FastAPI and Starlette."""


WSGI = """
    import importlib, inspect, json, re, sys

    def each(app):
        for rule in app.url_map.iter_rules():
            path = re.sub(r"<(?:([^>:(]+)(?:\\([^)]*\\))?:)?(\\w+)>", shown, rule.rule)
            view = app.view_functions.get(rule.endpoint)
            kind = getattr(view, "view_class", None)
            methods = set(rule.methods or ())
            methods -= {"HEAD", "OPTIONS"} if methods - {"HEAD", "OPTIONS"} else set()
            if kind is not None and hasattr(kind, "dispatch_request") and not any(hasattr(kind, it.lower()) for it in methods):
                yield ",".join(sorted(methods)), path, where(kind.dispatch_request)
            elif kind is not None:
                for method in methods:
                    yield method, path, where(getattr(kind, method.lower()))
            else:
                yield ",".join(sorted(methods)), path, where(inspect.unwrap(view))

    def shown(found):
        kind = found[1] or "default"
        return "{" + found[2] + ("" if kind in ("default", "string") else ":" + kind) + "}"

    def where(handler):
        handler = inspect.unwrap(handler)
        file = sys.modules[handler.__module__].__file__
        roots = sorted((root for root in sys.argv[2:] if file.startswith(root)), key=len)
        name = handler.__qualname__.replace(".<locals>", "")
        return file[len(roots[-1]):].lstrip("/") + ":" + name if roots else "outside"

    module, _, name = sys.argv[1].partition(":")
    app = getattr(importlib.import_module(module), name.removesuffix("()"))
    app = app() if name.endswith("()") else app
    print(json.dumps([it for it in each(app) if it[2] != "outside"]))
"""
"""The same of an application of Flask."""


LITESTAR = """
    import importlib, json, sys

    def each(app):
        for route in app.routes:
            for handler in getattr(route, "route_handlers", None) or [route.route_handler]:
                methods = getattr(handler, "http_methods", {"WEBSOCKET"})
                yield ",".join(sorted(methods)), route.path, where(handler.fn)

    def where(handler):
        file = sys.modules[handler.__module__].__file__
        roots = sorted((root for root in sys.argv[2:] if file.startswith(root)), key=len)
        name = handler.__qualname__.replace(".<locals>", "")
        return file[len(roots[-1]):].lstrip("/") + ":" + name if roots else "outside"

    module, _, name = sys.argv[1].partition(":")
    app = getattr(importlib.import_module(module), name.removesuffix("()"))
    app = app() if name.endswith("()") else app
    print(json.dumps([it for it in each(app) if it[2] != "outside"]))
"""
"""The same of an application of Litestar."""
