/** Runs other programs to their end. */

import { execFile } from "node:child_process";

export interface Outcome {
  readonly ok: boolean;
  /** Both streams, for the log. */
  readonly text: string;
}

/** Whether an interpreter has the server and what it is made of. `cwd` as for `run`. */
export async function hasServer(python: string, cwd: string): Promise<boolean> {
  return (await run(python, ["-c", "import architect_lsp, pygls"], cwd)).ok;
}

/**
 * The outcome of a program; one that can't be started or takes longer than `timeoutS` seconds is an outcome too.
 * `cwd` must not be a workspace: Python imports from the folder it is started in.
 */
export function run(command: string, args: string[], cwd: string, timeoutS = 30): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd, timeout: timeoutS * 1000, maxBuffer: 2 ** 24, windowsHide: true }, (error, stdout, stderr) => {
      const text = `${stdout}\n${stderr}`.trim();
      resolve({ ok: !error, text: text || error?.message || "" });
    });
  });
}
