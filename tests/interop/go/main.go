// Command reader is an independent reader of xref's wire: it follows docs/spec and shares no code
// with xref. It runs vector files and prints what it made of every case, for a test to compare.
package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The ways in which reading can fail; tests/vectors/README.md tells them apart.
var (
	errMalformed   = errors.New("malformed")
	errUnauthentic = errors.New("unauthentic")
	errMismatch    = errors.New("mismatch")
	errUnproved    = errors.New("unproved")
)

type shown map[string]any

// inputs are the members of a case. A member that is missing or of another type is the vector
// file's fault, not a finding about the bytes in it, so the program stops.
type inputs map[string]any

func (in inputs) text(name string) string {
	value, ok := in[name].(string)
	if !ok {
		panic("no text " + name)
	}
	return value
}

func (in inputs) bytes(name string) []byte { return mustHex(in.text(name)) }

func (in inputs) list(name string) []any {
	value, ok := in[name].([]any)
	if !ok {
		panic("no list " + name)
	}
	return value
}

func (in inputs) byteList(name string) [][]byte {
	items := [][]byte{}
	for _, item := range in.list(name) {
		items = append(items, mustHex(item.(string)))
	}
	return items
}

func (in inputs) number(name string) uint64 { return mustNumber(in[name]) }

func (in inputs) flag(name string) bool {
	value, ok := in[name].(bool)
	if !ok {
		panic("no flag " + name)
	}
	return value
}

func mustNumber(value any) uint64 {
	var number uint64
	if _, err := fmt.Sscan(string(value.(json.Number)), &number); err != nil {
		panic(err)
	}
	return number
}

func mustHex(text string) []byte {
	data, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return data
}

// unpack writes out a member that is given as a patched base.
func unpack(value any, bases map[string]any) any {
	switch value := value.(type) {
	case []any:
		for i := range value {
			value[i] = unpack(value[i], bases)
		}
	case map[string]any:
		base, ok := value["base"].(string)
		if !ok {
			return value
		}
		data := mustHex(bases[base].(string))
		if patches, ok := value["patch"].([]any); ok {
			for _, patch := range patches {
				pair := patch.([]any)
				copy(data[mustNumber(pair[0]):], mustHex(pair[1].(string)))
			}
		}
		if size, ok := value["size"]; ok {
			data = append(data, make([]byte, mustNumber(size))...)[:mustNumber(size)]
		}
		return hex.EncodeToString(data)
	}
	return value
}

type vectorFile struct {
	Format    string           `json:"format"`
	Operation string           `json:"operation"`
	Bases     map[string]any   `json:"bases"`
	Cases     []map[string]any `json:"cases"`
}

type result struct {
	File    string `json:"file"`
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
	Shows   shown  `json:"shows"`
}

func outcome(err error) string {
	for _, known := range []error{errMalformed, errUnauthentic, errMismatch, errUnproved} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if err != nil {
		panic(err)
	}
	return "ok"
}

// decode reads a vector file: an object, or a plain list of cases.
func decode(from io.Reader) (file vectorFile, isList bool, err error) {
	data, err := io.ReadAll(from)
	if err != nil {
		return file, false, err
	}
	isList = bytes.HasPrefix(data, []byte("["))
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if isList {
		return file, true, decoder.Decode(&file.Cases)
	}
	return file, false, decoder.Decode(&file)
}

// run runs one file. Files of the wire name one operation and keep inputs apart; those of the log
// formats name the operation in each case, where there are several.
func run(path string) ([]result, error) {
	opened, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	file, isList, err := decode(opened)
	if err != nil {
		return nil, err
	}
	if isList {
		file.Format = filepath.Base(filepath.Dir(path))
	}
	if !knows(file.Format) {
		fmt.Fprintln(os.Stderr, "left out:", path)
		return nil, nil
	}
	results := []result{}
	for _, one := range file.Cases {
		name := file.Format
		in, apart := one["inputs"].(map[string]any)
		if !apart {
			in = one
		}
		if operation, ok := one["operation"].(string); ok {
			name += "/" + operation
		} else if file.Operation != "" {
			name += "/" + file.Operation
		}
		operation, ok := operations[name]
		if !ok {
			return nil, fmt.Errorf("no operation %s", name)
		}
		for member := range in {
			in[member] = unpack(in[member], file.Bases)
		}
		shows, err := operation(in)
		if err != nil || shows == nil {
			shows = shown{}
		}
		ended := outcome(err)
		if isList && ended == errUnauthentic.Error() {
			ended = "unsigned"
		}
		results = append(results, result{path, one["name"].(string), ended, shows})
	}
	return results, nil
}

// knows tells whether this reader has any operation of a format; some are not of the wire.
func knows(format string) bool {
	for name := range operations {
		if before, _, _ := strings.Cut(name, "/"); before == format {
			return true
		}
	}
	return false
}

func main() {
	all := []result{}
	for _, path := range os.Args[1:] {
		if !strings.HasSuffix(path, ".json") {
			fmt.Fprintln(os.Stderr, "usage: reader FILE.json ...")
			os.Exit(2)
		}
		results, err := run(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, path+":", err)
			os.Exit(1)
		}
		all = append(all, results...)
	}
	if err := json.NewEncoder(os.Stdout).Encode(all); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
