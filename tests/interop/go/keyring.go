package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	partyPattern   = regexp.MustCompile(`\A[A-Z]{2}\z`)
	decimalPattern = regexp.MustCompile(`\A(0|[1-9][0-9]{0,18})\z`)
	algorithmOfUse = map[string]int{
		"desk": algorithmEd25519, "parcel": algorithmEd25519, "log": algorithmEd25519,
		"cosign": algorithmEd25519, "seal": algorithmXWing,
	}
)

const sizeMax = 1<<63 - 1

type keyring struct {
	party         string
	version       uint64
	keys, logs    [][]any
	subscriptions [][]any
	owners        map[string]string // key id to office and use: a key has one of each
}

func decimal(word string, least, most uint64) (uint64, error) {
	number, err := strconv.ParseUint(word, 10, 64)
	if !decimalPattern.MatchString(word) || err != nil || number < least || number > most {
		return 0, fmt.Errorf("%w: number", errMalformed)
	}
	return number, nil
}

func parseKeyring(text string) (*keyring, error) {
	malformed := fmt.Errorf("%w: keyring", errMalformed)
	if len(text) > keyringBytesMax || !strings.HasSuffix(text, "\n") {
		return nil, malformed
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 3 || lines[0] != "xref/keyring/v1" || !partyPattern.MatchString(lines[1]) {
		return nil, malformed
	}
	version, err := decimal(lines[2], 1, numberMax)
	if err != nil {
		return nil, err
	}
	ring := &keyring{
		party: lines[1], version: version, owners: map[string]string{},
		keys: [][]any{}, logs: [][]any{}, subscriptions: [][]any{},
	}
	before := ""
	for _, line := range lines[3:] {
		if line <= before {
			return nil, malformed
		}
		before = line
		if err := ring.add(strings.Split(line, " ")); err != nil {
			return nil, err
		}
	}
	return ring, nil
}

func (ring *keyring) add(words []string) error {
	switch {
	case words[0] == "key" && len(words) == 6:
		return ring.addKey(words)
	case words[0] == "log" && len(words) == 5:
		return ring.addLog(words)
	case words[0] == "subscribe" && len(words) == 3:
		return ring.addSubscription(words)
	}
	return fmt.Errorf("%w: keyring line", errMalformed)
}

func (ring *keyring) checkOwn(office string) error {
	if err := checkOffice(office); err != nil {
		return err
	}
	if office[:2] != ring.party {
		return fmt.Errorf("%w: another Party's office", errMalformed)
	}
	return nil
}

func (ring *keyring) publicKey(word, use string) (string, error) {
	data, err := decodeBase64(word)
	if err != nil {
		return "", err
	}
	if len(data) == 0 || int(data[0]) != algorithmOfUse[use] {
		return "", fmt.Errorf("%w: algorithm of key", errMalformed)
	}
	id, err := keyID(int(data[0]), data[1:])
	return hx(id), err
}

func (ring *keyring) addKey(words []string) error {
	office, use := words[1], words[2]
	if err := ring.checkOwn(office); err != nil {
		return err
	}
	id, err := ring.publicKey(words[3], use)
	if err != nil {
		return err
	}
	from, err := decimal(words[4], 0, numberMax)
	if err != nil {
		return err
	}
	until, err := decimal(words[5], 0, numberMax)
	if err != nil {
		return err
	}
	if _, again := ring.owners[id]; again || from >= until {
		return fmt.Errorf("%w: key twice, or never good", errMalformed)
	}
	ring.owners[id] = office + " " + use
	ring.keys = append(ring.keys, []any{office, use, id, from, until})
	return nil
}

// addLog relies on the lines' order: all key lines come before all log lines.
func (ring *keyring) addLog(words []string) error {
	of, err := parseLink(words[1])
	if err != nil {
		return err
	}
	if err := ring.checkOwn(of.sender); err != nil {
		return err
	}
	id, err := ring.publicKey(words[2], "log")
	if err != nil {
		return err
	}
	first, err := decimal(words[3], 0, sizeMax)
	if err != nil {
		return err
	}
	last, err := decimal(words[4], 0, sizeMax)
	if err != nil {
		return err
	}
	owner := of.sender + " log"
	if known, again := ring.owners[id]; (again && known != owner) || first > last {
		return fmt.Errorf("%w: key of another use, or never good", errMalformed)
	}
	ring.owners[id] = owner
	ring.logs = append(ring.logs, []any{words[1], id, words[3], words[4]})
	return nil
}

func (ring *keyring) addSubscription(words []string) error {
	if err := ring.checkOwn(words[1]); err != nil {
		return err
	}
	flow, err := decimal(words[2], 1, 1<<16-1)
	if err != nil {
		return err
	}
	ring.subscriptions = append(ring.subscriptions, []any{words[1], flow})
	return nil
}

func (ring *keyring) show() shown {
	return shown{
		"party": ring.party, "version": ring.version, "keys": ring.keys,
		"logs": ring.logs, "subscriptions": ring.subscriptions,
	}
}
