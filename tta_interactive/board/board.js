// The live board: every task of a store, in a notebook, on a page, or inside a chat.
//
// One plain module without a build step, so that all hosts load the very same file; that is why
// it is longer than other files here. It knows no host: `mount` is given one object with
//
//     send(message)        what the reader asks for: {type: "view" | "cancel" | "retry" | "detail"}
//     listen(callback)     what the store says:      {type: "page" | "patch" | "detail" | "problem"}
//
// Everything that a task can influence is set as `textContent` or as a number. The module asks
// for nothing from any network.

const STATES = ["running", "input_required", "queued", "completed", "failed", "cancelled"];
const WORDS = { input_required: "needs input" };
const FINAL = new Set(["completed", "failed", "cancelled"]);
const COLUMNS = [
  ["state", "State"],
  ["label", "Task"],
  ["owner", "From"],
  [null, "Progress"],
  ["waited", "Waited"],
  ["ran", "Ran"],
  ["submitted", "Submitted"],
  [null, ""],
];
const GONE = "The kernel is gone; this is how the tasks stood. Run %tta_board again.";
const TYPING_MS = 250; // a search starts when the reader pauses
const TICK_MS = 1000; // the seconds of running tasks go on
const BARS = 40;
const SVG = "http://www.w3.org/2000/svg";

const STYLE = `
.tta-board { --line: color-mix(in srgb, currentColor 18%, transparent);
  --quiet: color-mix(in srgb, currentColor 65%, transparent);
  --fill: color-mix(in srgb, currentColor 7%, transparent);
  --queued: light-dark(#6b7280, #9ca3af); --running: light-dark(#1d63d8, #6aa5ff);
  --input_required: light-dark(#9a5b00, #f0b04c); --completed: light-dark(#157a3c, #58c27d);
  --failed: light-dark(#c02626, #ff8080); --cancelled: light-dark(#7a5a7a, #c9a3c9);
  color: var(--jp-ui-font-color1, var(--color-text-primary, CanvasText));
  background: var(--jp-layout-color1, var(--color-background-primary, Canvas));
  font: 13px/1.45 var(--jp-ui-font-family, system-ui, sans-serif); padding: 10px 12px; }
.tta-board * { box-sizing: border-box; }
.tta-board :is(button, select, input) { font: inherit; color: inherit; background: var(--fill);
  border: 1px solid var(--line); border-radius: 5px; padding: 2px 8px; min-height: 26px; }
.tta-board select option { background: Canvas; color: CanvasText; }
.tta-board button { cursor: pointer; }
.tta-board button:hover:not(:disabled) { border-color: currentColor; }
.tta-board button:disabled { opacity: .45; cursor: default; }
.tta-board :focus-visible { outline: 2px solid var(--running); outline-offset: 1px; }
.tta-board .bar { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; margin-bottom: 8px; }
.tta-board .bar input { flex: 1 1 140px; min-width: 120px; }
.tta-board .bar select { max-width: 180px; }
.tta-board .chip[aria-pressed=true] { border-color: currentColor; font-weight: 600; }
.tta-board .dot { display: inline-block; width: 9px; height: 9px; border-radius: 50%;
  margin-right: 6px; background: var(--state); }
.tta-board .facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(118px, 1fr));
  gap: 6px; margin: 0 0 10px; }
.tta-board .facts div { background: var(--fill); border-radius: 6px; padding: 5px 9px; }
.tta-board .facts dt { color: var(--quiet); font-size: 11px; }
.tta-board .facts dd { margin: 0; font-size: 15px; font-variant-numeric: tabular-nums; }
.tta-board .scroll { overflow-x: auto; }
.tta-board table { width: 100%; border-collapse: collapse; }
.tta-board th { text-align: left; font-weight: 500; white-space: nowrap; padding: 2px 8px 2px 0;
  color: var(--quiet); }
.tta-board tr { border-bottom: 1px solid var(--line); background: none; }
.tta-board th button { border: 0; background: none; padding: 0; color: inherit; }
.tta-board th[aria-sort] { color: inherit; font-weight: 600; }
.tta-board td { padding: 4px 10px 4px 0; vertical-align: top;
  background: none; text-align: left; }
.tta-board td.n { white-space: nowrap; font-variant-numeric: tabular-nums; }
.tta-board td.state { white-space: nowrap; color: var(--state); font-weight: 600; }
.tta-board td.name { max-width: 420px; overflow-wrap: anywhere; min-width: 160px; }
.tta-board td.name button { border: 0; background: none; padding: 0; text-align: left;
  min-height: 0; overflow-wrap: anywhere; }
.tta-board td.name button:hover { text-decoration: underline; }
.tta-board .quiet { color: var(--quiet); font-size: 12px; overflow-wrap: anywhere; }
.tta-board progress { width: 110px; height: 8px; accent-color: var(--running);
  vertical-align: middle; }
.tta-board pre { margin: 4px 0 0; padding: 8px; max-height: 260px; overflow: auto;
  background: var(--fill); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 12px/1.4 var(--jp-code-font-family, ui-monospace, monospace); }
.tta-board .pager { display: flex; gap: 8px; align-items: center; margin: 8px 0; }
.tta-board .problem { color: var(--failed); min-height: 1.4em; }
.tta-board h2 { font-size: 13px; margin: 12px 0 4px; }
.tta-board svg { display: block; width: 100%; height: auto; }
.tta-board svg text { fill: var(--quiet); font-size: 11px; }
.tta-board .legend { display: flex; flex-wrap: wrap; gap: 4px 14px; color: var(--quiet);
  font-size: 12px; }
`;

function element(name, facts = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(facts)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "text") made.textContent = value;
    else if (key === "class") made.className = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function drawn(name, facts, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(facts)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

function span(seconds) {
  if (!Number.isFinite(seconds)) return "";
  const value = Math.max(0, seconds);
  if (value < 0.0095) return "0 s";
  if (value < 9.95) return `${value.toFixed(value < 0.95 ? 2 : 1)} s`;
  const whole = Math.round(value);
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} m`;
  return `${Math.floor(whole / 86400)} d ${Math.floor(whole / 3600) % 24} h`;
}

function clock(seconds, now) {
  const at = new Date(seconds * 1000);
  const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const isToday = at.toDateString() === new Date(now * 1000).toDateString();
  return isToday ? time : `${at.toLocaleDateString()} ${time}`;
}

const wordOf = (state) => WORDS[state] ?? state;
const waited = (row, now) => (row.started ?? row.finished ?? now) - row.submitted;
const ran = (row, now) => (row.started == null ? NaN : (row.finished ?? now) - row.started);

/** Whether the host's page is dark: the colour behind the board decides, not a setting. */
function isDark(place) {
  for (let node = place; node; node = node.parentElement) {
    const parts = getComputedStyle(node).backgroundColor.match(/[\d.]+/g)?.map(Number);
    if (parts && (parts[3] ?? 1) > 0.5) {
      return 0.299 * parts[0] + 0.587 * parts[1] + 0.114 * parts[2] < 128;
    }
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

class Board {
  constructor(place, host) {
    this.host = host;
    this.view = { states: [], kind: "", owner: "", workspace: "", search: "", sort: "submitted",
      descending: true, page: 0 };
    this.page = { rows: [], total: 0, size: 50, counts: {}, kinds: [], owners: [],
      workspaces: [], timeline: [], facts: {}, now: Date.now() / 1000 };
    this.skew = 0; // the store's clock minus ours, in seconds
    this.rows = new Map(); // id -> the row's elements
    this.open = new Map(); // id -> what is known beyond the row
    this.build(place);
    host.listen((message) => this.receive(message));
    this.ask();
    this.ticking = setInterval(() => this.tick(), TICK_MS);
  }

  build(place) {
    const pick = (key, words) =>
      element("select", { "aria-label": words, onchange: (event) => this.change({ [key]: event.target.value }) });
    this.chips = element("span", { class: "bar", role: "group", "aria-label": "Filter by state" });
    this.search = element("input", { type: "search", placeholder: "Search tasks",
      "aria-label": "Search in names and ids", maxlength: 200, oninput: () => this.typed() });
    this.picks = { kind: pick("kind", "Kind"), owner: pick("owner", "Submitted from"),
      workspace: pick("workspace", "Workspace") };
    this.facts = element("dl", { class: "facts" });
    this.head = element("tr");
    this.body = element("tbody");
    this.where = element("span", { class: "quiet", "aria-live": "polite" });
    this.back = element("button", { type: "button", text: "Newer", onclick: () => this.turn(-1) });
    this.next = element("button", { type: "button", text: "Older", onclick: () => this.turn(1) });
    this.problem = element("div", { class: "problem", role: "status" });
    this.chart = element("div", {});
    this.root = element("section", { class: "tta-board", "aria-label": "Background tasks" },
      element("style", { text: STYLE }),
      this.chips,
      element("div", { class: "bar" }, this.search, ...Object.values(this.picks)),
      this.facts,
      element("div", { class: "scroll" },
        element("table", {}, element("thead", {}, this.head), this.body)),
      element("div", { class: "pager" }, this.back, this.next, this.where),
      this.problem,
      element("h2", { text: "The last tasks: waiting and running" }),
      this.chart);
    this.headings();
    place.replaceChildren(this.root);
    this.tint();
    this.themes = new MutationObserver(() => this.tint());
    for (const node of [document.documentElement, document.body]) {
      this.themes.observe(node, { attributes: true });
    }
  }

  tint() {
    this.root.style.colorScheme = isDark(this.root) ? "dark" : "light";
  }

  headings() {
    const cells = COLUMNS.map(([key, words]) => {
      if (!key) return element("th", { scope: "col", text: words });
      const isSorted = this.view.sort === key;
      const arrow = isSorted ? (this.view.descending ? " \u2193" : " \u2191") : "";
      const cell = element("th", { scope: "col" },
        element("button", { type: "button", text: words + arrow, onclick: () => this.sortBy(key) }));
      if (isSorted) cell.setAttribute("aria-sort", this.view.descending ? "descending" : "ascending");
      return cell;
    });
    const at = [...this.head.querySelectorAll("button")].indexOf(this.root?.ownerDocument.activeElement);
    this.head.replaceChildren(...cells);
    if (at >= 0) this.head.querySelectorAll("button")[at].focus();
  }

  sortBy(key) {
    const descending = this.view.sort === key ? !this.view.descending : key !== "label";
    this.change({ sort: key, descending });
    this.headings();
  }

  typed() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.change({ search: this.search.value }), TYPING_MS);
  }

  turn(by) {
    this.view.page = Math.max(0, this.view.page + by);
    this.ask();
  }

  change(wish) {
    Object.assign(this.view, wish, { page: 0 });
    this.ask();
  }

  ask() {
    this.host.send({ type: "view", ...this.view });
  }

  now() {
    return Date.now() / 1000 + this.skew;
  }

  receive(message) {
    if (message.type === "page") {
      this.page = message;
      this.view.page = message.page;
      this.skew = message.now - Date.now() / 1000;
      this.problem.textContent = "";
      this.paintAll();
    } else if (message.type === "patch") {
      for (const row of message.rows) {
        const at = this.page.rows.findIndex((known) => known.id === row.id);
        if (at < 0) continue;
        this.page.rows[at] = row;
        this.paintRow(row);
        if (this.open.has(row.id)) this.host.send({ type: "detail", id: row.id });
      }
      Object.assign(this.page, message.rest);
      this.paintRest();
    } else if (message.type === "detail") {
      if (!this.open.has(message.id)) return;
      this.open.set(message.id, message);
      const row = this.page.rows.find((known) => known.id === message.id);
      if (row) this.paintRow(row);
    } else if (message.type === "problem") {
      this.problem.textContent = message.text;
    }
  }

  paintAll() {
    const focused = document.activeElement?.dataset?.key;
    this.rows.clear();
    for (const id of this.open.keys()) {
      if (!this.page.rows.some((row) => row.id === id)) this.open.delete(id);
    }
    this.body.replaceChildren(...this.page.rows.map((row) => this.newRow(row)));
    if (!this.page.rows.length) {
      const words = this.page.total || this.isFiltered() ? "No task fits." : "No tasks yet.";
      this.body.append(element("tr", {}, element("td", { colspan: COLUMNS.length, class: "quiet", text: words })));
    }
    this.paintRest();
    if (focused) {
      this.body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    }
  }

  isFiltered() {
    const { states, kind, owner, workspace, search } = this.view;
    return Boolean(states.length || kind || owner || workspace || search);
  }

  paintRest() {
    const { total, size, rows, page = 0 } = this.page;
    const first = page * size;
    this.where.textContent = rows.length
      ? `${first + 1} to ${first + rows.length} of ${total.toLocaleString("en")}` : "";
    this.back.disabled = page <= 0;
    this.next.disabled = first + rows.length >= total;
    this.paintChips();
    this.paintPick("kind", "all kinds", this.page.kinds);
    this.paintPick("owner", "from anywhere", this.page.owners);
    this.paintPick("workspace", "all workspaces", this.page.workspaces);
    this.paintFacts();
    this.paintChart();
  }

  paintChips() {
    const shown = STATES.filter((state) => this.page.counts[state] || this.view.states.includes(state));
    const known = new Map([...this.chips.children].map((chip) => [chip.dataset.state, chip]));
    const chips = shown.map((state) => {
      const chip = known.get(state) ?? this.newChip(state);
      chip.lastChild.textContent = `${wordOf(state)} ${(this.page.counts[state] ?? 0).toLocaleString("en")}`;
      chip.setAttribute("aria-pressed", String(this.view.states.includes(state)));
      return chip;
    });
    if (chips.length !== known.size || chips.some((chip) => !chip.isConnected)) {
      this.chips.replaceChildren(...chips);
    }
  }

  newChip(state) {
    const chip = element("button", { type: "button", class: "chip", onclick: () => {
      const { states } = this.view;
      this.change({ states: states.includes(state) ? states.filter((one) => one !== state) : [...states, state] });
    } }, element("span", { class: "dot" }), document.createTextNode(""));
    chip.dataset.state = state;
    chip.style.setProperty("--state", `var(--${state})`);
    return chip;
  }

  paintPick(key, all, values) {
    const select = this.picks[key];
    const chosen = this.view[key];
    const wanted = new Map([["", all], ...(chosen ? [[chosen, chosen]] : []), ...values]);
    const known = [...select.options].map((option) => option.value);
    if (wanted.size === known.length && known.every((value) => wanted.has(value))) return;
    select.replaceChildren(...[...wanted].map(([value, text]) => element("option", { value, text })));
    select.value = chosen;
    select.hidden = wanted.size < 3; // one kind needs no choice
  }

  paintFacts() {
    const facts = this.page.facts;
    const shown = [
      ["done in the last minute", facts.per_minute?.toLocaleString("en")],
      ["waited, median", span(facts.waited_p50 ?? NaN)],
      ["waited, p95", span(facts.waited_p95 ?? NaN)],
      ["ran, median", span(facts.ran_p50 ?? NaN)],
      ["ran, p95", span(facts.ran_p95 ?? NaN)],
      ["completed", facts.success == null ? "" : `${Math.round(100 * facts.success)} %`],
      ["from the cache", facts.cached ? facts.cached.toLocaleString("en") : ""],
      ["cost", facts.cost ? `$${facts.cost.toFixed(2)}` : ""],
    ].filter(([, text]) => text);
    this.facts.replaceChildren(...shown.map(([words, text]) =>
      element("div", {}, element("dt", { text: words }), element("dd", { text }))));
  }

  newRow(row) {
    const line = element("tr");
    this.rows.set(row.id, line);
    this.fill(line, row);
    return line;
  }

  paintRow(row) {
    const line = this.rows.get(row.id);
    if (!line) return;
    const focused = line.contains(document.activeElement) ? document.activeElement.dataset.key : "";
    this.fill(line, row);
    if (focused) line.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  fill(line, row) {
    const now = this.now();
    const state = element("td", { class: "state" },
      element("span", { class: "dot" }), document.createTextNode(row.cancelling ? "cancelling" : wordOf(row.state)));
    line.style.setProperty("--state", STATES.includes(row.state) ? `var(--${row.state})` : "inherit");
    const name = this.action(row, "detail", row.label || row.kind, () => this.toggle(row.id));
    name.setAttribute("aria-expanded", String(this.open.has(row.id)));
    const about = element("td", { class: "name" }, name,
      element("div", { class: "quiet", text: [row.kind, row.short, row.error].filter(Boolean).join(" \u00b7 ") }));
    if (this.open.has(row.id)) about.append(this.details(row.id));
    const progress = element("td", {});
    if (!FINAL.has(row.state) && (row.progress != null || row.message)) {
      if (row.progress != null) {
        progress.append(element("progress", { max: 1, value: Number(row.progress), "aria-label": "progress" }),
          document.createTextNode(` ${Math.round(100 * row.progress)} %`));
      }
      if (row.message) progress.append(element("div", { class: "quiet", text: row.message }));
    }
    const times = [waited(row, now), ran(row, now)].map((seconds) =>
      element("td", { class: "n", text: span(seconds) }));
    const submitted = element("td", { class: "n quiet", text: clock(row.submitted, now) });
    line.replaceChildren(state, about, element("td", { class: "quiet", text: row.owner }), progress,
      ...times, submitted, element("td", {}, ...this.actions(row)));
  }

  action(row, type, text, act) {
    const button = element("button", { type: "button", text, onclick: act });
    button.dataset.key = `${type} ${row.id}`;
    return button;
  }

  actions(row) {
    if (!FINAL.has(row.state)) {
      const button = this.action(row, "act", "Cancel", () => this.host.send({ type: "cancel", id: row.id }));
      button.disabled = Boolean(row.cancelling);
      return [button];
    }
    if (row.state === "completed") return [];
    return [this.action(row, "act", "Retry", () => this.host.send({ type: "retry", id: row.id }))];
  }

  toggle(id) {
    if (this.open.delete(id)) {
      this.paintRow(this.page.rows.find((row) => row.id === id));
      return;
    }
    this.open.set(id, null);
    this.host.send({ type: "detail", id });
  }

  details(id) {
    const known = this.open.get(id);
    if (!known) return element("div", { class: "quiet", text: "Reading ..." });
    const lines = known.lines.map((text) => element("div", { class: "quiet", text }));
    return element("div", {}, ...lines, element("pre", { tabindex: 0, "aria-label": "end of the output", text: known.log || "No output." }));
  }

  tick() {
    const now = this.now();
    let isLive = false;
    for (const row of this.page.rows) {
      if (FINAL.has(row.state)) continue;
      isLive = true;
      const cells = this.rows.get(row.id)?.querySelectorAll("td.n");
      if (!cells?.length) continue;
      cells[0].textContent = span(waited(row, now));
      cells[1].textContent = span(ran(row, now));
    }
    if (isLive) this.paintChart();
  }

  /** Each task one bar: what it waited pale, what it ran in the colour of its state. */
  paintChart() {
    const rows = this.page.timeline.slice(0, BARS);
    if (!rows.length) {
      this.chart.replaceChildren(element("div", { class: "quiet", text: "Nothing has run yet." }));
      return;
    }
    const now = this.now();
    const from = Math.min(...rows.map((row) => row.submitted));
    const until = Math.max(...rows.map((row) => row.finished ?? now), from + 1);
    const [width, left, height, step] = [900, 190, 11, 16];
    const x = (seconds) => left + ((seconds - from) / (until - from)) * (width - left - 10);
    const chart = drawn("svg", { viewBox: `0 0 ${width} ${rows.length * step + 24}`, role: "img" });
    chart.append(drawn("title", {}, `The last ${rows.length} tasks between ${clock(from, now)} and ${clock(until, now)}`));
    for (let part = 0; part <= 4; part += 1) {
      const at = from + ((until - from) * part) / 4;
      const anchor = part === 4 ? "end" : part ? "middle" : "start";
      chart.append(
        drawn("line", { x1: x(at), x2: x(at), y1: 0, y2: rows.length * step, stroke: "var(--line)" }),
        drawn("text", { x: x(at), y: rows.length * step + 16, "text-anchor": anchor }, part ? `+${span(at - from)}` : clock(at, now)));
    }
    rows.forEach((row, at) => chart.append(...this.bars(row, at * step + 3, height, x, now)));
    const legend = element("div", { class: "legend" });
    for (const state of ["waiting", ...STATES.filter((one) => one !== "queued" && rows.some((row) => row.state === one))]) {
      const dot = element("span", { class: "dot" });
      dot.style.setProperty("--state", state === "waiting" ? "color-mix(in srgb, var(--queued) 45%, transparent)" : `var(--${state})`);
      legend.append(element("span", {}, dot, document.createTextNode(wordOf(state))));
    }
    this.chart.replaceChildren(chart, legend);
  }

  bars(row, y, height, x, now) {
    const label = row.label || row.kind;
    const begun = row.started ?? row.finished ?? now;
    const made = [drawn("text", { x: 184, y: y + 9, "text-anchor": "end" }, label.length > 30 ? `${label.slice(0, 29)}\u2026` : label)];
    const bar = (start, end, fill) => {
      const rect = drawn("rect", { x: x(start), y, height, rx: 2, fill, width: Math.max(1.5, x(end) - x(start)) });
      rect.append(drawn("title", {}, `${label}: waited ${span(waited(row, now))}, ran ${span(ran(row, now)) || "not yet"}, ${wordOf(row.state)}`));
      made.push(rect);
    };
    if (begun - row.submitted > 0) bar(row.submitted, begun, "color-mix(in srgb, var(--queued) 45%, transparent)");
    if (row.started != null) bar(row.started, row.finished ?? now, STATES.includes(row.state) ? `var(--${row.state})` : "gray");
    return made;
  }

  close() {
    clearInterval(this.ticking);
    clearTimeout(this.typing);
    this.themes.disconnect();
    this.root.remove();
  }
}

/** Show the board in an element; the returned function takes it away. */
export function mount(place, host) {
  const board = new Board(place, host);
  return () => board.close();
}

/** The adapter to a notebook: what anywidget expects of a module. */
export default {
  render({ model, el }) {
    return mount(el, {
      send: (message) => model.send(message),
      listen: (callback) => {
        model.on("msg:custom", callback);
        model.on("comm_live_update", () => callback({ type: "problem", text: GONE }));
      },
    });
  },
};
