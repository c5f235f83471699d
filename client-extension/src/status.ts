/** The item in the status bar: whether anything but the rules is at work. */

import * as vscode from "vscode";

/** `architect/status`, server to client: sent after the start and whenever one of its fields changes. */
export interface Status {
  readonly state: "rules" | "model" | "reviewing" | "failed";
  readonly model: string;
  readonly done: number;
  readonly total: number;
  /** Why, where it failed; else what is worth knowing. */
  readonly detail: string;
  /** What a day's reviews have cost so far of what they may; "" where that is not known yet. */
  readonly spent: string;
}

export class StatusItem implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("architect.status", vscode.StatusBarAlignment.Right, 90);
  private last: Status | undefined;

  constructor() {
    this.item.name = "Architect";
    this.item.command = { title: "Commands", command: "workbench.action.quickOpen", arguments: [">Architect: "] };
    this.starting();
    this.item.show();
  }

  /** What the server said last; undefined where none is running. */
  get current(): Status | undefined {
    return this.last;
  }

  starting(): void {
    this.last = undefined;
    this.draw("$(loading~spin) Architect: starting", "The server is starting");
  }

  stopped(why: string): void {
    this.last = undefined;
    this.draw("$(error) Architect: stopped", why, true);
  }

  show(status: Status): void {
    this.last = status;
    const count = status.total ? ` ${status.done} of ${status.total}` : "";
    switch (status.state) {
      case "rules": {
        const why = vscode.workspace.isTrusted ? "No API key" : "The workspace is not trusted";
        return this.draw("$(checklist) Architect: rules only", status.detail || `${why}: rules work, reviews do not`);
      }
      case "model":
        return this.draw(
          `$(checklist) Architect: ${status.model}${status.spent && ` · ${status.spent}`}`,
          [status.detail || "Rules at work; the model is asked on request", status.spent && `Spent in a day: ${status.spent}`]
            .filter(Boolean)
            .join("\n"),
        );
      case "reviewing":
        return this.draw(`$(loading~spin) Architect: reviewing${count}`, status.detail || `${status.model} is reviewing`);
      case "failed":
        return this.draw("$(warning) Architect: review failed", status.detail || "See the output", true);
    }
  }

  dispose(): void {
    this.item.dispose();
  }

  private draw(text: string, tooltip: string, alarming = false): void {
    this.item.text = text;
    this.item.tooltip = tooltip;
    this.item.backgroundColor = alarming ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
  }
}
