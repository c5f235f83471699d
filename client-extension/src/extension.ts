/** Wires the parts together; everything that lives longer than a call goes to `context.subscriptions`. */

import * as vscode from "vscode";
import { clearApiKey, onApiKeyChange, setApiKey } from "./apiKey";
import { interpreterChanges } from "./interpreters";
import { showMap } from "./map";
import { languages, Session, showPage } from "./session";
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
    "architect.showRequest": () => withEditor(context, async (it) => showPage(await running.request(it.document.uri, it.selection))),
    "architect.ask": () => withEditor(context, (it) => ask(running, it)),
    "architect.pickAgent": () => pickAgent(running),
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

function review(context: vscode.ExtensionContext, running: Session, what: "selection" | "file"): Thenable<unknown> {
  return withEditor(context, (it) => running.review(it.document.uri, what === "selection" ? it.selection : undefined));
}

function withEditor(context: vscode.ExtensionContext, act: (editor: vscode.TextEditor) => Thenable<unknown>): Thenable<unknown> {
  const editor = vscode.window.activeTextEditor;
  if (!editor || !languages(context.extension).includes(editor.document.languageId)) {
    return vscode.window.showInformationMessage("Architect does not review this language: open a file of Python, TypeScript, Go ...");
  }
  return act(editor);
}

async function ask(running: Session, editor: vscode.TextEditor): Promise<void> {
  const question = await vscode.window.showInputBox({ prompt: "A design question", placeHolder: "How should my agents talk to each other?" });
  if (question) {
    await running.ask(question, editor.document.uri, editor.selection);
  }
}

async function pickAgent(running: Session): Promise<void> {
  const agents = (await running.agents()).map((it) => ({ label: it.name, detail: it.description }));
  const chosen = await vscode.window.showQuickPick(agents, { placeHolder: "Who reviews", matchOnDetail: true });
  if (chosen) {
    await vscode.workspace.getConfiguration("architect").update("agent", chosen.label, vscode.ConfigurationTarget.Global);
  }
}
