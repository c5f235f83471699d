// Makes the .vsix with the server's wheel in it. With an argument, that wheel; without, one built from this repository.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const extension = dirname(dirname(fileURLToPath(import.meta.url)));
const repository = dirname(extension);
const bundled = join(extension, "bundled");
const wheel = process.argv[2] && resolve(process.env.INIT_CWD ?? ".", process.argv[2]);

rmSync(bundled, { recursive: true, force: true });
mkdirSync(bundled);
if (wheel) {
  copyFileSync(wheel, join(bundled, basename(wheel)));
} else {
  const python = process.env.PYTHON ?? "python3";
  const pip = ["-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--wheel-dir", bundled, repository];
  execFileSync(python, pip, { stdio: "inherit" });
}
copyFileSync(join(repository, "LICENSE"), join(extension, "LICENSE"));
// Everything is in out/extension.js: --no-dependencies leaves node_modules out.
const vsce = join(extension, "node_modules", "@vscode", "vsce", "vsce");
const options = ["package", "--no-dependencies", "--allow-missing-repository", "--skip-license"];
execFileSync(process.execPath, [vsce, ...options], { cwd: extension, stdio: "inherit" });
