package main

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	officePattern = regexp.MustCompile(`\A[A-Z]{2}[A-Z0-9]{6}\z`)
	shardPattern  = regexp.MustCompile(`\A(0|[1-9][0-9]{0,4})\z`)
)

const linkPrefix = "xref/link/v1/"

type link struct{ sender, receiver, shard string }

func (l link) name() string { return linkPrefix + l.sender + "/" + l.receiver + "/" + l.shard }

func (l link) id() []byte { return hash(domain("xref/link-id/v1"), []byte(l.name()))[:16] }

func checkOffice(office string) error {
	if !officePattern.MatchString(office) {
		return fmt.Errorf("%w: office", errMalformed)
	}
	return nil
}

func parseLink(name string) (link, error) {
	rest, found := strings.CutPrefix(name, linkPrefix)
	parts := strings.Split(rest, "/")
	if !found || len(parts) != 3 || !shardPattern.MatchString(parts[2]) {
		return link{}, fmt.Errorf("%w: link", errMalformed)
	}
	parsed := link{parts[0], parts[1], parts[2]}
	for _, office := range parts[:2] {
		if err := checkOffice(office); err != nil {
			return link{}, err
		}
	}
	if parsed.sender == parsed.receiver {
		return link{}, fmt.Errorf("%w: a link to itself", errMalformed)
	}
	return parsed, nil
}
