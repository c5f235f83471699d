// What is said of one thing in the panel, the list for those who don't read pictures, and every way in: search, keys, pointer.
"use strict";

/** A link to a place of the source, or its text where there is nowhere to go. */
function source(path, line) {
  const text = `${path}${line ? `:${line}` : ""}`;
  if (!path || (!linkTemplate && !editor)) {
    return make("code", {}, text);
  }
  const address = (linkTemplate ?? "#").replace("{path}", () => path.split("/").map(encodeURIComponent).join("/")).replace("{line}", String(line || 1));
  const link = make("a", { href: editor ? "#" : address, class: "source" }, text);
  if (editor) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      editor.postMessage({ open: { path, line: line || 1 } });
    });
  }
  return link;
}

function details(thing) {
  const panel = $("details");
  panel.hidden = !thing;
  if (!thing) {
    panel.replaceChildren();
    return;
  }
  const close = make("button", { type: "button", class: "close", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => select(undefined));
  const facts = [
    ["Where", thing.path && source(thing.path, thing.line)],
    ["Handler", thing.handler && make("code", {}, thing.handler)],
    ["Framework", thing.framework],
    ["Router", thing.router],
    ["Auth", thing.kind === "route" && (thing.auth ?? []).join(" → ")],
    ["Runs before", (thing.before ?? []).join(" → ")],
    ["Answers", [thing.status, thing.response].filter(Boolean).join(" ")],
    ["Table", thing.table],
    ["Model", thing.model],
    ...Object.entries(thing.limits ?? {}),
    ["Size", thing.kind === "module" && [thing.lines && `${thing.lines.toLocaleString("en")} lines`, `${thing.functions ?? 0} functions`, `${thing.classes ?? 0} classes`].filter(Boolean).join(", ")],
  ].filter(([, value]) => value);
  const parts = [
    make("header", {}, make("p", { class: `tag kind-${thing.kind}` }, thing.kind === "service" ? thing.service : thing.kind), make("h2", {}, thing.name), close),
    make("dl", {}, ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
  ];
  if (thing.effects) {
    parts.push(make("h3", {}, "What it does"), make("ul", { class: "effects" }, ...thing.effects.map(effect)));
  }
  if (thing.columns) {
    const rows = thing.columns.map((it) => make("tr", {}, make("td", {}, `${it.name}${it.primary ? " 🔑" : ""}`), make("td", {}, it.type ?? "")));
    parts.push(make("h3", {}, "Columns"), make("table", {}, ...rows));
  }
  const { out, in: into } = map.around.get(thing.id);
  parts.push(...group("Leads to", out, "target"), ...group("Reached from", into, "source"));
  panel.replaceChildren(...parts);
}

function effect(it) {
  const ways = (it.steps ?? []).map((step) => make("li", {}, code(step.text), " ", source(step.path, step.line)));
  return make("li", {}, make("details", {}, make("summary", {}, make("b", {}, it.kind), " ", make("code", {}, it.call)), make("ol", {}, ...ways)));
}

/** A sentence with its names in backticks. */
function code(text) {
  return make("span", {}, ...text.split("`").map((it, index) => (index % 2 ? make("code", {}, it) : it)));
}

const MOST_LINKS = 40;
function group(title, links, end) {
  if (!links.length) {
    return [];
  }
  const items = links.slice(0, MOST_LINKS).map((it) => {
    const other = map.things.get(it[end]);
    const button = make("button", { type: "button", class: `go kind-${other.kind}` }, other.name);
    button.addEventListener("click", () => {
      state.on.add(other.kind === "step" ? "graph" : other.kind);
      state.search = $("search").value = "";
      chips();
      draw();
      select(other.id, { focus: true });
    });
    return make("li", {}, make("small", {}, it.label ? `${it.kind}: ${it.label}` : it.kind), button);
  });
  const rest = links.length - MOST_LINKS;
  return [make("h3", {}, `${title} (${links.length})`), make("ul", { class: "links" }, ...items, rest > 0 ? make("li", {}, `and ${rest} more`) : "")];
}

/** The same things as a list: one heading a card, one button a thing. */
function list(cards) {
  if ($("list").hidden) {
    return;
  }
  const sections = cards.map((card) => {
    const items = card.things.map((thing) => {
      const button = make("button", { type: "button", class: "go" }, thing.name);
      button.addEventListener("click", () => select(thing.id));
      return make("li", {}, button, " ", thing.auth ? make("small", {}, `guarded by ${thing.auth.join(", ")} `) : "", thing.path ? source(thing.path, thing.line) : "");
    });
    return make("section", { class: `kind-${card.kind}` }, make("h2", {}, `${card.title}`), make("p", {}, `${KINDS[card.kind].title} · ${card.sub}`), make("ul", {}, ...items));
  });
  $("list").replaceChildren(...sections);
}

function chips() {
  const kinds = Object.keys(KINDS).filter((kind) => [...map.things.values()].some((it) => it.kind === kind));
  const buttons = kinds.map((kind) => {
    const n = [...map.things.values()].filter((it) => it.kind === kind).length;
    const chip = make("button", { type: "button", class: `chip kind-${kind}`, "aria-pressed": String(state.on.has(kind)), "data-kind": kind }, KINDS[kind].title, make("span", {}, String(n)));
    chip.addEventListener("click", () => {
      state.on[state.on.has(kind) ? "delete" : "add"](kind);
      chips();
      draw({ fit: true });
      $("kinds").querySelector(`[data-kind="${kind}"]`).focus();
    });
    return chip;
  });
  const imports = make("button", { type: "button", class: "chip", "aria-pressed": String(state.imports), id: "imports" }, "Imports");
  imports.addEventListener("click", () => {
    state.imports = !state.imports;
    chips();
    draw({ fit: true });
    $("imports").focus();
  });
  $("kinds").replaceChildren(...buttons, ...(state.on.has("module") ? [imports] : []));
}

// ── Moving about ────────────────────────────────────────────────────────────────────────────────────────────────────────

function move(view) {
  state.view = { ...view, scale: Math.min(4, Math.max(0.04, view.scale)) };
  const { x, y, scale } = state.view;
  $("world").setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
}

function zoom(factor, x = $("picture").clientWidth / 2, y = $("picture").clientHeight / 2) {
  const { view } = state;
  const scale = Math.min(4, Math.max(0.04, view.scale * factor));
  const real = scale / view.scale;
  move({ x: x - (x - view.x) * real, y: y - (y - view.y) * real, scale });
}

function fitView() {
  const { clientWidth: width, clientHeight: height } = $("picture");
  const room = 28;
  const scale = Math.min(1.15, (width - 2 * room) / Math.max(1, drawn.width), (height - 2 * room) / Math.max(1, drawn.height));
  const readable = Math.max(scale, 0.3);
  const over = drawn.width * readable > width - 2 * room;
  move({ x: over ? room : (width - drawn.width * readable) / 2, y: room + Math.max(0, (height - 2 * room - drawn.height * readable) / 3), scale: readable });
}

/** Makes one button of the picture the one that Tab reaches, and goes there. */
function rove(node) {
  document.querySelectorAll('#world [tabindex="0"]').forEach((it) => it.setAttribute("tabindex", "-1"));
  node.setAttribute("tabindex", "0");
  node.focus({ preventScroll: true });
}

const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
/** The button nearest to one in a direction, those straight ahead first. */
function neighbour(from, [dx, dy]) {
  const centre = (it) => {
    const box = it.getBoundingClientRect();
    return [dx ? box.x + box.width / 2 : box.x, box.y + box.height / 2];
  };
  const [x, y] = centre(from);
  let best;
  for (const it of document.querySelectorAll('#world [role="button"]')) {
    const [a, b] = centre(it);
    const [ahead, aside] = dx ? [(a - x) * dx, Math.abs(b - y)] : [(b - y) * dy, Math.abs(a - x)];
    const cost = ahead + aside * 3;
    if (it !== from && ahead > 2 && (!best || cost < best.cost)) {
      best = { it, cost };
    }
  }
  return best?.it;
}

function press(node) {
  const { id, more: key } = node.dataset;
  const card = drawn.cards.find((it) => it.key === (key ?? node.parentNode.dataset.card));
  if (id) {
    select(state.selected === id ? undefined : id);
  } else {
    const all = key ? card.hidden : !card.visible.length;
    unfold(card, all ? card.rows.length : key ? 0 : -1);
    const again = [...document.querySelectorAll("#world [data-card]")].find((it) => it.dataset.card === card.key);
    rove(again.querySelector(key ? "[data-more]" : ".head") ?? again.querySelector(".head"));
  }
}

/** Shows more or fewer rows of a card, which stays where it is on the screen. */
function unfold(card, rows) {
  state.open.set(card.key, rows);
  draw();
  const now = drawn.cards.find((it) => it.key === card.key);
  const { view } = state;
  move({ ...view, x: view.x + (card.x - now.x) * view.scale, y: view.y + (card.y - now.y) * view.scale });
}

function keys(event) {
  const typing = event.target.closest?.("input");
  if (event.key === "Escape") {
    state.selected ? select(undefined) : typing && ((typing.value = ""), typing.dispatchEvent(new Event("input")));
  } else if (typing || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  } else if (event.key === "/") {
    event.preventDefault();
    $("search").focus();
  } else if (event.key === "+" || event.key === "=") {
    zoom(1.25);
  } else if (event.key === "-") {
    zoom(0.8);
  } else if (event.key === "0") {
    fitView();
  } else if (event.target.closest?.("#world")) {
    const node = event.target.closest('[role="button"]');
    if (ARROWS[event.key]) {
      event.preventDefault();
      const next = neighbour(node, ARROWS[event.key]);
      next && rove(next);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      press(node);
    }
  }
}

function pointer() {
  const picture = $("picture");
  let from;
  picture.addEventListener("pointerdown", (event) => {
    from = { x: event.clientX, y: event.clientY, view: state.view, moved: false };
  });
  picture.addEventListener("pointermove", (event) => {
    if (!from || !event.buttons) {
      return;
    }
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (!from.moved && Math.hypot(dx, dy) > 4) {
      from.moved = true;
      picture.setPointerCapture(event.pointerId);
      picture.classList.add("moving");
    }
    from.moved && move({ ...from.view, x: from.view.x + dx, y: from.view.y + dy });
  });
  picture.addEventListener("pointerup", () => picture.classList.remove("moving"));
  picture.addEventListener("click", (event) => {
    const node = from?.moved ? undefined : event.target.closest?.('[role="button"]');
    if (node) {
      rove(node);
      press(node);
    } else if (!from?.moved) {
      select(undefined);
    }
  });
  picture.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = picture.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX - box.x, event.clientY - box.y);
  }, { passive: false });
}

/** The picture as a file of its own, all of it, in the colours of the moment. */
function save() {
  const copy = $("picture").cloneNode(true);
  copy.querySelector("#world").setAttribute("transform", "translate(28 28)");
  copy.setAttribute("viewBox", `0 0 ${drawn.width + 56} ${drawn.height + 56}`);
  copy.setAttribute("xmlns", SVG);
  const probe = make("i");
  document.body.append(probe);
  const colour = (name) => ((probe.style.color = `var(${name})`), getComputedStyle(probe).color);
  const rules = $("style").textContent.replace(/^:root \{[^}]*\}/, "").replace(/^@media.*$/gm, "").replace(/var\((--[\w-]+)[^)]*\)/g, (all, name) => (name === "--kind" ? all : colour(name)));
  const style = make("svg:style", {}, `${rules}\nsvg{background:${colour("--page")};font-family:${FONT}}`);
  probe.remove();
  copy.prepend(style);
  const link = make("a", { download: `${map.project}-map.svg`, href: URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** In an editor, its theme is the page's. */
function theme() {
  const dark = /vscode-(dark|high-contrast(?!-light))/.test(document.body.className);
  document.documentElement.classList.toggle("dark", dark);
  document.documentElement.classList.toggle("light", !dark);
}

function begin() {
  if (editor) {
    theme();
    new MutationObserver(theme).observe(document.body, { attributeFilter: ["class"] });
  }
  const kinds = new Set([...map.things.values()].map((it) => it.kind));
  Object.keys(KINDS).filter((it) => kinds.has(it)).forEach((it) => state.on.add(it));
  state.imports = !["route", "task", "resolver", "agent", "graph", "tool"].some((it) => kinds.has(it));
  chips();
  pointer();
  document.addEventListener("keydown", keys);
  $("search").addEventListener("input", (event) => {
    state.search = event.target.value;
    draw({ fit: true });
  });
  $("in").addEventListener("click", () => zoom(1.25));
  $("out").addEventListener("click", () => zoom(0.8));
  $("fit").addEventListener("click", fitView);
  $("save").addEventListener("click", save);
  $("save").hidden = Boolean(editor);
  $("as-list").addEventListener("click", (event) => {
    const asList = $("list").hidden;
    $("list").hidden = !asList;
    $("stage").hidden = asList;
    event.currentTarget.setAttribute("aria-pressed", String(asList));
    draw({ fit: !asList });
  });
  draw({ fit: true });
  document.querySelector('#world [role="button"]')?.setAttribute("tabindex", "0");
  addEventListener("resize", fitView);
}

begin();
