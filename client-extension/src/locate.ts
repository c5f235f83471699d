/** Which server to start. */

import * as os from "node:os";
import * as path from "node:path";
import * as fs from "node:fs";
import * as vscode from "vscode";
import { privateInterpreter } from "./environment";
import { workspaceInterpreters } from "./interpreters";
import { hasServer } from "./programs";
import { serverPath } from "./settings";

/** A server that can be started. Two that are equal need no restart. */
export interface Server {
  readonly command: string;
  readonly args: readonly string[];
  /** Where it was found, for the log. */
  readonly origin: string;
}

/**
 * The first of: the setting, the workspace's interpreter where the workspace is trusted, the private environment.
 * Raises an Error that says what is wrong and what to do.
 */
export async function findServer(context: vscode.ExtensionContext, output: vscode.LogOutputChannel): Promise<Server> {
  const named = serverPath();
  if (named) {
    const command = named.startsWith("~") ? path.join(os.homedir(), named.slice(1)) : named;
    if (!path.isAbsolute(command) || !fs.existsSync(command)) {
      throw new Error(`The setting architect.server.path is "${named}", which is not there: correct it or clear it.`);
    }
    return { command, args: ["serve"], origin: "the setting architect.server.path" };
  }
  const cwd = context.globalStorageUri.fsPath;
  for (const python of vscode.workspace.isTrusted ? await workspaceInterpreters() : []) {
    if (await hasServer(python, cwd)) {
      return asServer(python, "the workspace's interpreter");
    }
    output.debug(`${python} has no architect_lsp`);
  }
  return asServer(await privateInterpreter(context, output), "the extension's own environment");
}

function asServer(python: string, origin: string): Server {
  return { command: python, args: ["-m", "architect_lsp", "serve"], origin };
}
