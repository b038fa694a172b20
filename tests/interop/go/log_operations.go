package main

import (
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

func (in inputs) verifier(name string) (note.Verifier, cosigner) {
	return verifierIn(in[name])
}

func verifierIn(value any) (note.Verifier, cosigner) {
	given := inputs(value.(map[string]any))
	verifier, err := verifierOf(given.text("name"), int(given.number("type")), given.bytes("public"))
	if err != nil {
		panic(err)
	}
	of, _ := verifier.(cosigner)
	return verifier, of
}

func (in inputs) size(name string) int64 { return int64(in.number(name)) }

// hash returns a member that should be a hash. One of another length proves nothing.
func (in inputs) hash(name string) (tlog.Hash, error) { return hashOf(in.bytes(name)) }

func hashOf(data []byte) (tlog.Hash, error) {
	if len(data) != tlog.HashSize {
		return tlog.Hash{}, fmt.Errorf("%w: a hash of %d bytes", errUnproved, len(data))
	}
	return tlog.Hash(data), nil
}

func (in inputs) hashes(name string) ([]tlog.Hash, error) {
	hashes := []tlog.Hash{}
	for _, data := range in.byteList(name) {
		hash, err := hashOf(data)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

// isGood tells whether the case says what a reader finds; the bad ones only say how it fails.
func (in inputs) isGood() bool { return in.text("expect") == "ok" }

// must stops where a vector's good case shows something else than this reader finds.
func must(equal bool, what string) error {
	if !equal {
		return fmt.Errorf("%w: %s", errMismatch, what)
	}
	return nil
}

func countedLeaves(count int64) [][]byte {
	leaves := [][]byte{}
	for i := range count {
		leaves = append(leaves, leafOf(binary.BigEndian.AppendUint64(nil, uint64(i))))
	}
	return leaves
}

func treeRoot(in inputs) (shown, error) {
	expected, err := in.hash("root")
	if err != nil {
		return nil, err
	}
	if in.size("count") == 0 {
		return nil, must(expected == tlog.Hash(hash()), "the empty root")
	}
	root, err := rootOf(countedLeaves(in.size("count")))
	if err != nil {
		return nil, err
	}
	return nil, must(root == expected, "root")
}

func treeTiles(in inputs) (shown, error) {
	count := in.size("count")
	var stored memory
	for i, leaf := range countedLeaves(count) {
		hashes, err := tlog.StoredHashesForRecordHash(int64(i), tlog.Hash(leaf), stored)
		if err != nil {
			return nil, err
		}
		stored = append(stored, hashes...)
	}
	tiles := in["tiles"].(map[string]any)
	needed := tlog.NewTiles(tileHeight, 0, count)
	for _, tile := range needed {
		data, err := tlog.ReadTileData(tile, stored)
		if err != nil {
			return nil, err
		}
		given, ok := tiles[fmt.Sprintf("%d/%d", tile.L, tile.N)].(map[string]any)
		if !ok || inputs(given).text("sha256") != hx(hash(data)) {
			return nil, must(false, tile.Path())
		}
	}
	return nil, must(len(needed) == len(tiles), "number of tiles")
}

func treeInclusion(in inputs) (shown, error) {
	path, err := in.hashes("proof")
	if err != nil {
		return nil, err
	}
	root, err := in.hash("root")
	if err != nil {
		return nil, err
	}
	leaf, err := in.hash("leaf_hash")
	if err != nil {
		return nil, err
	}
	return nil, checkInclusion(path, signed(in, "size"), root, signed(in, "index"), leaf)
}

// signed reads a number that a vector may make negative.
func signed(in inputs, name string) int64 {
	var number int64
	if _, err := fmt.Sscan(fmt.Sprint(in[name]), &number); err != nil {
		return -1
	}
	return number
}

// treeConsistency gives golang.org/x/mod what it asks for: a tree of size 0 it leaves out.
func treeConsistency(in inputs) (shown, error) {
	path, err := in.hashes("proof")
	if err != nil {
		return nil, err
	}
	from, err := in.hash("old_root")
	if err != nil {
		return nil, err
	}
	to, err := in.hash("new_root")
	if err != nil {
		return nil, err
	}
	oldSize, newSize := signed(in, "old_size"), signed(in, "new_size")
	unproved := fmt.Errorf("%w: consistency", errUnproved)
	switch {
	case oldSize < 0 || newSize < oldSize:
		return nil, unproved
	case oldSize == 0 || oldSize == newSize:
		empty := tlog.Hash(hash())
		consistent := len(path) == 0
		consistent = consistent && (oldSize != 0 || from == empty)
		consistent = consistent && (newSize != 0 || to == empty)
		consistent = consistent && (oldSize != newSize || from == to)
		if !consistent {
			return nil, unproved
		}
	case tlog.CheckTree(path, newSize, to, oldSize, from) != nil:
		return nil, unproved
	}
	return nil, nil
}

func noteOpen(in inputs) (shown, error) {
	verifiers := []note.Verifier{}
	for _, value := range in.list("verifiers") {
		verifier, _ := verifierIn(value)
		verifiers = append(verifiers, verifier)
	}
	text, names, err := openAny(in.text("note"), verifiers...)
	if err != nil {
		return nil, err
	}
	if !in.isGood() {
		return nil, nil
	}
	expected := []string{}
	for _, name := range in.list("names") {
		expected = append(expected, name.(string))
	}
	return nil, must(text == in.text("text") && slices.Equal(names, expected), "text or names")
}

func checkpointOpen(in inputs) (shown, error) {
	verifier, _ := in.verifier("verifier")
	head, err := openCheckpoint(in.text("note"), verifier)
	if err != nil {
		return nil, err
	}
	if !in.isGood() {
		return nil, nil
	}
	found := head.origin == in.text("origin") && head.size == in.size("size")
	return nil, must(found && hx(head.root[:]) == in.text("root"), "head")
}

func cosignatureOpen(in inputs) (shown, error) {
	log, _ := in.verifier("log")
	peer, of := in.verifier("cosigner")
	head, err := openCheckpoint(in.text("note"), log, peer)
	if err != nil {
		return nil, err
	}
	if !in.isGood() {
		return nil, nil
	}
	return nil, must(head.size == in.size("size") && *of.time == in.number("time"), "size or time")
}

func proofVerify(in inputs) (shown, error) {
	proof, err := parseProof([]byte(in.text("proof")))
	if err != nil {
		return nil, err
	}
	verifier, _ := in.verifier("verifier")
	_, err = proof.verify(in.bytes("leaf_hash"), verifier)
	return nil, err
}
