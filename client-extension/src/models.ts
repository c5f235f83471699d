/** The editor's own models, asked for the server: what they say goes back as it comes. */

import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";

interface Request {
  readonly id: string;
  readonly system: string;
  readonly prompt: string;
  readonly model: string;
}

/** Answers the server's requests for a model, each until it ends or is cancelled. */
export function serveModels(client: LanguageClient): void {
  const running = new Map<string, vscode.CancellationTokenSource>();
  client.onNotification("architect/modelCancel", ({ id }: { id: string }) => running.get(id)?.cancel());
  client.onRequest("architect/model", async ({ id, system, prompt, model }: Request) => {
    const source = new vscode.CancellationTokenSource();
    running.set(id, source);
    try {
      const all = await vscode.lm.selectChatModels();
      const chosen = all.find((it) => it.id === model || it.family === model) ?? all[0];
      if (!chosen) {
        throw new Error("The editor has no language model: install one, or set architect.provider to another.");
      }
      const question = vscode.LanguageModelChatMessage.User(`${system}\n\n${prompt}`);
      const answer = await chosen.sendRequest([question], { justification: "You asked Architect for a review." }, source.token);
      for await (const text of answer.text) {
        await client.sendNotification("architect/modelText", { id, text });
      }
      return { model: chosen.id };
    } finally {
      running.delete(id);
      source.dispose();
    }
  });
}
