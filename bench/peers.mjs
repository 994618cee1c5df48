// The side of `bench.peers` that runs in Node: one workload on aws-local-stepfunctions.
//
// A job arrives on stdin as JSON: {modules, definition, events, seconds}. The answer is {rate, output} or {error}.
// The handlers do what those of bench/workload.py do.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const job = JSON.parse(readFileSync(0, "utf8"));
const { StateMachine } = createRequire(`${job.modules}/`)("aws-local-stepfunctions");

const named = (name, message) => Object.assign(new Error(message), { name });
const turn = () => new Promise(setImmediate);
const calls = new Map();
const handlers = {
  Validate: async () => ({ ok: true }),
  Charge: async () => ({ ok: true }),
  Ship: async () => ({ ok: true }),
  ValidateLater: async () => (await turn(), { ok: true }),
  ChargeLater: async () => (await turn(), { ok: true }),
  ShipLater: async () => (await turn(), { ok: true }),
  Item: async (entry) => ({ v: entry.i }),
  Flaky: async (order) => {
    const call = ((calls.get(order.n) ?? 0) + 1) % 3;
    calls.set(order.n, call);
    if (call) throw named("Transient", `call ${call}`);
    return { ok: order.n };
  },
  Boom: async () => {
    throw named("Fatal", "f");
  },
};

// Overrides are keyed by state name, handlers by function name.
const taskResourceLocalHandlers = {};
const retryIntervalOverrides = {};
const look = ({ States }) => {
  for (const [name, state] of Object.entries(States)) {
    if (state.Type === "Task") taskResourceLocalHandlers[name] = handlers[state.Resource.split(":").at(-1)];
    if (state.Retry) retryIntervalOverrides[name] = 0;
    [...(state.Branches ?? []), ...(state.ItemProcessor ? [state.ItemProcessor] : [])].forEach(look);
  }
};

try {
  look(job.definition);
  const machine = new StateMachine(job.definition);
  const options = { overrides: { taskResourceLocalHandlers, retryIntervalOverrides } };
  const batch = () => Promise.all(job.events.map((event) => machine.run(event, options).result));
  const [output] = await batch();
  const measure = async (milliseconds) => {
    const begin = performance.now();
    let done = 0;
    do {
      done += (await batch()).length;
    } while (performance.now() - begin < milliseconds);
    return (done * 1000) / (performance.now() - begin);
  };
  await measure(job.seconds * 500); // so that V8 has compiled the hot code
  console.log(JSON.stringify({ rate: await measure(job.seconds * 1000), output }));
} catch (error) {
  console.log(JSON.stringify({ error: `${error.name}: ${error.message}` }));
}
