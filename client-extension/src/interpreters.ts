/** The workspace's Python interpreters. Running one runs code of the workspace: callers ask for trust first. */

import * as fs from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";

/** The part of the Python extension's interface that is used here. */
interface PythonExtension {
  readonly environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(path: { readonly path: string }): Promise<{ executable: { uri?: vscode.Uri } } | undefined>;
    readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

const PYTHON = process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"];

/**
 * Interpreters in the order in which they are tried: chosen in the Python extension, named by its setting, in the folders.
 * Paths stay as they are: the target of an environment's link is the system's Python, which has none of its packages.
 */
export async function workspaceInterpreters(): Promise<string[]> {
  const found: string[] = [];
  for (const folder of vscode.workspace.workspaceFolders ?? []) {
    const chosen = await chosenInterpreter(folder.uri);
    const named = namedInterpreter(folder);
    found.push(...[chosen, named].filter((it) => it !== undefined));
    found.push(...[".venv", "venv"].map((it) => interpreterOf(path.join(folder.uri.fsPath, it))));
  }
  return [...new Set(found)].filter((it) => fs.existsSync(it));
}

/** The interpreter of an environment's folder. */
export function interpreterOf(environment: string): string {
  return path.join(environment, ...PYTHON);
}

/** Calls `then` when another interpreter is chosen. */
export function interpreterChanges(then: () => void): vscode.Disposable {
  const disposables = [
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("python.defaultInterpreterPath")) {
        then();
      }
    }),
  ];
  void pythonExtension().then((it) => it && disposables.push(it.environments.onDidChangeActiveEnvironmentPath(then)));
  return { dispose: () => disposables.forEach((it) => it.dispose()) };
}

async function chosenInterpreter(folder: vscode.Uri): Promise<string | undefined> {
  const python = await pythonExtension();
  const environment = await python?.environments.resolveEnvironment(python.environments.getActiveEnvironmentPath(folder));
  return environment?.executable.uri?.fsPath;
}

function namedInterpreter(folder: vscode.WorkspaceFolder): string | undefined {
  const named = vscode.workspace.getConfiguration("python", folder.uri).get<string>("defaultInterpreterPath");
  if (!named || named === "python") {
    return undefined; // the Python extension's default, which names no interpreter in particular
  }
  const whole = named.replace("${workspaceFolder}", folder.uri.fsPath);
  return path.isAbsolute(whole) ? whole : path.join(folder.uri.fsPath, whole);
}

async function pythonExtension(): Promise<PythonExtension | undefined> {
  const extension = vscode.extensions.getExtension<PythonExtension>("ms-python.python");
  const api = await extension?.activate().then(
    (it) => it,
    () => undefined, // its failure is its own to report
  );
  return api?.environments ? api : undefined;
}
