/** The extension's own Python environment, made from the wheel that comes with it. */

import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import * as vscode from "vscode";
import { interpreterOf } from "./interpreters";
import { hasServer, run } from "./programs";

const PYTHONS = process.platform === "win32" ? ["python", "py"] : ["python3", "python"];

/**
 * The interpreter of the environment, which is made where it is missing or of another wheel. Raises Error.
 *
 * The folder's name holds the wheel's hash. It is made beside its place and moved there when whole, so that windows which
 * start together, or one that is closed midway, leave no half of it.
 */
export async function privateInterpreter(context: vscode.ExtensionContext, output: vscode.LogOutputChannel): Promise<string> {
  const wheel = await bundledWheel(context);
  const storage = context.globalStorageUri.fsPath;
  const name = `server-${createHash("sha256").update(await fs.readFile(wheel)).digest("hex").slice(0, 16)}`;
  const python = interpreterOf(path.join(storage, name));
  if (await hasServer(python, storage)) {
    return python;
  }
  const title = "Architect: installing its server, once";
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title }, async () => {
    const draft = path.join(storage, `${name}.${process.pid}`);
    try {
      await make(draft, wheel, storage, output);
      if (!(await hasServer(python, storage))) {
        await remove(path.join(storage, name)); // what was there is broken, and no other window has mended it meanwhile
        await fs.rename(draft, path.join(storage, name));
      }
    } finally {
      await remove(draft);
    }
  });
  const earlier = (await fs.readdir(storage)).filter((it) => /^server-[0-9a-f]{16}$/.test(it) && it !== name);
  await Promise.all(earlier.map((it) => remove(path.join(storage, it)).catch(() => undefined))); // one in use may stay
  return python;
}

async function bundledWheel(context: vscode.ExtensionContext): Promise<string> {
  const folder = context.asAbsolutePath("bundled");
  const wheel = (await fs.readdir(folder).catch(() => [])).find((it) => it.endsWith(".whl"));
  if (!wheel) {
    throw new Error("This build has no server in it: pip install architect-lsp, then set architect.server.path.");
  }
  return path.join(folder, wheel);
}

async function make(environment: string, wheel: string, cwd: string, output: vscode.LogOutputChannel): Promise<void> {
  const base = await basePython(cwd);
  const made = await run(base, ["-m", "venv", environment], cwd, 120);
  output.info(`making ${environment} with ${base}`);
  if (!made.ok) {
    output.error(made.text);
    throw new Error(
      /ensurepip|python3-venv/.test(made.text)
        ? "Python's venv module is incomplete: on Debian or Ubuntu, sudo apt install python3-venv; then run Architect: Restart."
        : `Python could not make an environment (${lastLine(made.text)}): see the output.`,
    );
  }
  const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", wheel];
  const installed = await run(interpreterOf(environment), pip, cwd, 600);
  output[installed.ok ? "debug" : "error"](installed.text);
  if (!installed.ok) {
    throw new Error(
      `pip could not install the server (${lastLine(installed.text)}). Is the network there? ` +
        "Or install architect-lsp yourself and set architect.server.path.",
    );
  }
}

async function basePython(cwd: string): Promise<string> {
  for (const python of PYTHONS) {
    if ((await run(python, ["-c", "import sys; sys.exit(sys.version_info < (3, 10))"], cwd)).ok) {
      return python;
    }
  }
  throw new Error(`Python 3.10 or newer was not found (${PYTHONS.join(", ")}): install it, or set architect.server.path.`);
}

function remove(folder: string): Promise<void> {
  return fs.rm(folder, { recursive: true, force: true });
}

function lastLine(text: string): string {
  const lines = text.split("\n").map((it) => it.trim());
  return (lines.filter((it) => /^error/i.test(it)).at(-1) ?? lines.filter(Boolean).at(-1) ?? "no reason given").slice(0, 200);
}
