package calio

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// maxPlainName is the length up to which a UID is the name of its resource, so that it fits
// into file names and URLs.
const maxPlainName = 120

// ResourceName returns a name for the resource of an object, ending in ".ics". It depends only
// on the UID: a UID of letters, digits and . _ @ - is used as it is, of any other a hash. The
// names of a UID are numbered, from 0, for a calendar in which another object has one of them.
func ResourceName(uid string, number int) string {
	name := uid
	if !plainName(uid) || number > 0 {
		sum := sha256.Sum256([]byte(uid + "\x00" + strconv.Itoa(number)))
		name = hex.EncodeToString(sum[:16])
	}
	return name + ".ics"
}

func plainName(uid string) bool {
	if uid == "" || len(uid) > maxPlainName || uid[0] == '.' || uid[0] == '-' {
		return false
	}
	for i := range len(uid) {
		switch c := uid[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '@', c == '-':
		default:
			return false
		}
	}
	return true
}
