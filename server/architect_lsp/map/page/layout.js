// Where cards stand: lanes from left to right, in each the columns that its own edges ask for, in each the cards in the order that
// crosses least. Pure and deterministic: the same chart is drawn the same everywhere.
"use strict";

const SIZE = { width: 252, head: 46, row: 24, foot: 8, gapX: 96, gapY: 18, lane: 44, step: [124, 26], stepGap: [22, 30] };
const SWEEPS = 6;
const MOST_RANKS = 4;
const SCREEN = [1440, 800];
const TALL = [480, 640, 860, 1150, 1530, 2040, 2700, 3600, 4800, 6400];

/** Rows of a card that are drawn, of those it has. */
function visibleRows(card, open, budget) {
  const most = open.get(card.key) ?? budget;
  return card.rows.length <= most + 1 ? card.rows : card.rows.slice(0, most);
}

/** Lane -> rows that its cards show before they are opened: fewer where there are many. */
function rowBudgets(cards) {
  return new Map(LANES.map((lane) => {
    const n = cards.filter((it) => it.lane === lane && it.kind !== "graph").reduce((sum, it) => sum + it.rows.length, 0);
    return [lane, n <= 90 ? 12 : n <= 260 ? 6 : n <= 700 ? 3 : 2];
  }));
}

/** Gives every card its place and size. Gives the lanes and the size of the whole. */
function place(map, cards, edges, open) {
  const budgets = rowBudgets(cards);
  for (const card of cards) {
    const budget = budgets.get(card.lane);
    card.visible = card.kind === "graph" ? [] : visibleRows(card, open, budget);
    card.hidden = card.kind === "graph" ? 0 : card.rows.length - card.visible.length;
    card.foot = card.hidden > 0 || card.visible.length > budget + 1;
    const rows = card.visible.length + card.foot;
    card.width = SIZE.width;
    card.height = SIZE.head + rows * SIZE.row + (rows ? SIZE.foot : 0);
    if (card.kind === "graph") {
      card.steps = stepsOf(map, card);
      card.width = Math.max(SIZE.width, card.steps.width + 32);
      card.height = SIZE.head + card.steps.height + 16;
    }
  }
  const columns = LANES.flatMap((lane) => ranks(cards.filter((it) => it.lane === lane), edges).map((rank) => ({ lane, cards: rank })));
  order(columns, edges);
  let best;
  for (const tall of TALL) {
    const { width, height } = settle(columns, tall);
    const scale = Math.min(SCREEN[0] / width, SCREEN[1] / height);
    if (!best || scale > best.scale * 1.02) {
      best = { tall, scale };
    }
  }
  return settle(columns, best.tall);
}

/** The cards of one lane in columns: each stands right of those of its lane that lead to it. */
function ranks(cards, edges) {
  const inside = new Set(cards);
  const next = new Map(cards.map((it) => [it, []]));
  const linked = new Set();
  for (const { from, to, kind, weak } of edges) {
    linked.add(from).add(to);
    if (!weak && inside.has(from) && inside.has(to) && kind !== "relates") {
      next.get(from).push(to);
    }
  }
  const rank = new Map();
  const state = new Map();
  const finished = [];
  for (const root of cards) {
    const todo = [root];
    while (todo.length) {
      const at = todo[todo.length - 1];
      if (!state.has(at)) {
        state.set(at, "open");
        todo.push(...next.get(at).filter((it) => !state.has(it)).reverse());
      } else {
        if (state.get(at) === "open") {
          state.set(at, "done");
          finished.push(at);
        }
        todo.pop();
      }
    }
  }
  const position = new Map(finished.reverse().map((it, index) => [it, index]));
  for (const at of finished) {
    const base = rank.get(at) ?? 0;
    rank.set(at, base);
    for (const to of next.get(at)) {
      if (position.get(to) > position.get(at)) {
        rank.set(to, Math.min(MOST_RANKS, Math.max(rank.get(to) ?? 0, base + 1)));
      }
    }
  }
  const found = [];
  for (const it of cards) {
    (found[rank.get(it)] ??= []).push(it);
  }
  return found.filter(Boolean).map((it) => it.sort((a, b) => linked.has(b) - linked.has(a)));
}

/** Sorts the cards of each column by where their neighbours stand. */
function order(columns, edges) {
  const near = new Map(columns.flatMap((it) => it.cards.map((card) => [card, []])));
  for (const { from, to } of edges.filter((it) => !it.weak)) {
    near.get(from).push(to);
    near.get(to).push(from);
  }
  const at = new Map();
  const number = () => columns.forEach((it) => {
    let y = 0;
    for (const card of it.cards) {
      at.set(card, y + card.height / 2);
      y += card.height + SIZE.gapY;
    }
  });
  number();
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const column of sweep % 2 ? [...columns].reverse() : columns) {
      const weight = new Map(column.cards.map((card) => {
        const others = near.get(card);
        return [card, others.length ? others.reduce((sum, it) => sum + at.get(it), 0) / others.length : Infinity];
      }));
      const before = new Map(column.cards.map((card, index) => [card, index]));
      column.cards.sort((a, b) => (weight.get(a) === weight.get(b) ? before.get(a) - before.get(b) : weight.get(a) - weight.get(b)));
      number();
    }
  }
}

/** Gives the cards their places, columns that are too tall in several. */
function settle(columns, tall) {
  const lanes = [];
  let x = 0;
  let height = 0;
  for (const { lane, cards } of columns) {
    if (lanes.at(-1)?.lane !== lane) {
      lanes.push({ lane, x, width: 0 });
    }
    const total = cards.reduce((sum, it) => sum + it.height + SIZE.gapY, 0);
    const share = total / Math.ceil(total / tall);
    let y = SIZE.lane;
    let width = 0;
    for (const card of cards) {
      if (y > SIZE.lane && y - SIZE.lane + card.height / 2 > share) {
        x += width + 28;
        y = SIZE.lane;
        width = 0;
      }
      card.x = x;
      card.y = y;
      y += card.height + SIZE.gapY;
      width = Math.max(width, card.width);
      height = Math.max(height, y);
    }
    lanes.at(-1).width = x + width - lanes.at(-1).x;
    x += width + SIZE.gapX;
  }
  return { lanes, width: Math.max(0, x - SIZE.gapX), height };
}

/** The steps of a graph in layers from the top, with the ways between them. */
function stepsOf(map, card) {
  const steps = card.rows;
  const [width, height] = SIZE.step;
  const [gapX, gapY] = SIZE.stepGap;
  const inside = new Map(steps.map((it) => [it.id, it]));
  const ways = map.links.filter((it) => it.kind === "leads to" && inside.has(it.source) && inside.has(it.target));
  const layer = new Map();
  const entered = new Set(ways.filter((it) => it.source !== it.target).map((it) => it.target));
  let front = steps.filter((it) => !entered.has(it.id));
  front = front.length ? front : steps.slice(0, 1);
  for (let depth = 0; front.length; depth += 1) {
    front.forEach((it) => layer.set(it.id, depth));
    const ids = new Set(front.map((it) => it.id));
    front = [...new Set(ways.filter((it) => ids.has(it.source) && !layer.has(it.target)).map((it) => inside.get(it.target)))];
  }
  const last = Math.max(0, ...layer.values());
  steps.filter((it) => !layer.has(it.id)).forEach((it) => layer.set(it.id, last + 1));
  const ends = steps.filter((it) => /^(__end__|end)$/i.test(it.name));
  ends.forEach((it) => layer.set(it.id, Math.max(layer.get(it.id), Math.max(...layer.values()))));
  const rows = [];
  steps.forEach((it) => (rows[layer.get(it.id)] ??= []).push(it));
  const filled = rows.filter(Boolean);
  const whole = Math.max(...filled.map((it) => it.length * (width + gapX) - gapX));
  const spots = new Map();
  filled.forEach((row, y) => row.forEach((it, x) => {
    const left = (whole - (row.length * (width + gapX) - gapX)) / 2;
    spots.set(it.id, { x: left + x * (width + gapX), y: y * (height + gapY), width, height });
  }));
  return { spots, ways, width: whole + 40, height: filled.length * (height + gapY) - gapY };
}
