// Reads an AsyncAPI document and prints what AsyncAPI's own parser has against it, as JSON.
import { readFileSync } from "node:fs";
import { AvroSchemaParser } from "@asyncapi/avro-schema-parser";
import { Parser } from "@asyncapi/parser";

const parser = new Parser();
parser.registerSchemaParser(AvroSchemaParser());
const { document, diagnostics } = await parser.parse(readFileSync(process.argv[2], "utf-8"));
const found = diagnostics.map((each) => ({
  severity: each.severity, // 0 error, 1 warning, 2 information, 3 hint
  code: String(each.code),
  path: each.path.join("/"),
  message: each.message,
}));
const channels = document ? document.channels().all().map((each) => each.address()) : [];
const messages = document ? document.allMessages().all().map((each) => each.name()) : [];
console.log(JSON.stringify({ accepted: document !== undefined, channels, messages, found }));
