package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

func hx(data []byte) string { return hex.EncodeToString(data) }

// same fails as a mismatch unless two values that were computed apart are equal.
func same(found, expected []byte) error {
	if !bytes.Equal(found, expected) {
		return errMismatch
	}
	return nil
}

var operations = map[string]func(inputs) (shown, error){
	"key/public":          keyPublic,
	"key/seed":            keySeed,
	"key/verify":          keyVerify,
	"key/open":            keyOpen,
	"header/parse":        headerParse,
	"facts/parse":         factsParse,
	"facts/commit":        factsCommit,
	"statement/field":     statementField,
	"statement/statement": statementWhole,
	"author/parse":        authorParse,
	"author/verify":       authorVerify,
	"body/parse":          bodyParse,
	"body/key_box":        bodyKeyBox,
	"body/field":          bodyField,
	"body/mask":           bodyMask,
	"release/release":     releaseWhole,
	"envelope/parse":      envelopeParse,
	"envelope/shape":      envelopeShape,
	"envelope/slot":       envelopeSlot,
	"parcel/split":        parcelSplit,
	"parcel/open":         parcelOpen,
	"parcel/read":         parcelRead,
	"payload/parse":       payloadParse,
	"keyring/parse":       keyringParse,
	"keyring/open":        keyringOpen,
	"link/office":         linkOffice,
	"link/parse":          linkParse,
	"link/names":          linkNames,
	"tree/root":           treeRoot,
	"tree/tiles":          treeTiles,
	"tree/inclusion":      treeInclusion,
	"tree/consistency":    treeConsistency,
	"note":                noteOpen,
	"checkpoint":          checkpointOpen,
	"cosignature":         cosignatureOpen,
	"proof":               proofVerify,
}

func keyPublic(in inputs) (shown, error) {
	id, err := keyID(int(in.number("algorithm")), in.bytes("public"))
	return shown{"key_id": hx(id)}, err
}

func keySeed(in inputs) (shown, error) {
	algorithm := int(in.number("algorithm"))
	public, err := publicOfSeed(algorithm, in.bytes("seed"))
	if err != nil {
		return nil, err
	}
	id, err := keyID(algorithm, public)
	return shown{"public": hx(public), "key_id": hx(id)}, err
}

func keyVerify(in inputs) (shown, error) {
	return nil, verifySignature(in.bytes("public"), in.bytes("message"), in.bytes("signature"))
}

func keyOpen(in inputs) (shown, error) {
	plaintext, err := openSealed(in.bytes("seed"), in.bytes("info"), in.bytes("sealed"))
	return shown{"plaintext": hx(plaintext)}, err
}

func (h header) show() shown {
	return shown{
		"message": hx(h.message), "thread": hx(h.thread), "reply_to": hx(h.replyTo),
		"flow": h.flow, "from": h.from, "to": h.to, "schema": hx(h.schema),
		"bundle": hx(h.bundle), "consent_ref": hx(h.consentRef), "created": h.created,
		"expires": h.expires, "desk_key": hx(h.deskKey), "seal_key": hx(h.sealKey),
	}
}

func headerParse(in inputs) (shown, error) {
	h, err := parseHeader(in.bytes("bytes"))
	return h.show(), err
}

func factsParse(in inputs) (shown, error) {
	f, err := parseFacts(in.bytes("bytes"))
	return shown{
		"cause": hx(f.cause), "consent_digest": hx(f.consentDigest),
		"consent_mask": hx(f.consentMask), "from": f.from, "until": f.until, "codes": hx(f.codes),
	}, err
}

func factsCommit(in inputs) (shown, error) {
	found := factsCommitment(in.bytes("message"), in.bytes("salt"), in.bytes("facts"))
	return nil, same(found, in.bytes("facts_c"))
}

func statementField(in inputs) (shown, error) {
	found := fieldCommitment(
		in.bytes("message"), in.bytes("schema"), int(in.number("field_id")),
		in.bytes("salt"), in.bytes("avro"),
	)
	return nil, same(found, in.bytes("commitment"))
}

func statementWhole(in inputs) (shown, error) {
	found := statementOf(
		in.bytes("header_salt"), in.bytes("header"), in.bytes("facts_c"), in.byteList("commitments"),
	)
	return nil, same(found, in.bytes("statement"))
}

func authorParse(in inputs) (shown, error) {
	a, err := parseAuthor(in.bytes("bytes"))
	return shown{"place": a.place, "path": hexes(a.path), "signature": hx(a.signature)}, err
}

func authorVerify(in inputs) (shown, error) {
	a, err := parseAuthor(in.bytes("author"))
	if err != nil {
		return nil, err
	}
	root, err := a.verify(in.bytes("statement"), in.text("from"), in.text("to"), in.bytes("public"))
	return shown{"root": hx(root)}, err
}

func bodyParse(in inputs) (shown, error) {
	b, err := parseBody(in.bytes("bytes"))
	fields := [][]any{}
	for _, field := range b.fields {
		fields = append(fields, []any{field.id, hx(hash(field.data))})
	}
	return shown{"key_box_sha256": hx(hash(b.keyBox)), "fields_sha256": fields}, err
}

func bodyKeyBox(in inputs) (shown, error) {
	key, err := openKeyBox(in.bytes("seed"), in.bytes("statement"), in.bytes("key_box"))
	return shown{"key": hx(key)}, err
}

func bodyField(in inputs) (shown, error) {
	salt, avro, err := openField(
		in.bytes("key"), in.bytes("statement"), int(in.number("field_id")), in.bytes("sealed"),
	)
	return shown{"salt": hx(salt), "avro": hx(avro)}, err
}

func (in inputs) schemaFields() []int {
	ids := []int{}
	for _, id := range in.list("schema_field_ids") {
		ids = append(ids, int(mustNumber(id)))
	}
	return ids
}

func bodyMask(in inputs) (shown, error) {
	b, err := parseBody(in.bytes("body"))
	if err != nil {
		return nil, err
	}
	mask, err := b.mask(in.schemaFields())
	if err != nil {
		return nil, err
	}
	return nil, same(mask, in.bytes("mask"))
}

func releaseWhole(in inputs) (shown, error) {
	release := releaseOf(
		in.bytes("statement"), in.bytes("mask"), in.number("recorded"), in.number("erase_by"),
		hash(in.bytes("body")),
	)
	return shown{"leaf": hx(leafOf(release))}, same(release, in.bytes("release"))
}

func envelopeParse(in inputs) (shown, error) {
	e, err := parseEnvelope(in.bytes("bytes"), in.flag("facts_open"), in.flag("has_passed"))
	if err != nil {
		return nil, err
	}
	shows := shown{
		"header": e.header.show(), "header_salt": hx(e.headerSalt), "facts": nil,
		"facts_c": hx(e.factsC), "commitments": hexes(e.commitments),
		"author_sha256": hx(hash(e.author.raw)), "mask": hx(e.mask), "recorded": e.recorded,
		"erase_by": e.eraseBy, "passed": nil, "body_sha256": hx(hash(e.body)),
		"statement": hx(e.statement()), "release": hx(e.release()),
	}
	if e.facts != nil {
		shows["facts"] = hx(e.facts)
	}
	if p := e.passed; p != nil {
		shows["passed"] = shown{
			"mask": hx(p.mask), "recorded": p.recorded, "erase_by": p.eraseBy,
			"body_sha256": hx(p.bodyHash), "proof": hx(p.proof),
		}
	}
	return shows, nil
}

func envelopeShape(in inputs) (shown, error) {
	bySender, toHop := in.flag("sender_is_hop"), in.flag("receiver_is_hop")
	return shown{
		"facts_open": !bySender, "has_passed": bySender && !toHop && in.flag("two_parties"),
	}, nil
}

func envelopeSlot(in inputs) (shown, error) {
	c := &cursor{data: in.bytes("bytes")}
	s := c.slot()
	if err := c.finish(); err != nil {
		return nil, err
	}
	shows := shown{"release": hx(s.release), "stub": len(s.envelope) == 0}
	if len(s.envelope) == 0 {
		return shows, nil
	}
	_, err := s.open(in.flag("facts_open"), in.flag("has_passed"))
	return shows, err
}

func parcelSplit(in inputs) (shown, error) {
	p, err := splitParcel(in.bytes("bytes"))
	return p.show(), err
}

func parcelOpen(in inputs) (shown, error) {
	p, err := splitParcel(in.bytes("bytes"))
	if err != nil {
		return nil, err
	}
	inside, err := p.open(in.bytes("sender"), in.bytes("seed"))
	if err != nil {
		return nil, err
	}
	shows := p.show()
	shows["payload_size"], shows["payload_sha256"] = len(inside), hx(hash(inside))
	return shows, nil
}

// parcelRead reads a parcel of slots as its receiver does: signature, seal, checkpoint, tree,
// releases, authors and, where the receiver is the desk that the message is for, every field.
func parcelRead(in inputs) (shown, error) {
	p, err := splitParcel(in.bytes("bytes"))
	if err != nil {
		return nil, err
	}
	of, err := parseLink(in.text("link"))
	if err != nil {
		return nil, err
	}
	if same(p.link, of.id()) != nil {
		return nil, fmt.Errorf("%w: of another link", errUnauthentic)
	}
	inside, err := p.open(in.bytes("sender"), in.bytes("seed"))
	if err != nil {
		return nil, err
	}
	if p.kind != 1 {
		return nil, fmt.Errorf("%w: not slots", errMalformed)
	}
	batch, err := parsePayload(p.kind, inside)
	if err != nil {
		return nil, err
	}
	head, err := checkHead(in, of, batch)
	if err != nil {
		return nil, err
	}
	messages := []any{}
	for _, s := range batch.slots {
		message, err := readSlot(in, s)
		if err != nil {
			return nil, err
		}
		messages = append(messages, message)
	}
	return shown{"size": head.size, "root": hx(head.root[:]), "messages": messages}, nil
}

func checkHead(in inputs, of link, batch payload) (checkpoint, error) {
	verifier, err := verifierOf(of.name(), typeEd25519, in.bytes("log_key"))
	if err != nil {
		return checkpoint{}, err
	}
	head, err := openCheckpoint(batch.note, verifier)
	if err != nil {
		return checkpoint{}, err
	}
	leaves := in.byteList("mirror")
	if uint64(len(leaves)) < batch.firstIndex {
		return checkpoint{}, fmt.Errorf("%w: gap", errMismatch)
	}
	leaves = leaves[:batch.firstIndex]
	for _, s := range batch.slots {
		leaves = append(leaves, leafOf(s.release))
	}
	if head.size != int64(len(leaves)) {
		return checkpoint{}, fmt.Errorf("%w: size", errMismatch)
	}
	root, err := rootOf(leaves)
	if err != nil {
		return checkpoint{}, err
	}
	return head, same(root[:], head.root[:])
}

func readSlot(in inputs, s slot) (any, error) {
	if len(s.envelope) == 0 {
		return nil, nil
	}
	e, err := s.open(in.flag("facts_open"), in.flag("has_passed"))
	if err != nil {
		return nil, err
	}
	statement := e.statement()
	if _, err := e.author.verify(statement, e.header.from, e.header.to, in.bytes("desk_key")); err != nil {
		return nil, err
	}
	b, err := parseBody(e.body)
	if err != nil {
		return nil, err
	}
	schema := in.schemaFields()
	if len(schema) != len(e.commitments) {
		return nil, fmt.Errorf("%w: another schema", errMismatch)
	}
	mask, err := b.mask(schema)
	if err != nil {
		return nil, err
	}
	if err := same(mask, e.mask); err != nil {
		return nil, err
	}
	shows := shown{"message": hx(e.header.message), "statement": hx(statement)}
	if e.passed != nil {
		if shows["passed_index"], err = checkPassed(in, e); err != nil {
			return nil, err
		}
	}
	if in.text("desk_seed") == "" {
		return shows, nil
	}
	shows["fields"], err = openFields(in.bytes("desk_seed"), e, b, schema)
	return shows, err
}

func openFields(seed []byte, e envelope, b body, schema []int) (shown, error) {
	statement := e.statement()
	key, err := openKeyBox(seed, statement, b.keyBox)
	if err != nil {
		return nil, err
	}
	commitments := map[int][]byte{}
	for i, id := range schema {
		commitments[id] = e.commitments[i]
	}
	fields := shown{}
	for _, field := range b.fields {
		salt, avro, err := openField(key, statement, field.id, field.data)
		if err != nil {
			return nil, err
		}
		found := fieldCommitment(e.header.message, e.header.schema, field.id, salt, avro)
		if err := same(found, commitments[field.id]); err != nil {
			return nil, err
		}
		fields[strconv.Itoa(field.id)] = hx(avro)
	}
	return fields, nil
}

// checkPassed checks that the hop before released this statement and that nothing grew since.
func checkPassed(in inputs, e envelope) (any, error) {
	for i := range e.mask {
		if e.mask[i]&^e.passed.mask[i] != 0 {
			return nil, fmt.Errorf("%w: mask grew", errMismatch)
		}
	}
	if e.eraseBy > e.passed.eraseBy {
		return nil, fmt.Errorf("%w: erase_by grew", errMismatch)
	}
	p := e.passed
	release := releaseOf(e.statement(), p.mask, p.recorded, p.eraseBy, p.bodyHash)
	verifier, err := verifierOf(in.text("passed_link"), typeEd25519, in.bytes("passed_log_key"))
	if err != nil {
		return nil, err
	}
	proof, err := parseProof(p.proof)
	if err != nil {
		return nil, err
	}
	if _, err := proof.verify(leafOf(release), verifier); err != nil {
		if strings.HasPrefix(err.Error(), errUnproved.Error()) {
			err = fmt.Errorf("%w: %v", errMismatch, err)
		}
		return nil, err
	}
	return proof.index, nil
}

func payloadParse(in inputs) (shown, error) {
	kind := int(in.number("kind"))
	p, err := parsePayload(kind, in.bytes("bytes"))
	switch kind {
	case 1:
		slots := [][]any{}
		for _, s := range p.slots {
			slots = append(slots, []any{hx(s.release), len(s.envelope)})
		}
		return shown{"first_index": p.firstIndex, "checkpoint": p.note, "slots": slots}, err
	case 3:
		return shown{"checkpoint": p.note}, err
	}
	return shown{"note": p.note}, err
}

func keyringParse(in inputs) (shown, error) {
	ring, err := parseKeyring(in.text("text"))
	if err != nil {
		return nil, err
	}
	return ring.show(), nil
}

func keyringOpen(in inputs) (shown, error) {
	party := in.text("party")
	verifier, err := verifierOf("xref/party/v1/"+party, typeEd25519, in.bytes("public"))
	if err != nil {
		return nil, err
	}
	text, err := openNote(in.text("note"), verifier)
	if err != nil {
		return nil, err
	}
	ring, err := parseKeyring(text)
	if err != nil {
		return nil, err
	}
	if ring.party != party {
		return nil, fmt.Errorf("%w: another Party's keyring", errUnauthentic)
	}
	return ring.show(), nil
}

func linkOffice(in inputs) (shown, error) {
	office := string(in.bytes("bytes"))
	return shown{"office": office}, checkOffice(office)
}

func linkParse(in inputs) (shown, error) {
	l, err := parseLink(in.text("name"))
	if err != nil {
		return nil, err
	}
	shard, err := strconv.Atoi(l.shard)
	back := link{l.receiver, l.sender, l.shard}
	return shown{
		"sender": l.sender, "receiver": l.receiver, "shard": shard, "link_id": hx(l.id()),
		"back": back.name(),
	}, err
}

func linkNames(in inputs) (shown, error) {
	office := in.text("office")
	return shown{
		"trail":    fmt.Sprintf("xref/trail/v1/%s/%d", office, in.number("shard")),
		"cosigner": "xref/office/v1/" + office,
		"party":    "xref/party/v1/" + office[:2],
	}, checkOffice(office)
}
