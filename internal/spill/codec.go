package spill

import (
	"encoding/binary"
	"errors"
	"math"
)

// ErrDamaged is returned for a record that does not have the form in which it was
// written.
var ErrDamaged = errors.New("a temporary file is damaged")

// AppendUint appends a number to a record. Small numbers take one byte.
func AppendUint(dst []byte, n uint64) []byte { return binary.AppendUvarint(dst, n) }

// AppendText appends a text, its length first.
func AppendText[T ~string | ~[]byte](dst []byte, text T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// AppendList appends a list of texts, their number first.
func AppendList[T ~string | ~[]byte](dst []byte, list []T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, text := range list {
		dst = AppendText(dst, text)
	}
	return dst
}

// Decoder reads what the Append functions wrote, in the same order. It accepts any
// input. After the first fault, every read returns zero and Err says so.
type Decoder struct {
	rest []byte
	bad  bool
}

// NewDecoder returns a decoder of a record. What it returns refers to the record.
func NewDecoder(record []byte) Decoder { return Decoder{rest: record} }

// Byte reads one byte.
func (d *Decoder) Byte() byte {
	if len(d.rest) == 0 {
		d.fail()
		return 0
	}
	c := d.rest[0]
	d.rest = d.rest[1:]
	return c
}

// Uint reads a number.
func (d *Decoder) Uint() uint64 {
	if len(d.rest) > 0 && d.rest[0] < 0x80 { // most numbers and lengths: one byte
		n := d.rest[0]
		d.rest = d.rest[1:]
		return uint64(n)
	}
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// Int reads a number that must fit into an int.
func (d *Decoder) Int() int {
	n := d.Uint()
	if n > math.MaxInt {
		d.fail()
		return 0
	}
	return int(n)
}

// Bytes reads a text. The result is a part of the record, which ends where its
// capacity ends.
func (d *Decoder) Bytes() []byte {
	n := d.Uint()
	if n > uint64(len(d.rest)) {
		d.fail()
		return nil
	}
	text := d.rest[:n:n]
	d.rest = d.rest[n:]
	return text
}

// List reads a list of texts, each as Bytes does.
func (d *Decoder) List() [][]byte {
	n := d.count()
	list := make([][]byte, n)
	for i := range list {
		list[i] = d.Bytes()
	}
	return list
}

// Strings reads a list of texts. It returns nil for an empty list.
func (d *Decoder) Strings() []string {
	n := d.count()
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = string(d.Bytes())
	}
	return list
}

// count reads the length of a list. Each text takes at least one byte, so that a
// damaged length cannot take more memory than some multiple of the record.
func (d *Decoder) count() int {
	n := d.Uint()
	if n > uint64(len(d.rest)) {
		d.fail()
		return 0
	}
	return int(n)
}

// Rest returns what has not been read; nil after a fault.
func (d *Decoder) Rest() []byte { return d.rest }

// Err returns ErrDamaged if any read failed.
func (d *Decoder) Err() error {
	if d.bad {
		return ErrDamaged
	}
	return nil
}

func (d *Decoder) fail() { d.rest, d.bad = nil, true }
