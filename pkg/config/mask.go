package config

import (
	"bytes"
)

// Mask returns the form of a value that may be shown: see Parameter.Mask. A
// value of an unknown parameter is shown without the password of a URL.
func (r *Registry) Mask(name, value string) string {
	if p, ok := r.Lookup(name); ok {
		return p.Mask(value)
	}
	return MaskURLPassword(value)
}

// MaskTexts returns two versions of a file in a form that may be shown beside
// each other: secrets are stars, also in lines that are commented out, and a
// secret that differs between the two says so.
func (r *Registry) MaskTexts(old, next []byte) (shownOld, shownNext []byte) {
	before := map[string]string{}
	if d, err := Parse(old); err == nil {
		for key, value := range d.All() {
			if p, ok := r.Lookup(key); ok && p.Secret() {
				before[key] = value
			}
		}
	}
	return r.maskText(old, nil), r.maskText(next, before)
}

// maskText masks one file. Values that differ from those in before are marked.
func (r *Registry) maskText(text []byte, before map[string]string) []byte {
	d, err := Parse(text)
	if err != nil {
		// Without entries nothing can be told apart, so every line that might
		// hold a secret goes.
		return r.maskLines(text)
	}
	var out []byte
	at := 0
	for i := range d.entries {
		e := &d.entries[i]
		p, ok := r.Lookup(d.keyOf(e))
		if !ok {
			continue
		}
		value := d.valueOf(e)
		shown := p.Mask(value)
		if shown == value {
			continue
		}
		if was, had := before[d.keyOf(e)]; had && was != value {
			shown += " (changed)"
		}
		out = append(out, r.maskLines(d.src[at:e.start])...)
		out = append(out, d.src[e.start:e.valStart]...)
		out = append(out, encodeValue(shown, true)...)
		at = int(e.valEnd)
	}
	return append(out, r.maskLines(d.src[at:])...)
}

// maskLines masks what looks like a setting of a secret in lines that are
// comments, or in a file that cannot be read.
func (r *Registry) maskLines(text []byte) []byte {
	if !bytes.Contains(text, []byte("assword")) && !bytes.Contains(text, []byte(".pass")) && !bytes.Contains(text, []byte("://")) {
		return text
	}
	var out []byte
	for line := range bytes.Lines(text) {
		body := bytes.TrimLeft(line, "#! \t")
		end := bytes.IndexAny(body, "=: \t\r\n")
		if end > 0 && end < len(body)-1 {
			if p, ok := r.Lookup(string(body[:end])); ok && p.Secret() {
				out = append(out, line[:len(line)-len(body)+end+1]...)
				out = append(out, "********\n"...)
				continue
			}
		}
		out = append(out, MaskURLPassword(string(line))...)
	}
	return out
}
