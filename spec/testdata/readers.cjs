// Reads specs as an editor does that knows nothing of flowrun: with a reader of
// YAML 1.2 (npm's yaml) and a JSON Schema validator in its strict mode (ajv).
//
//   node readers.cjs FOLDER FILE    of {"schema": …, "texts": [TEXT, …]}
//
// writes for each text {"valid": whether the schema takes it, "error": what the
// reader says if it isn't YAML} and for a text that is a scalar its kind and value.
const path = require("path");
const load = (name) => require(path.join(process.argv[2], name));
const Ajv = load("ajv/dist/2020").default;
const YAML = load("yaml");

const asked = JSON.parse(require("fs").readFileSync(process.argv[3]));
const fail = (message) => { throw new Error(message); };
// strictNumbers is about data: JSON has no .inf and .nan, and YAML has.
const ajv = new Ajv({ strict: true, strictNumbers: false, logger: { log: fail, warn: fail, error: fail } });
const validate = ajv.compile(asked.schema);

function kindOf(v) {
  if (v === null) return "null";
  if (typeof v === "bigint") return "int";
  return { boolean: "bool", number: "float", string: "string" }[typeof v] || "other";
}

process.stdout.write(JSON.stringify(asked.texts.map((text) => {
  try {
    const valid = validate(YAML.parse(text, { version: "1.2" }));
    const exact = YAML.parse(text, { version: "1.2", intAsBigInt: true });
    return { valid, kind: kindOf(exact), value: String(exact) };
  } catch (e) {
    return { error: e.message };
  }
})));
