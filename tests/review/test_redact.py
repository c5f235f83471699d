"""No planted secret leaves the machine, and fixes get theirs back."""

from __future__ import annotations

import random
import string
import subprocess
import sys
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architect_lsp.model import Finding, Snapshot, Span
from architect_lsp.review.redact import Redactor
from architect_lsp.text import apply
from support.messages_api import Stream, fix, remark
from support.reviews import asked, brief_of

_random = random.Random(7)


def made_up(n_chars: int, letters: str = string.ascii_letters + string.digits) -> str:
    """Random letters; put together here, so that no line of this file looks like a secret."""
    return "".join(_random.choice(letters) for _ in range(n_chars))


UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
BODY = "\n".join(made_up(64) for _ in range(4))
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n-----END RSA PRIVATE KEY-----"
JWT = ".".join("eyJ" + made_up(30) for _ in range(2)) + "." + made_up(43)

PLANTED = {
    "PHP": (s := made_up(14), f"'password' => '{s}',"),
    "Ruby": (s := made_up(14), f':password => "{s}"'),
    "Rust": (s := made_up(14), f'const API_KEY: &\'static str = "{s}";'),
    "Rust call": (s := made_up(14), f'let api_key = String::from("{s}");'),
    "Go": (s := made_up(14), f'var password string = "{s}"'),
    "TypeScript": (s := made_up(14), f"const apiKey: string = `{s}`;"),
    "TypeScript default": (s := made_up(14), f'const key = process.env.API_KEY ?? "{s}";'),
    "JavaScript default": (s := made_up(14), f'const key = process.env.API_KEY || "{s}";'),
    "Anthropic": (s := "sk-ant-api03-" + made_up(60), f'client = Client("{s}")'),
    "OpenAI": (s := "sk-proj-" + made_up(48), f"# old: {s}"),
    "AWS id": (s := "AKIA" + made_up(16, UPPER), f'x = "{s}"'),
    "AWS secret": (s := made_up(40), f'aws_secret_access_key="{s}",'),
    "GitHub": (s := "ghp_" + made_up(36), f'HEADERS = {{"X": "{s}"}}'),
    "GitLab": (s := "glpat-" + made_up(20), f"run('{s}')"),
    "Slack": (s := "xoxb-" + made_up(40), f"run('{s}')"),
    "Slack hook": (s := "https://hooks.slack.com/services/T0/B0/" + made_up(24), f"post('{s}')"),
    "Stripe": (s := "sk_live_" + made_up(24), f"stripe.key = '{s}'"),
    "Google": (s := "AIza" + made_up(35), f"maps('{s}')"),
    "npm": (s := "npm_" + made_up(36), f"run('{s}')"),
    "Hugging Face": (s := "hf_" + made_up(34), f"run('{s}')"),
    "SendGrid": (s := f"SG.{made_up(22)}.{made_up(43)}", f"run('{s}')"),
    "Azure": (s := made_up(86) + "==", f'c = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={s};E=x"'),
    "PEM": (BODY.split("\n")[2], f'KEY = """{PEM}"""'),
    "PEM unclosed": (BODY.split("\n")[3], 'KEY = """' + PEM.rpartition("\n")[0]),
    "JWT": (JWT, f"jwt_sample = '{JWT}'"),
    "bearer": (s := made_up(30), f'h = {{"Authorization": "Bearer {s}"}}'),
    "postgres": ("s3cr3t/p:w", 'URL = "postgresql+asyncpg://app:s3cr3t/p:w@db:5432/app"'),
    "redis": ("q1w2e3r4", "r = Redis.from_url('redis://:q1w2e3r4@cache:6379')"),
    "query": ("q1w2e3r4", 'u = "https://api.invalid/x?api_key=q1w2e3r4&b=1"'),
    "password": ("hunter2", 'password = "hunter2"'),
    "password upper": ("hunter2", "DB_PASSWORD='hunter2'"),
    "annotated": ("hunter2", 'db_password: str = "hunter2"'),
    "optional": ("hunter2", 'db_password: str | None = "hunter2"'),
    "keyword": ("hunter2", 'connect(host="x", password="hunter2")'),
    "key": ("hunter2", '{"password": "hunter2", "user": "app"}'),
    "item": ("hunter2", 'config["smtp_password"] = "hunter2"'),
    "attribute": ("hunter2", 'settings.SMTP_PASSWD = "hunter2"'),
    "default": ("hunter2-x", 'os.environ.get("DB_PASSWORD", "hunter2-x")'),
    "getenv": ("hunter2-x", "os.getenv('API_TOKEN', 'hunter2-x')"),
    "compared": ("letmein-9", 'if token == "letmein-9":'),
    "wrapped": ("hunter2-x", 'p = SecretStr("hunter2-x")'),
    "field": ("hunter2-x", 'secret_key: str = Field("hunter2-x", min_length=3)'),
    "bytes": ("hunter2-x", 'SECRET = b"hunter2-x"'),
    "sentence": ("correct horse battery staple", 'PASSPHRASE = "correct horse battery staple"'),
    "joined": ("def67890-two", 'jwt_secret = ("abc12345-one"\n    "def67890-two")'),
    "django": ("django-insecure-" + "x)k3", 'SECRET_KEY = "django-insecure-' + 'x)k3"'),
    "flask": ("dev-7", 'app.secret_key = "dev-7"'),
    "environment file": ("hunter2xyz", "# export DB_PASSWORD=hunter2xyz\n"),
    "jwt call": ("not-so-secret", 'jwt.encode(payload, "not-so-secret", algorithm="HS256")'),
    "faint": (s := "a1" + made_up(30), f'SIGNING_SALT = "{s}"'),
    "camel": ("hunter2", 'adminPassword = "hunter2"'),
    "snake": ("super_secret_one", 'password = "super_secret_one"'),
    "upper": ("SUPER_SECRET_ONE", 'password = "SUPER_SECRET_ONE"'),
    "odd": ("$ecret{1}", 'password = "$ecret{1}"'),
    "slash": ("/ab#12cd", 'password = "/ab#12cd"'),
    "lambda": ("hunter2-x", 'token = field(default_factory=lambda: "hunter2-x")'),
    "or": ("hunter2-x", 'token = os.getenv("TOKEN") or "hunter2-x"'),
    "ternary": ("hunter2-x", 'token = given if given else "hunter2-x"'),
    "hyphen": ("abc-123-xyz", '{"x-api-key": "abc-123-xyz"}'),
    # forms that the detectors of detect-secrets know
    "Artifactory": (s := "AKC" + made_up(40), f'run("{s}")'),
    "Discord bot": (s := f"M{made_up(23)}.{made_up(6)}.{made_up(27)}", f"bot.run('{s}')"),
    "Mailchimp": (s := made_up(32, HEX) + "-us12", f"mail('{s}')"),
    "Cloudant": (s := made_up(24, string.ascii_lowercase), f'cloudant_pass = "{s}"'),
    "SoftLayer": (s := made_up(64, HEX), f"softlayer_api_key: {s}"),
    "IBM": (s := made_up(44), f"ibm_cloud_iam_key: {s}"),
    "random": (s := made_up(40) + "+/a1", f'connect("host", "{s}")'),
}

HARMLESS = [
    'oauth2 = OAuth2PasswordBearer(tokenUrl="auth/token")',
    'raise HTTPException(401, detail="Invalid password or token")',
    'password = Column("password", String)',
    'client = Client(api_key=os.environ["API_KEY"])',
    'TOKEN_TYPE = "bearer"',
    'token_url = "https://id.example.com/token"',
    'PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]',
    'password: SecretStr = Field(..., description="The password of the user")',
    'token = f"{user.id}:{stamp}"',
    'key = "name"',
    'cache_key = "orders:all"',
    'url = f"postgresql://{user}:{password}@{host}/app"',
    'spinner = "abcd1234"',
    'tokenizer = load("bert-base-uncased")',
    'bypass = "weekends"',
    'monkey = "abcdefgh12345678ijkl"',
    'passed = "with distinction"',
    'api_key = os.environ["OPENAI_API_KEY"]',
    'secretary = "Ms. 12345"',
    "def reset_password(token: str) -> None: ...",
    'error_messages = {"password": {"required": "Give a password, please"}}',
    f'order = UUID("{uuid.UUID(int=_random.getrandbits(128))}")',
    f'assert digest == "{made_up(64, HEX)}"',
    f'assert checksum == "sha256:{made_up(64, HEX)}"',
    f'down_revision = "{made_up(12, HEX)}"',
    f'etag = "{made_up(32, HEX)}"',
    f'LETTERS = "{string.ascii_letters + string.digits}"',
    'topic = "orders.created.v2.eu-central-1.partition-12"',
    'path = "/srv/data/2024/01/31/orders-0001.parquet"',
    'image = "registry.example.com/team/service-api:1.24.3-alpine3.19"',
    "def test_an_order_of_2_items_with_10_percent_off_costs_18(client_with_2_items): ...",
    'dotted = "app.services.orders.v2.handlers.OrderCreatedHandler3"',
    'data = "2024-01-31T23:59:59.123456+00:00"',
]


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_secret_is_taken_out(name):
    secret, code = PLANTED[name]
    redactor = Redactor(code)
    redacted = redactor.redacted(code)
    assert secret not in redacted
    assert "__SECRET_1__" in redacted
    listed = " ".join(redactor.redaction().listed)
    assert secret not in listed
    assert secret not in repr(redactor.redaction())
    assert redactor.redaction().restored(redacted, code) == code


@pytest.mark.parametrize("code", HARMLESS)
def test_what_is_no_secret_stays(code):
    assert Redactor(code).redacted(code) == code


async def test_no_planted_secret_is_in_a_recorded_request():
    last = "PEM unclosed"
    text = "\n".join([*(code for name, (_, code) in PLANTED.items() if name != last), PLANTED[last][1]])
    facts = [f"`load` compares with {secret}" for secret, _ in PLANTED.values() if len(secret) > 8]
    outcome, api = await asked(
        Stream([]),
        snapshot=Snapshot("app/keys.py", text),
        facts=facts,
        enclosing=[text[:800]],
        settings={"max_input_tokens": 50_000},
    )
    sent = api.requests[0].content.decode()
    assert [name for name, (secret, _) in PLANTED.items() if secret in sent or secret in str(api.requests[0].body)] == []
    assert outcome.receipt is not None
    assert len(outcome.receipt.redacted) > 30


async def test_fixes_and_quotes_get_their_secrets_back():
    text = 'password = "hunter2"\nconnect(password)\n'
    said = remark(
        'password = "__SECRET_1__"',
        "A password `__SECRET_1__` in the source.",
        fix=fix("Read it", ('password = "__SECRET_1__"\nconnect', 'password = os.environ.get("P", "__SECRET_1__")\nconnect')),
    )
    outcome, _ = await asked(Stream([said]), snapshot=Snapshot("app/db.py", text))
    (it,) = outcome.findings
    assert it.quote == 'password = "hunter2"'
    assert "hunter2" not in it.message
    assert apply(text, it.fixes[0].edits) == 'password = os.environ.get("P", "hunter2")\nconnect(password)\n'


async def test_a_secret_of_another_file_does_not_come_in():
    text = "url = base\n"
    said = remark("url = base", fix=fix("Send it", ("url = base", 'url = "https://x.invalid/?q=__SECRET_1__"')))
    outcome, _ = await asked(Stream([said]), snapshot=Snapshot("app/db.py", text), enclosing=['password = "hunter2"'])
    assert isinstance(outcome.findings[0], Finding)
    assert "hunter2" not in str(outcome.findings)


def test_secrets_that_overlap_leave_nothing():
    text = f'x = "{JWT}"\ntoken = "{JWT}-and-more"\n'
    redacted = Redactor(text).redacted(text)
    assert JWT[-20:] not in redacted
    assert "-and-more" not in redacted


def test_the_detectors_are_neither_read_nor_asked_before_there_is_a_brief():
    code = (
        "import socket, sys; import architect_lsp.inquiry, architect_lsp.review.redact as redact\n"
        "print('detect_secrets' in sys.modules)\n"
        "def refused(*_): raise AssertionError('a connection was tried')\n"
        "socket.socket.connect = refused\n"
        f"print(redact.Redactor({PLANTED['Stripe'][1]!r} + chr(10) + {PLANTED['IBM'][1]!r}).redaction().listed)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    before, listed = done.stdout.splitlines()
    assert before == "False"
    assert "IBM Cloud IAM Key" in listed


def test_the_same_secret_has_one_placeholder_everywhere():
    text = 'password = "hunter2"\n# hunter2 is fine\nbackup_password = "hunter2"\n'
    redactor = Redactor(text, "uses hunter2 twice")
    assert redactor.redacted(text).count("__SECRET_1__") == 3
    assert redactor.redacted("uses hunter2 twice") == "uses __SECRET_1__ twice"


def test_a_placeholder_in_the_source_is_not_given_out():
    text = 'x = "__SECRET_1__"\npassword = "hunter2"\n'
    redactor = Redactor(text)
    assert 'password = "__SECRET_2__"' in redactor.redacted(text)
    assert redactor.redaction().restored("__SECRET_1__", text) == "__SECRET_1__"


def test_a_secret_that_the_excerpt_cuts_is_hidden():
    text = f'KEY = """{PEM}"""\nx = 1\n'
    redactor = Redactor(text, BODY.split("\n")[1])
    for at in range(len(text)):
        part = redactor.redacted(text, Span(at, len(text)))
        assert not any(it[-20:] in part for it in BODY.split("\n"))
        assert not any(it[:20] in redactor.redacted(text, Span(0, at)) for it in BODY.split("\n"))
    assert redactor.redacted(BODY.split("\n")[1]) == "__SECRET_1__"


@given(st.text(max_size=300))
def test_any_text_comes_back(text):
    redactor = Redactor(text)
    assert redactor.redaction().restored(redactor.redacted(text), text) == text


def test_the_prompts_of_the_product_are_not_touched():
    brief = brief_of()
    assert brief.redacted == ()
    assert "__SECRET_1__" in brief.system[1]["text"]
