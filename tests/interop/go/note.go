package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	typeEd25519     = 1
	typeCosignature = 4
)

// cosigner verifies signatures of type 0x04, which golang.org/x/mod does not know.
type cosigner struct {
	name   string
	public []byte
	time   *uint64 // set by the last signature that verified
}

func (c cosigner) Name() string { return c.name }

func (c cosigner) KeyHash() uint32 {
	return binary.BigEndian.Uint32(hash([]byte(c.name+"\n"), []byte{typeCosignature}, c.public))
}

func (c cosigner) Verify(message, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(signature)
	if time > 1<<63-1 {
		return false
	}
	signed := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", time, message)
	*c.time = time
	return ed25519.Verify(c.public, signed, signature[8:])
}

func verifierOf(name string, kind int, public []byte) (note.Verifier, error) {
	if kind == typeCosignature {
		return cosigner{name, public, new(uint64)}, nil
	}
	key := append([]byte{typeEd25519}, public...)
	id := hash([]byte(name+"\n"), key)[:4]
	return note.NewVerifier(fmt.Sprintf("%s+%x+%s", name, id, base64.StdEncoding.EncodeToString(key)))
}

type signatureLine struct {
	name      string
	keyHash   uint32
	signature []byte
}

// signatureLines is stricter than golang.org/x/mod, which takes base64 that is not canonical.
func signatureLines(signed string) ([]signatureLine, error) {
	at := strings.LastIndex(signed, "\n\n")
	if at < 0 || !strings.HasSuffix(signed, "\n") {
		return nil, fmt.Errorf("%w: not a note", errMalformed)
	}
	parsed := []signatureLine{}
	for _, line := range strings.Split(strings.TrimSuffix(signed[at+2:], "\n"), "\n") {
		words := strings.Split(line, " ")
		if len(words) != 3 || words[0] != "—" {
			return nil, fmt.Errorf("%w: signature line", errMalformed)
		}
		data, err := decodeBase64(words[2])
		if err != nil || len(data) < 5 {
			return nil, fmt.Errorf("%w: signature", errMalformed)
		}
		parsed = append(parsed, signatureLine{words[1], binary.BigEndian.Uint32(data), data[4:]})
	}
	if len(parsed) > 16 {
		return nil, fmt.Errorf("%w: %d signatures", errMalformed, len(parsed))
	}
	return parsed, nil
}

func decodeBase64(text string) ([]byte, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(data) != text {
		return nil, fmt.Errorf("%w: base64", errMalformed)
	}
	return data, nil
}

// openNote returns the text of a note that has exactly these signatures, in this order.
func openNote(signed string, verifiers ...note.Verifier) (string, error) {
	text, names, err := openAny(signed, verifiers...)
	if err != nil {
		return "", err
	}
	lines, err := signatureLines(signed)
	if err != nil {
		return "", err
	}
	if len(lines) != len(verifiers) || len(names) != len(verifiers) {
		return "", fmt.Errorf("%w: %d signatures", errUnauthentic, len(lines))
	}
	for i, verifier := range verifiers {
		if names[i] != verifier.Name() {
			return "", fmt.Errorf("%w: signatures in another order", errUnauthentic)
		}
	}
	return text, nil
}

// openAny returns the text of a note and those of the verifiers who signed it, at least one.
func openAny(signed string, verifiers ...note.Verifier) (string, []string, error) {
	lines, err := signatureLines(signed)
	if err != nil {
		return "", nil, err
	}
	opened, err := note.Open([]byte(signed), note.VerifierList(verifiers...))
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	if errors.As(err, &unverified) || errors.As(err, &invalid) {
		return "", nil, fmt.Errorf("%w: %v", errUnauthentic, err)
	}
	if err != nil {
		return "", nil, fmt.Errorf("%w: %v", errMalformed, err)
	}
	// It skips a line that repeats a key; such a line must verify too.
	known := note.VerifierList(verifiers...)
	for _, line := range lines {
		verifier, err := known.Verifier(line.name, line.keyHash)
		if err == nil && !verifier.Verify([]byte(opened.Text), line.signature) {
			return "", nil, fmt.Errorf("%w: %s", errUnauthentic, line.name)
		}
	}
	names := []string{}
	for _, signature := range opened.Sigs {
		names = append(names, signature.Name)
	}
	return opened.Text, names, nil
}

type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

func parseCheckpoint(text string) (checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] == "" {
		return checkpoint{}, fmt.Errorf("%w: not three lines", errMalformed)
	}
	size, err := parseSize(lines[1])
	if err != nil {
		return checkpoint{}, err
	}
	root, err := parseHash(lines[2])
	return checkpoint{lines[0], size, root}, err
}

func parseSize(text string) (int64, error) {
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != text {
		return 0, fmt.Errorf("%w: not a size", errMalformed)
	}
	return size, nil
}

func parseHash(text string) (tlog.Hash, error) {
	data, err := decodeBase64(text)
	if err != nil || len(data) != tlog.HashSize {
		return tlog.Hash{}, fmt.Errorf("%w: not a hash", errMalformed)
	}
	return tlog.Hash(data), nil
}

func openCheckpoint(signed string, verifiers ...note.Verifier) (checkpoint, error) {
	if len(signed) > checkpointBytesMax {
		return checkpoint{}, fmt.Errorf("%w: too long", errMalformed)
	}
	if at := strings.LastIndex(signed, "\n\n"); at >= 0 {
		if _, err := parseCheckpoint(signed[:at+1]); err != nil {
			return checkpoint{}, err
		}
	}
	text, err := openNote(signed, verifiers...)
	if err != nil {
		return checkpoint{}, err
	}
	head, err := parseCheckpoint(text)
	if err == nil && head.origin != verifiers[0].Name() {
		err = fmt.Errorf("%w: another log", errUnauthentic)
	}
	return head, err
}

// memory holds a tree's stored hashes, for golang.org/x/mod to compute roots from.
type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = m[index]
	}
	return hashes, nil
}

func rootOf(leaves [][]byte) (tlog.Hash, error) {
	var stored memory
	for i, leaf := range leaves {
		hashes, err := tlog.StoredHashesForRecordHash(int64(i), tlog.Hash(leaf), stored)
		if err != nil {
			return tlog.Hash{}, err
		}
		stored = append(stored, hashes...)
	}
	return tlog.TreeHash(int64(len(leaves)), stored)
}

type inclusion struct {
	index      int64
	path       tlog.RecordProof
	checkpoint string
}

func parseProof(data []byte) (inclusion, error) {
	malformed := fmt.Errorf("%w: proof", errMalformed)
	head, signed, found := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(data) > proofBytesMax || len(lines) < 2 || len(lines) > 65 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return inclusion{}, malformed
	}
	number, found := strings.CutPrefix(lines[1], "index ")
	if !found {
		return inclusion{}, malformed
	}
	proof := inclusion{checkpoint: signed}
	var err error
	if proof.index, err = parseSize(number); err != nil {
		return inclusion{}, err
	}
	for _, line := range lines[2:] {
		item, err := parseHash(line)
		if err != nil {
			return inclusion{}, err
		}
		proof.path = append(proof.path, item)
	}
	return proof, nil
}

func (p inclusion) verify(leaf []byte, verifier note.Verifier) (checkpoint, error) {
	head, err := openCheckpoint(p.checkpoint, verifier)
	if err != nil {
		return checkpoint{}, err
	}
	return head, checkInclusion(p.path, head.size, head.root, p.index, tlog.Hash(leaf))
}

func checkInclusion(path tlog.RecordProof, size int64, root tlog.Hash, index int64, leaf tlog.Hash) error {
	if index < 0 || index >= size || tlog.CheckRecord(path, size, root, index, leaf) != nil {
		return fmt.Errorf("%w: inclusion", errUnproved)
	}
	return nil
}
