// The TypeScript client of 2026-07-28 with its tasks extension, against our server.
// Prints one JSON value: what it saw.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { createTaskSessionFromClient, resultFromTaskOutcome } from "@modelcontextprotocol/ext-tasks/client";

const { command, url, token } = JSON.parse(process.argv[2]);
const clientInfo = { name: "interop", version: "1" };
const clientCapabilities = {};
const client = new Client(clientInfo, {
  capabilities: clientCapabilities,
  versionNegotiation: { mode: "auto" },
});
const transport = command
  ? new StdioClientTransport({ command: command[0], args: command.slice(1), env: process.env })
  : new StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers: { Authorization: `Bearer ${token}` } },
    });
await client.connect(transport);

// The session sends requests of its own on the same transport, under ids of its own.
const pending = new Map();
const inner = transport.onmessage;
let count = 0;
transport.onmessage = (message, extra) => {
  const settle = pending.get(message.id);
  if (settle === undefined) return inner(message, extra);
  pending.delete(message.id);
  return settle(
    message.error
      ? { kind: "error", error: message.error }
      : { kind: "result", result: message.result },
  );
};
const session = createTaskSessionFromClient(client, {
  endpointId: "tta",
  rawDispatch: (request, options = {}) =>
    new Promise((resolve, reject) => {
      const id = `raw-${++count}`;
      pending.set(id, resolve);
      options.signal?.addEventListener("abort", () => reject(options.signal.reason));
      transport
        .send({ jsonrpc: "2.0", id, ...request }, { headers: options.context?.headers })
        .catch(reject);
    }),
  v2RequestFraming: { protocolVersion: "2026-07-28", clientInfo, clientCapabilities },
  onInputRequest: async () => ({ action: "decline" }),
});

const shell = (script) => ({ kind: "shell", params: { script } });
const settled = async (script) => {
  const call = await session.callTool("tta_run", shell(script));
  const { outcome } = await call.settle({});
  const result = resultFromTaskOutcome(outcome);
  return {
    kind: call.kind,
    outcome: outcome.status,
    isError: result.isError,
    status: result.structuredContent.tasks[0].status,
  };
};
const seen = {
  version: client.getNegotiatedProtocolVersion(),
  tools: (await client.listTools()).tools.length,
  completed: await settled("sleep 0.5"),
  failed: await settled("exit 3"),
};
const long = await session.callTool("tta_run", shell("sleep 60"));
await long.cancel();
seen.cancelled = (await long.result()).status;
const submitted = await session.callTool("tta_submit", shell("true"));
seen.submitted = submitted.kind;
console.log(JSON.stringify(seen));
await session.close();
await client.close();
process.exit(0);
