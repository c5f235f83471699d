/** What a person can ask for; each is one request to the server. */

import * as vscode from "vscode";
import type { Session } from "./session";

export async function reviewSelection(session: Session): Promise<void> {
  const editor = pythonEditor();
  if (editor) {
    await session.review(editor.document.uri, editor.selection);
  }
}

export async function reviewFile(session: Session): Promise<void> {
  const editor = pythonEditor();
  if (editor) {
    await session.review(editor.document.uri);
  }
}

function pythonEditor(): vscode.TextEditor | undefined {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.languageId === "python") {
    return editor;
  }
  void vscode.window.showInformationMessage("Architect reviews Python: open a Python file first.");
  return undefined;
}
