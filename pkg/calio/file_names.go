package calio

import (
	"fmt"
	"strings"
)

// FileNames gives resources the names of files. A name is that of the resource if every file
// system takes it, else one that is made from it; no two are equal in any letter case. The
// names depend only on those that were asked for before. It must not be used by several
// goroutines.
type FileNames struct {
	taken map[string]int // by the name in lower case: the number to try for the next one
}

// NewFileNames returns FileNames of an empty directory.
func NewFileNames() *FileNames { return &FileNames{taken: map[string]int{}} }

// Of returns the name of the file for a resource, ending in extension.
func (n *FileNames) Of(resource, extension string) string {
	base := strings.TrimSuffix(resource, extension)
	if !plainName(base) || reserved(base) {
		base = strings.TrimSuffix(ResourceName(base, 1), ".ics")
	}
	first := strings.ToLower(base + extension)
	name, next := base+extension, max(n.taken[first], 2)
	for n.taken[strings.ToLower(name)] > 0 {
		name = fmt.Sprintf("%s-%d%s", base, next, extension)
		next++
	}
	n.taken[strings.ToLower(name)] = 2
	n.taken[first] = next
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
