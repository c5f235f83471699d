// From the chart to what is drawn: cards with rows, and the edges between cards. Pure; knows nothing of the screen.
"use strict";

const LANES = ["in", "agents", "code", "data", "outside"];
const LANE_TITLES = { in: "Comes in", agents: "Agents", code: "Code", data: "Data", outside: "Outside" };
const KINDS = {
  route: { title: "Routes", lane: "in" },
  resolver: { title: "Resolvers", lane: "in" },
  task: { title: "Tasks", lane: "in" },
  agent: { title: "Agents", lane: "agents" },
  graph: { title: "Graphs", lane: "agents" },
  tool: { title: "Tools", lane: "agents" },
  module: { title: "Modules", lane: "code" },
  model: { title: "Models", lane: "data" },
  service: { title: "Services", lane: "outside" },
};
const SERVICES = { http: "HTTP", llm: "Models", database: "Databases", cache: "Caches", queue: "Queues", mail: "Mail" };
const MOST_PACKAGES = 36;
const MOST_PARTS = 20; // folders that one is taken apart into; the smaller ones stay together
const STRONGEST = 3; // imports of a package that are drawn without being asked for

/** A chart with what is asked of it again and again. */
function indexed(chart) {
  const things = new Map(chart.things.map((it) => [it.id, it]));
  const links = chart.links.map((it, index) => ({ ...it, index, steps: it.steps ?? [] }));
  const around = new Map(chart.things.map((it) => [it.id, { out: [], in: [] }]));
  for (const it of links) {
    around.get(it.source).out.push(it);
    around.get(it.target).in.push(it);
  }
  return { ...chart, things, links, around, packages: packages(chart) };
}

/** File -> the name of the package it is drawn in: a folder. The largest is taken apart as long as they are not too many. */
function packages(chart) {
  const modules = chart.things.filter((it) => it.kind === "module");
  const size = (files) => files.reduce((sum, it) => sum + 40 + (it.lines ?? it.functions ?? 0), 0);
  const split = (folder, files) => {
    const parts = new Map();
    for (const it of files) {
      const rest = it.path.slice(folder.length).split("/");
      const part = rest.length > 1 ? `${folder}${rest[0]}/` : folder;
      parts.set(part, [...(parts.get(part) ?? []), it]);
    }
    const found = [...parts].map(([name, inside]) => ({ folder: name, files: inside, whole: name === folder, size: size(inside) }));
    const small = found.filter((it) => !it.whole).sort((a, b) => b.size - a.size || (a.folder < b.folder ? -1 : 1)).slice(MOST_PARTS);
    const rest = found.filter((it) => it.whole || small.includes(it)).flatMap((it) => it.files);
    const kept = found.filter((it) => !it.whole && !small.includes(it));
    return rest.length ? [...kept, { folder, files: rest, whole: true, size: size(rest) }] : kept;
  };
  let found = [{ folder: "", files: modules, whole: false, size: size(modules) }];
  for (;;) {
    const largest = found.filter((it) => !it.whole).sort((a, b) => b.size - a.size || (a.folder < b.folder ? -1 : 1));
    const next = largest.map((it) => [it, split(it.folder, it.files)]).find(([, parts]) => found.length + parts.length - 1 <= MOST_PACKAGES);
    if (!next) {
      break;
    }
    found = found.flatMap((it) => (it === next[0] ? next[1] : [it]));
  }
  const names = found.flatMap(({ folder, files }) => files.map((it) => [it.path, folder.replace(/^src\//, "").split("/").filter(Boolean).join(".")]));
  return new Map(names);
}

/** Whether a thing is found by the words of a search, all of them. */
function matches(thing, words) {
  const text = [thing.kind, thing.name, thing.handler, thing.path, thing.table, thing.router, thing.framework, thing.service]
    .concat(thing.auth ?? [], (thing.effects ?? []).map((it) => it.kind))
    .join(" ")
    .toLowerCase();
  return words.every((it) => text.includes(it));
}

/** The things to draw: of the kinds that are on, found by the search or linked to what is found. */
function shown(map, on, search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const visible = (it) => on.has(it.kind === "step" ? "graph" : it.kind);
  const all = [...map.things.values()].filter(visible);
  if (!words.length) {
    return { things: new Set(all.map((it) => it.id)), found: all.length, all: all.length };
  }
  const found = all.filter((it) => matches(it, words));
  const things = new Set(found.map((it) => it.id));
  for (const it of found) {
    const { out, in: into } = map.around.get(it.id);
    const near = it.kind === "module" ? [] : [...out.map((link) => link.target), ...into.map((link) => link.source)];
    for (const other of [...near, ...(it.owner ? [it.owner] : [])]) {
      if (visible(map.things.get(other)) && map.things.get(other).kind !== "module") {
        things.add(other);
      }
    }
    if (it.kind === "graph") {
      all.filter((step) => step.owner === it.id).forEach((step) => things.add(step.id));
    }
  }
  return { things, found: found.length, all: all.length };
}

/** The card a thing is drawn in: its key, and what the card is called. */
function cardOf(map, thing) {
  const { kind } = thing;
  const file = thing.path?.split("/").pop() ?? "";
  if (kind === "route") {
    return { key: `route|${thing.router || thing.module}`, title: thing.router || file, sub: thing.framework };
  }
  if (kind === "task" || kind === "resolver") {
    return { key: `${kind}|${thing.module}`, title: thing.path, sub: thing.framework };
  }
  if (kind === "agent") {
    return { key: thing.id, title: thing.name, sub: thing.model || thing.framework };
  }
  if (kind === "graph" || kind === "step") {
    const graph = kind === "graph" ? thing : map.things.get(thing.owner);
    return { key: graph.id, title: graph.name, sub: graph.framework };
  }
  if (kind === "tool") {
    return { key: `tool|${thing.module}`, title: thing.path, sub: thing.framework };
  }
  if (kind === "model") {
    return { key: `model|${thing.module}`, title: thing.path, sub: thing.framework };
  }
  if (kind === "service") {
    return { key: `service|${thing.service}`, title: SERVICES[thing.service] ?? thing.service ?? "Services", sub: "" };
  }
  const name = map.packages.get(thing.path) || map.project;
  return { key: `module|${name}`, title: name, sub: "" };
}

/** The cards of some things, in the order of the chart. */
function cardsOf(map, things) {
  const cards = new Map();
  const home = new Map();
  for (const thing of map.things.values()) {
    if (!things.has(thing.id) || isEmpty(thing)) {
      continue;
    }
    const { key, title, sub } = cardOf(map, thing);
    if (!cards.has(key)) {
      const kind = thing.kind === "step" ? "graph" : thing.kind;
      cards.set(key, { key, kind, lane: KINDS[kind].lane, title, sub, rows: [], things: [] });
    }
    const card = cards.get(key);
    home.set(thing.id, card);
    card.things.push(thing);
    if (thing.id !== key) {
      card.rows.push(thing);
    }
  }
  for (const card of cards.values()) {
    titled(card, map);
  }
  return { cards: [...cards.values()], home };
}

/** Whether a module says nothing: the file that only makes its folder a package. */
function isEmpty(thing) {
  return thing.kind === "module" && thing.path.endsWith("__init__.py") && !thing.functions && !thing.classes && (thing.lines ?? 0) < 4;
}

/** Gives a card its last words: what its routes have in common, how many rows it has. */
function titled(card, map) {
  const n = card.rows.length;
  const many = (word) => `${n} ${word}${n === 1 ? "" : "s"}`;
  if (card.kind === "route") {
    const prefix = common(card.rows.map((it) => it.url.split("/")));
    const known = prefix.replace(/^\?/, "");
    card.prefix = prefix;
    card.sub = known ? `${card.title} · ${many("route")}` : many("route");
    card.title = known || card.title;
  } else if (card.kind === "module") {
    const lines = card.rows.reduce((sum, it) => sum + (it.lines ?? 0), 0);
    card.sub = many("module") + (lines ? ` · ${lines.toLocaleString("en")} lines` : "");
    card.rows.sort((a, b) => (b.lines ?? b.functions ?? 0) - (a.lines ?? a.functions ?? 0) || (a.path < b.path ? -1 : 1));
  } else if (card.kind === "agent") {
    const tools = map.around.get(card.key).out.filter((it) => it.kind === "uses").length;
    card.sub = [card.sub, tools ? `${tools} tool${tools === 1 ? "" : "s"}` : ""].filter(Boolean).join(" · ");
  } else if (card.kind === "graph") {
    card.sub = [card.sub, many("step")].filter(Boolean).join(" · ");
  } else if (card.kind !== "service") {
    card.sub = [card.sub, many(card.kind)].filter(Boolean).join(" · ");
  }
}

/** The segments that all paths begin with, put together. */
function common(paths) {
  const first = paths[0] ?? [];
  let n = 0;
  while (n < first.length && !first[n].includes("{") && !first[n].includes("<") && paths.every((it) => it[n] === first[n])) {
    n += 1;
  }
  return first.slice(0, n).join("/");
}

/** The edges between cards, each with the links it stands for. A way through the code goes by the packages on it. */
function edgesOf(map, home, { imports }) {
  const edges = new Map();
  const add = (from, to, link) => {
    if (from && to && from !== to) {
      const key = `${from.key}\u0000${to.key}`;
      if (!edges.has(key)) {
        edges.set(key, { from, to, links: new Set(), kind: link.kind });
      }
      edges.get(key).links.add(link.index);
    }
  };
  const packageCards = new Map();
  for (const [id, card] of home) {
    if (card.kind === "module") {
      packageCards.set(map.things.get(id).path, card);
    }
  }
  for (const link of map.links) {
    const from = home.get(link.source);
    const to = home.get(link.target);
    if (!from || !to || link.kind === "leads to" || (link.kind === "imports" && !imports)) {
      continue;
    }
    const source = map.things.get(link.source);
    const own = packageCards.get(source.path);
    const way = source.kind === "module" ? [] : link.steps.slice(1).map((it) => packageCards.get(it.path)).filter((it) => it && it !== own);
    const stops = [from, ...way, to].filter((it, index, all) => it !== all[index - 1]);
    stops.slice(1).forEach((it, index) => add(stops[index], it, link));
  }
  const found = [...edges.values()];
  const only = found.filter((it) => it.kind === "imports").sort((a, b) => b.links.size - a.links.size);
  const drawn = new Map();
  for (const it of only) {
    drawn.set(it.from, (drawn.get(it.from) ?? 0) + 1);
    it.weak = drawn.get(it.from) > STRONGEST;
  }
  return found;
}
