"""What functions do, by the code people write: each case is a file with a function `f`, through the road the product takes."""

from __future__ import annotations

import importlib.util
import inspect
import json
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from architect_lsp.engine import Workspace
from architect_lsp.knowledge.effects import KINDS, Entry, Table, entries, entry_of, packages
from architect_lsp.knowledge.summaries import Effect, described, effects
from architect_lsp.settings import Settings, SettingsError, parse
from support.examples import files_of

REPOSITORY = Path(__file__).parent.parent.parent


def found_in(code: str, settings: Settings | None = None) -> tuple[Workspace, dict[str, Effect]]:
    """The effects of the function `f`, of `module.py` or of the first file."""
    workspace = Workspace(Path("/project"), settings or Settings())
    files = files_of(textwrap.dedent(code).lstrip("\n"))
    for path, text in files.items():
        workspace.open(path, text)
    path = next(iter(files))
    definition = next(it for it in workspace.project.facts(path).defs if it.qualname.rpartition(".")[2] == "f")
    return workspace, effects(workspace.project, path, definition)


def check(code: str, *kinds: str) -> None:
    assert sorted(found_in(code)[1]) == sorted(kinds)


def in_function(code: str) -> str:
    """Imports and module names stay above, what is indented becomes the body of `f`."""
    head, _, body = code.partition("---\n")
    word = "async def" if "await " in body or "async " in body else "def"
    return f"{textwrap.dedent(head)}\n{word} f(x):\n{textwrap.indent(textwrap.dedent(body), '    ')}"


CASES: dict[str, tuple[str, str]] = {
    "requests": ("import requests\n---\nrequests.get(x, timeout=3)", "http blocking"),
    "requests session": ("import requests\n---\nwith requests.Session() as s:\n    s.post(x)", "http blocking"),
    "httpx": ("import httpx\n---\nwith httpx.Client() as c:\n    c.get(x)", "http blocking"),
    "httpx async": ("from httpx import AsyncClient\n---\nasync with AsyncClient() as c:\n    await c.get(x)", "http"),
    "aiohttp": (
        "import aiohttp\n---\nasync with aiohttp.ClientSession() as s:\n    async with s.get(x) as r:\n        await r.json()",
        "http",
    ),
    "urllib": ("from urllib.request import urlopen\n---\nurlopen(x)", "http blocking"),
    "websockets": ("import websockets\n---\nasync with websockets.connect(x) as ws:\n    await ws.send('hi')", "http"),
    "selenium": ("from selenium import webdriver\n---\nd = webdriver.Chrome()\nd.get(x)", "http subprocess blocking"),
    "sqlalchemy core": (
        "from sqlalchemy import create_engine, text\nengine = create_engine('sqlite://')\n"
        "---\nwith engine.connect() as c:\n    c.execute(text('SELECT 1'))",
        "db-read blocking",
    ),
    "sqlalchemy begin": (
        "from sqlalchemy import create_engine, text\nengine = create_engine('sqlite://')\n"
        "---\nwith engine.begin() as c:\n    c.execute(text('DELETE FROM t'))",
        "db-write transaction blocking",
    ),
    "sqlalchemy session": (
        "from sqlalchemy.orm import sessionmaker\nMake = sessionmaker()\n---\nwith Make() as s:\n    s.add(x)\n    s.commit()",
        "db-write commit blocking",
    ),
    "sqlalchemy query": (
        "from sqlalchemy.orm import Session\n---\ns: Session = x\ns.query(User).filter_by(id=1).order_by(User.id).first()",
        "db-read blocking",
    ),
    "sqlalchemy lazy": ("from sqlalchemy import select\n---\nq = select(User).where(User.id == x)\nq.limit(3)", ""),
    "sqlalchemy add": ("from sqlalchemy.orm import Session\n---\ns: Session = x\ns.add(1)", "db-write"),
    "sqlalchemy async": (
        "from sqlalchemy.ext.asyncio import async_sessionmaker\nMake = async_sessionmaker()\n"
        "---\nasync with Make() as s:\n    await s.scalars(x)\n    await s.commit()",
        "db-read commit",
    ),
    "sqlalchemy async begin": (
        "from sqlalchemy.ext.asyncio import create_async_engine\nengine = create_async_engine('sqlite://')\n"
        "---\nasync with engine.begin() as c:\n    await c.execute(x)",
        "db-read transaction",
    ),
    "sqlmodel": ("from sqlmodel import Session\n---\nwith Session(x) as s:\n    s.exec(1).all()", "db-read blocking"),
    "sqlmodel async": (
        "from sqlmodel.ext.asyncio.session import AsyncSession\n---\ns: AsyncSession = x\nawait s.exec(1)\nawait s.commit()",
        "db-read commit",
    ),
    "a lock that may not wait": ("import fcntl\n---\nfcntl.flock(x, fcntl.LOCK_EX | fcntl.LOCK_NB)", "filesystem"),
    "flask-sqlalchemy": (
        "from flask_sqlalchemy import SQLAlchemy\ndb = SQLAlchemy()\nclass User(db.Model):\n    pass\n"
        "---\nUser.query.filter_by(id=x).first()\ndb.session.commit()",
        "db-read commit blocking",
    ),
    "django": (
        "from django.db import models, transaction\nclass Book(models.Model):\n    pass\n"
        "---\nwith transaction.atomic():\n    b = Book.objects.filter(pk=x).first()\n    b.save()",
        "db-read db-write transaction blocking",
    ),
    "django lazy": (
        "from django.db import models\nclass Book(models.Model):\n    pass\n---\nreturn Book.objects.filter(pk=x).exclude(pk=1)",
        "",
    ),
    "django async": (
        "from django.db import models\nclass Book(models.Model):\n    pass\n---\n"
        "b = await Book.objects.aget(pk=x)\nawait b.asave()",
        "db-read db-write",
    ),
    "django cache": ("from django.core.cache import cache\n---\ncache.get_or_set('k', x)", "cache blocking"),
    "django mail": ("from django.core.mail import send_mail\n---\nsend_mail('s', 'b', None, [x])", "mail blocking"),
    "peewee": (
        "import peewee\nclass Tweet(peewee.Model):\n    pass\n---\nTweet.select().where(Tweet.id == x).count()",
        "db-read blocking",
    ),
    "tortoise": (
        "from tortoise.models import Model\nclass Tweet(Model):\n    pass\n---\n"
        "await Tweet.filter(id=x).first()\nawait Tweet.create()",
        "db-read db-write",
    ),
    "psycopg2": (
        "import psycopg2\n---\nwith psycopg2.connect(x) as c, c.cursor() as cur:\n    cur.execute('SELECT 1')\n    c.commit()",
        "db-read commit blocking",
    ),
    "psycopg": ("import psycopg\n---\npsycopg.connect(x).cursor().execute('UPDATE t SET a = 1')", "db-write blocking"),
    "merge": ("import psycopg\n---\npsycopg.connect().execute(' MERGE\\nINTO t')", "db-write blocking"),
    "psycopg async": (
        "import psycopg\n---\nasync with await psycopg.AsyncConnection.connect(x) as c:\n    async with c.transaction():\n"
        "        await c.cursor().execute('SELECT 1')",
        "db-read transaction",
    ),
    "asyncpg": (
        "import asyncpg\n---\npool = await asyncpg.create_pool(x)\nasync with pool.acquire() as c:\n"
        "    await c.fetchrow('SELECT 1')",
        "db-read",
    ),
    "sqlite3": (
        "import sqlite3\n---\nc = sqlite3.connect(x)\nc.execute('INSERT INTO t VALUES (1)')\nc.commit()",
        "db-write commit blocking",
    ),
    "aiosqlite": ("import aiosqlite\n---\nasync with aiosqlite.connect(x) as c:\n    await c.execute('SELECT 1')", "db-read"),
    "pymongo": ("from pymongo import MongoClient\n---\nMongoClient()['db']['c'].find_one({'_id': x})", "db-read blocking"),
    "motor": (
        "from motor.motor_asyncio import AsyncIOMotorClient\nclient = AsyncIOMotorClient()\n---\n"
        "await client.db.users.insert_one(x)",
        "db-write",
    ),
    "beanie": ("from beanie import Document\nclass P(Document):\n    pass\n---\nawait P.find(P.id == x).to_list()", "db-read"),
    "mongoengine": (
        "from mongoengine import Document\nclass P(Document):\n    pass\n---\nP.objects(id=x).first()\nP().save()",
        "db-read db-write blocking",
    ),
    "neo4j": (
        "from neo4j import GraphDatabase\n---\nwith GraphDatabase.driver(x) as d, d.session() as s:\n    s.run('MATCH (n)')",
        "db-read blocking",
    ),
    "neo4j async": (
        "from neo4j import AsyncGraphDatabase\n---\n"
        "async with AsyncGraphDatabase.driver(x) as d:\n    async with d.session() as s:\n"
        "        await s.run('MATCH (n)')",
        "db-read",
    ),
    "cassandra": ("from cassandra.cluster import Cluster\n---\nCluster().connect().execute(x)", "db-read blocking"),
    "clickhouse": ("import clickhouse_connect\n---\nclickhouse_connect.get_client().insert('t', x)", "db-write blocking"),
    "bigquery": ("from google.cloud import bigquery\n---\nbigquery.Client().query(x).result()", "db-read http blocking"),
    "redis": (
        "import redis\nr = redis.Redis.from_url('redis://')\n---\nr.hset('k', x)\nr.publish('c', x)",
        "cache queue blocking",
    ),
    "redis pipeline": ("from redis import Redis\nr = Redis()\n---\np = r.pipeline()\np.incr(x)\np.execute()", "cache blocking"),
    "redis async": ("import redis.asyncio as redis\n---\nr = redis.from_url(x)\nawait r.get('k')", "cache"),
    "redis asyncio class": ("from redis.asyncio import Redis\n---\nr: Redis = x\nawait r.xadd('s', {})", "queue"),
    "memcached": ("from pymemcache.client.base import Client\n---\nClient(x).get('k')", "cache blocking"),
    "elasticsearch": (
        "from elasticsearch import Elasticsearch\nes = Elasticsearch()\n---\nes.indices.create(index=x)\nes.search()",
        "db-read db-write blocking",
    ),
    "elasticsearch async": (
        "from elasticsearch import AsyncElasticsearch\n---\nawait AsyncElasticsearch().search(index=x)",
        "db-read",
    ),
    "qdrant": ("from qdrant_client import QdrantClient\n---\nQdrantClient().query_points(x)", "db-read blocking"),
    "chromadb": ("import chromadb\n---\nchromadb.Client().get_or_create_collection('c').query(x)", "db-read blocking"),
    "milvus": ("from pymilvus import MilvusClient\n---\nMilvusClient().has_collection(x)", "blocking"),
    "pinecone": ("from pinecone import Pinecone\n---\nPinecone().Index('i').upsert(x)", "db-write blocking"),
    "faiss": ("import faiss\n---\nfaiss.IndexFlatL2(3).search(x, 5)", "cpu-heavy"),
    "s3": ("import boto3\ns3 = boto3.client('s3')\n---\ns3.upload_file(x, 'b', 'k')", "http blocking"),
    "s3 presigned": ("import boto3\n---\nboto3.client('s3').generate_presigned_url(x)", ""),
    "sqs": ("import boto3\n---\nboto3.Session().client('sqs').send_message(MessageBody=x)", "queue http blocking"),
    "dynamodb": (
        "import boto3\nt = boto3.resource('dynamodb').Table('t')\n---\nt.get_item(Key=x)\nt.put_item(Item=x)",
        "db-read db-write http blocking",
    ),
    "bedrock": ("import boto3\n---\nboto3.client('bedrock-runtime').converse(messages=x)", "llm http blocking"),
    "s3 async": (
        "import aioboto3\n---\nasync with aioboto3.Session().client('s3') as s3:\n    await s3.put_object(Body=x)",
        "http",
    ),
    "gcs": (
        "from google.cloud import storage\n---\nstorage.Client().bucket('b').blob('k').upload_from_string(x)",
        "http blocking",
    ),
    "azure blob": (
        "from azure.storage.blob import BlobServiceClient\n---\n"
        "BlobServiceClient.from_connection_string(x).get_blob_client('c', 'b').upload_blob(x)",
        "http blocking",
    ),
    "azure blob async": (
        "from azure.storage.blob.aio import BlobServiceClient\n---\n"
        "await BlobServiceClient.from_connection_string(x).get_blob_client('c', 'b').upload_blob(x)",
        "http",
    ),
    "celery shared task": ("from celery import shared_task\n@shared_task\ndef g():\n    pass\n---\ng.delay(x)", "queue"),
    "celery app task": (
        "from celery import Celery\napp = Celery()\n@app.task(bind=True)\ndef g(self):\n    pass\n---\ng.apply_async(args=[x])",
        "queue",
    ),
    "celery send": ("from celery import Celery\napp = Celery()\n---\napp.send_task('g', [x]).get(timeout=3)", "queue blocking"),
    "celery canvas": (
        "from celery import group, shared_task\n@shared_task\ndef g():\n    pass\n---\ngroup(g.s(x)).apply_async()",
        "queue",
    ),
    "dramatiq": ("import dramatiq\n@dramatiq.actor\ndef g():\n    pass\n---\ng.send(x)", "queue"),
    "rq": ("from redis import Redis\nfrom rq import Queue\nq = Queue(connection=Redis())\n---\nq.enqueue(print, x)", "queue"),
    "arq": ("from arq import create_pool\n---\npool = await create_pool(x)\nawait pool.enqueue_job('g')", "queue"),
    "kafka": ("from kafka import KafkaProducer\np = KafkaProducer()\n---\np.send('t', x)\np.flush()", "queue blocking"),
    "aiokafka": ("from aiokafka import AIOKafkaProducer\np = AIOKafkaProducer()\n---\nawait p.send_and_wait('t', x)", "queue"),
    "confluent": ("from confluent_kafka import Producer\np = Producer({})\n---\np.produce('t', x)", "queue"),
    "pika": ("import pika\n---\npika.BlockingConnection().channel().basic_publish('', 'q', x)", "queue blocking"),
    "aio-pika": (
        "import aio_pika\n---\nc = await aio_pika.connect_robust(x)\nch = await c.channel()\n"
        "await ch.default_exchange.publish(x, 'q')",
        "queue",
    ),
    "pubsub": ("from google.cloud import pubsub_v1\np = pubsub_v1.PublisherClient()\n---\np.publish('t', x)", "queue"),
    "nats": ("import nats\n---\nnc = await nats.connect()\nawait nc.publish('s', x)", "queue"),
    "openai": ("from openai import OpenAI\n---\nOpenAI().chat.completions.create(messages=x)", "llm blocking"),
    "openai async": ("from openai import AsyncOpenAI\nc = AsyncOpenAI()\n---\nawait c.responses.create(input=x)", "llm"),
    "azure openai": (
        "from openai import AsyncAzureOpenAI\nc = AsyncAzureOpenAI()\n---\nawait c.chat.completions.create(x)",
        "llm",
    ),
    "embeddings": ("from openai import OpenAI\n---\nOpenAI().embeddings.create(input=x)", "http blocking"),
    "anthropic": ("import anthropic\n---\nanthropic.Anthropic().messages.create(messages=x)", "llm blocking"),
    "anthropic async": ("import anthropic\n---\nawait anthropic.AsyncAnthropic().messages.create(messages=x)", "llm"),
    "gemini": ("from google import genai\n---\ngenai.Client().models.generate_content(contents=x)", "llm blocking"),
    "gemini async": ("from google import genai\n---\nawait genai.Client().aio.models.generate_content(contents=x)", "llm"),
    "ollama": ("import ollama\n---\nollama.chat(messages=x)", "llm blocking"),
    "litellm": ("from litellm import acompletion\n---\nawait acompletion(messages=x)", "llm"),
    "langchain": (
        "from langchain_openai import ChatOpenAI\nm = ChatOpenAI()\n---\nm.with_structured_output(dict).invoke(x)",
        "llm blocking",
    ),
    "langchain async": ("from langchain_anthropic import ChatAnthropic\nm = ChatAnthropic()\n---\nawait m.ainvoke(x)", "llm"),
    "langgraph": (
        "from langgraph.graph import StateGraph\ngraph = StateGraph(dict).compile()\n---\nawait graph.ainvoke(x)",
        "llm",
    ),
    "llama-index": (
        "from llama_index.core import VectorStoreIndex\n---\nVectorStoreIndex.from_documents(x).as_query_engine().query('?')",
        "llm http blocking",
    ),
    "pydantic-ai": ("from pydantic_ai import Agent\nagent = Agent('m')\n---\nagent.run_sync(x)", "llm blocking"),
    "openai-agents": ("from agents import Runner\n---\nawait Runner.run(x, 'hi')", "llm"),
    "crewai": ("from crewai import Crew\n---\nCrew(agents=[]).kickoff(x)", "llm blocking"),
    "dspy": ("import dspy\nqa = dspy.Predict('q -> a')\n---\nqa(question=x)", "llm blocking"),
    "stripe": ("import stripe\n---\nstripe.PaymentIntent.create(amount=x)", "http blocking"),
    "stripe async": ("import stripe\n---\nawait stripe.PaymentIntent.create_async(amount=x)", "http"),
    "twilio": ("from twilio.rest import Client\n---\nClient().messages.create(to=x)", "http blocking"),
    "slack": ("from slack_sdk import WebClient\n---\nWebClient().chat_postMessage(text=x)", "http blocking"),
    "slack async": (
        "from slack_sdk.web.async_client import AsyncWebClient\n---\nawait AsyncWebClient().chat_postMessage(text=x)",
        "http",
    ),
    "kubernetes": ("from kubernetes import client\n---\nclient.CoreV1Api().list_namespaced_pod(x)", "http blocking"),
    "docker": ("import docker\n---\ndocker.from_env().containers.run(x)", "http blocking"),
    "smtp": ("import smtplib\n---\nwith smtplib.SMTP('h') as s:\n    s.send_message(x)", "mail blocking"),
    "aiosmtplib": ("import aiosmtplib\n---\nawait aiosmtplib.send(x)", "mail"),
    "sendgrid": ("from sendgrid import SendGridAPIClient\n---\nSendGridAPIClient('k').send(x)", "mail http blocking"),
    "paramiko": ("import paramiko\n---\nc = paramiko.SSHClient()\nc.connect(x)\nc.exec_command('ls')", "subprocess blocking"),
    "open": ("---\nwith open(x) as file:\n    return file.read()", "filesystem"),
    "pathlib": ("from pathlib import Path\n---\nPath(x).parent.mkdir()\nPath(x).write_text('a')", "filesystem"),
    "anyio path": ("import anyio\n---\nawait anyio.Path(x).read_text()", "filesystem"),
    "shutil": ("import shutil\n---\nshutil.rmtree(x)", "filesystem"),
    "aiofiles": ("import aiofiles\n---\nasync with aiofiles.open(x) as f:\n    await f.read()", "filesystem"),
    "subprocess": ("import subprocess\n---\nsubprocess.run(x)", "subprocess blocking"),
    "popen": ("import subprocess\n---\np = subprocess.Popen(x)", "subprocess"),
    "popen waits": ("import subprocess\n---\nsubprocess.Popen(x).communicate()", "subprocess blocking"),
    "subprocess async": ("import asyncio\n---\nawait asyncio.create_subprocess_exec(x)", "subprocess"),
    "sleep": ("import time\n---\ntime.sleep(x)", "sleep blocking"),
    "sleep async": ("import asyncio\n---\nawait asyncio.sleep(x)", "sleep"),
    "task": ("import asyncio\n---\nasyncio.create_task(x())\nawait asyncio.gather(x)", "spawns"),
    "task group": ("import asyncio\n---\nasync with asyncio.TaskGroup() as tg:\n    tg.create_task(x())", "spawns"),
    "anyio group": ("import anyio\n---\nasync with anyio.create_task_group() as tg:\n    tg.start_soon(x)", "spawns"),
    "thread": ("import threading\n---\nthreading.Thread(target=x).start()", "spawns"),
    "executor": (
        "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor()\n---\npool.submit(x)",
        "spawns",
    ),
    "executor of the loop": ("import asyncio\n---\nawait asyncio.get_running_loop().run_in_executor(None, x)", "spawns"),
    "background task": ("from fastapi import BackgroundTasks\n---\nb: BackgroundTasks = x\nb.add_task(print)", "spawns"),
    "bcrypt": ("import bcrypt\n---\nbcrypt.hashpw(x, bcrypt.gensalt())", "cpu-heavy"),
    "passlib": ("from passlib.context import CryptContext\nc = CryptContext()\n---\nc.verify(x, 'h')", "cpu-heavy"),
    "pillow": ("from PIL import Image\n---\nImage.open(x).convert('RGB').resize((3, 3))", "filesystem cpu-heavy"),
    "sklearn": ("from sklearn.ensemble import RandomForestClassifier\n---\nRandomForestClassifier().fit(x)", "cpu-heavy"),
    "pandas": ("import pandas as pd\n---\npd.read_csv(x).merge(x)", "filesystem cpu-heavy"),
    "pandas sql": ("import pandas as pd\n---\npd.read_sql('SELECT 1', x)", "db-read blocking"),
    "json": ("import json\n---\njson.loads(json.dumps(x))", ""),
    "jinja": ("import jinja2\n---\njinja2.Template(x).render()", ""),
    "to a thread": ("import asyncio, requests\n---\nawait asyncio.to_thread(requests.get, x)", "spawns"),
}


@pytest.mark.parametrize(("code", "kinds"), CASES.values(), ids=CASES)
def test_what_a_call_does(code: str, kinds: str) -> None:
    check(in_function(code), *kinds.split())


def test_an_effect_names_the_call_and_the_way_to_it() -> None:
    workspace, found = found_in("""
        -- app/orders.py --
        from app.stock import reserve

        def f(order):
            reserve(order)
        -- app/stock.py --
        from app.db import Session

        def reserve(order):
            session = Session()
            session.execute(order)
        -- app/db.py --
        from sqlalchemy.orm import sessionmaker

        Session = sessionmaker()
        """)
    effect = found["db-read"]
    assert effect.call == "sqlalchemy.orm.Session.execute"
    steps = [(ref.path, text) for ref, text in described(effect, workspace.project)]
    assert steps == [
        ("app/orders.py", "`f` calls `reserve`"),
        ("app/stock.py", "`reserve` calls `sqlalchemy.orm.Session.execute`"),
    ]


ACME = """
    from acme.client import Client

    def f(x):
        Client(x).fetch(1)
    """


def test_a_project_says_what_its_own_libraries_do() -> None:
    said = Settings(effects={"acme.client.{Client,Other}.{fetch,post}": ("http", "blocking")})
    assert sorted(found_in(ACME, said)[1]) == ["blocking", "http"]
    assert found_in(ACME)[1] == {}, "what one root says, another does not know"
    check("import requests\ndef f(x):\n    requests.get(x)", "http", "blocking")
    silent = Settings(effects={"requests.get": ()})
    assert found_in("import requests\ndef f(x):\n    requests.get(x)", silent)[1] == {}


@pytest.mark.parametrize(
    "name", ["acme.client.Client.fetch", "acme.client.*", "acme.**.fetch", "acme.*", "acme.client.Client.**.fetch"]
)
def test_names_of_a_project_are_written_like_those_of_the_tables(name: str) -> None:
    assert sorted(found_in(ACME, Settings(effects={name: ("http",)}))[1]) == ["http"]


def test_changed_settings_count_at_once() -> None:
    workspace, found = found_in(ACME)
    assert found == {}
    definition = workspace.project.facts("module.py").defs[0]
    workspace.use(Settings(effects={"acme.client.Client.fetch": ("mail",)}))
    assert list(effects(workspace.project, "module.py", definition)) == ["mail"]
    workspace.use(Settings())
    assert effects(workspace.project, "module.py", definition) == {}


def test_the_editor_adds_to_what_the_project_says() -> None:
    said = parse({"effects": {"acme.b.c": ["http"], "acme.d.e": []}}, {"effects": {"acme.b.c": ["mail"], "acme.f.g": ["llm"]}})
    assert said.effects == {"acme.b.c": ("http",), "acme.d.e": (), "acme.f.g": ("llm",)}


@pytest.mark.parametrize(
    ("name", "kinds", "word"),
    [
        ("acme.go", ("htp",), "`htp`"),
        ("acme.**", (), "`acme.**`"),
        ("acme..go", (), "`acme..go`"),
        ("a b", (), "`a b`"),
        ("acme.{a", (), "acme.{a"),
    ],
)
def test_a_wrong_effect_is_one_line_that_says_what_to_do(name: str, kinds: tuple[str, ...], word: str) -> None:
    with pytest.raises(SettingsError) as error:
        Workspace(Path("/project"), Settings(effects={name: kinds}))
    text = str(error.value)
    assert "\n" not in text
    assert "architect.effects" in text
    assert word in text


def test_the_kinds_are_the_same_everywhere() -> None:
    manifest = json.loads((REPOSITORY / "client-extension" / "package.json").read_text())
    shown = manifest["contributes"]["configuration"]["properties"]["architect.effects"]
    assert shown["additionalProperties"]["items"]["enum"] == list(KINDS)
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert [it for it in KINDS if f"`{it}`" not in readme] == []


def lines() -> Iterator[tuple[str, Entry]]:
    for top in packages():
        yield from ((name, entry) for _, name, entry in entries(top))


def test_each_fact_of_the_tables_is_stated_once_and_can_be_read() -> None:
    rows = list(lines())
    assert [name for name, n in Counter(name for name, _ in rows).items() if n > 1] == []
    assert {kind for _, entry in rows for kind in entry.kinds} == set(KINDS)
    for name, entry in rows:
        assert Table({name: ()}), name
        for other in (entry.gives, entry.same, entry.twin):
            assert not other or other.replace(".", "").isidentifier(), f"{name}: {other}"


def test_every_name_that_another_stands_for_is_known() -> None:
    """A misspelt class after `=`, `like` or `async` would know nothing."""
    told = {name.replace(".**", "").removesuffix(".*").removesuffix("()") for name, _ in lines()}
    heads = {".".join(name.split(".")[:end]) for name in told for end in range(1, name.count(".") + 2)}
    others = {other: name for name, it in lines() for other in (it.same, it.twin) if other}
    assert {other: name for other, name in others.items() if other not in heads and not other.startswith("redis.asyncio.")} == {}


def walked(name: str) -> bool:
    """Whether a dotted name of an installed package exists; what only an instance has can't be told, and passes."""
    parts = name.removesuffix("()").removesuffix(".*").partition(".**.")[0].split(".")
    thing: object = importlib.import_module(parts[0])
    for at, part in enumerate(parts[1:], 2):
        if isinstance(thing, ModuleType) and not hasattr(thing, part):
            try:
                thing = importlib.import_module(".".join(parts[:at]))
            except ModuleNotFoundError:
                return False
        elif inspect.isclass(thing) and not hasattr(thing, part):
            return any(part in vars(it).get("__annotations__", {}) or hasattr(it, "__getattr__") for it in thing.__mro__)
        else:
            thing = getattr(thing, part)
            if not (isinstance(thing, ModuleType) or inspect.isclass(thing)):
                return True
    return True


ELSEWHERE = ("os.startfile", "winreg")
"""Names of another platform."""
INSTALLED = [it for it in packages() if importlib.util.find_spec(it) is not None]


@pytest.mark.parametrize("top", INSTALLED)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_names_of_an_installed_package_exist(top: str) -> None:
    """Of the standard library and of what the tests bring."""
    assert [name for _, name, _ in entries(top) if name not in ELSEWHERE and not walked(name)] == []


def test_the_standard_library_is_among_the_installed() -> None:
    assert {"asyncio", "builtins", "os", "pathlib", "smtplib", "sqlite3", "subprocess", "time", "urllib"} <= set(INSTALLED)
    assert len(set(packages())) > 200
    assert entry_of("nowhere.at.all") is None
