/** What the person set, as the server takes it. */

import * as vscode from "vscode";

/** Settings of the extension itself, which the server does not know. */
const OWN = ["server.path", "trace.server"];

/**
 * The settings somebody set, without defaults: a default sent along would overrule the project's pyproject.toml.
 * Values of a workspace that is not trusted, where the manifest restricts them, are left out by the editor.
 */
export function chosenSettings(extension: vscode.Extension<unknown>, scope?: vscode.Uri): Record<string, unknown> {
  const section = vscode.workspace.getConfiguration("architect", scope ?? vscode.workspace.workspaceFolders?.[0]?.uri);
  const chosen: Record<string, unknown> = {};
  for (const key of settingKeys(extension)) {
    const found = section.inspect(key);
    if (found && [found.globalValue, found.workspaceValue, found.workspaceFolderValue].some((it) => it !== undefined)) {
      chosen[key] = section.get(key);
    }
  }
  return chosen;
}

export function serverPath(): string {
  return vscode.workspace.getConfiguration("architect").get("server.path", "").trim();
}

function settingKeys(extension: vscode.Extension<unknown>): string[] {
  const manifest = extension.packageJSON as { contributes: { configuration: { properties: object } } };
  const keys = Object.keys(manifest.contributes.configuration.properties).map((it) => it.replace(/^architect\./, ""));
  return keys.filter((it) => !OWN.includes(it));
}
