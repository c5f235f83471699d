"""Our values <-> the protocol's. Pure; what the client can take is asked of `Client`, nothing is guessed.

Positions cross here only: offsets are ours, UTF-8/16/32 columns the client's, by the negotiated encoding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lsprotocol import types
from msgspec import Struct
from pygls.uris import from_fs_path

from architect_lsp.model import Edit, Finding, Fix, Place, Related, Severity, Span
from architect_lsp.patterns import regex
from architect_lsp.text import Lines

SOURCE = "architect"
FIX_ALL = "source.fixAll.architect"

_BY_MODEL = "model"
_NOTE = types.ChangeAnnotation("Written by a model", needs_confirmation=True, description="Read it before you accept it.")
_LINK = regex(r"https://[^\s;,)]+")
_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.NOTE: types.DiagnosticSeverity.Information,
}
_HEADINGS = (
    ("why", "Why"),
    ("instead", "Instead"),
    ("consequences", "Consequences"),
    ("trade_offs", "Trade-offs"),
    ("tests", "Tests and edge cases"),
    ("security", "Security"),
    ("observability", "Observability"),
    ("performance", "Performance"),
)


class Client(Struct, frozen=True):
    """What the connected editor can take, read off its capabilities once."""

    encoding: str = "utf-16"
    markdown: bool = False
    related: bool = False
    code_description: bool = False
    literals: bool = False
    versions: bool = False
    annotations: bool = False
    creates: bool = False
    llm_tag: bool = False
    preferred: bool = False
    pull: bool = False
    progress: bool = False
    configuration: bool = False
    watch: bool = False
    has_models: bool = False  # it can be asked to ask a model of its own
    shows_findings: bool = False  # its hovers show message and evidence already, beside what the server adds

    @staticmethod
    def of(capabilities: types.ClientCapabilities, encoding: str) -> Client:
        """The client behind these capabilities. Pull is used only by clients that can be asked to pull again."""
        text = capabilities.text_document or types.TextDocumentClientCapabilities()
        workspace = capabilities.workspace or types.WorkspaceClientCapabilities()
        window = capabilities.window or types.WindowClientCapabilities()
        hover = text.hover.content_format if text.hover else None
        diagnostics = text.publish_diagnostics
        action = text.code_action
        edit = workspace.workspace_edit
        refresh = workspace.diagnostics.refresh_support if workspace.diagnostics else False
        tags = action.tag_support.value_set if action and action.tag_support else ()
        watched = workspace.did_change_watched_files
        return Client(
            encoding=encoding,
            markdown=types.MarkupKind.Markdown in (hover or ()),
            related=bool(diagnostics and diagnostics.related_information),
            code_description=bool(diagnostics and diagnostics.code_description_support),
            literals=bool(action and action.code_action_literal_support),
            versions=bool(edit and edit.document_changes),
            annotations=bool(edit and edit.document_changes and edit.change_annotation_support),
            creates=bool(
                edit and edit.document_changes and types.ResourceOperationKind.Create in (edit.resource_operations or ())
            ),
            llm_tag=types.CodeActionTag.LlmGenerated in tags,
            preferred=bool(action and action.is_preferred_support),
            pull=bool(text.diagnostic and refresh),
            progress=bool(window.work_done_progress),
            configuration=bool(workspace.configuration),
            watch=bool(watched and watched.dynamic_registration),
        )


def to_lsp_range(lines: Lines, span: Span, encoding: str) -> types.Range:
    """The client's range of a span."""
    return types.Range(types.Position(*lines.position(span.start, encoding)), types.Position(*lines.position(span.end, encoding)))


def from_lsp_range(lines: Lines, span: types.Range, encoding: str) -> Span:
    """The span of a client's range; out of bounds is cut, a range turned round is put right."""
    start = lines.offset(span.start.line, span.start.character, encoding)
    end = lines.offset(span.end.line, span.end.character, encoding)
    return Span(min(start, end), max(start, end))


def from_lsp_change(lines: Lines, change: types.TextDocumentContentChangeEvent, encoding: str) -> Edit:
    """The edit of one content change; a whole text is a change of everything."""
    if isinstance(change, types.TextDocumentContentChangeWholeDocument):
        return Edit(Span(0, len(lines.text)), change.text)
    return Edit(from_lsp_range(lines, change.range, encoding), change.text)


def to_lsp_diagnostic(
    finding: Finding, lines: Lines, client: Client, place: Callable[[Place], types.Location | None]
) -> types.Diagnostic:
    """The diagnostic of a finding; `place` gives the client's location of a step of its evidence, None to leave it out."""
    related = [
        types.DiagnosticRelatedInformation(location, it.message)
        for it in finding.evidence
        if (location := place(it.place)) is not None
    ]
    message = finding.message
    if related and not client.related:
        message += "".join(
            f"\n  {it.message} ({it.location.uri.rpartition('/')[2]}:{it.location.range.start.line + 1})" for it in related
        )
    by_rule = finding.provenance.kind == "rule"
    page = _LINK.search(finding.parts.source)
    return types.Diagnostic(
        range=to_lsp_range(lines, finding.span, client.encoding),
        message=message,
        severity=_SEVERITIES[finding.severity],
        code=finding.rule,
        code_description=types.CodeDescription(page[0]) if page and client.code_description else None,
        source=SOURCE if by_rule else f"{SOURCE} ({finding.provenance.model or 'model'})",
        related_information=related if related and client.related else None,
        data={"fingerprint": finding.fingerprint},
    )


def to_lsp_place(uri: str, place: Place, lines: Lines | None, encoding: str) -> types.Location:
    """The location of a place; without the file's `lines` its columns are taken to be ASCII."""

    def position(line: int, column: int) -> types.Position:
        if lines is None or line >= len(lines):
            return types.Position(line, column)
        start, end = lines.bounds(line)
        return types.Position(*lines.position(min(start + column, end), encoding))

    return types.Location(uri, types.Range(position(place.line, place.column), position(place.end_line, place.end_column)))


class Changed(Struct, frozen=True):
    """Edits of one document; `version` None where it is not open."""

    uri: str
    version: int | None
    lines: Lines
    edits: Sequence[Edit]


def to_lsp_edit(changes: Sequence[Changed], client: Client, by_model: bool = False) -> types.WorkspaceEdit:
    """The workspace edit of changes: bound to the documents' versions where the client knows versions.

    Insertions come before a replacement that begins at the same place (LSP 3.17, "TextEdit[]").
    """
    annotate = by_model and client.annotations
    documents: list[types.TextDocumentEdit | types.CreateFile | types.RenameFile | types.DeleteFile] = []
    plain: dict[str, list[types.TextEdit]] = {}
    for changed in changes:
        rows: list[types.TextEdit | types.AnnotatedTextEdit | types.SnippetTextEdit] = []
        for it in sorted(changed.edits, key=lambda it: it.span):
            where = to_lsp_range(changed.lines, it.span, client.encoding)
            plain.setdefault(changed.uri, []).append(types.TextEdit(where, it.text))
            if annotate:
                rows.append(types.AnnotatedTextEdit(annotation_id=_BY_MODEL, range=where, new_text=it.text))
            else:
                rows.append(types.TextEdit(where, it.text))
        identifier = types.OptionalVersionedTextDocumentIdentifier(changed.uri, changed.version)
        documents.append(types.TextDocumentEdit(identifier, rows))
    if not client.versions:
        return types.WorkspaceEdit(changes=plain)
    return types.WorkspaceEdit(document_changes=documents, change_annotations={_BY_MODEL: _NOTE} if annotate else None)


def to_lsp_new_file(uri: str, text: str, client: Client) -> types.WorkspaceEdit:
    """The workspace edit that makes a file which a model wrote; it fails where there is one. For a client that `creates`."""
    annotation = _BY_MODEL if client.annotations else None
    start = types.Range(types.Position(0, 0), types.Position(0, 0))
    row = (
        types.AnnotatedTextEdit(annotation_id=annotation, range=start, new_text=text)
        if annotation
        else types.TextEdit(start, text)
    )
    made = types.CreateFile(uri, options=types.CreateFileOptions(overwrite=False), annotation_id=annotation)
    filled = types.TextDocumentEdit(types.OptionalVersionedTextDocumentIdentifier(uri, None), [row])
    return types.WorkspaceEdit(document_changes=[made, filled], change_annotations={_BY_MODEL: _NOTE} if annotation else None)


def to_lsp_action(
    title: str, fix: Fix, edit: types.WorkspaceEdit, diagnostic: types.Diagnostic | None, client: Client
) -> types.CodeAction:
    """The quick fix of a fix: preferred only when it is safe and no model wrote it."""
    return types.CodeAction(
        title=title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic] if diagnostic else None,
        is_preferred=True if fix.safe and not fix.by_model and client.preferred else None,
        edit=edit,
        tags=[types.CodeActionTag.LlmGenerated] if fix.by_model and client.llm_tag else None,
    )


def hover_text(finding: Finding, receipts: Sequence[str], client: Client, language: str = "python") -> str:
    """The explanation of a finding: its message, the parts that apply, its evidence, the receipt of its fix.

    Indented code in it is coloured as `language`.
    """
    markdown = client.markdown
    strong = "**{}**" if markdown else "{}"
    message = "" if client.shows_findings else f"{strong.format(finding.message)}\n\n"
    title = f"{message}`{finding.rule}` · {finding.domain.value} · {finding.severity.value}"
    if finding.cwe:
        title += f" · CWE-{finding.cwe}"
    if finding.provenance.kind == "model":
        title += f" · said by {finding.provenance.model or 'a model'}, confidence {finding.confidence.value}"
    if finding.provenance.proof:
        title += f" · proved: {finding.provenance.proof}"
    pieces = [title if markdown else title.replace("`", "")]
    if finding.evidence and not client.shows_findings:
        pieces.append("\n".join(_step(index, it) for index, it in enumerate(finding.evidence, 1)))
    for name, heading in _HEADINGS:
        text = getattr(finding.parts, name)
        if text:
            text = text[0].upper() + text[1:]
            pieces.append(f"{strong.format(heading)}  \n{_fenced(text, language) if markdown else text}")
    if receipts:
        pieces.append("\n".join(receipts))
    if finding.parts.source:
        pieces.append(f"Source: {finding.parts.source}")
    return "\n\n".join(pieces)


def uri_of(path: str) -> str:
    """The `file:` URI of an absolute path."""
    return from_fs_path(path) or path


def _step(index: int, related: Related) -> str:
    return f"{index}. {related.message} ({related.place.path}:{related.place.line + 1})"


def _fenced(text: str, language: str) -> str:
    """Blocks indented by four spaces become fenced code, which editors colour."""
    lines: list[str] = []
    inside = False
    for line in text.split("\n"):
        code = line.startswith("    ")
        if code and not inside:
            lines.append(f"```{language}")
        elif inside and not code and line.strip():
            while lines and not lines[-1].strip():
                lines.pop()
            lines.append("```")
        inside = code or (inside and not line.strip())
        lines.append(line[4:] if inside and code else line)
    if inside:
        while lines and not lines[-1].strip():
            lines.pop()
        lines.append("```")
    return "\n".join(lines)
