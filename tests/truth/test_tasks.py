"""A Celery application of several files: the tasks we see are those that its worker would register."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from architect_lsp.knowledge.catalogue import catalogue
from support.examples import files_of
from support.truth import environment, project_of, said

pytestmark = pytest.mark.realworld

APPLICATION = """
-- shop/__init__.py --
from .worker import app as celery_app
-- shop/worker.py --
from celery import Celery, Task

PREFIX = "shop.jobs"

class Traced(Task):
    abstract = True

def make() -> Celery:
    return Celery("shop", broker="memory://", task_cls=Traced)

app = make()

@app.task(bind=True, ignore_result=True)
def debug(self): ...

class Clean(Traced):
    name = f"{PREFIX}.clean"
    def run(self): ...

class Sweep(app.Task):
    def run(self): ...

clean = app.register_task(Clean())
app.register_task(Sweep())
app.autodiscover_tasks(["shop.orders", "shop.mail"], force=True)
-- shop/orders/__init__.py --
-- shop/orders/tasks.py --
from celery import shared_task
from shop.worker import PREFIX, app

@shared_task
def pay(order): ...

@shared_task(name=PREFIX + ".refund", autoretry_for=(IOError,), max_retries=3)
def refund(order): ...

@app.task(base=app.Task, queue="slow")
def report(): ...

class Orders:
    @staticmethod
    @app.task
    def recount(): ...
-- shop/mail/__init__.py --
-- shop/mail/tasks/__init__.py --
from .send import *
from . import digest
-- shop/mail/tasks/send.py --
import celery

@celery.shared_task(acks_late=True)
def send(to): ...
-- shop/mail/tasks/digest.py --
from shop.worker import app as celery_app

@celery_app.task(rate_limit="1/m")
def digest(): ...

def not_a_task(): ...
"""


def test_celery_registers_the_same_tasks(tmp_path: Path) -> None:
    for name, code in files_of(textwrap.dedent(APPLICATION)).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    python = environment("celery", ["celery==5.7.0"])
    script = """
        import json, sys
        sys.path.insert(0, ".")
        from shop.worker import app
        app.finalize()
        print(json.dumps(sorted(it for it in app.tasks if not it.startswith("celery."))))
    """
    expected = said(python, script, cwd=tmp_path)
    assert len(expected) == 9
    assert sorted(it.name for it in catalogue(project_of(tmp_path)).tasks) == expected
