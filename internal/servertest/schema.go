package servertest

import (
	_ "embed"
	"fmt"
	"os"
	"regexp"
	"strings"
)

//go:embed schema.ldif
var calendarSchema string

// definitions returns the calendar schema as lines of attributeTypes and objectClasses,
// without the definitions that the given schema files of a server already contain.
func definitions(multiValued bool, files []string) ([]string, error) {
	known := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("cannot read the schema of the server: %w", err)
		}
		for _, name := range namesIn(string(text)) {
			known[name] = true
		}
	}
	var out []string
	for line := range strings.Lines(calendarSchema) {
		line = strings.TrimSuffix(line, "\n")
		names := namesIn(line)
		if len(names) == 0 || known[names[0]] {
			continue
		}
		if multiValued && (names[0] == "davuniqueid" || names[0] == "davstore") {
			line = strings.Replace(line, " SINGLE-VALUE", "", 1)
		}
		out = append(out, line)
	}
	return out, nil
}

// namesIn returns the names that a schema defines, in lower case.
func namesIn(schema string) []string {
	var text strings.Builder
	for line := range strings.Lines(schema) {
		if line[0] != '#' {
			text.WriteString(line)
		}
	}
	var out []string
	name := regexp.MustCompile(`\sNAME\s+(?:\(([^)]*)\)|('[^']*'))`)
	for _, found := range name.FindAllStringSubmatch(text.String(), -1) {
		for word := range strings.FieldsSeq(found[1] + found[2]) {
			out = append(out, strings.ToLower(strings.Trim(word, "'")))
		}
	}
	return out
}
