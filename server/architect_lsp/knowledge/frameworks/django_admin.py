"""What Django's administration takes into its own hands: the forms that its classes name, whose fields it narrows itself."""

from __future__ import annotations

from architect_lsp.knowledge.lineage import classes
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol

_FORMS = ("form", "add_form", "change_form", "change_password_form")


def admin_forms(project: Project) -> frozenset[tuple[str, str]]:
    """(file, class) of each form that a `ModelAdmin` or an inline of the administration is told to use."""
    return project.of_all("forms of the administration", _named)


def _named(project: Project) -> frozenset[tuple[str, str]]:
    found = set()
    for it in classes(project):
        if "Admin" in it.facts.qualname or "admin" in it.path:
            for field in it.facts.fields:
                form = project.resolve(it.path, field.target) if field.name in _FORMS and field.target else None
                if isinstance(form, ClassSymbol):
                    found.add((form.path, form.facts.qualname))
    return frozenset(found)
