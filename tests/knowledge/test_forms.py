"""What forms, serializers, schemas and dependencies let through: text of anybody's choice is found, what they check is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from architect_lsp.engine import Workspace
from architect_lsp.settings import Settings

RUN = 'connection.execute(f"SELECT * FROM t ORDER BY {VALUE}")'
DJANGO = """\
import sqlite3
from django import forms
from django.core.validators import MaxLengthValidator, RegexValidator
from django.views.generic import FormView

connection = sqlite3.connect("shop.db")

def known(value):
    if value not in ("a", "b"):
        raise forms.ValidationError("unknown")

class Ask(forms.Form):
    field = forms.FIELD
    number = forms.IntegerField()
    cleaned = forms.CharField()

    def clean_cleaned(self):
        if self.cleaned_data["cleaned"] not in ("a", "b"):
            raise forms.ValidationError("unknown")
        return self.cleaned_data["cleaned"]

"""
USES = {
    "at once": f"def rows(request):\n    form = Ask(request.POST)\n    {RUN}\n".replace("VALUE", "form.cleaned_data['KEY']"),
    "asked": f"def rows(request):\n    form = Ask(data=request.GET)\n    {RUN}\n".replace(
        "VALUE", "form.cleaned_data.get('KEY')"
    ),
    "named": "def rows(request):\n    form = Ask(request.POST or None)\n    data = form.cleaned_data\n"
    + f"    key = data['KEY']\n    {RUN}\n".replace("VALUE", "key"),
    "handed": "def rows(request):\n    form = Ask(request.POST)\n    run(form.cleaned_data['KEY'])\n\n"
    + f"def run(key):\n    return {RUN}\n".replace("VALUE", "key"),
    "given back": "def asked(request):\n    form = Ask(request.POST)\n    return form.cleaned_data['KEY']\n\n"
    + f"def rows(request):\n    {RUN}\n".replace("VALUE", "asked(request)"),
    "of a view": "class Rows(FormView):\n    form_class = Ask\n\n    def form_valid(self, form):\n"
    + f"        {RUN}\n".replace("VALUE", "form.cleaned_data['KEY']"),
    "of a made form": "class Rows(FormView):\n    form_class = Ask\n\n"
    "    def post(self, request):\n        form = self.get_form()\n"
    + f"        {RUN}\n".replace("VALUE", "form.cleaned_data['KEY']"),
    "by a method": "class More(Ask):\n    def key(self):\n        return self.cleaned_data['KEY']\n\n"
    "def rows(request):\n    form = More(request.POST)\n" + f"    {RUN}\n".replace("VALUE", "form.key()"),
    "spread": "def rows(request):\n    form = Ask(request.POST)\n    run(**form.cleaned_data)\n\n"
    + f"def run(KEY, **others):\n    return {RUN}\n".replace("VALUE", "KEY"),
    "as a whole": "def rows(request):\n    form = Ask(request.POST)\n    run(form)\n\n"
    + f"def run(form):\n    return {RUN}\n".replace("VALUE", "form.cleaned_data['KEY']"),
    "by itself": f"class More(Ask):\n    def run(self):\n        {RUN}\n".replace("VALUE", "self.cleaned_data['KEY']"),
}
TEXTS = ("CharField()", "CharField(validators=[MaxLengthValidator(9)])", "URLField()", 'RegexField(r"^.+$")', "EmailField()")
CHECKED = (
    *("IntegerField()", "ChoiceField(choices=WAYS)", "UUIDField()", "BooleanField()", "DateField()", "SlugField()"),
    *('RegexField(r"^[a-z]+$")', "CharField(validators=[known])", 'CharField(validators=[RegexValidator(r"^[a-z]+$")])'),
    *("ModelChoiceField(queryset=ROWS)", "GenericIPAddressField()"),
)


def found(text: str) -> bool:
    workspace = Workspace(Path("/project"), Settings())
    findings = workspace.check(workspace.open("app.py", text)).findings
    return any(it.rule == "sql-injection" and "comes from outside" in it.message for it in findings)


def said(head: str, field: str, use: str, key: str = "field") -> bool:
    return found(head.replace("FIELD", field) + use.replace("KEY", key))


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_text_field_of_a_form_is_what_was_sent(use: str) -> None:
    assert said(DJANGO, "CharField()", use)


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("key", ["number", "cleaned", "field"])
def test_a_checked_field_of_a_form_is_not(use: str, key: str) -> None:
    assert not said(DJANGO, "ChoiceField(choices=WAYS)", use, key)


@pytest.mark.parametrize("field", TEXTS)
def test_fields_of_any_text(field: str) -> None:
    assert said(DJANGO, field, USES["at once"])


@pytest.mark.parametrize("field", CHECKED)
def test_fields_that_say_what_they_hold(field: str) -> None:
    assert not said(DJANGO, field, USES["at once"])


def test_a_form_as_a_whole_is_judged_by_what_all_its_fields_are() -> None:
    use = USES["handed"].replace("form.cleaned_data['KEY']", "form.cleaned_data")
    assert not said(DJANGO, "CharField()", use)  # which of them is used nobody knows
    assert said(DJANGO.replace("IntegerField", "CharField").replace("clean_cleaned", "other"), "CharField()", use)


def test_what_a_check_tries_and_what_is_meant_as_a_template_is_no_injection() -> None:
    head = DJANGO.replace("import sqlite3", "from jinja2 import Template")
    check = "class More(Ask):\n    def clean_field(self):\n        Template(self.cleaned_data['field'])\n\n"
    used = check.replace("clean_field", "shown")

    def flagged(text: str) -> bool:
        workspace = Workspace(Path("/project"), Settings())
        found = workspace.check(workspace.open("app.py", text.replace("FIELD", "CharField()"))).findings
        return any(it.rule == "template-injection" for it in found)

    assert not flagged(head + check)
    assert not flagged(head.replace("field =", "mail_template =") + used.replace("'field'", "'mail_template'"))
    assert flagged(head + used)


REST = """\
import sqlite3
from rest_framework import generics, serializers

connection = sqlite3.connect("shop.db")

class Inner(serializers.Serializer):
    field = serializers.FIELD

class Ask(serializers.Serializer):
    field = serializers.FIELD
    inner = Inner()
    many = serializers.ListField(child=serializers.FIELD)

"""
OF_REST = {
    "at once": "def rows(request):\n    asked = Ask(data=request.data)\n    asked.is_valid(raise_exception=True)\n"
    + f"    {RUN}\n".replace("VALUE", "asked.validated_data['field']"),
    "nested": "def rows(request):\n    asked = Ask(data=request.data)\n    asked.is_valid(raise_exception=True)\n"
    + f"    {RUN}\n".replace("VALUE", "asked.validated_data['inner']['field']"),
    "listed": "def rows(request):\n    asked = Ask(data=request.query_params)\n    asked.is_valid(raise_exception=True)\n"
    + f"    {RUN}\n".replace("VALUE", "asked.validated_data['many'][0]"),
    "of a view": "class Rows(generics.ListAPIView):\n    serializer_class = Ask\n\n    def get(self, request):\n"
    + "        asked = self.get_serializer(data=request.query_params)\n"
    + f"        {RUN}\n".replace("VALUE", "asked.validated_data['field']"),
    "of a hook": "class Rows(generics.CreateAPIView):\n    serializer_class = Ask\n\n    def perform_create(self, serializer):\n"
    + f"        {RUN}\n".replace("VALUE", "serializer.validated_data['field']"),
    "by itself": "class More(Ask):\n    def create(self, validated_data):\n"
    + f"        {RUN}\n".replace("VALUE", "validated_data['field']"),
}


@pytest.mark.parametrize("use", OF_REST.values(), ids=OF_REST)
def test_a_serializer_is_judged_by_its_fields(use: str) -> None:
    assert said(REST, "CharField()", use)
    assert not said(REST, "IntegerField()", use)


def test_a_serializer_reads_the_request_of_its_context() -> None:
    use = "class More(Ask):\n    def validate(self, attrs):\n" + f"        {RUN}\n".replace("VALUE", "PART")
    for part in ("self.context['request'].query_params['a']", "self.context['request'].data.get('a')"):
        assert said(REST, "IntegerField()", use.replace("PART", part))
    assert not said(REST, "IntegerField()", use.replace("PART", "self.context['request'].user.pk"))


def test_a_message_of_a_queue_is_no_request() -> None:
    use = OF_REST["at once"].replace("request.data", "json.loads(body)").replace("rows(request)", "rows(channel, method, body)")
    assert not said(REST + "import json\n", "CharField()", use)


MARSHMALLOW = """\
import sqlite3
from flask import request
from marshmallow import Schema, fields, validate

connection = sqlite3.connect("shop.db")

class Ask(Schema):
    field = fields.FIELD

ask_schema = Ask()

def rows():
    data = LOADED
    connection.execute("SELECT * FROM t ORDER BY " + data["field"])
"""


@pytest.mark.parametrize("loaded", ["Ask().load(request.json)", "ask_schema.load(request.get_json(force=True))"])
@pytest.mark.parametrize(
    ("field", "free"),
    [
        ("Str()", True),
        ("String(validate=validate.Length(max=9))", True),
        ("Integer()", False),
        ('Str(validate=validate.OneOf(["a", "b"]))', False),
        ('Str(validate=[validate.Length(max=9), validate.Regexp("^[a-z]+$")])', False),
    ],
)
def test_a_schema_is_judged_by_its_fields(loaded: str, field: str, free: bool) -> None:
    name = "AskSchema" if "Ask()" in loaded else "Ask"
    text = MARSHMALLOW.replace("LOADED", loaded).replace("Ask(Schema)", f"{name}(Schema)").replace("Ask()", f"{name}()")
    assert said(text, field, "") == free


HANDED = """\
import sqlite3
from flask import Blueprint
from flask.views import MethodView
from marshmallow import Schema, fields

blueprint = Blueprint("rows", __name__)
connection = sqlite3.connect("shop.db")

class AskSchema(Schema):
    field = fields.FIELD

@blueprint.route("/rows")
class Rows(MethodView):
    @blueprint.DECORATOR
    def post(self, PARAMETER):
        connection.execute(f"SELECT * FROM t ORDER BY {VALUE}")
"""


@pytest.mark.parametrize(
    ("decorator", "parameter", "value"),
    [
        ("arguments(AskSchema)", "data", "data['field']"),
        ('use_args(AskSchema(), location="query")', "data", "data.get('field')"),
        ("use_kwargs(AskSchema)", "field", "field"),
    ],
)
@pytest.mark.parametrize(("field", "free"), [("Str()", True), ("Integer()", False)])
def test_a_schema_of_a_decorator_is_judged_by_its_fields(
    decorator: str, parameter: str, value: str, field: str, free: bool
) -> None:
    text = HANDED.replace("DECORATOR", decorator).replace("PARAMETER", parameter).replace("VALUE", value)
    assert said(text, field, "") == free


WTFORMS = """\
import sqlite3
from flask_wtf import FlaskForm
from wtforms import FIELD_CLASS, validators

connection = sqlite3.connect("shop.db")

class AskForm(FlaskForm):
    field = FIELD

def rows():
    form = AskForm()
    if form.validate_on_submit():
        connection.execute("SELECT * FROM t ORDER BY " + form.field.data)
"""


@pytest.mark.parametrize(
    ("field", "free"),
    [
        ('StringField("x", [validators.DataRequired()])', True),
        ("HiddenField()", True),
        ("SelectField(choices=WAYS)", False),
        ("IntegerField()", False),
        ('StringField("x", [validators.Regexp("^[a-z]+$")])', False),
    ],
)
def test_a_form_of_flask_reads_the_request_itself(field: str, free: bool) -> None:
    assert said(WTFORMS.replace("FIELD_CLASS", field.partition("(")[0]), field, "") == free


DEPENDS = """\
import sqlite3
from dataclasses import dataclass
from typing import Annotated, Literal
from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel
from pydantic_settings import BaseSettings

app = FastAPI()
connection = sqlite3.connect("shop.db")

class Made:
    def __init__(self, text: str, number: int = 1, way: Literal["a", "b"] = "a", shaped: str = Query(pattern="^[a-z]+$")):
        self.text = text
        self.number = number
        self.way = way
        self.shaped = shaped

@dataclass
class Data:
    text: str
    number: int = 1

class Model(BaseModel):
    text: str
    number: int = 1

class Conf(BaseSettings):
    text: str = ""

class Service:
    def __init__(self, settings: Conf = Depends(Conf)):
        self.text = settings.text

def common(text: str = "", number: int = 1):
    return {"text": text, "number": number}

def stripped(text: str):
    return text.strip()

def built(text: str, number: int = 1):
    return Data(text=text, number=number)

def looked_up(text: str):
    return connection.get(text)

Aliased = Annotated[Made, Depends()]

@app.get("/rows")
def rows(PARAMETER):
    connection.execute(f"SELECT * FROM t ORDER BY {VALUE}")
"""


@pytest.mark.parametrize(
    ("parameter", "value", "free"),
    [
        ("it: Made = Depends()", "it.text", True),
        ("it: Annotated[Made, Depends()]", "it.text", True),
        ("it: Aliased", "it.text", True),
        ("it: Made = Depends()", "it.number", False),
        ("it: Made = Depends()", "it.way", False),
        ("it: Made = Depends()", "it.shaped", False),
        ("it: Data = Depends(Data)", "it.text", True),
        ("it: Data = Depends(Data)", "it.number", False),
        ("it: Annotated[Model, Query()]", "it.text", True),
        ("it: Annotated[Model, Query()]", "it.number", False),
        ("it: Conf = Depends()", "it.text", False),
        ("it: Service = Depends()", "it.text", False),
        ("it: dict = Depends(common)", "it['text']", True),
        ("it: dict = Depends(common)", "it['number']", False),
        ("it: str = Depends(stripped)", "it", True),
        ("it: Data = Depends(built)", "it.text", True),
        ("it: Data = Depends(built)", "it.number", False),
        ("it: Data = Depends(looked_up)", "it.text", False),
    ],
)
def test_a_dependency_is_judged_by_what_fills_it(parameter: str, value: str, free: bool) -> None:
    assert found(DEPENDS.replace("PARAMETER", parameter).replace("VALUE", value)) == free


WHOLE = (
    DEPENDS.partition("@app.get")[0]
    + """\
class Repository:
    def rows(self, it):
        return connection.execute(f"SELECT * FROM t ORDER BY {it.KEY}")

class Service:
    def __init__(self):
        self.repository = Repository()

    def rows(self, it: KIND):
        return self.repository.rows(it)

service = Service()

@app.get("/rows")
def rows(PARAMETER):
    return service.rows(it)
"""
)


@pytest.mark.parametrize("kind", ["Made", "Data", "Model"])
@pytest.mark.parametrize(("key", "free"), [("text", True), ("number", False)])
def test_a_dependency_that_is_handed_on_whole_is_judged_by_the_part_that_is_used(kind: str, key: str, free: bool) -> None:
    assert found(WHOLE.replace("PARAMETER", f"it: {kind} = Depends()").replace("KIND", kind).replace("KEY", key)) == free


ADDRESS = """\
import sqlite3
from django.urls import path
from django.views import View

connection = sqlite3.connect("shop.db")

class Rows(View):
    def get(self, request, *args, **kwargs):
        connection.execute(f"SELECT * FROM t ORDER BY {VALUE}")

urlpatterns = [path("rows/<CONVERTER:key>/", Rows.as_view())]
"""


@pytest.mark.parametrize("value", ["self.kwargs['key']", "self.kwargs.get('key')", "kwargs['key']"])
@pytest.mark.parametrize(("converter", "free"), [("str", True), ("path", True), ("int", False), ("uuid", False), ("slug", False)])
def test_a_part_of_an_address_is_what_its_converter_says(value: str, converter: str, free: bool) -> None:
    assert found(ADDRESS.replace("CONVERTER", converter).replace("VALUE", value)) == free
