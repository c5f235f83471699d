/** The model's key: kept in the editor's secret storage, given to the server in its environment and nowhere else. */

import * as vscode from "vscode";

const SECRET = "architect.apiKey";

/** What the environment of the server is to hold beside what it inherits. */
export async function apiKeyEnvironment(context: vscode.ExtensionContext): Promise<Record<string, string>> {
  const key = await context.secrets.get(SECRET);
  return key ? { ARCHITECT_API_KEY: key } : {};
}

export function onApiKeyChange(context: vscode.ExtensionContext, then: () => void): vscode.Disposable {
  return context.secrets.onDidChange((event) => {
    if (event.key === SECRET) {
      then();
    }
  });
}

export async function setApiKey(context: vscode.ExtensionContext): Promise<void> {
  const key = await vscode.window.showInputBox({
    title: "Architect: API key",
    prompt: "Kept in the editor's secret storage. It is sent to the model's server only, with a review that you ask for.",
    password: true,
    ignoreFocusOut: true,
    validateInput: (text) => (/\s/.test(text.trim()) ? "A key has no blanks in it." : undefined),
  });
  if (key?.trim()) {
    await context.secrets.store(SECRET, key.trim());
  }
}

export async function clearApiKey(context: vscode.ExtensionContext): Promise<void> {
  await context.secrets.delete(SECRET);
  if (process.env["ANTHROPIC_API_KEY"]) {
    void vscode.window.showInformationMessage("The stored key is gone. ANTHROPIC_API_KEY of the environment is still used.");
  }
}
