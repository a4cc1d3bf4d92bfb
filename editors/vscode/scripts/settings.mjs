// Writes the settings `animus.config.*` of package.json from the JSON Schema of the configuration on standard input
// (`animus config schema`). With `--check` it only says whether they are in step. `cargo xtask settings` runs it.
import { readFileSync, writeFileSync } from "node:fs";

const file = new URL("../package.json", import.meta.url);
const schema = JSON.parse(readFileSync(0, "utf8"));
const manifest = JSON.parse(readFileSync(file, "utf8"));

// Not for an editor: the version of the file, and the network door, which an editor does not open.
const LEFT_OUT = new Set(["version", "server"]);
const SCALARS = new Set(["boolean", "integer", "number", "string"]);

function resolved(part) {
  const { $ref, anyOf, ...own } = part;
  if ($ref) return { ...resolved(schema.$defs[$ref.split("/").at(-1)]), ...own };
  const some = anyOf?.filter(({ type }) => type !== "null") ?? [];
  return some.length === 1 ? { ...resolved(some[0]), ...own, nullable: true } : part;
}

// A key as VS Code describes a setting; undefined where it is no scalar and no list of words.
function setting(part) {
  const { type, oneOf, items, nullable, description, default: preset, minimum, maximum } = part;
  const types = [type].flat();
  const [word] = types.filter((one) => one !== "null");
  const optional = nullable || types.includes("null");
  const shape = oneOf?.every((one) => typeof one.const === "string")
    ? { type: optional ? ["string", "null"] : "string", enum: oneOf.map((one) => one.const), enumDescriptions: oneOf.map((one) => one.description ?? "") }
    : SCALARS.has(word)
      ? { type: optional ? [word, "null"] : word, ...(minimum === undefined ? {} : { minimum }), ...(maximum === undefined ? {} : { maximum }) }
      : word === "array" && resolved(items).type === "string"
        ? { type: "array", items: { type: "string" } }
        : undefined;
  return shape && { ...shape, default: preset ?? null, scope: "machine", markdownDescription: description };
}

const properties = {};
function walk(part, path) {
  for (const [key, inner] of Object.entries(part.properties ?? {})) {
    const name = [...path, key];
    if (path.length === 0 && LEFT_OUT.has(key)) continue;
    const one = resolved(inner);
    const described = setting(one);
    if (described) properties[`animus.config.${name.join(".")}`] = described;
    else walk(one, name);
  }
}
walk(schema, []);

const sections = manifest.contributes.configuration;
const title = "Server Configuration";
const wanted = { title, properties };
const found = sections.find((section) => section.title === title);
if (process.argv.includes("--check")) {
  const differ = (a, b) => Object.keys(a).filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]));
  const wrong = new Set([...differ(properties, found?.properties ?? {}), ...differ(found?.properties ?? {}, properties)]);
  if (wrong.size > 0) {
    console.error(`out of step with the configuration's schema (cargo xtask settings writes them): ${[...wrong].join(", ")}`);
    process.exit(1);
  }
} else {
  manifest.contributes.configuration = [...sections.filter((section) => section !== found), wanted];
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
}
