// The page: draws the cards, and answers pointer, keyboard and search. Text reaches the page as text only, never as markup.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const map = indexed(JSON.parse(document.getElementById("chart").textContent));
const { links: linkTemplate } = document.documentElement.dataset;
const editor = typeof acquireVsCodeApi === "function" ? acquireVsCodeApi() : undefined;
const $ = (id) => document.getElementById(id);
const state = { on: new Set(), search: "", imports: false, open: new Map(), selected: undefined, view: { x: 0, y: 0, scale: 1 } };
let drawn = { cards: [], home: new Map(), edges: [], width: 0, height: 0, lanes: [] };

/** An element with attributes and children; a string among the children is text. */
function make(name, attributes = {}, ...children) {
  const node = name.startsWith("svg:") ? document.createElementNS(SVG, name.slice(4)) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) {
      node.setAttribute(key, value === true ? "" : value);
    }
  }
  node.append(...children.filter((it) => it !== undefined && it !== ""));
  return node;
}

const ruler = document.createElement("canvas").getContext("2d");
/** As much of a text as fits a width in pixels: its beginning, or of a path its end. */
function fitted(text, width, font, { end = false } = {}) {
  const part = (n) => (end ? `…${text.slice(text.length - n)}` : `${text.slice(0, n)}…`);
  ruler.font = font;
  if (ruler.measureText(text).width <= width) {
    return text;
  }
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    [low, high] = ruler.measureText(part(middle)).width <= width ? [middle, high] : [low, middle - 1];
  }
  return part(low);
}
const FONT = 'ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif';
const MONO = 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';

// ── Drawing ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

function draw({ fit = false } = {}) {
  const { things, found, all } = shown(map, state.on, state.search);
  const { cards, home } = cardsOf(map, things);
  const edges = edgesOf(map, home, state);
  drawn = { cards, home, edges, ...place(map, cards, edges, state.open) };
  const world = $("world");
  world.replaceChildren(
    make("svg:g", { class: "lanes", "aria-hidden": "true" }, ...drawn.lanes.map(lane)),
    make("svg:g", { class: "edges", "aria-hidden": "true" }, ...edges.map(edge)),
    make("svg:g", { class: "ways", id: "ways", "aria-hidden": "true" }),
    make("svg:g", { class: "cards" }, ...cards.map(box)),
  );
  $("found").textContent = state.search ? `${found} of ${all}` : `${all} things`;
  $("nothing").hidden = things.size > 0;
  if (state.selected && !home.has(state.selected)) {
    state.selected = undefined;
  }
  list(cards);
  mark();
  if (fit) {
    fitView();
  }
}

function lane({ lane: name, x, width }) {
  return make("svg:g", {}, make("svg:text", { x, y: 14, class: "lane" }, LANE_TITLES[name]), make("svg:line", { x1: x, x2: x + width, y1: 26, y2: 26 }));
}

function curve(x1, y1, x2, y2) {
  const bend = x2 > x1 ? Math.max(36, (x2 - x1) / 2) : 60 + Math.abs(y2 - y1) / 8;
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

function edge(it) {
  const { from, to } = it;
  const d = curve(from.x + from.width, from.y + 23, to.x, to.y + 23);
  it.node = make("svg:path", { d, class: `edge to-${to.kind} by-${it.kind.replace(" ", "-")}${it.weak ? " weak" : ""}`, "stroke-width": Math.min(4, 1 + Math.log2(it.links.size) / 2) });
  return it.node;
}

function box(card) {
  const rows = card.kind === "graph" ? [] : card.visible.map((thing, index) => row(card, thing, SIZE.head + index * SIZE.row));
  const about = card.things.length === 1 && card.things[0].id === card.key ? card.key : undefined;
  const group = make("svg:g", { class: `card kind-${card.kind}`, transform: `translate(${card.x} ${card.y})`, "data-card": card.key });
  const head = make(
    "svg:g",
    { class: "head", tabindex: "-1", role: "button", "aria-label": `${KINDS[card.kind].title}: ${card.title}, ${card.sub}`, "data-id": about ?? (card.kind === "graph" || card.kind === "agent" ? card.key : undefined) },
    make("svg:rect", { width: card.width, height: SIZE.head, class: "hit" }),
    make("svg:rect", { x: 0, y: 13, width: 4, height: 20, rx: 2, class: "mark" }),
    make("svg:text", { x: 16, y: 20, class: "title" }, fitted(card.title, card.width - 30, `600 13px ${FONT}`, { end: card.title.endsWith(".py") || card.kind === "module" })),
    make("svg:text", { x: 16, y: 36, class: "sub" }, fitted(card.sub || `${card.rows.length}`, card.width - 30, `11px ${FONT}`)),
    make("svg:title", {}, card.title),
  );
  group.append(make("svg:rect", { width: card.width, height: card.height, rx: 9, class: "back" }), head, ...rows);
  if (card.kind === "graph") {
    group.append(steps(card));
  } else if (card.foot) {
    group.append(more(card));
  }
  return group;
}

function more(card) {
  const y = SIZE.head + card.visible.length * SIZE.row;
  const text = card.hidden ? `${card.hidden} more` : "fewer";
  return make(
    "svg:g",
    { class: "row more", transform: `translate(0 ${y})`, tabindex: "-1", role: "button", "aria-label": `${text} of ${card.title}`, "data-more": card.key },
    make("svg:rect", { x: 6, width: card.width - 12, height: SIZE.row, rx: 5, class: "hit" }),
    make("svg:text", { x: 16, y: 16, class: "more" }, `${card.hidden ? "▸" : "▴"} ${text}`),
  );
}

const SHORT = { DELETE: "DEL", OPTIONS: "OPT", WEBSOCKET: "WS", PATCH: "PATCH" };
function row(card, thing, y) {
  const parts = [make("svg:rect", { x: 6, width: card.width - 12, height: SIZE.row, rx: 5, class: "hit" })];
  let left = 16;
  let right = card.width - 14;
  if (thing.kind === "route") {
    const methods = thing.methods ?? [];
    const method = methods[0] ?? "ANY";
    const label = methods.length > 1 ? `${SHORT[method] ?? method}+` : (SHORT[method] ?? method);
    parts.push(
      make("svg:rect", { x: 12, y: 4.5, width: 42, height: 15, rx: 4, class: `badge method-${method}` }),
      make("svg:text", { x: 33, y: 15.5, class: `method method-${method}` }, label),
    );
    left = 62;
    if (thing.auth) {
      right -= 14;
      parts.push(make("svg:path", { d: `M${right + 3} 11v-2.2a3 3 0 0 1 6 0V11m-7.2 0h8.4v6.4h-8.4z`, class: "lock" }));
    }
  } else if (thing.kind === "module") {
    const most = card.rows[0].lines || card.rows[0].functions || 1;
    const share = Math.max(2, ((thing.lines || thing.functions || 0) / most) * 44);
    parts.push(make("svg:rect", { x: right - 44, y: 9, width: share, height: 6, rx: 3, class: "bar" }));
    right -= 52;
  }
  const name = rowName(card, thing);
  const aside = thing.kind === "model" ? `${thing.columns?.length ?? 0} columns` : "";
  if (aside) {
    right -= 66;
    parts.push(make("svg:text", { x: card.width - 14, y: 16, class: "aside" }, aside));
  }
  const font = `12px ${thing.kind === "route" || thing.kind === "module" ? MONO : FONT}`;
  parts.push(make("svg:text", { x: left, y: 16, class: `name ${thing.kind}` }, fitted(name, right - left, font)));
  return make(
    "svg:g",
    { class: "row", transform: `translate(0 ${y})`, tabindex: "-1", role: "button", "aria-label": spoken(thing), "data-id": thing.id },
    ...parts,
    make("svg:title", {}, thing.name),
  );
}

/** What a row says: a route without what the card's title says already, a module within its package. */
function rowName(card, thing) {
  if (thing.kind === "route") {
    return thing.url.slice(card.prefix.length) || "/";
  }
  if (thing.kind === "module") {
    return thing.name.startsWith(`${card.title}.`) ? thing.name.slice(card.title.length + 1) : (thing.name === card.title ? "__init__" : thing.name.split(".").pop());
  }
  return thing.kind === "task" ? thing.name.split(".").pop() : thing.name;
}

function spoken(thing) {
  const kind = thing.kind === "service" ? `${SERVICES[thing.service] ?? thing.service} service` : thing.kind;
  return `${kind} ${thing.name}${thing.auth ? `, guarded by ${thing.auth.join(", ")}` : ""}`;
}

function steps(card) {
  const { spots, ways } = card.steps;
  const group = make("svg:g", { transform: `translate(${(card.width - card.steps.width) / 2 + 20} ${SIZE.head + 4})` });
  for (const way of ways) {
    const a = spots.get(way.source);
    const b = spots.get(way.target);
    const down = b.y > a.y;
    const [x1, y1, x2, y2] = [a.x + a.width / 2, a.y + (down ? a.height : 0), b.x + b.width / 2, b.y + (down ? 0 : b.height)];
    const side = Math.max(a.x, b.x) + a.width;
    const d = down ? `M${x1} ${y1}C${x1} ${y1 + 18} ${x2} ${y2 - 18} ${x2} ${y2}` : `M${a.x + a.width} ${a.y + 13}C${side + 34} ${a.y + 13} ${side + 34} ${b.y + 13} ${b.x + b.width} ${b.y + 13}`;
    group.append(make("svg:path", { d, class: `step-way${way.label ? " chosen" : ""}`, "marker-end": "url(#arrow)" }));
    if (way.label && way.label !== "?") {
      group.append(make("svg:text", { x: down ? (x1 + x2) / 2 : side + 4, y: down ? (y1 + y2) / 2 + 3 : (a.y + b.y) / 2 + 13, class: "label" }, fitted(way.label, 90, `10px ${FONT}`)));
    }
  }
  for (const thing of card.rows) {
    const { x, y, width, height } = spots.get(thing.id);
    group.append(make(
      "svg:g",
      { class: `step${thing.handler ? "" : " end"}`, transform: `translate(${x} ${y})`, tabindex: "-1", role: "button", "aria-label": spoken(thing), "data-id": thing.id },
      make("svg:rect", { width, height, rx: 13 }),
      make("svg:text", { x: width / 2, y: 17 }, fitted(thing.name, width - 16, `12px ${FONT}`)),
      make("svg:title", {}, thing.name),
    ));
  }
  return group;
}

// ── What is selected ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Shows which cards and edges belong to what is selected, and its own ways from row to row. */
function mark() {
  const { selected } = state;
  $("world").classList.toggle("choosing", Boolean(selected));
  document.querySelectorAll("#world .chosen-one, #world .near").forEach((it) => it.classList.remove("chosen-one", "near"));
  $("ways")?.replaceChildren();
  details(selected && map.things.get(selected));
  if (!selected) {
    return;
  }
  const { out, in: into } = map.around.get(selected);
  const linked = [...out, ...into].filter((it) => it.kind !== "imports" || state.imports || map.things.get(selected).kind === "module");
  const indexes = new Set(linked.map((it) => it.index));
  const near = new Set([selected, ...linked.flatMap((it) => [it.source, it.target])]);
  drawn.edges.filter((it) => [...it.links].some((link) => indexes.has(link))).forEach((it) => it.node.classList.add("near"));
  for (const node of document.querySelectorAll("#world [data-id]")) {
    node.classList.toggle("chosen-one", node.dataset.id === selected);
    node.classList.toggle("near", near.has(node.dataset.id));
  }
  const cards = new Set([...near].map((it) => drawn.home.get(it)?.key));
  drawn.edges.filter((it) => it.node.classList.contains("near")).forEach((it) => cards.add(it.from.key).add(it.to.key));
  document.querySelectorAll("#world .card").forEach((it) => it.classList.toggle("near", cards.has(it.dataset.card)));
  for (const link of linked) {
    const [a, b] = [spot(link.source), spot(link.target)];
    if (a && b && a.card !== b.card && !map.things.get(link.source).owner) {
      const d = curve(a.card.x + a.card.width, a.y, b.card.x, b.y);
      $("ways").append(make("svg:path", { d, class: `way to-${b.card.kind}` }));
    }
  }
}

/** The card and the height at which a thing is drawn. */
function spot(id) {
  const card = drawn.home.get(id);
  const index = card?.visible.findIndex((it) => it.id === id) ?? -1;
  return card && { card, y: card.y + (index < 0 ? 23 : SIZE.head + index * SIZE.row + SIZE.row / 2) };
}

function select(id, { focus = false } = {}) {
  state.selected = id;
  const card = id && drawn.home.get(id);
  if (card && card.kind !== "graph" && id !== card.key && !card.visible.some((it) => it.id === id)) {
    unfold(card, card.rows.length);
  } else {
    mark();
  }
  const node = id && [...document.querySelectorAll("#world [data-id]")].find((it) => it.dataset.id === id);
  if (node && focus) {
    rove(node);
    reveal(id);
  }
}

/** Moves the picture so that a thing is in sight. */
function reveal(id) {
  const at = spot(id);
  const { clientWidth: width, clientHeight: height } = $("picture");
  const { view } = state;
  if (at) {
    const [x, y] = [at.card.x * view.scale + view.x, at.y * view.scale + view.y];
    const free = width - ($("details").hidden ? 0 : $("details").offsetWidth);
    if (x < 10 || x + at.card.width * view.scale > free - 10 || y < 20 || y > height - 30) {
      move({ ...view, x: free / 2 - (at.card.x + at.card.width / 2) * view.scale, y: height / 2 - at.y * view.scale });
    }
  }
}
