package main

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

const (
	clearBytes         = 46
	signatureBytes     = 64
	checkpointBytesMax = 4 * 1024
	keyringBytesMax    = 900 * 1024
)

var buckets = []int{8, 16, 32, 64, 128, 256, 512, 960} // KiB

func bucketOf(size int) int {
	for _, bucket := range buckets {
		if size <= bucket*1024 {
			return bucket * 1024
		}
	}
	return 0
}

type parcel struct {
	clear               []byte
	kind                int
	link                []byte
	generation          uint32
	sequence            uint64
	senderKey, sealKey  []byte
	ciphertext, endorse []byte
}

// splitParcel fails as unauthentic: until the signature is checked, nobody has said anything.
func splitParcel(data []byte) (parcel, error) {
	inside := len(data) - clearBytes - sealedOverhead - signatureBytes
	if inside <= 0 || bucketOf(inside) != inside {
		return parcel{}, fmt.Errorf("%w: %d bytes", errUnauthentic, len(data))
	}
	c := &cursor{data: data}
	version, kind := c.u8(), c.u8()
	p := parcel{
		clear: data[:clearBytes], kind: kind, link: c.take(16), generation: c.u32(),
		sequence: c.u64(), senderKey: c.take(8), sealKey: c.take(8),
	}
	p.ciphertext = c.take(inside + sealedOverhead)
	p.endorse = c.take(signatureBytes)
	if c.finish() != nil || version != 1 || kind < 1 || kind > 4 || p.generation == 0 || p.sequence == 0 {
		return parcel{}, fmt.Errorf("%w: clear part", errUnauthentic)
	}
	return p, nil
}

// open verifies the parcel against the sender's key and then opens it with the receiver's.
func (p parcel) open(sender, seed []byte) ([]byte, error) {
	own, err := publicOfSeed(algorithmXWing, seed)
	if err != nil {
		return nil, err
	}
	ownID, err := keyID(algorithmXWing, own)
	if err != nil {
		return nil, err
	}
	senderID, err := keyID(algorithmEd25519, sender)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(senderID, p.senderKey) || !bytes.Equal(ownID, p.sealKey) {
		return nil, fmt.Errorf("%w: other keys", errUnauthentic)
	}
	claim := bytes.Join([][]byte{domain("xref/parcel-sig/v1"), p.clear, hash(p.ciphertext)}, nil)
	if err := verifySignature(sender, claim, p.endorse); err != nil {
		return nil, err
	}
	inside, err := openSealed(seed, append(domain("xref/parcel/v1"), p.clear...), p.ciphertext)
	if err != nil {
		return nil, err
	}
	c := &cursor{data: inside}
	payload := c.block(int(c.u32()), len(inside)-4)
	if bucketOf(len(payload)+4) != len(inside) || !allZero(c.rest()) {
		c.fail("padding")
	}
	return payload, c.finish()
}

func (p parcel) show() shown {
	return shown{
		"kind": p.kind, "link_id": hx(p.link), "generation": p.generation, "sequence": p.sequence,
		"sender_key": hx(p.senderKey), "receiver_key": hx(p.sealKey),
	}
}

type payload struct {
	firstIndex uint64
	note       string
	slots      []slot
}

func parsePayload(kind int, data []byte) (payload, error) {
	c := &cursor{data: data}
	p := payload{}
	if kind == 1 {
		p.firstIndex = c.u64()
	}
	var note []byte
	if kind == 4 {
		note = c.block(int(c.u32()), keyringBytesMax)
	} else {
		note = c.block(c.u16(), checkpointBytesMax)
	}
	if !utf8.Valid(note) {
		c.fail("not UTF-8")
	}
	p.note = string(note)
	if kind == 1 {
		count := c.u16()
		if count < 1 || p.firstIndex+uint64(count) > numberMax {
			c.fail("%d slots from %d", count, p.firstIndex)
		}
		for i := 0; i < count && c.err == nil; i++ {
			p.slots = append(p.slots, c.slot())
		}
	}
	return p, c.finish()
}
