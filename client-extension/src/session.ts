/** The life of the one server of this window: at most one runs, starts are serial, and none outlives the window. */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import { createInterface } from "node:readline";
import * as vscode from "vscode";
import {
  CloseAction,
  DidChangeConfigurationNotification,
  ErrorAction,
  ExecuteCommandRequest,
  LanguageClient,
  type LanguageClientOptions,
  RevealOutputChannelOn,
} from "vscode-languageclient/node";
import { apiKeyEnvironment } from "./apiKey";
import { findServer, type Server } from "./locate";
import { serveModels } from "./models";
import { ReviewProgress } from "./progress";
import { chosenSettings } from "./settings";
import type { Status, StatusItem } from "./status";

const CRASHES = 5;
const CRASHES_WITHIN_MS = 3 * 60_000;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 2_000;

interface Running {
  readonly client: LanguageClient;
  readonly child: ChildProcessWithoutNullStreams;
  readonly server: Server;
}

/** The page of a project's map, and the folder that its paths begin from. */
export interface ProjectMap {
  readonly root: string;
  readonly text: string;
}

/** Who can review. */
export interface Agent {
  readonly name: string;
  readonly description: string;
}

/** Sent by the server when a design question was answered. */
interface Answer {
  readonly title: string;
  readonly markdown: string;
}

interface RestartOptions {
  /** Leave a running server alone if the same one would be started again. */
  readonly onlyIfMoved?: boolean;
  /** Begin to count crashes anew: a person asked for this start. */
  readonly forgetCrashes?: boolean;
}

/** What goes wrong is said by the session, once; the library would say it too, in its own words. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

export class Session {
  private running: Running | undefined;
  private queue: Promise<void> = Promise.resolve();
  private waiting: { onlyIfMoved: boolean } | undefined;
  private retry: NodeJS.Timeout | undefined;
  private crashedAt: number[] = [];
  private ended = false;
  private readonly progress = new ReviewProgress(() => this.running?.client);

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly output: vscode.LogOutputChannel,
    private readonly status: StatusItem,
  ) {}

  /** Starts the server anew. One restart runs, at most one waits; more requests join the one that waits. */
  restart({ onlyIfMoved = false, forgetCrashes = false }: RestartOptions = {}): Promise<void> {
    clearTimeout(this.retry);
    if (forgetCrashes) {
      this.crashedAt = [];
    }
    if (this.waiting) {
      this.waiting.onlyIfMoved &&= onlyIfMoved;
    } else {
      this.waiting = { onlyIfMoved };
      this.queue = this.queue.then(() => this.replace());
    }
    return this.queue;
  }

  /** Stops the server for good. */
  async end(): Promise<void> {
    this.ended = true;
    clearTimeout(this.retry);
    await this.stop();
  }

  async pushSettings(): Promise<void> {
    const settings = { architect: chosenSettings(this.context.extension) };
    await this.running?.client.sendNotification(DidChangeConfigurationNotification.type, { settings });
  }

  /** Asks for a review of a part, or of the whole where `range` is undefined. The findings arrive as diagnostics. */
  async review(uri: vscode.Uri, range?: vscode.Range): Promise<void> {
    if (await this.connected()) {
      await this.run("architect.review", this.target(uri, range));
    }
  }

  /** Asks a design question; the answer is opened as a page when it is there. */
  async ask(question: string, uri: vscode.Uri, range: vscode.Range): Promise<void> {
    if (await this.connected()) {
      await this.run("architect.consult", { ...this.target(uri, range), question });
    }
  }

  /** What a review would send, "" where nothing can be reviewed. */
  async request(uri: vscode.Uri, range: vscode.Range): Promise<string> {
    return ((await this.run("architect.brief", this.target(uri, range))) as string | null) ?? "";
  }

  /** The agents that can review. */
  async agents(): Promise<Agent[]> {
    return ((await this.run("architect.agents")) as Agent[] | null) ?? [];
  }

  /** Whether a model can be asked; the person is told where it can't. */
  private async connected(): Promise<boolean> {
    if (this.running && this.status.current?.state === "rules") {
      await this.say("No model is connected: the rules go on, a review needs an API key.", "Set API key");
      return false;
    }
    return true;
  }

  private target(uri: vscode.Uri, range?: vscode.Range): object {
    const convert = this.running?.client.code2ProtocolConverter;
    return convert ? { uri: convert.asUri(uri), ...(range && { range: convert.asRange(range) }) } : {};
  }

  private async run(command: string, ...target: object[]): Promise<unknown> {
    const client = this.running?.client;
    if (!client || !this.status.current) {
      await this.say("Architect's server is not running.", "Restart", "Show output");
      return undefined;
    }
    return client.sendRequest(ExecuteCommandRequest.type, { command, arguments: target });
  }

  /** The map of the project that a document is part of, else of the first folder; undefined where no server could draw it. */
  async map(uri: vscode.Uri | undefined): Promise<ProjectMap | undefined> {
    const target = uri?.scheme === "file" ? this.target(uri) : {};
    return ((await this.run("architect.map", target)) as ProjectMap | null) ?? undefined;
  }

  private async replace(): Promise<void> {
    const onlyIfMoved = this.waiting?.onlyIfMoved ?? false;
    this.waiting = undefined;
    if (this.ended) {
      return;
    }
    try {
      await fs.mkdir(this.context.globalStorageUri.fsPath, { recursive: true });
      const server = await findServer(this.context, this.output);
      if (onlyIfMoved && JSON.stringify(server) === JSON.stringify(this.running?.server)) {
        return;
      }
      this.status.starting();
      await this.stop();
      await this.start(server);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.output.error(why);
      await this.stop();
      this.status.stopped(why);
      void this.say(why, "Open settings", "Show output");
    }
  }

  /** Raises if no process could be started; one that starts and fails is a crash. */
  private async start(server: Server): Promise<void> {
    const trusted = vscode.workspace.isTrusted;
    this.output.info(`starting ${server.command} ${server.args.join(" ")} (${server.origin}, ${trusted ? "trusted" : "not trusted"})`);
    // Not in the workspace: `python -m` imports from the folder it is started in before all others.
    const cwd = this.context.globalStorageUri.fsPath;
    const env = { ...process.env, ...(await apiKeyEnvironment(this.context)) };
    const child = spawn(server.command, [...server.args], { cwd, env, windowsHide: true });
    child.on("error", (error) => this.output.error(`the server's process: ${error.message}`));
    await once(child, "spawn").catch((error: unknown) => {
      throw new Error(`${server.command} can't be started (${String(error)}): correct architect.server.path or clear it.`);
    });
    child.once("exit", (code, signal) => {
      this.output.info(`the server exited (${signal ?? code})`);
      if (this.running?.child === child) {
        this.running = undefined;
        this.crashed();
      }
    });
    const client = new QuietClient("architect", "Architect", async () => ({ process: child, detached: false }), this.options(trusted));
    client.onNotification("architect/status", (status: Status) => this.status.show(status));
    serveModels(client);
    client.onNotification("architect/answer", (answer: Answer) => void showPage(`# ${answer.title}\n\n${answer.markdown}`));
    this.running = { client, child, server };
    const tooLong = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
    try {
      await client.start();
    } catch {
      child.kill("SIGKILL"); // the library has logged why
    } finally {
      clearTimeout(tooLong);
    }
  }

  private async stop(): Promise<void> {
    const running = this.running;
    this.running = undefined;
    this.progress.endAll();
    if (!running) {
      return;
    }
    const { client, child } = running;
    const exited = child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : once(child, "exit");
    const tooLong = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    if (client.isRunning()) {
      await client.stop(STOP_TIMEOUT_MS).catch((error: unknown) => this.output.debug(`stopping: ${String(error)}`));
    }
    await exited;
    clearTimeout(tooLong);
    await client.dispose().catch(() => undefined); // it has been stopped: nothing is left that could fail
  }

  private options(trusted: boolean): LanguageClientOptions {
    return {
      documentSelector: [
        ...languages(this.context.extension).flatMap((language) => [
          { scheme: "file", language },
          { scheme: "untitled", language },
        ]),
        { scheme: "file", language: "markdown", pattern: "**/{agents,commands,skills}/**/*.md" },
        { scheme: "file", pattern: "**/*{openapi,swagger}*.{yaml,yml,json}" },
        { scheme: "file", pattern: "**/*.{graphql,graphqls,gql}" },
      ],
      initializationOptions: { trusted, showsFindings: true, hasModels: true, settings: chosenSettings(this.context.extension) },
      outputChannel: this.output,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationFailedHandler: () => false,
      stdioOptions: { stdout: () => undefined, stderr: (input, output) => createInterface(input).on("line", (it) => log(output, it)) },
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => ({ action: CloseAction.DoNotRestart, message: "the connection to the server is gone", handled: true }),
      },
      middleware: {
        handleWorkDoneProgress: this.progress.handle,
        workspace: {
          configuration: (params) => params.items.map((it) => this.configuration(it.section, it.scopeUri)),
        },
      },
    };
  }

  private configuration(section: string | undefined, scope: string | undefined): unknown {
    return section === "architect" ? chosenSettings(this.context.extension, scope ? vscode.Uri.parse(scope) : undefined) : null;
  }

  /** The server went away unasked. It is started again after 1, 2, 4 ... seconds, and given up after some times. */
  private crashed(): void {
    this.progress.endAll();
    const now = Date.now();
    this.crashedAt = [...this.crashedAt.filter((it) => now - it < CRASHES_WITHIN_MS), now];
    const times = this.crashedAt.length;
    if (times > CRASHES) {
      this.status.stopped("The server stopped again and again");
      void this.say(`Architect's server stopped ${times} times in three minutes and was given up.`, "Show output", "Restart");
      return;
    }
    const delayMs = 1000 * 2 ** (times - 1);
    this.output.warn(`the server is gone; it is started again in ${delayMs / 1000} s`);
    this.status.starting();
    this.retry = setTimeout(() => void this.restart(), delayMs);
  }

  private async say(message: string, ...buttons: string[]): Promise<void> {
    const commands: Record<string, [string, ...unknown[]]> = {
      "Show output": ["architect.showOutput"],
      "Open settings": ["workbench.action.openSettings", "architect.server.path"],
      "Set API key": ["architect.setApiKey"],
      Restart: ["architect.restart"],
    };
    const chosen = commands[(await vscode.window.showWarningMessage(message, ...buttons)) ?? ""];
    if (chosen) {
      await vscode.commands.executeCommand(...chosen);
    }
  }
}

/** Shows Markdown as a page of its own that belongs to no file. */
export async function showPage(content: string): Promise<void> {
  const document = await vscode.workspace.openTextDocument({ language: "markdown", content });
  await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preview: true });
}

/** The languages that the server takes: those that wake the extension. */
export function languages(extension: vscode.Extension<unknown>): string[] {
  const events: string[] = extension.packageJSON.activationEvents;
  return events.filter((it) => it.startsWith("onLanguage:")).map((it) => it.slice("onLanguage:".length));
}

/** Writes a line of the server's log at the level it begins with. */
function log(output: vscode.LogOutputChannel, line: string): void {
  const [, level = "INFO", text = line] = /^(DEBUG|INFO|WARNING|ERROR|CRITICAL)[:\s]+(.*)$/.exec(line) ?? [];
  const levels: Record<string, "debug" | "info" | "warn"> = { DEBUG: "debug", INFO: "info", WARNING: "warn" };
  output[levels[level] ?? "error"](text);
}
