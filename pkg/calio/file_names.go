package calio

import (
	"fmt"
	"strings"
)

// FileNames gives resources the names of files. A name is that of the resource if every file
// system takes it, else one that is made from it; no two are equal in any letter case. The
// names depend only on those that were asked for before. It must not be used by several
// goroutines.
type FileNames struct{ taken map[string]bool }

// NewFileNames returns FileNames of an empty directory.
func NewFileNames() *FileNames { return &FileNames{taken: map[string]bool{}} }

// maxNumberedName bounds how many resources have names that differ only in letter case.
const maxNumberedName = 1_000_000

// Of returns the name of the file for a resource, ending in extension.
func (n *FileNames) Of(resource, extension string) string {
	base := strings.TrimSuffix(resource, extension)
	if !plainName(base) || reserved(base) {
		base = strings.TrimSuffix(ResourceName(base, 1), ".ics")
	}
	name := base + extension
	for i := 2; n.taken[strings.ToLower(name)] && i < maxNumberedName; i++ {
		name = fmt.Sprintf("%s-%d%s", base, i, extension)
	}
	n.taken[strings.ToLower(name)] = true
	return name
}

// reserved reports whether Windows has a device of that name.
func reserved(base string) bool {
	word, _, _ := strings.Cut(strings.ToUpper(base), ".")
	switch word {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(word) == 4 && (strings.HasPrefix(word, "COM") || strings.HasPrefix(word, "LPT")) && word[3] >= '0' && word[3] <= '9'
}
