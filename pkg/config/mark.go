package config

import "bytes"

// RemoveMark removes the byte-order mark of UTF-8 from the beginning of a .properties
// file, and no other byte. It returns the settings that this changes: the one of the first
// line, which the server did not see under its name, and lines that continued it. A
// setting under a name with the mark is not one of them.
//
// The error is one of Parse.
func RemoveMark(b []byte) (after []byte, changes []Change, err error) {
	after = b
	for bytes.HasPrefix(after, []byte(utf8MarkBytes)) {
		after = after[len(utf8MarkBytes):]
	}
	marked, err := Parse(b)
	if err != nil {
		return nil, nil, err
	}
	clean, err := Parse(after)
	if err != nil {
		return nil, nil, err
	}
	for key, value := range clean.All() {
		if old, had := marked.Get(key); !had || old != value {
			changes = append(changes, Change{Key: key, Old: old, New: value, HadOld: had, HasNew: true})
		}
	}
	return after, changes, nil
}
