/** Wires the parts together; everything that lives longer than a call goes to `context.subscriptions`. */

import * as vscode from "vscode";
import { clearApiKey, onApiKeyChange, setApiKey } from "./apiKey";
import { interpreterChanges } from "./interpreters";
import { showMap } from "./map";
import { languages, Session } from "./session";
import { StatusItem } from "./status";

let session: Session | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const output = vscode.window.createOutputChannel("Architect", { log: true });
  const status = new StatusItem();
  void vscode.commands.executeCommand("setContext", "architect.languages", languages(context.extension));
  const running = new Session(context, output, status);
  session = running;
  const restart = () => void running.restart();
  const restartIfMoved = () => void running.restart({ onlyIfMoved: true });
  const commands: Record<string, () => unknown> = {
    "architect.reviewSelection": () => review(context, running, "selection"),
    "architect.reviewFile": () => review(context, running, "file"),
    "architect.showMap": () => showMap(() => running.map(vscode.window.activeTextEditor?.document.uri)),
    "architect.showOutput": () => output.show(),
    "architect.restart": () => running.restart({ forgetCrashes: true }),
    "architect.setApiKey": () => setApiKey(context),
    "architect.clearApiKey": () => clearApiKey(context),
  };
  context.subscriptions.push(
    output,
    status,
    ...Object.entries(commands).map(([name, command]) => vscode.commands.registerCommand(name, command)),
    onApiKeyChange(context, restart),
    interpreterChanges(restartIfMoved),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("architect.server")) {
        restartIfMoved();
      } else if (event.affectsConfiguration("architect")) {
        void running.pushSettings();
      }
    }),
  );
  restart();
}

/** Ends the server. The editor waits for it, but not for long. */
export async function deactivate(): Promise<void> {
  await session?.end();
}

function review(context: vscode.ExtensionContext, running: Session, what: "selection" | "file"): Promise<void> | Thenable<unknown> {
  const editor = vscode.window.activeTextEditor;
  if (!editor || !languages(context.extension).includes(editor.document.languageId)) {
    return vscode.window.showInformationMessage("Architect does not review this language: open a file of Python, TypeScript, Go ...");
  }
  return running.review(editor.document.uri, what === "selection" ? editor.selection : undefined);
}
