/** Wires the parts together; everything that lives longer than a call goes to `context.subscriptions`. */

import * as vscode from "vscode";
import { reviewFile, reviewSelection } from "./commands";
import { clearApiKey, onApiKeyChange, setApiKey } from "./apiKey";
import { interpreterChanges } from "./interpreters";
import { Session } from "./session";
import { StatusItem } from "./status";

let session: Session | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const output = vscode.window.createOutputChannel("Architect", { log: true });
  const status = new StatusItem();
  const running = new Session(context, output, status);
  session = running;
  const restart = () => void running.restart();
  const restartIfMoved = () => void running.restart({ onlyIfMoved: true });
  context.subscriptions.push(
    output,
    status,
    vscode.commands.registerCommand("architect.reviewSelection", () => reviewSelection(running)),
    vscode.commands.registerCommand("architect.reviewFile", () => reviewFile(running)),
    vscode.commands.registerCommand("architect.showOutput", () => output.show()),
    vscode.commands.registerCommand("architect.restart", () => running.restart({ forgetCrashes: true })),
    vscode.commands.registerCommand("architect.setApiKey", () => setApiKey(context)),
    vscode.commands.registerCommand("architect.clearApiKey", () => clearApiKey(context)),
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
