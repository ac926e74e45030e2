// The board's adapter to `tta board`: one long request at a time, with the token of the address.

import { mount } from "./board.js";

const token = location.hash.slice(1);
const client = crypto.randomUUID();
const waiting = []; // what the server has not said it got; the number of the first is `first`
let first = 1;
let seen = 0;
let tell = () => {};
let calm = new AbortController();

/** One request; what the page asks for goes with it, and ends the one that is waiting. */
async function exchange() {
  const messages = [...waiting];
  const answer = await fetch("ask", {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify({ client, seen, first, messages }),
    signal: calm.signal,
  });
  if (answer.status === 401) throw new Error("The address lacks its key. Run tta board again.");
  if (!answer.ok) throw new Error(`The board's server answered ${answer.status}.`);
  const told = await answer.json();
  waiting.splice(0, messages.length);
  first += messages.length;
  told.messages.forEach((message, at) => {
    if (told.first + at <= seen) return;
    seen = told.first + at;
    tell(message);
  });
}

async function live() {
  for (;;) {
    try {
      calm = new AbortController();
      await exchange();
    } catch (error) {
      if (error.name === "AbortError") continue; // the reader asked for something: it goes first
      const isGone = error instanceof TypeError;
      tell({ type: "problem", text: isGone ? "The board's server is away. Run tta board again." : error.message });
      await new Promise((resume) => setTimeout(resume, 2000));
    }
  }
}

mount(document.getElementById("board"), {
  send: (message) => {
    waiting.push(message);
    calm.abort();
  },
  listen: (callback) => {
    tell = callback;
  },
});
live();
