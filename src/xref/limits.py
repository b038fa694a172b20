"""Every bound in one place. Sizes are in bytes, times in milliseconds unless named otherwise."""

from typing import Final

KIB: Final = 1024
DAY_MS: Final = 86_400_000

# The wire (docs/spec). Buckets are what the transport can see of a parcel's size.
PARCEL_BUCKETS: Final = tuple(n * KIB for n in (8, 16, 32, 64, 128, 256, 512, 960))
FIELD_STEP: Final = 32
FIELDS_MAX: Final = 128
FACTS_MAX: Final = 255
FIELD_VALUE_BYTES_MAX: Final = 128 * KIB
TEXT_CHARS_MAX: Final = 1_000
VALUE_NAME_CHARS_MAX: Final = 200
ENVELOPE_BYTES_MAX: Final = 480 * KIB
SHARDS_MAX: Final = 64
BATCH_PLACES: Final = 64
BATCH_STATEMENTS_MAX: Final = 32
CHECKPOINT_BYTES_MAX: Final = 4 * KIB
KEYRING_BYTES_MAX: Final = 900 * KIB
PROOF_BYTES_MAX: Final = 16 * KIB
NOTE_SIGNATURES_MAX: Final = 16
LOG_SIZE_MAX: Final = 2**63 - 1

# Time. A message from the future by more than the skew is refused.
CLOCK_SKEW_MS: Final = 5 * 60 * 1000
MESSAGE_LIFE_MS_MAX: Final = 90 * DAY_MS
SHARING_CONSENT_LIFE_MS_MAX: Final = 10 * 366 * DAY_MS

# Links.
WAITING_PARCELS_MAX: Final = 64
RESEND_AFTER_MS: Final = 15_000
BATCH_MESSAGES_MAX: Final = 64

# Forms and records at a desk.
# Tables are read a line at a time, sheets a slice of rows at a time; JSON is whole in memory.
FORM_BYTES_MAX: Final = 256 * 1024 * KIB
FORM_WHOLE_BYTES_MAX: Final = 4 * 1024 * KIB
FORM_SHEET_BYTES_MAX: Final = 32 * 1024 * KIB
FORM_SHEET_DIRECTORY_BYTES_MAX: Final = 128 * KIB
FORM_SHEET_UNPACKED_BYTES_MAX: Final = 512 * 1024 * KIB
FORM_SHEET_SHARED_BYTES_MAX: Final = 32 * 1024 * KIB
FORM_SHEET_ITEMS_MAX: Final = 1_000_000
FORM_SHEET_SLICE_BYTES: Final = 8 * 1024 * KIB
FORM_SHEET_SLICE_ROWS: Final = 5_000
FORM_SHEET_CELLS_MAX: Final = 1_000_000
FORM_LINE_BYTES_MAX: Final = 256 * KIB
FORM_HEADER_ROWS_MAX: Final = 10
FORM_RECORDS_MAX: Final = 100_000
FORM_RECORDS_KEPT_MAX: Final = 2_000
FORM_BATCH: Final = 256
SPOOL_MARKS_SCANNED: Final = 100_000
ERASED_AT_ONCE_MAX: Final = 64
FORM_PROBLEMS_MAX: Final = 500
FORM_COLUMNS_MAX: Final = 200
FORM_DEPTH_MAX: Final = 6
CELL_CHARS_MAX: Final = 4_000
CELL_ITEMS_MAX: Final = 32
CODE_CHARS_MAX: Final = 64
PERSON_NAME_CHARS_MAX: Final = 200
ADAPTER_BYTES_MAX: Final = 512 * KIB
ADAPTER_NOTICES_MAX: Final = 256
SHARING_CONSENT_BYTES_MAX: Final = 8 * KIB
SHARING_CONSENT_ITEMS_MAX: Final = 32
TIME_MS_MAX: Final = 2**53 - 1

# Transparency logs.
NOTE_BYTES_MAX: Final = 1024 * KIB
PROOF_HASHES_MAX: Final = 63
TREE_TILES_CACHED_MAX: Final = 16
WITNESS_REQUEST_BYTES_MAX: Final = 64 * KIB
WITNESS_CONNECTIONS_MAX: Final = 64

# Bundles: schemas, rules and directory (appended for xref.wire.schema, xref.policy, xref.bundle).
SCHEMA_BYTES_MAX: Final = 256 * KIB
SCHEMA_ITEMS_MAX: Final = 4096
POLICY_FILE_BYTES_MAX: Final = 256 * KIB
BUNDLE_FILES_MAX: Final = 512
BUNDLE_BYTES_MAX: Final = 4096 * KIB
FACT_VALUES_MAX: Final = 254
DECISIONS_CACHED_MAX: Final = 16_384
SCHEMAS_CACHED_MAX: Final = 256
BOXES_MAX: Final = 2_000_000
INVARIANTS_MAX: Final = 256

# No number of 8 bytes on the wire is larger, so that JSON and SQL hold every one exactly.
WIRE_NUMBER_MAX: Final = 2**53 - 1
BACKDATE_MS_MAX: Final = 7 * DAY_MS
VERIFIED_BATCHES_MAX: Final = 4096

# A hop adds a proof for the receiving desk: that much of an envelope's size is kept free for it.
ENVELOPE_GROWTH_BYTES_MAX: Final = PROOF_BYTES_MAX + KIB
# A peer that stays away is sent the same again ever more rarely.
RESEND_AFTER_MS_MAX: Final = 3_600_000
# How long after its expiry a hop still knows whose message stood at an index, to say what became
# of it.
RELEASED_KEPT_MS: Final = 30 * DAY_MS
# Bounds of an answer, so that a receipt fits its field: items, and bytes of all codes and names.
ANSWER_ITEMS_MAX: Final = 256
ANSWER_BYTES_MAX: Final = 64 * KIB

# Auditing (appended for xref.audit).
TRAIL_ENTRY_BYTES_MAX: Final = 256 * KIB
AUDIT_SENTENCES_MAX: Final = 200
AUDIT_PAGE: Final = 256
ACCESSES_BYTES_MAX: Final = 256 * 1024 * KIB

# Kafka: a batch holds the largest parcel and stays under a broker's default of 1 MiB and 12 bytes;
# a request, or what is fetched at once, stays far under its default of 100 MiB.
KAFKA_BATCH_BYTES_MAX: Final = 1_000_000
KAFKA_REQUEST_BYTES_MAX: Final = 16 * 1024 * KIB

# A country's own schema registry: an answer holds one schema as text in JSON.
REGISTRY_ANSWER_BYTES_MAX: Final = 1024 * KIB
