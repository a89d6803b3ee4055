// The official client does what it is told on standard input and prints what it got, as JSON:
// [{"do": "list" | "create" | "edit" | "update" | "delete" | "get" | "batch" | "zone", ...}].
import { readFileSync } from 'node:fs';
import Cloudflare from 'cloudflare';

const [baseURL, apiToken, zone_id] = process.argv.slice(2);
const client = new Cloudflare({ baseURL, apiToken, maxRetries: 0, timeout: 10_000 });
const out = [];
for (const { do: what, id, ...params } of JSON.parse(readFileSync(0, 'utf8'))) {
  const records = client.dns.records;
  try {
    if (what === 'list') {
      const found = [];
      for await (const record of records.list({ zone_id, ...params })) found.push(record);
      out.push(found);
    }
    if (what === 'create') out.push(await records.create({ zone_id, ...params }));
    if (what === 'edit') out.push(await records.edit(id, { zone_id, ...params }));
    if (what === 'update') out.push(await records.update(id, { zone_id, ...params }));
    if (what === 'delete') out.push(await records.delete(id, { zone_id }));
    if (what === 'get') out.push(await records.get(id, { zone_id }));
    if (what === 'batch') out.push(await records.batch({ zone_id, ...params }));
    if (what === 'zone') out.push(await client.zones.get({ zone_id }));
  } catch (error) {
    out.push({ status: error.status ?? null, error: `${error.name}: ${error.message}` });
  }
}
process.stdout.write(JSON.stringify(out));
