// Evaluates expressions with jsonata-js: reads {"bindings", "expressions"} from stdin, writes one outcome for each.
// argv[2] is the directory of the package.
const jsonata = require(process.argv[2]);

function isFunction(value) {
  return typeof value === "function" || Boolean(value && (value._jsonata_function || value._jsonata_lambda));
}

// JSON, but with numbers that are not finite. Functions are what JSON.stringify makes of them in arrays and objects.
function told(value) {
  if (isFunction(value)) return undefined;
  if (typeof value === "number" && !Number.isFinite(value)) return { $: String(value) };
  if (Array.isArray(value)) return value.map(told);
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, told(v)]));
  return value;
}

async function outcome(text, bindings) {
  try {
    const value = await jsonata(text).evaluate(undefined, bindings);
    if (isFunction(value)) return { function: true };
    return value === undefined ? { undefined: true } : { value: told(value) };
  } catch (error) {
    return { code: error.code || "none", position: error.position ?? null, message: String(error.message) };
  }
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const { bindings, expressions } = JSON.parse(Buffer.concat(chunks).toString());
  const text = JSON.stringify(bindings);
  const outcomes = [];
  for (const expression of expressions) outcomes.push(await outcome(expression, JSON.parse(text)));
  process.stdout.write(JSON.stringify(outcomes));
}

main();
