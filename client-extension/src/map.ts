/** The map of the workspace beside the editor: the server's page in a webview that may run that page's script and nothing else. */

import * as path from "node:path";
import * as vscode from "vscode";
import type { ProjectMap } from "./session";

interface Opened {
  readonly open?: { readonly path: string; readonly line: number };
}

let panel: vscode.WebviewPanel | undefined;

/** Shows the map that `ask` gives; the panel is made once and drawn anew. Nothing is shown where there is no map. */
export async function showMap(ask: () => Promise<ProjectMap | undefined>): Promise<void> {
  const drawn = await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: "Architect draws the map" }, ask);
  if (!drawn) {
    return;
  }
  panel ??= create();
  panel.title = `Map of ${path.basename(drawn.root)}`;
  root = drawn.root;
  panel.webview.html = drawn.text;
  panel.reveal(undefined, false);
}

let root = "";

function create(): vscode.WebviewPanel {
  // The page's own policy lets in one script by its hash; it needs no resource of this machine.
  const options = { enableScripts: true, enableCommandUris: false, localResourceRoots: [], retainContextWhenHidden: true };
  const made = vscode.window.createWebviewPanel("architect.map", "Map", vscode.ViewColumn.Active, options);
  made.webview.onDidReceiveMessage((message: Opened) => void open(message));
  made.onDidDispose(() => {
    panel = undefined;
  });
  return made;
}

async function open({ open: at }: Opened): Promise<void> {
  const file = at && path.resolve(root, at.path);
  if (!file || typeof at.line !== "number" || !(file === root || file.startsWith(root + path.sep))) {
    return; // names come from the code: none leads out of the project
  }
  const position = new vscode.Position(Math.max(0, at.line - 1), 0);
  const document = await vscode.workspace.openTextDocument(vscode.Uri.file(file));
  await vscode.window.showTextDocument(document, { selection: new vscode.Range(position, position), viewColumn: vscode.ViewColumn.Beside });
}
