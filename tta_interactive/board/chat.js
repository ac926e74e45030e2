// The board's adapter to a chat (MCP Apps, 2026-01-26): it talks to the host that frames it.
// It stands behind board.js in one module of one document: an app loads nothing.

const TOOL = "tta_board_feed";
const AGAIN_MS = 2000;
const client = crypto.randomUUID();
const answers = new Map(); // the number of a request to the host -> what its answer settles
let asked = 0;

function tellHost(message) {
  parent.postMessage({ jsonrpc: "2.0", ...message }, "*"); // the host's origin is not known to an app
}

function askHost(method, params) {
  const id = ++asked;
  tellHost({ id, method, params });
  return new Promise((resolve, reject) => answers.set(id, { resolve, reject }));
}

const waiting = []; // what the server has not said it got; the number of the first is `first`
let first = 1;
let seen = 0;
let tell = () => {};
let latest = null; // the newest request that is under way
let isLeaving = false;

/** One request; a newer one ends an older one that waits, so two may be under way for a moment. */
async function exchange() {
  const next = first + waiting.length;
  const given = { client, seen, first, messages: [...waiting] };
  const result = await askHost("tools/call", { name: TOOL, arguments: given });
  if (result.isError) throw new Error(result.content[0].text);
  const told = result.structuredContent;
  waiting.splice(0, Math.max(0, next - first));
  first = Math.max(first, next);
  told.messages.forEach((message, at) => {
    if (told.first + at <= seen) return;
    seen = told.first + at;
    tell(message);
  });
}

function start() {
  const mine = exchange().finally(() => {
    if (latest === mine) latest = null;
  });
  latest = mine;
  return mine;
}

async function live() {
  while (!isLeaving) {
    try {
      await (latest ?? start());
    } catch (error) {
      tell({ type: "problem", text: error.message });
      await new Promise((resume) => setTimeout(resume, AGAIN_MS));
    }
  }
}

addEventListener("message", (event) => {
  const message = event.data;
  if (event.source !== parent || message?.jsonrpc !== "2.0") return;
  if (message.method === undefined) {
    const settle = answers.get(message.id);
    answers.delete(message.id);
    if (message.error) settle?.reject(new Error(message.error.message));
    else settle?.resolve(message.result);
    return;
  }
  if (message.method === "ui/resource-teardown") isLeaving = true;
  if (message.method === "ui/notifications/host-context-changed") dress(message.params);
  if (message.id !== undefined) tellHost({ id: message.id, result: {} });
});

/** In the colours of the host, where it says which. */
function dress(context) {
  if (context?.theme) document.documentElement.style.colorScheme = context.theme;
  for (const [name, value] of Object.entries(context?.styles?.variables ?? {})) {
    if (value) document.documentElement.style.setProperty(name, value);
  }
}

const about = { appInfo: { name: "tta-board", version: "1" }, appCapabilities: {} };
const host = await askHost("ui/initialize", { ...about, protocolVersion: "2026-01-26" });
dress(host.hostContext);
tellHost({ method: "ui/notifications/initialized", params: {} });
mount(document.getElementById("board"), {
  send: (message) => {
    waiting.push(message);
    start().catch(() => {}); // the next round of `live` asks for the same again
  },
  listen: (callback) => {
    tell = callback;
  },
});
new ResizeObserver(() => {
  const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
  tellHost({ method: "ui/notifications/size-changed", params: { height } });
}).observe(document.documentElement);
live();
