"""Models as code declares them: each framework's columns, relations and indexes, whatever file they are in."""

from __future__ import annotations

import textwrap

import pytest

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.nouns import Column, OrmModel, Relation
from support.projects import project_of


def column(it: Column) -> str:
    nullable = {True: "null", False: "", None: "null?"}[it.nullable]
    flags = ("key" if it.primary else "index" if it.indexed and not it.unique else "", "unique" if it.unique else "", nullable)
    stored, references = f"={it.stored}" if it.stored else "", f"->{it.references}" if it.references else ""
    return " ".join(filter(None, (f"{it.name}{stored}:{it.type}{references}", *flags)))


def relation(it: Relation) -> str:
    more = (f"back={it.back}" if it.back else "", it.lazy, it.on_delete, it.cascade)
    return " ".join(filter(None, (f"{it.name} => {it.target}{'*' if it.many else ''}", *more)))


def line(model: OrmModel) -> str:
    rows = [*map(column, model.columns), *map(relation, model.relations), *(f"({' '.join(it)})" for it in model.indexes)]
    return f"{model.name} {model.table or '?'}: {', '.join(rows)}"


def check(code: str, *expected: str) -> None:
    """Each model as one line: `name table: column:type flags, relation => target*, (index)`."""
    assert [line(it) for it in catalogue(project_of(code)).models] == [textwrap.dedent(it) for it in expected]


BASE = """
-- app/base.py --
from typing import Annotated
from sqlalchemy import func
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
key = Annotated[int, mapped_column(primary_key=True)]
class Base(DeclarativeBase):
    pass
class Stamped:
    made: Mapped[str] = mapped_column(index=True)
    @declared_attr
    def changed(cls) -> Mapped[str | None]:
        return mapped_column(default=func.now())
-- app/models.py --
from __future__ import annotations
import sqlalchemy as sa
from typing import Optional
from sqlalchemy import Column, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, WriteOnlyMapped, declared_attr, mapped_column, relationship, backref, deferred
from .base import Base, Stamped, key
"""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "class User(Stamped, Base):\n"
            "    __tablename__ = 'users'\n"
            "    id: Mapped[key]\n"
            "    email: Mapped[Optional['str']] = mapped_column('mail', String(9), unique=True)\n",
            ["User users: id:int key, email=mail:String unique null, made:str index, changed:str null"],
        ),
        (
            "class A(Base):\n    __abstract__ = True\n    id: Mapped[key]\n"
            "class B(A):\n    __tablename__ = 'b'\nclass C(B):\n    x = Column(sa.Integer)\n",
            ["B b: id:int key", "C b: x:Integer null, id:int key"],
        ),
        (
            "class User(Base):\n"
            "    __tablename__ = 'user'\n"
            "    id: Mapped[key]\n"
            "    orders: Mapped[list['Order']] = relationship(back_populates='user', cascade='all', lazy='selectin')\n"
            "class Order(Base):\n"
            "    __tablename__ = 'order'\n"
            "    __table_args__ = (Index('ix', 'user_id', sa.desc('no')), UniqueConstraint('no'), {'schema': 'x'})\n"
            "    id: Mapped[key]\n"
            "    no = deferred(Column(String, nullable=False))\n"
            "    user_id: Mapped[int] = mapped_column(ForeignKey(User.id))\n"
            "    user: Mapped[User] = relationship(back_populates='orders')\n",
            [
                "User user: id:int key, orders => Order* back=user selectin all",
                "Order order: id:int key, no:String, user_id:int->user.id, user => User back=orders, (user_id no), (no)",
            ],
        ),
        (
            "tags = sa.Table('tags', Base.metadata, Column('a', ForeignKey('post.id'), primary_key=True))\n"
            "class Tag(Base):\n    __tablename__ = 'tag'\n    id: Mapped[key]\n"
            "class Post(Base):\n    __tablename__ = 'post'\n    id: Mapped[key]\n"
            "    parent_id = Column(sa.Integer, ForeignKey('post.id'))\n"
            "    tags = relationship('Tag', secondary=tags, backref='posts')\n"
            "    parent = relationship('Post', remote_side=[id], backref=backref('children', lazy='dynamic'))\n",
            [
                "Tag tag: id:int key, posts => Post* back=tags",
                "Post post: id:int key, parent_id:Integer->post.id null, tags => Tag* back=posts,"
                " children => Post* back=parent dynamic, parent => Post back=children",
                "tags tags: a:->post.id key",
            ],
        ),
        (
            "def pk():\n    return mapped_column(sa.Uuid, primary_key=True)\n"
            "class Named:\n    @declared_attr.directive\n"
            "    def __tablename__(cls):\n        return 't_' + cls.__name__.lower()\n"
            "class Thing(Named, Base):\n    id = pk()\n    kids: WriteOnlyMapped['Thing'] = relationship()\n"
            "Index('apart', Thing.id.desc())\n",
            ["Thing t_thing: id:Uuid key, kids => Thing* write_only, (id)"],
        ),
    ],
)
def test_sqlalchemy(code: str, expected: list[str]) -> None:
    check(BASE + code, *expected)


def test_sqlmodel_and_flask_sqlalchemy() -> None:
    check(
        """
        -- a.py --
        from sqlmodel import Field, Relationship, SQLModel
        class HeroBase(SQLModel):
            name: str = Field(index=True)
            age: int | None = None
        class Team(SQLModel, table=True):
            id: int | None = Field(default=None, primary_key=True)
            heroes: list["Hero"] = Relationship(back_populates="team")
        class Hero(HeroBase, table=True):
            id: int | None = Field(default=None, primary_key=True)
            team_id: int | None = Field(default=None, foreign_key="team.id")
            team: Team | None = Relationship(back_populates="heroes", sa_relationship_kwargs={"lazy": "joined"})
        -- b.py --
        from flask_sqlalchemy import SQLAlchemy
        db = SQLAlchemy()
        class BlogPost(db.Model):
            id = db.Column(db.Integer, primary_key=True)
            title = db.Column(db.String(80), unique=True, nullable=False)
        class Comment(db.Model):
            id = db.Column(db.Integer, primary_key=True)
            post_id = db.Column(db.ForeignKey("blog_post.id"))
            post = db.relationship(BlogPost, backref="comments")
        """,
        "Team team: id:int key, heroes => Hero* back=team",
        "Hero hero: id:int key, team_id:int->team.id null, name:str index, age:int null, team => Team back=heroes joined",
        "BlogPost blog_post: id:Integer key, title:String unique, comments => Comment* back=post",
        "Comment comment: id:Integer key, post_id:->blog_post.id null, post => BlogPost back=comments",
    )


def test_django() -> None:
    fields = (
        "number:Upper key, buyer=buyer_id:ForeignKey->Person null, seller=seller_id:OneToOneField->Person unique,"
        " parent=up:ForeignKey->Order index, made:DateTimeField index, owner=owner_id:ForeignKey->Person index"
    )
    up = "order_ptr => Order back=gift CASCADE"
    pointer = "order_ptr=order_ptr_id:OneToOneField->Order key unique"
    relations = (
        "buyer => Person back=order_set SET_NULL, seller => Person PROTECT, parent => Order back=children CASCADE,"
        " tags => Tag* back=orders, owner => Person back=shop_orders CASCADE"
    )
    check(
        """
        -- project/settings.py --
        AUTH_USER_MODEL = "people.Person"
        -- common/models.py --
        from django.db import models
        class Stamped(models.Model):
            made = models.DateTimeField(db_index=True)
            note = models.CharField(max_length=3)
            owner = models.ForeignKey("people.Person", models.CASCADE, related_name="%(app_label)s_%(class)ss")
            class Meta:
                abstract = True
                ordering = ["-made"]
        class Plain:
            lost = models.TextField()
        -- people/apps.py --
        from django.apps import AppConfig
        class PeopleConfig(AppConfig):
            name = "people"
        -- people/models/user.py --
        from django.contrib.auth.models import AbstractBaseUser
        from django.db import models
        class Person(AbstractBaseUser):
            email = models.EmailField(unique=True)
        -- shop/models.py --
        from django.conf import settings
        from django.contrib.auth import get_user_model
        from django.db import models
        from common.models import Plain, Stamped
        class Upper(models.CharField):
            pass
        class Order(Plain, Stamped):
            note = None
            number = Upper(primary_key=True)
            buyer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, db_index=False)
            seller = models.OneToOneField(get_user_model(), models.PROTECT, related_name="+")
            parent = models.ForeignKey("self", models.CASCADE, related_name="children", db_column="up")
            tags = models.ManyToManyField("Tag", related_name="orders")
            class Meta(Stamped.Meta):
                db_table = "orders"
                indexes = [models.Index(fields=["-made", "number"])]
                constraints = [models.UniqueConstraint(fields=["buyer"], name="one")]
        class Gift(Order):
            ribbon = models.BooleanField(null=True)
            class Meta:
                unique_together = ("ribbon",)
        class Proxy(Gift):
            class Meta:
                proxy = True
        class Tag(models.Model):
            slug = models.SlugField()
        """,
        "Person people_person: id: key, email:EmailField unique, password:CharField, last_login:DateTimeField null",
        f"Order orders: {fields}, {relations}, (made number), (buyer)",
        f"Gift shop_gift: {fields}, ribbon:BooleanField null, {pointer}, {relations}, {up}, (ribbon)",
        f"Proxy shop_gift: {fields}, ribbon:BooleanField null, {pointer}, {relations}, {up}",
        "Tag shop_tag: id: key, slug:SlugField index",
    )
