package main

import (
	"encoding/binary"
	"fmt"
)

// numberMax bounds every number of 8 bytes.
const numberMax = 1<<53 - 1

// cursor reads bytes from left to right. The first failure sticks, so that a parser can read all
// its parts and ask once.
type cursor struct {
	data []byte
	err  error
}

func (c *cursor) fail(format string, arguments ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s", errMalformed, fmt.Sprintf(format, arguments...))
	}
}

// take returns the next size bytes; zeros after a failure, so that callers need not look.
func (c *cursor) take(size int) []byte {
	if c.err == nil && len(c.data) < size {
		c.fail("%d bytes missing", size-len(c.data))
	}
	if c.err != nil {
		return make([]byte, min(size, 4096))
	}
	taken := c.data[:size:size]
	c.data = c.data[size:]
	return taken
}

func (c *cursor) u8() int     { return int(c.take(1)[0]) }
func (c *cursor) u16() int    { return int(binary.BigEndian.Uint16(c.take(2))) }
func (c *cursor) u32() uint32 { return binary.BigEndian.Uint32(c.take(4)) }

func (c *cursor) u64() uint64 {
	number := binary.BigEndian.Uint64(c.take(8))
	if number > numberMax {
		c.fail("a number above 2^53 - 1")
	}
	return number
}

func (c *cursor) block(length, limit int) []byte {
	if length > limit {
		c.fail("a block of %d bytes, at most %d", length, limit)
		return nil
	}
	return c.take(length)
}

func (c *cursor) rest() []byte { return c.take(len(c.data)) }

func (c *cursor) finish() error {
	if c.err == nil && len(c.data) > 0 {
		c.fail("%d bytes too many", len(c.data))
	}
	return c.err
}
