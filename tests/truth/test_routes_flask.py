"""Routes of Flask: those we see are those of the framework's own map, of an installed package and a made-up one."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from architect_lsp.knowledge.frameworks.flask import tables
from support.examples import files_of
from support.routes import WSGI, Row, rows
from support.truth import environment, project_of, said, source

pytestmark = pytest.mark.realworld

FLASK = ["flask==3.1.3", "flask-restful==0.3.10", "flask-restx==1.3.2", "flask-smorest==0.47.0"]
IHATEMONEY = ["ihatemoney==7.2.1", "flask==3.1.3", "flask-restful==0.3.10"]

SHOP = """
-- shop/__init__.py --
from functools import wraps
from flask import Flask, abort, request, session
from flask_restful import Api
from . import admin, views
from .api import blueprints, init_api
from .resources import Orders, Order
from .namespaces import api as restx
from .smorest import pets
from .extensions import Extension, rest

def create_app(config=None):
    app = Flask(__name__)
    app.config["API_TITLE"], app.config["API_VERSION"], app.config["OPENAPI_VERSION"] = "Shop", "v1", "3.0.2"

    @app.before_request
    def load_user():
        if "user_id" not in session:
            abort(401)

    @app.route("/")
    @app.route("/index", methods=["GET", "POST"])
    def index(): ...

    @app.get("/shop/<int:shop_id>/items/<path:rest>")
    def items(shop_id, rest): ...

    app.add_url_rule("/about", "about", views.about)
    app.add_url_rule("/contact", view_func=views.contact, methods=["PUT"])
    app.add_url_rule("/cart/<uuid:cart>", view_func=views.Cart.as_view("cart"))
    app.add_url_rule("/cart", view_func=login_required(views.Cart.as_view("carts")), methods=["GET", "PUT"])
    app.add_url_rule("/page", view_func=views.Page.as_view("page", "page.html"))
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    app.register_blueprint(admin.bp, url_prefix="/manage")
    app.register_blueprint(admin.bp, name="again", url_prefix="/again/")
    app.register_blueprint(pets)
    api = Api(app, prefix="/rest")
    api.add_resource(Orders, "/orders", "/orders/all")
    api.add_resource(Order, "/orders/<int:number>", endpoint="order")
    init_api(app)
    restx.init_app(app)
    rest.init_app(app)
    Extension(app)
    return app

def login_required(view):
    @wraps(view)
    def inner(*args, **kwargs):
        return view(*args, **kwargs)
    return inner
-- shop/views.py --
from flask.views import MethodView, View

def about(): ...
def contact(): ...

class Listing(MethodView):
    def get(self, **more): ...

class Cart(Listing):
    def put(self, **more): ...
    def delete(self, **more): ...

class Page(View):
    methods = ["GET", "POST"]

    def __init__(self, template): ...
    def dispatch_request(self): ...
-- shop/admin.py --
from flask import Blueprint
from . import views

bp = Blueprint("admin", __name__, url_prefix="/admin")
users = Blueprint("users", __name__, url_prefix="/users")
logs = Blueprint("logs", __name__)

@bp.route("/")
def home(): ...

@bp.route("")
def bare(): ...

@users.route("/<name>", methods=("DELETE",))
def remove(name): ...

@logs.post("/logs/<string(length=4):day>")
def add(day): ...

bp.register_blueprint(users)
users.register_blueprint(logs, url_prefix="/all")
-- shop/api/__init__.py --
from flask import Blueprint
from .v1 import v1, PREFIX
from .routes import *

blueprints = (v1, more)

def init_api(app, prefix=PREFIX + "/late"):
    @app.route(f"{prefix}/ping")
    def ping(): ...

    app.route(prefix + "/pong", methods=["PATCH"])(pong)

def pong(): ...
-- shop/api/v1.py --
from flask import Blueprint

PREFIX = "/api/v1"
v1 = Blueprint("v1", __name__, url_prefix=PREFIX)
VERBS = ["GET", "POST"]

@v1.route("/things/<thing>")
def thing(thing): ...

from . import views
-- shop/api/views.py --
from .v1 import v1

@v1.route(rule="/others")
def others(): ...
-- shop/api/routes.py --
from flask import Blueprint

def make(name):
    blueprint = Blueprint(name, __name__, url_prefix=f"/{name}")

    @blueprint.get("/made")
    def made(): ...
    return blueprint

more = make("more")
-- shop/resources.py --
from flask_restful import Resource

class Orders(Resource):
    def get(self): ...
    def post(self): ...

class Order(Resource):
    def get(self, number): ...
    def delete(self, number): ...
-- shop/namespaces/__init__.py --
from flask_restx import Api
from .cats import ns as cats
from .dogs import ns as dogs

api = Api(prefix="/x", doc=False)
api.add_namespace(cats)
api.add_namespace(dogs, path="/hounds")
birds = api.namespace("birds", description="Birds")

from . import birds_views
-- shop/namespaces/cats.py --
from flask_restx import Namespace, Resource

ns = Namespace("cats")

@ns.route("/", "/all")
class Cats(Resource):
    def get(self): ...

@ns.route("/<int:cat>")
class Cat(Resource):
    def get(self, cat): ...
    def put(self, cat): ...
-- shop/namespaces/dogs.py --
from flask_restx import Namespace, Resource

ns = Namespace("dogs", path="/dogs")

@ns.route("/<name>")
class Dog(Resource):
    def patch(self, name): ...
-- shop/namespaces/birds_views.py --
from flask_restx import Resource
from . import birds

@birds.route("/nest")
class Nest(Resource):
    def get(self): ...
-- shop/smorest.py --
from flask.views import MethodView
from flask_smorest import Blueprint

pets = Blueprint("pets", __name__, url_prefix="/pets")

@pets.route("/<int:pet>")
class Pet(MethodView):
    def get(self, pet): ...

    def delete(self, pet): ...

@pets.route("/count")
def count(): ...
-- shop/extensions.py --
from flask import Blueprint
from flask_restful import Api, Resource

rest = Api(prefix="/rest2")

@rest.resource("/a", "/b")
class Both(Resource):
    def get(self): ...

class Extension:
    def __init__(self, app=None):
        self.bp = Blueprint("ext", __name__)
        self.bp.add_url_rule("/ext", view_func=self.view)
        if app is not None:
            self.init_app(app)

    def init_app(self, app):
        app.register_blueprint(self.bp, url_prefix="/extension")

    def view(self): ...
"""


def test_a_flask_application_of_several_files(tmp_path: Path) -> None:
    for name, code in files_of(textwrap.dedent(SHOP)).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    expected = asked(environment("flask", FLASK), "shop:create_app()", tmp_path)
    assert len(expected) > 40
    (table,) = tables(project_of(tmp_path))
    assert sorted(rows(table)) == sorted(expected)


def test_ihatemoney_has_the_routes_we_see() -> None:
    python = environment("ihatemoney", IHATEMONEY)
    expected = asked(python, "ihatemoney.run:create_app()", python.parent.parent)
    assert len(expected) > 50
    (table,) = tables(project_of(source(python, "ihatemoney")))
    assert sorted(rows(table)) == sorted(expected)


def asked(python: Path, application: str, root: Path) -> list[Row]:
    """What the framework itself says of the routes of the files below a folder."""
    script = f"import sys; sys.path.insert(0, '.')\n{textwrap.dedent(WSGI)}"
    folders = [str(root), *map(str, root.glob("lib/python*/site-packages"))]
    return [tuple(it) for it in said(python, script, application, *folders, cwd=root) if not it[2].startswith("flask")]
