package config

import (
	"bytes"
)

// Mask returns the form of a value that may be shown: see Parameter.Mask. The value
// of an unknown parameter is shown without the password of a URL. It is fully
// masked if the name looks like that of a password, because it may be misspelled.
func (r *Registry) Mask(name, value string) string {
	if p, ok := r.Lookup(name); ok {
		return p.Mask(value)
	}
	if r.Secret(name) && value != "" {
		return maskedSecret
	}
	return MaskURLPassword(value)
}

// MaskTexts returns two versions of a file in a form that may be shown side by side:
// secrets are replaced by stars, including those in commented-out lines, and a
// secret that differs between the two is marked as changed.
func (r *Registry) MaskTexts(old, next []byte) (shownOld, shownNext []byte) {
	before := map[string]string{}
	if d, err := Parse(old); err == nil {
		for key, value := range d.All() {
			if r.Secret(key) {
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
		// Without entries, the values cannot be found, so every line that might
		// contain a secret is masked.
		return r.maskLines(text)
	}
	var out []byte
	at := 0
	for i := range d.entries {
		e := &d.entries[i]
		value := d.valueOf(e)
		shown := r.Mask(d.keyOf(e), value)
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

// maskLines masks what looks like a setting of a secret in comment lines, or in a
// file that cannot be parsed.
func (r *Registry) maskLines(text []byte) []byte {
	if !bytes.Contains(text, []byte("assword")) && !bytes.Contains(text, []byte(".pass")) && !bytes.Contains(text, []byte("://")) {
		return text
	}
	var out []byte
	for line := range bytes.Lines(text) {
		body := bytes.TrimLeft(line, "#! \t")
		end := bytes.IndexAny(body, "=: \t\r\n")
		if end > 0 && len(bytes.Trim(body[end:], "=: \t\r\n")) > 0 && r.Secret(string(body[:end])) {
			out = append(out, line[:len(line)-len(body)+end+1]...)
			out = append(out, maskedSecret+"\n"...)
			continue
		}
		out = append(out, MaskURLPassword(string(line))...)
	}
	return out
}

// Secret reports whether the value of name must not be shown or given on a command
// line, because it is a password or an unknown name that looks like one.
func (r *Registry) Secret(name string) bool {
	if p, ok := r.Lookup(name); ok {
		return p.Secret()
	}
	return namesSecret(name)
}
