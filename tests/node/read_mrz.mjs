// Reads a list of machine-readable zones and prints what npm's mrz makes of each, as JSON.
import { readFileSync } from "node:fs";
import { parse } from "mrz";

const read = (zone) => {
  try {
    const { valid, fields } = parse(zone.split("\n"));
    return { valid, number: fields.documentNumber, family: fields.lastName, given: fields.firstName };
  } catch {
    return { valid: false };
  }
};
console.log(JSON.stringify(JSON.parse(readFileSync(process.argv[2], "utf-8")).map(read)));
