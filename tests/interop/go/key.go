package main

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha256"
	"fmt"
)

const (
	algorithmEd25519 = 1
	algorithmXWing   = 2
	sealedOverhead   = 1120 + 16
)

func hash(parts ...[]byte) []byte {
	digest := sha256.New()
	for _, part := range parts {
		digest.Write(part)
	}
	return digest.Sum(nil)
}

func domain(name string) []byte { return append([]byte(name), 0) }

// keyID checks a public key and returns the 8 bytes that name it.
func keyID(algorithm int, public []byte) ([]byte, error) {
	switch algorithm {
	case algorithmEd25519:
		if len(public) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("%w: Ed25519 key of %d bytes", errMalformed, len(public))
		}
	case algorithmXWing:
		if err := checkSealing(public); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%w: algorithm %d", errMalformed, algorithm)
	}
	return hash(domain("xref/key/v1"), []byte{byte(algorithm)}, public)[:8], nil
}

func checkSealing(public []byte) error {
	if _, err := hpke.MLKEM768X25519().NewPublicKey(public); err != nil {
		return fmt.Errorf("%w: X-Wing key: %v", errMalformed, err)
	}
	point, err := ecdh.X25519().NewPublicKey(public[1184:])
	if err != nil {
		return fmt.Errorf("%w: X25519 key: %v", errMalformed, err)
	}
	any, err := ecdh.X25519().NewPrivateKey(make([]byte, 32))
	if err != nil {
		return err
	}
	if _, err := any.ECDH(point); err != nil {
		return fmt.Errorf("%w: X25519 key: %v", errMalformed, err)
	}
	return nil
}

func verifySignature(public, message, signature []byte) error {
	if len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, message, signature) {
		return fmt.Errorf("%w: a signature", errUnauthentic)
	}
	return nil
}

func publicOfSeed(algorithm int, seed []byte) ([]byte, error) {
	if algorithm == algorithmEd25519 {
		return ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey), nil
	}
	private, err := hpke.MLKEM768X25519().NewPrivateKey(seed)
	if err != nil {
		return nil, err
	}
	return private.PublicKey().Bytes(), nil
}

func openSealed(seed, info, sealed []byte) ([]byte, error) {
	private, err := hpke.MLKEM768X25519().NewPrivateKey(seed)
	if err != nil {
		return nil, err
	}
	if len(sealed) < sealedOverhead {
		return nil, fmt.Errorf("%w: too short to be sealed", errMalformed)
	}
	plaintext, err := hpke.Open(private, hpke.HKDFSHA256(), hpke.AES256GCM(), info, sealed)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errMalformed, err)
	}
	return plaintext, nil
}
