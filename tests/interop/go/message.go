package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
)

const (
	headerBytes      = 179
	authorBytes      = 1 + 192 + 64
	keyBoxBytes      = sealedOverhead + 32
	fieldsMax        = 128
	factsBytesMax    = 81 + 255
	fieldValueMax    = 128 * 1024
	envelopeBytesMax = 480 * 1024
	proofBytesMax    = 16 * 1024
)

type header struct {
	raw                        []byte
	message, thread, replyTo   []byte
	flow                       int
	from, to                   string
	schema, bundle, consentRef []byte
	created, expires           uint64
	deskKey, sealKey           []byte
}

func parseHeader(data []byte) (header, error) {
	c := &cursor{data: data}
	version := c.u8()
	h := header{
		raw:        data,
		message:    c.take(16),
		thread:     c.take(16),
		replyTo:    c.take(16),
		flow:       c.u16(),
		from:       string(c.take(8)),
		to:         string(c.take(8)),
		schema:     c.take(32),
		bundle:     c.take(32),
		consentRef: c.take(16),
		created:    c.u64(),
		expires:    c.u64(),
		deskKey:    c.take(8),
		sealKey:    c.take(8),
	}
	if err := c.finish(); err != nil {
		return header{}, err
	}
	zeros := make([]byte, 16)
	if version != 1 || bytes.Equal(h.message, zeros) || bytes.Equal(h.thread, zeros) {
		return header{}, fmt.Errorf("%w: version or identifiers", errMalformed)
	}
	for _, office := range []string{h.from, h.to} {
		if err := checkOffice(office); err != nil {
			return header{}, err
		}
	}
	return h, nil
}

type facts struct {
	cause, consentDigest, consentMask []byte
	from, until                       uint64
	codes                             []byte
}

func parseFacts(data []byte) (facts, error) {
	c := &cursor{data: data}
	f := facts{c.take(16), c.take(32), c.take(16), c.u64(), c.u64(), nil}
	f.codes = c.take(c.u8())
	if len(f.codes) > 0 && !bytes.Equal(f.cause, make([]byte, 16)) {
		c.fail("codes beside a cause")
	}
	return f, c.finish()
}

func factsCommitment(message, salt, facts []byte) []byte {
	return hash(domain("xref/facts/v1"), message, salt, facts)
}

func u16(number int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(number)) }

func fieldCommitment(message, schema []byte, field int, salt, avro []byte) []byte {
	return hash(domain("xref/field/v1"), message, schema, u16(field), salt, avro)
}

func statementOf(headerSalt, header, factsC []byte, commitments [][]byte) []byte {
	return hash(
		domain("xref/statement/v1"), headerSalt, header, factsC,
		u16(len(commitments)), bytes.Join(commitments, nil),
	)
}

type author struct {
	raw       []byte
	place     int
	path      [][]byte
	signature []byte
}

func parseAuthor(data []byte) (author, error) {
	c := &cursor{data: data}
	a := author{raw: data, place: c.u8()}
	for range 6 {
		a.path = append(a.path, c.take(32))
	}
	a.signature = c.take(64)
	if a.place > 63 {
		c.fail("place %d", a.place)
	}
	return a, c.finish()
}

// root walks from the statement's leaf to the top; the leaf's sibling comes first.
func (a author) root(statement []byte) []byte {
	node, place := hash([]byte{0}, statement), a.place
	for _, sibling := range a.path {
		if place%2 == 1 {
			node = hash([]byte{1}, sibling, node)
		} else {
			node = hash([]byte{1}, node, sibling)
		}
		place /= 2
	}
	return node
}

func (a author) verify(statement []byte, from, to string, public []byte) ([]byte, error) {
	root := a.root(statement)
	claim := bytes.Join([][]byte{domain("xref/desk-batch/v1"), []byte(from), []byte(to), root}, nil)
	return root, verifySignature(public, claim, a.signature)
}

type sealedField struct {
	id   int
	data []byte
}

type body struct {
	keyBox []byte
	fields []sealedField
}

func parseBody(data []byte) (body, error) {
	c := &cursor{data: data}
	b := body{keyBox: c.take(keyBoxBytes)}
	for c.err == nil && len(c.data) > 0 {
		if len(b.fields) == fieldsMax {
			c.fail("too many fields")
			break
		}
		id := c.u16()
		sealed := c.block(int(c.u32()), (20+fieldValueMax+31)/32*32+16)
		if plain := len(sealed) - 16; plain < 32 || plain%32 != 0 {
			c.fail("field %d not in steps of 32", id)
		}
		if len(b.fields) > 0 && b.fields[len(b.fields)-1].id >= id {
			c.fail("field ids do not ascend")
		}
		b.fields = append(b.fields, sealedField{id, sealed})
	}
	return b, c.finish()
}

// mask returns the 16 bytes that say which of a schema's ascending fields the body carries.
func (b body) mask(schemaFields []int) ([]byte, error) {
	rank := map[int]int{}
	for i, id := range schemaFields {
		rank[id] = i
	}
	mask := new(big.Int)
	for _, field := range b.fields {
		bit, known := rank[field.id]
		if !known {
			return nil, fmt.Errorf("%w: field %d is not in the schema", errMalformed, field.id)
		}
		mask.SetBit(mask, bit, 1)
	}
	return mask.FillBytes(make([]byte, 16)), nil
}

func openKeyBox(seed, statement, box []byte) ([]byte, error) {
	key, err := openSealed(seed, append(domain("xref/desk/v1"), statement...), box)
	if err == nil && len(key) != 32 {
		err = fmt.Errorf("%w: a key of %d bytes", errMalformed, len(key))
	}
	return key, err
}

func openField(key, statement []byte, id int, sealed []byte) (salt, avro []byte, err error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, nil, err
	}
	nonce := append(make([]byte, 10), u16(id)...)
	plaintext, err := gcm.Open(nil, nonce, sealed, statement)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: field %d: %v", errMalformed, id, err)
	}
	c := &cursor{data: plaintext}
	salt = c.take(16)
	avro = c.block(int(c.u32()), fieldValueMax)
	padding := c.rest()
	if len(plaintext)%32 != 0 || len(padding) > 31 || !allZero(padding) {
		c.fail("field %d: padding", id)
	}
	if len(avro) == 0 || avro[0] != 2 {
		c.fail("field %d: not a present value", id)
	}
	return salt, avro, c.finish()
}

func allZero(data []byte) bool { return len(bytes.Trim(data, "\x00")) == 0 }

func releaseOf(statement, mask []byte, recorded, eraseBy uint64, bodyHash []byte) []byte {
	times := binary.BigEndian.AppendUint64(nil, recorded)
	times = binary.BigEndian.AppendUint64(times, eraseBy)
	return hash(domain("xref/release/v1"), statement, mask, times, bodyHash)
}

func leafOf(data []byte) []byte { return hash([]byte{0}, data) }

type passed struct {
	mask              []byte
	recorded, eraseBy uint64
	bodyHash, proof   []byte
}

type envelope struct {
	header            header
	headerSalt        []byte
	facts             []byte // nil where they are closed
	factsC            []byte
	commitments       [][]byte
	author            author
	mask              []byte
	recorded, eraseBy uint64
	passed            *passed
	body              []byte
}

func parseEnvelope(data []byte, factsOpen, hasPassed bool) (envelope, error) {
	if len(data) > envelopeBytesMax {
		return envelope{}, fmt.Errorf("%w: too long", errMalformed)
	}
	c := &cursor{data: data}
	rawHeader := c.take(headerBytes)
	e := envelope{headerSalt: c.take(16)}
	var factsSalt []byte
	if factsOpen {
		factsSalt = c.take(16)
		e.facts = c.block(c.u16(), factsBytesMax)
	} else {
		e.factsC = c.take(32)
	}
	count := c.u16()
	if count < 1 || count > fieldsMax {
		c.fail("%d commitments", count)
	}
	for i := 0; i < count && c.err == nil; i++ {
		e.commitments = append(e.commitments, c.take(32))
	}
	rawAuthor := c.take(authorBytes)
	e.mask, e.recorded, e.eraseBy = c.mask(count), c.u64(), c.u64()
	if factsOpen != (e.eraseBy == 0) {
		c.fail("erase_by")
	}
	if hasPassed {
		p := passed{mask: c.mask(count), recorded: c.u64(), eraseBy: c.u64(), bodyHash: c.take(32)}
		p.proof = c.block(c.u16(), proofBytesMax)
		if p.eraseBy == 0 {
			c.fail("passed: erase_by")
		}
		e.passed = &p
	}
	if e.body = c.rest(); len(e.body) < keyBoxBytes {
		c.fail("no key box")
	}
	if c.err != nil {
		return envelope{}, c.err
	}
	var err error
	if e.header, err = parseHeader(rawHeader); err != nil {
		return envelope{}, err
	}
	if e.author, err = parseAuthor(rawAuthor); err != nil {
		return envelope{}, err
	}
	if factsOpen {
		e.factsC = factsCommitment(e.header.message, factsSalt, e.facts)
	}
	return e, nil
}

// mask reads a mask of which only the lowest count bits may be set.
func (c *cursor) mask(count int) []byte {
	data := c.take(16)
	if new(big.Int).SetBytes(data).BitLen() > count {
		c.fail("a bit beyond the fields")
	}
	return data
}

func (e envelope) statement() []byte {
	return statementOf(e.headerSalt, e.header.raw, e.factsC, e.commitments)
}

func (e envelope) release() []byte {
	return releaseOf(e.statement(), e.mask, e.recorded, e.eraseBy, hash(e.body))
}

type slot struct{ release, envelope []byte }

func (c *cursor) slot() slot {
	release := c.take(32)
	return slot{release, c.block(int(c.u32()), envelopeBytesMax)}
}

// open returns the slot's envelope if it is the one that was released.
func (s slot) open(factsOpen, hasPassed bool) (envelope, error) {
	e, err := parseEnvelope(s.envelope, factsOpen, hasPassed)
	if err == nil && !bytes.Equal(e.release(), s.release) {
		err = fmt.Errorf("%w: release", errMismatch)
	}
	return e, err
}

func hexes(items [][]byte) []string {
	texts := []string{}
	for _, item := range items {
		texts = append(texts, hex.EncodeToString(item))
	}
	return texts
}
