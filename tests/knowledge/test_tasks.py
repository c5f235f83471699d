"""Tasks by the names that workers know them by, with their options, and who hands them over."""

from __future__ import annotations

import textwrap

import pytest

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.summaries import callers, effects
from support.projects import project_of


def check(code: str, *expected: str) -> None:
    """Each task as `framework name option=value`."""
    found = [
        " ".join([it.framework, it.name, *(f"{key}={row}" for key, row in it.options)])
        for it in catalogue(project_of(code)).tasks
    ]
    assert found == list(expected)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "from celery import Celery, shared_task\napp = Celery('x')\n@app.task\ndef a(): ...\n"
            "@shared_task(bind=True, name='mail.send', acks_late=True, autoretry_for=(IOError, KeyError))\ndef b(self): ...\n",
            ["celery shop.tasks.a", "celery mail.send bind=True name=mail.send acks_late=True autoretry_for=IOError, KeyError"],
        ),
        (
            "import celery\nclass Clean(celery.Task):\n    name = 'clean'\n    max_retries = 3\n    def run(self): ...\n"
            "class Unused(celery.Task):\n    name = 'unused'\napp = celery.Celery()\nclean = app.register_task(Clean())\n",
            ["celery clean max_retries=3"],
        ),
        (
            "from celery import Celery\nfrom celery.schedules import crontab\nclass Mine(Celery): ...\napp = Mine()\n"
            "@app.task\ndef a(): ...\n"
            "app.conf.beat_schedule = {'x': {'task': 'shop.tasks.a', 'schedule': crontab(hour=7)}}\n",
            ["celery shop.tasks.a schedule=crontab(hour=7)"],
        ),
        (
            "import dramatiq\n@dramatiq.actor(max_retries=3)\ndef a(): ...\n@dramatiq.actor(actor_name='other')\ndef b(): ...\n",
            ["dramatiq a max_retries=3", "dramatiq other actor_name=other"],
        ),
        ("from rq.decorators import job\n@job('low')\ndef a(): ...\n", ["rq shop.tasks.a"]),
        (
            "from huey import RedisHuey\nhuey = RedisHuey()\n@huey.task(retries=2)\ndef a(): ...\n",
            ["huey shop.tasks.a retries=2"],
        ),
        (
            "from arq import cron, func\nasync def a(ctx): ...\nasync def b(ctx): ...\nclass WorkerSettings:\n"
            "    functions = [a, func(b, name='bee')]\n    cron_jobs = [cron(a, hour=1)]\n",
            ["arq cron:a hour=1", "arq bee"],
        ),
        (
            "from taskiq_redis import ListQueueBroker\nbroker = ListQueueBroker('x').with_result_backend(y)\n"
            "@broker.task(retry_on_error=True)\nasync def a(): ...\n",
            ["taskiq shop.tasks:a retry_on_error=True"],
        ),
        (
            "from apscheduler.schedulers.background import BackgroundScheduler\ns = BackgroundScheduler()\ndef a(): ...\n"
            "s.add_job(a, 'interval', minutes=5)\n@s.scheduled_job('cron', id='b1', hour=3)\ndef b(): ...\n",
            ["apscheduler b1 id=b1 hour=3", "apscheduler a minutes=5"],
        ),
        (
            "def task(f): return f\n@task\ndef a(): ...\nclass App:\n"
            "    def task(self, f): ...\napp = App()\n@app.task\ndef b(): ...\n",
            [],
        ),
    ],
)
def test_tasks(code: str, expected: list[str]) -> None:
    check(f"-- shop/__init__.py --\n-- shop/tasks.py --\n{code}", *expected)


def test_who_hands_a_task_over_calls_it() -> None:
    project = project_of(
        textwrap.dedent(
            """
            -- tasks.py --
            from celery import shared_task
            @shared_task
            def mail(to): ...
            -- views.py --
            from celery import chain
            from tasks import mail
            def sign_up(): mail.delay(1)
            def later(): chain(mail.s(1), mail.si(2)).apply_async()
            def now(): mail(1)
            def other(): mail.retry_count()
            """
        )
    )
    assert [it.qualname for it in callers(project, "tasks.py", "mail")] == ["sign_up", "later", "later", "now"]
    kinds = {it.qualname: list(effects(project, "views.py", it)) for it in project.facts("views.py").defs}
    assert kinds == {"sign_up": ["queue"], "later": ["queue"], "now": [], "other": []}
