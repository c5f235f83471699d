// Drives one VS Code window in Chromium. One request a line on stdin, {"do": name, ...}, one answer a line on stdout:
// {"value": ...} or {"error": text, "screenshot": path}. Every wait is for something on the page, never for a time.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { tools, shots } = JSON.parse(process.argv[2]);
const { chromium } = createRequire(`${tools}/`)("playwright-core");

const TIMEOUT_MS = 90_000;  // a busy machine takes long to draw a window
const TIMEOUT_S = TIMEOUT_MS / 1000;
const PATIENCE_MS = 10_000;
const browser = await chromium.launch({
  env: { ...process.env, FONTCONFIG_FILE: new URL("fonts.conf", import.meta.url).pathname },
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
  ],
});
let page;
const troubles = [];

const visible = (selector) => page.locator(selector).filter({ visible: true });
const texts = async (selector) => (await visible(selector).allTextContents()).map((it) => it.replace(/\s+/g, " ").trim());
const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());

/** The value that `read` gives once `enough` accepts it. */
async function until(read, enough, what, timeoutMs = TIMEOUT_MS) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (enough(value)) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`${what}: not within ${timeoutMs / 1000} s; last seen: ${JSON.stringify(value)}`);
    }
    await page.waitForTimeout(100);
  }
}

async function quickInput(text) {
  const input = page.locator(".quick-input-widget .quick-input-box input");
  await input.waitFor({ timeout: TIMEOUT_MS });
  await input.fill(text);
}

/** Opens a list by keys, filters it by `text`, and gives its first row's once `enough` accepts it; keys pressed too early are
 * pressed again. */
async function firstRow(keys, text, enough, what) {
  const row = page.locator(".quick-input-widget .quick-input-list .monaco-list-row").first();
  const read = () => row.textContent({ timeout: 1_000 }).catch(() => "");
  for (const end = Date.now() + TIMEOUT_MS; ; ) {
    await press(...keys);
    try {
      await quickInput(text);
      return await until(read, enough, what, PATIENCE_MS);
    } catch (error) {
      if (Date.now() > end) {
        throw error;
      }
      await press("Escape");
    }
  }
}

const scenes = {
  async open({ url, width = 1280, height = 860 }) {
    page = await browser.newPage({ viewport: { width, height } });
    page.setDefaultTimeout(TIMEOUT_MS);
    await page.goto(url);
    await page.locator(".explorer-viewlet .monaco-list-row").first().waitFor({ timeout: 60_000 });
  },

  async openFile({ name }) {
    const base = name.split("/").at(-1);
    await firstRow(["Control+p"], name, (it) => it?.includes(base), `${name} in the file picker`);
    await press("Enter");
    await page.locator(`.monaco-editor[data-uri$="${base}"] .view-line`).first().waitFor();
  },

  async command({ title }) {
    await firstRow(["F1"], `>${title}`, (it) => it?.includes(title), `${title} in the command palette`);
    await press("Enter");
  },

  /** Whether the palette knows a command. */
  async knows({ title }) {
    const text = await firstRow(["F1"], `>${title}`, Boolean, "an answer of the command palette");
    await press("Escape");
    return text.includes(title);
  },

  async answer({ text }) {
    await quickInput(text);
    await press("Enter");
  },

  /** Chooses from a list that was opened. */
  async pick({ text }) {
    await quickInput(text);
    const row = page.locator(".quick-input-widget .quick-input-list .monaco-list-row").first();
    await until(() => row.textContent(), (it) => it?.includes(text), `${text} in the list`);
    await press("Enter");
  },

  /** A page that belongs to no file, once it says something. */
  async page({ text }) {
    const read = async () => (await texts('.monaco-editor[data-uri^="untitled:"] .view-line')).join(" ");
    const squeezed = (it) => it.replace(/\s+/g, "");  // lines are wrapped anywhere
    return until(read, (it) => squeezed(it).includes(squeezed(text)), `${text} on a page`);
  },

  async goTo({ line, column = 1 }) {
    await press("Control+1", "Control+g");
    await quickInput(`:${line}:${column}`);
    await press("Enter");
    await page.locator(".quick-input-widget").waitFor({ state: "hidden" });
  },

  async select({ line, lastLine }) {
    await scenes.goTo({ line });
    await press("Home", ...Array(lastLine - line).fill("Shift+ArrowDown"), "Shift+End");
  },

  async type({ text }) {
    await page.keyboard.type(text);
  },

  async press({ keys }) {
    await press(...keys);
  },

  /** Squiggles in view, by kind, once there are some (or none, with `none`). */
  async squiggles({ none = false, timeoutS = TIMEOUT_S }) {
    const count = async () => ({
      warnings: await page.locator(".squiggly-warning").count(),
      errors: await page.locator(".squiggly-error").count(),
      infos: await page.locator(".squiggly-info").count(),
    });
    const sum = (it) => it.warnings + it.errors + it.infos;
    return until(count, (it) => (none ? sum(it) === 0 : sum(it) > 0), none ? "no squiggle" : "a squiggle", timeoutS * 1000);
  },

  async showProblems() {
    await scenes.command({ title: "Problems: Focus on Problems View" });
    await page.locator(".markers-panel").waitFor();
  },

  /** Rows of the Problems view once one contains `text`. */
  async problems({ text, gone = false, timeoutS = TIMEOUT_S }) {
    const holds = (rows) => rows.some((it) => it.includes(text)) !== gone;
    return until(() => texts(".markers-panel .monaco-list-row"), holds, `${gone ? "no " : ""}"${text}" in Problems`, timeoutS * 1000);
  },

  async hover({ line, column, text }) {
    await scenes.goTo({ line, column });
    const read = async () => (await texts(".monaco-hover .hover-contents")).join("\n");
    await press("Control+k", "Control+i");
    const again = setInterval(() => void press("Control+k", "Control+i").catch(() => {}), 3000);
    return until(read, (it) => it.includes(text), `"${text}" in the hover`).finally(() => clearInterval(again));
  },

  /** Titles of the code actions at the cursor; the menu stays open. */
  async actions({ text }) {
    const rows = ".action-widget .monaco-list-row.action";
    const ask = async () => (await page.locator(rows).count()) || press("Control+.");  // pressed too early, it opens nothing
    await ask();
    const again = setInterval(() => void ask().catch(() => {}), 3000);
    const offered = (all) => all.some((row) => row.includes(text));
    return until(() => texts(rows), offered, `"${text}" among the code actions`).finally(() => clearInterval(again));
  },

  async choose({ text }) {
    const rows = page.locator(".action-widget .monaco-list-row.action");
    const focused = page.locator(".action-widget .monaco-list-row.action.focused");
    for (let n = await rows.count(); n >= 0; n--) {
      if ((await focused.count()) && (await focused.first().textContent()).includes(text)) {
        await press("Enter");
        await rows.first().waitFor({ state: "hidden" });
        return;
      }
      await press("ArrowDown");
    }
    throw new Error(`"${text}" can't be reached in the menu`);
  },

  async dirty() {
    await page.locator(".tab.active.dirty").waitFor();
  },

  async save() {
    await press("Control+s");
    await page.locator(".tab.active:not(.dirty)").waitFor();
  },

  async status({ text, timeoutS = TIMEOUT_S }) {
    const read = async () => (await texts('.statusbar-item[id="architect-lsp.architect.architect.status"]')).join(" ");
    return until(read, (it) => it.includes(text), `"${text}" in the status bar`, timeoutS * 1000);
  },

  async notification({ text, timeoutS = TIMEOUT_S }) {
    const seen = new Set();  // a toast goes by itself
    const rows = ":is(.notifications-toasts, .notifications-center) .notification-list-item";
    const read = async () => [...(await texts(rows)).reduce((all, it) => all.add(it), seen)];
    return until(read, (it) => it.some((row) => row.includes(text)), `the notification "${text}"`, timeoutS * 1000);
  },

  async notifications() {
    return texts(".notifications-toasts .notification-list-item");
  },

  async notificationButton({ text, button }) {
    const item = page.locator(".notifications-toasts .notification-list-item").filter({ hasText: text });
    await item.hover();
    await item.locator(".monaco-button, .action-label").filter({ hasText: button }).first().click();
  },

  /** The panel's text once it contains `text`. */
  async panel({ text }) {
    const read = async () => (await texts(".part.panel .view-lines .view-line")).join("\n");
    return until(read, (it) => it.includes(text), `"${text}" in the panel`);
  },

  /** Replaces the person's settings by the JSON text. */
  async trust() {
    await scenes.command({ title: "Workspaces: Manage Workspace Trust" });
    await page.locator(".workspace-trust-editor .monaco-button").filter({ hasText: /^Trust$/ }).first().click();
  },

  async text() {
    return (await texts(".monaco-editor .view-lines .view-line")).join("\n");
  },

  async screenshot({ path }) {
    await page.screenshot({ path });
  },

  /** Leaves the page as a person does who closes the tab, so that the editor says goodbye to its server. */
  async close() {
    await page.goto("about:blank");
  },

  /** A page of a file. What it logs, asks the network for or shows as a dialog are `troubles`. */
  async visit({ path, dark = false, width = 1440, height = 900 }) {
    page = await browser.newPage({ viewport: { width, height }, colorScheme: dark ? "dark" : "light" });
    page.setDefaultTimeout(TIMEOUT_MS);
    troubles.length = 0;
    page.on("console", (it) => troubles.push(it.text()));
    page.on("pageerror", (it) => troubles.push(it.message));
    page.on("dialog", (it) => (troubles.push(it.message()), it.dismiss()));
    page.on("request", (it) => it.url().startsWith("file:") || troubles.push(it.url()));
    await page.goto(`file://${path}`);
    await page.locator("#world .card").first().waitFor();
  },

  /** The text of a part of the webview, once it is there; `click` presses it then. */
  async inWebview({ selector, click = false }) {
    const part = page.frameLocator("iframe.webview").frameLocator("#active-frame").locator(selector).first();
    const text = await part.evaluate((it) => it.textContent);
    if (click) {
      await part.click();
    }
    return text;
  },

  /** The file in the editor that has the focus, once it is that one. */
  async opened({ name }) {
    await page.locator(`.editor-group-container.active .monaco-editor[data-uri$="${name}"]`).first().waitFor();
  },

  async troubles() {
    return troubles;
  },

  async click({ selector }) {
    await page.locator(selector).first().click();
  },

  async fill({ selector, text }) {
    await page.locator(selector).fill(text);
  },

  async focus({ selector }) {
    await page.locator(selector).first().focus();
  },

  async count({ selector }) {
    return page.locator(selector).count();
  },

  async read({ selector }) {
    return page.locator(selector).first().innerText();
  },

  async attributes({ selector, name }) {
    return page.locator(selector).evaluateAll((all, attribute) => all.map((it) => it.getAttribute(attribute)), name);
  },

  /** Pairs of the map's cards that cover each other. */
  async overlaps() {
    return page.locator("#world .card > .back").evaluateAll((all) => {
      const boxes = all.map((it) => it.getBoundingClientRect());
      const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
      return boxes.flatMap((a, index) => boxes.slice(index + 1).filter((b) => meet(a, b))).length;
    });
  },

  /** What the real Mermaid makes of a text: the kind of diagram, and the labels it draws. */
  async mermaid({ script, text }) {
    page = await browser.newPage();
    await page.addScriptTag({ path: script });
    return page.evaluate(async (diagram) => {
      globalThis.mermaid.initialize({ startOnLoad: false, securityLevel: "strict" });
      const { diagramType } = await globalThis.mermaid.parse(diagram);
      const { svg } = await globalThis.mermaid.render("map", diagram);
      const drawn = new DOMParser().parseFromString(svg, "text/html");
      return [diagramType, [...drawn.querySelectorAll(".nodeLabel")].map((it) => it.textContent.trim()).filter(Boolean)];
    }, text);
  },

  async dump({ selector }) {
    return page.locator(selector).evaluateAll((all) => all.map((it) => it.outerHTML.slice(0, 3000)));
  },
};

let failures = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...request } = JSON.parse(line);
  try {
    process.stdout.write(`${JSON.stringify({ value: (await scenes[name](request)) ?? null })}\n`);
  } catch (error) {
    const path = `${shots}/failure-${(failures += 1)}.png`;
    await page?.screenshot({ path }).catch(() => {});
    process.stdout.write(`${JSON.stringify({ error: `${name}: ${error.message}`, screenshot: path })}\n`);
  }
}
await browser.close();
