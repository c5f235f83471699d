"""What `make demo` shows: the rules on the example shop, one proven fix on a copy of it, and what to do next."""

from __future__ import annotations

import difflib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from architect_lsp.engine import Document, Receipt, Workspace
from architect_lsp.model import Finding, Fix
from architect_lsp.settings import Settings

REPOSITORY = Path(__file__).resolve().parent.parent
SHOP = Path("examples", "shop")


def main() -> int:
    """Run the demo; 0 when it showed what it promises."""
    os.chdir(REPOSITORY)
    title(f"architect-lsp check {SHOP}")
    check = subprocess.run([sys.executable, "-m", "architect_lsp", "check", str(SHOP)], check=False)
    if check.returncode != 1:
        return 1
    title("One fix, tried on a copy before it is offered")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "shop")
        shutil.copytree(SHOP, copy)
        workspace = Workspace(copy, Settings())
        workspace.scan()
        found = proven(workspace, copy)
        if found is None:
            return 1
        path, finding, fix, receipt = found
        before = (copy / path).read_text(encoding="utf-8")
        (copy / path).write_text(receipt.texts[path], encoding="utf-8")
        print(f"{path}: {finding.rule}: {finding.message}\n{fix.title}:\n")
        changes = difflib.unified_diff(
            before.splitlines(), receipt.texts[path].splitlines(), f"a/{path}", f"b/{path}", "", "", 2, ""
        )
        print("\n".join(f"  {it}" for it in changes))
        print("\nIts receipt:\n" + "\n".join(f"  [x] {it}" for it in receipt.checks))
    title("What to do next")
    command = os.path.relpath(Path(sys.executable).parent / "architect-lsp")
    print(
        f"Your code       {command} check path/to/your/project\n"
        f"Why a rule      {command} explain {finding.rule}\n"
        "Your editor     README.md, `Editors`: VS Code, Neovim, Emacs, Helix\n"
        "Your CI         architect-lsp check . --format sarif --output architect.sarif\n"
        "A model         README.md, `Connect a model`: set ANTHROPIC_API_KEY, select code, `Architect: Review selection`"
    )
    return 0


def proven(workspace: Workspace, root: Path) -> tuple[str, Finding, Fix, Receipt] | None:
    """The first fix of the shop that passes, safe ones first."""
    best: tuple[str, Finding, Fix, Receipt] | None = None
    for path in sorted(it.relative_to(root).as_posix() for it in root.rglob("*.py")):
        document = Document(path, (root / path).read_text(encoding="utf-8"))
        for finding in workspace.check(document).findings:
            for fix in finding.fixes:
                receipt = workspace.try_fix(document, finding, fix)
                if isinstance(receipt, Receipt) and (best is None or (fix.safe and not best[2].safe)):
                    best = path, finding, fix, receipt
    return best


def title(text: str) -> None:
    """A heading, flushed so that the output of other processes follows it."""
    print(f"\n== {text}\n", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
