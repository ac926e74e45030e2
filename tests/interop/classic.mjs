// The TypeScript SDK 1.x, which most agents of today are built on, against our server.
// Prints one JSON value: what it saw.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const { command, url, token } = JSON.parse(process.argv[2]);
const client = new Client({ name: "interop", version: "1" });
const transport = command
  ? new StdioClientTransport({ command: command[0], args: command.slice(1), env: process.env })
  : new StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers: { Authorization: `Bearer ${token}` } },
    });
await client.connect(transport);

const shell = (script, more = {}) => ({ kind: "shell", params: { script }, ...more });
const progress = [];
const call = (name, args) =>
  client.callTool({ name, arguments: args }, undefined, {
    onprogress: (told) => progress.push(told.progress),
  });
const done = await call("tta_run", shell("sleep 5"));
const failed = await call("tta_run", shell("exit 3"));
const submitted = await call("tta_submit", shell("sleep 0.3"));
const waited = await call("tta_wait", { task_ids: [submitted.structuredContent.task_id] });
const address = `tta://tasks/${submitted.structuredContent.task_id}/result`;
const [contents] = (await client.readResource({ uri: address })).contents;
console.log(
  JSON.stringify({
    tools: (await client.listTools()).tools.length,
    completed: done.structuredContent.tasks[0].status,
    progress: progress.length > 0,
    failed: failed.isError,
    waited: waited.structuredContent.done,
    result: JSON.parse(contents.text),
  }),
);
await client.close();
process.exit(0);
