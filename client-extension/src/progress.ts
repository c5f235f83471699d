/** Progress of a review as a notification with a Cancel button: the client library would hide it in the status bar. */

import * as vscode from "vscode";
import { type LanguageClient, type Middleware, WorkDoneProgressCancelNotification } from "vscode-languageclient/node";

type Handler = NonNullable<Middleware["handleWorkDoneProgress"]>;
type Token = Parameters<Handler>[0];
type Report = { message?: string; percentage?: number };

interface Shown {
  readonly end: () => void;
  readonly report: (value: Report) => void;
}

/** Shows what can be cancelled itself and leaves the rest to the client library. */
export class ReviewProgress {
  private readonly shown = new Map<Token, Shown>();

  constructor(private readonly client: () => LanguageClient | undefined) {}

  readonly handle: Handler = (token, params, next) => {
    if (params.kind === "begin" && params.cancellable) {
      this.shown.set(token, this.begin(token, params.title));
    }
    const shown = this.shown.get(token);
    if (!shown) {
      return next(token, params);
    }
    if (params.kind === "end") {
      this.shown.delete(token);
      return shown.end();
    }
    shown.report(params);
  };

  /** Ends what a server that is gone can't end any more. */
  endAll(): void {
    this.shown.forEach((it) => it.end());
    this.shown.clear();
  }

  private begin(token: Token, title: string): Shown {
    let end = () => {};
    let report: Shown["report"] = () => {};
    let at = 0;
    const options = { location: vscode.ProgressLocation.Notification, cancellable: true, title };
    void vscode.window.withProgress(options, (progress, cancelled) => {
      cancelled.onCancellationRequested(() => void this.client()?.sendNotification(WorkDoneProgressCancelNotification.type, { token }));
      report = ({ message, percentage = at }) => {
        progress.report({ ...(message === undefined ? {} : { message }), increment: Math.max(0, percentage - at) });
        at = Math.max(at, percentage);
      };
      return new Promise<void>((resolve) => (end = resolve));
    });
    return { end: () => end(), report: (value) => report(value) };
  }
}
