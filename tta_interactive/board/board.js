// The live board: every task of a store, in a notebook, on a page, or inside a chat.
//
// One plain module without a build step, so that all hosts load the very same file; that is why
// it is longer than other files here. It knows no host: `mount` is given one object with
//
//     send(message)        what the reader asks for: {type: "view" | "cancel" | "retry" | "answer" | "detail"}
//     listen(callback)     what the store says: {type: "page" | "patch" | "detail" | "refused" | "problem" | "gone"}
//
// A page is all that is shown; a patch has the rows and bars that changed, and the other facts
// that did. Everything that a task can influence is set as `textContent` or as a number. The
// module asks for nothing from any network.

const STATES = ["running", "input_required", "queued", "completed", "failed", "cancelled"];
const WORDS = { input_required: "needs an answer" };
const FINAL = new Set(["completed", "failed", "cancelled"]);
const COLUMNS = [
  ["state", "State", ""],
  ["label", "Task", ""],
  ["owner", "From", ""],
  [null, "Progress", ""],
  ["waited", "Waited", "n"],
  ["ran", "Ran", "n"],
  ["submitted", "Added", "n"],
  [null, "", ""],
];
const GONE = "The kernel is gone; this is how the tasks stood. Run %tta_board again.";
const HOW = "Submit one with %tta_submit in a notebook, tta submit in a terminal, or from an agent.";
const TYPING_MS = 250; // a search starts when the reader pauses
const TICK_MS = 1000; // the seconds of running tasks go on
const LOOK_TICKS = 2; // between two looks at the output of a row that is open
const GAP_SECONDS = 600; // a longer pause, compared with what came after, parts the timeline
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200];
const DAY = 86400;
const SVG = "http://www.w3.org/2000/svg";

const STYLE = `
.tta-board { --ink: var(--jp-ui-font-color1, var(--color-text-primary, CanvasText));
  --line: color-mix(in srgb, var(--ink) 16%, transparent);
  --quiet: color-mix(in srgb, var(--ink) 68%, transparent);
  --fill: color-mix(in srgb, var(--ink) 6%, transparent);
  --back: var(--jp-layout-color1, var(--color-background-primary, Canvas));
  --queued: light-dark(#5d6675, #a3abb8); --running: light-dark(#1d63d8, #6aa5ff);
  --input_required: light-dark(#9a5b00, #f0b04c); --completed: light-dark(#157a3c, #58c27d);
  --failed: light-dark(#c02626, #ff8080); --cancelled: light-dark(#7a5a7a, #c9a3c9);
  --pale: color-mix(in srgb, var(--queued) 38%, transparent);
  container-type: inline-size; min-width: 0;
  color: var(--ink); background: var(--back);
  font: 13px/1.45 var(--jp-ui-font-family, system-ui, sans-serif); padding: 10px 12px; }
.tta-board * { box-sizing: border-box; }
.tta-board :is(button, select, input) { font: inherit; color: inherit; background: var(--fill);
  border: 1px solid var(--line); border-radius: 6px; padding: 2px 9px; min-height: 26px; margin: 0; }
.tta-board select option { background: Canvas; color: CanvasText; }
.tta-board button { cursor: pointer; }
.tta-board button:hover:not(:disabled) { border-color: currentColor; }
.tta-board button:disabled { opacity: .45; cursor: default; }
.tta-board :focus-visible { outline: 2px solid var(--running); outline-offset: 1px; }
.tta-board .bar { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; margin-bottom: 8px; }
.tta-board .bar input { flex: 1 1 140px; min-width: 120px; }
.tta-board .bar select { flex: 0 1 auto; max-width: 180px; min-width: 0; text-overflow: ellipsis; }
.tta-board .chip { font-variant-numeric: tabular-nums; border-radius: 13px; }
.tta-board .chip[aria-pressed=true] { border-color: var(--state); box-shadow: inset 0 0 0 1px var(--state); }
.tta-board .dot { display: inline-block; width: 9px; height: 9px; border-radius: 50%;
  margin-right: 6px; background: var(--state); }
.tta-board .facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(112px, 1fr));
  gap: 6px; margin: 0 0 10px; }
.tta-board .facts div { background: var(--fill); border-radius: 6px; padding: 5px 9px; min-width: 0; }
.tta-board .facts :is(dt, dd) { display: block; float: none; width: auto; margin: 0; padding: 0; }
.tta-board .facts dt { color: var(--quiet); font-size: 11px; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; font-weight: 400; }
.tta-board .facts dd { font-size: 15px; font-variant-numeric: tabular-nums; }
.tta-board .scroll { overflow: auto; max-height: min(540px, 64vh); border-top: 1px solid var(--line);
  border-bottom: 1px solid var(--line); }
.tta-board table { width: 100%; border-collapse: separate; border-spacing: 0; border: 0; margin: 0;
  font: inherit; }
.tta-board thead { border: 0; }
.tta-board th { position: sticky; top: 0; z-index: 1; background: var(--back); text-align: left;
  font-weight: 500; white-space: nowrap; padding: 5px 10px 5px 0; color: var(--quiet);
  vertical-align: bottom; line-height: 19px; border-bottom: 1px solid var(--line); }
.tta-board tr { background: none; }
.tta-board th button { border: 0; background: none; padding: 0; color: inherit; min-height: 0;
  font-weight: inherit; line-height: inherit; vertical-align: bottom; }
.tta-board th[aria-sort] { color: inherit; font-weight: 600; }
.tta-board td { padding: 5px 10px 5px 0; vertical-align: top; line-height: 19px; background: none;
  text-align: left; border-top: 1px solid var(--line); }
.tta-board thead + tbody td, .tta-board tr.more td { border-top: 0; }
.tta-board :is(td, th).n { white-space: nowrap; text-align: right; font-variant-numeric: tabular-nums; }
.tta-board td.state { white-space: nowrap; color: var(--state); font-weight: 600; }
.tta-board td.from { min-width: 74px; max-width: 120px; overflow-wrap: break-word; overflow: hidden;
  color: var(--quiet); }
.tta-board td.act { text-align: right; padding-right: 2px; width: 1%; white-space: nowrap; }
.tta-board td.act button { min-height: 22px; padding: 0 8px; font-size: 12px; }
.tta-board td.name { width: 36%; min-width: 140px; overflow-wrap: anywhere; }
.tta-board td.name button { border: 0; background: none; padding: 0; text-align: left;
  min-height: 0; line-height: inherit; vertical-align: top; overflow-wrap: anywhere; }
.tta-board td.name button:hover { text-decoration: underline; }
.tta-board .quiet { color: var(--quiet); font-size: 12px; overflow-wrap: anywhere; }
.tta-board .why { color: var(--failed); font-size: 12px; overflow-wrap: anywhere; }
.tta-board td.done { width: 22%; min-width: 110px; }
.tta-board td.done .share { white-space: nowrap; font-variant-numeric: tabular-nums; }
.tta-board progress { width: 70px; height: 8px; accent-color: var(--running); vertical-align: middle; }
.tta-board tr.more td { padding-bottom: 10px; }
.tta-board .form { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: flex-start; padding: 0 3px; }
.tta-board .form .field { flex: 0 1 220px; min-width: 0; }
.tta-board .form .field > :is(input[type=text], select) { width: 100%; }
.tta-board .form .field > label { font-size: 12px; overflow-wrap: anywhere; }
.tta-board .form input[type=checkbox] { min-height: 0; width: 15px; height: 15px; margin: 0 6px 0 0; vertical-align: -2px; }
.tta-board .form fieldset { border: 1px solid var(--line); border-radius: 6px; margin: 0; padding: 2px 9px 5px; }
.tta-board .form fieldset label { display: inline-block; margin-right: 12px; }
.tta-board .form legend { font-size: 12px; padding: 0 4px; }
.tta-board .form [aria-invalid=true] { border-color: var(--failed); }
.tta-board .form .bar { margin: 0; flex: 1 1 100%; }
.tta-board .form .field:has(> input[type=checkbox]) { margin-top: 22px; }
.tta-board .asks { color: var(--input_required); font-size: 12px; overflow-wrap: anywhere; }
.tta-board td.done button { margin: 2px 6px 0 0; }
.tta-board .form .why:empty, .tta-board .form .quiet:empty { display: none; }
.tta-board pre { margin: 4px 0 0; padding: 8px; max-height: 220px; overflow: auto; color: inherit;
  background: var(--fill); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 12px/1.45 var(--jp-code-font-family, ui-monospace, monospace); }
.tta-board .none { padding: 18px 0; text-align: center; }
.tta-board .pager { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin: 8px 0 0; }
.tta-board .problem { color: var(--failed); margin-top: 8px; }
.tta-board .problem:empty { display: none; }
.tta-board h2 { font-size: 13px; font-weight: 600; margin: 14px 0 4px; line-height: 1.45; }
.tta-board svg { display: block; }
.tta-board svg text { fill: var(--quiet); font-size: 11px; font-family: inherit; }
.tta-board .legend { display: flex; flex-wrap: wrap; gap: 4px 14px; color: var(--quiet);
  font-size: 12px; margin-top: 4px; }
.tta-board.gone { opacity: .6; }
@container (max-width: 720px) {
  .tta-board thead tr { display: flex; flex-wrap: wrap; gap: 0 14px; }
  .tta-board th { border: 0; padding: 2px 0; }
  .tta-board th:not(:has(button)) { display: none; }
  .tta-board :is(table, thead, tbody) { display: block; }
  .tta-board tbody tr { display: flex; flex-wrap: wrap; gap: 1px 12px; align-items: baseline;
    border-top: 1px solid var(--line); padding: 6px 0; }
  .tta-board tbody tr.more { border: 0; padding-top: 0; }
  .tta-board.tta-board td { display: block; border: 0; padding: 0; min-width: 0; max-width: none; width: auto; }
  .tta-board td.name, .tta-board td.done, .tta-board tr.more td, .tta-board td.none { flex: 1 1 100%; }
  .tta-board td.done:empty, .tta-board td.n:empty, .tta-board td.at { display: none; }
  .tta-board td.state { order: -2; flex: 1 1 auto; }
  .tta-board td.act { order: -1; }
  .tta-board td.done { order: 1; }
  .tta-board :is(td.from, td.n) { order: 2; }
  .tta-board td.n[data-name]::before { content: attr(data-name) " "; color: var(--quiet); }
}
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

/** A round time of the timeline's axis. */
function around(seconds) {
  if (seconds % DAY === 0) return `${seconds / DAY} d`;
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} m` : span(seconds);
}

function clock(seconds, now) {
  const at = new Date(seconds * 1000);
  const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit",
    hourCycle: "h23" });
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
    this.page = null; // what is shown; nothing before the store has answered
    this.skew = 0; // the store's clock minus ours, in seconds
    this.groups = new Map(); // id -> the elements of its row, and the row that they show
    this.open = new Map(); // id -> what is known beyond the row
    this.forms = new Map(); // id -> the form that its question is answered with
    this.ticks = 0;
    this.build(place);
    host.listen((message) => this.receive(message));
    this.ask();
    this.ticking = setInterval(() => this.tick(), TICK_MS);
  }

  build(place) {
    const pick = (key, words) => element("select", { hidden: "", "aria-label": words,
      onchange: (event) => this.change({ [key]: event.target.value }) });
    this.chips = element("div", { class: "bar", role: "group", "aria-label": "Filter by state" });
    this.search = element("input", { type: "search", placeholder: "Search names and ids",
      "aria-label": "Search in names and ids", maxlength: 200, oninput: () => this.typed() });
    this.picks = { kind: pick("kind", "Kind"), owner: pick("owner", "Submitted from"),
      workspace: pick("workspace", "Workspace") };
    this.facts = element("dl", { class: "facts" });
    this.head = element("tr");
    this.none = element("tbody", {}, element("tr", {},
      element("td", { colspan: COLUMNS.length, class: "quiet none", text: "Reading the tasks ..." })));
    this.table = element("table", {}, element("thead", {}, this.head), this.none);
    this.where = element("span", { class: "quiet", "aria-live": "polite" });
    this.back = element("button", { type: "button", text: "Newer", onclick: () => this.turn(-1) });
    this.next = element("button", { type: "button", text: "Older", onclick: () => this.turn(1) });
    this.pager = element("div", { class: "pager", hidden: "" }, this.back, this.next, this.where);
    this.problem = element("div", { class: "problem", role: "status" });
    this.chart = element("div", {});
    this.root = element("section", { class: "tta-board", "aria-label": "Background tasks" },
      element("style", { text: STYLE }),
      this.chips,
      element("div", { class: "bar" }, this.search, ...Object.values(this.picks)),
      this.facts,
      element("div", { class: "scroll" }, this.table),
      this.pager,
      this.problem,
      this.chart);
    this.headings();
    place.replaceChildren(this.root);
    this.tint();
    this.themes = new MutationObserver(() => this.tint());
    for (const node of [document.documentElement, document.body]) {
      this.themes.observe(node, { attributes: true });
    }
    this.sizes = new ResizeObserver(() => {
      this.tint(); // a notebook may show the element only now, and before that it has no colours
      this.paintChart();
    });
    this.sizes.observe(this.chart);
  }

  tint() {
    this.root.style.colorScheme = isDark(this.root) ? "dark" : "light";
  }

  headings() {
    const cells = COLUMNS.map(([key, words, name]) => {
      if (!key) return element("th", { scope: "col", text: words, class: name });
      const isSorted = this.view.sort === key;
      const arrow = isSorted ? (this.view.descending ? " \u2193" : " \u2191") : "";
      const cell = element("th", { scope: "col", class: name },
        element("button", { type: "button", text: words + arrow, onclick: () => this.sortBy(key) }));
      if (isSorted) cell.setAttribute("aria-sort", this.view.descending ? "descending" : "ascending");
      return cell;
    });
    const at = [...this.head.querySelectorAll("button")].indexOf(document.activeElement);
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
    return this.frozen ?? Date.now() / 1000 + this.skew;
  }

  receive(message) {
    if (message.type === "page" || message.type === "patch") {
      this.problem.textContent = "";
      this.take(message);
    } else if (message.type === "detail") {
      if (!this.open.has(message.id)) return;
      this.open.set(message.id, message);
      this.paintRow(message.id);
    } else if (message.type === "refused") {
      this.refuse(message);
    } else if (message.type === "problem") {
      this.problem.textContent = message.text;
      for (const { node } of this.forms.values()) unlock(node);
    } else if (message.type === "gone") {
      this.freeze(message.text);
    }
  }

  take(message) {
    if (message.type === "page") {
      this.page = message;
    } else if (this.page) {
      const { rows, bars, ...others } = message;
      Object.assign(this.page, others);
      Object.assign(this.page.rows, rows);
      Object.assign(this.page.bars, bars);
      prune(this.page.rows, this.page.order);
      prune(this.page.bars, this.page.bar_order);
      for (const id of Object.keys(rows ?? {})) {
        if (this.open.has(id)) this.host.send({ type: "detail", id });
      }
    } else {
      return; // a patch of what was told to another page
    }
    this.view.page = this.page.page;
    this.skew = message.now - Date.now() / 1000;
    this.paintRows();
    this.paintRest();
  }

  /** The host is gone: what is seen stays, and nothing can be asked any more. */
  freeze(words) {
    this.frozen = this.now();
    clearInterval(this.ticking);
    for (const one of this.root.querySelectorAll("button, select, input, textarea")) one.disabled = true;
    this.root.classList.add("gone");
    this.problem.textContent = words;
  }

  paintRows() {
    const focused = this.root.contains(document.activeElement) && document.activeElement.dataset.key;
    const { rows, order } = this.page;
    for (const [id, known] of this.groups) {
      if (rows[id]) continue;
      known.group.remove();
      this.groups.delete(id);
      this.open.delete(id);
    }
    let before = this.table.tHead;
    for (const id of order) {
      if (this.groups.get(id)?.row !== rows[id]) this.paintRow(id);
      const { group } = this.groups.get(id);
      if (before.nextSibling !== group) before.after(group);
      before = group;
    }
    this.none.remove();
    if (!order.length) {
      const isAll = !this.isFiltered();
      this.none.querySelector("td").textContent = isAll ? `No tasks yet. ${HOW}` : "No task fits.";
      this.table.append(this.none);
    }
    this.focus(focused);
  }

  focus(key) {
    if (key && document.activeElement?.dataset?.key !== key) {
      this.root.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
    }
  }

  isFiltered() {
    const { states, kind, owner, workspace, search } = this.view;
    return Boolean(states.length || kind || owner || workspace || search.trim());
  }

  paintRest() {
    const { total, size, order, page } = this.page;
    const first = page * size;
    this.where.textContent = order.length
      ? `${first + 1} to ${first + order.length} of ${total.toLocaleString("en")}` : "";
    this.back.disabled = page <= 0;
    this.next.disabled = first + order.length >= total;
    this.pager.hidden = total <= size;
    this.paintChips();
    this.paintPick("kind", "all kinds", this.page.kinds);
    this.paintPick("owner", "from anywhere", this.page.owners);
    this.paintPick("workspace", "all workspaces", this.page.workspaces);
    this.paintFacts();
    this.paintChart();
  }

  paintChips() {
    const { counts } = this.page;
    const shown = STATES.filter((state) => counts[state] || this.view.states.includes(state));
    const known = new Map([...this.chips.children].map((chip) => [chip.dataset.state, chip]));
    const chips = shown.map((state) => {
      const chip = known.get(state) ?? this.newChip(state);
      chip.lastChild.textContent = `${wordOf(state)} ${(counts[state] ?? 0).toLocaleString("en")}`;
      chip.setAttribute("aria-pressed", String(this.view.states.includes(state)));
      return chip;
    });
    if (chips.length !== known.size || chips.some((chip) => !chip.isConnected)) {
      const focused = document.activeElement?.dataset?.key;
      this.chips.replaceChildren(...chips);
      this.focus(focused);
    }
  }

  newChip(state) {
    const chip = element("button", { type: "button", class: "chip", onclick: () => {
      const { states } = this.view;
      this.change({ states: states.includes(state) ? states.filter((one) => one !== state) : [...states, state] });
    } }, element("span", { class: "dot" }), document.createTextNode(""));
    chip.dataset.state = state;
    chip.dataset.key = `chip ${state}`;
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
    const isOld = this.now() - this.page.now > 60; // nothing moved for a minute
    const shown = [
      ["done per minute", facts.success == null ? "" : String(isOld ? 0 : facts.per_minute)],
      ["waited, median", span(facts.waited_p50 ?? NaN)],
      ["waited, p95", span(facts.waited_p95 ?? NaN)],
      ["ran, median", span(facts.ran_p50 ?? NaN)],
      ["ran, p95", span(facts.ran_p95 ?? NaN)],
      ["success", facts.success == null ? "" : `${Math.floor(100 * facts.success)} %`],
      ["from the cache", facts.cached ? facts.cached.toLocaleString("en") : ""],
      ["cost of agents", facts.cost ? `$${facts.cost.toFixed(2)}` : ""],
    ].filter(([, text]) => text);
    this.facts.hidden = !shown.length;
    this.facts.title = "Of the last 100 tasks";
    this.facts.replaceChildren(...shown.map(([words, text]) =>
      element("div", {}, element("dt", { text: words }), element("dd", { text }))));
  }

  paintRow(id) {
    const row = this.page.rows[id];
    if (!row) return;
    const known = this.groups.get(id) ?? { group: element("tbody") };
    this.groups.set(id, known);
    known.row = row;
    const focused = known.group.contains(document.activeElement) && document.activeElement.dataset.key;
    known.group.style.setProperty("--state", STATES.includes(row.state) ? `var(--${row.state})` : "inherit");
    // A form stays where it is, for somebody may be typing into it.
    place(known.group, [this.line(row), ...this.asking(row), ...(this.open.has(id) ? [this.details(id)] : [])]);
    this.focus(focused);
  }

  line(row) {
    const now = this.now();
    const state = element("td", { class: "state" },
      element("span", { class: "dot" }), document.createTextNode(row.cancelling ? "cancelling" : wordOf(row.state)));
    const name = this.action(row, "detail", row.label || row.kind, () => this.toggle(row.id));
    name.setAttribute("aria-expanded", String(this.open.has(row.id)));
    const about = element("td", { class: "name" }, name,
      element("div", { class: "quiet", text: `${row.kind} \u00b7 ${row.short}` }));
    const done = element("td", { class: "done" });
    if (row.progress != null) {
      done.append(element("div", { class: "share" },
        element("progress", { max: 1, value: Number(row.progress), "aria-label": "progress" }),
        document.createTextNode(` ${Math.floor(100 * row.progress)} %`)));
    }
    if (row.asks) done.append(element("div", { class: "asks", text: row.asks.text }), ...this.answers(row));
    else if (row.message) done.append(element("div", { class: "quiet", text: row.message }));
    if (row.error) done.append(element("div", { class: "why", text: row.error }));
    return element("tr", {}, state, about, element("td", { class: "from", text: row.owner, title: row.owner }),
      done,
      element("td", { class: "n", "data-name": "waited", text: span(waited(row, now)) }),
      element("td", { class: "n", "data-name": "ran", text: span(ran(row, now)) }),
      element("td", { class: "n at quiet", text: clock(row.submitted, now) }),
      element("td", { class: "act" }, ...this.actions(row)));
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

  answers(row) {
    const { key, choices } = row.asks;
    return choices.map((value, place) => this.action(row, `answer${place}`, value,
      () => this.host.send({ type: "answer", id: row.id, key, value })));
  }

  /** The row with the form of a question that is more than a few choices: the same as long as it is asked. */
  asking(row) {
    const fields = row.asks?.fields ?? [];
    if (!fields.length) {
      this.forms.delete(row.id);
      return [];
    }
    const known = this.forms.get(row.id);
    if (known?.key === row.asks.key) return [known.node];
    const node = this.form(row, fields);
    this.forms.set(row.id, { key: row.asks.key, node });
    return [node];
  }

  form(row, fields) {
    const { key } = row.asks;
    const start = `tta-${Math.random().toString(36).slice(2)}`; // two boards can stand on one page
    const inputs = fields.map((field, at) => fieldOf(field, `${start}-${at}`));
    const send = (value) => {
      for (const one of inputs) one.complain("");
      lock(node);
      this.problem.textContent = "";
      this.host.send({ type: "answer", id: row.id, key, value });
    };
    const isWhole = fields.length === 1 && !fields[0].name;
    const filled = () => (isWhole ? inputs[0].read()
      : Object.fromEntries(inputs.map((one) => [one.name, one.read()])));
    // No <form>: a chat's frame may submit none, and says so before anybody could stop it.
    const form = element("div", { class: "form", role: "form", "aria-label": row.asks.text,
      onkeydown: (event) => {
        if (event.key !== "Enter" || event.isComposing || event.target.type !== "text") return;
        event.preventDefault();
        send(filled());
      } },
      ...inputs.map((one) => one.node),
      element("div", { class: "bar" },
        element("button", { type: "button", text: "Answer", onclick: () => send(filled()) }),
        element("button", { type: "button", text: "No answer", onclick: () => send(null) })));
    const node = element("tr", { class: "more" }, element("td", { colspan: COLUMNS.length }, form));
    node.complain = (wrong) => inputs.forEach((one) => one.complain(wrong[one.name] ?? ""));
    for (const [at, one] of [...node.querySelectorAll("input, select, button")].entries()) {
      one.dataset.key = `field${at} ${row.id}`;
    }
    return node;
  }

  /** The answer does not fit: the words beside its fields, and everything as it was typed. */
  refuse({ id, key, fields, text }) {
    const known = this.forms.get(id);
    if (known?.key !== key) {
      this.problem.textContent = text;
      return;
    }
    unlock(known.node);
    known.node.complain(fields);
    const first = known.node.querySelector("[aria-invalid=true]");
    if (first) first.focus();
    else this.problem.textContent = text;
  }

  toggle(id) {
    if (!this.open.delete(id)) {
      this.open.set(id, null);
      this.host.send({ type: "detail", id });
    }
    this.paintRow(id);
  }

  details(id) {
    const known = this.open.get(id);
    const cell = element("td", { colspan: COLUMNS.length });
    if (!known) {
      cell.append(element("div", { class: "quiet", text: "Reading ..." }));
    } else {
      cell.append(...known.lines.map((text) => element("div", { class: "quiet", text })),
        element("pre", { tabindex: 0, "aria-label": "end of the output", text: known.log || "No output." }));
    }
    return element("tr", { class: "more" }, cell);
  }

  tick() {
    if (!this.page) return;
    this.ticks += 1;
    const now = this.now();
    let isLive = false;
    for (const [id, { group, row }] of this.groups) {
      if (FINAL.has(row.state)) continue;
      isLive = true;
      const cells = group.querySelectorAll("td.n");
      cells[0].textContent = span(waited(row, now));
      cells[1].textContent = span(ran(row, now));
      if (this.open.has(id) && this.ticks % LOOK_TICKS === 0) this.host.send({ type: "detail", id });
    }
    this.paintFacts();
    if (isLive) this.paintChart();
  }

  /** Each task one bar: what it waited pale, what it ran in the colour of its state. */
  paintChart() {
    if (!this.page) return;
    const now = this.now();
    const rows = lately(this.page.bar_order.map((id) => this.page.bars[id]), now);
    const width = this.chart.clientWidth;
    if (!rows.length || !width) {
      this.chart.replaceChildren();
      return;
    }
    const [left, step] = [Math.min(200, Math.round(width * 0.3)), 15];
    const from = Math.min(...rows.map((row) => row.submitted));
    const until = Math.max(...rows.map((row) => row.finished ?? now), from + 1);
    const foot = rows.length * step;
    const x = (seconds) => left + ((seconds - from) / (until - from)) * (width - left - 8);
    const chart = drawn("svg", { width, height: foot + 20, role: "img" });
    chart.append(drawn("title", {}, `The last ${rows.length} tasks between ${clock(from, now)} and ${clock(until, now)}`));
    const wide = until - from;
    const between = STEPS.find((one) => wide / one <= width / 170) ?? DAY * Math.ceil(wide / DAY / 4);
    for (let at = 0; at <= wide; at += between) {
      const end = x(from + at) > width - 24 ? "end" : "middle";
      chart.append(
        drawn("line", { x1: x(from + at), x2: x(from + at), y1: 0, y2: foot, stroke: "var(--line)" }),
        drawn("text", { x: x(from + at), y: foot + 14, "text-anchor": at ? end : "start" }, at ? `+${around(at)}` : clock(from, now)));
    }
    rows.forEach((row, at) => chart.append(...this.bars(row, at * step + 2, step - 5, left, x, now)));
    this.chart.replaceChildren(element("h2", { text: "Waiting and running" }), chart, legend(rows));
  }

  bars(row, y, height, left, x, now) {
    const label = row.label || row.kind;
    const begun = row.started ?? row.finished ?? now;
    const most = Math.floor((left - 10) / 6.4);
    const name = drawn("text", { x: left - 8, y: y + height - 1, "text-anchor": "end" }, cut(label, most));
    const words = `${label}: waited ${span(waited(row, now))}, ran ${span(ran(row, now)) || "not yet"}, ${wordOf(row.state)}`;
    const bar = (start, end, fill) => {
      const rect = drawn("rect", { x: x(start), y, height, rx: 2, fill, width: Math.max(1.5, x(end) - x(start)) });
      rect.append(drawn("title", {}, words));
      return rect;
    };
    const made = [name];
    if (begun > row.submitted) made.push(bar(row.submitted, begun, "var(--pale)"));
    if (row.started != null) made.push(bar(row.started, row.finished ?? now, STATES.includes(row.state) ? `var(--${row.state})` : "gray"));
    return made;
  }

  close() {
    clearInterval(this.ticking);
    clearTimeout(this.typing);
    this.themes.disconnect();
    this.sizes.disconnect();
    this.root.remove();
  }
}

/** The newest bars without those before a long pause, which would make all others too thin. */
function lately(bars, now) {
  let from = Infinity;
  let until = -Infinity;
  for (const [at, bar] of bars.entries()) {
    const end = bar.finished ?? now;
    if (at && from - end > GAP_SECONDS + 3 * (until - from)) return bars.slice(0, at);
    from = Math.min(from, bar.submitted);
    until = Math.max(until, end);
  }
  return bars;
}

function legend(rows) {
  const known = STATES.filter((one) => one !== "queued" && rows.some((row) => row.state === one));
  return element("div", { class: "legend" }, ...["waiting", ...known].map((state) => {
    const dot = element("span", { class: "dot" });
    dot.style.setProperty("--state", state === "waiting" ? "var(--pale)" : `var(--${state})`);
    return element("span", {}, dot, document.createTextNode(wordOf(state)));
  }));
}

/** At most so many letters; of a path the end, which tells one from another. */
function cut(text, most) {
  if (text.length <= most) return text;
  const isPath = /^\S*\/\S*$/.test(text);
  return isPath ? `\u2026${text.slice(1 - most)}` : `${text.slice(0, most - 1)}\u2026`;
}

/** Have exactly these children; those that are there already are not moved. */
function place(parent, children) {
  for (const one of [...parent.children]) if (!children.includes(one)) one.remove();
  children.forEach((one, at) => {
    if (parent.children[at] !== one) parent.insertBefore(one, parent.children[at] ?? null);
  });
}

function lock(node) {
  for (const one of node.querySelectorAll("button")) one.disabled = true;
}

function unlock(node) {
  for (const one of node.querySelectorAll("button")) one.disabled = false;
}

/** A field of a form: its elements, what it holds, and where the words about a wrong value go. */
function fieldOf(field, id) {
  const isMany = field.type === "array";
  const about = element("div", { class: "quiet", id: `${id}-about`, text: field.about });
  const wrong = element("div", { class: "why", id: `${id}-wrong`, role: "alert" });
  const words = field.needed ? `${field.label} *` : field.label;
  let input;
  let read;
  if (isMany) {
    const boxes = field.choices.map((value) => {
      const box = element("input", { type: "checkbox", value });
      box.checked = (field.default ?? []).includes(value);
      return box;
    });
    input = element("fieldset", { id }, element("legend", { text: words }),
      ...boxes.map((box) => element("label", {}, box, document.createTextNode(` ${box.value}`))));
    read = () => boxes.filter((box) => box.checked).map((box) => box.value);
  } else if (field.type === "boolean") {
    input = element("input", { type: "checkbox", id });
    input.checked = Boolean(field.default);
    read = () => input.checked;
  } else if (field.choices.length) {
    const none = field.name && !field.needed && field.default == null ? [""] : [];
    input = element("select", { id }, ...[...none, ...field.choices].map((value) => element("option", { value, text: value })));
    input.value = field.default || (none.length ? "" : field.choices[0]);
    read = () => input.value;
  } else {
    const isText = field.type === "string";
    input = element("input", { type: "text", id, maxlength: 10000, inputmode: isText ? "text" : "decimal", autocomplete: "off" });
    input.value = field.default ?? "";
    read = () => input.value;
  }
  input.setAttribute("aria-describedby", `${id}-about ${id}-wrong`);
  const label = isMany ? [] : [element("label", { for: id, text: words })];
  return {
    name: field.name,
    node: element("div", { class: "field" }, ...(field.type === "boolean" ? [input, ...label] : [...label, input]), about, wrong),
    read,
    complain: (text) => {
      wrong.textContent = text;
      const marked = isMany ? input.querySelector("input") : input;
      if (text) marked.setAttribute("aria-invalid", "true");
      else marked.removeAttribute("aria-invalid");
    },
  };
}

function prune(known, order) {
  const kept = new Set(order);
  for (const id of Object.keys(known)) if (!kept.has(id)) delete known[id];
}

/** Show the board in an element; the returned function takes it away. */
export function mount(place, host) {
  const board = new Board(place, host);
  return () => board.close();
}

/** The adapter to a notebook: what anywidget expects of a module. */
export default {
  render({ model, el }) {
    const view = `v${Math.random().toString(36).slice(2)}`; // one model can be shown in two places
    return mount(el, {
      send: (message) => model.send({ view, message }),
      listen: (callback) => {
        model.on("msg:custom", (told) => told.view === view && callback(told.message));
        model.on("comm_live_update", () => callback({ type: "gone", text: GONE }));
      },
    });
  },
};
