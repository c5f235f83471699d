"""A docstring describes a parameter that its function does not have.

Why: the parameter was renamed or taken out and its description stayed. Whoever believes the docstring passes an argument that
ends in a `TypeError`, and the parameter that took its place is described nowhere. The docstring of a tool or a route is more
than a comment: it goes to the model, or into the published API, word for word.
Instead: rename the description, or delete it.

    def invoice(order: Order, currency: str) -> Invoice:
        '''Make the invoice of an order.

        Args:
            order: what was bought.
            currency: three letters, as in ISO 4217.
        '''

Consequences: readers stop believing any docstring of the project once one of them has lied.
Trade-offs: a description that says no more than the name and the type is best left out; then it can't grow old.
Tests: call the function with the arguments that its docstring names.
Source: https://peps.python.org/pep-0257/#multi-line-docstrings
"""

import ast
import difflib
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["E5", "E4", "A4"],
    equivalents=["DOC102", "W9017"],
    needs=["Args:", "Arguments:", ":param", "Parameters"],
    bad=[
        Bad(
            '''
def invoice(order, currency):
    """Make the invoice of an order.

    Args:
        order: what was bought.
        [|curency|] (str): three letters,
            so: not a number.

    Returns:
        total: with taxes 😀
    """
''',
            fixed='''
def invoice(order, currency):
    """Make the invoice of an order.

    Args:
        order: what was bought.
        currency (str): three letters,
            so: not a number.

    Returns:
        total: with taxes 😀
    """
''',
        ),
        Bad('''
class Shop:
    def send(self, order, *, address):
        """Send an order 😀.

        :param order: what to send
        :param Address address: where to
        :param bool [|express|]: whether it is urgent
        :param by: who carries it
        :return: the parcel's number
        """

    def back(self, order):
        """Take an order back.

        Parameters
        ----------
        order : Order
            What was sent.
        [|reason|] : str, optional
            Why.

        Returns
        -------
        amount : int
        """
'''),
    ],
    good=[
        '''
def invoice(order, *lines, currency="EUR", **options):
    """Make the invoice of an order.

    Args:
        order: what was bought.
        *lines: more of it.
        currency: three letters.
        express: handed on with the options.
    """

def pay(request):
    """Pay.

    Args:
        amount: of the request's body
    """

def prepare(order):
    """Get an order ready. It then has:

    :param order: what was bought
    :param lines: its lines
    :param total: their sum
    :param taxes: what of it is tax
    :param address: where it goes
    """

class Order:
    """An order.

    Args:
        number: given to `__init__`
    """

    number: int

def wide(first, second):
    r"""Both.

    Args:
        first, second: two of them
        Note: this is prose
        first: has keys, so
            one: the first key
            two: the second

    Example:
        third: not an argument
    """

def each(handle):
    """Call it for each.

    Args:
        handle: a function of

            Args:
                order: one of them
                handle: itself

    Example::

        :param order: in the text that is made
        :param handle: of it
    """

def search(self, query):
    """Search.

    :param query: what for
    :rtype: dictionary with these keys

    :param total: how many there are
    """

@overload
def short(first):
    """Args:
        first: it
        second: of the other overload
    """
''',
    ],
)

_GOOGLE = regex(r"\s*(?:Args|Arguments|Parameters):\s*$")
_NUMPY = regex(r"\s*(?:Other )?Parameters\s*$")
_RULER = regex(r"\s*-{3,}\s*$")
_ITEM = regex(r"(\s*)([a-z_]\w*)\s*(?:\([^()]*(?:\([^()]*\))?[^()]*\))?\s*:(?:\s|$)")
_NUMPY_ITEM = regex(r"(\s*)([a-z_]\w*)\s*:\s\S")
_SPHINX = regex(r"(\s*:(?:param|parameter|arg|argument)\s+(?:[^:]*[\s\]])?)([A-Za-z_]\w*):(?:\s|$)")
_OTHERS = regex(r"\s*(?::rtype:|``\w+\(.*\)``\s*$)")
"""What begins the fields of something else: the keys of what is returned, or the methods that it is to have."""
_MANY = 4
"""Names that are no parameters, from which a docstring that has more of them than of parameters describes something else."""
_ALIKE = 0.7
"""How much a name must resemble a parameter's to be taken for its old or misspelt name."""

Described = tuple[int, int, str]
"""Line of the docstring from 0, column in code points, name."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Descriptions of a name that is no parameter, where others of the same docstring are."""
    reading = view.reading
    for function in reading.functions:
        docstring = _docstring(function)
        if docstring is None or function.args.vararg or function.args.kwarg or _changes_parameters(function):
            continue
        place = reading.place(docstring)
        rows = list(_described(reading.parsed.lines[place.line : place.end_line + 1]))
        names = [it.arg for it in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
        told = {name for _, _, name in rows}
        missing = [it for it in names if it not in told and it not in ("self", "cls")]
        gone: list[tuple[ast.AST, str]] = []
        for line, column, name in rows:
            alike = difflib.get_close_matches(name, missing, 1, _ALIKE)
            if name in names or not (alike or told.intersection(names)):
                continue
            node = _name(docstring, reading.parsed.lines[place.line + line], line, column, name)
            if not alike:
                gone.append((node, name))
                continue
            fix = Draft(f"Call it `{alike[0]}`", (Change(node, alike[0]),))
            yield Hit(
                node,
                f"The docstring of `{function.name}` describes `{name}`, which is no parameter of it: is it `{alike[0]}`?",
                (fix,),
            )
        if gone and (len(gone) < _MANY or len(gone) <= len(told.intersection(names))):  # else it lists attributes
            what = " and ".join(f"`{name}`" for _, name in gone[:2]) + (f" and {len(gone) - 2} more" if len(gone) > 2 else "")
            are = "which is no parameter of it" if len(gone) == 1 else "which are no parameters of it"
            yield Hit(gone[0][0], f"The docstring of `{function.name}` describes {what}, {are}.")


def _docstring(function: Function) -> ast.Constant | None:
    first = function.body[0]
    value = first.value if isinstance(first, ast.Expr) else None
    return value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def _changes_parameters(function: Function) -> bool:
    """Whether a decorator may well take or hand over other arguments than the function does."""
    return any(
        re.search(
            r"overload|param|arg|inject|wrap|doc|deprec|substitut|option|provide|with_|patch|given|memo|cach", _decorator(it)
        )
        for it in function.decorator_list
    )


def _decorator(node: ast.expr) -> str:
    return dotted(node.func if isinstance(node, ast.Call) else node).lower()


def _described(lines: tuple[str, ...]) -> Iterator[Described]:
    """What a docstring describes as parameters: in Google's sections, numpy's, or Sphinx's fields."""
    depth = min((_indent(it) for it in lines[1:] if it.strip()), default=0)
    for index, line in enumerate(lines):
        found = _SPHINX.match(line)
        if _OTHERS.match(line):
            return
        if index and _indent(line) > depth:  # an example, or what is handed to a parameter
            continue
        if found:
            yield index, found.start(2), found.group(2)
        elif _GOOGLE.match(line):
            yield from _items(lines, index + 1, _indent(line), _ITEM)
        elif _NUMPY.match(line) and index + 1 < len(lines) and _RULER.match(lines[index + 1]):
            yield from _items(lines, index + 2, _indent(line) - 1, _NUMPY_ITEM)


def _items(lines: tuple[str, ...], begin: int, outside: int, pattern: re.Pattern[str]) -> Iterator[Described]:
    """The names at the section's own depth, up to its end; none where one line of that depth is something else."""
    rows: list[Described] = []
    depth = -1
    for index in range(begin, len(lines)):
        line = lines[index]
        if not line.strip():
            continue
        indent = _indent(line)
        depth = indent if depth < 0 else depth
        if indent <= outside or indent < depth or (index + 1 < len(lines) and _RULER.match(lines[index + 1])):
            break
        found = pattern.match(line) if indent == depth else None
        if found:
            rows.append((index, found.start(2), found.group(2)))
    yield from rows


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _name(docstring: ast.Constant, text: str, line: int, column: int, name: str) -> ast.Name:
    """A node that stands where the docstring writes the name."""
    begin = len(text[:column].encode("utf-8", "replace"))
    at = docstring.lineno + line
    return ast.Name(name, lineno=at, end_lineno=at, col_offset=begin, end_col_offset=begin + len(name))
